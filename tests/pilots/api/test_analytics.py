"""API of progress and synergy: worked examples, explanations of lights, any day, a fixed number of queries."""

import csv
import json
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from pilots.models import Indicator, LightOverride, Pilot
from pilots.stored_lights import recompute_all
from tests import factories as make
from tests.support.api_client import ApiClient, make_user
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db
DAY = "2026-06-30"  # the values of 2025 are due by then


def make_any_pilot(**fields: Any) -> Pilot:
    return make.pilot(make.batch(), make.province(), **fields)


def make_readings(pilot: Pilot, indicator: Indicator, base: Any, actual: Any) -> None:
    """Make accepted values of 2023 and 2025, unless None."""
    for period, value in (("2023", base), ("2025", actual)):
        if value is not None:
            make.reading(pilot, indicator, period, value)


def get_progress(client: Client, query: str = "", day: str = DAY) -> Any:
    return client.get(f"/api/v1/progress/?as_of={day}&{query}").json()


def get_synergy(client: Client, query: str = "", day: str = DAY) -> Any:
    return client.get(f"/api/v1/synergy/?as_of={day}&{query}").json()


@pytest.fixture
def jia(empty: None) -> Pilot:
    """Make 甲市 of the worked examples: from 2023 to 2025, with targets for 2026."""
    pilot = make_any_pilot(slug="jia", name_zh="甲市", name_en="Jia")
    for code, base, actual, target, equivalent in (
        ("AIR_SO2", 12_000, 10_200, 9_600, "0.95"),
        ("AIR_NOX", 30_000, 27_600, 25_500, "0.95"),
        ("AIR_PM", 8_000, 7_200, None, "2.18"),
        ("AIR_VOC", 20_000, 18_800, None, "0.95"),
    ):
        air = make.indicator(code, equivalent_kg=Decimal(equivalent))
        make_readings(pilot, air, base, actual)
        if target:
            make.target(pilot, air, base, target)
    carbon = make.carbon()
    make_readings(pilot, carbon, 4200, 4074)
    make.target(pilot, carbon, 4200, 3990, binding=False)
    share = make.indicator("ENE_NFF", kind="energy", unit="%", direction="higher", rollup="mean", equivalent_kg=None)
    Indicator.objects.filter(pk=share.pk).update(may_enter_synergy="no")
    make_readings(pilot, share, 20, Decimal("23.8"))
    make.target(pilot, share, 20, 26)
    return pilot


# -- progress: the examples --------------------------------------------------------------------------------


@pytest.fixture
def courses(empty: None) -> dict[str, Pilot]:
    """Pilots that differ in what binds them, what they reported and what they planned; values are due from 2024 on."""
    batch, province, air = (
        make.batch(slug="batch", asked_from=2024),
        make.province(slug="here"),
        make.indicator("AIR_SO2"),
    )
    names = (
        "nothing",
        "values only",
        "target only",
        "values and target",
        "steps",
        "task",
        "milestone",
        "stage",
        "long",
    )
    slugs = {name: name.replace(" ", "-") for name in names}
    pilots = {name: make.pilot(batch, province, slug=slug, name_en=name.title()) for name, slug in slugs.items()}
    for name in ("target only", "values and target", "steps", "stage"):
        make.target(pilots[name], air, 100, 60 if name == "steps" else 85)
    for name in ("values only", "values and target", "stage"):
        make.reading(pilots[name], air, "2024", 95)
        make.reading(pilots[name], air, "2025", 90, accepted_on=date(2026, 5, 10))
    target = pilots["steps"].targets.get()
    make.reading(pilots["steps"], air, "2025", 99)
    make.add_step(target, 2025, 96)  # nothing much is due before the furnace closes in 2026
    task = {"facet": "goal", "title_en": "Do it", "is_key": True, "indicator": make.indicator("OUT_B")}
    make.milestone(pilots["task"], date(2025, 12, 31), date(2026, 6, 1), **task)
    make.milestone(pilots["milestone"], date(2024, 6, 1), title_en="Plan", is_key=True)
    make.stage(pilots["stage"], "listed", date(2024, 1, 10))
    make.milestone(pilots["stage"], date(2026, 4, 30), title_en="Plan issued", stage="plan_issued", is_key=True)
    make.stage(pilots["stage"], "rectifying", date(2026, 8, 1))
    make.stage(pilots["stage"], "implementing", date(2026, 8, 3), reason="Issued late.")
    make.target(pilots["long"], air, 100, 85, base_year=2015)
    make.reading(pilots["long"], air, "2021", 90)
    Pilot.objects.filter(slug="long").update(term_start=date(2010, 1, 1))
    recompute_all()
    return pilots


