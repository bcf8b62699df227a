"""Change log and data quality pages: permissions, rejected parameters, and files equal to the pages."""

import csv
import io
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from core.imports.models import Import, ImportState
from dashboard.quality import DataQuality
from pilots.models import Pilot
from tests import factories as make
from tests.dashboard.test_change_log import edit_record as edit
from tests.support.histories import forget_entries
from tests.support.sign_in import staff_client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]

CHANGES, QUALITY = "/admin/changes/", "/admin/quality/"


@pytest.fixture
def pilot() -> Pilot:
    """Make a pilot of Hebei with an overdue milestone, without changes."""
    province = make.province(slug="hebei", name_en="Hebei", name_zh="河北省")
    pilot = make.pilot(make.batch(title_en="First batch", city_count=3), province, name_en="Huzhou", name_zh="湖州市")
    make.milestone(pilot, date(2025, 5, 1), title_en="Platform live", title_zh="平台上线", owner="Bureau")
    forget_entries()
    return pilot


def rows_of(response: Any) -> tuple[list[str], list[list[str]]]:
    """Return the header lines of a CSV, and its rows."""
    text = response.getvalue().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    return [row[0] for row in rows if row[0].startswith("#")], [row for row in rows if not row[0].startswith("#")]


@pytest.mark.parametrize("page", [CHANGES, QUALITY])
def test_the_pages_are_for_staff_who_may_view_records(pilot: Pilot, client: Client, page: str) -> None:
    assert client.get(page).status_code == 302
    client.force_login(User.objects.create_user("reader"))
    assert client.get(page).status_code == 302
    assert staff_client().get(page).status_code == 403


# -- who may ---------------------------------------------------------------------------------------------------------


def test_a_clerk_sees_the_kinds_that_he_may_view(pilot: Pilot, admin_client: Client) -> None:
    edit(pilot)
    edit(pilot.province)
    mine = staff_client("view_pilot")
    page = mine.get(CHANGES)
    assert [line.kind for line in page.context["page"].object_list] == ["Pilot"]
    assert [word for word, _label in page.context["bar"].form.fields["kind"].choices] == ["", "pilot"]
    assert mine.get(CHANGES, {"kind": "province"}).status_code == 400
    record = Import.objects.create(kind="pilots", file_name="pilots.xlsx", state=ImportState.CONFIRMED)
    assert mine.get(CHANGES, {"import": record.pk}).context["bar"].chips == []  # no filter of his
    assert admin_client.get(CHANGES, {"import": record.pk}).status_code == 200
    report = mine.get(QUALITY)
    assert {line.kind for line in report.context["page"].object_list} == {"Pilot"}
    assert list(report.context["announced"].rows) == []
    assert "Platform live" not in report.text
    assert not {"milestone-late", "not-entered"} & {rule.code for rule in report.context["clean"]}  # nobody knows
    assert "Platform live" in admin_client.get(QUALITY).text


# -- every change ------------------------------------------------------------------------------------------------------


def test_the_page_shows_a_change_with_the_ways_to_it(pilot: Pilot, admin_client: Client, admin_user: User) -> None:
    edit(pilot)
    entry = edit(pilot, admin_user, "Name of the plan", name_en="Huzhou City")
    text = " ".join(admin_client.get(CHANGES).text.split())
    assert f'<a class="entry-name" href="/admin/pilots/pilot/{pilot.pk}/change/">Huzhou City</a>' in text
    assert f'href="/admin/pilots/pilot/{pilot.pk}/history/{entry.pk}/"' in text
    assert "<dt>Name in English</dt> <dd><span>Huzhou</span>" in text
    assert "Name of the plan" in text
    assert "2 changes, newest first" in text


def test_the_filters_work_together(pilot: Pilot, admin_client: Client, admin_user: User) -> None:
    edit(pilot, admin_user, name_en="Mine")
    edit(pilot, name_en="The system's")
    edit(pilot.batch, admin_user)
    asked = {"person": "admin", "kind": "pilot", "province": "hebei", "from": "2020-01-01", "to": "2099-01-01"}
    page = admin_client.get(CHANGES, asked)
    assert [line.what for line in page.context["page"].object_list] == ["Mine"]
    chips = {chip.label: (chip.value, chip.remove_url) for chip in page.context["bar"].chips}
    assert {label: value for label, (value, _url) in chips.items()} == {
        "Person": "admin",
        "Record": "Pilot",
        "Province": "Hebei",
        "From": "1 January 2020",
        "To": "1 January 2099",
    }
    assert chips["Person"][1] == f"{CHANGES}?kind=pilot&province=hebei&from=2020-01-01&to=2099-01-01"
    assert len(admin_client.get(chips["Person"][1]).context["page"].object_list) == 2


