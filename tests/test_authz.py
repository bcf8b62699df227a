"""Who may do what: every cell of authz_matrix.csv, which was written by hand and never from the code.

A column is somebody, a row a verb on a resource: own is of the editor's province, other of another one, shared of
none, new what does not exist yet, mixed one of each in one request. `ended` stands for every kind of token that opens
nothing any more. What a cell refuses changes no row of any table; what it allows changes the records meant and
nothing else, each with one entry by the person. Officers and reviewers get their cells with the flow of reports.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as current
from django.contrib.auth.models import User
from django.db import transaction
from django.test import override_settings
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from config import editing, resources
from config.models import Token
from config.reach import guards_of
from config.tokens import make_token, revoke
from pilots import access
from policies.models import Officer, Province, Role
from policies.models.base import Recorded
from tests import factories
from tests.writing import KINDS, Program, Table, World, changed, person, rows, small

pytestmark = pytest.mark.django_db
COLUMNS = [
    "anonymous",
    "ended",
    *(f"{role}{how}" for role in ("viewer", "editor", "national", "admin") for how in ("", "_read", "_write")),
]
LATER = ["officer", "reviewer"]
METHODS = {"list": "GET", "read": "GET", "create": "POST", "replace": "PUT", "change": "PATCH", "delete": "DELETE"}
SIGNS = {"create": "+", "replace": "~", "change": "~", "delete": "-"}
PLAIN = {
    **{name: f"/api/v1/{name}/" for name in ("overview", "coverage", "progress", "synergy", "changes", "nothing")},
    "rollout": "/api/v1/rollout/?policy=national",
    "trend": "/api/v1/trend/?indicator=AIR_SO2",
    "root": "/api/v1/",
    "schema": "/api/schema/",
    "docs": "/api/docs/",
    "api": "/api/",
    "use": "/api/use/",
    "tokens": "/tokens/",
}
PLACED = {"kind": "enterprise", "withdrawn_on": "2026-01-01", "term_start": "2026-01-01", "term_end": "2026-12-31"}
PROMISED: Mapping[str, Any] = {
    "binding": True,
    "is_key": True,
    "kind": "limit",
    "base_year": 2021,
    "base_value": 120,
    "target_year": 2027,
    "target_value": 85,
    "target_text_en": "In other words",
    "target_text_zh": "换一种说法",
}


@dataclass(frozen=True)
class Row:
    """A line of the table: what is asked, and the status for everybody."""

    number: int
    resource: str
    verb: str
    relation: str
    case: str
    site: str
    cells: Mapping[str, int]

    def __str__(self) -> str:
        words = (self.site, self.resource, self.verb, self.relation, self.case)
        return f"{self.number} " + " ".join(word for word in words if word)

    @property
    def one(self) -> str:
        """The verb, as for one record."""
        return self.verb.removeprefix("bulk_")

    @property
    def many(self) -> bool:
        return self.verb.startswith("bulk_")

    @property
    def method(self) -> str:
        return METHODS.get(self.one, "POST")


def table() -> list[Row]:
    with (Path(__file__).parent / "authz_matrix.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [*lines[0]] == ["resource", "verb", "relation", "case", "site", *COLUMNS, *LATER]
    assert {line[name] for line in lines for name in LATER} == {"later"}
    return [
        Row(
            number,
            *(line[name] for name in ("resource", "verb", "relation", "case", "site")),
            {name: int(line[name]) for name in COLUMNS},
        )
        for number, line in enumerate(lines, 2)
    ]


ROWS = table()


# -- everybody, and everything there is ----------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """What a row asks for. `changes` are the records that it changes where it is allowed."""

    method: str
    address: str
    body: Any
    headers: Mapping[str, str]
    changes: int = 0


class Authz(World):
    """The world with a program for every column, and a record of each resource for every relation."""

    def __init__(self) -> None:
        super().__init__()
        self.programs = {"anonymous": [Program()], "ended": list(self.ended())}
        for user in (self.viewer, self.editor, self.national, self.admin):
            self.programs |= {
                user.username: [Program(session=user)],
                f"{user.username}_read": [Program(token_of(user, may_write=False))],
                f"{user.username}_write": [Program(token_of(user))],
            }
        self.programs["norole"] = [Program(session=self.norole)]
        self.reader = self.programs["admin_read"][0]
        self.people = {user.username: user for user in (self.viewer, self.editor, self.national, self.admin)}
        self.places = {"own": self.home, "other": self.away, "shared": None, "new": None}
        self.siblings = {self.home.pk: self.more_pilot(self.home)}
        self.spare = self.more_indicator()
        self.held: dict[tuple[str, str], Any] = {}
        for resource, relation in sorted({(row.resource, row.relation) for row in ROWS if row.resource in KINDS}):
            if relation in self.places:
                self.held[resource, relation] = self.one(resource, relation)
        self.tokens = {name: make_token(user=user, name="to end")[0] for name, user in self.people.items()}
        self.somebodys = make_token(user=person("somebody"), name="not theirs")[0]
        self.accepted = {
            relation: factories.make_reading(self.pilot(self.places[relation]), self.more_indicator(), "2024", 9)
            for relation in ("own", "other")
        }
        self.bodies: dict[tuple[str, str], Any] = {}
        self.stand = rows()
        self.newest = {name: newest_entry(name) for name in KINDS}

    def ended(self) -> Iterator[Program]:
        """Tokens that opened everything once, each ended in another way."""
        gone, expired, revoked, demoted, moved = (person(name, "admin") for name in ("g", "e", "r", "d", "m"))
        programs = [Program(token_of(user)) for user in (gone, expired, revoked, demoted, moved)]
        gone.is_active = False
        gone.save()
        expired.tokens.update(expires_at=timezone.now() - timedelta(seconds=1))
        revoke(revoked.tokens.get())
        set_role(demoted, Role.VIEWER, None)
        set_role(moved, Role.PROVINCIAL_EDITOR, self.home)
        yield from programs
        # The same past the models' own code, as by a statement in the database: nothing has revoked these.
        silent, other = person("s", "admin"), person("o", "provincial_editor", self.home)
        yield from [Program(token_of(silent)), Program(token_of(other))]
        User.objects.filter(pk=silent.pk).update(is_active=False)
        Officer.objects.filter(user=other).update(province=self.away)
        yield Program("spt_" + "0" * 43)

    def one(self, resource: str, relation: str) -> Any:
        return KINDS[resource].make(self, self.places[relation])

    def senders(self, row: Row, column: str) -> list[Program]:
        """Whoever sends what a row asks. Of the tokens that have ended one after the other, row by row."""
        if column == "ended":
            return [self.programs[column][row.number % len(self.programs[column])]]
        like_viewer = column == "viewer" and row.resource != "tokens" and row.verb in {"list", "create", "change"}
        also = self.programs["norole"] if like_viewer else []  # whoever has no role has no right
        return [*self.programs[column], *also]

    # -- what a row asks ---------------------------------------------------------------------------------

    def request(self, row: Row, column: str) -> Request:
        if row.resource not in KINDS:
            return self.plain(row, column)
        address, kind = f"/api/v1/{row.resource}/", KINDS[row.resource]
        if row.verb == "list":
            return Request("GET", f"{address}?page_size=1", None, {})
        records = self.records(row)
        bodies = [self.body(row, record) for record in records]
        if row.many:
            return Request(row.method, address, bodies, {}, len(bodies))
        if row.one != "create":
            address += f"{getattr(records[0], kind.key)}/"
        body = bodies[0] if row.method in {"POST", "PUT", "PATCH"} else None
        headers = {} if row.method in {"GET", "POST"} else {"If-Match": f'"{bodies[0]["revision"]}-x"'}
        return Request(row.method, address, body, headers, int(row.method != "GET"))

    def plain(self, row: Row, column: str) -> Request:
        """Addresses that hold no records: aggregates, the API's own, pages."""
        address, body = PLAIN[row.resource], b"{}"
        if row.resource == "tokens":
            address += f"{self.token(row, column).pk}/revoke/" if row.verb == "revoke" else ""
            body = b"name=new&days=5"
        headers = {
            "content_type": "application/x-www-form-urlencoded" if row.resource == "tokens" else "application/json"
        }
        return Request(row.method, address, None if row.method == "GET" else body, headers)

    def token(self, row: Row, column: str) -> Token:
        """The token that a row is about, for the person of a column."""
        return self.tokens.get(column.partition("_")[0], self.somebodys) if row.relation == "own" else self.somebodys

    def records(self, row: Row) -> list[Any]:
        """Those that the row is about; of what is to be created, the provinces."""
        if row.one == "create" and row.relation == "mixed":
            return [self.home, self.away]
        if row.one == "create":
            return [self.places[row.relation]]
        if row.case == "of_accepted":
            return [self.accepted[row.relation]]
        if row.relation == "mixed":
            return [self.held[row.resource, "own"], self.held[row.resource, "other"]]
        return [self.held[row.resource, row.relation]]

    def body(self, row: Row, record: Any) -> dict[str, Any]:
        """What is sent for one record."""
        kind = KINDS[row.resource]
        if row.one == "create":
            return {**kind.body(self, record), **self.of_case(row)}
        seen = self.seen(row.resource, record)
        if row.one == "replace":
            return {**seen, **kind.harmless, **self.of_case(row)}
        fields = {} if row.one == "delete" else self.of_case(row) or kind.harmless
        return {kind.key: seen[kind.key], "revision": seen["revision"], **fields}

    def seen(self, resource: str, record: Any) -> dict[str, Any]:
        """The record as it is read."""
        key = resource, str(record.pk)
        if key not in self.bodies:
            self.bodies[key] = self.reader.send(
                "GET", f"/api/v1/{resource}/{getattr(record, KINDS[resource].key)}/"
            ).json()
        return dict(self.bodies[key])

    def of_case(self, row: Row) -> dict[str, Any]:
        """The fields that a row is about, where it is not about any record as such."""
        of_pilot = row.resource in {"milestones", "targets"}
        if row.case in {"to_other", "to_own", "to_shared"}:
            place = {"to_other": self.away, "to_own": self.home, "to_shared": None}[row.case]
            if of_pilot:
                return {"pilot": self.pilot(place).slug}
            level = {"level": "provincial" if place else "national"} if row.resource == "policies" else {}
            return {"province": place and place.slug, **level}
        if row.case == "to_sibling":
            return {"pilot": self.siblings[self.home.pk].slug}
        if row.case == "indicator":
            return {"indicator": self.spare.code}
        if row.case in PROMISED and of_pilot:
            return {row.case: PROMISED[row.case] if row.one == "create" or row.case != "binding" else False}
        if row.resource == "pilots" and row.case:
            others = {"batch": factories.make_batch, "parent": self.city}
            if row.case == "slug":
                return {"slug": f"else-{self.next()}"}
            return {row.case: PLACED[row.case] if row.case in PLACED else others[row.case]().slug}
        return {
            "": {},
            "in_use": {},
            "of_accepted": {},
            "accepted": {"state": "accepted"},
            "disputed": {"state": "disputed", "change_reason": "Another source says 80"},
            "accepted_on": {"accepted_on": "2025-06-01"},
            "steps": {"steps": [{"year": 2025, "value": 85}]},
            "replanned": {"planned_on": "2027-06-01", "change_reason": "The supplier is late"},
            "replanned_unsaid": {"planned_on": "2027-06-01"},
        }[row.case]

    def city(self) -> Any:
        return self.pilots[self.home.pk]