def test_lights_of_many_courses_on_the_days_on_which_they_turn(client: Client, courses: dict[str, Pilot]) -> None:
    """Colour, since when and why, with stage, milestones and values; values alone make no pilot green.

    A planned stage is a key milestone, done by its own entry: a later stage does not complete it.
    """
    days = ["2024-01-15", "2024-06-01", "2024-06-02", "2024-08-30", "2024-08-31", "2025-03-31", "2025-04-01"]
    days += ["2025-06-29", "2025-06-30", "2025-12-31", "2026-01-01", "2026-03-31", "2026-04-01", "2026-04-30"]
    days += ["2026-05-01", "2026-05-09", "2026-05-10", "2026-06-01", "2026-07-29", "2026-07-30", "2026-08-01"]
    said: dict[str, Any] = {slug: {} for slug in Pilot.objects.order_by("pk").values_list("slug", flat=True)}
    for day in days:
        for row in get_progress(client, day=day)["pilots"]:
            light = row["light"]
            found = [light["colour"], light["since"], *(reason["text"] for reason in light["reasons"])]
            if found not in said[row["pilot"]["slug"]].values():
                said[row["pilot"]["slug"]][day] = found
    for day in ("2024-08-30", "2025-06-01", "2026-08-03"):
        for row in get_progress(client, day=day)["pilots"]:
            values = [[item["period"], item["actual"], item["missing"]] for item in row["indicators"]]
            about = [row["stage"], row["days_in_stage"], row["milestones"], values]
            said[row["pilot"]["slug"]][f"records of {day}"] = about
    assert_snapshot("lights-of-courses", said)
    row = get_progress(client, "pilot=steps", day="2026-05-11")["pilots"][0]["indicators"][0]
    assert (row["expected_share"], row["expected_value"], row["shortfall"]) == (0.1, 96, 0.75)


def test_what_is_in_force_is_shown_with_the_years_that_are_missing(client: Client, courses: dict[str, Pilot]) -> None:
    target = courses["values and target"].targets.get()
    days = {"asked_on": date(2026, 3, 1), "decided_on": date(2026, 3, 2)}
    make.amendment(target, value=80, year=2027, accepted=True, **days)
    names = ("target", "target_year", "base", "period", "actual", "missing", "light")

    def shown(day: str) -> list[Any]:
        row = get_progress(client, "pilot=values-and-target", day)["pilots"][0]
        [item] = row["indicators"]
        return [
            *(item[name] for name in names),
            item["why"]["code"],
            [one["kind"] for one in row["light"]["replanned"]],
        ]

    assert shown("2026-03-01") == [85, 2026, 100, "2024", 95, [], "green", "path", []]
    assert shown("2026-04-01") == [80, 2027, 100, "2024", 95, [2025], "green", "path", ["target"]], "under review"
    make.amendment(target, drop=True, accepted=True, asked_on=date(2026, 4, 2), decided_on=date(2026, 4, 2))
    assert shown("2026-04-02") == [None, None, None, None, None, [], "grey", "dropped", ["target"]]


# -- a light set by hand -----------------------------------------------------------------------------------


