"""The demonstration: an invented programme of full size, marked as invented, on a day of its own.

Only its reference data are real: provinces, industries with their classification, and indicators. `tables/` holds its
rows with their histories and the journal, a file a table; `files/` holds the files of its documents.
"""
