"""Forms of the day: right, each refusal at its field, no right, other province, concurrent edit, Chinese."""

import html
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from core.days import today
from pilots.models import (
    Amendment,
    Attachment,
    Completion,
    Indicator,
    LightOverride,
    Milestone,
    Pilot,
    Reading,
    StageEntry,
    Target,
)
from pilots.views.entry import ended_periods
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.csv_files import csv_records
from tests.support.sign_in import client_of, signed_in
from tests.support.snapshots import assert_snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
LAST, BEFORE = str(today().year - 1), str(today().year - 2)  # the newest year that has ended, and the one before
AHEAD, TOO_FAR, PASSED, PLANNED = (str(today() + timedelta(days)) for days in (30, 181, -10, -120))
PROGRAM = {"file": SimpleUploadedFile("a.exe", b"MZ")}
PAPER = b"day,what\n1,done\n"


@pytest.fixture(autouse=True)
def _files(tmp_path: Any, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def pilot() -> Pilot:
    city = make.pilot(
        make.batch(asked_from=int(LAST)), make.province(slug="hebei"), slug="city", name_en="City", name_zh="市"
    )
    make.stage(city, "listed", date(2024, 1, 15))
    return city


@pytest.fixture
def milestone(pilot: Pilot) -> Milestone:
    """Make one whose day passed long ago, and which was not entered today."""
    day = today() - timedelta(120)
    made = make.milestone(pilot, day, title_en="Platform live", title_zh="平台上线", is_key=True)
    age(Milestone)
    return made


def age(model: Any) -> None:
    """Have what was entered today been entered long ago: it was promised, and is amended."""
    model.history.update(history_date=timezone.now() - timedelta(200))


@pytest.fixture
def so2(pilot: Pilot) -> Indicator:
    indicator = make.indicator("AIR_SO2", name_en="SO2", name_zh="二氧化硫")
    make.add_step(
        make.target(pilot, indicator, 120, 60, base_year=int(BEFORE) - 1, target_year=int(LAST) + 1), int(LAST), 90
    )
    age(Target)
    return indicator


@pytest.fixture
def officer(pilot: Pilot) -> Client:
    return client_of(make_user("officer", "provincial_editor", pilot.province))


@pytest.fixture
def ministry() -> Client:
    return client_of(make_user("ministry", "national_editor"))


@pytest.fixture
def urls(pilot: Pilot, milestone: Milestone) -> dict[str, str]:
    """Return the address of each form."""
    return {
        "done": reverse("milestone-done", args=["city", milestone.pk]),
        "day": milestone.entry_url(),
        "answer": milestone.entry_url("-answer"),
        "stage": reverse("stage-enter", args=["city"]),
        "light": reverse("light-set", args=["city"]),
        "readings": reverse("readings-enter", args=["city"]),
        "judge": reverse("readings-judge"),
    }


def typed(page: Any, **changes: Any) -> dict[str, Any]:
    """Return what a browser would send of the page's form, with changes."""
    form = page.context["form"]
    fields = [*form, *(field for row in getattr(form, "rows", ()) for field in row)]
    data = {field.html_name: field.value() for field in fields} | changes
    data |= {"rows": [row.indicator.pk for row in getattr(form, "rows", ())]}
    return {name: value for name, value in data.items() if value not in (None, False)}


def send(client: Client, url: str, **changes: Any) -> Any:
    return client.post(url, typed(client.get(url), **changes))


def faults(page: Any) -> dict[str, str]:
    """Return the first error of each field, after a look at the page: each stands at its field, and in the summary."""
    form, text = page.context["form"], page.text
    found = {name: texts[0] for name, texts in form.errors.items()}
    found |= {
        f"{row.prefix}-{name}": texts[0] for row in getattr(form, "rows", ()) for name, texts in row.errors.items()
    }
    assert 'class="error-summary"' in text
    assert "<title>Error: " in text
    for name in found.keys() - {"__all__"}:
        [field] = set(re.findall(rf'<a href="#(id_{name}(?:_0)?)">', text))
        assert (f'id="{field}"' in text, f'id="{field}_0"' in text) == (True, False)  # of choices the first one
        assert f'id="id_{name}_error"' in text
    return found


def newest(record: Any) -> tuple[str, str, str | None]:
    entry = record.history.first()
    return entry.history_type, str(entry.history_user), entry.history_change_reason


SOUND: dict[str, dict[str, Any]] = {
    "done": {"completed_on": PASSED, "evidence": "Notice 12"},
    "day": {"day": AHEAD, "reason_zh": "设备到货推迟"},
    "target": {"value": "70", "reason_en": "Census"},
    "stage": {"entered_on": PASSED},
    "light": {"colour": "green", "reason": "Checked on site", "expires_on": AHEAD},
}
WRONG: dict[str, list[dict[str, Any]]] = {
    "done": [
        {"completed_on": ""},
        {"completed_on": AHEAD},
        {"evidence": ""},
        {"evidence": "x" * 301},
        PROGRAM,
    ],
    "day": [{"day": ""}, {"day": PLANNED}, {"reason_zh": ""}, {"reason_en": "a\u202eb"}, PROGRAM],
    "target": [
        {"value": ""},
        {"value": "60"},  # as it is in force
        {"value": "-1"},
        {"value": "7x"},
        {"base_value": ""},
        {"base_year": LAST},  # a year for which values are due
        {"steps": "2020"},
        {"year": "1"},
        {"reason_en": ""},
    ],
    "stage": [
        {"entered_on": ""},
        {"entered_on": AHEAD},
        {"stage": "listed", "entered_on": "2024-01-15"},  # it is on record
        {"stage": "recommended"},  # not after a later one
        {"stage": "tasked", "result": "passed"},
        PROGRAM,
    ],
    "light": [{"colour": "blue"}, {"reason": ""}, *({"expires_on": day} for day in ("", str(today()), TOO_FAR))],
}


def test_what_is_wrong_is_refused_at_its_field_and_kept(officer, ministry, milestone, so2, urls) -> None:
    said, urls = {}, urls | {"target": Target.objects.get().entry_url()}
    for name, cases in WRONG.items():
        client = ministry if name in {"stage", "light"} else officer
        for number, changes in enumerate(cases):
            PROGRAM["file"].seek(0)
            answer = send(client, urls[name], **SOUND[name] | changes)
            kept = {field: answer.context["form"][field].value() for field in SOUND[name]}
            said[f"{name} {number}"] = faults(answer)
            assert (answer.status_code, kept) == (400, {field: (SOUND[name] | changes)[field] for field in SOUND[name]})
    assert_snapshot("entry-form-errors", said)
    models = (Amendment, Completion, Attachment, LightOverride)
    assert [model.objects.count() for model in models] == [0, 0, 0, 0]
    assert [entry.stage for entry in StageEntry.objects.all()] == ["listed"]
    chinese = officer.post(f"{urls['day']}?lang=zh-hans", {"day": AHEAD})
    assert [*chinese.context["form"].errors] == ["reason_zh"]  # at the field of the reader's language


# -- a milestone: done, or objected to ------------------------------------------------------------------------


def test_a_completion_is_entered_with_its_evidence_objected_to_and_entered_again(
    officer, ministry, milestone, urls
) -> None:
    page = officer.get(urls["done"])
    assert "Platform live" in page.text
    sent = {"completed_on": PASSED, "evidence": "Notice 12", "quote": "in use"}
    answer = officer.post(urls["done"], typed(page, **sent, page_number=2, file=SimpleUploadedFile("a.csv", PAPER)))
    assert answer["Location"] == f"/pilots/city/#milestone-{milestone.pk}"
    assert "The completion is entered." in officer.get("/pilots/city/").text
    done = Completion.objects.get()
    assert (str(done.completed_on), done.evidence, str(done.entered_by)) == (PASSED, "Notice 12", "officer")
    attached = Attachment.objects.get()
    assert (attached.milestone, attached.page_number, attached.quote) == (milestone, 2, "in use")

    objection = reverse("completion-object", args=["city", done.pk])
    assert objection in ministry.get("/pilots/city/").text
    assert objection not in officer.get("/pilots/city/").text
    assert officer.get(objection).status_code == 403
    assert faults(send(ministry, objection)) == {"objection": "This field is required."}
    assert send(ministry, objection, objection="Not in operation")["Location"] == answer["Location"]
    done.refresh_from_db()
    assert (done.objection, done.objected_on, str(done.objected_by)) == ("Not in operation", today(), "ministry")
    assert ministry.get(objection).status_code == 302  # once
    assert "Not in operation" in officer.get("/desk/").text
    assert urls["done"] in officer.get("/desk/").text
    assert "Not in operation" in officer.get(urls["done"]).text
    assert send(officer, urls["done"], completed_on=str(today()), evidence="Notice 13").status_code == 302
    assert "Not in operation" not in officer.get("/desk/").text


def test_a_file_alone_is_evidence(officer, urls) -> None:
    sent = {"completed_on": PASSED, "file": SimpleUploadedFile("a.csv", PAPER)}
    assert send(officer, urls["done"], **sent).status_code == 302
    assert (Completion.objects.get().evidence, Attachment.objects.count()) == ("", 1)


def test_a_milestone_of_a_stage_is_completed_by_the_stage(ministry, pilot, urls) -> None:
    promised = make.milestone(pilot, today(), stage="tasked", title_en="Tasks given")
    url = reverse("milestone-done", args=["city", promised.pk])
    assert ministry.get(url)["Location"] == f"{urls['stage']}?stage=tasked"


# -- amendments and promises ----------------------------------------------------------------------------------


def test_another_day_is_asked_for_refused_asked_again_withdrawn_and_accepted(
    officer, ministry, milestone, urls
) -> None:
    sent = {"day": AHEAD, "reason_zh": "设备到货推迟", "reason_en": "The supplier is late"}
    first = milestone.planned_on
    page = officer.get(urls["day"])
    assert (page.context["form"]["day"].value(), "drop" in page.context["form"].fields) == (first, True)
    assert officer.post(urls["day"], typed(page, **sent, file=SimpleUploadedFile("a.csv", PAPER))).status_code == 302
    asked = Amendment.objects.get()
    assert (str(asked.day), asked.reason_zh, asked.reason_en, asked.accepted) == (*sent.values(), None)
    assert Attachment.objects.get().milestone == milestone
    assert "asked for on" in officer.get(urls["day"]).text
    assert urls["answer"] in ministry.get("/desk/").text
    assert urls["answer"] in ministry.get("/pilots/city/").text

    assert faults(send(ministry, urls["answer"])) == {"accepted": "This field is required."}
    why = "Say why it is refused: the remark is shown beside the light."
    assert faults(send(ministry, urls["answer"], accepted="no")) == {"remark": why}
    assert send(ministry, urls["answer"], accepted="no", remark="Not without a plan").status_code == 302
    assert "Not without a plan" in officer.get("/desk/").text
    assert urls["day"] in officer.get("/desk/").text
    assert ministry.get(urls["answer"]).status_code == 302  # nothing waits

    assert send(officer, urls["day"], **sent | {"day": str(today() + timedelta(60))}).status_code == 302
    assert officer.post(urls["day"], {"withdraw": "yes"})["Location"] == f"/pilots/city/#milestone-{milestone.pk}"
    assert [item.accepted for item in Amendment.objects.all()] == [False]
    send(officer, urls["day"], **sent)
    assert ministry.post(urls["day"], {"withdraw": "yes"}).status_code == 403  # who asked withdraws
    assert send(ministry, urls["answer"], accepted="yes").status_code == 302
    milestone = Milestone.objects.get()
    assert (milestone.planned_on, str(milestone.planned_by(today()))) == (first, AHEAD)
    assert send(ministry, urls["day"], day=str(today()), reason_zh="会议决定").status_code == 302  # decided at once
    assert Milestone.objects.get().planned_by(today()) == today()
    assert send(ministry, urls["day"], drop="on", reason_zh="不再实施").status_code == 302
    assert Milestone.objects.get().dropped_by(today())
    assert ministry.get(urls["day"])["Location"] == f"/pilots/city/#milestone-{milestone.pk}"


def test_the_day_of_another_milestone_is_amended_at_once_and_what_is_of_today_corrected(officer, pilot) -> None:
    other = make.milestone(pilot, today() + timedelta(5), title_en="Report")
    assert officer.get(other.entry_url())["Location"] == f"/admin/pilots/milestone/{other.pk}/change/"
    age(Milestone)
    assert send(officer, other.entry_url(), day=AHEAD, reason_en="New plan").status_code == 302
    assert (str(other.planned_by(today())), Amendment.objects.get().accepted) == (AHEAD, True)


def amended(item: Amendment) -> dict[str, Any]:
    return {name: value for name in Amendment.CHANGES if (value := getattr(item, name)) is not None}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"value": "70"}, {"value": 70, "steps": {LAST: "90"}}),  # else the steps would be cleared
        ({"value": "70", "steps": ""}, {"value": 70, "steps": {}}),
        ({"year": str(int(LAST) + 2)}, {"year": int(LAST) + 2}),
        ({"steps": f"{LAST}: 95"}, {"steps": {LAST: "95"}}),
        ({"base_value": "125", "steps": ""}, {"base_value": 125, "base_year": int(BEFORE) - 1, "steps": {}}),
    ],
)
def test_of_a_target_only_what_differs_from_what_is_in_force_is_amended(
    officer, ministry, so2, changes, expected
) -> None:
    target = Target.objects.get()
    url, answer = target.entry_url(), target.entry_url("-answer")
    initial = {name: officer.get(url).context["form"].initial[name] for name in ("value", "year", "steps")}
    assert initial == {"value": 60, "year": int(LAST) + 1, "steps": {LAST: "90"}}
    assert send(officer, url, reason_en="Census", **changes)["Location"] == "/pilots/city/#indicator-AIR_SO2"
    asked = Amendment.objects.get()
    assert (asked.target, amended(asked), asked.accepted) == (target, expected, None)
    assert answer in ministry.get("/desk/").text
    assert send(ministry, answer, accepted="yes").status_code == 302
    now = Target.objects.get().values_on(today())
    assert {name: now[Target.AMENDED[name]] for name in expected} == expected
    assert Decimal(officer.get(url).context["form"]["value"].value()) == now["target_value"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [("limit", {"value", "year"}), ("keep", {"base_value", "base_year", "year"})],
)
def test_a_target_is_amended_by_what_its_kind_has(ministry, pilot, kind, fields) -> None:
    target = make.target(pilot, make.indicator("AIR_A"), 50, 40, kind=kind, target_year=int(LAST) + 1)
    age(Target)
    form = ministry.get(target.entry_url()).context["form"]
    assert {*form.fields} == {*fields, "drop", "reason_zh", "reason_en", "version"}
    assert send(ministry, target.entry_url(), drop="on", reason_en="Shut down").status_code == 302
    assert Target.objects.get().dropped_by(today())


