"""Content of the demonstration: full size, plausible, invented throughout, and marked everywhere."""

import io
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from core.history.models import ChangeEvent
from core.seed import middleware
from pilots.analytics.pilot_status import build_progress, stage_events
from pilots.analytics.synergy import EmissionBasis, build_synergy
from pilots.demo.bulk_save import REASON
from pilots.metrics.lights import Colour
from pilots.metrics.reduction import CoControl
from pilots.metrics.stages import Stage, stage_issues
from pilots.models import (
    Batch,
    FollowUpStep,
    LightOverride,
    Milestone,
    Pilot,
    Reading,
    StageEntry,
    Target,
    TargetKind,
    TargetStep,
)
from policies.models import Agency, Industry, Policy, Province, ProvincialPlan
from tests.support.demo_data import BANNER, INVENTED_MODELS, records_digest

AS_OF = date(2026, 11, 24)


@pytest.fixture
def demo(demonstration: None, db: None) -> Iterator[None]:
    """Use the demonstration, without the cached seed or demonstration flag."""
    middleware.forget_demonstration()
    yield
    middleware.forget_demonstration()


def national() -> Any:
    return Pilot.objects.filter(batch__level="national")


# -- its size ------------------------------------------------------------------------------------------


def test_the_programme_is_of_full_size(demo: None) -> None:
    assert Counter(national().values_list("kind", flat=True)) == {"city": 21, "park": 43}
    assert Province.objects.count() == 35
    assert ProvincialPlan.objects.count() == Province.objects.roster().count() == 32
    assert len(set(national().values_list("province__region", flat=True))) == 6
    assert national().filter(parent__isnull=False).count() == 6
    assert Batch.objects.count() == 2
    assert Counter(ProvincialPlan.objects.values_list("status", flat=True)) == {
        "issued": 27,
        "drafting": 2,
        "not_found": 2,
        "unknown": 1,
    }
    assert set(Target.objects.values_list("kind", flat=True)) == set(TargetKind.values)
    assert {"2023", "2024", "2025", "2026-Q1"} <= set(Reading.objects.values_list("period", flat=True))
    assert Reading.objects.filter(state="disputed").count() > 10
    assert Reading.objects.filter(version=3).exists()
    assert TargetStep.objects.exists()


def test_industries_have_a_gap_and_little_more(demo: None) -> None:
    gaps = [i.slug for i in Industry.objects.filter(pilots__isnull=True) if i.priority]
    assert gaps == ["coking"]


def test_pilots_with_a_plan_have_six_to_ten_milestones(demo: None) -> None:
    planned = Pilot.objects.filter(stages__stage=Stage.PLAN_ISSUED, stages__entered_on__isnull=False)
    counts = Counter(Milestone.objects.filter(pilot__in=planned).values_list("pilot", flat=True))
    assert 6 <= min(counts.values()) <= max(counts.values()) <= 10


def test_every_course_can_be_true(demo: None) -> None:
    for pilot in Pilot.objects.prefetch_related("stages"):
        assert stage_issues(stage_events(pilot), AS_OF) == [], pilot
    assert set(StageEntry.objects.filter(entered_on__isnull=False).values_list("stage", flat=True)) == set(Stage.values)
    assert StageEntry.objects.exclude(reason_en="").exclude(reason_zh="").exists()


def test_amounts_are_plausible(demo: None) -> None:
    sizes = {"city": {"AIR_SO2": (2e3, 3e4), "AIR_NOX": (1e4, 8e4), "CO2_TOT": (800, 12000), "ENV_PM25": (22, 48)}}
    sizes["park"] = {"AIR_NOX": (200, 15000), "CO2_TOT": (50, 3000)}
    for kind, ranges in sizes.items():
        for code, (least, most) in ranges.items():
            values = Reading.objects.filter(pilot__kind=kind, indicator__code=code, period="2023").values_list("value")
            assert all(least <= value <= most for (value,) in values), (kind, code)


# -- what it shows -------------------------------------------------------------------------------------


def test_the_lights_are_a_believable_mix(demo: None) -> None:
    progress = build_progress(national(), AS_OF)
    computed = Counter(status.light.colour for status in progress.pilots)
    assert computed == {Colour.GREEN: 24, Colour.YELLOW: 18, Colour.RED: 12, Colour.GREY: 10}
    by_hand = [status for status in progress.pilots if status.override]
    assert [(s.light.colour, s.colour) for s in by_hand] == [(Colour.RED, Colour.YELLOW)]
    reasons = {status.light.why.why.value for status in progress.pilots}
    assert {"behind", "far_behind", "reversed", "overdue", "long_overdue", "no_report", "all_well"} <= reasons