def token_of(user: User, *, may_write: bool = True) -> str:
    return make_token(user=user, name="for the matrix", may_write=may_write)[1]


def set_role(user: User, role: Role, province: Province | None) -> None:
    officer = user.officer
    officer.role, officer.province = role, province
    officer.save()


def newest_entry(resource: str) -> int:
    entry = history_of(resource).order_by("history_id").last()
    return entry.pk if entry else 0


def history_of(resource: str) -> Any:
    return MODELS[resource].history


MODELS: Mapping[str, Any] = {
    "provinces": apps.get_model("policies.Province"),
    "agencies": apps.get_model("policies.Agency"),
    "policies": apps.get_model("policies.Policy"),
    "measures": apps.get_model("policies.Measure"),
    "plans": apps.get_model("policies.ProvincialPlan"),
    "figures": apps.get_model("policies.Figure"),
    "sources": apps.get_model("policies.Source"),
    "industries": apps.get_model("policies.Industry"),
    "batches": apps.get_model("pilots.Batch"),
    "pilots": apps.get_model("pilots.Pilot"),
    "stages": apps.get_model("pilots.StageEntry"),
    "milestones": apps.get_model("pilots.Milestone"),
    "indicators": apps.get_model("pilots.Indicator"),
    "targets": apps.get_model("pilots.Target"),
    "readings": apps.get_model("pilots.Reading"),
}