def test_what_a_province_promises_waits_for_the_ministry(officer, ministry, pilot) -> None:
    promise = make.milestone(pilot, today() + timedelta(5), title_en="Hub opened", is_key=True, promised_on=None)
    url = promise.entry_url("-answer")
    assert officer.get(url).status_code == 403
    for path in ("/desk/", "/pilots/city/"):
        assert url in ministry.get(path).text
    assert send(ministry, url)["Location"] == f"/pilots/city/#milestone-{promise.pk}"
    promise.refresh_from_db()
    assert promise.promised_on == today()
    assert url not in ministry.get("/desk/").text


# -- the pilot: stage and light ------------------------------------------------------------------------------


def test_a_stage_is_entered_and_a_skipped_one_explained(ministry, pilot, urls) -> None:
    page = ministry.get(urls["stage"])
    assert page.context["form"]["stage"].value() == "tasked"  # the next
    sent = {"entered_on": PASSED, "evidence": "List", "file": SimpleUploadedFile("a.csv", PAPER)}
    assert ministry.post(urls["stage"], typed(page, **sent))["Location"] == "/pilots/city/#overview"
    entry = StageEntry.objects.get(stage="tasked")
    assert (str(entry.entered_on), entry.evidence, entry.recorded_on) == (PASSED, "List", today())
    assert Attachment.objects.get().stage_entry == entry
    skipped = send(ministry, urls["stage"], stage="midterm", entered_on=str(today()), result="conditions")
    assert [*faults(skipped)] == ["reason_en"]
    sent = {"stage": "midterm", "entered_on": str(today()), "result": "conditions", "reason_en": "Not published"}
    assert send(ministry, urls["stage"], **sent).status_code == 302
    entry = StageEntry.objects.get(stage="midterm")
    assert (entry.reason, entry.result) == ("Not published", "conditions")
    assert f"/admin/pilots/pilot/{pilot.pk}/change/#id_withdrawn_on" in ministry.get("/pilots/city/").text


