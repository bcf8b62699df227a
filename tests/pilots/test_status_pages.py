"""Status and synergy pages: of a small invented programme, on any day, and without records."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation

from core.templatetags.site import format_cell
from pilots.models import Batch, Indicator, Milestone, Pilot
from policies.models import Province
from tests import factories as make
from tests.support.csv_files import csv_rows
from tests.support.snapshots import assert_snapshot, page_content

pytestmark = pytest.mark.django_db
DAY = "as_of=2026-11-24"


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


@pytest.fixture
def varied(programme: dict[str, Pilot]) -> dict[str, Pilot]:
    """Targets of every kind, one of which went the wrong way; stages planned, and passed over with reasons; values
    without a target, disputed and corrected.
    """
    good, late, silent = programme["good"], programme["late"], programme["silent"]
    sulphur, carbon = Indicator.objects.get(code="AIR_SO2"), Indicator.objects.get(code="CO2_TOT")
    make.reading(good, sulphur, "2025", 13200, version=2)
    make.reading(good, carbon, "2025", 4100, version=2, state="disputed")
    sulphur.targets.filter(pilot=good).update(base_value="12000.5")
    task = {"kind": "text", "base_year": None, "target_text": "Complete the task of the province"}
    make.target(good, make.indicator("PRJ_NOX", name_en="NOx cut"), None, None, **task)
    days = make.indicator("ENV_AQD", name_en="Good-air days", unit="%", direction="higher", rollup="none")
    make.target(good, days, "76.3", None, kind="keep")
    make.reading(good, days, "2025", 77)
    limit = make.indicator("ENV_PM25", name_en="PM2.5", kind="quality", rollup="none", equivalent_kg=None)
    make.target(good, limit, None, 41, kind="limit", base_year=None)
    make.reading(good, limit, "2025", "39.7")
    share = make.indicator("ENE_NFF", name_en="Non-fossil", unit="%", direction="higher", rollup="none")
    make.target(good, share, "10.2", "12.8")
    make.reading(good, share, "2025", 9)
    make.stage(good, "midterm", None, planned_on=date(2026, 12, 1))

    make.stage(late, "implementing", date(2025, 2, 1), reason="The plan was not published.")
    make.stage(late, "final_eval", date(2026, 6, 1), reason="No mid-term evaluation was held.")
    make.stage(late, "tasked", None, planned_on=date(2024, 4, 1), reason="The task list went to the province.")

    waiting = {"state": "reported", "accepted_on": None}
    dust, sewage = make.indicator("AIR_PM"), make.indicator("WAT_COD", name_en="COD")
    make.reading(silent, dust, "2024", 90)
    make.reading(silent, dust, "2025", "80.5")
    make.reading(silent, dust, "2025", 81, version=2, **waiting)
    make.reading(silent, sewage, "2025", 7, **waiting)
    make.reading(good, sewage, "2025", 8, reported_on=date(2026, 11, 25), **waiting)
    return programme


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("pilot-on-schedule", f"/pilots/good/?{DAY}"),
        ("pilot-before-acceptance", "/pilots/good/?as_of=2026-03-10"),
        ("pilot-overdue", f"/pilots/late/?{DAY}"),
        ("batch", f"/batches/first/?{DAY}"),
        ("batch-after-a-quarter", "/batches/first/?as_of=2026-09-30"),
        ("synergy", f"/synergy/?{DAY}"),
        ("synergy-of-parks", f"/synergy/?{DAY}&kind=park&year=2025"),
    ],
)
def test_what_a_page_says_and_draws(programme: Any, client: Client, name: str, path: str) -> None:
    milestones = list(Milestone.objects.order_by("pk"))
    assert_snapshot(f"page-{name}", page_content(client.get(path)), milestones=milestones)


# -- a pilot -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["good", "late", "silent"])
def test_what_the_page_of_a_varied_pilot_says(varied: Any, client: Client, name: str) -> None:
    """The light with its reasons, the stages, values as the tables show them in both languages, and lines of charts."""
    said = {}
    for lang in ("en", "zh-hans"):
        page = client.get(f"/pilots/{name}/?{DAY}&lang={lang}")
        status, context = page.context["status"], page.context
        said[lang] = {
            "light": [status.colour, status.since, *(reason.text for reason in status.reasons)],
            "track": [[mark.state, mark.planned] for mark in context["track"]],
            "notes": context["track_notes"],
            **{slug: shown_rows(page, context["tables"][slug]) for slug in ("indicators", "untargeted")},
        }
        for reason in status.reasons:
            if "#" in reason.url:
                assert f'id="{reason.url.partition("#")[2]}"' in page.text
    said["lines"] = {
        code: drawn(chart) for code, chart in client.get(f"/pilots/{name}/?{DAY}").context["charts"].items()
    }
    said["file"] = csv_rows(client.get(f"/pilots/{name}/?{DAY}&export=untargeted.csv"))
    assert_snapshot(f"pilot-{name}", said)


def test_a_file_has_numbers_where_the_page_has_words(varied: Any, client: Client) -> None:
    heads, sulphur, *_others = csv_rows(client.get(f"/pilots/good/?{DAY}&export=indicators.csv"))
    assert sulphur[heads.index("Progress")].startswith("-0.49968")


def shown_rows(response: Any, table: Any) -> list[list[str]]:
    """Return the cells of a table as its page shows them."""
    if table is None:
        return []
    with translation.override(response.headers["Content-Language"]):
        rows = [
            [format_cell(cell, column) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows
        ]
    return [[str(column.label) for column in table.columns], *rows]


def drawn(chart: Any) -> dict[str, list[tuple[float, float]]]:
    """Return the points of each line of accepted and other values."""
    if not chart.is_canvas:
        return {}
    named = [own for own in chart.data["data"]["datasets"] if own["label"] in ("accepted", "not accepted")]
    return {own["label"]: [(point["x"], point["y"]) for point in own["data"]] for own in named}


def test_a_light_set_by_hand_shows_the_computed_one_beside_it(programme: Any, client: Client) -> None:
    make.override(programme["late"], "yellow", User.objects.create(username="officer"))
    page = client.get(f"/pilots/late/?{DAY}")
    status = page.context["status"]
    assert (status.colour, status.computed) == ("yellow", "red")
    assert status.sentence == "Set by hand by the ministry until 1 January 2027: the kiln is being replaced"
    assert "Computed:" in page.content.decode()
    page = client.get("/pilots/late/?as_of=2026-08-31")
    assert page.context["status"].colour == "yellow"  # its own: 62 days overdue
    assert "Computed:" not in page.content.decode()


@pytest.mark.parametrize(
    "address",
    [
        *("/", "/pilots/", "/pilots/late/", "/provinces/hebei/", "/batches/first/"),
        *("/pilots/late/?export=reasons.csv", "/?export=attention.csv", "/pilots/late/?export=history.csv"),
        *("/api/v1/progress/", "/api/v1/progress/?format=csv", "/api/v1/changes/"),
    ],
)
def test_who_set_a_light_by_hand_is_named_to_nobody(programme: Any, client: Client, address: str) -> None:
    author = User.objects.create(username="nobody-elses-business", is_superuser=True)
    make.override(programme["late"], "red", author)
    for query in ("", "&lang=zh-hans"):
        response = client.get(f"{address}{'&' if '?' in address else '?'}{query}".rstrip("?&"))
        assert response.status_code == 200
        body = b"".join(response.streaming_content) if response.streaming else response.content
        assert author.username not in body.decode()


def test_the_history_tells_what_when_and_why(programme: Any, client: Client) -> None:
    pilot = programme["good"]
    pilot.name_en, pilot._change_reason = "Better", "renamed"
    pilot.save()
    history = client.get("/pilots/good/").context["history"]
    (change,) = history.notes[0].differences
    assert (change.label, change.old, change.new) == ("Name in English", "Good", "Better")
    assert (history.notes[0].reason, history.notes[0].who) == ("renamed", "")
    assert {note.kind for note in history.notes} == {"Pilot", "Stage entry", "Target", "Reading"}
    past = client.get("/pilots/good/?as_of=2025-01-01").context["history"]
    assert (past.notes, past.later) == ([], history.total)


@pytest.mark.parametrize("slug", ["milestones", "milestone-list", "trend-air-so2", "indicators", "evidence", "history"])
def test_each_table_of_a_pilot_is_a_file(programme: Any, client: Client, slug: str) -> None:
    name = "late" if "milestone" in slug else "good"
    rows = csv_rows(client.get(f"/pilots/{name}/?export={slug}.csv"))
    assert len(rows) > 1
    assert client.get(f"/pilots/{name}/?export={slug}.xlsx").status_code == 200


# -- lists and roll-ups --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ("light=red", ["late"]),
        ("light=grey", ["silent"]),
        ("stage=listed", ["late"]),
        ("stage=plan_issued", ["good"]),
        ("stage=unknown", ["silent"]),
        ("reached=tasked", ["amber", "good"]),
        ("reached=listed&light=yellow", ["amber"]),
        ("sort=-days", ["late", "amber", "good", "silent"]),
        ("sort=light", ["late", "amber", "good", "silent"]),
        ("sort=stage&kind=park", ["late", "amber"]),
    ],
)
def test_the_list_filters_and_sorts_by_what_is_computed(
    programme: Any, client: Client, query: str, slugs: list[str]
) -> None:
    listing = client.get(f"/pilots/?{DAY}&{query}").context["listing"]
    assert [row[0].url for row in listing.table.rows] == [f"/pilots/{slug}/" for slug in slugs]
    assert listing.count == len(slugs)


def test_the_list_shows_stage_days_and_light_of_the_day(programme: Any, client: Client) -> None:
    def line(day: str) -> list[Any]:
        rows = client.get(f"/pilots/?q=late&as_of={day}").context["listing"].table.rows
        name, why, _class, owner, stage, reported, days = rows[0]
        assert (name.below, reported.value, stage.value) == ("Hebei · industrial park · Batch one", False, "Listed")
        return [name.status, why.value, why.below, owner.value, owner.below, stage.below, days.page_text]

    overdue = ("Bureau", "No follow-up open", "1,044 d in it", "56 d")
    assert line("2026-11-24") == ["red", "Platform live: 147 d overdue", "was due on 30 Jun 2026", *overdue]
    assert line("2026-07-01")[:4] == ["yellow", "Platform live: 1 d overdue", "was due on 30 Jun 2026", "Bureau"]


def test_the_list_opens_red_first_longest_first_under_a_heading_for_each_colour(programme: Any, client: Client) -> None:
    """The colours are links that keep the other filters; another order names the light in each row instead."""
    make.milestone(programme["silent"], date(2026, 3, 1), title_en="Plan", is_key=True)
    page = client.get(f"/pilots/?{DAY}")
    rows = [(row[0].url, row[0].status) for row in page.context["listing"].table.rows]
    order = ["silent", "late", "amber", "good"]
    assert rows == list(zip([f"/pilots/{name}/" for name in order], ["red", "red", "yellow", "green"], strict=True))
    heads = [
        " ".join(re.sub("<[^>]*>", "", head).split()) for head in re.findall('<tr class="group".*?</tr>', page.text)
    ]
    assert heads == [
        f"{head}, longest in this colour first"
        for head in ("■ Red 2 far behind", "▲ Yellow 1 behind", "● Green 1 on schedule")
    ]
    assert page.context["finding"] == (
        "2 of 4 pilots are red, 1 yellow; red for longest, 177 days: Silent. 0 of the 1 green ones have rising carbon."
    )
    [light] = client.get(f"/pilots/?{DAY}&kind=park&light=red").context["listing"].links
    assert [(choice["value"], choice["n"], choice["current"]) for choice in light["choices"]] == [
        ("", 2, False), ("red", 1, True), ("yellow", 1, False), ("green", None, False), ("grey", None, False),
    ]  # fmt: skip
    assert light["choices"][2]["url"] == f"/pilots/?{DAY}&kind=park&light=yellow"
    page = client.get(f"/pilots/?{DAY}&sort=name")
    assert ('<tr class="group"' in page.text, page.text.count('<span class="tag red">')) == (False, 2)


@pytest.mark.parametrize("path", ["/provinces/hebei/", "/industries/steel/", "/batches/first/"])
def test_roll_ups_count_lights_with_their_denominators(programme: Any, client: Client, path: str) -> None:
    chart = client.get(f"{path}?{DAY}").context["charts"]["lights"]
    assert [(item["tag"], item["count"]) for item in chart.data["lights"]] == [
        ("red", 1), ("yellow", 1), ("green", 1), ("grey", 1),
    ]  # fmt: skip
    assert "2 of 4 reported for 2025" in chart.subtitle
    assert chart.title.endswith("1 red and 1 yellow of 4 pilots; as many red as a quarter ago")


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


@pytest.mark.parametrize("name", ["lights", "funnel", "lag", "time"])
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


def test_ten_plans_are_drawn_with_a_median_in_whole_days(programme: Any, client: Client) -> None:
    batch, province = programme["late"].batch, Province.objects.get(slug="hebei")
    for number in range(9):
        planned = make.pilot(batch, province, slug=f"planned-{number}", name_en=f"Planned {number}", kind="park")
        make.stage(planned, "listed", date(2024, 1, 15))
        make.stage(planned, "plan_issued", date(2024, 1, 15) + timedelta(101 + number), reason="Not published.")
    page = client.get(f"/batches/first/?{DAY}")
    chart = page.context["charts"]["lag"]
    assert chart.title == (
        "Half of the plans on record came within 106 days of the list; "
        "2 have none on record, up to 1,044 days since the list"
    )  # the median of 101 to 109 and 305 is 105.5
    dots, median = (own["data"] for own in chart.data["data"]["datasets"])
    assert [point["x"] for point in dots] == [*range(101, 110), 305]
    assert median[-1] == {"x": 106, "y": -0.6, "label": {"text": "median 106 days"} | median[-1]["label"]}
    assert [[row["label"] for row in group["rows"]] for group in chart.names] == [["Amber", "Late"]]
    assert page.content.decode().count("/pilots/amber/") >= 2


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


def test_synergy_names_the_set_that_it_counts(programme: Any, client: Client) -> None:
    """All pilots, or the batch that is filtered by: in the subtitle, and beside each figure."""
    Batch.objects.filter(slug="first").update(short_name_en="first batch")
    everyone, batch = (client.get(f"/synergy/?{DAY}{words}").context for words in ("", "&batch=first"))
    subtitles = [page["charts"]["coordinates"].subtitle.partition(" have ")[0] for page in (everyone, batch)]
    assert subtitles == ["All 4 recorded pilots: 2 of 4", "First batch, 4 pilots: 2 of 4"]
    assert all(figure["note"].endswith("; first batch") for figure in batch["figures"])
    assert not any("batch" in figure["note"] for figure in everyone["figures"])


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


@pytest.mark.parametrize("name", ["coordinates", "classes", "amber", "elasticities", "joint", "missing"])
def test_each_table_of_synergy_is_a_file(programme: Any, client: Client, name: str) -> None:
    assert len(csv_rows(client.get(f"/synergy/?export={name}.csv"))) > 1
    assert client.get(f"/synergy/?export={name}.xlsx").status_code == 200


# -- nothing, and wrong addresses ----------------------------------------------------------------------


HUZHOU = {
    "en": ["Huzhou (all Zhejiang batches)", "Huzhou (first national batch)"],
    "zh-hans": ["湖州市（国家首批）", "湖州市（浙江各批合计）"],
}


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
@pytest.mark.parametrize(("page", "file"), [("/synergy/", "missing"), ("/provinces/zhejiang/", "pilots")])
def test_pilots_of_one_name_have_their_batch_beside_it(client: Client, page: str, file: str, lang: str) -> None:
    """Huzhou is on the national list and on that of Zhejiang."""
    answer = client.get(page, {"as_of": DAY.removeprefix("as_of="), "lang": lang, "export": f"{file}.csv"})
    rows = [row[0] for row in csv_rows(answer)[1:]]
    assert sorted(name for name in rows if name.startswith(("Huzhou", "湖州"))) == HUZHOU[lang]


def test_where_one_batch_is_counted_the_name_is_enough(client: Client) -> None:
    rows = [row[0] for row in csv_rows(client.get(f"/?{DAY}&export=not-reported.csv"))]
    assert [name for name in rows if name.startswith("Huzhou")] == ["Huzhou"]


def test_no_reading_at_all_is_said_not_drawn(client: Client) -> None:
    synergy = client.get(f"/synergy/?{DAY}")
    assert synergy.context["finding"] == "No pilot can be placed for 2025 yet; 31 of 31 are missing."
    assert "No pilot can be placed for 2025 yet." in synergy.content.decode()
    assert "<canvas" not in synergy.content.decode()
    assert synergy.context["figures"][0]["value"] is None
    lights = client.get(f"/batches/national-batch-1/?{DAY}").context["charts"]["lights"]
    assert lights.title == "No pilot can be rated yet: no value for 2025 is accepted"
    huzhou = client.get(f"/pilots/huzhou/?{DAY}")
    assert huzhou.context["status"].colour == "grey"
    assert "No milestone of this pilot is recorded." in huzhou.content.decode()