def test_a_light_set_by_hand_says_so_and_ends(client: Client, jia: Pilot) -> None:
    LightOverride.objects.create(
        pilot=jia,
        colour="green",
        reason="The plant was rebuilt in May.",
        author=User.objects.create_user("wang"),
        set_on=date(2026, 6, 1),
        expires_on=date(2026, 7, 1),
    )

    def light(day: str) -> Any:
        return get_progress(client, day=day)["pilots"][0]["light"]

    by_hand = light("2026-06-30")
    assert (by_hand["colour"], by_hand["computed"], by_hand["since"]) == ("green", "red", "2026-06-01")
    assert by_hand["override"] == {
        "colour": "green",
        "reason": "The plant was rebuilt in May.",
        "author": "the ministry",
        "set_on": "2026-06-01",
        "expires_on": "2026-07-01",
    }
    assert [reason["code"] for reason in by_hand["reasons"]] == ["by_hand", "path", "path"]
    assert "wang" not in json.dumps(get_progress(client, day="2026-06-30")), "who it was is nobody else's business"
    for day in ("2026-05-31", "2026-07-01"):
        assert (light(day)["colour"], light(day)["override"]) == ("red", None)
    assert light("2026-07-01")["since"] == "2026-07-01"
    assert [client.get(f"/api/v1/pilots/?light={word}&as_of={DAY}").json()["count"] for word in ("green", "red")] == [
        *(1, 0)
    ]
    assert get_progress(client)["strip"]["now"]["green"] == 1


# -- synergy -----------------------------------------------------------------------------------------------


def test_the_whole_shape_of_the_example(client: Client, jia: Pilot) -> None:
    assert_snapshot("synergy", get_synergy(client))


Values = tuple[Any, Any]
SYNERGY: dict[str, dict[str, Values]] = {  # accepted values of 2023 and 2025 by indicator; None is missing
    "both up": {"AIR_SO2": (10_000, 10_200), "CO2_TOT": (1000, 1050)},
    "carbon up": {"AIR_SO2": (10_000, 9_000), "CO2_TOT": (1000, 1050)},
    "pollution up": {"AIR_SO2": (10_000, 10_200), "CO2_TOT": (1000, 900)},
    "carbon flat": {"AIR_SO2": (10_000, 9_500), "CO2_TOT": (1000, 995)},
    "pollution flat": {"AIR_SO2": (10_000, 9_950), "CO2_TOT": (1000, 900)},
    "just not flat": {"AIR_SO2": (10_000, 9_500), "CO2_TOT": (1000, "994.99")},
    "both down": {"AIR_SO2": (10_000, 8_500), "CO2_TOT": (1000, 970)},
    "one pollutant up": {"AIR_SO2": (10_000, 8_500), "AIR_NOX": (10_000, 10_500), "CO2_TOT": (1000, 970)},
    "one pollutant missing": {"AIR_SO2": (95, "85.5"), "AIR_NOX": (95, None), "CO2_TOT": (100, 90)},
    "kilograms too": {"AIR_SO2": (95, "85.5"), "AIR_KG": (95_000, 85_500), "CO2_TOT": (100, 90)},
    "what never enters": {
        "AIR_SO2": (95, "85.5"), "CO2_TOT": (100, 90), "ENV_PM25": (100, 50), "WAT_COD": (100, 50), "PRJ_NOX": (1, 2),
    },
    "intensity": {"AIR_SO2": (100, 85), "CO2_GDP": (2, "1.8")},
    "another gas": {"AIR_SO2": (95, "85.5"), "GHG_ALL": (100, 90)},
    "no carbon": {"AIR_SO2": (100, 90)},
    "no carbon now": {"AIR_SO2": (100, 90), "CO2_TOT": (100, None)},
    "no carbon base": {"AIR_SO2": (100, 90), "CO2_TOT": (None, 90)},
    "no base": {"AIR_SO2": (None, 90), "CO2_TOT": (100, 90)},
    "no pollutant now": {"AIR_SO2": (100, None), "CO2_TOT": (100, 90)},
    "no pollutant": {"CO2_TOT": (100, 90)},
    "park": {"AIR_SO2": (950, 855), "CO2_TOT": (1000, 900)},
}  # fmt: skip


