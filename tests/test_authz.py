"""Authorization: every cell of authz_matrix.csv, which is written by hand and never generated from the code.

A column is an identity, a row an action on a resource: own is of the editor's province, other of another one, shared of
none, new does not exist yet, mixed is one of each in one request. `ended` stands for every kind of invalid token.
What a cell denies changes no row of any table; what it allows changes only the intended records, each with one history
entry by that user. Officers and reviewers get their cells with the workflow of reports.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
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

from accounts.models import Officer, Role, Token, create_token, revoke
from config.api_urls import RECORDS
from core.api.views import openapi_schema
from core.permissions import field_permissions
from core.records.models import HistoryModel
from policies.models import Province
from tests import factories as make
from tests.support.api_client import (
    RESOURCE_KINDS,
    ApiClient,
    TableSnapshot,
    World,
    make_user,
    snapshot_diff,
    snapshot_tables,
    world_in_empty_tables,
)
from tests.support.tiers import sampled

pytestmark = pytest.mark.django_db
IDENTITIES = [
    "anonymous",
    "ended",
    *(f"{role}{how}" for role in ("viewer", "editor", "national", "admin") for how in ("", "_read", "_write")),
]
FUTURE_ROLES = ["officer", "reviewer"]
METHODS = {"list": "GET", "read": "GET", "create": "POST", "replace": "PUT", "change": "PATCH", "delete": "DELETE"}
METHODS |= {"steps": "GET", "take": "POST"}
HISTORY_SIGNS = {
    "create": "+",
    "replace": "~",
    "change": "~",
    "delete": "-",
}
FURTHER_ACTIONS: Mapping[str, tuple[str, dict[str, Any] | None]] = {
    "steps": ("steps/", None),
    "take": ("steps/", {"move": "sign"}),
}
"""By verb, the address below that of the record, and the body."""
PLAIN_ADDRESSES = {
    **{name: f"/api/v1/{name}/" for name in ("overview", "coverage", "progress", "synergy", "changes", "nothing")},
    **{name: f"/api/v1/{name}/" for name in ("followup", "editions", "briefs", "lights")},
    "rollout": "/api/v1/rollout/?policy=national",
    "trend": "/api/v1/trend/?indicator=AIR_SO2",
    "root": "/api/v1/",
    "schema": "/api/schema/",
    "docs": "/api/docs/",
    "api": "/api/",
    "tokens": "/tokens/",
    "calendar": "/pilots/?export=ics",
    "calendar_of_actions": "/actions/?export=ics",
    "unknown_calendar": "/feeds/spf_nobody-made-it/milestones.ics",
    "content": "/api/v1/documents/999999999/content/",  # of no document
    "edition": "/api/v1/editions/1999-Q1/",  # that nobody made
}
FORM_ADDRESSES: Mapping[str, Callable[[Any], str]] = {
    "form-done": lambda asked: f"/pilots/{asked.pilot.slug}/milestones/{asked.milestone_id}/done/",
    "form-amend": lambda asked: asked.item.entry_url(),
    "form-answer": lambda asked: asked.item.entry_url("-answer"),
    "form-object": lambda asked: f"/pilots/{asked.pilot.slug}/completions/{asked.pilot.completions.first().pk}/object/",
    "form-stage": lambda asked: f"/pilots/{asked.pilot.slug}/stages/enter/",
    "form-light": lambda asked: f"/pilots/{asked.pilot.slug}/light/",
    "form-judge": lambda _asked: "/readings/judge/",
    "form-readings": lambda asked: f"/pilots/{asked.pilot.slug}/readings/",
}
"""Forms of the day, by a request for an amendment in the province. Where one is allowed an empty one is wrong, or was
opened on no version of the record.
"""
PILOT_FIELDS = {
    "name_zh": "新名",
    "name_en": "New name",
    "kind": "enterprise",
    "withdrawn_on": "2026-01-01",
    "term_start": "2026-01-01",
    "term_end": "2026-12-31",
}
PLAN_FIELDS: Mapping[str, Any] = {
    "binding": True,
    "is_key": True,
    "kind": "limit",
    "base_year": 2021,
    "base_value": 120,
    "target_year": 2027,
    "target_value": 85,
    "title_en": "Another promise",
    "planned_on": "2026-07-01",
}


FOLLOW_UP_FIELDS: Mapping[str, Any] = {
    "title_zh": "改",
    "title_en": "Else",
    "kind": "guidance",
    "task_zh": "改",
    "task_en": "Else",
    "meeting": "Monday",
    "is_key": True,
    "opened_on": "2026-05-01",
    "due_on": "2026-08-01",
    "cause": "pilot",
    "owner_user": "national",
    "verifier": "admin",
    "policy": "national",
}
PRACTICE_FIELDS: Mapping[str, Any] = {
    "library_on": "2025-04-01",
    "retired_on": "2026-01-01",
    "retired_reason_en": "Another one is better",
    "retired_reason_zh": "另有更好",
    "title_en": "Better",
}

AMENDMENT_FIELDS: Mapping[str, Any] = {"accepted": True, "remark": "Agreed by telephone"}


@dataclass(frozen=True)
class MatrixRow:
    """Row of the matrix: the request, and the expected status by identity."""

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
        """Action, as for one record."""
        return self.verb.removeprefix("bulk_")

    @property
    def many(self) -> bool:
        return self.verb.startswith("bulk_")

    @property
    def method(self) -> str:
        return METHODS.get(self.one, "POST")


def read_matrix() -> list[MatrixRow]:
    with (Path(__file__).parent / "authz_matrix.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [*lines[0]] == ["resource", "verb", "relation", "case", "site", *IDENTITIES, *FUTURE_ROLES]
    assert {line[name] for line in lines for name in FUTURE_ROLES} == {"later"}
    return [
        MatrixRow(
            number,
            *(line[name] for name in ("resource", "verb", "relation", "case", "site")),
            {name: int(line[name]) for name in IDENTITIES},
        )
        for number, line in enumerate(lines, 2)
    ]


MATRIX_ROWS = read_matrix()


# -- everybody, and everything there is ----------------------------------------------------------------


@dataclass(frozen=True)
class RowRequest:
    """Request of a row. `changes` is the number of records that it changes where allowed."""

    method: str
    address: str
    body: Any
    headers: Mapping[str, str]
    changes: int = 0


class AuthzWorld(World):
    """World with an API client for every column, and a record of each resource for every relation."""

    def __init__(self) -> None:
        super().__init__()
        self.programs = {"anonymous": [ApiClient()], "ended": list(self.ended())}
        for user in (self.viewer, self.editor, self.national, self.admin):
            self.programs |= {
                user.username: [ApiClient(session=user)],
                f"{user.username}_read": [ApiClient(token_of(user, may_write=False))],
                f"{user.username}_write": [ApiClient(token_of(user))],
            }
        self.programs["norole"] = [ApiClient(session=self.norole)]
        self.reader = ApiClient(token_of(self.admin, may_write=False))  # not one of the table: it may get cookies
        self.people = {user.username: user for user in (self.viewer, self.editor, self.national, self.admin)}
        self.places = {"own": self.home, "other": self.away, "shared": None, "new": None}
        self.siblings = {self.home.pk: self.more_pilot(self.home)}
        self.spare = self.more_indicator()
        self.held: dict[tuple[str, str], Any] = {}
        for resource, relation in sorted(
            {(row.resource, row.relation) for row in MATRIX_ROWS if row.resource in RESOURCE_KINDS}
        ):
            if relation in self.places:
                self.held[resource, relation] = self.one(resource, relation)
        self.tokens = {name: create_token(user=user, name="to end")[0] for name, user in self.people.items()}
        self.somebodys = create_token(user=make_user("somebody"), name="not theirs")[0]
        self.accepted = {
            relation: make.reading(self.pilot(self.places[relation]), self.more_indicator(), "2024", 9)
            for relation in ("own", "other")
        }
        texts = dict.fromkeys(("problem_en", "action_en", "conditions_en"), "What others need to copy it.")
        self.complete = make.practice(province=self.home, library_on=date(2025, 3, 1), **texts)
        make.effect(self.complete)
        self.bodies: dict[tuple[str, str], Any] = {}
        self.stand = snapshot_tables()
        self.newest = {name: newest_entry(name) for name in RESOURCE_KINDS}

    def ended(self) -> Iterator[ApiClient]:
        """Yield clients of formerly valid tokens, each invalidated in another way."""
        gone, expired, revoked, demoted, moved = (make_user(name, "admin") for name in ("g", "e", "r", "d", "m"))
        programs = [ApiClient(token_of(user)) for user in (gone, expired, revoked, demoted, moved)]
        gone.is_active = False
        gone.save()
        expired.tokens.update(expires_at=timezone.now() - timedelta(seconds=1))
        revoke(revoked.tokens.get())
        set_role(demoted, Role.VIEWER, None)
        set_role(moved, Role.PROVINCIAL_EDITOR, self.home)
        yield from programs
        # The same by raw SQL, so that no model code has revoked these.
        silent, other = make_user("s", "admin"), make_user("o", "provincial_editor", self.home)
        yield from [ApiClient(token_of(silent)), ApiClient(token_of(other))]
        User.objects.filter(pk=silent.pk).update(is_active=False)
        Officer.objects.filter(user=other).update(province=self.away)
        yield ApiClient("spt_" + "0" * 43)

    def one(self, resource: str, relation: str) -> Any:
        return RESOURCE_KINDS[resource].make(self, self.places[relation])

    def senders(self, row: MatrixRow, column: str) -> list[ApiClient]:
        """Return the clients that send a row's request. Invalid tokens take turns, row by row."""
        if column == "ended":
            return [self.programs[column][row.number % len(self.programs[column])]]
        like_viewer = column == "viewer" and row.resource != "tokens" and row.verb in {"list", "create", "change"}
        also = self.programs["norole"] if like_viewer else []  # without a role there is no permission
        return [*self.programs[column], *also]

    # -- what a row asks ---------------------------------------------------------------------------------

    def request(self, row: MatrixRow, column: str) -> RowRequest:
        if row.resource not in RESOURCE_KINDS:
            return self.plain(row, column)
        address, kind = f"/api/v1/{row.resource}/", RESOURCE_KINDS[row.resource]
        if row.verb == "list":
            return RowRequest("GET", f"{address}?page_size=1", None, {})
        records = self.records(row)
        bodies = [self.body(row, record) for record in records]
        if row.many:
            return RowRequest(row.method, address, bodies, {}, len(bodies))
        if row.one != "create":
            address += f"{getattr(records[0], kind.key)}/"
        if row.verb in FURTHER_ACTIONS:
            below, sent = FURTHER_ACTIONS[row.verb]
            version = (
                {"If-Match": f'"{self.seen(row.resource, records[0])["revision"]}-x"'} if row.method == "POST" else {}
            )
            return RowRequest(row.method, address + below, sent, version, int(row.method == "POST"))
        body = bodies[0] if row.method in {"POST", "PUT", "PATCH"} else None
        headers = {} if row.method in {"GET", "POST"} else {"If-Match": f'"{bodies[0]["revision"]}-x"'}
        return RowRequest(row.method, address, body, headers, int(row.method != "GET"))

    def plain(self, row: MatrixRow, column: str) -> RowRequest:
        """Return the request for URLs without records: aggregates, API root and schema, pages."""
        if row.resource in FORM_ADDRESSES:
            address, body = FORM_ADDRESSES[row.resource](self.held["amendments", row.relation]), b""
        else:
            address, body = PLAIN_ADDRESSES[row.resource], b"{}"
        if row.resource == "tokens":
            address += f"{self.token(row, column).pk}/revoke/" if row.verb == "revoke" else ""
            body = b"name=new&days=5&kind=api"
        headers = {
            "content_type": "application/x-www-form-urlencoded" if row.resource == "tokens" else "application/json"
        }
        return RowRequest(row.method, address, None if row.method == "GET" else body, headers)

    def token(self, row: MatrixRow, column: str) -> Token:
        """Return the token of a row, for the user of a column."""
        return self.tokens.get(column.partition("_")[0], self.somebodys) if row.relation == "own" else self.somebodys

    def records(self, row: MatrixRow) -> list[Any]:
        """Return the records of the row; for creations, the provinces."""
        if row.one == "create" and row.relation == "mixed":
            return [self.home, self.away]
        if row.one == "create":
            return [self.places[row.relation]]
        if row.case == "of_accepted":
            return [self.accepted[row.relation]]
        if row.relation == "mixed":
            return [self.held[row.resource, "own"], self.held[row.resource, "other"]]
        return [self.held[row.resource, row.relation]]

    def body(self, row: MatrixRow, record: Any) -> dict[str, Any]:
        """Return the request body for one record."""
        kind = RESOURCE_KINDS[row.resource]
        if row.one == "create":
            return {**kind.body(self, record), **self.of_case(row)}
        seen = self.seen(row.resource, record)
        if row.one == "replace":
            return {**seen, **kind.harmless, **self.of_case(row)}
        fields = {} if row.one == "delete" else self.of_case(row) or kind.harmless
        return {kind.key: seen[kind.key], "revision": seen["revision"], **fields}

    def seen(self, resource: str, record: Any) -> dict[str, Any]:
        """Return the record as the API shows it."""
        key = resource, str(record.pk)
        if key not in self.bodies:
            self.bodies[key] = self.reader.send(
                "GET", f"/api/v1/{resource}/{getattr(record, RESOURCE_KINDS[resource].key)}/"
            ).json()
        return dict(self.bodies[key])

    def of_case(self, row: MatrixRow) -> dict[str, Any]:
        """Return the fields that a row changes, if it is about certain fields."""
        of_pilot = row.resource in {"milestones", "targets"}
        if row.case in {"to_other", "to_own", "to_shared"}:
            place = {"to_other": self.away, "to_own": self.home, "to_shared": None}[row.case]
            if of_pilot:
                return {"pilot": self.pilot(place).slug}
            level = {"level": "provincial" if place else "national"} if row.resource == "policies" else {}
            return {"province": place and place.slug, **level}
        if row.resource == "actions" and row.case:
            records = {"pilot": lambda: self.pilot(self.home).slug, "province": lambda: self.away.slug}
            records |= {"practice": lambda: make.practice().slug}
            records |= {"cause_target": lambda: make.target(self.city(), self.more_indicator(), 100, 70).pk}
            records |= {"cause_milestone": lambda: make.milestone(self.city(), date(2026, 6, 1)).pk}
            records |= {
                "owner_agency": lambda: make.agency().slug,
                "sources": lambda: [make.source().pk],
            }
            return {row.case: records[row.case]() if row.case in records else FOLLOW_UP_FIELDS[row.case]}
        if row.resource in {"practices", "amendments"} and row.case in {**PRACTICE_FIELDS, **AMENDMENT_FIELDS}:
            return {row.case: {**PRACTICE_FIELDS, **AMENDMENT_FIELDS}[row.case]}
        if row.case == "to_sibling":
            return {"pilot": self.siblings[self.home.pk].slug}
        if row.case == "indicator":
            return {"indicator": self.spare.code}
        if row.case in PLAN_FIELDS and of_pilot:
            base = {"base_year": 2023, "base_value": 100} if row.case == "binding" and row.one == "create" else {}
            return {**base, row.case: PLAN_FIELDS[row.case] if row.one == "create" or row.case != "binding" else False}
        if row.resource == "pilots" and row.case:
            others = {"batch": make.batch, "parent": self.city}
            if row.case == "slug":
                return {"slug": f"else-{self.next()}"}
            why = {"change_reason": "Its main plant moved away"} if row.case == "withdrawn_on" else {}
            return {**why, row.case: PILOT_FIELDS[row.case] if row.case in PILOT_FIELDS else others[row.case]().slug}
        return {
            "": {},
            "in_use": {},
            "of_accepted": {},
            "of_library": {"practice": self.complete.slug},
            "foreign_origin": {"origins": [self.pilot(self.away).slug]},
            "accepted": {"state": "accepted"},
            "state": {"state": "verified"},
            "returned": {"state": "returned", "change_reason": "Another source says 80"},
            "accepted_on": {"accepted_on": "2025-06-01", "change_reason": "Our letter of that day"},
            "answer_by": {"answer_by": "2099-01-01"},
            "objection": {"objection": "Another furnace"},
            "verified_on": {"verified_on": "2025-06-01"},
            "steps": {"steps": [{"year": 2025, "value": 85}]},
        }[row.case]

    def city(self) -> Any:
        return self.pilots[self.home.pk]


