"""Manifest of a backup: who made it, and what has to be in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.db.migrations.loader import MigrationLoader

from core.backup.databases import BackupError
from core.backup.describe import Description, Migrations

PRODUCT = "synergy-pilot-tracker"
FORMAT = 1
PORTABLE = "portable"  # rows as text, which either database can load


@dataclass(frozen=True)
class DatabaseMember:
    """The part of an archive that holds the database. `kind`: sqlite, postgresql or portable."""

    kind: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Contents of `manifest.json`. `files` are the uploaded files by checksum, with their sizes; `missing_files` those
    that the database names and the store lacks. `release` tells one state of the source code from another."""

    version: str
    release: str
    made_at: str
    as_of: str
    server: str
    database: DatabaseMember
    content: Description
    files: dict[str, int]
    missing_files: list[str]
    excluded_tables: list[str]
    product: str = PRODUCT
    format: int = FORMAT
    key_id: str = ""  # of the SECRET_KEY, under which the secrets of second factors are encrypted

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, content: bytes, name: str) -> Manifest:
        """Return the manifest. Raises BackupError for one of another product or of a newer format."""
        try:
            found: dict[str, Any] = json.loads(content)
            product, form = found["product"], int(found["format"])
        except (ValueError, KeyError, TypeError) as exc:
            raise BackupError(f"{name} is no backup of this product: its manifest cannot be read.") from exc
        if product != PRODUCT:
            raise BackupError(f"{name} is no backup of this product: it was made by {product!r}.")
        if form > FORMAT:
            raise BackupError(newer(name, found.get("version", "?"), f"its format is {form}, this one reads {FORMAT}"))
        try:
            found["database"] = DatabaseMember(**found["database"])
            found["content"] = Description.from_json(found["content"])
            manifest = cls(**found)
            sum(manifest.files.values())
        except (KeyError, TypeError, AttributeError) as exc:
            raise BackupError(f"{name} is no backup of this product: its manifest cannot be read.") from exc
        return manifest


def secret_key_id() -> str:
    """Return by which a SECRET_KEY is known again; it is too long and random to be found by it."""
    return hashlib.sha256(f"backup {settings.SECRET_KEY}".encode()).hexdigest()[:12]


def newer(name: str, version: str, reason: str) -> str:
    return (
        f"{name} was made by version {version}, which is newer than this one ({settings.VERSION}): {reason}. "
        f"Install {version} first."
    )


def check_schema(manifest: Manifest, name: str) -> None:
    """Raise BackupError for a database with migrations that this release does not have."""
    unknown = unknown_migrations(manifest.content.migrations)
    if unknown and manifest.version == settings.VERSION:
        raise BackupError(
            f"{name} was made by a later state of version {manifest.version}: it has the migration {unknown[0]}."
        )
    if unknown:
        raise BackupError(newer(name, manifest.version, f"it has the migration {unknown[0]}"))


def unknown_migrations(applied: Migrations) -> list[str]:
    disk = MigrationLoader(None).disk_migrations
    known = {*disk, *(replaced for migration in disk.values() for replaced in migration.replaces)}
    return [f"{app}.{name}" for app, names in sorted(applied.items()) for name in names if (app, name) not in known]


def pending_migrations(applied: Migrations) -> int:
    """Return how many migrations of this release a database with these does not have."""
    return sum(name not in applied.get(app, []) for app, name in MigrationLoader(None).disk_migrations)
