"""Overview page: of a small invented programme, of few records, and of changes."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.overview.services import Overview, edition_figures
from pilots.models import Indicator, Pilot
from pilots.stored_lights import recompute_all
from tests import factories as make
from tests.support.csv_files import csv_records

pytestmark = pytest.mark.django_db
DAY = "2026-11-24"


def make_rated(slug: str, value: int | None, **fields: Any) -> Pilot:
    """Make a pilot with one binding target, from 12,000 in 2023 to 9,600 in 2026: 10,400 is due for 2025."""
    pilot = make.pilot(fields.pop("batch"), fields.pop("province"), slug=slug, name_en=slug.capitalize(), **fields)
    sulphur = Indicator.objects.filter(code="AIR_SO2").first() or make.indicator("AIR_SO2", name_en="SO2 emissions")
    make.target(pilot, sulphur, 12000, 9600)
    if value is not None:
        make.reading(pilot, sulphur, "2025", value)
    make.stage(pilot, "listed", date(2024, 1, 15))
    return pilot


def accept(pilot: Pilot, day: date) -> None:
    """Move the day on which the values of a pilot were accepted."""
    pilot.readings.update(accepted_on=day)
    recompute_all()


@pytest.fixture
def programme(empty: None) -> dict[str, Pilot]:
    """A batch of five: on the path, far behind, overdue since the last quarter, waiting to be accepted, silent.

    Values are asked for from 2025 on: the silent one is red since 30 June.
    """
    term = {"term_end": date(2026, 12, 31), "asked_from": 2025}
    batch = make.batch(slug="first", short_name_en="first batch", city_count=3, park_count=2, **term)
    place = {"batch": batch, "province": make.province(slug="hebei", name_en="Hebei", short_en="Hebei")}
    pilots = {
        "good": make_rated("good", 10200, kind="city", **place),
        "behind": make_rated("behind", 11900, kind="park", **place),
        "overdue": make_rated("overdue", 10300, kind="park", **place),
        "waiting": make_rated("waiting", None, kind="city", **place),
        "silent": make_rated("silent", None, kind="city", **place),
    }
    make.reading(pilots["waiting"], Indicator.objects.get(), "2025", 10000, accepted_on=None)
    make.milestone(pilots["overdue"], date(2026, 7, 15), title_en="Platform live", owner="Bureau", is_key=True)
    return pilots


# -- the first screen ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("period", "day", "red", "note"),
    [
        ("week", "17 Nov 2026", [], ""),
        ("month", "24 Oct 2026", ["Behind"], "1 of them by values accepted since"),
        ("quarter", "30 Sep 2026", ["Behind", "Overdue"], "1 of them by values accepted since"),
    ],
)
def test_what_changed_is_told_by_name_since_a_week_a_month_a_quarter(
    programme: dict[str, Pilot], client: Client, period: str, day: str, red: list[str], note: str
) -> None:
    """One is red by a value accepted on 1 November, one since 14 October by a milestone."""
    accept(programme["behind"], date(2026, 11, 1))
    changes = client.get("/", {"as_of": DAY, "since": period}).context["changes"]
    rows = {row["label"]: (row["names"], row["note"]) for row in changes["rows"]}
    assert changes["title"] == f"What changed since {day}"
    assert rows.get("Newly red", ([], "")) == (red, note)
    assert "Red light cleared" in changes["unchanged"]
    accept(programme["behind"], date(2026, 3, 1))
    rows_now = client.get("/", {"as_of": DAY, "since": "quarter"}).context["changes"]["rows"]
    assert [row["note"] for row in rows_now if row["label"] == "Newly red"] == [""]  # not "0 of them"
    accept(programme["behind"], date(2026, 11, 1))
    accepted = rows.get("Pilots with values accepted", ([], ""))[0]
    assert accepted == ([] if period == "week" else ["Behind"])


def test_a_quarter_s_value_is_a_value_accepted_and_the_set_of_changes_is_named(
    programme: dict[str, Pilot], client: Client
) -> None:
    """A disputed value counts: it was accepted."""
    sulphur, lately = Indicator.objects.get(), {"reported_on": date(2026, 11, 20), "accepted_on": date(2026, 11, 22)}
    make.reading(programme["silent"], sulphur, "2026-Q3", 10, **lately)
    make.reading(programme["waiting"], sulphur, "2026-Q3", 10, disputed_on=date(2026, 11, 23), **lately)
    make.plan(make.policy(short_name_en="the plan", is_lead=True), programme["good"].province)
    changes = client.get("/", {"as_of": DAY, "since": "week"}).context["changes"]
    (accepted,) = [row for row in changes["rows"] if row["label"] == "Pilots with values accepted"]
    assert (accepted["n"], accepted["names"]) == (2, ["Waiting", "Silent"])
    assert changes["scope"] == "Pilots: First batch; Plans: the plan"
    make.follow_up(programme["good"])
    scope = client.get("/", {"as_of": DAY}).context["changes"]["scope"]
    assert scope == "Pilots: First batch; Plans: the plan; Follow-ups: all"


def test_a_batch_of_which_no_pilot_is_rated_shows_no_counts_of_lights(programme: Any, client: Client) -> None:
    make.pilot(make.batch(slug="unrated", short_name_en="unrated"), make.province())
    rows = csv_records(client.get("/batches/", {"as_of": DAY, "export": "batches.csv"}))
    colours = ("Red", "Yellow", "Green", "Grey")
    assert {row["Batch"]: [row[colour] for colour in colours] for row in rows} == {
        "First batch": ["3", "0", "1", "1"],
        "Unrated": [""] * 4,
    }


# -- few records -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rated", "few"), [(1, True), (2, False)])
def test_up_to_a_fifth_rated_are_few(empty: None, client: Client, rated: int, few: bool) -> None:
    place = {"batch": make.batch(slug="first"), "province": make.province()}
    for number in range(5):
        make_rated(f"pilot-{number}", 10200 if number < rated else None, **place)
    page = client.get("/", {"as_of": DAY}).content.decode()
    assert ('class="lights"' not in page) is few
    assert ("pilots entered, " in page) is few


def test_where_no_pilot_is_rated_and_nothing_changed_no_zeros_are_shown(empty: None, client: Client) -> None:
    make.pilot(make.batch(slug="first"), make.province())
    chart = client.get("/batches/first/").context["charts"]["lights"]
    assert [light["tag"] for light in chart.data["lights"]] == ["grey"]
    assert "Nothing changed." in client.get("/").content.decode()


def test_who_may_enter_records_gets_the_way_there(client: Client) -> None:
    client.force_login(User.objects.create_superuser("chief", password="a long enough password"))
    page = client.get("/").content.decode()
    assert '<a href="/admin/pilots/pilot/add/">Enter a pilot</a> · <a href="/admin/import/">Import a file</a>' in page
    assert "What is missing, and how it is entered" not in page


def test_below_four_fifths_what_is_missing_comes_before_the_lights(programme: Any, client: Client) -> None:
    batch = programme["good"].batch
    batch.park_count = 4
    batch.save()
    finding = client.get("/", {"as_of": DAY}).context["finding"]
    entered = "5 of 7 pilots entered, 3 report values, 1 waits for review; missing: 2 parks."
    assert finding.startswith(f"{entered} 3 of 5 pilots are red, ")


def test_where_nobody_was_asked_nobody_is_called_late(programme: Any, client: Client) -> None:
    """The number is no data, not "0 of 5", and no page counts the silent ones as not reported."""
    asked, province = programme["good"].batch, programme["good"].province.slug
    assert "not handed in" in client.get("/brief/nation/", {"as_of": DAY}).text
    asked.asked_from = None
    asked.save()
    value = Overview(date(2026, 11, 24))
    figures = {figure["code"]: figure for figure in edition_figures(value)}
    assert (figures["reported"]["value"], figures["reported"]["whole"], figures["reported"]["note"]) == (
        None,
        None,
        "First batch, no pilot owes values for 2025 yet",
    )
    page = client.get("/", {"as_of": DAY})
    assert next(item for item in page.context["figures"] if item["code"] == "reported")["short"] == (
        "no pilot owes values for 2025 yet"
    )
    assert 'id="outstanding"' not in page.text
    assert "not handed in" not in client.get("/brief/nation/", {"as_of": DAY}).text
    assert "no pilot owes values for 2025 yet" in client.get("/brief/nation/", {"as_of": DAY}).text
    rows = csv_records(client.get(f"/compare/provinces/?a={province}&as_of={DAY}&export=compare.csv"))
    assert {row["What is compared"]: row["Hebei"] for row in rows}["Not reported for 2025"] == "none was asked"
    listed = csv_records(client.get(f"/provinces/?as_of={DAY}&export=provinces-list.csv"))
    assert {row["Not reported"] for row in listed} == {""}


# -- few targets rated -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("others", "value"), [(4, None), (3, 1)])
def test_nothing_is_said_of_the_path_while_at_most_a_fifth_is_rated(
    empty: None, client: Client, others: int, value: int | None
) -> None:
    """One target is rated: of five that is too few, of four it is not."""
    batch = make.batch(slug="first", short_name_en="first batch", level="national", known_by=date(2024, 1, 15))
    province = make.province()
    make_rated("rated", 10000, batch=batch, province=province)
    for number in range(others):
        silent = make_rated(f"silent-{number}", None, batch=batch, province=province)
        make.milestone(silent, date(2026, 10, 1))  # which rates the pilot, and none of its targets
    page = client.get("/", {"as_of": DAY}).context
    figure = next(item for item in page["figures"] if item["label"] == "Binding targets on the path")
    assert figure["value"] == value
    assert ("1 of 5 rated: too few to say" in figure["note"]) == (value is None)
