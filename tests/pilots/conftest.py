"""Fixtures of the demonstration, and of a database without any records."""

from collections.abc import Iterator
from typing import Any

import pytest

from core.http.as_of import SIDES, demonstration_side
from pilots.demo.load import load_demo
from tests.support.databases import kept_between_tests
from tests.support.demo_data import delete_all_records


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
def nothing(db: None) -> None:
    """Use a database as after migrations."""
    delete_all_records()
