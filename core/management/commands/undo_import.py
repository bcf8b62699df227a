"""Undo a confirmed import: every record is restored, or nothing is changed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.imports.apply import undo
from core.imports.models import Import
from core.management.commands.import_records import user_named
from core.records.writing import Conflict


class Command(BaseCommand):
    help = "Undo an import by its number. Refused, with the list, where a record was changed since, or has fed numbers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("import_id", type=int)
        parser.add_argument("--reason", default="", help="kept in the history of every record that is set back")
        parser.add_argument("--user", help="in whose name; without it the command line's own")

    def handle(self, *args: Any, **options: Any) -> None:
        record = Import.objects.filter(pk=options["import_id"]).first()
        if record is None:
            raise CommandError(f"There is no import {options['import_id']}.", returncode=2)
        try:
            record = undo(record, by=user_named(options["user"]), reason=options["reason"])
        except Conflict as exc:
            raise CommandError(str(exc), returncode=1) from None
        count = record.changes.count()
        self.stdout.write(f"Import {record.pk} ({record.file_name}) is undone: {count} records set back.")