def test_well_under_60_percent_reduce_both(demo: None) -> None:
    synergy = build_synergy(national(), AS_OF)
    on_chart = len(synergy.on_chart)
    assert 0.4 < synergy.kinds[CoControl.CO_REDUCTION] / on_chart < 0.5
    assert all(synergy.kinds[kind] for kind in CoControl)
    assert sum(item.basis == EmissionBasis.INTENSITY for item in synergy.pilots) == 6
    assert synergy.missing


def test_the_light_set_by_hand_is_by_somebody_who_cannot_sign_in(demo: None) -> None:
    override = LightOverride.objects.get()
    assert override.reason
    assert override.set_on <= AS_OF < override.expires_on
    assert override.author.username == "demo-steward"
    assert not override.author.has_usable_password()


# -- that it is invented -------------------------------------------------------------------------------


def test_every_invented_fact_cites_an_invented_source(demo: None) -> None:
    for kind in INVENTED_MODELS:
        if kind is not Agency:
            said = Q(sources__title__contains="虚构") & Q(sources__title__contains="invented")
            assert kind.objects.count() == kind.objects.filter(said).distinct().count(), kind
    assert not Pilot.objects.exclude(name_zh__contains="示例").exists()
    assert not Pilot.objects.exclude(name_en__startswith="Example").exists()
    assert not Policy.objects.exclude(title_zh__contains="示例").exists()
    assert not Agency.objects.exclude(name_en__startswith="Example").exists()


def test_every_record_has_one_entry_that_says_what_it_says(demo: None) -> None:
    for kind in [*INVENTED_MODELS, TargetStep, FollowUpStep, LightOverride]:
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


def test_every_entry_has_one_change_event(demo: None) -> None:
    for kind in [*INVENTED_MODELS, TargetStep, FollowUpStep, LightOverride]:
        events = ChangeEvent.objects.filter(
            model=kind._meta.label_lower, entry_id__in=kind.history.values("history_id")
        )
        assert events.count() == kind.history.count() == kind.objects.count(), kind


def test_every_record_passes_its_own_rules(demo: None) -> None:
    """Of the many that were stored together, some from each kind with all constraints."""
    for kind in (Target, TargetStep, Milestone, Reading):
        for record in kind.objects.order_by("?")[:10]:
            record.full_clean()


# -- never mixed ----------------------------------------------------------------------


def test_the_demonstration_rejects_real_records(demo: None) -> None:
    before = records_digest()
    with pytest.raises(CommandError, match="database of their own"):
        call_command("load_records")
    assert records_digest() == before


def test_a_second_load_changes_nothing_and_says_so(demo: None) -> None:
    before, out = records_digest(), io.StringIO()
    call_command("load_demo", stdout=out)
    assert "already" in out.getvalue()
    assert records_digest() == before


# -- it says so ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/pilots/", "/pilots/example-city-01/", "/data/", "/no-such-page/", "/?as_of=x"])
def test_every_page_carries_the_banner(demo: None, client: Client, path: str) -> None:
    assert BANNER in client.get(path).content.decode()


def test_the_admin_carries_the_banner(demo: None, admin_client: Client) -> None:
    for path in ("/admin/", "/admin/pilots/pilot/", "/admin/pilots/pilot/?_popup=1"):
        assert admin_client.get(path).content.decode().count(BANNER) == 1


def test_files_say_it_in_name_and_text(demo: None, client: Client) -> None:
    response = client.get("/pilots/?export=pilots.csv")
    assert "demonstration-pilots-" in response["Content-Disposition"]
    text = b"".join(response).decode()  # type: ignore[call-overload]
    assert "# Demonstration data: invented, not the real programme" in text
    workbook = load_workbook(io.BytesIO(client.get("/pilots/?export=pilots.xlsx").content))
    first = [cell.value for cell in workbook["About"][1]]
    assert first[:2] == ["Demonstration data", "invented, not the real programme"]


@pytest.mark.parametrize("path", ["policies/", "policies/example-synergy-plan/", "overview/"])
def test_api_answers_say_it(demo: None, client: Client, path: str) -> None:
    response = client.get(f"/api/v1/{path}")
    assert response["X-Demonstration-Data"] == "true"
    assert response.json()["demonstration"] is True


def test_api_files_and_errors_say_it(demo: None, client: Client) -> None:
    for path in ("policies/?format=csv", "policies/?format=xlsx"):
        response = client.get(f"/api/v1/{path}")
        assert response["X-Demonstration-Data"] == "true"
        assert "demonstration-policies-" in response["Content-Disposition"]
    assert client.get("/api/v1/policies/?nonsense=1")["X-Demonstration-Data"] == "true"


def test_the_side_is_asked_once(demo: None) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert middleware.holds_demonstration()
        assert middleware.holds_demonstration()
    assert len(asked) == 1
