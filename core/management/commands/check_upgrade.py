"""manage.py check_upgrade"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core.backup.archive import check_upgrade


class Command(BaseCommand):
    help = (
        "Restore the newest backup into a scratch database, migrate that, and print what an upgrade would print. "
        "Nothing live is touched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="another backup than the newest of BACKUP_DIR")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(check_upgrade(options["file"] and options["file"].absolute()))