def test_a_light_is_set_by_hand_until_a_day(ministry, pilot, urls) -> None:
    sent = {"colour": "green", "reason": "Checked on site", "expires_on": AHEAD}
    assert send(ministry, urls["light"], **sent)["Location"] == "/pilots/city/#overview"
    light = LightOverride.objects.get()
    assert (light.colour, light.reason, str(light.expires_on), light.set_on) == (*sent.values(), today())
    assert (str(light.author), newest(light)) == ("ministry", ("+", "ministry", "Checked on site"))


# -- the values of a period ----------------------------------------------------------------------------------


def test_the_values_of_a_year_stand_beside_what_was_accepted_and_what_is_due(officer, pilot, so2, urls) -> None:
    make.reading(pilot, so2, BEFORE, 110)
    make.reading(pilot, so2, LAST, 100, accepted_on=None)
    page = officer.get(urls["readings"])
    (row,) = page.context["form"].rows
    assert (row.indicator, row.before.value_text, row.due, row.newest.value_text) == (so2, "110", "90", "100")
    assert page.context["form"].entered == 1
    assert "1 of 1 entered" in page.text
    assert officer.get(f"{urls['readings']}?period={LAST}-Q3").context["period"] == f"{LAST}-Q3"
    assert (page.context["period"], officer.get(f"{urls['readings']}?period=").context["period"]) == (LAST, LAST)