def token_of(user: User, *, may_write: bool = True) -> str:
    return create_token(user=user, name="for the matrix", may_write=may_write)[1]


def set_role(user: User, role: Role, province: Province | None) -> None:
    officer = user.officer
    officer.role, officer.province = role, province
    officer.save()


def newest_entry(resource: str) -> int:
    entry = history_of(resource).order_by("history_id").last()
    return entry.pk if entry else 0


def history_of(resource: str) -> Any:
    return MODELS[resource].history


MODELS: Mapping[str, Any] = {name: view.model for name, (_model, view) in RECORDS.items()}
"""By resource. An edition is made and approved on its page."""


# -- running a row -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[AuthzWorld]:
    with world_in_empty_tables(AuthzWorld, django_db_blocker) as made:
        yield made


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def site_settings(row: MatrixRow) -> Iterator[None]:
    """Apply the site settings of the row: a closed site requires sign-in for all pages."""
    if row.site == "public":
        yield
        return
    guard, place = "django.contrib.auth.middleware.LoginRequiredMiddleware", "core.snapshots.DaysMiddleware"
    middleware = list(current.MIDDLEWARE)
    middleware.insert(middleware.index(place), guard)
    with override_settings(SITE_ACCESS="internal", MIDDLEWARE=middleware):
        yield


