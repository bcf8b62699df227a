"""Data quality: the rules that find what is missing, unverified or contradictory in the records."""
