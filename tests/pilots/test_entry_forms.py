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
from pilots.models import Attachment, Indicator, LightOverride, Milestone, Pilot, Reading, Replan, StageEntry
from pilots.views.entry import last_ended
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.csv_files import csv_records
from tests.support.sign_in import client_of, signed_in
from tests.support.snapshots import assert_snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
LAST, BEFORE = str(today().year - 1), str(today().year - 2)  # the newest year that has ended, and the one before
AHEAD, PASSED, PLANNED = (str(today() + timedelta(days)) for days in (30, -10, -120))
PROGRAM = {"file": SimpleUploadedFile("a.exe", b"MZ")}
PAPER = b"day,what\n1,done\n"


@pytest.fixture(autouse=True)
def _files(tmp_path: Any, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def pilot() -> Pilot:
    city = make.pilot(make.batch(), make.province(slug="hebei"), slug="city", name_en="City", name_zh="市")
    make.stage(city, "listed", date(2024, 1, 15))
    make.stage(city, "tasked", None, planned_on=today() - timedelta(20))
    return city


@pytest.fixture
def milestone(pilot: Pilot) -> Milestone:
    """Make one whose day passed long ago, and which was not entered today."""
    day = today() - timedelta(120)
    made = make.milestone(pilot, day, title_en="Platform live", title_zh="平台上线", is_key=True)
    Milestone.history.update(history_date=timezone.now() - timedelta(200))
    return made


@pytest.fixture
def so2(pilot: Pilot) -> Indicator:
    indicator = make.indicator("AIR_SO2", name_en="SO2", name_zh="二氧化硫")
    make.add_step(
        make.target(pilot, indicator, 120, 60, base_year=int(BEFORE) - 1, target_year=int(LAST) + 1), int(LAST), 90
    )
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
    stage = StageEntry.objects.get(stage="tasked")
    return {
        "done": reverse("milestone-done", args=["city", milestone.pk]),
        "day": milestone.entry_url(),
        "stage_day": stage.entry_url(),
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
    "stage": {"entered_on": PASSED},
    "light": {"colour": "green", "reason": "Checked on site", "expires_on": AHEAD},
}
WRONG: dict[str, list[dict[str, Any]]] = {
    "done": [
        {"completed_on": ""},
        {"completed_on": AHEAD},
        {"evidence": "x" * 301},
        {"change_reason": "a\u202eb"},
        PROGRAM,
    ],
    "day": [{"day": ""}, {"day": PLANNED}, {"reason_zh": ""}, {"reason_en": "a\u202eb"}, PROGRAM],
    "stage": [
        {"entered_on": ""},
        {"entered_on": AHEAD},
        {"stage": "listed", "entered_on": "2024-01-15"},  # it is on record
        {"stage": "recommended"},  # not after a later one
        PROGRAM,
    ],
    "light": [{"colour": "blue"}, {"reason": ""}, {"expires_on": ""}, {"expires_on": str(today())}],
}


def test_what_is_wrong_is_refused_at_its_field_and_kept(officer, ministry, milestone, urls) -> None:
    said = {}
    for name, cases in WRONG.items():
        client = ministry if name in {"stage", "light"} else officer
        for number, changes in enumerate(cases):
            PROGRAM["file"].seek(0)
            answer = send(client, urls[name], **SOUND[name] | changes)
            kept = {field: answer.context["form"][field].value() for field in SOUND[name]}
            said[f"{name} {number}"] = faults(answer)
            assert (answer.status_code, kept) == (400, {field: (SOUND[name] | changes)[field] for field in SOUND[name]})
    assert_snapshot("entry-form-errors", said)
    milestone.refresh_from_db()
    written = (Replan.objects.count(), Attachment.objects.count(), LightOverride.objects.count())
    assert (milestone.history.count(), *written) == (1, 0, 0, 0)
    assert [entry.entered_on for entry in StageEntry.objects.order_by("pk")] == [date(2024, 1, 15), None]
    chinese = officer.post(f"{urls['day']}?lang=zh-hans", {"day": AHEAD})
    assert [*chinese.context["form"].errors] == ["reason_zh"]  # at the field of the reader's language


# -- a milestone: done, or another day ------------------------------------------------------------------------


def test_a_completion_is_entered_with_its_evidence_and_returns_to_the_milestone(officer, milestone, urls) -> None:
    page = officer.get(urls["done"])
    assert "Platform live is 120 days overdue" in page.text
    sent = {"completed_on": PASSED, "evidence": "Notice 12", "change_reason": "Late delivery", "quote": "in use"}
    answer = officer.post(urls["done"], typed(page, **sent, page_number=2, file=SimpleUploadedFile("a.csv", PAPER)))
    assert answer["Location"] == f"/pilots/city/#milestone-{milestone.pk}"
    assert "The completion is entered." in officer.get("/pilots/city/").text
    milestone.refresh_from_db()
    assert (str(milestone.completed_on), milestone.evidence) == (PASSED, "Notice 12")
    assert newest(milestone) == ("~", "officer", "Late delivery")
    attached = Attachment.objects.get()
    assert (attached.milestone, attached.page_number, attached.quote) == (milestone, 2, "in use")
    assert faults(send(officer, urls["done"])) == {
        "__all__": "Nothing was changed, so nothing was saved and the history has no new entry."
    }
    assert send(officer, urls["done"], completed_on="").status_code == 302  # taken back


def test_another_day_is_asked_for_refused_asked_again_withdrawn_and_accepted(
    officer, ministry, milestone, urls
) -> None:
    sent = {"day": AHEAD, "reason_zh": "设备到货推迟", "reason_en": "The supplier is late"}
    first = milestone.planned_on
    assert send(officer, urls["day"], **sent, file=SimpleUploadedFile("a.csv", PAPER)).status_code == 302
    replan = Replan.objects.get()
    assert (str(replan.day), replan.reason_zh, replan.reason_en, replan.accepted) == (*sent.values(), None)
    assert Attachment.objects.get().milestone == milestone
    assert "a later day is asked for" in officer.get(urls["day"]).text
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
    assert [item.accepted for item in Replan.objects.all()] == [False]
    send(officer, urls["day"], **sent)
    assert ministry.post(urls["day"], {"withdraw": "yes"}).status_code == 403  # who asked withdraws
    assert send(ministry, urls["answer"], accepted="yes").status_code == 302
    milestone = Milestone.objects.get()
    assert (milestone.planned_on, str(milestone.planned_by(today()))) == (first, AHEAD)
    assert send(ministry, urls["day"], day=PASSED, reason_zh="会议决定").status_code == 302  # decided at once
    assert str(Milestone.objects.get().planned_by(today())) == PASSED


def test_the_day_of_another_milestone_is_changed_at_once_and_that_of_a_stage_asked_for(officer, pilot, urls) -> None:
    other = make.milestone(pilot, date(2026, 1, 1), title_en="Report")
    assert send(officer, other.entry_url(), day=AHEAD, reason_en="New plan").status_code == 302
    other.refresh_from_db()
    assert (str(other.planned_on), newest(other), Replan.objects.count()) == (AHEAD, ("~", "officer", "New plan"), 0)
    assert send(officer, urls["stage_day"], day=AHEAD, reason_en="Review moved").status_code == 302
    assert (Replan.objects.get().item, Replan.objects.get().state) == (
        StageEntry.objects.get(stage="tasked"),
        "waiting",
    )


# -- the pilot: stage and light ------------------------------------------------------------------------------


def test_a_stage_is_entered_where_it_was_planned_and_a_skipped_one_explained(ministry, pilot, urls) -> None:
    page = ministry.get(urls["stage"])
    assert page.context["form"]["stage"].value() == "tasked"  # the next
    sent = {"entered_on": PASSED, "evidence": "List", "file": SimpleUploadedFile("a.csv", PAPER)}
    assert ministry.post(urls["stage"], typed(page, **sent))["Location"] == "/pilots/city/#overview"
    entry = StageEntry.objects.get(stage="tasked")
    assert (str(entry.entered_on), entry.evidence, entry.planned_on is None) == (PASSED, "List", False)
    assert Attachment.objects.get().stage_entry == entry
    skipped = send(ministry, urls["stage"], stage="implementing", entered_on=str(today()))
    assert [*faults(skipped)] == ["reason_en"]
    assert send(ministry, urls["stage"], stage="implementing", entered_on=str(today()), reason_en="Not published")
    assert StageEntry.objects.get(stage="implementing").reason == "Not published"


def test_a_light_is_set_by_hand_until_a_day(ministry, pilot, urls) -> None:
    sent = {"colour": "green", "reason": "Checked on site", "expires_on": AHEAD}
    assert send(ministry, urls["light"], **sent)["Location"] == "/pilots/city/#overview"
    light = LightOverride.objects.get()
    assert (light.colour, light.reason, str(light.expires_on), light.set_on) == (*sent.values(), today())
    assert (str(light.author), newest(light)) == ("ministry", ("+", "ministry", "Checked on site"))


# -- the values of a period ----------------------------------------------------------------------------------


def test_the_values_of_a_year_stand_beside_what_was_accepted_and_what_is_due(officer, pilot, so2, urls) -> None:
    make.reading(pilot, so2, BEFORE, 110)
    make.reading(pilot, so2, LAST, 100, state="reported", accepted_on=None)
    page = officer.get(urls["readings"])
    (row,) = page.context["form"].rows
    assert (row.indicator, row.before.value_text, row.due, row.newest.value_text) == (so2, "110", "90", "100")
    assert page.context["form"].entered == 1
    assert "1 of 1 entered" in page.text
    assert officer.get(f"{urls['readings']}?period={LAST}-Q3").context["period"] == f"{LAST}-Q3"
    assert (page.context["period"], officer.get(f"{urls['readings']}?period=").context["period"]) == (LAST, LAST)


def test_the_values_are_recorded_all_or_none_with_their_file(officer, pilot, so2, urls) -> None:
    make.target(pilot, carbon := make.carbon(name_en="CO2"), 50, 40)
    page = officer.get(urls["readings"])
    value, other = (f"r{item.pk}-value" for item in (so2, carbon))
    refused = officer.post(urls["readings"], typed(page, **{value: "１０５", other: "12,5"}))
    assert faults(refused) == {other: "This is not a number. Write 12345.6 or 12,345.6; the unit is 10⁴ t."}
    assert (Reading.objects.count(), typed(refused)[value]) == (0, "１０５")
    assert faults(officer.post(urls["readings"], typed(page))) == {"__all__": "No value was entered yet."}
    ahead = officer.post(urls["readings"], typed(page, reported_on=AHEAD, **{value: "105"}))
    assert [*faults(ahead)] == ["reported_on"]
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
    quarter = urls["readings"] + f"?period={last_ended(True, today())}"
    first = send(officer, quarter, **{value: "9999999"})
    assert faults(first)[value].startswith(f"9,999,999 is 9,999,899.0 % above the 100 of {BEFORE}. Correct")
    jump = officer.post(urls["readings"], typed(page, **{value: "140"}))
    assert faults(jump)[value].startswith("140 is 40.0 % above the 100")
    ministry.post(urls["readings"], typed(theirs, accept="on", **{value: "105"}))
    assert (Reading.objects.get(period=LAST).state, Reading.objects.get(period=LAST).accepted_on) == (
        "accepted",
        today(),
    )
    stale = officer.post(urls["readings"], typed(jump, **{note: "New furnace"}))
    assert faults(stale)[value].startswith("ministry entered 105 (preliminary, version 1) here on ")
    assert "accept" not in stale.context["form"].fields
    assert officer.post(urls["readings"], typed(stale, accept="on")).status_code == 302
    reading = Reading.objects.get(version=2)
    assert (reading.value, reading.note, reading.state) == (140, "New furnace", "reported")


@pytest.mark.parametrize("period", ["2099", "2099-Q1", "1999", "2025Q1", "x", "-Q"])
def test_a_period_that_is_none_is_refused_in_words(officer, so2, urls, period) -> None:
    """Nothing is recorded for another one."""
    page, url = officer.get(urls["readings"]), f"{urls['readings']}?period={period}"
    for answer in (officer.get(url), officer.post(url, typed(page, **{f"r{so2.pk}-value": "105"}))):
        assert (answer.status_code, f"“{period}” is no period that has ended." in answer.text) == (400, True)
    assert Reading.objects.count() == 0


def test_what_may_be_needed_is_not_called_optional(officer, ministry, milestone, urls) -> None:
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


def test_values_are_accepted_and_disputed_with_a_reason(ministry, officer, pilot, so2) -> None:
    waiting = {"state": "reported", "accepted_on": None}
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
    assert faults(ministry.post(url, {})) == dict.fromkeys(("readings", "verdict"), "This field is required.")
    both = {"readings": [first.pk, second.pk], "change_reason": "Checked"}
    assert ministry.post(url, both | {"verdict": "accepted"})["Location"] == "/pilots/city/#indicators"
    assert [(r.state, r.accepted_on, newest(r)) for r in Reading.objects.all()] == [
        ("accepted", today(), ("~", "ministry", "Checked"))
    ] * 2
    one = f"{reverse('readings-judge')}?reading={first.pk}"
    refused = ministry.post(one, {"readings": first.pk, "verdict": "disputed"})
    assert faults(refused) == {"change_reason": "Say what is wrong with the value."}
    sent = {"readings": first.pk, "verdict": "disputed", "change_reason": "Not in the yearbook"}
    assert ministry.post(one, sent)["Location"] == "/desk/"
    assert [r.state for r in Reading.objects.order_by("period")] == ["disputed", "accepted"]
    assert "readings" in faults(ministry.post(url, {"readings": second.pk, "verdict": "accepted"}))  # it waits no more
    assert "No value waits to be accepted." in ministry.get(url).text


def test_jumps_stand_first_and_older_versions_are_left_out(ministry, pilot, so2) -> None:
    waiting = {"state": "reported", "accepted_on": None}
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
    states = dict(Reading.objects.filter(period__startswith=LAST).values_list("pk", "state"))
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
    "done": ({"completed_on": PASSED}, {"evidence": "Notice 12"}),
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
    if name == "done":
        send(ministry, url, completed_on=str(today()))
    opened = ministry.get(url)
    wang = client_of(make_user("wang", "national_editor"))
    assert send(wang, url, **theirs).status_code == 302
    refused = ministry.post(url, typed(opened, **mine))
    assert refused.status_code == 409
    assert faults(refused)["__all__"].startswith("wang saved this record on ")
    assert {key: refused.context["form"][key].value() for key in mine} == mine
    assert ministry.post(url, typed(refused)).status_code == 302
    if name == "done":
        milestone.refresh_from_db()
        assert (str(milestone.completed_on), milestone.evidence) == (PASSED, "Notice 12")  # what both said
    if name == "day":
        assert [str(item.day) for item in Replan.objects.order_by("pk")][-1] == mine["day"]


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
    unknown = reverse("milestone-done", args=["city", 999999]), "/pilots/city/sources/1/day/", "/pilots/x/light/"
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
    assert Milestone.objects.get().completed_on is None
    assert client.post(urls["done"], typed(page, evidence="Notice 12")).status_code == 302
    assert (Milestone.objects.get().evidence, client.get(urls["done"]).context["form"].is_bound) == ("Notice 12", False)


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

    assert leads(officer) == {"done", "stage_day", "readings"}
    assert leads(ministry) == {"done", "stage_day", "stage", "light", "readings"}
    assert f'href="{urls["readings"]}#id_r{so2.pk}-value"' in officer.get("/pilots/city/").text
    for table in ("milestone-list", "indicators"):
        assert "Enter" not in csv_records(officer.get(f"/pilots/city/?export={table}.csv"))[0]
    assert leads(ministry, "?as_of=2026-01-01") == leads(Client()) == set()
    assert urls["done"] in officer.get("/desk/").text
    assert urls["readings"] in officer.get("/desk/").text