def wrong_cells(world: AuthzWorld, row: MatrixRow) -> Iterator[str]:
    """Yield the errors of a row, cell by cell; none if authorization is right."""
    with site_settings(row), rolled_back():
        asked = {name: world.request(row, name) for name in IDENTITIES}
        refers_to_new = row.one == "create" or row.case in REFERENCES
        before = snapshot_tables() if refers_to_new else world.stand
        refused = [name for name in asked if not changes_something(row, row.cells[name])]
        for name in refused:
            yield from wrong_status(world, row, name, asked[name])
        if snapshot_diff(before, snapshot_tables()):
            yield f"{row}: something changed though everything was refused: {snapshot_diff(before, snapshot_tables())}"
            return
        for name in asked.keys() - refused:
            with rolled_back():
                yield from wrong_status(world, row, name, asked[name])
                yield from wrong_effects(world, row, name, asked[name], before)


REFERENCES = {"batch", "practice", "cause_target", "cause_milestone", "owner_agency", "sources"}
"""Cases that change what a record refers to."""


def changes_something(row: MatrixRow, status: int) -> bool:
    return row.method != "GET" and (200 <= status < 300 or (row.verb == "revoke" and status == 302))


def wrong_status(world: AuthzWorld, row: MatrixRow, name: str, asked: RowRequest) -> Iterator[str]:
    for program in fresh_programs(world.senders(row, name), row):
        answer = program.send(asked.method, asked.address, asked.body, **asked.headers)
        if answer.status_code != row.cells[name]:
            yield f"{row} by {name}: {answer.status_code} instead of {row.cells[name]}: {answer.content[:300].decode()}"
        elif row.resource in FORM_ADDRESSES:  # refused as pages are
            continue
        elif answer.status_code in {401, 403} and not answer.content.startswith(b'{"type": "about:blank"'):
            yield f"{row} by {name}: refused with something else than a problem: {answer.content[:300].decode()}"


