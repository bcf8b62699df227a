"""manage.py verify_backup"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core.backup.archive import opened_archive


class Command(BaseCommand):
    help = "Check a backup without changing anything: what it is, whether this version can restore it, every checksum."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        with opened_archive(options["file"]) as (backup, _tar):
            lacking = backup.missing
        self.stdout.write(
            f"{options['file']} is whole: made {backup.made_at} by version {backup.version} from {backup.server}, "
            f"{backup.rows} rows in {len(backup.tables)} tables, {len(backup.files)} files."
            + (f" It lacks {len(lacking)} files that its database names, first {lacking[0]}." if lacking else "")
        )
