"""Definitions of the pilots' numbers: pure functions, types and query expressions, without models or requests."""
