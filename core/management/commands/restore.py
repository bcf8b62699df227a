"""manage.py restore"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.backup.databases import BackupError, current_database, database_at
from core.backup.manifest import secret_key_id
from core.backup.restore import Restored, restore


class Command(BaseCommand):
    help = (
        "Put a backup in the place of the database, while the service is stopped. It is restored beside it, compared "
        "and migrated first, and swapped last; the database of before is kept under another name. Everybody signs in "
        "again."
    )
    requires_system_checks = []  # there may be no database yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--into", metavar="DATABASE_URL", help="another database than the configured one")
        parser.add_argument("--force", action="store_true", help="replace a database that is not empty")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            database = database_at(options["into"]) if options["into"] else current_database()
            done = restore(options["file"], database, force=options["force"])
        except BackupError as exc:
            raise CommandError(str(exc)) from None
        except OSError as exc:
            raise CommandError(f"{exc.filename or options['file']}: {exc.strerror or exc}.") from None
        self.stdout.write(report(done, str(database)))


def report(done: Restored, name: str) -> str:
    manifest = done.manifest
    rows = sum(table.rows for table in manifest.content.tables.values())
    lines = [f"Restored into {name}: the state of {manifest.made_at}, {rows} rows, {done.seconds:.1f} s."]
    lines.append(f"Files: {len(manifest.files)} in the backup, {done.files} of them were missing and are stored again.")
    if done.migrated:
        lines.append(f"It was made by version {manifest.version} and migrated forward: {done.migrated} migrations.")
    if manifest.key_id != secret_key_id():
        lines.append(
            "This machine has another SECRET_KEY than the one that the backup was made with: put that back, or second "
            "factors have to be set up again."
        )
    if done.kept:
        lines.append(f"What was there before is {done.kept}; delete it when you are content.")
    lines.append("All sessions have ended. Start the service.")
    return "\n".join(lines)
