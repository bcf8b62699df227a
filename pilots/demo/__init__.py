"""Demonstration data: an invented programme of full size, marked as invented.

Only the reference data are real: provinces, industries with their classification, and indicators.
"""