def test_the_values_are_recorded_all_or_none_with_their_file(officer, ministry, pilot, so2, urls) -> None:
    make.target(pilot, carbon := make.carbon(name_en="CO2"), 50, 40)
    page = officer.get(urls["readings"])
    value, other = (f"r{item.pk}-value" for item in (so2, carbon))
    refused = officer.post(urls["readings"], typed(page, **{value: "１０５", other: "12,5"}))
    assert faults(refused) == {other: "This is not a number. Write 12345.6 or 12,345.6; the unit is 10⁴ t."}
    assert (Reading.objects.count(), typed(refused)[value]) == (0, "１０５")
    assert faults(officer.post(urls["readings"], typed(page))) == {"__all__": "No value was entered yet."}
    ahead = send(ministry, urls["readings"], reported_on=AHEAD, **{value: "105"})
    assert [*faults(ahead)] == ["reported_on"]
    asked = [officer.get(f"{urls['readings']}?period={period}").context["form"].fields for period in (LAST, BEFORE)]
    assert ["reported_on" in fields for fields in asked] == [False, True]  # of a year that is asked for, today
    sent = {value: "１０５", other: "45.5", "value_status": "final", "change_reason": "Yearbook"}
    answer = officer.post(urls["readings"], typed(page, **sent, file=SimpleUploadedFile("a.csv", PAPER)))
    assert answer["Location"] == "/pilots/city/#indicators"
    assert {r.indicator: (r.value, r.value_status, r.state) for r in Reading.objects.all()} == {
        so2: (105, "final", "reported"),
        carbon: (Decimal("45.5"), "final", "reported"),
    }
    assert [newest(reading) for reading in Reading.objects.all()] == [("+", "officer", "Yearbook")] * 2
    assert {item.reading for item in Attachment.objects.all()} == {*Reading.objects.all()}
    record = " ".join(strip_tags(officer.get("/pilots/city/").text).split())
    assert f"2 values wait for review SO2 {LAST}: 105 t {carbon.name} {LAST}: 45.5 × 10⁴ t" in record
    again = officer.post(
        urls["readings"], typed(officer.get(urls["readings"]), **{value: "105", "value_status": "final"})
    )
    assert (again.status_code, Reading.objects.count()) == (302, 2)  # it is on record as it is


