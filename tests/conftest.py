"""Fixtures of the whole suite: a database with the seed records, and one without."""

from collections.abc import Generator, Iterator
from datetime import date
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management.color import no_style
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import translation
from hypothesis import settings
from pytest_django.plugin import blocking_manager_key

from core.days import SIDES, demonstration_side
from core.seed.loader import load_seed
from core.seed.models import SeedRecord
from demo.load import load_demo
from pilots.seed import SEED_FILES
from tests.support.databases import kept_between_tests
from tests.support.demo_data import delete_all_records, delete_seed_records
from tests.support.live_server import CLOSED_AT_THE_END

settings.register_profile("suite", deadline=None)  # generous, for busy machines
settings.load_profile("suite")

SEED_STATE: dict[str, tuple[bool, date | None]] = {}  # what is known of the database with seed records


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Load the seed records once; each test rolls back to them."""
    with django_db_blocker.unblock():
        MigrationRecorder(connection).ensure_schema()  # not there yet where the tables are made without migrations
        load_seed(SEED_FILES)
        demonstration_side()  # queried once per process; must not count among the queries of a test
        SEED_STATE.update(SIDES)
    yield
    with django_db_blocker.unblock():
        CLOSED_AT_THE_END.close()


FLUSHED = pytest.StashKey[bool]()  # of the session: the seed records have to be loaded again


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Note that a test with `transaction=True` flushes the tables at its end."""
    result = yield
    marker = item.get_closest_marker("django_db")
    if marker and marker.kwargs.get("transaction"):
        item.session.stash[FLUSHED] = True
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Load the seed records again for the first test after one that flushed the tables."""
    if item.session.stash.get(FLUSHED, False):
        with item.config.stash[blocking_manager_key].unblock():
            if not SeedRecord.objects.exists():  # a skipped test flushes nothing
                reset_sequences()
                load_seed(SEED_FILES)
        item.session.stash[FLUSHED] = False


def reset_sequences() -> None:
    """Let the keys of the seed records begin at 1 again: examples in the API's description name the first records."""
    tables = {kind.model._meta.db_table for kind in SEED_FILES}
    sequences = [one for one in connection.introspection.sequence_list() if one["table"] in tables]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_by_name_sql(no_style(), sequences):
            cursor.execute(statement)


@pytest.fixture
def empty(db: None) -> None:
    """Delete the seed records, for a test that counts only its own records."""
    delete_seed_records()


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Activate English before every test."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Begin each test with nothing counted under a rate limit."""
    cache.clear()


@pytest.fixture(autouse=True)
def known_side() -> Iterator[None]:
    """Restore the cached seed or demonstration flag after every test, so that the next one needs no query for it."""
    yield
    SIDES.clear()
    SIDES.update(SEED_STATE)


@pytest.fixture(scope="module")
def demonstration(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Load the demonstration once for a module; restore the seed records afterwards."""
    with kept_between_tests(django_db_blocker):
        delete_all_records()
        load_demo(files=False)
        yield


@pytest.fixture
def demo(demonstration: None, db: None) -> None:
    """Use the demonstration, which the suite's database does not hold otherwise."""
    SIDES.clear()
    demonstration_side()


@pytest.fixture
def internal_site(settings: Any) -> None:
    """Close the site to everybody who has not signed in."""
    settings.SITE_ACCESS = "internal"
    place = settings.MIDDLEWARE.index("simple_history.middleware.HistoryRequestMiddleware")
    guard = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:place], guard, *settings.MIDDLEWARE[place:]]
