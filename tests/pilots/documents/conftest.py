"""Fixtures of evidence files: an empty store on disk, and editors of two provinces with a pilot each."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from core.files import UNFINISHED
from pilots.documents import store_document
from pilots.models import Document, Milestone, Pilot, Reading
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.sign_in import client_of


@dataclass
class EvidenceWorld:
    """Two provinces with a pilot each, its milestone and its value, and their editors."""

    root: Path
    home_pilot: Pilot
    away_pilot: Pilot
    milestone: Milestone
    reading: Reading
    editor: User
    other: User
    national: User
    viewer: User

    def files(self) -> list[str]:
        """Return the names of all files in the store."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())

    def store(self, name: str, content: bytes, by: User | None = None, **fields: Any) -> Document:
        upload = SimpleUploadedFile(name, content)
        return store_document(upload, title=fields.pop("title", ""), by=by or self.editor, **fields)[0]

    def client(self, user: User | None) -> Client:
        return client_of(user) if user else Client()


@pytest.fixture
def store(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """Yield the folder of an empty store."""
    backend = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path, "base_url": None}}
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    yield tmp_path
    assert not list((tmp_path / UNFINISHED).glob("*"))  # whatever happened in the test


@pytest.fixture
def world(empty: None, store: Path) -> EvidenceWorld:
    home, away = make.province(slug="home"), make.province(slug="away")
    batch, indicator = make.batch(slug="national-batch"), make.indicator("AIR_SO2")
    pilots = [make.pilot(batch, place) for place in (home, away)]
    reading = make.reading(pilots[0], indicator, "2025", 12)
    return EvidenceWorld(
        store,
        *pilots,
        make.milestone(pilots[0], reading.reported_on, title_en="Boiler replaced"),
        reading,
        make_user("editor", "provincial_editor", home),
        make_user("other", "provincial_editor", away),
        make_user("national", "national_editor"),
        make_user("viewer", "viewer"),
    )
