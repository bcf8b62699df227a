"""Pages of pilots: what several of them agree on, and what they tell nobody; tests/golden/ has what each says."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client

from pilots.models import Indicator, Pilot
from tests import factories as make
from tests.support.api_client import make_user

pytestmark = pytest.mark.django_db
DAY = "as_of=2026-11-24"
OFFICE = "Pilot office of City"
BEHIND = "behind schedule by more than 10 % of the change due"
OBJECTED = "counts as yellow: not a key milestone; objected to on 1 June 2026: The photo shows another site"
ASKED = "asked for: 1 June 2027 (The supplier is late)"


def make_measured(pilot: Pilot, so2: tuple[Any, Any], carbon: tuple[Any, Any]) -> None:
    """Make base and last values of two indicators, with the targets of the worked example."""
    indicators = {item.code: item for item in Indicator.objects.all()}
    sulphur = indicators.get("AIR_SO2") or make.indicator("AIR_SO2", name_en="AIR_SO2")
    total = indicators.get("CO2_TOT") or make.carbon(name_en="CO2_TOT")
    make.target(pilot, sulphur, so2[0], Decimal(so2[0]) * Decimal("0.8"))
    make.target(pilot, total, carbon[0], Decimal(carbon[0]) * Decimal("0.95"), binding=False)
    for indicator, values in ((sulphur, so2), (total, carbon)):
        make.reading(pilot, indicator, "2023", values[0])
        make.reading(pilot, indicator, "2025", values[1])


@pytest.fixture
def programme(empty: None) -> dict[str, Pilot]:
    """Four pilots of one batch: one that reduces both, one whose carbon rises, one behind, one that says nothing."""
    batch = make.batch(slug="first", title_en="Batch one", title_zh="批次一", city_count=2, park_count=3)
    province = make.province(slug="hebei", name_en="Hebei", short_en="Hebei")
    steel = make.industry(slug="steel", name_en="Steel")
    pilots = {
        name: make.pilot(batch, province, steel, slug=name, name_en=name.capitalize(), kind=kind)
        for name, kind in (("good", "city"), ("amber", "park"), ("late", "park"), ("silent", "city"))
    }
    for name in ("good", "amber", "late"):
        make.stage(pilots[name], "listed", date(2024, 1, 15))
    make.stage(
        pilots["good"], "plan_issued", date(2024, 11, 15), reason="The task list was not published.", evidence="Plan 1"
    )
    make.stage(pilots["amber"], "tasked", date(2024, 3, 1))
    make_measured(pilots["good"], (12000, 10200), (4200, 4074))
    make_measured(pilots["amber"], (10000, 8500), (1000, 1040))
    make.milestone(
        pilots["late"], date(2026, 6, 30), title_en="Platform live", title_zh="平台上线", owner="Bureau", is_key=True
    )
    make.milestone(pilots["late"], date(2025, 3, 1), date(2025, 3, 15), title_en="Inventory built")
    return pilots


# -- a pilot -------------------------------------------------------------------------------------------


def test_an_item_has_one_colour_everywhere_and_says_where_it_counts_less(programme: Any, client: Client) -> None:
    """Carbon of the yellow pilot is red and not binding, its milestone red and not key."""
    slow = make.milestone(programme["amber"], date(2026, 3, 1), title_en="Slow")
    target, milestone = "counts as yellow: not binding", "counts as yellow: not a key milestone"
    page = client.get(f"/pilots/amber/?{DAY}")
    assert [page.context["status"].colour, *(row.colour for row, *_beside in page.context["reasons"])] == [
        *("yellow", "red", "red"),
    ]
    panel = page.text.partition('id="reasons"')[2].partition('<ul class="records">')[2].partition("</ul>")[0]
    assert [panel.count(word) for word in ('class="tag red"', 'class="tag yellow"', target, milestone)] == [2, 0, 1, 1]
    rows = {name: page.context["tables"][name].rows for name in ("reasons", "indicators", "milestone_list")}
    assert [(row[0].tag, str(row[1].value).rpartition(" counts")[1]) for row in rows["reasons"]] == [
        ("red", " counts")
    ] * 2
    whys = [(row[3].tag, target in str(row[4].value)) for row in rows["indicators"]]
    assert whys == [("green", False), ("red", True)]
    assert [(row[1].tag, milestone in str(row[1].value)) for row in rows["milestone_list"]] == [("red", True)]
    brief = client.get(f"/brief/pilot/amber/?{DAY}").text
    assert (target in brief, slow.name in brief) == (True, True)


@pytest.fixture
def promised(empty: None) -> Pilot:
    """A pilot with what can become of a promise: amended, dropped, followed by another, proposed, asked and refused."""
    batch = make.batch(
        slug="first",
        short_name_en="batch one",
        term_start=date(2024, 1, 1),
        term_end=date(2026, 12, 31),
        asked_from=2024,
    )
    pilot = make.pilot(batch, make.province(short_en="Hebei"), slug="city", name_en="City")
    so2, nox, soot = (make.indicator(code, name_en=code) for code in ("SO2", "NOX", "SOOT"))
    decided = {"asked_on": date(2026, 5, 2), "decided_on": date(2026, 6, 1)}
    amended = make.target(pilot, so2, 1000, 600)
    make.amendment(amended, value=700, accepted=True, **decided)
    make.target(pilot, so2, 1000, 900, target_year=2024)
    make.target(pilot, so2, 1000, 500, target_year=2030, promised_on=None)
    dropped = make.target(pilot, soot, None, 50, kind="limit", base_year=None)
    make.amendment(dropped, drop=True, accepted=True, **decided)
    late = make.target(pilot, nox, 200, 150)
    make.amendment(late, value=180, accepted=False, remark="The plan foresaw it", **decided)
    for year, value in ((2023, 1000), (2024, 950), (2025, 850)):
        make.reading(pilot, so2, str(year), value)
    make.not_given(pilot, nox, 2024, text="MARKED", accepted_on=date(2025, 3, 1))
    make.deadline(batch, 2025, date(2026, 4, 30))
    make.deadline(pilot, 2026, None, indicator=soot, decided_on=date(2026, 7, 1), reason="No census")
    moved = make.milestone(pilot, date(2026, 9, 1), title_en="Moved", owner="Bureau")
    make.amendment(moved, day=date(2026, 12, 1), accepted=True, **decided)
    asked = make.milestone(pilot, date(2027, 3, 1), title_en="Asked for", is_key=True)
    make.amendment(asked, day=date(2027, 6, 1))
    refuted = make.milestone(pilot, date(2026, 5, 1), title_en="Refuted")
    objection = {"objected_on": date(2026, 6, 1), "objection": "The photo shows another site"}
    make.completion(refuted, date(2026, 4, 20), **objection)
    make.milestone(pilot, date(2026, 5, 1), date(2026, 5, 20), title_en="Late")
    make.milestone(pilot, date(2026, 2, 1), title_en="Evaluation", stage="midterm", is_key=True)
    make.milestone(pilot, date(2027, 5, 1), title_en="Proposed", is_key=True, promised_on=None)
    make.stage(pilot, "listed", date(2024, 1, 15))
    make.stage(
        pilot, "midterm", date(2026, 1, 10), result="conditions", recorded_on=date(2026, 3, 10), reason="No day."
    )
    return pilot


def shown_rows(table: Any, *keys: str) -> list[list[str]]:
    """Return the texts of some columns of a table, each with its second line."""
    chosen = [at for key in keys for at, column in enumerate(table.columns) if column.key == key]
    texts = [[row[at] for at in chosen] for row in table.rows]
    below = [[getattr(cell.below, "value", cell.below) for cell in row] for row in texts]
    pairs = [zip(row, second, strict=True) for row, second in zip(texts, below, strict=True)]
    return [[f"{cell.value} / {text}" if text else str(cell.value) for cell, text in row] for row in pairs]


def test_a_pilot_shows_what_was_promised_and_what_became_of_it(promised: Pilot, client: Client) -> None:
    page = client.get(f"/pilots/city/?{DAY}").context
    assert shown_rows(page["indicators"], "indicator", "target", "light", "why", "actual") == [
        [
            "SO2 / t · binding · target for 2024",
            "900 / 2024",
            "Red",
            "missed in its year; followed by a later target",
            "950 / 2024",
        ],
        ["SO2 / t · binding · target for 2026", "700 / 2026 · first 600", "Red", BEHIND, "850 / 2025"],
        ["NOX / t · binding", "150 / 2026", "Red", "value overdue by more than 90 days", "None"],
        ["SO2 / t · binding · target for 2030", "500 / 2030", "Grey", "proposed", ""],
        ["SOOT / t · binding", "50 / 2026 · limit", "Grey", "dropped on 1 June 2026: The supplier is late", ""],
    ]
    assert [(light.record.indicator.name, text) for light, text in page["missing"]] == [
        ("NOX", "value of 2025 missing, due on 30 April 2026, 208 days overdue")
    ]
    assert page["deadlines"] == [
        (
            "All indicators 2025",
            "due on 30 April 2026 instead of 31 March 2026, as decided on 1 March 2026",
            "The census is late",
        ),
        ("SOOT 2026", "not asked for, as decided on 1 July 2026", "No census"),
    ]
    assert [(name, text) for _anchor, name, text in page["requests"]] == [
        ("NOX", "refused on 1 June 2026: 180 t (The plan foresaw it)"),
        ("Asked for", "asked for: 1 June 2027 (The supplier is late)"),
    ]
    day = "due 1 December 2026, as amended on 1 June 2026: The supplier is late; first 1 September 2026"
    assert shown_rows(page["milestones"], "milestone", "light", "planned_on", "completed_on", "remarks") == [
        [
            f"Evaluation / {OFFICE} · key milestone · stage: Mid-term evaluation",
            "Green / done",
            "2026-02-01",
            "2026-01-10",
            "",
        ],
        [f"Refuted / {OFFICE}", "Red / 207 days overdue", "2026-05-01", "", OBJECTED],
        [f"Late / {OFFICE}", "Blue / done 19 days late", "2026-05-01", "2026-05-20", "Report no. 7"],
        ["Moved / Bureau", "Grey / not due yet", "2026-12-01 / first 1 Sep 2026", "", day],
        [f"Asked for / {OFFICE} · key milestone", "Grey / not due yet", "2027-03-01", "", ASKED],
        ["Proposed / Ministry · key milestone", "Grey / proposed", "2027-05-01", "", ""],
    ]


def test_no_reason_why_there_is_no_value_is_shown(promised: Pilot, client: Client) -> None:
    page = client.get(f"/pilots/city/?{DAY}")
    files = [client.get(f"/pilots/city/?{DAY}&export={name}.csv") for name in ("indicators", "reasons", "history")]
    said = [page.text, *(b"".join(file).decode() for file in files)]
    assert ["MARKED" in text for text in said] == [False] * 4
    earlier = client.get("/pilots/city/?as_of=2025-11-24").context
    assert [(light.record.indicator.name, text) for light, text in earlier["missing"]] == [
        ("NOX", "value of 2024 not given, with a reason that the ministry accepted"),
        ("SOOT", "value of 2024 missing, due on 31 March 2025, 238 days overdue"),
    ]


def test_a_pilot_without_stages_has_no_data_of_any(empty: None, client: Client) -> None:
    pilot = make.pilot(make.batch(), make.province(), slug="city")
    make.milestone(pilot, date(2026, 11, 1), stage="midterm")
    stages = client.get(f"/pilots/city/?{DAY}").context["track"]
    late = ("unknown", "23 days overdue", date(2026, 11, 1))
    assert [(mark.state, mark.state_label, mark.planned) for mark in stages] == [
        *[("unknown", "no data", None)] * 7,
        late,
        *[("unknown", "no data", None)] * 2,
    ]


def test_a_withdrawn_pilot_has_no_stages_to_come(empty: None, client: Client) -> None:
    pilot = make.pilot(make.batch(), make.province(), slug="city", withdrawn_on=date(2026, 5, 1))
    make.stage(pilot, "listed", date(2024, 1, 15))
    stages = client.get(f"/pilots/city/?{DAY}").context["track"]
    assert [mark.state_label for mark in stages] == ["not on record", "not on record", "now", *["not reached"] * 7]


def test_an_evaluation_shows_its_result_and_from_when_on_it_counts(promised: Pilot, client: Client) -> None:
    before, then = (client.get(f"/pilots/city/?as_of={day}").context for day in ("2026-02-20", "2026-11-24"))
    assert [mark.state for mark in before["track"]] == ["unknown", "unknown", "now", *["ahead"] * 7]
    assert before["track"][7].late == "yellow"
    assert then["track_notes"] == [
        {"reason": "No day.", "stages": "Task list received, Plan drafted, Plan issued, Implementing: "},
        {
            "reason": "passed with conditions; entered late, and counts from 10 March 2026 on",
            "stages": "Mid-term evaluation: ",
        },
    ]


def test_a_past_day_names_what_was_entered_since(promised: Pilot, client: Client) -> None:
    """A milestone that an officer enters today, with a day of promise in the past, as the ministry's import may."""
    entered = make.milestone(promised, date(2026, 5, 1), title_en="Added")
    entered.history.update(history_user=make_user("officer"))
    page = client.get(f"/pilots/city/?{DAY}")
    [text] = page.context["entered_since"]
    assert re.sub(r"\(.*\)", "(today)", text) == "Milestones entered since: Added (today)"
    assert "Entered after this day, and counted on it" in page.text
    assert client.get("/pilots/city/").context["entered_since"] == []


