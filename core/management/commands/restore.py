"""manage.py restore"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core.backup.archive import restore


class Command(BaseCommand):
    help = (
        "Put a backup in the place of the database, while the service is stopped. It is restored beside it, compared "
        "and migrated first, and swapped last; the database of before is kept under another name. Everybody signs in "
        "again."
    )
    requires_system_checks = []  # there may be no database yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--force", action="store_true", help="replace a database that is not empty")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("\n".join(restore(options["file"], force=options["force"])))
