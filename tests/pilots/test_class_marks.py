"""Class of synergy beside the light of a pilot, on pages, in files, in briefs and in the API."""

import html
import json
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from pilots.models import Pilot
from tests.factories import make_batch, make_carbon, make_industry, make_pilot, make_province, make_reading, make_target
from tests.pilots.test_status_pages import make_measured
from tests.support.csv_files import csv_rows

DAY = "2026-11-24"
MARK = re.compile(
    r'<span class="class-mark" title="([^"]*)"><span aria-hidden="true">(.*?)</span> '
    r'<span class="(?:muted|visually-hidden)">([^<]*)</span></span>'
)

pytestmark = pytest.mark.django_db

RATES = {  # base and value of pollution and of carbon; pollution is on its path where it falls to 85
    "both": ((100, 85), (100, 90)),
    "pollution": ((100, 85), (100, 104)),
    "carbon": ((100, 104), (100, 90)),
    "neither": ((100, 104), (100, 104)),
    "flat": ((100, 85), (100, 100)),
}
MARKS = {
    "both": ("Co-reduction", "↘↘"),
    "pollution": ("Pollution down, carbon up", "↘<b>↗</b>"),
    "carbon": ("Carbon down, pollution up", "<b>↗</b>↘"),
    "neither": ("Both up", "<b>↗</b><b>↗</b>"),
    "flat": ("Flat, not judged", "↘→"),
}
PAGES = {  # with the pilots whose class is on the page
    "/compare/?a=pollution&b=silent": ("pollution",),
    "/pilots/pollution/": ("pollution",),
    "/pilots/silent/": (),
    "/pilots/intensity/": (),
    "/pilots/gone/": (),
    "/search/?q=pollution": ("pollution",),
}


@pytest.fixture
def classed(empty: None) -> dict[str, Pilot]:
    """A pilot of each class, one without values, one with an intensity only, and one that has withdrawn."""
    batch = make_batch(slug="first", title_en="First", title_zh="第一批", city_count=8)
    steel = make_industry(slug="steel")
    province = make_province(slug="hebei", name_en="Hebei", short_en="Hebei")
    names = [*RATES, "silent", "intensity", "gone"]
    pilots = {name: make_pilot(batch, province, steel, slug=name, name_en=name.title()) for name in names}
    for name, (air, carbon) in RATES.items():
        make_measured(pilots[name], air, carbon)
    make_measured(pilots["gone"], *RATES["both"])
    pilots["pollution"].targets.get(indicator__code="CO2_TOT").delete()  # it would be yellow by it
    Pilot.objects.filter(slug="gone").update(withdrawn_on=date(2026, 6, 1))
    intensity = make_carbon("CO2_GDP", unit="t/10⁴ yuan", rollup="none", may_enter_synergy="intensity")
    sulphur = pilots["both"].targets.get(indicator__code="AIR_SO2").indicator
    for indicator in (intensity, sulphur):
        make_target(pilots["intensity"], indicator, 100, 80)
        make_reading(pilots["intensity"], indicator, "2023", 100)
        make_reading(pilots["intensity"], indicator, "2025", Decimal(85))
    return pilots


def get(client: Client, path: str, lang: str = "en") -> Any:
    return client.get(f"{path}{'&' if '?' in path else '?'}as_of={DAY}&lang={lang}")


@pytest.mark.parametrize("path", PAGES)
def test_the_class_stands_beside_the_light_with_its_years(classed: dict[str, Pilot], client: Client, path: str) -> None:
    found = [tuple(map(html.unescape, mark)) for mark in MARK.findall(get(client, path).content.decode())]
    words = {"↘": "↘", "→": "→", "<b>↗</b>": "↗"}
    expected = []
    for name in PAGES[path]:
        label, arrows = MARKS[name]
        pollution, carbon = (words[arrow] for arrow in re.findall("<b>↗</b>|↘|→", arrows))
        text = f"{label}, 2023–2025"
        expected.append((f"{text}: pollution {pollution}, carbon {carbon}", arrows, text))
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("path", ["/pilots/", "/pilots/?sort=name&withdrawn=include"])
def test_the_list_says_it_in_words(classed: dict[str, Pilot], client: Client, path: str) -> None:
    """What rises is marked; the title has the class with its years."""
    table = get(client, path).context["listing"].table
    rows = {
        row[0].value.lower(): next(cell for cell in row if "carbon" in cell.below or "class" in cell.below)
        for row in table.rows
    }
    words = {"↘": "{} ↓", "→": "{} →", "<b>↗</b>": '<b class="rising">{} ↑</b>'}
    for name, (label, arrows) in MARKS.items():
        pollution, carbon = re.findall("<b>↗</b>|↘|→", arrows)
        assert rows[name].below == f"{words[pollution].format('pollution')}<br>{words[carbon].format('carbon')}"
        assert rows[name].title == f"{label}, 2023–2025"
    assert rows["silent"].below == rows["intensity"].below == "class not known"