def test_a_calendar_has_what_is_promised_and_cancels_what_was_dropped(promised: Pilot, client: Client) -> None:
    dropped = make.milestone(promised, date(2027, 2, 1), title_en="Dropped")
    make.amendment(dropped, drop=True, accepted=True, decided_on=date(2026, 11, 20), asked_on=date(2026, 11, 20))
    text = client.get(f"/pilots/city/?{DAY}&export=ics").text.replace("\r\n ", "")
    events = [event.split("\r\n") for event in text.split("BEGIN:VEVENT")[1:]]
    said = [{line.partition(":")[0].partition(";")[0]: line.partition(":")[2] for line in event} for event in events]
    assert [(event["DTSTART"], event["SUMMARY"], event.get("STATUS")) for event in said] == [
        ("20260201", "✓ City: Evaluation", "CONFIRMED"),
        ("20260501", "City: Refuted", "CONFIRMED"),
        ("20260501", "✓ City: Late", "CONFIRMED"),
        ("20261201", "City: Moved", "CONFIRMED"),
        ("20270201", "City: Dropped", "CANCELLED"),
        ("20270301", "City: Asked for", "CONFIRMED"),
    ]


# -- a batch -------------------------------------------------------------------------------------------


def test_each_bar_of_a_batch_counts_the_list_that_it_leads_to(programme: Any, client: Client) -> None:
    funnel = client.get(f"/batches/first/?{DAY}").context["charts"]["funnel"]
    whole, *parts = (part["data"] for part in funnel.data["data"]["datasets"])
    assert funnel.data["data"]["labels"] == [point["y"] for point in whole]
    for reached, *stage in zip(whole, *parts, strict=True):
        here = sum(part["x"] for part in stage)
        assert here > 0, "no bar where nobody stands"
        assert reached["x"] in {0, *range(here, 99)}, "the pale one is of those at or past it; a side stage has none"
        assert client.get(f"{stage[0]['url']}&{DAY}").context["listing"].count == here
        assert stage[-1]["label"]["text"] == f"{here} here"


