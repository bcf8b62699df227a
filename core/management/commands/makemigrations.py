"""`makemigrations` of Django with the project's autodetector."""

from django.core.management.commands import makemigrations

from core.records.migration_autodetector import SchemaAutodetector


class Command(makemigrations.Command):
    autodetector = SchemaAutodetector