def test_the_marks_are_in_chinese_on_chinese_pages(classed: dict[str, Pilot], client: Client) -> None:
    page = get(client, "/pilots/pollution/", "zh-hans").content.decode()
    assert MARK.findall(page) == [("减污增碳，2023—2025年：污染↘，碳↗", "↘<b>↗</b>", "减污增碳，2023—2025年")]


@pytest.mark.parametrize("path", ["/pilots/?export=pilots.csv", "/batches/first/?export=pilots.csv"])
def test_files_have_the_class_in_a_column(classed: dict[str, Pilot], client: Client, path: str) -> None:
    heads, *rows = csv_rows(get(client, path))
    column = heads.index("Class of synergy")
    assert {row[0].lower(): row[column] for row in rows} == {
        **{name: label for name, (label, _arrows) in MARKS.items()},
        "silent": "",
        "intensity": "",
    }


def test_the_api_has_the_class_of_each_pilot(classed: dict[str, Pilot], client: Client) -> None:
    rows = client.get(f"/api/v1/progress/?as_of={DAY}").json()["pilots"]
    classes = {
        "both": "co_reduction",
        "pollution": "pollution_down_carbon_up",
        "carbon": "carbon_down_pollution_up",
        "neither": "both_up",
        "flat": "flat",
        "silent": None,
        "intensity": None,
    }
    assert {row["pilot"]["slug"]: row["synergy_class"] for row in rows} == classes
    heads, *lines = csv_rows(client.get(f"/api/v1/progress/?as_of={DAY}&format=csv"))
    column = heads.index("synergy_class")
    assert {line[heads.index("pilot")]: line[column] for line in lines} == {
        name: value or "" for name, value in classes.items()
    }


def test_the_overview_says_how_many_green_pilots_have_rising_carbon(classed: dict[str, Pilot], client: Client) -> None:
    response = get(client, "/")
    context = response.context
    assert context["classes_finding"] == "1 of 5 pilots reduce both; in 1 pollution falls while carbon rises"
    assert context["rising_finding"] == "1 of 3 green pilots have rising carbon"
    assert [status.pilot.slug for status in context["rising"]] == ["pollution"]
    assert {row["name"]: (row["class"], row["arrows"]) for row in context["attention"]} == {
        "Neither": ("Both up, 2023–2025", ["↗", "↗"]),
        "Carbon": ("Carbon down, pollution up, 2023–2025", ["↗", "↘"]),
        "Flat": ("Flat, not judged, 2023–2025", ["↘", "→"]),
    }
    assert [(part["kind"].value, part["n"], part["width"]) for part in context["classes"]][1] == (
        "pollution_down_carbon_up", 1, "20.00%",
    )  # fmt: skip
    assert get(client, "/", "zh-hans").context["rising_finding"] == "3个绿灯试点中，1个碳排放上升"
    api = client.get(f"/api/v1/overview/?as_of={DAY}").json()
    order = ("co_reduction", "pollution_down_carbon_up", "carbon_down_pollution_up", "both_up", "flat")
    assert api["synergy"] == {
        "year": 2025,
        "of": 7,
        "judged": 5,
        "classes": dict.fromkeys(order, 1),
        "green": dict(zip(order, (1, 1, 0, 0, 0), strict=True)),
    }
    shown = get(client, response.context["synergy_url"]).context["synergy"]
    assert {kind.value: n for kind, n in shown.kinds.items()} == api["synergy"]["classes"]


def test_briefs_name_the_class_of_red_pilots_and_of_their_pilot(classed: dict[str, Pilot], client: Client) -> None:
    nation = json.dumps(get(client, "/brief/nation/?export=json").json(), ensure_ascii=False)
    assert "Carbon down, pollution up, 2023–2025 · " in nation
    assert "Both up, 2023–2025 · " in nation
    pilot = get(client, "/brief/pilot/pollution/?export=json").json()
    assert pilot["light"]["reason"].endswith("; Pollution down, carbon up, 2023–2025")
    assert "2023–2025" not in get(client, "/brief/pilot/silent/?export=json").json()["light"]["reason"]
