"""manage.py drill"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.backup.databases import BackupError
from core.backup.drill import run_drill


class Command(BaseCommand):
    help = (
        "Restore the newest backup into a scratch database and compare rows, files and the numbers of every aggregate. "
        "Nothing live is touched; the result is shown by /readyz, the admin and the metrics."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="another backup than the newest of BACKUP_DIR")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            drill = run_drill(options["file"] and options["file"].absolute())
        except BackupError as exc:
            raise CommandError(f"Drill failed: {exc}") from None
        self.stdout.write(f"{drill.path.name}: {drill.text}, {drill.seconds:.1f} s")
