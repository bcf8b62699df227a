"""The admin of records with a history; registers the toolkit's own models."""

from core.admin import jobs, seed_records

__all__ = ["jobs", "seed_records"]
