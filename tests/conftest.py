"""What the whole suite stands on: a database that holds the shipped records, and a way to start from nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.utils import translation
from hypothesis import settings

from pilots.load import KINDS
from policies.load import load
from policies.middleware import KNOWN, holds_demonstration
from policies.models import Shipment

settings.register_profile("suite", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("suite")

REAL: dict[str, bool] = {}  # what the process knows of its database's side while that holds the shipped records


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Load the shipped records once; each test rolls back to them.

    A test with `transaction=True` flushes the tables: it runs after the others and has to load what it needs.
    """
    with django_db_blocker.unblock():
        load(KINDS)
        holds_demonstration()  # asked once a process: it must not count among the queries of a test
        REAL.update(KNOWN)


@pytest.fixture
def empty(db: None) -> None:
    """Take the shipped records away, for a test that counts only what it made itself."""
    take_away()


def take_away() -> None:
    """Delete every record that was shipped, as plain rows: a thousand tests would wait longer for the ORM than run."""
    models = [model for kind in KINDS for model in (kind.model, *through(kind.model))]
    with connection.cursor() as cursor:
        for model in (*models, Shipment):
            cursor.execute(f'DELETE FROM "{model._meta.db_table}"')  # noqa: S608  # our own tables


def through(model: type[Model]) -> list[type[Model]]:
    """The tables of its links to many."""
    return [field.remote_field.through for field in model._meta.many_to_many]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Every test begins in English, whatever the last one switched to."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def known_side() -> Iterator[None]:
    """After every test the process knows again what it knew: one that changes sides costs the next no query."""
    yield
    KNOWN.clear()
    KNOWN.update(REAL)