# -- running a row -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[Authz]:
    with small(Authz, django_db_blocker) as made:
        yield made


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def site_of(row: Row) -> Iterator[None]:
    """The site as the row has it: what is closed asks of everybody to sign in."""
    if row.site == "public":
        yield
        return
    guard, place = "django.contrib.auth.middleware.LoginRequiredMiddleware", "config.middleware.AsOf"
    middleware = list(current.MIDDLEWARE)
    middleware.insert(middleware.index(place), guard)
    with override_settings(SITE_ACCESS="internal", MIDDLEWARE=middleware):
        yield


def wrong_cells(world: Authz, row: Row, columns: Callable[[str], bool] = bool) -> Iterator[str]:
    """What is wrong with a row, cell by cell; nothing in a sound product."""
    with site_of(row), undone():
        asked = {name: world.request(row, name) for name in COLUMNS if columns(name)}
        before = rows() if row.one == "create" or row.case == "batch" else world.stand  # what they name is new as well
        refused = [name for name in asked if not changes_something(row, row.cells[name])]
        for name in refused:
            yield from wrong_status(world, row, name, asked[name])
        if changed(before, rows()):
            yield f"{row}: something changed though everything was refused: {changed(before, rows())}"
            return
        for name in asked.keys() - refused:
            with undone():
                yield from wrong_status(world, row, name, asked[name])
                yield from wrong_effects(world, row, name, asked[name], before)


