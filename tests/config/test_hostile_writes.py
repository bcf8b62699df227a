"""What a broken or hostile program sends: each time one exact answer, nothing stored, and never a server error.

What is taken in spite of its looks is here as well: every list, file and page shows it afterwards. The same statuses on
every database, for the suite runs on each.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from policies.models import Agency
from tests import factories
from tests.writing import Program, World, changed, make_figure, make_reading, make_target, person, rows, small, writer

pytestmark = pytest.mark.django_db
Told = list[tuple[str, str]]
JSON = "application/json"
LISTS = [
    *("provinces", "agencies", "policies", "measures", "plans", "figures", "sources", "industries", "batches"),
    *("pilots", "stages", "milestones", "indicators", "targets", "readings"),
]
AGGREGATES = [
    "overview/",
    "coverage/",
    "progress/",
    "synergy/",
    "rollout/?policy=national",
    "trend/?indicator=AIR_SO2",
    "changes/",
]
PAGES = ["/provinces/home/", "/policies/", "/policies/national/", "/pilots/", "/synergy/", "/data/", "/industries/"]
PAGES += ["/batches/national-batch/", "/search/?q=a", "/admin/changes/", "/admin/quality/"]


@dataclass(frozen=True)
class Case:
    """A request and its answer: the status, and each fault by pointer and code."""

    name: str
    method: str
    address: str
    body: Any
    status: int = 400
    told: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


class Hostile(World):
    """The small world, and one record of those kinds that the cases write to."""

    def __init__(self) -> None:
        super().__init__()
        pilot = self.pilot(self.home)
        self.source, city = factories.make_source(), factories.make_pilot(self.batch, self.home)
        below = factories.make_policy(slug="below", parent=self.policy)
        factories.make_policy(slug="far-below", parent=below)
        factories.make_pilot(self.batch, self.home, slug="park", kind="park", parent=city)
        Agency.objects.create(slug="agency", name_zh="机构")
        target = make_target(self, self.home)
        target.steps.create(year=2025, value=90)
        self.words = {
            "pilot": pilot.slug,
            "city": city.slug,
            "figure": make_figure(self, self.home).slug,
            "target": target.pk,
            "reading": make_reading(self, self.home).pk,
            "source": self.source.pk,
            "milestone": factories.make_milestone(pilot, date(2026, 6, 1)).pk,
            "plan": factories.make_plan(self.policy, self.home).pk,
            "stage": factories.make_stage(pilot, "listed", date(2024, 1, 1)).pk,
            "accepted": factories.make_reading(pilot, self.indicator, "2024", 9).pk,
        }
        self.writer, self.reader = writer(self.admin), Program(session=self.admin)
        self.stand = rows()

    def send(self, case: Case) -> Any:
        address = f"/api/v1/{case.address.format(**self.words)}"
        headers = {"If-Match": "*"} if case.method not in {"GET", "POST"} and case.address[-1:] == "/" else {}
        return self.writer.send(case.method, address, case.body, **{**headers, **case.headers})


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[Hostile]:
    with small(Hostile, django_db_blocker) as made:
        yield made


def patch(
    address: str, name: str, *values: Any, told: str, pointer: str | None = None, status: int = 400
) -> Iterator[Case]:
    """Changes of one field that are all refused for the same reason."""
    for value in values:
        body = b'{"%s": %s}' % (name.encode(), value) if isinstance(value, bytes) else {name: value}
        shown = value if isinstance(value, bytes) else repr(value).encode("ascii", "backslashreplace")
        title = f"{name} {shown[:30].decode(errors='replace')}"
        yield Case(title, "PATCH", address, body, status, [(f"/{name}" if pointer is None else pointer, told)])


# -- bodies --------------------------------------------------------------------------------------------

AGENCY, LIST = "agencies/agency/", "agencies/"
UNREADABLE = {
    "nothing": b"",
    "an integer of 5,000 digits": b'{"note": ' + b"1" * 5_000 + b"}",
    "an exponent of 20 digits": b'{"note": 1e99999999999999999999}',
    "a name twice": b'{"note": "a", "note": "b"}',
    "a name twice below": b'{"note": {"a": 1, "a": 1}}',
    "NaN": b'{"note": NaN}',
    "Infinity": b'{"note": -Infinity}',
    "100,000 open arrays": b"[" * 100_000,
    "100,000 arrays": b"[" * 100_000 + b"]" * 100_000,
    "100,000 open objects": b'{"a":' * 100_000,
    "no UTF-8": b'{"note": "\xff"}',
    "UTF-16": '{"note": "a"}'.encode("utf-16"),
    "a mark of byte order": b'\xef\xbb\xbf{"note": "a"}',
    "more after the end": b'{"note": "a"} x',
    "a raw control": b'{"note": "a\x01"}',
    "half a character": b'{"note": "\\ud800"}',
    "half a character as a name": b'{"\\udfff": 1}',
    "a comment": b'{"note": "a"} // why',
    "single quotes": b"{'note': 'a'}",
    "a form": b"note=a",
}
SHAPES = {b"null": "invalid_shape", b'"x"': "invalid_shape", b"true": "invalid_shape", b"1": "invalid_shape"}


def bodies() -> Iterator[Case]:
    for name, body in UNREADABLE.items():
        for method, address in (("POST", LIST), ("PUT", AGENCY), ("PATCH", AGENCY), ("PATCH", LIST), ("DELETE", LIST)):
            yield Case(f"{name}: {method} {address}", method, address, body, 400, [("", "invalid_json")])
    for body, code in SHAPES.items():
        for method, address in (("POST", LIST), ("PATCH", AGENCY), ("PUT", LIST), ("DELETE", LIST), ("DELETE", AGENCY)):
            yield Case(f"{body.decode()}: {method} {address}", method, address, body, 400, [("", code)])
    yield Case("an empty array for one", "PATCH", AGENCY, [], 400, [("", "invalid_shape")])
    yield Case("an array for one", "PUT", AGENCY, [{"note": "x"}], 400, [("", "invalid_shape")])
    yield Case("3 MB", "PATCH", AGENCY, b'{"note": "' + b"a" * 3_000_000 + b'"}', 413, [("", "too_large")])
    yield Case("3 MB of records", "POST", LIST, b"[" + b"{}," * 1_000_000 + b"{}]", 413, [("", "too_large")])


# -- fields --------------------------------------------------------------------------------------------

WHY = {"change_reason": "Replanned"}  # which a day that has passed takes
MILESTONE, TARGET, PLAN, SOURCE = "milestones/{milestone}/", "targets/{target}/", "plans/{plan}/", "sources/{source}/"
FIGURE, READING, PILOT, HOME = "figures/{figure}/", "readings/{reading}/", "pilots/{pilot}/", "provinces/home/"
HIDDEN = ["\u0007", "\u202e", "\u200b", "\u200d", "\u2066", "\ufeff", "\u00ad", "\U000e0001", "\ue000", "a\x9bb"]


def numbers() -> Iterator[Case]:
    no_integers = [
        b'"1_000"',
        '"１２"'.encode(),
        b'"12"',
        b'""',
        b"true",
        b"1.9",
        b"1e-999999999",
        b"1e999999999",
        b"[]",
        b"{}",
    ]
    yield from patch(MILESTONE, "weight", *no_integers, told="invalid_type")
    yield from patch(
        MILESTONE, "weight", b"32768", b"1099511627776", b"9223372036854775808", b"9" * 4_000, told="max_value"
    )
    yield from patch(MILESTONE, "weight", -1, told="min_value")
    yield from patch(MILESTONE, "weight", None, told="null")
    yield from patch(MILESTONE, "weight", 0, told="rule")
    yield from patch(
        TARGET, "target_value", b'"1.5"', b"true", b'"1,000"', "１".encode().join([b'"', b'"']), told="invalid_type"
    )
    too_long = [b"1e999999999", b"1e-999999999", b"1e-400", b"9" * 4_000, b"0." + b"9" * 70]
    yield from patch(TARGET, "target_value", *too_long, told="max_digits")
    yield from patch(TARGET, "target_value", b"0." + b"9" * 40, told="max_digits")
    yield from patch(TARGET, "target_value", b"1.2345678", told="max_decimal_places")
    yield from patch(TARGET, "target_value", b"1e14", b"100000000000000", told="max_whole_digits")
    yield from patch(TARGET, "target_value", b"12345678901234.123456", b"99999999999999.999999", told="digits")
    yield from patch(TARGET, "target_value", -1, told="rule")
    yield from patch(FIGURE, "value", None, told="null")
    yield from patch(TARGET, "target_year", 0, 1, 1899, 2200, 9999, 32767, told="range")
    yield from patch(TARGET, "base_year", 0, 999, 9999, told="range")
    for name in ("is_key",):
        yield from patch(MILESTONE, name, "true", "", 1, 0, [], told="invalid_type")
        yield from patch(MILESTONE, name, None, told="null")


def texts() -> Iterator[Case]:
    yield from patch(AGENCY, "name_zh", 1, True, [], {}, told="invalid_type")
    yield from patch(AGENCY, "name_zh", None, told="null")
    yield from patch(AGENCY, "name_zh", "", "   ", "　", "\u2028", told="blank")
    yield from patch(AGENCY, "name_zh", "字" * 201, told="max_length")
    for name in ("name_zh", "note"):
        yield from patch(AGENCY, name, *HIDDEN, told="hidden")
        yield from patch(AGENCY, name, "a\0b", told="null_characters_not_allowed")
    yield from patch(HOME, "iso_code", "\u202e", "CN\u200b", told="hidden")
    yield from patch(SOURCE, "address", "https://example.org/\u202e", told="hidden")
    yield from patch(SOURCE, "address", "javascript:alert(1)", "//example.org", "example", told="invalid")
    yield from patch(SOURCE, "address", "https://example.org/" + "a" * 500, told="max_length")
    yield from patch(AGENCY, "slug", "a b", "é", "../x", "a%20b", "a/b", "a.b", told="invalid")
    yield from patch(AGENCY, "slug", "a--b", "-a", "a-", "a_b", told="rule")
    yield from patch(AGENCY, "slug", "x" * 81, told="max_length")
    yield from patch(PLAN, "status", "ISSUED", "x", 1, "", [], True, {}, told="invalid_choice")
    yield from patch(PLAN, "status", "isued", "issued\0", told="near")
    yield from patch(AGENCY, "change_reason", "a\nb", "a\x07", "\u202e", told="hidden")
    yield from patch(AGENCY, "change_reason", "x" * 301, told="max_length")
    yield from patch(AGENCY, "change_reason", 1, told="invalid_type")


def days() -> Iterator[Case]:
    no_days = [
        "99999-01-01",
        "2024-1-5",
        "20240115",
        "2024-W03-1",
        "2024-01-15T00:00:00",
        "２０２４-01-15",
        "",
        "15.01.2024",
    ]
    yield from patch(
        MILESTONE, "planned_on", *no_days, 20240115, True, [], {}, " 2024-01-15", "2024-01-15\n", told="invalid_type"
    )
    yield from patch(MILESTONE, "planned_on", "0000-01-01", "2024-02-30", "2023-02-29", "2024-13-01", told="invalid")
    yield from patch(MILESTONE, "planned_on", "0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31", told="range")
    yield from patch(MILESTONE, "planned_on", None, told="null")
    yield from patch(MILESTONE, "completed_on", "2199-12-31", told="future")
    for address, name in ((PILOT, "term_start"), (PILOT, "term_end"), ("stages/{stage}/", "planned_on")):
        yield from patch(address, name, "0001-01-01", "9999-12-31", told="range")
    yield from patch("policies/national/", "published_on", "2000-01-01", told="rule")
    yield from patch(FIGURE, "period_from", "2013-99-99", "2023-02-29", "0000", "2013-6", "2013/06", told="rule")


def names() -> Iterator[Case]:
    yield from patch(AGENCY, "nmae_zh", "x", told="unknown_field")
    yield from patch(AGENCY, "Note", "x", told="unknown_field")
    yield from patch(PLAN, "pk", 1, told="unknown_field")
    yield from patch(PLAN, "_state", 1, told="unknown_field")
    yield from patch(PLAN, "history", [], told="unknown_field")
    yield from patch(PLAN, "province_id", 1, told="unknown_field")
    yield from patch(PLAN, "province__slug", "home", told="unknown_field")
    yield from patch(AGENCY, "a/b~c", 1, told="unknown_field", pointer="/a~1b~0c")
    yield from patch(AGENCY, "", 1, told="unknown_field", pointer="/")
    yield from patch(AGENCY, "x" * 500, 1, told="unknown_field", pointer=f"/{'x' * 79}…")
    missing = [("/slug", "required"), ("/name_zh", "required")]
    yield Case("PUT without what is needed", "PUT", AGENCY, {"note": "x"}, 400, missing)
    yield Case("PUT of nothing", "PUT", AGENCY, {}, 400, missing)


def relations() -> Iterator[Case]:
    yield from patch(
        PLAN,
        "province",
        1,
        True,
        ["home"],
        {"name": "x"},
        {"slug": ["home"]},
        {"slug": None},
        10**30,
        told="invalid_type",
    )
    yield from patch(PLAN, "province", "nope", "hom", {"slug": "nope"}, "ho\0me", told="near")
    yield from patch(PLAN, "province", "", "HOME", "ｈｏｍｅ", told="not_on_record")
    yield from patch(PLAN, "province", None, told="null")
    yield from patch(PLAN, "sources", 1, "x", {}, told="not_a_list")
    yield from patch(PLAN, "sources", None, told="null")
    yield from patch(PLAN, "sources", ["1"], [True], [1.0], [[1]], [{}], told="invalid_type", pointer="/sources/0")
    yield from patch(PLAN, "sources", [0], [-1], [2**63], [10**30], told="not_on_record", pointer="/sources/0")
    yield from patch(PLAN, "sources", [None], told="null", pointer="/sources/0")
    yield from patch(PLAN, "sources", [1] * 501, told="max_length")


def steps() -> Iterator[Case]:
    yield from patch(TARGET, "steps", None, told="null")
    yield from patch(TARGET, "steps", {}, "x", 1, told="not_a_list")
    yield from patch(TARGET, "steps", [1], ["x"], [[]], told="invalid", pointer="/steps/0")
    yield from patch(TARGET, "steps", [None], told="null", pointer="/steps/0")
    yield from patch(TARGET, "steps", [{"year": 2025}], told="required", pointer="/steps/0/value")
    yield from patch(TARGET, "steps", [{"year": 2025, "value": 1, "x": 1}], told="unknown_field", pointer="/steps/0/x")
    yield from patch(TARGET, "steps", [{"year": "2025", "value": 1}], told="invalid_type", pointer="/steps/0/year")
    yield from patch(TARGET, "steps", [{"year": 2025, "value": "1"}], told="invalid_type", pointer="/steps/0/value")
    yield from patch(TARGET, "steps", [{"year": 2025, "value": 1}, {"year": 2025, "value": 2}], told="twice")
    for year in (0, 2023, 2026):  # no year at all, the base year, the target year
        yield from patch(TARGET, "steps", [{"year": year, "value": 1}], told="rule")
    yield from patch(TARGET, "steps", [{"year": 2025, "value": -1}], told="rule")
    yield from patch(TARGET, "target_year", 2025, 2024, told="rule", pointer="/steps")  # a step stands there
    yield from patch(TARGET, "base_year", 2025, told="rule", pointer="/steps")


def trees_and_rules() -> Iterator[Case]:
    for parent in ("national", "below", "far-below"):
        yield from patch("policies/national/", "parent", parent, told="rule")
    moves = [{"slug": "national", "revision": 1}, {"slug": "below", "revision": 1, "parent": "far-below"}]
    yield Case("many at once make a circle", "PATCH", "policies/", moves, 400, [("/1/parent", "rule")])
    yield from patch("pilots/park/", "parent", "park", told="rule")
    in_use = {"policies/national/": 2, "batches/national-batch/": 4, "pilots/{pilot}/": 5, "indicators/AIR_SO2/": 1}
    for address, count in in_use.items():
        yield Case(f"in use: {address}", "DELETE", address, None, 409, [("", "in_use")] * count)
    yield from patch(READING, "value", 1, told="fixed", status=409)
    yield Case("another period", "PATCH", READING, {"period": "2023"}, 409, [("/value", "fixed")])
    yield Case("a value that has fed numbers", "DELETE", "readings/{accepted}/", None, 409, [("", "in_use")])
    yield Case(
        "a verdict without a reason", "PATCH", READING, {"state": "disputed"}, 400, [("/change_reason", "required")]
    )


# -- headers -------------------------------------------------------------------------------------------

CHARSETS = ["foo", "gb18030", "utf-16", "latin-1", ""]
TYPES = [
    *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/merge-patch+json"),
    *(f"multipart/form-data; boundary={'x' * 300}", "application/vnd.api+json", "text/json", "garbage", "", "\xe9"),
]
TAGS = {
    **dict.fromkeys(
        ['"0-x"', 'W/"0-x"', 'W/"1-x"', '"0-x", "9-x"', '""', '"-1"', '"99999999999999999999"', '"é"'], 412
    ),
    **dict.fromkeys(["", " ", "garbage", "1-x", '"', '"1-x', "*, *", '*, "1-x"', '"1-x" "2-x"', '"1-x", garbage'], 400),
    **dict.fromkeys([",", "," * 8_000, '",' * 3_999], 400),
    ',"' * 4_000: 412,  # each comma between two quotes is a tag
}


def headers() -> Iterator[Case]:
    note = b'{"note": "q"}'
    for charset in CHARSETS:
        yield Case(f"charset {charset}", "PATCH", AGENCY, note, 415, [], {"content_type": f"{JSON}; charset={charset}"})
    for kind in TYPES:
        yield Case(f"type {kind[:40]!a}", "PATCH", AGENCY, note, 415, [], {"content_type": kind})
    for tag, status in TAGS.items():
        told = [("If-Match", "stale" if status == 412 else "invalid_header")]
        yield Case(f"If-Match {tag[:30]!a}", "PATCH", AGENCY, note, status, told, {"If-Match": tag})
    for key in ("x" * 256, "x" * 300, "a b", "é", "", "\x7f", "a\tb"):
        told = [("Idempotency-Key", "invalid_key")]
        yield Case(
            f"key {key[:10]!a}", "POST", LIST, {"slug": "n", "name_zh": "n"}, 400, told, {"Idempotency-Key": key}
        )
    for reason in ("é", "a\x07", "a\tb", "x" * 301, "\u202e".encode().decode("latin-1")):
        told = [("X-Change-Reason", "invalid_header")]
        yield Case(f"reason {reason[:10]!a}", "PATCH", AGENCY, note, 400, told, {"X-Change-Reason": reason})
    for accept in ("text/csv", "text/html", "application/xml"):
        yield Case(f"Accept {accept}", "PATCH", AGENCY, note, 406, [], {"accept": accept})
    override = {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"}
    yield Case("another method by header", "POST", AGENCY, note, 405, [], override)
    for name in ("fields", "as_of", "page", "nope"):
        value = "2024-01-01" if name == "as_of" else "1"
        told = [(name, "unknown_parameter")]
        yield Case(f"?{name}", "PATCH", f"{AGENCY}?{name}={value}", note, 400, told, {"If-Match": "*"})


# -- many ----------------------------------------------------------------------------------------------


def many() -> Iterator[Case]:
    one = {"slug": "agency", "revision": 1}
    for method in ("PUT", "PATCH", "DELETE"):
        for body, status, told in (
            ([], 400, [("", "invalid_length")]),
            ([one] * 1_001, 400, [("", "invalid_length")]),
            ([one, 1, [], None], 400, [(f"/{place}", "invalid_shape") for place in (1, 2, 3)]),
            ({"slug": "agency", "revision": 1}, 400, [("", "invalid_shape")]),
            ([one, one, one], 400, [("/1/slug", "twice"), ("/2/slug", "twice")]),
            ([{"revision": 1}], 400, [("/0/slug", "required")]),
            ([{**one, "slug": None}], 400, [("/0/slug", "required")]),
            ([{**one, "slug": "nope"}], 404, [("/0/slug", "not_found")]),
            ([{**one, "slug": 1}], 404, [("/0/slug", "not_found")]),
            ([{**one, "slug": "a\0"}], 404, [("/0/slug", "not_found")]),
            ([{**one, "slug": ["agency"]}], 404, [("/0/slug", "not_found")]),
        ):
            yield Case(f"{method} {str(body)[:40]!a}", method, LIST, body, status, told)
    for method in ("PATCH", "DELETE"):
        for revision, status, code in (
            *[(wrong, 400, "invalid_type") for wrong in ("1", 1.0, True, [], {})],
            *[(wrong, 412, "stale") for wrong in (0, 2, -1, 10**30)],
            (None, 428, "required"),
        ):
            told = [("/0/revision", code)]
            yield Case(f"{method} revision {revision!r}", method, LIST, [{**one, "revision": revision}], status, told)
    for key in (0, -1, 2**63, 10**30, "1", True, 1.0):
        yield Case(f"id {key!r}", "PATCH", "plans/", [{"id": key, "revision": 1}], 404, [("/0/id", "not_found")])
    new = {"slug": "n", "name_zh": "新"}
    yield Case("0 records", "POST", LIST, [], 400, [("", "invalid_length")])
    yield Case("1,001 records", "POST", LIST, [new] * 1_001, 400, [("", "invalid_length")])
    mixed = [new, {"slug": "m"}, {"slug": "k", "name_zh": 1}, {"slug": "x y", "name_zh": "名"}]
    told = [("/1/name_zh", "required"), ("/2/name_zh", "invalid_type"), ("/3/slug", "invalid")]
    yield Case("one good and three bad", "POST", LIST, mixed, 400, told)
    yield Case("the same new code twice", "POST", LIST, [new, {**new, "name_zh": "名"}], 409, [("/1/slug", "unique")])
    yield Case(
        "the same code in other letters",
        "POST",
        LIST,
        [new, {"slug": "Ｎ", "name_zh": "名"}],
        409,
        [("/1/slug", "unique")],
    )
    yield Case("a code on record", "POST", LIST, {"slug": "agency", "name_zh": "名"}, 409, [("/slug", "unique")])


# -- addresses and methods -----------------------------------------------------------------------------


def addresses() -> Iterator[Case]:
    gone = [("", "not_found")]
    for address in ("plans/0/", "plans/999999999999999999/", f"agencies/{'a' * 500}/", "indicators/NOPE/"):
        yield Case(address[:40], "PATCH", address, {"note": "x"}, 404, gone)
        yield Case(f"DELETE {address[:40]}", "DELETE", address, None, 404, gone)
    for address in ("plans/9999999999999999999/", "agencies/UPPER/", "agencies/%00/", "agencies/%ff/", "agencies/../"):
        yield Case(address[:40], "PATCH", address, {"note": "x"}, 404, [])
    for method in ("POST", "OPTIONS", "FOO"):
        yield Case(f"{method} of one record", method, AGENCY, {"note": "x"}, 405, [])
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        yield Case(f"{method} of an aggregate", method, "overview/", {"note": "x"}, 405, [])


GROUPS = [bodies, numbers, texts, days, names, relations, steps, trees_and_rules, headers, many, addresses]
REFUSED = [pytest.param(case, id=f"{group.__name__}: {case}") for group in GROUPS for case in group()]


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_and_nothing_is_stored(world: Hostile, case: Case) -> None:
    began = time.monotonic()
    answer = world.send(case)
    assert (answer.status_code, faults_of(answer)) == (case.status, list(case.told)), answer.content[:800]
    assert answer["Content-Type"] == "application/problem+json"
    assert time.monotonic() - began < 5  # no answer costs more than its request
    assert changed(world.stand, rows()) == {}


def faults_of(answer: Any) -> Told:
    return [(fault["pointer"], fault["code"]) for fault in json.loads(answer.content).get("errors", [])]


# -- what is taken in spite of its looks ---------------------------------------------------------------

TAKEN = [
    Case("a rare character", "PATCH", PILOT, {"name_zh": "𠮷野"}, 200),
    Case("a dot in a name", "PATCH", PILOT, {"name_zh": "阿不都·热合曼"}, 200),
    Case("an emoji", "PATCH", PILOT, {"name_zh": "😀" * 200}, 200),
    Case("as long as it may be", "PATCH", PILOT, {"name_zh": "长" * 200, "slug": "x" * 80}, 200),
    Case("marks of HTML", "PATCH", PILOT, {"name_zh": "<script>alert(1)</script>", "note": "</script><!--"}, 200),
    Case("a formula", "PATCH", PILOT, {"name_zh": "=1+1", "name_en": "@SUM(A1)"}, 200),
    Case("no character at all", "PATCH", PILOT, {"name_zh": "a\uffffb", "note": "\ufffe"}, 200),
    Case("one that is not given yet", "PATCH", PILOT, {"name_zh": "\u0378"}, 200),
    Case("an accent of its own", "PATCH", PILOT, {"name_zh": "e\u0301"}, 200),
    Case("a code that is a number", "PATCH", PILOT, {"slug": "0"}, 200),
    Case("3.0", "PATCH", MILESTONE, b'{"weight": 3.0}', 200),
    Case("3e4", "PATCH", MILESTONE, b'{"weight": 3e4}', 200),
    Case("idle zeros", "PATCH", TARGET, b'{"target_value": 80.50000000000000000000000000000000}', 200),
    Case("minus nothing", "PATCH", TARGET, b'{"target_value": -0.0}', 200),
    Case("the most digits", "PATCH", TARGET, b'{"target_value": 99999999999999.9, "base_value": 0.000001}', 200),
    Case("no base", "PATCH", TARGET, {"base_year": None, "base_value": None}, 200),
    Case("the first day", "PATCH", MILESTONE, {"planned_on": "1900-01-01", "completed_on": "1900-01-01", **WHY}, 200),
    Case("the last day", "PATCH", MILESTONE, {"planned_on": "2199-12-31", **WHY}, 200),
    Case("the longest term", "PATCH", PILOT, {"term_start": "1900-01-01", "term_end": "2199-12-31"}, 200),
    Case("a term far ahead", "PATCH", PILOT, {"term_start": "2199-12-31"}, 200),
    Case("the last year", "PATCH", TARGET, {"target_year": 2199}, 200),
    Case("the first year", "PATCH", TARGET, {"base_year": 1900, "steps": [{"year": 1901, "value": 1}]}, 200),
    Case("any number of pilots", "PATCH", "batches/national-batch/", {"city_count": 2_147_483_647}, 200),
    Case("a very large figure", "PATCH", FIGURE, {"value": -99999999999.9999, "period_from": "2024-02-29"}, 200),
    Case("an address of all letters", "PATCH", SOURCE, {"address": "https://生态.中国/é?q=<script>"}, 200),
    Case("what only answers have", "PATCH", AGENCY, {"name": "z", "url": "z", "revision": 99, "note": "n"}, 200),
    Case("another number", "PATCH", PLAN, {"id": 99_999, "note": "n"}, 200),
    Case("several versions", "PATCH", AGENCY, {"note": "n"}, 200, [], {"If-Match": '"0-x", W/"1-x", "1-y"'}),
    Case("the longest key", "POST", LIST, {"slug": "n", "name_zh": "n"}, 201, [], {"Idempotency-Key": "x" * 255}),
    Case(
        "a method by header", "POST", LIST, {"slug": "n", "name_zh": "n"}, 201, [], {"X-HTTP-Method-Override": "DELETE"}
    ),
    Case("a wide code", "POST", LIST, {"slug": " ＡＢＣ", "name_zh": "n"}, 201),
    Case("1,000 records", "POST", LIST, [{"slug": f"n-{n}", "name_zh": f"新 {n}"} for n in range(1_000)], 201),
    Case("UTF-8 by name", "PATCH", AGENCY, b'{"note": "n"}', 200, [], {"content_type": f'{JSON}; charset="UTF-8"'}),
]


@pytest.mark.parametrize("case", TAKEN, ids=str)
def test_it_is_taken_and_shown(world: Hostile, case: Case) -> None:
    answer = world.send(case)
    assert answer.status_code == case.status, answer.content[:800]
    assert changed(world.stand, rows()) != {}
    words = {**world.words, "pilot": json.loads(answer.content)["slug"]} if case.address == PILOT else world.words
    resource = case.address.partition("/")[0]
    detail = [f"/api/v1/{case.address.format(**words)}"] if case.method == "PATCH" else []
    check_shown(world, [f"/api/v1/{resource}/?page_size=200", *detail, *computed(words)])


def test_all_of_it_together_is_shown(world: Hostile) -> None:
    """Every list as data and as files, every record, what is computed of them, and pages, in both languages."""
    pilot = world.words["pilot"]
    for case in TAKEN:
        if "If-Match" not in case.headers and ("slug" not in str(case.body) or case.address == LIST):
            answer = world.send(case)
            assert answer.status_code in {200, 201, 409}, answer.content[:800]  # 409: two cases make the same agency
    for name in LISTS:
        address = f"/api/v1/{name}/"
        found = [row["url"] for row in world.reader.send("GET", f"{address}?page_size=200").json()["results"][:60]]
        check_shown(world, [*found, f"{address}?format=csv", f"{address}?format=xlsx", f"{address}?lang=zh"])
    check_shown(world, [*computed(world.words), *PAGES, f"/pilots/{pilot}/?lang=zh", "/?lang=zh"])


def computed(words: Mapping[str, Any]) -> Iterator[str]:
    """What is computed of the records: by the API, and on the pages that say the most."""
    yield from (f"/api/v1/{address}" for address in AGGREGATES)
    yield from ("/", f"/pilots/{words['pilot']}/")


def check_shown(world: Hostile, addresses: Iterable[str]) -> None:
    for address in addresses:
        shown = world.reader.send("GET", address.removeprefix("http://testserver"))
        content = b"".join(shown) if shown.streaming else shown.content
        assert (shown.status_code, bool(content)) == (200, True), address


# -- the same request again ----------------------------------------------------------------------------


def test_a_key_stands_for_one_request_of_one_person(world: Hostile) -> None:
    key, body = {"Idempotency-Key": "k-1"}, {"slug": "kept", "name_zh": "留"}
    first = world.writer.send("POST", "/api/v1/agencies/", body, **key)
    again = world.writer.send("POST", "/api/v1/agencies/", body, **key)
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert {name: again[name] for name in ("ETag", "Location")} == {name: first[name] for name in ("ETag", "Location")}
    stand = rows()
    for address, other in (("agencies/", {**body, "note": "x"}), ("sources/", body), ("agencies/?lang=zh", body)):
        refused = world.writer.send("POST", f"/api/v1/{address}", other, **key)
        assert (refused.status_code, faults_of(refused)) == (422, [("Idempotency-Key", "key_reused")]), address
    assert changed(stand, rows()) == {}
    other = writer(person("other", "admin")).send("POST", "/api/v1/agencies/", body, **key)
    assert (other.status_code, faults_of(other)) == (409, [("/slug", "unique"), ("/name_zh", "unique")])


def test_a_refusal_is_kept_as_well(world: Hostile) -> None:
    """What was refused under a key is refused again, though it could be done by now."""
    key, body = {"Idempotency-Key": "k-2"}, {"slug": "late", "name_zh": "机构"}
    first = world.writer.send("POST", "/api/v1/agencies/", body, **key)
    assert (first.status_code, faults_of(first)) == (409, [("/name_zh", "unique")])
    Agency.objects.filter(slug="agency").update(name_zh="别的")
    again = world.writer.send("POST", "/api/v1/agencies/", body, **key)
    assert (again.status_code, again.content) == (409, first.content)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_tag_stays_what_a_write_can_be_held_against(world: Hostile, encoding: str) -> None:
    """Whatever the answer: a strong tag, as a weak one would never match again."""
    accepted = {"Accept-Encoding": encoding}
    note = {"note": "long enough to be worth a compression " * 20}
    written = world.writer.send(
        "PATCH", f"/api/v1/{AGENCY}", note, **accepted, **{"If-Match": "*", "Idempotency-Key": "k-3"}
    )
    again = world.writer.send(
        "PATCH", f"/api/v1/{AGENCY}", note, **accepted, **{"If-Match": "*", "Idempotency-Key": "k-3"}
    )
    stale = world.writer.send("PATCH", f"/api/v1/{AGENCY}", {"note": "x"}, **accepted, **{"If-Match": '"1-x"'})
    read = world.writer.send("GET", f"/api/v1/{AGENCY}", **accepted)
    assert (written.status_code, again.status_code, stale.status_code, read.status_code) == (200, 200, 412, 200)
    assert {answer["ETag"] for answer in (written, again, stale, read)} == {read["ETag"]}
    assert read["ETag"].startswith('"2-')


def test_a_browser_needs_the_secret_of_its_page(world: Hostile) -> None:
    """Another site’s page could send a signed-in reader’s cookie, but not this."""
    client = Client(enforce_csrf_checks=True, headers={"If-Match": "*"})
    client.force_login(world.admin, backend="django.contrib.auth.backends.ModelBackend")
    stand = rows()
    for method in ("put", "patch", "delete"):
        answer = getattr(client, method)(f"/api/v1/{AGENCY}", b'{"note": "x"}', content_type=JSON)
        assert answer.status_code == 403, method
    assert client.post("/api/v1/agencies/", b'{"slug": "x", "name_zh": "x"}', content_type=JSON).status_code == 403
    assert changed(stand, rows()) == {}


def test_what_is_refused_in_the_middle_undoes_all_before_it(world: Hostile) -> None:
    """999 good records and one bad: none is stored, and the order of the others makes no difference."""
    items: list[dict[str, Any]] = [{"slug": f"all-{n}", "name_zh": f"都 {n}"} for n in range(999)]
    for place in (0, 999):
        with transaction.atomic():
            body = [*items[:place], {"slug": "agency", "name_zh": "x"}, *items[place:]]
            answer = world.writer.send("POST", "/api/v1/agencies/", body)
            assert (answer.status_code, faults_of(answer)) == (409, [(f"/{place}/slug", "unique")])
            assert changed(world.stand, rows()) == {}
