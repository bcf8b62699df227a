"""manage.py drill"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.backup.archive import run_drill


class Command(BaseCommand):
    help = (
        "Restore the newest backup into a scratch database and compare the rows of every table and the files. Nothing "
        "live is touched; the result stands on the start page of the admin; /readyz logs a failure."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="another backup than the newest of BACKUP_DIR")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(run_drill(options["file"] and options["file"].absolute()))
        except CommandError as exc:
            raise CommandError(f"Drill failed: {exc}") from None