def changes_something(row: Row, status: int) -> bool:
    return row.method != "GET" and (200 <= status < 300 or (row.verb == "revoke" and status == 302))


def wrong_status(world: Authz, row: Row, name: str, asked: Request) -> Iterator[str]:
    for program in fresh(world.senders(row, name), row):
        answer = program.send(asked.method, asked.address, asked.body, **asked.headers)
        if answer.status_code != row.cells[name]:
            yield f"{row} by {name}: {answer.status_code} instead of {row.cells[name]}: {answer.content[:300].decode()}"
        elif answer.status_code in {401, 403} and not answer.content.startswith(b'{"type": "about:blank"'):
            yield f"{row} by {name}: refused with something else than a problem: {answer.content[:300].decode()}"


def fresh(programs: list[Program], row: Row) -> list[Program]:
    """The programs; those of a closed site with middleware of their own."""
    if row.site == "public":
        return programs
    return [replaced(program) for program in programs]


def replaced(program: Program) -> Program:
    other = Program()
    other.headers, other.client.cookies = program.headers, program.client.cookies
    return other


def wrong_effects(world: Authz, row: Row, name: str, asked: Request, before: Mapping[str, Table]) -> Iterator[str]:
    """What an allowed write should have done and has not, or should not and has."""
    found = changed(before, rows())
    if row.resource not in KINDS:
        yield from wrong_token(world, row, name, found)
        return
    model, author = MODELS[row.resource], world.people[name.partition("_")[0]]
    wanted = wanted_changes(row, model, asked.changes)
    lists = {field.remote_field.through._meta.db_table for field in model._meta.many_to_many}
    lists |= {f"{past_of(model)}_{field.name}" for field in model._meta.many_to_many}
    if {table: found[table] for table in found.keys() - lists} != wanted:
        yield f"{row} by {name}: it changed {found} instead of {wanted}"
    if past_of(model) not in wanted:
        return
    entries = model.history.filter(history_id__gt=world.newest[row.resource]).order_by("history_id")
    said = [(entry.history_type, entry.history_user_id) for entry in entries]
    if said != [(SIGNS[row.one], author.pk)] * asked.changes:
        yield f"{row} by {name}: the history says {said}"
    meant = {record.pk for record in world.records(row)} if row.one != "create" else None
    if meant is not None and {entry.id for entry in entries} != meant:
        yield f"{row} by {name}: other records were changed than meant"


def wanted_changes(row: Row, model: Any, count: int) -> dict[str, tuple[int, int]]:
    """By table how many rows go and come: the records, one entry for each, one line of the line of changes for each."""
    gone, come = {"create": (0, count), "delete": (count, 0)}.get(row.one, (count, count))
    wanted = {model._meta.db_table: (gone, come), past_of(model): (0, count), "config_change": (0, count)}
    if row.case == "steps":
        step = {"pilots_targetstep": (0, 1), "pilots_historicaltargetstep": (0, 1)}
        wanted = (
            {**wanted, **step, "config_change": (0, 2)} if row.one == "create" else {**step, "config_change": (0, 1)}
        )
    return wanted


