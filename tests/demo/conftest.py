"""Fixture of a database without any records."""

import pytest

from tests.support.demo_data import delete_all_records


@pytest.fixture
def nothing(db: None) -> None:
    """Use a database as after migrations."""
    delete_all_records()
