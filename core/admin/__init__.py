"""The admin of records with a history; registers the toolkit's own models."""

from core.admin import read_only

__all__ = ["read_only"]
