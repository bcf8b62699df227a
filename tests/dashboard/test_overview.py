"""Overview page: of a small invented programme, of few records, and of changes."""

import re
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pilots.models import Indicator, Milestone, Pilot, Reading
from tests import factories as make
from tests.support.csv_files import csv_records
from tests.support.snapshots import assert_snapshot, page_content

pytestmark = pytest.mark.django_db
DAY = "2026-11-24"


def file_rows(client: Client, table: str, **params: str) -> list[dict[str, str]]:
    return csv_records(client.get("/", {"as_of": DAY, "export": f"{table}.csv", **params}))


def make_rated(slug: str, value: int | None, **fields: Any) -> Pilot:
    """Make a pilot with one binding target, from 12,000 in 2023 to 9,600 in 2026: 10,400 is due for 2025."""
    pilot = make.pilot(fields.pop("batch"), fields.pop("province"), slug=slug, name_en=slug.capitalize(), **fields)
    sulphur = Indicator.objects.filter(code="AIR_SO2").first() or make.indicator("AIR_SO2", name_en="SO2 emissions")
    make.target(pilot, sulphur, 12000, 9600)
    if value is not None:
        make.reading(pilot, sulphur, "2025", value)
    make.stage(pilot, "listed", date(2024, 1, 15))
    return pilot


@pytest.fixture
def programme(empty: None) -> dict[str, Pilot]:
    """A batch of five: on the path, far behind, overdue since the last quarter, waiting to be accepted, silent."""
    batch = make.batch(
        slug="first", short_name_en="first batch", city_count=3, park_count=2, term_end=date(2026, 12, 31)
    )
    place = {"batch": batch, "province": make.province(slug="hebei", name_en="Hebei", short_en="Hebei")}
    pilots = {
        "good": make_rated("good", 10200, kind="city", **place),
        "behind": make_rated("behind", 11900, kind="park", **place),
        "overdue": make_rated("overdue", 10300, kind="park", **place),
        "waiting": make_rated("waiting", None, kind="city", **place),
        "silent": make_rated("silent", None, kind="city", **place),
    }
    make.reading(pilots["waiting"], Indicator.objects.get(), "2025", 10000, state="reported", accepted_on=None)
    make.milestone(pilots["overdue"], date(2026, 7, 15), title_en="Platform live", owner="Bureau", is_key=True)
    return pilots


# -- the first screen ------------------------------------------------------------------------------------


def test_what_the_page_says_and_draws(programme: Any, client: Client) -> None:
    """What is red, how it moved and what is on the path; figures with their batch; past quarters like for like."""
    milestones = list(Milestone.objects.order_by("pk"))
    assert_snapshot("page-overview", page_content(client.get("/", {"as_of": DAY})), milestones=milestones)


def test_a_figure_says_withdrawn_and_to_enter_where_a_pilot_has_withdrawn(programme: Any, client: Client) -> None:
    """Recorded pilots are counted beside the lights only where none can be drawn."""
    Pilot.objects.filter(pk=programme["behind"].pk).update(withdrawn_on=date(2026, 10, 1))
    Reading.objects.all().delete()
    Milestone.objects.all().delete()
    figures = client.get("/", {"as_of": DAY}).context["figures"]
    assert [(figure["value"], figure["of"], figure["note"]) for figure in figures[:2]] == [
        (3, "of 3 announced", "First batch"),
        (1, "of 2 announced", "First batch, 1 withdrawn, 0 to enter"),
    ]


def test_the_parts_stand_in_their_order_and_no_more(programme: Any, client: Client) -> None:
    page = client.get("/", {"as_of": DAY}).content.decode()
    main = page.partition("<main")[2]
    order = ["finding", "board-lights", "board-numbers", "reasons", "periods", "tile-grid", "industries", "card"]
    places = [main.index(f'class="{part}') if f'class="{part}' in main else main.index(part) for part in order]
    assert places == sorted(places)
    assert main.count("<h1") + main.count("<h2") <= 7
    assert main.count("<a ") <= 90


