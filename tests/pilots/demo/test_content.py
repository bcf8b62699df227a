"""Content of the demonstration: full size, plausible, invented throughout, and marked everywhere."""

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Count, Max, Min, Q
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from core.history.models import ChangeEvent
from core.seed import middleware
from dashboard.models.edition import quarter_of
from pilots.analytics.pilot_status import build_progress, stage_events
from pilots.analytics.synergy import build_synergy
from pilots.demo.bulk_save import REASON
from pilots.follow_ups.analytics import build_follow_ups
from pilots.metrics.stages import Stage, stage_issues
from pilots.models import (
    FollowUp,
    FollowUpStep,
    LightOverride,
    Milestone,
    Pilot,
    Reading,
    StageEntry,
    Target,
    TargetStep,
)
from pilots.practices.analytics import build_diffusion
from policies.models import Agency, Industry, Policy
from tests.support.demo_data import BANNER, INVENTED_MODELS, records_digest
from tests.support.snapshots import assert_snapshot

AS_OF = date(2026, 11, 24)


@pytest.fixture
def demo(demonstration: None, db: None) -> Iterator[None]:
    """Use the demonstration, without the cached seed or demonstration flag."""
    middleware.forget_demonstration()
    yield
    middleware.forget_demonstration()


def national() -> Any:
    return Pilot.objects.filter(batch__level="national")


def counted(values: Iterable[Any]) -> dict[str, int]:
    return dict(sorted(Counter(map(str, values)).items()))


def test_what_the_demonstration_holds_and_shows(demo: None) -> None:
    """Of full size, in every state, and believable: counts of every choice, ranges of amounts, lights, reductions,
    follow-ups and copies. Look at the difference when the demonstration changes."""
    models: list[Any] = [*INVENTED_MODELS, TargetStep, FollowUpStep]
    chosen = [(model, field.name) for model in models for field in model._meta.fields if field.choices]
    amounts = Reading.objects.filter(period="2023").values_list("pilot__kind", "indicator__code")
    planned = Q(stages__stage=Stage.PLAN_ISSUED, stages__entered_on__isnull=False)
    planned_pilots = Pilot.objects.filter(planned).annotate(n=Count("milestones", distinct=True))
    progress, synergy = build_progress(national(), AS_OF), build_synergy(national(), AS_OF)
    follow_ups, diffusion = build_follow_ups(FollowUp.objects.all(), AS_OF), build_diffusion(AS_OF)
    held = {
        "records": {model.__name__: model.objects.count() for model in models},
        "choices": {
            f"{model.__name__}.{name}": counted(model.objects.values_list(name, flat=True)) for model, name in chosen
        },
        "regions": counted(national().values_list("province__region", flat=True)),
        "parks in a city": national().filter(parent__isnull=False).count(),
        "milestones of a pilot with a plan": counted(planned_pilots.values_list("n", flat=True)),
        "gaps": [item.slug for item in Industry.objects.filter(pilots__isnull=True) if item.priority],
        "amounts": {
            f"{kind} {code}": [least, most]
            for kind, code, least, most in sorted(amounts.order_by().annotate(least=Min("value"), most=Max("value")))
        },
        "lights": counted(item.light.colour.value for item in progress.pilots),
        "reasons": counted(item.light.why.why.value for item in progress.pilots),
        "set by hand": [[item.light.colour.value, item.colour.value] for item in progress.pilots if item.override],
        "joint reductions": {kind.value: n for kind, n in synergy.kinds.items()},
        "bases": counted(item.basis.value for item in synergy.pilots),
        "missing": len(synergy.missing),
        "follow-ups": counted(
            (item.state.value, item.overdue, item.closed_in_time, item.cleared) for item in follow_ups
        ),
        "subjects": counted(type(item.follow_up.subject).__name__ for item in follow_ups),
        "relapsed, extended, returned": [
            sum(bool(getattr(item, name)) for item in follow_ups) for name in ("relapsed_on", "extended", "returned")
        ],
        "opened": counted(quarter_of(item.follow_up.opened_on) for item in follow_ups),
        "closed": counted(quarter_of(item.closed_on) for item in follow_ups if item.closed_on),
        "practices": {state.value: n for state, n in diffusion.by_state.items()},
        "effects": [diffusion.measured, diffusion.stated_only],
        "copies": {state.value: n for state, n in diffusion.copies.by_state.items()},
        "trust": {trust.value: n for trust, n in diffusion.copies.adopters.items()},
        "given up": {reason.value: n for reason, n in diffusion.copies.given_up_by_reason.items()},
        "reached and only claimed": [len(diffusion.copies.reached), len(diffusion.copies.only_claimed)],
    }
    assert_snapshot("demonstration", held)


def test_every_course_can_be_true(demo: None) -> None:
    for pilot in Pilot.objects.prefetch_related("stages"):
        assert stage_issues(stage_events(pilot), AS_OF) == [], pilot
    assert set(StageEntry.objects.filter(entered_on__isnull=False).values_list("stage", flat=True)) == set(Stage.values)
    assert StageEntry.objects.exclude(reason_en="").exclude(reason_zh="").exists()


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
