"""manage.py backup"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.backup.archive import make_backup


class Command(BaseCommand):
    help = (
        "Write a backup: one archive of the database, as it is at one moment, and the uploaded files. The service may "
        "run. Left out: sessions, caches, snapshots of past days, the queue of jobs, SECRET_KEY."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, metavar="FOLDER", help="where to; without it BACKUP_DIR")
        parser.add_argument("--keep", type=int, metavar="N", help="how many backups stay there; without it BACKUP_KEEP")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["keep"] is not None and options["keep"] < 1:
            raise CommandError("--keep: keep at least 1 backup.")
        folder = options["to"] and options["to"].absolute()
        path, run = make_backup(folder, options["keep"])
        self.stdout.write(f"{path}: {run.detail}, {run.size / 1_000_000:.1f} MB, {run.seconds:.1f} s")
