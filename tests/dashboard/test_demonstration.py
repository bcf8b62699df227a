"""What the demonstration has published: two editions with a correction between them."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from core.seed import middleware
from dashboard.analytics.recent_changes import recent_changes
from dashboard.editions.content import content_of
from dashboard.editions.differences import difference_sentences
from dashboard.management.demonstration import load_published_demo
from dashboard.models import Edition
from tests.support.demo_data import delete_all_records

pytestmark = [pytest.mark.django_db, pytest.mark.exhaustive]
AS_OF = date(2026, 11, 24)


@pytest.fixture(scope="module")
def published(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[None]:
    """Load the demonstration with its past once for all tests of this file."""
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patched:
        patched.setattr("django.conf.settings.SNAPSHOT_DIR", Path(tmp_path_factory.mktemp("known")))
        delete_all_records()
        load_published_demo(AS_OF)
        yield
        transaction.set_rollback(True)
    middleware.forget_demonstration()


def test_two_editions_differ_by_what_was_corrected_between_them(published: None, client: Client) -> None:
    second, first = Edition.objects.all()
    assert [
        (edition.quarter, edition.is_approved, timezone.localdate(edition.approved_at)) for edition in (first, second)
    ] == [("2026-Q2", True, date(2026, 7, 20)), ("2026-Q3", True, date(2026, 10, 20))]
    plans = [content_of(edition).figures[0] for edition in (first, second)]
    assert plans[0].value is not None
    assert (plans[0].code, plans[1].value) == ("plans", plans[0].value + 2)
    assert difference_sentences(content_of(second))[0].startswith("Provincial plans issued: ")
    assert client.get(second.get_absolute_url()).status_code == 200


def test_the_overview_says_what_happened_lately_instead_of_one_load(published: None) -> None:
    groups = recent_changes(AS_OF)
    assert len({group.when for group in groups}) > 1
