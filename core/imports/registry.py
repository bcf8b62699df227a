"""The kinds of records that can be imported, by name; the apps register theirs in `AppConfig.ready()`."""

from core.imports.importer import Importer

KINDS: dict[str, Importer] = {}


def register(*kinds: Importer) -> None:
    """Add kinds of records to those that can be imported."""
    KINDS.update({kind.name: kind for kind in kinds})