def fresh_programs(programs: list[ApiClient], row: MatrixRow) -> list[ApiClient]:
    """Return the clients; for a closed site with middleware loaded anew."""
    if row.site == "public":
        return programs
    return [fresh_program(program) for program in programs]


def fresh_program(program: ApiClient) -> ApiClient:
    other = ApiClient()
    other.headers, other.client.cookies = program.headers, program.client.cookies
    return other


def wrong_effects(
    world: AuthzWorld, row: MatrixRow, name: str, asked: RowRequest, before: Mapping[str, TableSnapshot]
) -> Iterator[str]:
    """Yield the missing and the unexpected effects of an allowed write."""
    found = snapshot_diff(before, snapshot_tables())
    if row.resource not in RESOURCE_KINDS:
        yield from wrong_token(world, row, name, found)
        return
    model, author = MODELS[row.resource], world.people[name.partition("_")[0]]
    wanted = wanted_changes(row, model, asked.changes)
    lists = {field.remote_field.through._meta.db_table for field in model._meta.many_to_many}
    lists |= {f"{history_table(model)}_{field.name}" for field in model._meta.many_to_many}
    lists |= {"pilots_itemlight", "pilots_pilotlight", "pilots_pilotclass"}  # computed of what was written
    if {table: found[table] for table in found.keys() - lists} != wanted:
        yield f"{row} by {name}: it changed {found} instead of {wanted}"
    if history_table(model) not in wanted:
        return
    entries = model.history.filter(history_id__gt=world.newest[row.resource]).order_by("history_id")
    said = [(entry.history_type, entry.history_user_id) for entry in entries]
    if said != [(HISTORY_SIGNS[row.one], author.pk)] * asked.changes:
        yield f"{row} by {name}: the history says {said}"
    meant = {record.pk for record in world.records(row)} if row.one != "create" else None
    if meant is not None and {entry.id for entry in entries} != meant:
        yield f"{row} by {name}: other records were changed than meant"