def test_a_jump_needs_a_remark_and_a_value_entered_meanwhile_a_second_look(officer, ministry, pilot, so2, urls) -> None:
    make.reading(pilot, so2, BEFORE, 100)
    value, note = (f"r{so2.pk}-{name}" for name in ("value", "note"))
    page, theirs = officer.get(urls["readings"]), ministry.get(urls["readings"])
    make.target(pilot, carbon := make.carbon(), 50, 40)
    both = officer.post(
        urls["readings"], typed(officer.get(urls["readings"]), **{value: "140", f"r{carbon.pk}-value": "x"})
    )
    assert faults(both).keys() == {value, f"r{carbon.pk}-value"}  # all of them at once
    quarter = urls["readings"] + f"?period={ended_periods(True, today())[-1]}"
    first = send(officer, quarter, **{value: "9999999"})
    assert faults(first)[value].startswith(f"9,999,999 is 9,999,899.0 % above the 100 of {BEFORE}. Correct")
    jump = officer.post(urls["readings"], typed(page, **{value: "140"}))
    assert faults(jump)[value].startswith("140 is 40.0 % above the 100")
    ministry.post(urls["readings"], typed(theirs, **{value: "105"}))
    stale = officer.post(urls["readings"], typed(jump, **{note: "New furnace"}))
    assert faults(stale)[value].startswith("ministry entered 105 (preliminary, version 1) here on ")
    assert officer.post(urls["readings"], typed(stale)).status_code == 302
    reading = Reading.objects.get(version=2)
    assert (reading.value, reading.note, reading.state) == (140, "New furnace", "reported")


def test_of_several_targets_the_next_one_judges_the_year(officer, pilot, so2, urls) -> None:
    year = int(LAST) + 1
    make.target(pilot, so2, 120, 100, base_year=int(BEFORE) - 1, target_year=int(BEFORE))
    make.target(pilot, so2, 120, 40, base_year=int(BEFORE) - 1, target_year=year + 4)
    asked = [officer.get(f"{urls['readings']}?period={period}").context["form"].rows[0] for period in (BEFORE, LAST)]
    assert [(row.terms.year, row.due) for row in asked] == [(int(BEFORE), "100"), (year, "90")]
    page = officer.get(urls["readings"]).text
    assert f"Amend the target of {year}" in page
    assert Target.objects.get(target_year=year).entry_url() in page


@pytest.mark.parametrize("period", ["2099", "2099-Q1", "1999", "2025Q1", "x", "-Q"])
def test_a_period_that_is_none_is_refused_in_words(officer, so2, urls, period) -> None:
    """Nothing is recorded for another one."""
    page, url = officer.get(urls["readings"]), f"{urls['readings']}?period={period}"
    for answer in (officer.get(url), officer.post(url, typed(page, **{f"r{so2.pk}-value": "105"}))):
        assert (answer.status_code, f"“{period}” is no period that has ended." in answer.text) == (400, True)
    assert Reading.objects.count() == 0


def test_what_may_be_needed_is_not_called_optional(officer, ministry, pilot, so2, milestone, urls) -> None:
    make.reading(pilot, so2, LAST, 100, accepted_on=None)
    send(officer, urls["day"], day=AHEAD, reason_en="Late")
    for client, name in ((officer, "day"), (ministry, "answer"), (ministry, "stage"), (ministry, "judge")):
        form = client.get(urls[name])
        labels = re.findall(r'<label for="id_(\w+)">[^<]*(?:<span class="optional">)?', form.text)
        optional = set(re.findall(r'<label for="id_(\w+)">[^<]*<span class="optional">', form.text))
        needed = {*form.context["form"].NEEDED}
        assert needed
        assert needed <= {*labels}
        assert not optional & needed


