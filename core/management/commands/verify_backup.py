"""manage.py verify_backup"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core.backup.archive import verify


class Command(BaseCommand):
    help = "Check a backup without changing anything: what it is, whether this version can restore it, every checksum."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        found = verify(options["file"])
        lacking = found.lacking
        self.stdout.write(
            f"{options['file']} is whole: made {found.made_at} by version {found.version} from {found.server}, "
            f"{found.rows} rows in {len(found.tables)} tables, {len(found.files)} files."
            + (f" It lacks {len(lacking)} files that its database names, first {lacking[0]}." if lacking else "")
        )