def test_each_reason_says_why_in_two_lines_whose_and_for_how_long(programme: Any, client: Client) -> None:
    response = client.get("/", {"as_of": DAY})
    first, second = response.context["attention"]
    assert (first["name"], first["status"].colour, first["days"]) == ("Behind", "red", 249)
    assert (second["name"], second["what"], second["numbers"], second["status"].owner, second["days"]) == (
        "Overdue", "Platform live: 132 d overdue", "was due on 15 Jul 2026", "Bureau", 41,
    )  # fmt: skip
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))
    assert "Platform live: 132 d overdue was due on 15 Jul 2026 Bureau no open follow-up 41" in text


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
    """One is red by a value accepted on 1 November, one since 14 October by a milestone; one is rated no more."""
    programme["behind"].readings.update(accepted_on=date(2026, 11, 1))
    context = client.get("/", {"as_of": DAY, "since": period}).context
    rows = {row["label"]: (row["names"], row["note"]) for row in context["changes"]}
    assert context["since_title"] == f"What changed since {day}"
    assert rows["Newly red"] == (red, note)
    assert rows["Red light cleared"] == ([], "")
    programme["behind"].readings.update(accepted_on=date(2026, 3, 1))
    context = client.get("/", {"as_of": DAY, "since": "quarter"}).context
    assert [row["note"] for row in context["changes"] if row["label"] == "Newly red"] == [""]  # not "0 of them"
    programme["behind"].readings.update(accepted_on=date(2026, 11, 1))
    assert rows["Pilots with values accepted"][0] == ([] if period == "week" else ["Behind"])


def test_what_changed_names_who_is_cleared_and_the_page_of_a_day_links_all_three(
    programme: dict[str, Pilot], client: Client
) -> None:
    programme["overdue"].milestones.update(completed_on=date(2026, 11, 20))
    response = client.get("/", {"as_of": DAY, "since": "week"})
    rows = {row["label"]: row["names"] for row in response.context["changes"]}
    assert (rows["Newly red"], rows["Red light cleared"]) == ([], ["Overdue"])
    links = re.findall(r'<a href="\?([^"]*)#since">', response.content.decode())
    assert [f"since={period}" in "".join(links) for period in ("week", "month", "quarter")] == [False, True, True]
    assert [row["Which"] for row in file_rows(client, "changes", since="week")][1] == "Overdue"
    assert client.get("/", {"since": "year"}).status_code == 400


def test_page_api_and_files_agree_on_what_is_due(programme: Any, client: Client) -> None:
    page = client.get("/", {"as_of": DAY}).context["overview"]
    api = client.get("/api/v1/overview/", {"as_of": DAY}).json()
    found = page.progress.on_track
    assert (found.on_path, found.rated, found.unrated, found.total) == (2, 3, 2, 5)
    assert api["on_track"] == {"on_path": 2, "rated": 3, "unrated": 2, "total": 5}
    assert csv_records(client.get("/batches/first/", {"as_of": DAY, "export": "on-track.csv"})) == [
        {
            "Indicator": "SO2 emissions",
            "On the path": "2",
            "of rated": "3",
            "Behind": "0",
            "Far behind": "1",
            "Not rated": "2",
        }
    ]
    assert api["lights"]["now"] == {colour.value: n for colour, n in page.progress.strip.now.items()}
    assert [row["lights"]["red"] for row in api["quarters"]] == [1, 1, 1]
    assert [(row["Pilot"], row["Held up"]) for row in file_rows(client, "not-reported")] == [
        ("Silent", "nothing handed in"), ("Waiting", "handed in, waiting to be accepted"),
    ]  # fmt: skip
    missing = api["not_reported"]
    assert [pilot["slug"] for pilot in missing.pop("pilots")] == ["silent", "waiting"]
    assert missing == {
        "year": 2025,
        "due_on": "2026-03-31",
        "owing": 5,
        "count": 2,
        "by_place": {"nothing": 1, "waiting": 1, "disputed": 0},
    }


def test_who_has_not_reported_stands_by_name_where_the_values_are_held_up(programme: Any, client: Client) -> None:
    held_up = client.get("/", {"as_of": DAY}).context["not_reported"]
    assert [(str(state), names) for state, names in held_up] == [
        ("nothing handed in", "Silent"),
        ("handed in, waiting to be accepted", "Waiting"),
    ]
    before = client.get("/", {"as_of": "2026-03-10"}).context  # 2024 is due, and no pilot has a value for it
    assert before["overview"].outstanding.year == 2024
    reading = programme["waiting"].readings.get()
    reading.state, reading.accepted_on = "disputed", date(2026, 5, 1)
    reading.save()
    after = client.get("/", {"as_of": DAY}).context["not_reported"]
    assert [str(state) for state, _names in after] == [
        "nothing handed in", "objected to, to be corrected by the pilot",
    ]  # fmt: skip