@pytest.mark.parametrize("name", ["lights", "funnel"])
def test_each_link_of_a_batch_s_charts_is_in_their_tables(programme: Any, client: Client, name: str) -> None:
    chart = client.get(f"/batches/first/?{DAY}").context["charts"][name]
    in_table = {cell.url for row in chart.table.rows for cell in row if cell.url}
    assert in_table
    assert {url for url in find_urls(chart.data) if url} <= in_table


def find_urls(data: Any) -> Iterator[str]:
    """Yield the URLs in the data of a chart, at any depth."""
    if isinstance(data, list):
        for item in data:
            yield from find_urls(item)
    elif isinstance(data, dict):
        yield data.get("url", "")
        yield from find_urls(list(data.values()))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "none: nothing is ever overdue"),
        ({"asked_from": 2025, "report_due": "06-30"}, "from 2025 on, each by 30 June of the next year"),
    ],
)
def test_a_batch_says_from_when_on_it_asks_for_values(
    empty: None, client: Client, fields: dict[str, Any], said: str
) -> None:
    batch = make.batch(slug="first", **fields)
    make.deadline(batch, 2025, None, reason="Census year")
    page = client.get(f"/batches/first/?{DAY}").context
    decided = [("All indicators 2025: not asked for, as decided on 1 March 2026", "Census year")]
    assert (page["asked"], page["deadlines"]) == (said, decided)


