"""The synthesized programme: as large as asked, plausible, recorded like any other, and marked as invented."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Q
from django.test import Client

from config.models import Change
from pilots.demo.crowd import Size, moved, shares, size_of
from pilots.demo.store import REASON
from pilots.demo.synthesis import synthesize
from pilots.metrics import CoControl, Colour, Stage, problems
from pilots.models import Batch, LightOverride, Milestone, Pilot, Reading, StageEntry, Target, TargetKind, TargetStep
from pilots.progress import build_progress, entries
from pilots.synergy import build_synergy
from policies import middleware
from policies.models import Agency, Policy, Province, ProvincialPlan, Shipment
from tests.demonstration import BANNER, INVENTED, start_from_nothing

AS_OF = date(2026, 11, 24)
WHOLE = Size(21, 43, 8, 16, 1, 2, 88 * 70)
WRITTEN: list[Any] = [*INVENTED, TargetStep, LightOverride]
STORED_TOGETHER: list[Any] = [Pilot, StageEntry, Milestone, Target, TargetStep, Reading]


@pytest.fixture(scope="module")
def programme(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """One programme for this module; the shipped records come back when it is done."""
    with django_db_blocker.unblock(), transaction.atomic():
        start_from_nothing()
        synthesize(WHOLE, AS_OF)
        yield
        transaction.set_rollback(True)
    middleware.forget()


@pytest.fixture
def whole(programme: None, db: None) -> Iterator[None]:
    """The programme, and a process that does not know yet which side its database is on."""
    middleware.forget()
    yield
    middleware.forget()


# -- its size ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "pilots", "readings", "batches"),
    [(1, 125, 12_000, 6), (10, 1_250, 120_000, 24), (100, 12_500, 1_200_000, 60)],
)
def test_the_three_sizes(scale: int, pilots: int, readings: int, batches: int) -> None:
    size = size_of(scale)
    assert (size.pilots, size.readings, size.batches + size.provincial_batches) == (pilots, readings, batches)
    assert (size.cities, size.parks) == (21 * scale, 43 * scale)


def test_as_many_of_each_as_asked_for(whole: None) -> None:
    found = Counter(Pilot.objects.values_list("batch__level", "kind"))
    assert found == {
        ("national", "city"): 21,
        ("national", "park"): 43,
        ("provincial", "city"): 8,
        ("provincial", "park"): 16,
    }
    assert Reading.objects.count() == WHOLE.readings
    assert Batch.objects.count() == 3
    assert ProvincialPlan.objects.count() == Province.objects.roster().count() == 32
    for batch in Batch.objects.all():
        kinds = Counter(batch.pilots.values_list("kind", flat=True))
        assert kinds == {"city": batch.city_count, "park": batch.park_count}


def test_shares_are_equal_and_lose_nothing() -> None:
    assert shares(20, 3) == [6, 7, 7]
    assert shares(7, 1) == [7]


# -- what it shows -------------------------------------------------------------------------------------


def test_every_colour_for_every_kind_of_reason(whole: None) -> None:
    progress = build_progress(Pilot.objects.all(), AS_OF)
    assert {status.light.colour for status in progress.pilots} == {
        Colour.GREEN,
        Colour.YELLOW,
        Colour.RED,
        Colour.GREY,
    }
    reasons = {status.light.why.why.value for status in progress.pilots}
    assert {"behind", "far_behind", "reversed", "overdue", "long_overdue", "no_report", "all_well"} <= reasons
    greens = sum(status.light.colour == Colour.GREEN for status in progress.pilots)
    assert 0.3 < greens / WHOLE.pilots < 0.5
    assert [(status.light.colour, status.colour) for status in progress.pilots if status.override] == [
        (Colour.RED, Colour.YELLOW)
    ]
    synergy = build_synergy(Pilot.objects.all(), AS_OF)
    assert all(synergy.kinds[kind] for kind in CoControl)


def test_spread_over_places_industries_and_years(whole: None) -> None:
    assert Pilot.objects.values("province").distinct().count() > 20
    assert Pilot.objects.values("industries").distinct().count() > 12
    assert Pilot.objects.filter(parent__isnull=False).exists()
    assert {batch.known_by.year for batch in Batch.objects.all()} == {2023, 2024}
    assert {"2022", "2023", "2024", "2025", "2026-Q3"} <= set(Reading.objects.values_list("period", flat=True))
    assert set(Reading.objects.values_list("state", flat=True)) == {"reported", "accepted", "disputed"}
    assert Reading.objects.filter(version=3).exists()
    assert set(Target.objects.values_list("kind", flat=True)) == set(TargetKind.values)
    entered = StageEntry.objects.filter(entered_on__isnull=False).values_list("stage", flat=True)
    assert set(entered) >= {*Stage.values} - {Stage.RECTIFYING}


def test_every_course_can_be_true(whole: None) -> None:
    for pilot in Pilot.objects.prefetch_related("stages"):
        assert problems(entries(pilot), AS_OF) == [], pilot


def test_the_leap_day_moves_to_the_last_of_february() -> None:
    assert moved(date(2024, 2, 29), -1) == date(2023, 2, 28)
    assert moved(date(2024, 3, 1), 2) == date(2026, 3, 1)


# -- that each record is as if entered by hand -----------------------------------------------------------


def test_records_pass_their_own_rules(whole: None) -> None:
    """Some from each kind with all constraints, those first and last stored among them."""
    for kind in [Batch, *STORED_TOGETHER]:
        records = list(kind.objects.order_by("pk"))
        for record in [*records[:: len(records) // 25 + 1], records[-1]]:
            record.full_clean()


def test_each_has_one_entry_that_says_what_it_says(whole: None) -> None:
    for kind in WRITTEN:
        names = [field.attname for field in kind._meta.concrete_fields]
        rows = list(kind.objects.order_by("pk").values_list(*names))
        assert list(kind.history.order_by("id").values_list(*names)) == rows, kind
        assert set(kind.history.values_list("history_type", "history_change_reason", "history_user")) == {
            ("+", REASON, None)
        }
        for field in kind._meta.many_to_many:
            now = kind.objects.filter(**{f"{field.name}__isnull": False}).values_list("pk", field.name)
            then = getattr(kind.history.model, field.name).model.objects.values_list(
                f"history__{kind._meta.pk.name}", field.m2m_reverse_name()
            )
            assert sorted(now) == sorted(then), (kind, field.name)


def test_each_entry_has_one_line_among_the_changes(whole: None) -> None:
    for kind in WRITTEN:
        lines = Change.objects.filter(model=kind._meta.label_lower, entry_id__in=kind.history.values("history_id"))
        assert lines.count() == kind.history.count() == kind.objects.count(), kind


# -- that it is invented -------------------------------------------------------------------------------


def test_all_of_it_says_that_it_is_invented(whole: None, client: Client) -> None:
    assert Shipment.objects.is_demonstration()
    for kind in INVENTED:
        if kind is not Agency:
            said = Q(sources__title__contains="虚构") & Q(sources__title__contains="invented")
            assert kind.objects.count() == kind.objects.filter(said).distinct().count(), kind
    assert not Pilot.objects.exclude(name_zh__contains="示例", name_en__startswith="Example").exists()
    assert not Batch.objects.exclude(title_zh__contains="示例", title_en__startswith="Example").exists()
    for path in ("/", "/pilots/", Pilot.objects.earliest("pk").get_absolute_url()):
        response = client.get(path)
        assert BANNER in response.content.decode()
        assert response["X-Demonstration-Data"] == "true"


def test_real_records_are_refused_after_it(whole: None) -> None:
    before = Policy.objects.count()
    with pytest.raises(CommandError, match="database of their own"):
        call_command("load_records")
    assert Policy.objects.count() == before


def test_another_demonstration_is_refused_too(whole: None) -> None:
    before = Reading.objects.count()
    with pytest.raises(CommandError, match="empty database of its own"):
        call_command("synthesize", scale=1)
    assert Reading.objects.count() == before
