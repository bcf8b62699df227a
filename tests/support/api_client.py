"""Helpers of API write tests: API client, a small world of records, and a snapshot of the whole database."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client, override_settings
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from accounts.models import Officer, create_token
from core.days import today
from pilots.models import Attachment
from policies.models import Figure, Measure, Province
from tests import factories as make

WorldType = TypeVar("WorldType")
Body = Any
TableSnapshot = Counter[str]
SYSTEM_TABLES = ("django_", "core_dataversion", "auth_permission", "sqlite_", "axes_")
EXCLUDED_COLUMNS = {"accounts_token": {"last_used_at", "revoked_at", "revoked_why"}}


class ApiClient:
    """API client: with a token, signed in, or anonymous."""

    def __init__(self, secret: str = "", session: User | None = None) -> None:
        self.client, self.headers = Client(), {"authorization": f"Bearer {secret}"} if secret else {}
        if session is not None:
            self.client.force_login(session, backend="django.contrib.auth.backends.ModelBackend")

    def send(self, method: str, address: str, body: Body = None, **headers: str) -> Any:
        """Return the response. A body of bytes is sent as it is, one with a file as a form, anything else as JSON."""
        if isinstance(body, dict) and isinstance(body.get("file"), SimpleUploadedFile):
            body["file"].seek(0)
            body, headers = encode_multipart(BOUNDARY, body), {**headers, "content_type": MULTIPART_CONTENT}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        kind = headers.pop("content_type", "application/json" if content else "")
        return self.client.generic(method, address, content, content_type=kind, headers={**self.headers, **headers})


def client_with_token(user: User) -> ApiClient:
    """Return a client with a write token of this user."""
    return ApiClient(create_token(user=user, name="test", may_write=True)[1])


def is_accepted(secret: str) -> bool:
    status = ApiClient(secret).send("GET", "/api/v1/provinces/").status_code
    assert status in {200, 401}
    return bool(status == 200)


def make_user(name: str, role: str = "", province: Province | None = None) -> User:
    user = User.objects.create_user(name, password="a long enough one")
    if role:
        Officer.objects.create(user=user, role=role, province=province)
    return user


# -- all tables --------------------------------------------------------------------------------------------


def snapshot_tables() -> dict[str, TableSnapshot]:
    """Return all rows of all tables as text, without sessions, failed sign-ins, and the usage fields of tokens."""
    found: dict[str, TableSnapshot] = {table: Counter() for table in all_table_names()}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # in one question: each takes its way to the server and back
            cursor.execute(" UNION ALL ".join(map(row_texts, found)))
            for table, text in cursor.fetchall():
                found[table][text] += 1
            return found
        for table, counted in found.items():
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608  # our own tables
            names = [column[0] for column in cursor.description]
            kept = [place for place, name in enumerate(names) if name not in EXCLUDED_COLUMNS.get(table, ())]
            counted.update(repr([row[place] for place in kept]) for row in cursor.fetchall())
    return found


@cache
def all_table_names() -> list[str]:
    with connection.cursor() as cursor:
        every = connection.introspection.table_names(cursor)
    return sorted(name for name in every if not name.startswith(SYSTEM_TABLES))


def row_texts(table: str) -> str:
    less = "".join(f" - '{name}'" for name in sorted(EXCLUDED_COLUMNS.get(table, ())))
    return f"SELECT '{table}', (to_jsonb(t){less})::text FROM {table} AS t"  # noqa: S608  # our own tables


def snapshot_diff(
    before: Mapping[str, TableSnapshot], after: Mapping[str, TableSnapshot]
) -> dict[str, tuple[int, int]]:
    """Return deleted and added rows by changed table. A changed row counts as one of each."""
    return {
        table: ((old - after[table]).total(), (after[table] - old).total())
        for table, old in before.items()
        if old != after[table]
    }


def empty_tables() -> None:
    """Delete all rows, so that snapshots are small. Only inside a transaction that is rolled back."""
    kept = ("django_content_type", "auth_permission", "django_migrations", "sqlite_")
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if not table.startswith(kept):
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608  # our own tables


# -- a small world -----------------------------------------------------------------------------------------


@contextmanager
def world_in_empty_tables(world: "Callable[[], WorldType]", blocker: Any) -> "Iterator[WorldType]":
    """Create a world in empty tables for all tests of a module; it is rolled back at the end."""
    logging.disable(logging.WARNING)  # there are thousands of rejected requests
    try:
        with blocker.unblock(), transaction.atomic(), override_settings(RATE_LIMITS={}):
            empty_tables()
            yield world()
            transaction.set_rollback(True)
    finally:
        logging.disable(logging.NOTSET)


@dataclass(frozen=True)
class ResourceKind:
    """Resource for tests: how its records are made, and a harmless change.

    `make(world, province)` creates a record, `body(world, province)` is the body to create one; province may be None.
    """

    key: str
    make: Callable[["World", Province | None], Any]
    body: Callable[["World", Province | None], dict[str, Any]]
    harmless: Mapping[str, Any] = field(default_factory=lambda: {"note": "Seen by the author"})


class World:
    """Two provinces with the same records in each, shared records, and a user of every role."""

    def __init__(self) -> None:
        self.count = 0
        self.home, self.away = make.province(slug="home"), make.province(slug="away")
        self.policy = make.policy(slug="national")
        self.batch = make.batch(slug="national-batch")
        self.pilots = {place.pk: make.pilot(self.batch, place) for place in (self.home, self.away)}
        self.indicator = make.indicator("AIR_SO2")
        self.viewer = make_user("viewer", "viewer")
        self.editor = make_user("editor", "provincial_editor", self.home)
        self.national = make_user("national", "national_editor")
        self.admin = make_user("admin", "admin")
        self.norole = make_user("norole")

    def next(self) -> int:
        self.count += 1
        return self.count

    def pilot(self, place: Province | None) -> Any:
        assert place is not None
        return self.pilots[place.pk]

    def more_pilot(self, place: Province | None) -> Any:
        assert place is not None
        return make.pilot(self.batch, place)

    def more_policy(self) -> Any:
        return make.policy()

    def more_indicator(self) -> Any:
        return make.indicator(f"IND_{self.next()}")


def make_target(world: World, place: Province | None) -> Any:
    return make.target(world.pilot(place), world.more_indicator(), 100, 80)


def make_reading(world: World, place: Province | None) -> Any:
    indicator = world.more_indicator()
    return make.reading(world.pilot(place), indicator, "2024", 90, accepted_on=None)


def level_of(place: Province | None) -> str:
    return "provincial" if place else "national"


def slug_or_none(place: Province | None) -> str | None:
    return place.slug if place else None


def province_body(world: World, place: Province | None) -> dict[str, Any]:
    n = world.next()
    values = {"slug": f"new-{n}", "name_zh": f"新省{n}", "short_zh": f"新{n}", "short_en": f"New {n}"}
    return {**values, "kind": "province", "region": "north", "tile_col": n % 8, "tile_row": 7}


def bilingual_body(world: World, place: Province | None) -> dict[str, Any]:
    n = world.next()
    return {"slug": f"new-{n}", "name_zh": f"新的{n}"}


def policy_body(world: World, place: Province | None) -> dict[str, Any]:
    n = world.next()
    place_of = {"level": level_of(place), "province": slug_or_none(place)}
    return {"slug": f"new-{n}", "title_zh": f"新政策{n}", "issued_on": "2023-05-01", **place_of}


def batch_body(world: World, place: Province | None) -> dict[str, Any]:
    n = world.next()
    place_of = {"level": level_of(place), "province": slug_or_none(place)}
    announced = {"policy": world.policy.slug, "announced_on": "2024-01-15"}
    return {"slug": f"new-{n}", "title_zh": f"新批{n}", **announced, **place_of}


def pilot_body(world: World, place: Province | None) -> dict[str, Any]:
    place_of = {"batch": world.batch.slug, "province": slug_or_none(place)}
    return {**bilingual_body(world, place), "kind": "park", **place_of}


def pilot_child_body(world: World, place: Province | None, **values: Any) -> dict[str, Any]:
    return {"pilot": world.pilot(place).slug, **values}


def make_document(world: World, place: Province | None) -> Any:
    """Make a document; those of the other province are public."""
    return make.document(province=place, is_public=place == world.away)


def document_body(world: World, place: Province | None) -> dict[str, Any]:
    """Return the fields of an upload, which is sent as a form."""
    n = world.next()
    return {"file": SimpleUploadedFile(f"new-{n}.csv", f"new,{n}".encode()), "title": f"New {n}"}


def make_follow_up(world: World, place: Province | None) -> Any:
    return make.follow_up(None, province=place, policy=None if place else world.policy)


def make_amendment(world: World, place: Province | None) -> Any:
    """Make a request that waits; the editor made the one of the own province."""
    milestone = make.milestone(world.pilot(place), date(2026, 6, 1), is_key=True)
    asked_by = world.editor if place == world.home else None
    return make.amendment(milestone, day=date(2027, 3, 1), asked_by=asked_by)


def amendment_body(world: World, place: Province | None) -> dict[str, Any]:
    milestone = make.milestone(world.pilot(place), date(2026, 6, 1), is_key=True)
    return {"milestone": milestone.pk, "day": "2027-03-01", "reason_en": "The supplier is late"}


def make_completion(world: World, place: Province | None) -> Any:
    """Make a completion that was entered today, so that it may be deleted."""
    milestone = make.milestone(world.pilot(place), date(2026, 6, 1))
    return make.completion(milestone, date(2026, 5, 20), entered_on=today())


def completion_body(world: World, place: Province | None) -> dict[str, Any]:
    milestone = make.milestone(world.pilot(place), date(2026, 6, 1))
    return {"milestone": milestone.pk, "completed_on": "2026-05-20", "evidence": "Report No. 7"}


def deadline_body(world: World, place: Province | None) -> dict[str, Any]:
    return {"pilot": world.pilot(place).slug, "year": 2098, "due_on": "2099-06-30", "reason": "The census is late"}


def follow_up_body(world: World, place: Province | None) -> dict[str, Any]:
    values = {"title_zh": f"新督办{world.next()}", "opened_on": "2026-06-01", "due_on": "2026-07-01"}
    subject = {"province": place.slug} if place else {"policy": world.policy.slug}
    return {**values, **subject, "owner_agency": make.agency().slug}


def make_practice(world: World, place: Province | None) -> Any:
    """Make a practice in the library; it has a reason for retiring it already, for when that day comes."""
    return make.practice(province=place, library_on=date(2025, 3, 1), retired_reason_en="Outdated")


def practice_body(world: World, place: Province | None) -> dict[str, Any]:
    kind = {"field": "energy", "origins": [world.pilot(place or world.home).slug]}
    return {"slug": f"new-{world.next()}", "title_zh": "新经验", **kind, "province": slug_or_none(place)}


def adoption_body(world: World, place: Province | None) -> dict[str, Any]:
    return {"practice": make_practice(world, None).slug, "province": slug_or_none(place)}


RESOURCE_KINDS: Mapping[str, ResourceKind] = {
    "provinces": ResourceKind("slug", lambda world, place: place or make.province(), province_body),
    "agencies": ResourceKind("slug", lambda world, place: make.agency(), bilingual_body),
    "policies": ResourceKind(
        "slug", lambda world, place: make.policy(level=level_of(place), province=place), policy_body
    ),
    "measures": ResourceKind(
        "slug",
        lambda world, place: Measure.objects.create(slug=f"measure-{world.next()}", title_zh="措施", field="energy"),
        lambda world, place: {"slug": f"new-{world.next()}", "title_zh": "新措施", "field": "energy"},
    ),
    "plans": ResourceKind(
        "id",
        lambda world, place: make.plan(world.more_policy(), place),  # type: ignore[arg-type]
        lambda world, place: {
            "policy": world.more_policy().slug,
            "province": slug_or_none(place),
            "status": "drafting",
        },
    ),
    "figures": ResourceKind(
        "slug",
        lambda world, place: Figure.objects.create(
            slug=f"figure-{world.next()}", name_zh="数字", province=place, value=1, unit="%", kind="count"
        ),
        lambda world, place: {
            **bilingual_body(world, place),
            "value": 34.4,
            "unit": "%",
            "kind": "outcome",
            "province": slug_or_none(place),
        },
    ),
    "sources": ResourceKind(
        "id", lambda world, place: make.source(), lambda world, place: {"title": f"新来源{world.next()}"}
    ),
    "industries": ResourceKind("slug", lambda world, place: make.industry(), bilingual_body),
    "batches": ResourceKind("slug", lambda world, place: make.batch(level=level_of(place), province=place), batch_body),
    "pilots": ResourceKind("slug", lambda world, place: make.pilot(world.batch, place, kind="park"), pilot_body),  # type: ignore[arg-type]
    "stages": ResourceKind(
        "id",
        lambda world, place: make.stage(world.more_pilot(place), "midterm", date(2026, 3, 1), reason="Not published"),
        lambda world, place: {
            "pilot": world.more_pilot(place).slug,
            "stage": "plan_issued",
            "entered_on": "2026-03-01",
            "reason_en": "Not published",
        },
    ),
    "milestones": ResourceKind(
        "id",
        lambda world, place: make.milestone(world.pilot(place), date(2026, 6, 1)),
        lambda world, place: pilot_child_body(
            world, place, facet="goal", title_zh=f"新节点{world.next()}", planned_on="2026-12-01"
        ),
    ),
    "completions": ResourceKind("id", make_completion, completion_body, {"objection": "Another furnace"}),
    "amendments": ResourceKind("id", make_amendment, amendment_body, {"accepted": True}),
    "deadlines": ResourceKind(
        "id",
        lambda world, place: make.deadline(world.pilot(place) if place else world.batch, 2025, date(2026, 6, 30)),
        deadline_body,
    ),
    "indicators": ResourceKind(
        "code",
        lambda world, place: world.more_indicator(),
        lambda world, place: {
            "code": f"NEW_{world.next()}",
            "name_zh": "新指标",
            "unit": "t",
            "kind": "output",
            "direction": "higher",
            "rollup": "sum",
        },
    ),
    "targets": ResourceKind(
        "id",
        make_target,
        lambda world, place: pilot_child_body(
            world, place, indicator=world.more_indicator().code, target_year=2026, target_value=80
        ),
    ),
    "readings": ResourceKind(
        "id",
        make_reading,
        lambda world, place: pilot_child_body(
            world, place, indicator=world.more_indicator().code, period="2024", value=12.5, reported_on="2025-02-01"
        ),
    ),
    "documents": ResourceKind("id", make_document, document_body, {"title": "Seen by the author"}),
    "attachments": ResourceKind(
        "id",
        lambda world, place: Attachment.objects.create(
            document=make_document(world, place), reading=make_reading(world, place), province=place
        ),
        lambda world, place: {"document": make_document(world, place).pk, "reading": make_reading(world, place).pk},
        {"removed_reason": "Another year’s"},
    ),
    "actions": ResourceKind("number", make_follow_up, follow_up_body),
    "practices": ResourceKind("slug", make_practice, practice_body),
    "adoptions": ResourceKind(
        "id",
        lambda world, place: make.adoption(make_practice(world, None), province=place),
        adoption_body,
    ),
    "effects": ResourceKind(
        "id",
        # Of a practice that is not in the library: there the ministry states effects.
        lambda world, place: make.effect(make.practice(province=place), province=place),
        lambda world, place: {
            "practice": make.practice(province=place).slug,
            "statement_zh": "年减排",
        },
    ),
}
"""By resource. What a change of one field is: its note, which every one of them has."""
