"""The admin of records with a history; registers the toolkit's own models."""

from core.admin import seed_records

__all__ = ["seed_records"]