def test_another_indicator_is_added_without_losing_what_was_typed(officer, pilot, so2, urls) -> None:
    carbon, value = make.carbon(), f"r{so2.pk}-value"
    page = officer.get(urls["readings"])
    for key in ("9" * 25, "x", "-1"):  # that no database could have
        same = officer.post(urls["readings"], typed(page, add=key, add_row="yes"))
        assert [row.indicator for row in same.context["form"].rows] == [so2]
    wider = officer.post(urls["readings"], typed(page, add=carbon.pk, add_row="yes", **{value: "11x"}))
    assert [row.indicator for row in wider.context["form"].rows] == [so2, carbon]
    assert (typed(wider)[value], wider.context["form"].faults) == ("11x", 0)
    done = officer.post(urls["readings"], typed(wider, **{value: "110", f"r{carbon.pk}-value": "40"}))
    assert (done.status_code, Reading.objects.count()) == (302, 2)


def judged(page: Any) -> dict[str, tuple[str, ...]]:
    """Return the cells of each value, in order, of the table of those to accept or dispute; none is ticked."""
    table = re.search(r"<table.*</table>", page.text, re.DOTALL)
    rows = re.findall(r"<tr class=.*?</tr>", table[0], re.DOTALL) if table else []
    assert " checked" not in page.text
    cells = [[" ".join(html.unescape(strip_tags(cell)).split()) for cell in re.split(r"(?=<td)", row)] for row in rows]
    return {row[0]: tuple(row[1:]) for row in cells}


def test_values_are_accepted_returned_and_disputed_with_a_reason(ministry, officer, pilot, so2, urls) -> None:
    waiting = {"accepted_on": None}
    first, second = (make.reading(pilot, so2, year, 100, **waiting) for year in (BEFORE, LAST))
    url = f"{reverse('readings-judge')}?pilot=city"
    assert officer.get(url).status_code == 403
    assert url in ministry.get("/desk/").text
    assert f'href="{url}"' in ministry.get("/pilots/city/").text
    page = ministry.get(url)
    assert "more wait" not in page.text
    base = str(int(BEFORE) - 1)
    same = ("100 t preliminary", f"120 {base}", "−16.7 %", "–", "–")
    assert judged(page) == {f"{pilot} · SO2 · {year}": same for year in (BEFORE, LAST)}
    assert [choice[0] for choice in page.context["form"].fields["verdict"].choices] == ["accepted", "returned"]
    assert faults(ministry.post(url, {})) == dict.fromkeys(("readings", "verdict"), "This field is required.")
    sent = {"readings": [first.pk], "verdict": "accepted", "change_reason": "Checked"}
    assert ministry.post(url, sent)["Location"] == "/pilots/city/#indicators"
    first.refresh_from_db()
    assert (first.state, first.accepted_on, newest(first)) == ("accepted", today(), ("~", "ministry", "Checked"))

    back = {"readings": [second.pk], "verdict": "returned", "answer_by": AHEAD}
    assert faults(ministry.post(url, back)) == {"change_reason": "Say what is wrong with it."}
    assert faults(ministry.post(url, back | {"change_reason": "Which meter?", "answer_by": PASSED})) == {
        "answer_by": "Choose today or a later day."
    }
    assert ministry.post(url, back | {"change_reason": "Which meter?"}).status_code == 302
    second.refresh_from_db()
    assert (second.state, second.returned_on, str(second.answer_by)) == ("returned", today(), AHEAD)
    assert "readings" in faults(ministry.post(url, sent | {"readings": second.pk}))  # it waits no more
    assert "No value waits to be accepted." in ministry.get(url).text

    one = f"{reverse('readings-judge')}?reading={first.pk}"
    assert [choice[0] for choice in ministry.get(one).context["form"].fields["verdict"].choices] == ["disputed"]
    sent = {"readings": first.pk, "verdict": "disputed", "change_reason": "Not in the yearbook"}
    assert ministry.post(one, sent)["Location"] == "/desk/"
    first.refresh_from_db()
    assert (first.state, first.disputed_on, first.accepted_on) == ("disputed", today(), today())

    # The province answers both: with the same value, too.
    desk = officer.get("/desk/").text
    for reading, said in ((second, "Which meter?"), (first, "Not in the yearbook")):
        field = f"{urls['readings']}?period={reading.period}#id_r{so2.pk}-value"
        assert (field in desk, said in desk) == (True, True)
        page = officer.get(field)
        assert (said in page.text, page.context["form"].entered) == (True, 0)
        assert officer.post(field, typed(page, **{f"r{so2.pk}-value": "100"})).status_code == 302
    assert [(r.version, r.value, r.state) for r in Reading.objects.filter(version=2)] == [(2, 100, "reported")] * 2
    assert "Which meter?" not in officer.get("/desk/").text


