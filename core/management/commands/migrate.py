"""`migrate` of Django with the project's autodetector, which says whether migrations are missing."""

from django.core.management.commands import migrate

from core.records.migration_autodetector import SchemaAutodetector


class Command(migrate.Command):
    autodetector = SchemaAutodetector