def test_the_headline_names_the_kinds_that_the_batch_has(empty: None, client: Client) -> None:
    batch = make.batch(title_en="Counties", title_zh="区县试点", county_count=40, announced_on=date(2026, 1, 5))
    province = make.province()
    assert client.get(f"/pilots/?{DAY}").context["finding"] == "Counties: 0 of 40 announced counties are recorded."
    make.pilot(batch, province, kind="county")
    make.pilot(batch, province, kind="enterprise")
    found = [client.get(f"/pilots/?{DAY}&lang={lang}").context["finding"] for lang in ("en", "zh-hans")]
    assert found == [
        "Counties: 1 of 40 announced counties, 1 of an unknown number of announced enterprises are recorded.",
        "区县试点：已录入区县1个（公布40个）、企业1个（公布若干个）。",
    ]


# -- synergy -------------------------------------------------------------------------------------------


def test_synergy_of_page_and_api_count_the_same_pilots(programme: Any, client: Client) -> None:
    """A pilot with an intensity alone has rates and no class, here and there; compared with others it says so."""
    silent = programme["silent"]
    intensity = make.carbon("CO2_GDP", unit="t/10⁴ yuan", rollup="none", may_enter_synergy="intensity")
    for indicator, values in ((Indicator.objects.get(code="AIR_SO2"), (100, 90)), (intensity, (2, Decimal("1.8")))):
        for period, value in zip(("2023", "2025"), values, strict=True):
            make.reading(silent, indicator, period, value)
    page = client.get(f"/synergy/?{DAY}").context
    body = client.get(f"/api/v1/synergy/?{DAY}").json()
    assert [body[name] for name in ("n", "judged", "not_judged", "of")] == [3, 2, 2, 4]
    assert body["n"] + len(body["missing"]) == body["of"] == body["judged"] + body["not_judged"]
    classes = Counter(row["class"] for row in body["pilots"] if row["class"] is not None)
    assert classes == {"co_reduction": 1, "pollution_down_carbon_up": 1}
    assert classes == Counter(body["classes"]) == Counter(page["synergy"].kinds)
    figures = {figure["label"]: figure for figure in page["figures"]}
    assert (figures["Co-reduction"]["value"], figures["Co-reduction"]["of"]) == (1, "of 2 judged")
    assert (figures["Missing"]["value"], figures["Missing"]["of"]) == (body["not_judged"], "of 4 pilots")


