"""Editions: what is published about the end of a quarter, checked, approved by a second person and frozen."""
