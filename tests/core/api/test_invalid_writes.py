"""Invalid writes: exact errors, nothing stored, and never a server error.

Unusual but valid values are tested as well: every list, file and page shows them afterwards. Statuses are equal on
every database, since the suite runs on each.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from django.test import Client

from core import errors
from core.api import write_serializers
from core.errors import closest_match
from policies.models import Agency, Figure
from tests import factories as make
from tests.support.api_client import (
    ApiClient,
    World,
    client_with_token,
    make_reading,
    make_target,
    snapshot_diff,
    snapshot_tables,
    world_in_empty_tables,
)
from tests.support.tiers import sampled

pytestmark = pytest.mark.django_db
ErrorPairs = list[tuple[str, str]]
JSON = "application/json"
AGGREGATES = [
    "overview/",
    "coverage/",
    "progress/",
    "synergy/",
    "rollout/?policy=national",
    "trend/?indicator=AIR_SO2",
    "followup/",
    "changes/",
]


@dataclass(frozen=True)
class HostileCase:
    """Request with its expected status, and errors by pointer and code."""

    name: str
    method: str
    address: str
    body: Any
    status: int = 400
    errors: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


class HostileWorld(World):
    """World with one record of each kind that the cases write to."""

    def __init__(self) -> None:
        super().__init__()
        pilot = self.pilot(self.home)
        self.source, city = make.source(), make.pilot(self.batch, self.home)
        below = make.policy(slug="below", parent=self.policy)
        make.policy(slug="far-below", parent=below)
        make.pilot(self.batch, self.home, slug="park", kind="park", parent=city)
        Agency.objects.create(slug="agency", name_zh="机构")
        target = make_target(self, self.home)
        make.add_step(target, 2025, 90)
        self.words = {
            "pilot": pilot.slug,
            "city": city.slug,
            "figure": Figure.objects.create(
                slug="figure-1", name_zh="数字", province=self.home, value=1, unit="%", kind="count"
            ).slug,
            "target": target.pk,
            "reading": make_reading(self, self.home).pk,
            "source": self.source.pk,
            "milestone": make.milestone(pilot, date(2026, 6, 1)).pk,
            "plan": make.plan(self.policy, self.home).pk,
            "stage": make.stage(pilot, "listed", date(2024, 1, 1)).pk,
            "accepted": make.reading(pilot, self.indicator, "2024", 9).pk,
        }
        self.writer, self.reader = client_with_token(self.admin), ApiClient(session=self.admin)
        self.stand = snapshot_tables()

    def send(self, case: HostileCase) -> Any:
        address = f"/api/v1/{case.address.format(**self.words)}"
        headers = {"If-Match": "*"} if case.method not in {"GET", "POST"} and case.address[-1:] == "/" else {}
        return self.writer.send(case.method, address, case.body, **{**headers, **case.headers})


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[HostileWorld]:
    with world_in_empty_tables(HostileWorld, django_db_blocker) as made:
        yield made


def patch(
    address: str, name: str, *values: Any, code: str, pointer: str | None = None, status: int = 400
) -> Iterator[HostileCase]:
    """Return changes of one field that are all rejected for the same reason."""
    for value in values:
        body = b'{"%s": %s}' % (name.encode(), value) if isinstance(value, bytes) else {name: value}
        shown = value if isinstance(value, bytes) else repr(value).encode("ascii", "backslashreplace")
        title = f"{name} {shown[:30].decode(errors='replace')}"
        yield HostileCase(title, "PATCH", address, body, status, [(f"/{name}" if pointer is None else pointer, code)])


# -- bodies --------------------------------------------------------------------------------------------

AGENCY, LIST = "agencies/agency/", "agencies/"
UNREADABLE = {
    "nothing": b"",
    "an integer of 5,000 digits": b'{"note": ' + b"1" * 5_000 + b"}",
    "NaN": b'{"note": NaN}',
    "100,000 open arrays": b"[" * 100_000,
    "no UTF-8": b'{"note": "\xff"}',
    "half a character": b'{"note": "\\ud800"}',
    "an exponent of twenty digits": b'{"note": 1e99999999999999999999}',
}


def bodies() -> Iterator[HostileCase]:
    for name, body in UNREADABLE.items():
        for method, address in (("POST", LIST), ("PATCH", AGENCY), ("DELETE", LIST)):
            yield HostileCase(f"{name}: {method} {address}", method, address, body, 400, [("", "invalid_json")])
    for method, address in (("POST", LIST), ("PATCH", AGENCY), ("DELETE", AGENCY)):
        yield HostileCase(f"null: {method} {address}", method, address, b"null", 400, [("", "invalid_shape")])
    yield HostileCase("an array for one", "PUT", AGENCY, [{"note": "x"}], 400, [("", "invalid_shape")])
    yield HostileCase("3 MB", "PATCH", AGENCY, b'{"note": "' + b"a" * 3_000_000 + b'"}', 413, [("", "too_large")])


# -- fields --------------------------------------------------------------------------------------------

MILESTONE, TARGET, PLAN, SOURCE = "milestones/{milestone}/", "targets/{target}/", "plans/{plan}/", "sources/{source}/"
FIGURE, READING, PILOT, HOME = "figures/{figure}/", "readings/{reading}/", "pilots/{pilot}/", "provinces/home/"
HIDDEN_FIELDS = ["\u0007", "\u202e", "\u200b", "\ue000", "a\x9bb"]


def numbers() -> Iterator[HostileCase]:
    yield from patch(HOME, "tile_row", b'"12"', b"true", b"1.9", b"1e999999999", code="invalid_type")
    yield from patch(HOME, "tile_row", b"9" * 4_000, code="max_value")
    yield from patch(TARGET, "target_value", b'"1.5"', code="invalid_type")
    yield from patch(TARGET, "target_value", b"1e999999999", b"1e-999999999", code="max_digits")
    yield from patch(TARGET, "target_value", b"12345678901234.123456", code="digits")
    yield from patch(TARGET, "target_year", 1899, code="range")
    yield from patch(MILESTONE, "is_key", "true", 1, code="invalid_type")


def texts() -> Iterator[HostileCase]:
    yield from patch(AGENCY, "name_zh", 1, {}, code="invalid_type")
    yield from patch(AGENCY, "name_zh", "", "　", code="blank")
    for name in ("name_zh", "note"):
        yield from patch(AGENCY, name, *HIDDEN_FIELDS, code="hidden")
        yield from patch(AGENCY, name, "a\0b", code="null_characters_not_allowed")
    yield from patch(SOURCE, "address", "https://example.org/\u202e", code="hidden")
    yield from patch(SOURCE, "address", "javascript:alert(1)", "FTP://example.org/a", code="invalid")
    yield from patch(AGENCY, "slug", "a b", "../x", code="invalid")
    yield from patch(AGENCY, "slug", "a_b", code="rule")
    yield from patch(PLAN, "status", "ISSUED", "", [], code="invalid_choice")
    yield from patch(PLAN, "status", "isued", code="near")
    yield from patch(AGENCY, "change_reason", "a\nb", code="hidden")
    yield from patch(AGENCY, "change_reason", "x" * 301, code="max_length")


def days() -> Iterator[HostileCase]:
    no_days = ["2024-1-5", "2024-01-15T00:00:00", "２０２４-01-15", "2024-01-15\n", 20240115]
    yield from patch(MILESTONE, "planned_on", *no_days, code="invalid_type")
    yield from patch(MILESTONE, "planned_on", "2024-02-30", code="invalid")
    yield from patch(MILESTONE, "planned_on", "1899-12-31", code="range")
    yield from patch("policies/national/", "published_on", "2000-01-01", code="rule")
    yield from patch(FIGURE, "period_from", "2013-99-99", code="rule")


def names() -> Iterator[HostileCase]:
    for name in ("Note", "_state", "history", "province_id", "province__slug"):
        yield from patch(PLAN, name, "x", code="unknown_field")
    yield from patch(AGENCY, "a/b~c", 1, code="unknown_field", pointer="/a~1b~0c")
    yield from patch(AGENCY, "x" * 500, 1, code="unknown_field", pointer=f"/{'x' * 79}…")
    missing = [("/slug", "required"), ("/name_zh", "required")]
    yield HostileCase("PUT without what is needed", "PUT", AGENCY, {"note": "x"}, 400, missing)


def relations() -> Iterator[HostileCase]:
    yield from patch(PLAN, "province", 1, {"slug": None}, code="invalid_type")
    yield from patch(PLAN, "province", "hom", code="near")
    yield from patch(PLAN, "province", "HOME", code="not_on_record")
    yield from patch(PLAN, "sources", "x", {}, code="not_a_list")
    yield from patch(PLAN, "sources", ["1"], [True], code="invalid_type", pointer="/sources/0")
    yield from patch(PLAN, "sources", [0], [10**30], code="not_on_record", pointer="/sources/0")
    yield from patch(PLAN, "sources", [1] * 501, code="max_length")


def steps() -> Iterator[HostileCase]:
    yield from patch(TARGET, "steps", {}, code="not_a_list")
    yield from patch(TARGET, "steps", [1], code="invalid", pointer="/steps/0")
    yield from patch(TARGET, "steps", [{"year": 2025}], code="required", pointer="/steps/0/value")
    yield from patch(TARGET, "steps", [{"year": 2025, "value": 1, "x": 1}], code="unknown_field", pointer="/steps/0/x")
    yield from patch(TARGET, "steps", [{"year": 2025, "value": "1"}], code="invalid_type", pointer="/steps/0/value")
    yield from patch(TARGET, "steps", [{"year": 2025, "value": 1}, {"year": 2025, "value": 2}], code="twice")
    yield from patch(TARGET, "steps", [{"year": 2023, "value": 1}], [{"year": 2025, "value": -1}], code="rule")
    yield from patch(TARGET, "target_year", 2025, code="rule", pointer="/steps")  # a step stands there


def trees_and_rules() -> Iterator[HostileCase]:
    for parent in ("national", "below", "far-below"):
        yield from patch("policies/national/", "parent", parent, code="rule")
    moves = [{"slug": "national", "revision": 1}, {"slug": "below", "revision": 1, "parent": "far-below"}]
    yield HostileCase("many at once make a circle", "PATCH", "policies/", moves, 400, [("/1/parent", "rule")])
    yield from patch("pilots/park/", "parent", "park", code="rule")
    in_use = {"policies/national/": 2, "batches/national-batch/": 4, "pilots/{pilot}/": 5, "indicators/AIR_SO2/": 1}
    for address, count in in_use.items():
        yield HostileCase(f"in use: {address}", "DELETE", address, None, 409, [("", "in_use")] * count)
    yield from patch(READING, "value", 1, code="fixed", status=409)
    yield HostileCase("another period", "PATCH", READING, {"period": "2023"}, 409, [("/value", "fixed")])
    yield HostileCase("a value that has fed numbers", "DELETE", "readings/{accepted}/", None, 409, [("", "in_use")])
    yield HostileCase(
        "a verdict without a reason", "PATCH", READING, {"state": "returned"}, 400, [("/change_reason", "required")]
    )


# -- headers -------------------------------------------------------------------------------------------

TYPES = [f"{JSON}; charset=gb18030", "text/plain", "multipart/form-data", "application/merge-patch+json", ""]
TAGS = {
    **dict.fromkeys(['"0-x"', 'W/"1-x"', '"0-x", "9-x"'], 412),
    **dict.fromkeys(["", "1-x", '"1-x', '*, "1-x"', '"1-x", garbage', "," * 8_000], 400),
}


def headers() -> Iterator[HostileCase]:
    note = b'{"note": "q"}'
    for kind in TYPES:
        yield HostileCase(f"type {kind[:40]!a}", "PATCH", AGENCY, note, 415, [], {"content_type": kind})
    for tag, status in TAGS.items():
        told = [("If-Match", "stale" if status == 412 else "invalid_header")]
        yield HostileCase(f"If-Match {tag[:30]!a}", "PATCH", AGENCY, note, status, told, {"If-Match": tag})
    new, told = {"slug": "n", "name_zh": "n"}, [("Idempotency-Key", "invalid_key")]
    for key in ("x" * 256, "é", ""):
        yield HostileCase(f"key {key[:10]!a}", "POST", LIST, new, 400, told, {"Idempotency-Key": key})
    for reason in ("é", "\u202e".encode().decode("latin-1")):
        told = [("X-Change-Reason", "invalid_header")]
        yield HostileCase(f"reason {reason[:10]!a}", "PATCH", AGENCY, note, 400, told, {"X-Change-Reason": reason})
    yield HostileCase("Accept", "PATCH", AGENCY, note, 406, [], {"accept": "text/csv"})
    yield HostileCase("another method", "POST", AGENCY, note, 405, [], {"X-HTTP-Method-Override": "DELETE"})
    told = [("as_of", "unknown_parameter")]
    yield HostileCase("?as_of", "PATCH", f"{AGENCY}?as_of=2024-01-01", note, 400, told, {"If-Match": "*"})


# -- many ----------------------------------------------------------------------------------------------


def list_bodies() -> Iterator[HostileCase]:
    one = {"slug": "agency", "revision": 1}
    for method in ("PUT", "PATCH", "DELETE"):
        for body, status, told in (
            ([], 400, [("", "invalid_length")]),
            ([one] * 1_001, 400, [("", "invalid_length")]),
            ([one, 1, None], 400, [("/1", "invalid_shape"), ("/2", "invalid_shape")]),
            (one, 400, [("", "invalid_shape")]),
            ([one, one], 400, [("/1/slug", "twice")]),
            ([{**one, "slug": None}], 400, [("/0/slug", "required")]),
            ([{**one, "slug": ["agency"]}], 404, [("/0/slug", "not_found")]),
        ):
            yield HostileCase(f"{method} {str(body)[:40]!a}", method, LIST, body, status, told)
    for revision, status, code in (("1", 400, "invalid_type"), (2, 412, "stale"), (None, 428, "required")):
        told, sent = [("/0/revision", code)], [{**one, "revision": revision}]
        yield HostileCase(f"revision {revision!r}", "PATCH", LIST, sent, status, told)
    for key in (2**63, "1", True):
        yield HostileCase(f"id {key!r}", "PATCH", "plans/", [{"id": key, "revision": 1}], 404, [("/0/id", "not_found")])
    new = {"slug": "n", "name_zh": "新"}
    yield HostileCase("1,001 records", "POST", LIST, [new] * 1_001, 400, [("", "invalid_length")])
    mixed = [new, {"slug": "m"}, {"slug": "k", "name_zh": 1}, {"slug": "x y", "name_zh": "名"}]
    told = [("/1/name_zh", "required"), ("/2/name_zh", "invalid_type"), ("/3/slug", "invalid")]
    yield HostileCase("one good and three bad", "POST", LIST, mixed, 400, told)
    for slug in ("n", "Ｎ"):
        twice = [new, {"slug": slug, "name_zh": "名"}]
        yield HostileCase(f"the same code, {slug}", "POST", LIST, twice, 409, [("/1/slug", "unique")])


# -- addresses and methods -----------------------------------------------------------------------------


def addresses() -> Iterator[HostileCase]:
    yield HostileCase("plans/0/", "PATCH", "plans/0/", {"note": "x"}, 404, [("", "not_found")])
    for address in ("plans/9999999999999999999/", "agencies/UPPER/", "agencies/%00/", "agencies/%ff/"):
        yield HostileCase(address, "PATCH", address, {"note": "x"}, 404)
    for method, address in (("POST", AGENCY), ("OPTIONS", AGENCY), ("FOO", AGENCY), ("PATCH", "overview/")):
        yield HostileCase(f"{method} {address}", method, address, {"note": "x"}, 405, [])


GROUPS = [bodies, numbers, texts, days, names, relations, steps, trees_and_rules, headers, list_bodies, addresses]
REFUSED = {f"{group.__name__}: {case}": case for group in GROUPS for case in group()}


@pytest.mark.parametrize("name", sampled(REFUSED))
def test_it_is_rejected_and_nothing_is_stored(world: HostileWorld, name: str) -> None:
    case = REFUSED[name]
    began = time.monotonic()
    answer = world.send(case)
    assert (answer.status_code, errors_of(answer)) == (case.status, list(case.errors)), answer.content[:800]
    assert answer["Content-Type"] == "application/problem+json"
    assert time.monotonic() - began < 5  # no answer costs more than its request
    assert snapshot_diff(world.stand, snapshot_tables()) == {}


def errors_of(answer: Any) -> ErrorPairs:
    return [(fault["pointer"], fault["code"]) for fault in json.loads(answer.content).get("errors", [])]


# -- what is taken in spite of its looks ---------------------------------------------------------------

SHOWN = {"name_zh": "𠮷a\uffff<script>alert(1)</script>", "name_en": "=1+1", "note": "</script><!--\ufffe"}
FIRST_DAY = {"planned_on": "1900-01-01"}
ACCEPTED = [
    HostileCase("rare characters, marks of HTML, a formula", "PATCH", PILOT, SHOWN, 200),
    HostileCase("as long as it may be", "PATCH", PILOT, {"name_zh": "长" * 200, "slug": "x" * 80}, 200),
    HostileCase("minus nothing", "PATCH", TARGET, b'{"target_value": -0.0, "base_value": 0.000001}', 200),
    HostileCase("the most digits", "PATCH", TARGET, b'{"target_value": 99999999999999.9}', 200),
    HostileCase("the first day", "PATCH", MILESTONE, FIRST_DAY, 200),
    HostileCase("an address of all letters", "PATCH", SOURCE, {"address": "https://生态.中国/é?q=<script>"}, 200),
    HostileCase("what only answers have", "PATCH", AGENCY, {"name": "z", "url": "z", "revision": 99, "note": "n"}, 200),
    HostileCase("a wide code", "POST", LIST, {"slug": " ＡＢＣ", "name_zh": "n"}, 201),
    HostileCase("1,000 records", "POST", LIST, [{"slug": f"n-{n}", "name_zh": f"新 {n}"} for n in range(1_000)], 201),
]


@pytest.mark.parametrize("case", sampled(ACCEPTED), ids=str)
def test_it_is_taken_and_shown(world: HostileWorld, case: HostileCase) -> None:
    answer = world.send(case)
    assert answer.status_code == case.status, answer.content[:800]
    assert snapshot_diff(world.stand, snapshot_tables()) != {}
    words = {**world.words, "pilot": json.loads(answer.content)["slug"]} if case.address == PILOT else world.words
    resource = case.address.partition("/")[0]
    detail = [f"/api/v1/{case.address.format(**words)}"] if case.method == "PATCH" else []
    check_shown(world, [f"/api/v1/{resource}/?page_size=200", *detail, *computed_answer(words)])


def computed_answer(words: Mapping[str, Any]) -> Iterator[str]:
    """Return the computed responses: of the API, and of the most detailed pages."""
    yield from (f"/api/v1/{address}" for address in AGGREGATES)
    yield from ("/", f"/pilots/{words['pilot']}/")


def check_shown(world: HostileWorld, addresses: Iterable[str]) -> None:
    for address in addresses:
        shown = world.reader.send("GET", address.removeprefix("http://testserver"))
        content = b"".join(shown) if shown.streaming else shown.content
        assert (shown.status_code, bool(content)) == (200, True), address


# -- a browser, and many unknown words ------------------------------------------------------------------


def test_a_browser_needs_the_secret_of_its_page(world: HostileWorld) -> None:
    """Another site’s page could send a signed-in reader’s cookie, but not this."""
    client = Client(enforce_csrf_checks=True, headers={"If-Match": "*"})
    client.force_login(world.admin, backend="django.contrib.auth.backends.ModelBackend")
    stand = snapshot_tables()
    for method in ("put", "patch", "delete"):
        answer = getattr(client, method)(f"/api/v1/{AGENCY}", b'{"note": "x"}', content_type=JSON)
        assert answer.status_code == 403, method
    assert client.post("/api/v1/agencies/", b'{"slug": "x", "name_zh": "x"}', content_type=JSON).status_code == 403
    assert snapshot_diff(stand, snapshot_tables()) == {}


def test_suggestions_are_looked_up_for_few_words_of_a_request(
    world: HostileWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def closest(word: str, names: Iterable[str]) -> str | None:
        asked.append(word)
        return closest_match(word, names)

    monkeypatch.setattr(errors, "closest_match", closest)
    rows = [{"province": "hom", "policy": f"none-{n}", "status": "isued", f"notes{n}": ""} for n in range(60)]
    rows.append({f"field{n}": "" for n in range(1000)})
    faults = json.loads(world.send(HostileCase("", "POST", "plans/", rows, 400)).content)["errors"]
    assert len(asked) == len(set(asked)) == write_serializers.MAX_SUGGESTIONS
    provinces = {fault["message"].partition(": ")[2] for fault in faults if fault["pointer"].endswith("/province")}
    assert provinces == {"There is no “hom” here. Did you mean “home”?", "This field is required."}
    assert sum(fault["pointer"].startswith("/60/field") for fault in faults) == write_serializers.MAX_UNKNOWN
    assert sum(fault["code"] == "unknown_field" for fault in faults) == 60 + write_serializers.MAX_UNKNOWN
