"""Spreadsheets that people upload: read without losing, changing or guessing anything, given back with results."""
