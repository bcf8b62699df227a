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
from tests import factories as make
from tests.pilots.test_status_pages import make_measured
from tests.support.csv_files import csv_rows
from tests.support.snapshots import assert_snapshot

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
PAGES = (
    "/compare/?a=pollution&b=silent",
    "/pilots/pollution/",
    "/pilots/silent/",
    "/pilots/intensity/",
    "/pilots/gone/",
    "/search/?q=pollution",
)


@pytest.fixture
def classed(empty: None) -> dict[str, Pilot]:
    """A pilot of each class, one without values, one with an intensity only, and one that has withdrawn."""
    batch = make.batch(slug="first", title_en="First", title_zh="第一批", city_count=8)
    steel = make.industry(slug="steel")
    province = make.province(slug="hebei", name_en="Hebei", short_en="Hebei")
    names = [*RATES, "silent", "intensity", "gone"]
    pilots = {name: make.pilot(batch, province, steel, slug=name, name_en=name.title()) for name in names}
    for name, (air, carbon) in RATES.items():
        make_measured(pilots[name], air, carbon)
    make_measured(pilots["gone"], *RATES["both"])
    pilots["pollution"].targets.get(indicator__code="CO2_TOT").delete()  # it would be yellow by it
    Pilot.objects.filter(slug="gone").update(withdrawn_on=date(2026, 6, 1))
    intensity = make.carbon("CO2_GDP", unit="t/10⁴ yuan", rollup="none", may_enter_synergy="intensity")
    sulphur = pilots["both"].targets.get(indicator__code="AIR_SO2").indicator
    for indicator in (intensity, sulphur):
        make.target(pilots["intensity"], indicator, 100, 80)
        make.reading(pilots["intensity"], indicator, "2023", 100)
        make.reading(pilots["intensity"], indicator, "2025", Decimal(85))
    return pilots


def get(client: Client, path: str, lang: str = "en") -> Any:
    return client.get(f"{path}{'&' if '?' in path else '?'}as_of={DAY}&lang={lang}")


def heading(response: Any, tag: str) -> str:
    return str(response.text.partition(tag)[2].partition("<")[0])


def test_what_pages_files_and_the_api_say_of_the_class(classed: dict[str, Pilot], client: Client) -> None:
    """Beside the light with its years; in the list in words, what rises marked; in a column of files and of the API."""
    said: dict[str, Any] = {}
    for lang in ("en", "zh-hans"):
        for path in PAGES:
            marks = MARK.findall(get(client, path, lang).content.decode())
            said[f"{path} {lang}"] = sorted([html.unescape(part) for part in mark] for mark in marks)
    for path in ("/pilots/", "/pilots/?sort=name&withdrawn=include"):
        cells = [cell for row in get(client, path).context["listing"].table.rows for cell in (row[0], *row)]
        said[path] = [[cell.value or cell.below, cell.title] for cell in cells if cell.value or "carbon" in cell.below]
    for path in ("/pilots/?export=pilots.csv", "/batches/first/?export=pilots.csv"):
        heads, *rows = csv_rows(get(client, path))
        said[path] = {row[0]: row[heads.index("Class of synergy")] for row in rows}
    rows = client.get(f"/api/v1/progress/?as_of={DAY}").json()["pilots"]
    said["progress"] = {row["pilot"]["slug"]: row["synergy_class"] for row in rows}
    heads, *lines = csv_rows(client.get(f"/api/v1/progress/?as_of={DAY}&format=csv"))
    column = heads.index("synergy_class")
    assert {line[heads.index("pilot")]: line[column] or None for line in lines} == said["progress"]
    for brief in ("nation", "pilot/pollution", "pilot/silent"):
        text = json.dumps(get(client, f"/brief/{brief}/?export=json").json(), ensure_ascii=False)
        said[brief] = sorted(set(re.findall(r"[A-Z][a-z, -]*, 2023–2025", text)))
    assert_snapshot("class-marks", said)


def test_the_overview_says_how_many_green_pilots_have_rising_carbon(classed: dict[str, Pilot], client: Client) -> None:
    response = get(client, "/")
    context = response.context
    api = client.get(f"/api/v1/overview/?as_of={DAY}").json()
    said = {
        "findings": [heading(response, '<h2 id="reduced-title">'), heading(response, '<div class="rising"><h3>')],
        "Chinese": heading(get(client, "/", "zh-hans"), '<div class="rising"><h3>'),
        "rising": [status.pilot.slug for status in context["rising"]],
        "attention": {row["name"]: [row["class"], row["arrows"]] for row in context["attention"]},
        "parts": [[part["kind"].value, part["n"], part["width"]] for part in context["classes"]],
        "api": api["synergy"],
    }
    assert_snapshot("class-overview", said)
    shown = get(client, context["synergy_url"]).context["synergy"]
    assert {kind.value: n for kind, n in shown.kinds.items()} == api["synergy"]["classes"]