def test_a_total_names_its_set_and_the_overview_leads_to_the_same_set(client: Client, empty: None) -> None:
    from tests.pilots.test_status_pages import make_measured  # noqa: PLC0415

    for slug, fields in (("first", {}), ("other", {"level": "provincial", "province": make.province()})):
        pilot = make.pilot(make.batch(slug=slug, title_en=slug.title(), **fields), make.province(), slug=f"in-{slug}")
        make_measured(pilot, (12000, 10200), (4200, 4074))
    page = client.get("/", {"as_of": DAY, "lang": "en"})
    context = page.context
    assert ">First, 2025 against each base year; 0 of 1 cannot be judged<" in page.text
    assert context["synergy_url"] == "/synergy/?batch=first"
    assert totals_of(client, f"{context['synergy_url']}&") == [
        ("1.26\xa0Mt", "1 of 1 pilots counted; 0 parks inside pilot cities left out; First"),
        ("1,895", "1 of 1 pilots counted; First"),
    ]
    assert totals_of(client, "/synergy/?") == [
        ("2.52\xa0Mt", "2 of 2 pilots counted; 0 parks inside pilot cities left out; all 2 recorded pilots"),
        ("3,789", "2 of 2 pilots counted; all 2 recorded pilots"),
    ]


def totals_of(client: Client, path: str) -> list[tuple[str, str]]:
    """Return the totals of the synergy page, each with its note."""
    figures = client.get(f"{path}as_of={DAY}&lang=en").context["figures"][2:4]
    return [(figure["value"], figure["note"]) for figure in figures]


# -- plans that are inferred or only known by a latest day ------------------------------------------------

UNCERTAIN = "5 only inferred, 25 known only by a latest day"


def test_the_issued_plans_say_how_many_are_inferred_or_only_known_by_a_latest_day(client: Client) -> None:
    """Of the shipped records: in figure, titles, first sentence, brief and API, in both languages."""
    response = client.get("/", {"as_of": DAY, "lang": "en"})
    figure = next(f for f in response.context["figures"] if f["label"] == "Provincial plans issued")
    assert (figure["value"], figure["note"]) == (32, f"Synergy plan 2022; {UNCERTAIN}")
    charts = response.context["charts"]
    assert charts["map"].title == (
        f"“Synergy plan 2022”: 32 of 32 provinces have a plan ({UNCERTAIN}), 13 have a recorded pilot"
    )
    assert charts["adoption"].title == (
        "Synergy plan 2022: the last plans were issued by 30 January 2024 at the latest; 16 are known only by that day"
    )
    sentence = f"Synergy plan 2022: 32 of 32 provinces have issued a plan; {UNCERTAIN}."
    assert response.context["finding"].endswith(sentence)
    chinese = client.get("/", {"as_of": DAY, "lang": "zh-hans"}).context["finding"]
    assert chinese.endswith("32个省级单位中，32个已印发方案；其中5个为推断、25个仅知最迟日期。")
    brief = client.get("/brief/nation/", {"as_of": DAY, "lang": "en"}).content.decode()
    assert f"Synergy plan 2022; {UNCERTAIN}" in brief
    api = client.get("/api/v1/overview/", {"as_of": DAY}).json()["rollout"]
    assert [api[name] for name in ("issued", "dated", "known_by", "inferred")] == [32, 7, 25, 5]
    policy = client.get("/policies/synergy-implementation-plan-2022/", {"as_of": DAY, "lang": "en"}).context
    assert policy["figures"][0]["note"] == "known to be issued by 24 November 2026; 5 only inferred"


# -- few records -----------------------------------------------------------------------------------------


def test_without_values_the_first_line_says_what_is_missing(client: Client) -> None:
    response = client.get("/", {"as_of": DAY})
    page, value = response.content.decode(), response.context["overview"]
    cities, parks = value.cities, value.parks
    assert response.context["finding"].startswith(
        f"{cities.recorded + parks.recorded} of 64 pilots entered, none reports values; "
        f"missing: {cities.to_enter} cities, {parks.to_enter} parks. "
    )
    assert 'href="/data/?as_of=2026-11-24">What is missing, and how it is entered</a>' in page
    for absent in ('class="lights"', 'id="reduced"', 'id="not-reported"', "Newly red"):
        assert absent not in page
    assert "can be rated" not in page
    rows = response.context["attention"]  # what is behind is still listed
    assert (len(rows), page.count('as-rows reasons"')) == (value.progress.needing_attention, 1 if rows else 0)


@pytest.mark.parametrize(("rated", "few"), [(1, True), (2, False)])
def test_up_to_a_fifth_rated_are_few(empty: None, client: Client, rated: int, few: bool) -> None:
    place = {"batch": make.batch(slug="first"), "province": make.province()}
    for number in range(5):
        make_rated(f"pilot-{number}", 10200 if number < rated else None, **place)
    page = client.get("/", {"as_of": DAY}).content.decode()
    assert ('class="lights"' not in page) is few
    assert ("pilots entered, " in page) is few


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
    assert finding.startswith("5 of 7 pilots entered, 3 report values; missing: 2 parks. 2 of 5 pilots are red, ")


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
