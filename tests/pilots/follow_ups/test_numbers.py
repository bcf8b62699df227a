"""Numbers of follow-ups are given once, also after deletion, and to two users at once."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from pilots.follow_ups.services import StaleFollowUpError, open_follow_up, take_step
from pilots.metrics import Move
from pilots.models import FollowUp, Pilot
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.threads import run_at_once


@pytest.fixture
def pilot(db: None) -> Pilot:
    return make.pilot(make.batch(), make.province())


def open_one(pilot: Pilot, by: User, **fields: Any) -> str:
    return open_follow_up(make.new_follow_up(pilot, **fields), by=by).number


def unopened(pilot: Pilot, number: str) -> FollowUp:
    """Return an unsaved follow-up with its own number, as an import has it."""
    return make.new_follow_up(pilot, number=number, province=pilot.province)


def test_no_number_is_given_again(pilot: Pilot) -> None:
    """Not that of a deleted follow-up, of one without a history, nor of a history alone. Each year has its own."""
    user = make_user("user", "national_editor")
    days = [date(2026, 6, 1), date(2025, 3, 1), date(2026, 1, 1)]
    numbers = [open_one(pilot, user, opened_on=day, due_on=date(2026, 12, 1)) for day in days]
    assert numbers == ["2026-001", "2025-001", "2026-002"]
    item = unopened(pilot, "2026-007")
    item.save()
    item.delete()
    assert open_one(pilot, user) == "2026-008"
    FollowUp.objects.bulk_create([unopened(pilot, "2026-1200")])
    assert open_one(pilot, user) == "2026-1201"
    last = FollowUp.objects.get(number="2026-1200")
    last.delete()
    FollowUp.history.all().delete()
    assert open_one(pilot, user) == "2026-1202"


# -- at once -----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; in memory one connection")
def test_many_users_at_once_get_different_numbers() -> None:
    pilot, user, agency = make.pilot(make.batch(), make.province()), make_user("user", "national_editor"), make.agency()

    def work() -> list[str]:
        return [open_one(pilot, user, owner_agency=agency) for _ in range(5)]

    found = run_at_once(*[work] * 6)
    assert all(isinstance(each, list) for each in found), found
    assert sorted(number for each in found for number in each) == [f"2026-{n:03}" for n in range(1, 31)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; in memory one connection")
def test_of_two_verifiers_at_once_one_is_first() -> None:
    pilot, users = (
        make.pilot(make.batch(), make.province()),
        [make_user("one", "national_editor"), make_user("two", "national_editor")],
    )
    for _round in range(10):
        item = make.follow_up(pilot, (Move.SIGN, date(2026, 6, 2)), (Move.REPORT, date(2026, 6, 20)))

        def verify(by: User, item: FollowUp = item) -> object:
            return take_step(item, Move.VERIFY, by=by, seen_seq=3)

        found = run_at_once(lambda: verify(users[0]), lambda: verify(users[1]))
        stale = [each for each in found if isinstance(each, StaleFollowUpError)]
        assert len(stale) == 1, found
        assert stale[0].newest.author in users
        assert list(item.steps.values_list("seq", "move")) == [(1, "open"), (2, "sign"), (3, "report"), (4, "verify")]
