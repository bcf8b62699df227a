"""Filters of API lists by suffix: on values as of the day, equal on both databases, and strict."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from config.api_urls import RESOURCES
from core.api.views import openapi_schema
from pilots.metrics import Move
from pilots.models import Indicator, Pilot, Target
from policies.models import Policy
from tests import factories as make
from tests.support.snapshots import FOLDER, assert_snapshot
from tests.support.tiers import sampled

pytestmark = pytest.mark.django_db

SUFFIXES: dict[str, dict[str, str]] = json.loads((FOLDER / "api-filters.json").read_text(encoding="utf-8"))
SHOWN_VALUES = {"industry": "industries", "agency": "agencies", ("measures", "policy"): "policies"}
SHOWN_VALUES |= {("actions", "agency"): "owner_agency", ("practices", "pilot"): "origins"}
SHOWN_VALUES |= {("practices", "province"): "that of the origins, which is not shown"}


@pytest.fixture
def measured() -> None:
    """Make records that the seed lacks, before and after the days of the tests."""
    huzhou, ningbo = list(Pilot.objects.filter(kind="city").order_by("slug"))[:2]
    energy, share = Indicator.objects.get(code="AIR_SO2"), Indicator.objects.get(code="ENE_NFF")
    for n, pilot in enumerate((huzhou, ningbo)):
        make.milestone(pilot, date(2024, 3, 1), date(2024, 1, 20 + n))
        make.milestone(pilot, date(2024, 6, 1), date(2024, 12, 20 + n), facet="goal", indicator=energy)
        late = make.milestone(pilot, date(2027, 6, 1), is_key=True, promised_on=date(2024, 6, 1) if n else None)
        make.completion(
            late, date(2024, 1, 25), entered_on=date(2024, 6, 1), objected_on=date(2026, 10, 1 + n), objection="x"
        )
        make.reading(pilot, energy, "2022", Decimal("12.5") + n, reported_on=date(2023, 2, 1))
        make.reading(pilot, energy, "2023", 11, version=2, reported_on=date(2024, 1, 20), accepted_on=date(2024, 2, 20))
        make.reading(pilot, share, "2023", Decimal("20.000001"), accepted_on=None, returned_on=date(2024, 3, 1))
        target = make.target(pilot, energy, 20, 12, base_year=2022 + n)
        decided = {"asked_on": date(2024, 1, 15), "decided_on": date(2024, 2, 1 + n), "accepted": not n, "remark": "No"}
        make.amendment(target, value=Decimal("12.5"), year=2027, **decided)
        make.amendment(make.target(pilot, share, None, None, base_year=None), drop=True, asked_on=date(2026, 10, 1))
        make.amendment(late, day=date(2028, 6, 1), asked_on=date(2026, 7, 1))
        make.deadline(
            pilot if n else pilot.batch, 2023, date(2024, 5, 1) if n else None, indicator=energy if n else None
        )
        make.stage(pilot, "midterm", date(2026, 3, 1), recorded_on=date(2026, 6, 1), result="passed" if n else "")
        make_follow_ups(target, n)
        make_copies(pilot, n)


def make_follow_ups(target: Target, n: int) -> None:
    """Make follow-ups of which the newest step came before, between and after the days of the tests."""
    opened, due = date(2024, 1, 10 + n), date(2024, 2, 1 + n)
    cause = {"cause": "indicator", "cause_target": target, "cause_colour": "red"}
    late = make.follow_up(target.pilot, (Move.SIGN, date(2024, 1, 20)), **cause, opened_on=opened, due_on=due)
    make.step(late, Move.EXTEND, date(2024, 1, 29), new_due_on=date(2024, 3, 1 + n))
    make.step(late, Move.REPORT, date(2024, 2, 20))
    policy = Policy.objects.order_by("pk")[n]
    make.follow_up(None, policy=policy, kind="promotion", opened_on=date(2023, 1, 10), due_on=date(2023, 2, 1))


def make_copies(pilot: Pilot, n: int) -> None:
    """Make a practice with a copy and an effect, all of them before and after the days of the tests."""
    days = {"proposed_on": date(2023, 1, 1), "library_on": date(2024, 3, 1)}
    practice = make.practice(pilot, province=pilot.province, **days)
    ended = {"ended_on": date(2025, 1, 1)} if n else {}
    copy = make.adoption(practice, province=pilot.province, adopted_on=date(2023, 2, 1 + n), **ended)
    make.adoption(
        practice, Pilot.objects.exclude(pk=pilot.pk)[0], adopted_on=date(2024, 1, 30), verified_on=date(2024, 2, 1)
    )
    make.effect(practice, adoption=copy, known_on=date(2023, 3, 1))


def result_rows(client: Client, query: str) -> list[Any]:
    """Return all rows of a list."""
    found, address = [], f"/api/v1/{query}{'&' if '?' in query else '?'}page_size=200"
    while address:
        response = client.get(address)
        assert response.status_code == 200, (query, response.content)
        found += response.json()["results"]
        address = response.json()["next"]
    return found


def result_ids(client: Client, query: str) -> list[Any]:
    return [row.get("slug") or row.get("code") or row["id"] for row in result_rows(client, query)]


def error_codes(client: Client, query: str) -> list[tuple[str, str]]:
    """Return the errors of a request: pointer and message of each."""
    response = client.get(f"/api/v1/{query}")
    assert response.status_code == 400, (query, response.status_code)
    assert len(response.content) < 2500, "an answer must not grow with the request"
    return [(fault["pointer"], fault["message"]) for fault in json.loads(response.content)["errors"]]


# -- which there are -----------------------------------------------------------------------------------------


def test_every_filter_has_its_suffixes_and_no_others() -> None:
    found: dict[str, dict[str, str]] = {}
    for resource, (_model, view) in RESOURCES.items():
        parameters = openapi_schema("public")["paths"][f"/api/v1/{resource}/"]["get"]["parameters"]
        own = found[resource] = {}
        for name in view.filterset_class.base_filters.keys() & {item["name"] for item in parameters}:
            base, _sep, suffix = name.partition("__")
            if suffix:
                own[base] = " ".join(sorted([*own.get(base, "").split(), suffix]))
        assert own.keys() <= view.filterset_class.base_filters.keys(), "what a suffix asks can be asked without one"
    assert_snapshot("api-filters", {resource: dict(sorted(own.items())) for resource, own in found.items()})


# -- what is asked about is what is shown ------------------------------------------------------------------------

TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "": lambda shown, asked: shown == asked,
    "gte": lambda shown, asked: shown is not None and shown >= asked,
    "lte": lambda shown, asked: shown is not None and shown <= asked,
    "gt": lambda shown, asked: shown is not None and shown > asked,
    "lt": lambda shown, asked: shown is not None and shown < asked,
    "isnull": lambda shown, asked: (shown is None) == asked,
    "in": lambda shown, asked: bool(shown_codes(shown) & set(asked)),
    "ne": lambda shown, asked: not shown_codes(shown) & set(asked),
    "icontains": lambda shown, asked: shown is not None and asked.lower() in shown.lower(),
    "startswith": lambda shown, asked: shown is not None and shown.lower().startswith(asked.lower()),
}


def shown_codes(shown: Any) -> set[str]:
    """Return the codes that a field shows: of a choice, a related record, or several."""
    several = shown if isinstance(shown, list) else [shown]
    return {one if isinstance(one, str) else one.get("slug") or one["code"] for one in several if one is not None}


def filter_queries(suffix: str, values: list[Any]) -> list[Any]:
    """Yield the filters for a field that shows these values."""
    known = sorted({value for value in values if value is not None} if suffix not in {"in", "ne"} else set())
    if suffix == "isnull":
        return [True, False]
    if suffix in {"in", "ne"}:
        words = sorted(set().union(*map(shown_codes, values)))
        return [words[:1], words[-2:], words[:100]] if words else []
    if suffix in {"icontains", "startswith"}:
        return [word for text in known[:2] for word in (text[:4].upper(), text[2:5])]
    return list(dict.fromkeys([known[0], known[len(known) // 2], known[-1]])) if known else []


def query_text(asked: Any) -> str:
    if isinstance(asked, list):
        return ",".join(asked)
    if isinstance(asked, bool):
        return str(asked).lower()
    return f"{asked:.6f}".rstrip("0").rstrip(".") if isinstance(asked, float) else str(asked)


@pytest.mark.parametrize(
    ("resource", "day"), sampled(product(SUFFIXES, ["2023-06-30", "2024-01-30", "2026-11-01"]), every=9)
)
def test_what_a_suffix_finds_are_the_rows_that_show_it(client: Client, measured: None, resource: str, day: str) -> None:
    every = result_rows(client, f"{resource}/?as_of={day}")
    asked_any = False
    for base, suffixes in SUFFIXES[resource].items():
        field = SHOWN_VALUES.get((resource, base), SHOWN_VALUES.get(base, base))  # type: ignore[call-overload]
        if not every or field not in every[0]:
            continue
        exact = [""] if {"in", "icontains"}.isdisjoint(suffixes.split()) else []
        for suffix in [*exact, *suffixes.split()]:
            for asked in filter_queries(suffix, [row[field] for row in every]):
                name = f"{base}__{suffix}" if suffix else base
                found = result_rows(client, f"{resource}/?as_of={day}&{name}={quote(query_text(asked))}")
                expected = [row["url"] for row in every if TESTS[suffix](row[field], asked)]
                assert (name, asked, [row["url"] for row in found]) == (name, asked, expected)
                asked_any = True
    assert asked_any or not every


# -- numbers and codes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["１２", "1_000", "1e3", "NaN", "1,5", "+1", "1.0000001"])
def test_what_is_no_number_is_rejected(client: Client, value: str) -> None:
    text = "Write a number such as 12.5, without signs between its digits: at most 15 of them."
    pointer, message = error_codes(client, f"readings/?value__gte={quote(value)}")[-1]
    assert (pointer, message) == ("value__gte", f"value__gte: “{value}”. {text}")


def test_codes_by_a_part_of_them(client: Client, empty: None) -> None:
    """Alike on both databases: capitals are small letters, % and _ are themselves, full-width digits the plain ones."""
    for slug, number in (("huzhou-plan", "环综合〔2022〕42号"), ("hu", "AbC_1%"), ("zhou", ""), ("eight", "É-(8)")):
        make.policy(slug=slug, doc_number=number)
    expected = {
        "slug=hu": ["hu"],
        "slug__startswith=HU": ["hu", "huzhou-plan"],
        "slug__icontains=ZHOU": ["huzhou-plan", "zhou"],
        "slug__icontains=%25": [],
        "slug__icontains=_": [],
        "doc_number=环综合〔２０２２〕４２号": ["huzhou-plan"],
        "doc_number__icontains=2022": ["huzhou-plan"],
        "doc_number__icontains=_1%25": ["hu"],
        "doc_number__icontains=É-(": ["eight"],
        "doc_number__startswith=aBc": ["hu"],
        "doc_number__startswith=.*": [],
    }
    found = {query: result_ids(client, f"policies/?{quote(query, safe='=%')}") for query in expected}
    assert {query: sorted(slugs) for query, slugs in found.items()} == expected


# -- strictness ----------------------------------------------------------------------------------------------------

UNKNOWN = "There is no “{}” here. Did you mean “{}”?"


@pytest.mark.parametrize(
    ("query", "pointer", "message"),
    [
        ("pilots/?kind__in__in=park", "kind__in__in", UNKNOWN.format("kind__in__in", "kind__in")),
        ("pilots/?batch__slug=a", "batch__slug", UNKNOWN.format("batch__slug", "batch__ne")),
        ("pilots/?kind__in=park,", "kind__in", "kind__in: “park,”. Leave no empty place between the commas."),
        (
            "pilots/?province__in=zhejiang,zheijang",
            "province__in",
            "province__in: “zhejiang,zheijang”. There is no “zheijang” here. Did you mean “zhejiang”?",
        ),
        (
            "policies/?slug__icontains=" + "a" * 101,
            "slug__icontains",
            f"slug__icontains: “{'a' * 79}…”. Ensure this value has at most 100 characters (it has 101).",
        ),
        (
            f"stages/?pilot__in={','.join(map(str, range(101)))}",
            "pilot__in",
            f"pilot__in: “{','.join(map(str, range(101)))[:79]}…”. Name at most 100 at once; these are 101.",
        ),
        ("pilots/?kind__in=park&kind__in=city", "kind__in", "kind__in is given 2 times. Give it once."),
    ],
)
def test_a_wrong_suffix_or_value_is_rejected_by_name(client: Client, query: str, pointer: str, message: str) -> None:
    assert error_codes(client, query) == [(pointer, message)]