WRONG = [
    ("kin=pilot&export=changes.csv", "There is no “kin” here. Did you mean “kind”?"),
    ("kind=pilots", "kind: “pilots”. There is no “pilots” here. Did you mean “pilot”?"),
    ("person=admi", "person: “admi”. There is no “admi” here. Did you mean “admin”?"),
    ("province=hebe", "province: “hebe”. There is no “hebe” here. Did you mean “hebei”?"),
    ("from=01/02/2026", "from: “01/02/2026”. Write one day as 2024-01-30."),
    ("from=2026-02-30", "from: “2026-02-30”. Write one day as 2024-01-30."),
    ("from=2026-02-03&to=2026-02-02", "to: “2026-02-02”. It lies before the first day. Turn the two round."),
    ("page=x", "page: “x”"),
    ("import=x", "import: “x”. There is no “x” here."),
    ("export=changes.pdf", "export: There is no “changes.pdf” here. Did you mean “changes.csv”?"),
    ("kind=pilot&kind=batch", "kind is given 2 times. Give it once."),
]


@pytest.mark.parametrize(("query", "message"), WRONG)
def test_what_cannot_be_read_is_rejected_with_the_remedy(pilot: Pilot, admin_client: Client, query, message) -> None:
    answer = admin_client.get(f"{CHANGES}?{query}")
    assert answer.status_code == 400
    assert message in answer.text


def test_the_file_holds_the_whole_filtered_feed(pilot: Pilot, admin_client: Client, admin_user: User) -> None:
    for at in range(230):
        edit(pilot, name_en=f"Name {at}")
    edit(pilot, admin_user, "=1+1", name_en="Last, by admin")
    edit(pilot.batch)
    answer = admin_client.get(CHANGES, {"kind": "pilot", "export": "changes.csv", "page": 2})
    assert answer.streaming
    about, rows = rows_of(answer)
    assert about[0] == "# Changes of the records"
    assert "# Filter: Record: Pilot" in about
    assert "# Rows: 231" in about
    head, newest, *others = rows
    assert head == ["When", "Who", "Record", "Which", "What happened", "What changed", "Why", "Import"]
    what = "Name in English: Name 229 → Last, by admin"
    assert newest[1:] == ["admin", "Pilot", "Last, by admin", "changed", what, "'=1+1", ""]
    assert [row[3] for row in others] == [f"Name {at}" for at in range(229, -1, -1)]


# -- data quality ------------------------------------------------------------------------------------------------


def test_the_page_says_what_the_report_says(pilot: Pilot, admin_client: Client) -> None:
    page = admin_client.get(QUALITY)
    report = DataQuality(page.context["request"].as_of)
    counts = [report.count(severity) for severity in ("error", "gap", "verify")]
    assert [tally["count"] for tally in page.context["tallies"]] == counts
    assert page.context["page"].paginator.count == sum(counts) == len(report.findings())
    shown = [cells[0].value for cells in page.context["chase"].rows]
    assert shown == [f"{line.kind}: {line.record}" for line in report.findings()][:50]
    rules = [(row[1].value, row[2].value) for row in page.context["rules"].rows]
    assert rules == [(str(r.name), f"{r.count} of {r.of}") for r in report.rules if r.count]
    assert {result.code for result in page.context["clean"]} == {r.code for r in report.rules if not r.count}
    assert page.context["finding"].startswith(f"0 errors; {counts[1]} gaps; 0 things to verify; as of ")


def test_the_chase_list_is_one_line_for_each_missing_thing(pilot: Pilot, admin_client: Client) -> None:
    make.policy(title_en="Nobody's", calls_for_provincial_plan=False)
    about, rows = rows_of(admin_client.get(QUALITY, {"export": "chase.csv"}))
    assert about[0] == "# Chase list"
    assert len(rows) - 1 == len(DataQuality(date(2026, 11, 25)).findings())
    assert rows[0] == [
        "Province", "Kind", "Record", "What is missing or wrong", "Severity", "Since", "Whom to ask", "What to do",
        "Address",
    ]  # fmt: skip
    late = next(row for row in rows if row[3] == "Milestone past its day")
    remedy = "Ask who is responsible; enter the completion with its evidence or the stage, or ask for an amendment."
    assert late[:3] == ["Hebei", "Milestone", "Huzhou · Platform live"]
    assert late[4:8] == ["gap", "2025-05-01", "Bureau", remedy]
    milestone = pilot.milestones.get()
    assert late[8] == f"http://testserver/pilots/{pilot.slug}/milestones/{milestone.pk}/done/"
    provinces = [row[0] for row in rows[1:]]
    assert provinces == [*["Hebei"] * provinces.count("Hebei"), *[""] * provinces.count("")]
    assert provinces.count("") > 0