def wanted_changes(row: MatrixRow, model: Any, count: int) -> dict[str, tuple[int, int]]:
    """Return the deleted and added rows by table: the records, one history entry and one change event for each."""
    if row.verb == "take":
        return {"pilots_followupstep": (0, 1), "pilots_historicalfollowupstep": (0, 1), "core_changeevent": (0, 1)}
    gone, come = {"create": (0, count), "delete": (count, 0)}.get(row.one, (count, count))
    wanted = {model._meta.db_table: (gone, come), history_table(model): (0, count), "core_changeevent": (0, count)}
    if row.resource == "actions" and row.one == "create":  # with its first step
        steps = {"pilots_followupstep": (0, count), "pilots_historicalfollowupstep": (0, count)}
        wanted |= {**steps, "core_changeevent": (0, 2 * count)}
    if row.case == "sources":  # a list of its own, which is compared apart
        del wanted[model._meta.db_table]
    return wanted


def history_table(model: Any) -> str:
    return str(model.history.model._meta.db_table)


def wrong_token(world: AuthzWorld, row: MatrixRow, name: str, found: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """Yield the errors of creating or revoking a token on its page."""
    own = row.resource == "tokens" and name in world.people
    if found != ({"accounts_token": (0, 1)} if own and row.verb == "create" else {}):
        yield f"{row} by {name}: it changed {found}"
    token = Token.objects.get(pk=world.token(row, name).pk)
    if bool(token.revoked_at) is not (own and row.verb == "revoke"):
        yield f"{row} by {name}: its token was revoked at {token.revoked_at}"


# -- the table is true ---------------------------------------------------------------------------------


@pytest.mark.parametrize("row", sampled(MATRIX_ROWS), ids=str)
def test_every_cell(world: AuthzWorld, row: MatrixRow) -> None:
    assert list(wrong_cells(world, row)) == []


def test_every_address_and_operation_has_its_row(world: AuthzWorld) -> None:
    """An address that is not in the table fails here, and so does a verb that an address takes."""
    asked = {
        (resolve(request.address.partition("?")[0]).route, request.method)
        for row in MATRIX_ROWS
        for request in [world.request(row, "admin")]
    }
    every = set(operations(get_resolver()))
    assert sorted(every - asked) == []
    schema: Any = openapi_schema("public")
    told = {(path, method.upper()) for path, item in schema["paths"].items() for method in item if method in VERBS}
    paths = {(request_path(route), method) for route, method in asked}
    assert sorted(told - paths) == []


def operations(resolver: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield each path below api/ with each of its methods, without HEAD and OPTIONS."""
    for item in resolver.url_patterns:
        route = before + (str(item.pattern).removeprefix("^") if before else str(item.pattern))
        if isinstance(item, URLResolver):
            yield from operations(item, route)
        elif isinstance(item, URLPattern) and route.startswith(("api/", "^api/")):
            view = getattr(item.callback, "cls", None) or getattr(item.callback, "view_class", None)
            options = getattr(item.callback, "view_initkwargs", {})
            taken = options.get("http_method_names", VERBS)
            mapped = getattr(item.callback, "actions", None) or [name for name in VERBS if hasattr(view, name)]
            yield from ((route, method.upper()) for method in mapped or ["get"] if method in VERBS and method in taken)


VERBS = ("get", "post", "put", "patch", "delete")


def request_path(route: str) -> str:
    """Return a path as in the OpenAPI schema."""
    named = re.sub(r"\(\?P<(\w+)>[^)]*\)|<\w+:(\w+)>", lambda found: f"{{{found[1] or found[2]}}}", route)
    return "/" + named.replace("^", "").replace("$", "").replace("{pk}", "{id}")


def test_every_record_with_a_history_has_its_rows() -> None:
    """A new model belongs into the table, or into the few that are written only with what they are part of, or on pages
    of their own (tests/dashboard/test_editions.py)."""
    parts = {
        "pilots.lightoverride",
        "pilots.followupstep",
        "pilots.notgiven",
        "dashboard.edition",
    }
    kept = {model._meta.label_lower for model in apps.get_models() if issubclass(model, HistoryModel)}
    assert kept == parts | {model._meta.label_lower for model in MODELS.values()}
    plain = {*PLAIN_ADDRESSES, *FORM_ADDRESSES}
    assert set(MODELS) == set(RESOURCE_KINDS) == {row.resource for row in MATRIX_ROWS} - plain


# -- the fields that a role alone may write --------------------------------------------------------------

# A new pilot fills its province in, and what goes to another province is not the editor's any more.
DOUBLY_GUARDED = {("pilots", "province"), ("actions", "province")}


@pytest.mark.parametrize(
    ("resource", "field"),
    sorted(
        {
            (name, field)
            for name, model in MODELS.items()
            for _right, fields in field_permissions(model, recorded=True)
            for field in fields
        }
        - DOUBLY_GUARDED
    ),
)
def test_every_guarded_field_has_a_row_that_denies_it(world: AuthzWorld, resource: str, field: str) -> None:
    """A new one belongs into the table."""
    rows = [row for row in MATRIX_ROWS if row.resource == resource and row.cells["editor_write"] in {403, 409}]
    assert any(field in world.of_case(row) for row in rows if row.case)
