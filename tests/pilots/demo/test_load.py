"""Loading the demonstration: reproducible, without future facts, and never beside real records."""

from datetime import date

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client

from core.seed import middleware
from core.seed.models import SeedRecord
from pilots.demo.load import load_demo
from pilots.metrics.stages import Stage
from pilots.models import (
    Adoption,
    Effect,
    FollowUp,
    FollowUpStep,
    Milestone,
    Pilot,
    Practice,
    Reading,
    StageEntry,
    Target,
)
from pilots.seed import MixedDataError
from policies.models import Policy, ProvincialPlan
from tests.support.demo_data import BANNER, records_digest

AS_OF = date(2026, 11, 24)


@pytest.mark.exhaustive
def test_the_same_day_gives_the_same_records(nothing: None) -> None:
    digests = []
    for _ in range(2):
        with transaction.atomic():
            load_demo(AS_OF)
            digests.append(records_digest())
            transaction.set_rollback(True)
    assert digests[0] == digests[1]


@pytest.mark.exhaustive
@pytest.mark.parametrize("day", [date(2024, 9, 20), date(2025, 5, 1), date(2026, 4, 2)])
def test_an_earlier_day_knows_nothing_later(nothing: None, day: date) -> None:
    load_demo(day)
    for kind, names in (
        (StageEntry, ["entered_on"]),
        (Milestone, ["completed_on"]),
        (Reading, ["reported_on", "accepted_on"]),
        (ProvincialPlan, ["issued_on", "searched_on"]),
        (Target, ["done_on"]),
        (Pilot, ["withdrawn_on"]),
        (FollowUp, ["opened_on"]),
        (FollowUpStep, ["taken_on"]),
        (Practice, ["proposed_on", "passed_on", "library_on", "recommended_on", "retired_on"]),
        (Adoption, ["planned_on", "started_on", "in_use_on", "given_up_on", "confirmed_on"]),
        (Effect, ["known_on"]),
    ):
        for name in names:
            assert not kind.objects.filter(**{f"{name}__gt": day}).exists(), (kind, name)
    for model in (FollowUp, FollowUpStep, Practice, Adoption, Effect):
        for record in model.objects.all():
            record.full_clean()


def test_real_records_reject_the_demonstration(db: None) -> None:
    before = Policy.objects.count()
    with pytest.raises(CommandError, match="make demo"):
        call_command("load_demo")
    assert Policy.objects.count() == before
    assert not SeedRecord.objects.is_demonstration()


def test_one_record_entered_by_hand_rejects_it_too(nothing: None) -> None:
    Policy.objects.create(slug="mine", title_zh="我", issued_on=date(2024, 1, 1))
    with pytest.raises(MixedDataError):
        load_demo(AS_OF)
    Policy.objects.all().delete()
    with pytest.raises(MixedDataError):  # its history is a real record's
        load_demo(AS_OF)


@pytest.mark.parametrize("day", [date(2999, 1, 1), date(2023, 1, 1)])
def test_a_day_without_its_programme_is_rejected(nothing: None, day: date) -> None:
    with pytest.raises(ValueError, match="give a day from"):
        load_demo(day)
    assert not SeedRecord.objects.exists()


def test_real_data_never_say_it(db: None, client: Client, admin_client: Client) -> None:
    for path in ("/", "/no-such-page/", "/?as_of=x", "/pilots/?export=pilots.csv"):
        response = client.get(path)
        text = b"".join(response) if response.streaming else response.content  # type: ignore[call-overload]
        assert "emonstration" not in text.decode()
        assert "emonstration" not in response.get("Content-Disposition", "")
    assert BANNER not in admin_client.get("/admin/").content.decode()
    answer = client.get("/api/v1/policies/")
    assert "X-Demonstration-Data" not in answer
    assert "demonstration" not in answer.json()


def test_an_empty_database_is_asked_again(nothing: None) -> None:
    assert not middleware.holds_demonstration()
    SeedRecord.objects.mark_demonstration()
    assert middleware.holds_demonstration()


def test_a_timeline_that_cannot_be_true_is_not_stored(nothing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    course = [(Stage.PROMOTED, date(2024, 2, 1)), (Stage.LISTED, date(2024, 3, 1))]
    monkeypatch.setattr("pilots.demo.timelines.build_timeline", lambda role, last, rng: course)
    with pytest.raises(ValueError, match="example-city-01"):
        load_demo(AS_OF)
    assert not Pilot.objects.exists()
