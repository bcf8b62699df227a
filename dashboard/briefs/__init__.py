"""Briefs: one A4 page about the nation, a batch, a province or a pilot."""