def test_minus_is_less_and_flat_is_a_class(programme: Any, client: Client) -> None:
    """Carbon that rose has a plus, in the point's words and on the axis."""
    for name in ("p", "q", "r"):
        flat = make.pilot(programme["good"].batch, programme["good"].province, slug=name, name_en=name)
        make_measured(flat, (100, 90), (100, Decimal("100.5")))
    page = client.get(f"/synergy/?{DAY}")
    text = unescape(page.text)
    assert "1 of the 5 pilots that can be judged reduce both; in 1 pollution falls while carbon rises" in text
    assert "Flat, within 0.5 %" in text
    chart = page.context["charts"]["coordinates"].data
    [point] = next(item["data"] for item in chart["data"]["datasets"] if item["label"] == "Pollution down, carbon up")
    words = [word.replace("\xa0", " ") for word in point["text"]]
    assert words == ["Pollution down, carbon up", "carbon +4.0 %", "air pollutants −15.0 %", "+400 kt CO₂"]
    assert (point["x"], point["y"]) == (-4, 15)  # where the published coordinates have it
    assert {-4: "+4", 2: "−2"}.items() <= dict(chart["options"]["scales"]["x"]["marks"]).items()


def test_a_value_that_is_a_thousand_times_too_high_leaves_the_picture_of_all(programme: Any, client: Client) -> None:
    """A slip of the unit, which nobody has corrected yet."""
    good = programme["good"]
    for n in range(3):
        other = make.pilot(good.batch, good.province, slug=f"more-{n}")
        make_measured(other, (100, 90), (100, 90 if n else 90_000))
    chart = client.get(f"/synergy/?{DAY}").context["charts"]["coordinates"]
    marks = [mark for mark, _text in chart.data["options"]["scales"]["x"]["marks"]]
    assert marks == [-80_000, -60_000, -40_000, -20_000, 0]


