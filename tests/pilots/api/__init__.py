"""Tests of the API of the pilots."""
