"""API of follow-ups and their steps."""