def test_what_one_handed_in_oneself_is_shown_and_cannot_be_accepted(ministry, pilot, so2, urls) -> None:
    assert send(ministry, urls["readings"], **{f"r{so2.pk}-value": "110"}).status_code == 302
    page, own = ministry.get(urls["judge"]), Reading.objects.get()
    assert [*judged(page)] == [f"{pilot} · SO2 · {LAST} You handed it in: somebody else decides on it."]
    assert f'value="{own.pk}"' not in page.text
    refused = ministry.post(urls["judge"], {"readings": own.pk, "verdict": "accepted"})
    assert faults(refused) == {"__all__": "Somebody else accepts what you handed in."}
    wang = client_of(make_user("wang", "national_editor"))
    assert wang.post(urls["judge"], {"readings": own.pk, "verdict": "accepted"}).status_code == 302


def test_jumps_stand_first_and_older_versions_are_left_out(ministry, pilot, so2) -> None:
    waiting = {"accepted_on": None}
    carbon, url = make.carbon(name_en="CO2"), f"{reverse('readings-judge')}?pilot=city"
    make.reading(pilot, so2, BEFORE, 100)
    old = make.reading(pilot, so2, LAST, 104, **waiting)
    plain = make.reading(pilot, so2, LAST, 105, version=2, **waiting)
    quarter = make.reading(pilot, so2, f"{LAST}-Q4", 9_999_999, note_en="Meter replaced", **waiting)
    first = make.reading(pilot, carbon, LAST, 7, **waiting)  # nothing to compare it with
    second = make.reading(pilot, so2, f"{LAST}-Q1", 27, **waiting)
    paper = make.document(title="Meter", is_public=True)
    Attachment.objects.create(reading=quarter, document=paper, attached_on=today())
    [row] = csv_records(ministry.get("/desk/?export=review.csv"))
    assert row["Values"] == "4"  # the older version of one does not wait
    page = ministry.get(url)
    name, jump = f"{pilot} · SO2 · {LAST}", f"Jump: 9,999,999 is 9,999,899.0 % above the 100 of {BEFORE}."
    assert list(judged(page).items()) == [
        (f"{name}-Q4 {jump}", ("9,999,999 t preliminary", f"100 {BEFORE}", "–", "Meter replaced", "Meter")),
        (name, ("105 t preliminary · version 2", f"100 {BEFORE}", "+5.0 %", "–", "–")),
        (f"{name}-Q1", ("27 t preliminary", f"100 {BEFORE}", "–", "–", "–")),
        (f"{pilot} · CO2 · {LAST}", ("7 × 10⁴ t preliminary", "–", "–", "–", "–")),
    ]
    assert "All 2 that do not jump" in page.text
    [keys] = re.findall(r'id="id_plain" value="([\d,]+)"', page.text)
    assert {*keys.split(",")} == {str(plain.pk), str(second.pk)}
    later = make.reading(pilot, so2, f"{LAST}-Q2", 26, **waiting)  # came after the page was opened: it is not meant
    assert ministry.post(url, {"readings": keys, "verdict": "accepted"}).status_code == 302
    states = {item.pk: str(item.state) for item in Reading.objects.filter(period__startswith=LAST)}
    accepted = dict.fromkeys([plain.pk, second.pk], "accepted")
    assert states == dict.fromkeys([old.pk, quarter.pk, first.pk, later.pk], "reported") | accepted
    asked = f"{reverse('readings-judge')}?reading={old.pk},{plain.pk}"
    assert list(judged(ministry.get(asked))) == [name]
    zero = make.reading(pilot, carbon, BEFORE, 0)
    correction = make.reading(pilot, so2, LAST, 104, version=3, **waiting)
    page = ministry.get(f"{reverse('readings-judge')}?reading={correction.pk},{first.pk}")
    assert "that do not jump" not in page.text  # from 0 nobody can say
    assert judged(page) == {
        name: ("104 t preliminary · version 3", f"105 {LAST}", "−1.0 %", "–", "–"),  # the version that it follows
        f"{pilot} · CO2 · {LAST}": ("7 × 10⁴ t preliminary", f"0 {zero.period}", "–", "–", "–"),
    }
    assert list(judged(ministry.get(f"{reverse('readings-judge')}?reading={old.pk}"))) == [name]  # asked for by itself


# -- others, and readers -------------------------------------------------------------------------------------

CONCURRENT: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "done": (
        {"completed_on": PASSED, "evidence": "Notice 11"},
        {"completed_on": str(today()), "evidence": "Notice 12"},
    ),
    "day": ({"day": AHEAD, "reason_en": "Theirs"}, {"day": str(today() + timedelta(9)), "reason_en": "Mine"}),
    "stage": ({"entered_on": PASSED}, {"stage": "plan_draft", "entered_on": str(today())}),
    "light": (
        {"colour": "red", "reason": "Theirs", "expires_on": AHEAD},
        {"colour": "green", "reason": "Mine", "expires_on": AHEAD},
    ),
}