def past_of(model: Any) -> str:
    return str(model.history.model._meta.db_table)


def wrong_token(world: Authz, row: Row, name: str, found: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """The page of tokens makes one and revokes one, for whoever is signed in."""
    own = row.resource == "tokens" and name in world.people
    if found != ({"config_token": (0, 1)} if own and row.verb == "create" else {}):
        yield f"{row} by {name}: it changed {found}"
    token = Token.objects.get(pk=world.token(row, name).pk)
    if bool(token.revoked_at) is not (own and row.verb == "revoke"):
        yield f"{row} by {name}: its token was revoked at {token.revoked_at}"


# -- the table is true ---------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_cell(world: Authz, row: Row) -> None:
    assert list(wrong_cells(world, row)) == []


def test_every_address_and_operation_has_its_row(world: Authz) -> None:
    """An address that is not in the table fails here, and so does a verb that an address takes."""
    asked = {
        (resolve(request.address.partition("?")[0]).route, request.method)
        for row in ROWS
        for request in [world.request(row, "admin")]
    }
    every = set(operations(get_resolver()))
    assert sorted(every - asked) == []
    schema: Any = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    told = {(path, method.upper()) for path, item in schema["paths"].items() for method in item if method in VERBS}
    paths = {(request_path(route), method) for route, method in asked}
    assert sorted(told - paths) == []


def operations(resolver: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Each address below api/ with each method that it takes; HEAD and OPTIONS go with the others."""
    for item in resolver.url_patterns:
        route = before + (str(item.pattern).removeprefix("^") if before else str(item.pattern))
        if isinstance(item, URLResolver):
            yield from operations(item, route)
        elif isinstance(item, URLPattern) and route.startswith(("api/", "^api/")):
            view = getattr(item.callback, "cls", None) or getattr(item.callback, "view_class", None)
            mapped = getattr(item.callback, "actions", None) or {name: name for name in VERBS if hasattr(view, name)}
            yield from ((route, method.upper()) for method in mapped or ["get"] if method in VERBS)


VERBS = ("get", "post", "put", "patch", "delete")


def request_path(route: str) -> str:
    """An address as the description writes it."""
    return "/" + re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", route).replace("^", "").replace("$", "").replace(
        "{pk}", "{id}"
    )


def test_every_record_with_a_history_has_its_rows() -> None:
    """A new model belongs into the table, or into the few that are written only with what they are part of."""
    parts = {"policies.division", "pilots.targetstep", "pilots.lightoverride"}
    kept = {model._meta.label_lower for model in apps.get_models() if issubclass(model, Recorded)}
    assert kept == parts | {model._meta.label_lower for model in MODELS.values()}
    assert set(MODELS) == set(KINDS) == {row.resource for row in ROWS} - set(PLAIN)


def test_what_belongs_to_nobody_else_cannot_be_told_from_what_does_not_exist(world: Authz) -> None:
    """Somebody else's token is not there, in the same words as one that never was."""
    program = Program(session=world.editor)
    theirs = program.send("POST", f"/tokens/{world.somebodys.pk}/revoke/", b"")
    never = program.send("POST", f"/tokens/{world.somebodys.pk + 1000}/revoke/", b"")
    own, same = (f"/{key}/".encode() for key in (world.somebodys.pk, world.somebodys.pk + 1000))
    assert theirs.status_code == never.status_code == 404
    assert without_noise(theirs.content).replace(own, same) == without_noise(never.content)


def without_noise(page: bytes) -> bytes:
    """A page without what differs each time: the number of the request, and the secret of its form."""
    return re.sub(rb'[0-9a-f]{32}|value="\w{64}"', b"", page)


# -- the table would see it ----------------------------------------------------------------------------

REFUSED = [row for row in ROWS if row.site == "public" and row.one in SIGNS and row.resource in KINDS]
Guard = tuple[Any, str, Any]
MUTANTS: Mapping[str, tuple[Guard, Callable[[Row], bool]]] = {
    "whoever sends something may write": (
        (editing.MayWrite, "has_permission", lambda *_: True),
        lambda row: row.resource == "plans" and row.one == "delete",
    ),
    "nobody asks of the one record": ((editing.Editable, "may", lambda *_: None), lambda row: row.relation == "other"),
    "guarded fields are open": (
        (editing.Editable, "check_guarded", lambda *_, **__: None),
        lambda row: row.resource == "pilots" and bool(row.case),
    ),
    "no token ends": ((Token, "ended", ""), lambda row: row.one == "change"),
    "every token may write": (
        (Token, "may_write", property(lambda _: True, lambda _, __: None)),
        lambda row: row.one == "change",
    ),
    "an editor reaches everything": ((access, "reaches", lambda *_: True), lambda row: row.relation == "other"),
    "an editor reaches nothing": ((access, "reaches", lambda *_: False), lambda row: row.relation == "own"),
    "a closed site is open": (
        (resources.SiteAccess, "has_permission", lambda *_: True),
        lambda row: row.verb == "list",
    ),
    "no version is asked for": (
        (editing.Editable, "check_revision", lambda *_: 1 / 0),
        lambda row: row.one == "change",
    ),
}
"""Each with the rows that are about it: the first of them to go red will do."""


# A new province is not the editor's own; a new pilot fills guarded fields in; what goes to another province is not
# the editor's any more.
GUARDED_TWICE = {("provinces", "add"), ("pilots", "add"), ("pilots", "province")}


def goes_red(world: Authz, lines: list[Row], columns: Callable[[str], bool] = bool) -> bool:
    return any(is_red(world, row, columns) for row in lines)


def is_red(world: Authz, row: Row, columns: Callable[[str], bool]) -> bool:
    try:
        return any(wrong_cells(world, row, columns))
    except Exception:  # whatever it is, the suite would stop
        return True


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_missing_guard_turns_the_table_red(world: Authz, monkeypatch: pytest.MonkeyPatch, mutant: str) -> None:
    guard, about = MUTANTS[mutant]
    monkeypatch.setattr(*guard)
    closed = [row for row in ROWS if row.site == "internal" and row.verb == "list"]
    assert goes_red(world, [row for row in [*closed, *REFUSED] if about(row)])


@pytest.mark.parametrize("resource", MODELS)
def test_a_changed_role_turns_the_table_red(world: Authz, monkeypatch: pytest.MonkeyPatch, resource: str) -> None:
    """Each permission of an editor is taken away, each that an editor has not is given: every time a cell sees it."""
    meta = MODELS[resource]._meta
    own = [row for row in REFUSED if row.resource == resource]
    for verb, words in {"add": {"create"}, "change": {"replace", "change"}, "delete": {"delete"}}.items():
        lines = [row for row in own if row.one in words]
        with monkeypatch.context() as patch:
            patch.setattr(access, "EDITOR", access.EDITOR ^ {f"{meta.app_label}.{verb}_{meta.model_name}"})
            access.with_views.cache_clear()
            seen = goes_red(world, lines, lambda column: column == "editor_write")
            assert seen is ((resource, verb) not in GUARDED_TWICE), verb
    access.with_views.cache_clear()


@pytest.mark.parametrize("resource", [name for name, model in MODELS.items() if model.PROVINCE])
def test_a_record_without_its_province_turns_the_table_red(
    world: Authz, monkeypatch: pytest.MonkeyPatch, resource: str
) -> None:
    """Where an editor may write the kind at all; what only the ministry writes is guarded by the role alone."""
    monkeypatch.setattr(MODELS[resource], "PROVINCE", "")
    lines = [row for row in REFUSED if row.resource == resource]
    may_write = any(row.cells["editor"] < 300 for row in lines)
    assert goes_red(world, lines, lambda column: column == "editor_write") is may_write


@pytest.mark.parametrize(
    ("resource", "field"),
    [
        (name, field)
        for name, model in MODELS.items()
        for _right, fields in guards_of(model, recorded=True)
        for field in fields
    ],
)
def test_an_open_field_turns_the_table_red(
    world: Authz, monkeypatch: pytest.MonkeyPatch, resource: str, field: str
) -> None:
    model = MODELS[resource]
    for guard in ("GUARDED", "GUARDED_CHANGES"):
        rules = getattr(model, guard).items()
        less = {right: tuple(name for name in names if name != field) for right, names in rules}
        monkeypatch.setattr(model, guard, less)
    lines = [row for row in REFUSED if row.resource == resource and row.case]
    assert goes_red(world, lines, lambda column: column == "editor_write") is ((resource, field) not in GUARDED_TWICE)
