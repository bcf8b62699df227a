"""Numbers of aggregates, by which databases are compared."""

from datetime import date
from typing import Any

import pytest

from core.backup.numbers import aggregate_numbers
from tests.factories import make_batch, make_pilot, make_province


@pytest.mark.django_db
def test_they_are_the_same_under_any_name_of_the_site(settings: Any) -> None:
    """A site that is no longer reached as localhost can be backed up, and restored under another name."""
    make_pilot(make_batch(), make_province())
    settings.ALLOWED_HOSTS = ["localhost"]
    numbers = aggregate_numbers(date(2026, 6, 1))
    settings.ALLOWED_HOSTS = ["tracker.example.gov.cn"]
    assert aggregate_numbers(date(2026, 6, 1)) == numbers