@pytest.mark.parametrize("name", CONCURRENT)
def test_who_is_second_is_told_loses_nothing_and_saves_again(ministry, urls, milestone, name) -> None:
    url, (theirs, mine) = urls[name], CONCURRENT[name]
    opened = ministry.get(url)
    wang = client_of(make_user("wang", "national_editor"))
    assert send(wang, url, **theirs).status_code == 302
    refused = ministry.post(url, typed(opened, **mine))
    assert refused.status_code == 409
    assert faults(refused)["__all__"].startswith("wang saved this record on ")
    assert {key: refused.context["form"][key].value() for key in mine} == mine
    assert ministry.post(url, typed(refused)).status_code == 302
    if name == "done":
        assert [item.evidence for item in Completion.objects.all()] == ["Notice 11", "Notice 12"]
    if name == "day":
        assert [str(item.day) for item in Amendment.objects.order_by("pk")][-1] == mine["day"]


def test_forms_are_for_those_who_may_change_the_record(urls, pilot, milestone) -> None:
    """The matrix of authorisation has every role; here what the refusal says and the sign-in that is asked for."""
    elsewhere = client_of(make_user("elsewhere", "provincial_editor", make.province()))
    for url in urls.values():
        assert elsewhere.get(url).status_code == 403
        assert elsewhere.post(url, {"completed_on": PASSED}).status_code == 403
        assert Client().get(url)["Location"] == f"/sign-in/?next={url}"
    text = "This belongs to another province or to all: your role does not reach it."
    assert text in elsewhere.get(urls["done"]).text
    own = client_of(make_user("own", "provincial_editor", pilot.province))
    assert "The ministry does this: it enters stages, " in own.get(urls["stage"]).text
    unknown = reverse("milestone-done", args=["city", 999999]), "/pilots/city/sources/1/amend/", "/pilots/x/light/"
    ministry = client_of(make_user("ministry", "national_editor"))
    assert [ministry.get(url).status_code for url in unknown] == [404] * 3


def test_what_is_sent_after_the_sign_in_ended_stands_in_the_form_again_for_its_author(pilot, milestone, urls) -> None:
    make_user("colleague", "provincial_editor", pilot.province)
    make_user("officer", "provincial_editor", pilot.province)
    client, evidence = signed_in("officer"), "第12号通知" * 900  # nothing of it is cut off
    page = client.get(urls["done"])
    sent = typed(page, completed_on=PASSED, evidence=evidence)
    sent["author"] = re.findall(r'name="author" value="([^"]+)"', page.text)[0]
    for user in ("colleague", "officer"):
        client.session.flush()
        assert client.post(urls["done"], sent)["Location"] == f"/sign-in/?next={urls['done']}"
        client.post("/sign-in/", {"username": user, "password": "a long enough one", "next": urls["done"]})
        assert not client.get(f"{urls['done']}?lang=en").context["form"].is_bound  # the form of another address
        page = client.get(urls["done"])
        assert ("Your sign-in had ended." in page.text, page.context["form"].is_bound) == (user == "officer",) * 2
    assert page.context["form"]["evidence"].value() == evidence
    assert Completion.objects.count() == 0
    assert client.post(urls["done"], typed(page, evidence="Notice 12")).status_code == 302
    assert Completion.objects.get().evidence == "Notice 12"
    assert not client.get(urls["done"]).context["form"].is_bound


def test_of_what_an_anonymous_sends_to_a_form_nothing_is_kept(urls: dict[str, str]) -> None:
    for author in ({}, {"author": "1"}, {"author": signing.dumps(1, salt="another")}):
        for url in (*urls.values(), "/pilots/x/light/"):
            answer = Client().post(url, {"evidence": "x" * 100, **author})
            assert (answer.status_code, answer.cookies.keys()) == (302, set())
    assert not Session.objects.exists()


def test_the_record_leads_to_the_forms_those_who_may_enter(
    officer: Client, ministry: Client, pilot: Pilot, urls: dict[str, str], so2: Indicator
) -> None:
    def leads(client: Client, query: str = "") -> set[str]:
        page = client.get(f"/pilots/city/{query}").text
        return {name for name, url in urls.items() if f'href="{url}' in page}

    assert leads(officer) == {"done", "readings"}
    assert leads(ministry) == {"done", "stage", "light", "readings"}
    assert f'href="{urls["readings"]}#id_r{so2.pk}-value"' in officer.get("/pilots/city/").text
    for table in ("milestone-list", "indicators"):
        assert "Enter" not in csv_records(officer.get(f"/pilots/city/?export={table}.csv"))[0]
    assert leads(ministry, "?as_of=2026-01-01") == leads(Client()) == set()
    assert urls["done"] in officer.get("/desk/").text
    assert urls["readings"] in officer.get("/desk/").text
