"""manage.py upgrade"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.backup.databases import BackupError
from core.backup.upgrade import upgrade


class Command(BaseCommand):
    help = "After a new release was installed: back up, apply its migrations, check, and print the way back."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            upgrade(self.stdout.write)
        except BackupError as exc:
            raise CommandError(f"Nothing was migrated: {exc}") from None
