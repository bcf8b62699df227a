"""Briefs: one A4 page about the nation, a batch, a province, a pilot, a policy or an indicator."""