def test_the_class_of_each_pilot_and_what_is_missing_is_named(client: Client, empty: None) -> None:
    """Of a pilot for each case: class and rates; sums leave the park to its city; carbon is found by its kind, whatever
    its code; without total carbon there is no class.
    """
    indicators = {code: make.indicator(code) for code in ("AIR_SO2", "AIR_NOX")}
    indicators |= {"AIR_KG": make.indicator("AIR_KG", unit="kg"), "CO2_TOT": make.carbon()}
    intensity = {"unit": "t/10⁴ yuan", "rollup": "none", "may_enter_synergy": "intensity"}
    indicators |= {"CO2_GDP": make.carbon("CO2_GDP", **intensity), "GHG_ALL": make.carbon("GHG_ALL", unit="t")}
    for code, kind, use in (
        ("ENV_PM25", "quality", "no"), ("WAT_COD", "pollutant", "water"), ("PRJ_NOX", "pollutant", "no"),
    ):  # fmt: skip
        apart = {"rollup": "none", "equivalent_kg": None, "may_enter_synergy": use}
        indicators[code] = make.indicator(code, kind=kind, **apart)
    batch, province = make.batch(slug="batch"), make.province(slug="here")
    for name, values in SYNERGY.items():
        pilot = make.pilot(batch, province, slug=name.replace(" ", "-"), name_en=name.title())
        for code, (base, actual) in values.items():
            make_readings(pilot, indicators[code], base, actual)
    city = Pilot.objects.get(slug="both-down")
    Pilot.objects.filter(slug="park").update(kind="park", parent=city)
    assert_snapshot("synergy-cases", get_synergy(client))
    assert get_synergy(client, "kind=park")["totals"]["apeq"] == {"reduced": 100, "n": 1, "of": 1, "within": []}
    Indicator.objects.filter(code="GHG_ALL").update(may_enter_synergy="no")
    recompute_all()
    missing = {row["pilot"]["slug"]: row["why"]["code"] for row in get_synergy(client)["missing"]}
    assert missing["another-gas"] == "no_carbon"


def change_indicator(code: str, change: dict[str, str]) -> Any:
    """Change an indicator as a national editor; return the answer."""
    national, address = ApiClient(session=make_user("national", "national_editor")), f"/api/v1/indicators/{code}/"
    return national.send("PATCH", address, change, **{"If-Match": national.send("GET", address).headers["ETag"]})


@pytest.mark.parametrize(
    ("unit", "tonnes"),
    [("10⁴ t", 1_260_000), ("万t", 1_260_000), ("万吨", 1_260_000), ("Mt", 126_000_000), ("kg", 0.126)],
)
def test_units_of_mass_however_they_are_spelt(client: Client, jia: Pilot, unit: str, tonnes: float) -> None:
    Indicator.objects.filter(code="CO2_TOT").update(unit=unit)
    recompute_all()
    assert get_synergy(client)["totals"]["carbon_tonnes"] == {"reduced": tonnes, "n": 1, "of": 1, "within": []}


@pytest.mark.parametrize(
    "change", [{"unit": "kt"}, {"direction": "higher"}, {"kind": "carbon"}, {"rollup": "none"}], ids=str
)
def test_what_values_mean_stays_once_there_are_any(client: Client, jia: Pilot, change: dict[str, str]) -> None:
    """327 readings would change their meaning, and sums grow, without a word."""
    before = get_synergy(client)["totals"]
    response = change_indicator("AIR_SO2", change)
    pointers = [(error["pointer"], error["code"]) for error in response.json()["errors"]]
    assert (response.status_code, pointers) == (409, [(f"/{name}", "fixed") for name in change])
    assert get_synergy(client)["totals"] == before


