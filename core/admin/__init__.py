"""The admin of records with a history; registers the toolkit's own models."""

from core.admin import record_admin as record_admin
