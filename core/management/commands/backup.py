"""manage.py backup"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.backup.create import Backup, make_backup
from core.backup.databases import BackupError


class Command(BaseCommand):
    help = (
        "Write a backup: one archive of the database, as it is at one moment, and the uploaded files. The service may "
        "run. Left out: sessions, caches, snapshots of past days, the queue of jobs, SECRET_KEY."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, metavar="FOLDER", help="where to; without it BACKUP_DIR")
        parser.add_argument("--keep", type=int, metavar="N", help="how many backups stay there; without it BACKUP_KEEP")
        parser.add_argument(
            "--portable", action="store_true", help="rows as text: for the way from SQLite to PostgreSQL and back"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["keep"] is not None and options["keep"] < 1:
            raise CommandError("--keep: keep at least 1 backup.")
        try:
            backup = make_backup(
                options["to"] and options["to"].absolute(), options["keep"], portable=options["portable"]
            )
        except BackupError as exc:
            raise CommandError(str(exc)) from None
        self.stdout.write(summary(backup))
        missing = backup.manifest.missing_files
        if missing:
            raise CommandError(
                f"The store lacks {len(missing)} files that the database names, first {missing[0]}; the backup holds "
                "the others. manage.py check_files lists them."
            )


def summary(backup: Backup) -> str:
    size = backup.path.stat().st_size / 1_000_000
    files = len(backup.manifest.files)
    return f"{backup.path}: {backup.rows} rows, {files} files, {size:.1f} MB, {backup.seconds:.1f} s"