@pytest.mark.parametrize(
    ("code", "change", "field", "text"),
    [
        ("CO2_NEW", {"unit": "GWh"}, "unit", "“GWh” is no unit of mass. Give it as kg, t, kt, 10⁴ t, Mt or 10⁸ t"),
        ("AIR_NEW", {"unit": "mg/m³"}, "unit", "“mg/m³” is no unit of mass"),
        (
            "AIR_NEW",
            {"may_enter_synergy": "intensity"},
            "may_enter_synergy",
            "“only marked as intensity” is only for an indicator of: carbon. Choose “no”, or correct the kind.",
        ),
        ("CO2_NEW", {"may_enter_synergy": "water"}, "may_enter_synergy", "is only for an indicator of: pollutant."),
        ("CO2_NEW", {"kind": "energy"}, "may_enter_synergy", "is only for an indicator of: pollutant, carbon."),
    ],
)
def test_a_use_in_the_synergy_without_effect_is_refused(
    empty: None, code: str, change: dict[str, str], field: str, text: str
) -> None:
    make.carbon("CO2_NEW")
    make.indicator("AIR_NEW")
    response = change_indicator(code, change)
    assert (response.status_code, [error["pointer"] for error in response.json()["errors"]]) == (400, [f"/{field}"])
    assert text in response.json()["errors"][0]["message"]


def test_the_year_asked_for_and_the_day_it_was_known(client: Client, jia: Pilot) -> None:
    assert get_synergy(client, "year=2024")["missing"][0]["why"]["code"] == "no_carbon"
    assert get_synergy(client, "year=2025")["n"] == get_synergy(client)["n"] == 1
    assert [get_synergy(client, "year=2025", day)["n"] for day in ("2026-03-19", "2026-03-20")] == [0, 1]
    assert get_synergy(client, day="2026-03-31")["year"] == 2024


# -- files and description ---------------------------------------------------------------------------------


def file(client: Client, address: str) -> str:
    response = client.get(f"/api/v1/{address}&format=csv&as_of={DAY}")
    return b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]


# -- the bill ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["progress", "synergy"])
def test_an_aggregate_lists_its_pilots_page_by_page(client: Client, jia: Pilot, name: str) -> None:
    """Every number stays over all of them, and a file has them all unless a page is asked for."""
    others = [make.pilot(jia.batch, jia.province, slug=f"p{number}", kind="park") for number in range(4)]
    address = f"/api/v1/{name}/?as_of={DAY}&page_size=2"
    whole = client.get(f"/api/v1/{name}/?as_of={DAY}").json()
    pages = [client.get(f"{address}&page={number}").json() for number in (1, 2, 3)]
    listed = [[row["pilot"]["slug"] for row in [*page["pilots"], *page.get("missing", ())]] for page in pages]
    assert listed == [["jia", "p0"], ["p1", "p2"], ["p3"]]
    assert [page["count"] for page in pages] == [5, 5, 5] == [1 + len(others)] * 3
    assert [query_of(page["next"]) for page in pages] == [
        {"as_of": DAY, "page_size": "2", "page": "2"},
        {"as_of": DAY, "page_size": "2", "page": "3"},
        {},
    ]
    assert [query_of(page["previous"]) for page in pages[:2]] == [{}, {"as_of": DAY, "page_size": "2"}]
    for field in whole.keys() - {"pilots", "missing", "next", "previous"}:
        assert [page[field] for page in pages] == [whole[field]] * 3, field
    assert len(file(client, f"{name}/?lang=en").splitlines()) == 1 + 5
    second = csv.DictReader(file(client, f"{name}/?page=2&page_size=2").splitlines())
    assert [row["pilot"] for row in second] == ["p1", "p2"]
    wrong = {"page=4&page_size=2": 404, "page=0": 400, "page_size=201": 400}
    assert {query: client.get(f"/api/v1/{name}/?{query}").status_code for query in wrong} == wrong


def query_of(address: str | None) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address or "").query))
