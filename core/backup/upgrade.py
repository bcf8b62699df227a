"""Upgrade: back up, migrate, check; and the way back in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from core.backup.create import make_backup


def upgrade(tell: Callable[[str], None]) -> None:
    """Bring the database to this release, after a backup of it as it was. Raises BackupError or CommandError."""
    pending = pending_names()
    if not pending:
        tell("No migration is to apply: the database is that of this release.")
    way_back = ""
    if connection.introspection.table_names():
        backup = make_backup()
        tell(f"1. Backup: {backup.path}, {backup.rows} rows, {len(backup.manifest.files)} files.")
        way_back = return_path(backup.path)
    else:
        tell("1. Backup: none, the database is empty.")
    connections.close_all()
    try:
        call_command("migrate", interactive=False, verbosity=0)
        tell(f"2. Migrations: {len(pending)} applied.")
        call_command("check", databases=["default"], fail_level="ERROR")
        tell("3. Check: no errors.")
    finally:
        if way_back:
            tell(way_back)


def pending_names() -> list[str]:
    executor = MigrationExecutor(connection)
    return [str(migration) for migration, _backwards in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def return_path(path: Path) -> str:
    return (
        f"The way back: stop the service, install the former release, manage.py restore {path} --force, start the "
        "service. What was entered after the backup is lost that way."
    )
