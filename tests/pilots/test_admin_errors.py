"""Admin forms: what is wrong stands at the field to mend, in words that say how; nothing is saved."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client

from core.days import today
from pilots.models import (
    Adoption,
    Amendment,
    Batch,
    Completion,
    Deadline,
    Effect,
    FollowUp,
    Milestone,
    NotGiven,
    Pilot,
    Practice,
    Reading,
    Target,
)
from policies.models import Policy, ProvincialPlan
from tests import factories as make
from tests.support.admin_forms import form_errors, save, save_new
from tests.support.api_client import make_user
from tests.support.snapshots import assert_snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]


@pytest.fixture
def records() -> dict[str, Any]:
    """A batch with a city, a park and another city; a policy with a plan; values, a practice and its copy."""
    batch, home, away = make.batch(), make.province(slug="home"), make.province(slug="away")
    city, park = make.pilot(batch, home, name_zh="湖州市"), make.pilot(batch, home, kind="park")
    so2, policy = (
        make.indicator("AIR_SO2", name_en="SO2"),
        make.policy(slug="plan-2022", doc_number="环综合〔2022〕42号"),
    )
    practice, copier = make.practice(city, province=home), make.pilot(batch, away)
    make.plan(policy, away)
    return {
        "batch": batch,
        "home": home,
        "away": away,
        "city": city,
        "park": park,
        "copier": copier,
        "so2": so2,
        "policy": policy,
        "practice": practice,
        "copy": make.adoption(practice, copier),
        "agency": make.agency(),
        "early": make.reading(city, so2, "2022", 100),
        "late": make.reading(city, so2, "2023", 100),
        "other copy": make.adoption(make.practice(city), copier),
        "overdue": make.milestone(city, date(2025, 1, 1), title_en="Overdue"),
        "midterm": make.milestone(city, date(2025, 1, 1), stage="midterm"),
        "target": make.target(copier, so2, 12_000, 9_600),
        "editor": make_user("editor", "provincial_editor", home),
        "boss": make_user("boss", "national_editor"),
    }


SOUND: dict[type[Any], dict[str, Any]] = {
    Pilot: {"name_zh": "嘉兴市", "slug": "jiaxing", "kind": "city", "batch": "@batch", "province": "@home"},
    Batch: {"title_zh": "第二批", "slug": "national-2", "announced_on": "2026-01-15", "policy": "@policy"},
    Policy: {"title_en": "Plan", "slug": "plan", "issued_on": "2022-06-10"},
    ProvincialPlan: {"policy": "@policy", "province": "@home"},
    Reading: {"pilot": "@city", "indicator": "@so2", "period": "2024", "value": "100"},
    Adoption: {"practice": "@practice", "adopted_on": "2025-03-01"},
    Effect: {"practice": "@practice", "known_on": "2025-03-01"},
    Target: {"pilot": "@city", "indicator": "@so2", "target_year": 2026, "target_value": "8"},
    Milestone: {"pilot": "@city", "title_zh": "节点", "facet": "project", "planned_on": "2027-06-01"},
    Completion: {"milestone": "@overdue", "completed_on": "2026-01-01", "evidence": "公告"},
    Amendment: {"milestone": "@overdue", "day": "2025-01-01", "reason_zh": "审批"},
    Deadline: {"batch": "@batch", "year": "2025", "due_on": "2027-01-01", "reason": "普查"},
    NotGiven: {"pilot": "@city", "indicator": "@so2", "year": "2024", "text": "停产"},
    FollowUp: {
        "title_zh": "整改", "pilot": "@city", "cause": "milestone", "cause_milestone": "@overdue",
        "opened_on": "2026年6月1日", "due_on": "2026-07-01", "owner_agency": "@agency",
    },
}  # fmt: skip
ISSUED = {"status": "issued", "issued_on": "2022-12-05"}
CASES: dict[type[Any], list[dict[str, Any]]] = {
    Pilot: [
        {"kind": "park", "city_type": "resource"},
        {"prefecture_code": "33050"},
        {"term_start": "2026-01-01", "term_end": "2025-01-01"},
        {"name_zh": "湖州市"},
        {"withdrawn_on": "2099-01-01"},
        {"slug": "Hu zhou"},
        {"batch": ""},
        {"kind": "park", "parent": "@park"},
        {"kind": "city", "parent": "@city"},
    ],
    Batch: [
        {"level": "provincial"},
        {"title_zh": None},
        {"announced_on": None},
        {"policy": None},
        {"report_due": "02-29"},
        {"term_start": "2026-01-01", "term_end": "2025-01-01"},
    ],
    Policy: [
        {"level": "provincial"},
        {"title_en": None},
        {"issued_on": None},
        {"issued_on": "05/03/2026"},
        {"issued_on": "2026-03"},
        {"issued_on": "2026-02-30"},
        {"slug": "Ünder_score"},
        {"slug": "double--hyphen"},
        {"slug": "plan-2022"},
        {"doc_number": "环综合〔２０２２〕42号"},
    ],
    ProvincialPlan: [
        {"province": "@away"},
        {"status": "issued"},
        {"status": "not_found"},
        {"status": "not_found", "searched_on": "2024-05-01"},
        {**ISSUED, "status": "unknown", "issued_precision": "day"},
        {**ISSUED, "issued_on": "2099-01-01"},
        {**ISSUED, "published_on": "2022-12-01"},
        {"note_en": "a\u202eb"},
    ],
    Reading: [
        {"value": "150"},
        {"value": "-1"},
        {"value": "12,5"},
        {"period": "2024-5"},
    ],
    Target: [
        {"steps": "2027: 9"},
        {"steps": "2025"},
        {"steps": "2025: 1; 2025: 2"},
        {"base_value": "9"},
        {"kind": "keep"},
        {"pilot": "@copier", "kind": "reach"},
    ],
    Milestone: [{"title_zh": None}, {"stage": "midterm"}],
    Completion: [{"evidence": ""}, {"completed_on": "2027-01-01"}, {"milestone": "@midterm"}],
    Amendment: [
        {},
        {"day": None, "value": "7"},
        {"milestone": None, "target": "@target"},
        {"milestone": None, "target": "@target", "day": None, "base_value": "7"},
        {"reason_zh": ""},
    ],
    Deadline: [
        {"pilot": "@city"},
        {"batch": None},
        {"due_on": "2026-01-01"},
        {"year": "2027"},
        {"reason": ""},
    ],
    NotGiven: [{"year": "2026"}, {"text": ""}],
    Adoption: [
        {},
        {"pilot": "@city"},
        {"pilot": "@copier"},
        {"province": "@home", "ended_on": "2025-01-01"},
        {"province": "@home", "verified_on": "2026-01-01"},
    ],
    Effect: [
        {},
        {"adoption": "@other copy", "statement_en": "Less"},
        {"statement_en": "Less", "stated_value": "5"},
    ],
    FollowUp: [
        {"verifier": "@editor"},
        {"owner_user": "@boss", "verifier": "@boss"},
        {"pilot": None, "cause": "", "cause_milestone": None},
        {"owner_agency": None},
    ],
}


def test_an_error_stands_at_the_field_to_mend(admin_client: Client, records: dict[str, Any]) -> None:
    """The fields that are wrong in a new record that is sound otherwise."""
    said = {}
    for model, cases in CASES.items():
        before = model._default_manager.count()
        for case in cases:
            values = {name: keyed(value, records) for name, value in (SOUND[model] | case).items()}
            name = ", ".join(f"{field} {value}" for field, value in case.items())
            said[f"{model.__name__}: {name}"] = form_errors(save_new(admin_client, model, **values))
        assert model._default_manager.count() == before
    practice = {"origins": None, "cost_amount": "12", "library_on": "2024-12-05", "retired_on": "2025-02-01"}
    said["Practice"] = form_errors(save(admin_client, records["practice"], **practice, action_en="short"))
    assert_snapshot("admin-errors", said)
    assert not Practice.objects.exclude(library_on=None).exists()


def keyed(value: Any, records: dict[str, Any]) -> Any:
    return records[value[1:]].pk if isinstance(value, str) and value.startswith("@") else value


# -- rows of a pilot -------------------------------------------------------------------------------------


def row_problems(response: Any) -> dict[str, dict[str, list[str]]]:
    """Return the errors of a form’s inlines by row, and those of a whole formset by its name."""
    assert response.status_code == 200, "the form was accepted"
    found: dict[str, dict[str, list[str]]] = {}
    for inline in response.context["inline_admin_formsets"]:
        formset = inline.formset
        if formset.non_form_errors():
            found[formset.prefix] = {"": list(formset.non_form_errors())}
        found |= {
            form.prefix: {name: list(texts) for name, texts in form.errors.items()} for form in formset if form.errors
        }
    return found


def stage_row(place: int, stage: str, day: str) -> dict[str, str]:
    return {f"stages-{place}-stage": stage, f"stages-{place}-entered_on": day}


TARGET = {"targets-0-indicator": "@so2", "targets-0-target_year": "2026"}
ROWS: dict[str, dict[str, str]] = {
    "a milestone without a title": {"milestones-2-facet": "goal", "milestones-2-planned_on": "2025-01-01"},
    "another planned day without a reason": {"milestones-0-planned_on": "2028-01-01"},
    "a milestone that is kept": {"milestones-0-DELETE": "on"},
    "a stage without its day": {"stages-2-stage": "plan_issued"},
    "a stage ahead": stage_row(2, "plan_issued", "2999-01-01"),
    "a value of two meanings": {**TARGET, "targets-0-target_value": "12,5"},
    "a target of its base year": {
        **TARGET, "targets-0-target_year": "2023", "targets-0-base_year": "2023", "targets-0-target_value": "1",
    },
    "an order that cannot be": stage_row(2, "recommended", "2024-05-01"),
    "a stage passed over": stage_row(2, "plan_issued", "2024-05-01"),
    "a stage in between taken away": {"stages-1-DELETE": "on", **stage_row(2, "plan_draft", "2024-05-01")},
    "another becomes impossible": stage_row(0, "plan_draft", "2024-01-15"),
    "a result of no evaluation": {"stages-1-result": "passed"},
}  # fmt: skip


def test_an_error_in_a_row_stands_at_its_field_and_above_the_form(
    admin_client: Client, records: dict[str, Any]
) -> None:
    city, said = records["city"], {}
    make.stage(city, "listed", date(2024, 1, 15))
    make.stage(city, "tasked", date(2024, 3, 1))
    Milestone.history.update(history_date=datetime(2025, 1, 1, tzinfo=UTC))
    for name, row in ROWS.items():
        answer = save(admin_client, city, **{field: keyed(value, records) for field, value in row.items()})
        listed = [label for label, _target, _text in answer.context["field_errors"]]
        said[name] = [row_problems(answer), listed]
    assert_snapshot("admin-row-errors", said)
    together = stage_row(0, "listed", "2024-06-01") | stage_row(1, "tasked", "2024-07-01")
    assert save(admin_client, city, **together).status_code == 302  # stages that move together are no error


def test_what_was_amiss_before_does_not_hold_up_other_rows(admin_client: Client, records: dict[str, Any]) -> None:
    city = records["city"]
    make.stage(city, "tasked", date(2024, 1, 1))
    make.stage(city, "listed", date(2024, 2, 1))  # as a file may bring it
    assert save(admin_client, city, **stage_row(2, "plan_draft", str(today()))).status_code == 302