def test_sections_that_a_batch_narrows_keep_it(programme: Any, client: Client) -> None:
    """From one set to the same set elsewhere; the section itself leads back to all pilots."""
    for path in ("/synergy/", "/industries/", "/pilots/"):
        page = client.get(f"{path}?batch=first&{DAY}").content.decode()
        nav = unescape(page.split('<nav class="site-nav"')[1].split("</nav>")[0])
        found = re.findall(r'href="([^"]+)"', nav)
        kept = {each.partition("?")[0] for each in found if "batch=first" in each}
        assert kept == {"/synergy/", "/industries/", "/pilots/"} - {path}, path
        for address in found:
            assert client.get(address).status_code == 200, address


def test_those_ticked_in_the_list_are_compared(programme: Any, client: Client) -> None:
    page = client.get(f"/pilots/?{DAY}&compare=pick").text
    assert '<input type="checkbox" name="pick" value="good" form="compare"' in page
    assert '<input type="hidden" name="as_of" value="2026-11-24">' in page.partition('<form id="compare"')[2]
    assert client.get(f"/compare/?{DAY}&pick=late&pick=good")["Location"] == f"/compare/?{DAY}&a=late&b=good"
    answer = client.get("/compare/?" + "&".join(["pick=good"] * 5))
    assert (answer.status_code, "5 are ticked. Up to four fit side by side." in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("n", "median"), [(0, None), (4, "too few to say: n = 4"), (5, "median 62 days, of 5 plans on record")]
)
def test_a_median_is_given_from_five_values_on(empty: None, client: Client, n: int, median: str | None) -> None:
    """Of days from list to plan; the rollout and trends are in their own tests."""
    batch, province = make.batch(slug="first"), make.province(slug="hebei")
    make.stage(make.pilot(batch, province), "listed", date(2024, 1, 15))  # without a plan: in no median
    for number in range(n):
        pilot = make.pilot(batch, province)
        make.stage(pilot, "listed", date(2024, 1, 15))
        make.stage(pilot, "plan_issued", date(2024, 3, 15 + number))
    facts = dict(re.findall(r"<dt>([^<]+)</dt>\s*<dd>([^<]+)<", client.get("/batches/first/").text))
    assert facts.get("From list to plan") == median
