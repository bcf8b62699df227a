"""The line of all changes: each entry of a history told once, in an order in which a client misses nothing.

What is written shows when its transaction ends. Most tests are about what a line says: they look from inside the one
that is rolled back. Those about when it shows commit.
"""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config import changes
from config.changes import Place, settle
from config.history import delete_whole, one_entry
from config.models import Change
from config.paging import write_cursor
from config.restore import restore
from config.urls import KINDS, RESOURCES
from pilots.demo.store import keep_all
from pilots.feed import every_kind
from pilots.models import Pilot, Reading, Target, TargetStep
from policies.models import Agency, Division, Province, Source
from policies.models.base import Slugged, Sourced
from tests import writing
from tests.admin_forms import filled
from tests.databases import server
from tests.factories import (
    make_batch,
    make_indicator,
    make_industry,
    make_override,
    make_pilot,
    make_province,
    make_reading,
    make_source,
    make_target,
)
from tests.imports import imported, undone
from tests.racing import Served
from tests.writing import World, writer

pytestmark = pytest.mark.django_db
committing = pytest.mark.django_db(transaction=True)
ADDRESS = "/api/v1/changes/"
Line = dict[str, Any]


@pytest.fixture(autouse=True)
def _bare(request: pytest.FixtureRequest, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty tables. Where nothing is committed the line can be read to its end all the same."""
    marker = request.node.get_closest_marker("django_db")
    if not marker.kwargs.get("transaction"):
        writing.clear()
        monkeypatch.setattr("config.api.ends", own_ends)
    elif Province.objects.exists():  # the first of these tests still finds the shipped records
        call_command("flush", interactive=False, verbosity=0)


def own_ends() -> tuple[Place, Place]:
    """As `ends`, what the transaction of the test itself wrote included."""
    last = Change.objects.order_by("transaction", "pk").last()
    end = Place(last.transaction, last.pk) if last else Place(0, 0)
    return end, end


@pytest.fixture
def pilot() -> Pilot:
    return make_pilot(make_batch(), make_province(), slug="huzhou")


def latest(client: Client) -> str:
    return str(client.get(f"{ADDRESS}?cursor=latest").json()["next_cursor"])


def lines(client: Client, query: str = "cursor=first") -> list[Line]:
    found: list[Line] = client.get(f"{ADDRESS}?{query}").json()["results"]
    return found


class Since:
    """What is told of what happens after this was made."""

    def __init__(self, client: Client) -> None:
        self.client, self.cursor = client, latest(client)

    def lines(self) -> list[Line]:
        return lines(self.client, f"cursor={self.cursor}")

    def told(self) -> list[str]:
        """In short: what happened to which record, its key before in brackets."""
        return [short(line) for line in self.lines()]


def short(line: Line) -> str:
    was = f" (was {line['was']})" if line["was"] is not None else ""
    return f"{line['action']} {line['resource']}/{line['key']}{was}"


@pytest.fixture
def since(pilot: Pilot, client: Client) -> Since:
    return Since(client)


# -- what a line says --------------------------------------------------------------------------------------


def test_a_whole_line(pilot: Pilot, since: Since) -> None:
    with one_entry(pilot, created=False, reason="moved its office"):
        pilot.note = "new office"
        pilot.save()
    entry = pilot.history.latest()
    assert since.lines() == [
        {
            "action": "changed",
            "resource": "pilots",
            "key": "huzhou",
            "id": pilot.pk,
            "was": None,
            "of": None,
            "at": entry.history_date.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reason": "moved its office",
            "by": None,
            "url": "http://testserver/api/v1/pilots/huzhou/",
        }
    ]


def test_a_whole_line_of_what_belongs_to_a_pilot(pilot: Pilot, client: Client) -> None:
    indicator = make_indicator("AIR_A")
    since = Since(client)
    reading = make_reading(pilot, indicator, "2024", 90)
    (line,) = since.lines()
    del line["at"]
    assert line == {
        "action": "created",
        "resource": "readings",
        "key": str(reading.pk),
        "id": reading.pk,
        "was": None,
        "of": {"resource": "pilots", "key": "huzhou"},
        "reason": None,
        "by": None,
        "url": f"http://testserver/api/v1/readings/{reading.pk}/",
    }


def test_the_whole_answer(client: Client) -> None:
    make_source()
    first = client.get(f"{ADDRESS}?page_size=1").json()
    assert list(first) == ["next_cursor", "more", "results"]
    assert (first["more"], [short(line) for line in first["results"]]) == (False, [f"created sources/{sole(Source)}"])
    make_source()
    make_source()
    then = client.get(f"{ADDRESS}?page_size=1&cursor={first['next_cursor']}").json()
    assert (then["more"], len(then["results"])) == (True, 1)


def sole(model: Any) -> int:
    return int(model.objects.get().pk)


def test_a_name_is_told_to_those_who_see_it_in_histories(pilot: Pilot, client: Client) -> None:
    """As in the journals: staff who may view the kind of record."""
    names = ("wang", "viewer", "staff", "clerk")
    wang, viewer, staff, clerk = [User.objects.create_user(name, is_staff=name in {"staff", "clerk"}) for name in names]
    staff.user_permissions.add(Permission.objects.get(codename="view_pilot"))
    clerk.user_permissions.add(Permission.objects.get(codename="view_policy"))
    since = Since(client)
    pilot._history_user = wang  # type: ignore[attr-defined]
    pilot.save()
    seen = {"anonymous": [line["by"] for line in since.lines()]}
    for user in (viewer, staff, clerk):
        client.force_login(user)
        seen[user.username] = [line["by"] for line in since.lines()]
    assert seen == {"anonymous": [None], "viewer": [None], "staff": ["wang"], "clerk": [None]}


def test_what_the_product_wrote_is_told_in_the_readers_language(pilot: Pilot, since: Since) -> None:
    pilot._change_reason = "Demonstration data"
    pilot.save()
    assert [line["reason"] for line in since.lines()] == ["Demonstration data"]
    since.cursor += "&lang=zh-hans"
    assert [line["reason"] for line in since.lines()] == ["演示数据"]


def test_a_record_that_is_gone_keeps_its_key_and_has_no_address(pilot: Pilot, client: Client) -> None:
    reading = make_reading(pilot, make_indicator("AIR_A"), "2024", 90)
    number, since = reading.pk, Since(client)
    reading.save()
    reading.delete()
    told = [(short(line), line["of"], line["url"]) for line in since.lines()]
    of = {"resource": "pilots", "key": "huzhou"}
    assert told == [(f"changed readings/{number}", of, None), (f"deleted readings/{number}", of, None)]
    pilot.delete()
    told = [(short(line), line["of"], line["url"]) for line in since.lines()]
    assert told[1:] == [(f"deleted readings/{number}", of, None), ("deleted pilots/huzhou", None, None)]


def test_a_renamed_record_is_told_with_the_key_before(pilot: Pilot, since: Since) -> None:
    for slug in ("huzhou", "wuxing", "wuxing", "deqing"):
        pilot.slug = slug
        pilot.save()
    told = since.told()
    assert told == [
        "changed pilots/huzhou",
        "changed pilots/wuxing (was huzhou)",
        "changed pilots/wuxing",
        "changed pilots/deqing (was wuxing)",
    ]
    assert {line["url"] for line in since.lines()} == {"http://testserver/api/v1/pilots/deqing/"}


def test_a_renamed_indicator(client: Client) -> None:
    """Its code is what its address names."""
    indicator, since = make_indicator("AIR_A"), Since(client)
    indicator.code = "AIR_B"
    indicator.save()
    assert since.told() == ["changed indicators/AIR_B (was AIR_A)"]


def test_a_list_of_related_records_is_a_change_of_the_record(pilot: Pilot, client: Client) -> None:
    industry, since = make_industry(), Since(client)
    with one_entry(pilot, created=False):
        pilot.industries.set([industry])
        pilot.sources.set([])
    assert since.told() == ["changed pilots/huzhou"]


def test_steps_and_lights_are_told_of_what_they_belong_to(pilot: Pilot, client: Client) -> None:
    target, wang = make_target(pilot, make_indicator("AIR_A"), 100, 80), User.objects.create_user("wang")
    since = Since(client)
    step = TargetStep.objects.create(target=target, year=2024, value=90)
    step.delete()
    make_override(pilot, "red", wang)
    found = since.lines()
    assert [short(line) for line in found] == [f"changed targets/{target.pk}"] * 2 + ["changed pilots/huzhou"]
    assert [line["id"] for line in found] == [target.pk, target.pk, pilot.pk]
    assert [line["of"] for line in found] == [{"resource": "pilots", "key": "huzhou"}] * 2 + [None]


def test_a_target_that_goes_takes_its_steps_along(pilot: Pilot, client: Client) -> None:
    target = make_target(pilot, make_indicator("AIR_A"), 100, 80)
    TargetStep.objects.create(target=target, year=2024, value=90)
    number, since = target.pk, Since(client)
    delete_whole(target, reason="entered twice")
    told = since.lines()
    assert [short(line) for line in told] == [f"changed targets/{number}", f"deleted targets/{number}"]
    assert [(line["of"], line["url"]) for line in told] == [({"resource": "pilots", "key": "huzhou"}, None)] * 2
    end = Target.history.filter(history_type="-").latest()
    restore(end, opened=str(end.pk))
    assert since.told()[2:] == [f"created targets/{number}", f"changed targets/{number}"]
    assert {line["url"] for line in since.lines()[2:]} == {f"http://testserver/api/v1/targets/{number}/"}


def test_every_history_is_told_but_for_that_of_divisions(since: Since) -> None:
    Division.objects.create(code="C31", name_zh="黑色金属冶炼")
    assert since.told() == []
    told_by = {model for kind in KINDS for model, _way in kind.told_by()}
    assert set(every_kind().values()) - told_by == {Division}
    assert [kind.resource for kind in KINDS] == list(RESOURCES)


# -- who writes --------------------------------------------------------------------------------------------

READINGS = ["pilot", "indicator", "period", "value", "reported_on"]


def test_an_import_and_its_undoing_tell_each_record_once(pilot: Pilot, client: Client) -> None:
    make_indicator("AIR_A")
    since = Since(client)
    rows = [["huzhou", "AIR_A", f"2024-Q{quarter}", 100 + quarter, "2025-02-20"] for quarter in (1, 2, 3, 4)]
    record = imported("readings", READINGS, *rows)
    keys = [str(key) for key in Reading.objects.order_by("pk").values_list("pk", flat=True)]
    assert since.told() == [f"created readings/{key}" for key in keys]
    undone(record)
    assert since.told() == [f"{what} readings/{key}" for what in ("created", "deleted") for key in keys]
    assert {line["reason"] for line in since.lines()[4:]} == {f"Import {record.pk} undone"}


def test_an_import_that_renames_nothing_and_changes_steps(pilot: Pilot, client: Client) -> None:
    """Targets come with their steps, each of which is written by itself."""
    make_indicator("AIR_A")
    since = Since(client)
    heads = ["pilot", "indicator", "kind", "base_year", "base_value", "target_year", "target_value", "steps"]
    imported("targets", heads, ["huzhou", "AIR_A", "reach", 2023, 100, 2026, 60, "2024: 90; 2025: 75"])
    number = sole(Target)
    assert since.told() == [f"created targets/{number}", *[f"changed targets/{number}"] * 2]


def test_restoring_tells_the_record_once(pilot: Pilot, since: Since) -> None:
    pilot.slug = "wuxing"
    pilot.save()
    first, newest = pilot.history.earliest(), pilot.history.latest()
    restore(first, opened=str(newest.pk))
    assert since.told() == ["changed pilots/wuxing (was huzhou)", "changed pilots/huzhou (was wuxing)"]


def test_a_form_of_the_admin_tells_the_record_once(pilot: Pilot, admin_client: Client) -> None:
    since = Since(admin_client)
    address = reverse("admin:pilots_pilot_change", args=[pilot.pk])
    sent = filled(admin_client.get(address), slug="wuxing", change_reason="new name")
    assert admin_client.post(address, sent).status_code == 302
    told = since.lines()
    assert [(short(line), line["reason"], line["by"]) for line in told] == [
        ("changed pilots/wuxing (was huzhou)", "new name", "admin")
    ]


def test_many_records_of_a_demonstration_are_told_each(pilot: Pilot, client: Client) -> None:
    indicator, since = make_indicator("AIR_A"), Since(client)
    days = {"reported_on": date(2024, 2, 20), "state": "reported"}
    made = [Reading(pilot=pilot, indicator=indicator, period=str(year), value=1, **days) for year in (2022, 2023)]
    keep_all(made)
    assert since.told() == [f"created readings/{reading.pk}" for reading in made]


@committing
def test_a_line_shows_when_its_transaction_has_ended(
    pilot: Pilot, since: Since, django_assert_num_queries: Any
) -> None:
    with transaction.atomic():
        pilot.save()
        transaction.set_rollback(True)
    assert (since.told(), Change.objects.filter(model="pilots.pilot").count()) == ([], 1)
    with transaction.atomic():
        pilot.save()
    with django_assert_num_queries(3):
        assert since.told() == ["changed pilots/huzhou"]


@committing
def test_no_entry_without_its_line(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a transaction as well: an entry and its line are written together or not at all."""

    def failing(*_args: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("config.bulk.note", failing)
    with pytest.raises(RuntimeError):
        pilot.save()
    assert pilot.history.count() == Change.objects.filter(model="pilots.pilot").count() == 1


def test_entries_of_before_the_line_get_theirs_in_the_order_of_their_moments(pilot: Pilot, client: Client) -> None:
    """As a database that is older than the line is brought up to date; once is enough."""
    target = make_target(pilot, make_indicator("AIR_A"), 100, 80)
    TargetStep.objects.create(target=target, year=2024, value=90)
    pilot.save()
    told = lines(client)
    Change.objects.all().delete()
    for _ in range(2):
        import_module("config.migrations.0003_lines_of_before").note_entries(apps, None)
        assert lines(client) == told
    assert set(Change.objects.values_list("transaction", flat=True)) == {0}


# -- pages, filters, cursors -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 5, 6, 1000])
def test_pages_tell_each_line_once_in_order(client: Client, size: int) -> None:
    for n in range(3):
        make_source()
        Agency.objects.create(slug=f"agency-{n}", name_zh=f"部门{n}")
    whole = lines(client)
    seen: list[Line] = []
    cursor, more = "first", True
    while more:
        page = client.get(f"{ADDRESS}?cursor={cursor}&page_size={size}").json()
        cursor, more = page["next_cursor"], page["more"]
        assert len(page["results"]) == min(size, 6 - len(seen))
        seen += page["results"]
    assert seen == whole
    assert len(whole) == 6
    assert (cursor, lines(client, f"cursor={cursor}")) == (latest(client), [])


def test_lines_of_one_transaction_are_told_page_by_page(client: Client) -> None:
    """A cursor stands between two of them."""
    with transaction.atomic():
        sources = [make_source() for _ in range(5)]
    page = client.get(f"{ADDRESS}?page_size=2").json()
    rest = client.get(f"{ADDRESS}?page_size=3&cursor={page['next_cursor']}").json()
    found = [line["id"] for line in [*page["results"], *rest["results"]]]
    assert (found, page["more"], rest["more"]) == ([source.pk for source in sources], True, False)


def test_no_cursor_is_the_beginning_and_a_page_has_200(client: Client) -> None:
    keep_all([Agency(slug=f"agency-{n}", name_zh=f"部门{n}") for n in range(201)])
    page = client.get(ADDRESS).json()
    assert (len(page["results"]), page["more"]) == (200, True)
    assert page == client.get(f"{ADDRESS}?cursor=first").json()


def test_what_was_filtered_out_is_not_looked_at_again(pilot: Pilot, client: Client) -> None:
    """The cursor of a last page stands at the end, behind what the filter left out."""
    make_source()
    page = client.get(f"{ADDRESS}?resource=pilots").json()
    assert [short(line) for line in page["results"]] == ["created pilots/huzhou"]
    assert page["next_cursor"] == latest(client)


def test_a_resource_tells_its_parts_too(pilot: Pilot, since: Since) -> None:
    target, wang = make_target(pilot, make_indicator("AIR_A"), 100, 80), User.objects.create_user("wang")
    TargetStep.objects.create(target=target, year=2024, value=90)
    make_override(pilot, "red", wang)
    asked = {
        words: [short(x) for x in lines(since.client, f"cursor={since.cursor}&resource={words}")] for words in ASKED
    }
    number = target.pk
    assert asked == {
        "targets": [f"created targets/{number}", f"changed targets/{number}"],
        "pilots": ["changed pilots/huzhou"],
        "indicators,pilots": ["created indicators/AIR_A", "changed pilots/huzhou"],
        "readings": [],
    }
    of = [line["of"] for line in lines(since.client, f"cursor={since.cursor}&resource=targets")]
    assert of == [{"resource": "pilots", "key": "huzhou"}] * 2


ASKED = ("targets", "pilots", "indicators,pilots", "readings")
REFUSED = [
    ("cursor=last", "cursor", "invalid_cursor", "“latest”"),
    ("cursor=Yy4w", "cursor", "invalid_cursor", "“first”"),
    (f"cursor={write_cursor('r', 1)}", "cursor", "invalid_cursor", "“first”"),
    (f"cursor={write_cursor('c', 1)}", "cursor", "invalid_cursor", "“first”"),
    (f"cursor={write_cursor('c', 0, 0)}=", "cursor", "invalid_cursor", "“first”"),
    (f"cursor={write_cursor('c', 10**17, 0)}", "cursor", "cursor_ahead", "lists"),
    ("cursor=%00", "cursor", "invalid_cursor", "“first”"),
    ("cursor=ｙ", "cursor", "invalid_cursor", "“first”"),
    ("page_size=0", "page_size", "invalid_number", "1000"),
    ("page_size=1001", "page_size", "invalid_number", "1000"),
    ("page_size=1.5", "page_size", "invalid_number", "1000"),
    ("resource=pilot", "resource", "invalid_choice", "“pilots”"),
    ("resource=pilots,divisions", "resource", "invalid_choice", "Known: "),
    ("resource=,", "resource", "empty_value", ""),
    ("as_of=2024-01-30", "as_of", "unknown_parameter", "cursor"),
    ("format=csv", "format", "invalid_choice", "json"),
    ("ordering=at", "ordering", "unknown_parameter", "Known: "),
]


@pytest.mark.parametrize(("query", "pointer", "code", "told"), REFUSED)
def test_what_cannot_be_read_is_refused_with_a_remedy(
    client: Client, query: str, pointer: str, code: str, told: str
) -> None:
    response = client.get(f"{ADDRESS}?{query}")
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    (fault,) = json.loads(response.content)["errors"]
    assert (fault["pointer"], fault["code"], told in fault["message"]) == (pointer, code, True)


def test_nothing_to_tell(client: Client) -> None:
    page = client.get(ADDRESS).json()
    assert page == {"next_cursor": latest(client), "more": False, "results": []}


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("make", ["readings", "everything"])
def test_three_queries_whatever_stands_on_the_page(
    client: Client, django_assert_num_queries: Any, times: int, make: str
) -> None:
    world = World()
    since = Since(client)
    for _ in range(times):
        for name, kind in writing.KINDS.items():
            if make in {"everything", name}:
                kind.make(world, None if name == "provinces" else world.home)
    with django_assert_num_queries(3):  # the end of what can be read, the lines, their entries
        found = since.lines()
    told = {line["resource"] for line in found}
    assert told == (set(RESOURCES) if make == "everything" else {"indicators", "readings"})


def test_a_person_costs_the_same_whatever_stands_on_the_page(pilot: Pilot, admin_client: Client) -> None:
    def asked(cursor: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            lines(admin_client, f"cursor={cursor}")
        return len(queries)

    beginning, since = asked("first"), latest(admin_client)
    pilot.save()
    assert (beginning, asked(since)) == (5, 5)  # the session and the person as well


def test_an_entry_that_is_no_longer_kept_has_no_line(pilot: Pilot, since: Since) -> None:
    pilot.save()
    pilot.save()
    pilot.history.earliest().delete()
    newest = pilot.history.latest()
    newest.delete()
    assert since.told() == ["changed pilots/huzhou"]


# -- the order in which transactions end ------------------------------------------------------------------

WRITE = """
import django, sys; django.setup()
from django.db import transaction
from policies.models import Agency
with transaction.atomic():
    Agency.objects.create(slug=sys.argv[1], name_zh=sys.argv[1])
    print("written", flush=True)
    if len(sys.argv) > 2:
        sys.stdin.readline()
print("committed", flush=True)
"""
READ = """
import django, sys; django.setup()
from django.test import Client
client = Client(headers={"host": "localhost"})
for line in sys.stdin:
    print(client.get(f"/api/v1/changes/?resource=agencies&cursor={line.strip()}").content.decode(), flush=True)
"""


class Child:
    """A process of its own, with a connection of its own."""

    def __init__(self, product: Served, *words: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603  # our own code
            [sys.executable, "-c", *words],
            cwd=settings.BASE_DIR,
            env=product.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hears(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def say(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def ends(self) -> tuple[str, int]:
        out, _errors = self.process.communicate(timeout=60)
        return out.strip(), self.process.returncode


def test_what_was_written_first_and_ends_last_is_not_passed_over(product: Served) -> None:
    """A client that reads between the two ends gets both. On SQLite the second waits for the first."""
    reader, early = Child(product, READ), Child(product, WRITE, "early", "slow")

    def read(cursor: str) -> dict[str, Any]:
        reader.say(cursor)
        answer: dict[str, Any] = json.loads(reader.hears())
        return answer

    start = read("latest")
    assert early.hears() == "written"
    late = Child(product, WRITE, "late")
    if connection.vendor == "postgresql":
        assert late.ends() == ("written\ncommitted", 0)
    between = read(start["next_cursor"])
    early.say("go on")
    assert early.ends() == ("committed", 0)
    if connection.vendor == "sqlite":
        assert late.ends() == ("written\ncommitted", 0)
    after = read(between["next_cursor"])
    told = [[short(line) for line in page["results"]] for page in (start, between, after)]
    assert told == [[], [], ["created agencies/early", "created agencies/late"]]
    assert reader.ends() == ("", 0)


@committing
def test_a_transaction_in_another_database_holds_nothing_up(client: Client) -> None:
    """A server counts the transactions of all its databases as one."""
    with ExitStack() as stack:
        if connection.vendor == "postgresql":
            cursor = stack.enter_context(server().cursor())
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_current_xact_id()")
            stack.callback(cursor.execute, "ROLLBACK")
        made = [make_source() for _ in range(2)]
        assert [line["id"] for line in lines(client)] == [source.pk for source in made]


def test_a_cursor_goes_on_where_it_stood_though_the_end_moved_back(client: Client, monkeypatch: Any) -> None:
    """What cannot be read for a moment holds nobody up, and nothing is told twice."""
    make_source()
    settled, reached = changes.ends()
    monkeypatch.setattr("config.api.ends", lambda: (Place(0, 0), reached))
    cursor = write_cursor("c", settled.transaction, settled.line)
    assert client.get(f"{ADDRESS}?cursor={cursor}").json() == {"next_cursor": cursor, "more": False, "results": []}


@committing
def test_lines_of_another_server_stand_first(client: Client) -> None:
    """A copy of a database brings lines with numbers that this server may only reach in years."""
    sources = [make_source() for _ in range(3)]
    newest = Change.objects.latest("pk")
    Change.objects.exclude(pk=newest.pk).update(transaction=10**15)
    settle()
    assert [line["id"] for line in lines(client)] == [source.pk for source in sources]
    assert list(Change.objects.order_by("pk").values_list("transaction", flat=True)) == [0, 0, newest.transaction]


# -- a client that keeps a copy -----------------------------------------------------------------------------

COMPUTED = {"pilots": {"stage", "days_in_stage", "light"}, "batches": {"kinds"}}
Key = tuple[str, str]


class Copy:
    """A copy of all records: the lists once, then the line of changes. Related records are kept by their keys."""

    def __init__(self, client: Client) -> None:
        self.client, self.cursor = client, latest(client)
        self.records: dict[Key, Any] = {}
        for resource in RESOURCES:
            address = f"/api/v1/{resource}/?cursor=first&page_size=7"
            while address:
                page = client.get(address).json()
                for row in page["results"]:
                    self.records[place(row["url"])] = facts(resource, row)
                address = page["next"]

    def follow(self) -> None:
        more = True
        while more:
            page = self.client.get(f"{ADDRESS}?cursor={self.cursor}&page_size=7").json()
            for line in page["results"]:
                self.take(line)
            self.cursor, more = page["next_cursor"], page["more"]

    def take(self, line: Line) -> None:
        key = line["resource"], line["key"]
        if line["was"] is not None:
            old = line["resource"], line["was"]
            self.records.pop(old, None)
            self.records = {name: renamed(row, old, key) for name, row in self.records.items()}
        response = self.client.get(line["url"]) if line["url"] else None
        if response is None or response.status_code == 404:
            self.records.pop(key, None)
        else:
            self.records[key] = facts(line["resource"], response.json())


def place(address: str) -> Key:
    """The resource and the key that an address of a record names."""
    resource, key = urlsplit(address).path.removeprefix("/api/v1/").strip("/").split("/")
    return resource, key


def facts(resource: str, row: dict[str, Any]) -> dict[str, Any]:
    """A record without what is computed from others, related records by their keys."""
    left_out = {*COMPUTED.get(resource, ()), "url", "page"}
    return {name: by_key(value) for name, value in row.items() if name not in left_out}


def by_key(value: Any) -> Any:
    if isinstance(value, dict) and "url" in value:
        return place(value["url"])
    return [by_key(item) for item in value] if isinstance(value, list) else value


def renamed(value: Any, old: Key, new: Key) -> Any:
    """What is kept, with a related record under its new key."""
    if isinstance(value, dict):
        return {name: renamed(item, old, new) for name, item in value.items()}
    if isinstance(value, list):
        return [renamed(item, old, new) for item in value]
    return new if value == old else value


class Editors:
    """Everything that people and programs do to records, by chance."""

    def __init__(self, seed: int) -> None:
        self.dice, self.world, self.admin = random.Random(seed), World(), Client()  # noqa: S311  # a dice, no secret
        self.admin.force_login(self.world.admin, backend="django.contrib.auth.backends.ModelBackend")
        self.program = writer(self.world.admin)
        self.imports: list[Any] = []
        self.deleted: list[Any] = []
        for kind in writing.KINDS.values():
            kind.make(self.world, self.world.home)

    def act(self) -> None:
        acts: list[Callable[[], None]] = [
            *(self.create, self.change, self.change, self.rename, self.cite, self.delete, self.bring_back),
            *(self.bring_in, self.take_out, self.fill_in, self.send, self.step, self.set_light),
        ]
        self.dice.choice(acts)()

    def any(self, models: list[Any]) -> Any:
        found = [record for model in models for record in model.objects.order_by("pk")]
        return self.dice.choice(found) if found else None

    @property
    def models(self) -> list[Any]:
        return [kind.model for kind in KINDS]

    def create(self) -> None:
        kind = self.dice.choice(list(writing.KINDS.values()))
        kind.make(self.world, self.dice.choice([self.world.home, self.world.away]))

    def change(self) -> None:
        record = self.any(self.models)
        with one_entry(record, created=False, reason="seen"):
            record.note = f"note {self.world.next()}"
            record.save()

    def rename(self) -> None:
        record = self.any([model for model in self.models if issubclass(model, Slugged)])
        record.slug = f"renamed-{self.world.next()}"
        record.save()

    def cite(self) -> None:
        record, sources = self.any([model for model in self.models if issubclass(model, Sourced)]), Source.objects.all()
        with one_entry(record, created=False):
            record.sources.set(self.dice.sample(list(sources), k=self.dice.randint(0, sources.count())))

    def delete(self) -> None:
        names = {"readings", "milestones", "stages", "targets", "figures", "measures", "plans"}
        record = self.any([kind.model for kind in KINDS if kind.resource in names])
        if record is not None:
            history = record.history
            number = record.pk
            delete_whole(record)
            self.deleted.append(history.model.objects.filter(id=number).latest())

    def bring_back(self) -> None:
        if self.deleted:
            end = self.deleted.pop()
            restore(end, opened=str(end.pk))

    def bring_in(self) -> None:
        pilot, code = self.any([Pilot]), make_indicator(f"BROUGHT_{self.world.next()}").code
        rows = [[pilot.slug, code, str(year), year, f"{year + 1}-02-20"] for year in range(2018, 2024)]
        self.imports.append(imported("readings", READINGS, *rows))

    def take_out(self) -> None:
        if self.imports:
            record = self.imports.pop()
            numbers = record.changes.values_list("record_id", flat=True)
            if Reading.history.filter(id__in=numbers).count() == len(numbers):  # else somebody changed one since
                undone(record)

    def fill_in(self) -> None:
        agency = Agency.objects.first() or Agency.objects.create(slug="agency", name_zh="部门")
        address = reverse("admin:policies_agency_change", args=[agency.pk])
        changed = {"slug": f"filled-{self.world.next()}", "note": "seen"}
        assert self.admin.post(address, filled(self.admin.get(address), **changed)).status_code == 302

    def send(self) -> None:
        name = self.dice.choice(["measures", "plans", "targets", "readings"])
        body = writing.KINDS[name].body(self.world, self.world.home)
        assert self.program.send("POST", f"/api/v1/{name}/", body).status_code == 201

    def step(self) -> None:
        target = self.any([Target])
        if target is not None:
            TargetStep.objects.filter(target=target, year=2025).delete()
            if self.dice.random() < 0.7:
                TargetStep.objects.create(target=target, year=2025, value=90)

    def set_light(self) -> None:
        make_override(self.any([Pilot]), "yellow", self.world.admin)


@committing
@pytest.mark.parametrize("seed", [1, 2])
def test_a_copy_stays_equal_whatever_happens(client: Client, seed: int) -> None:
    editors = Editors(seed)
    copy = Copy(client)
    begun = dict(copy.records)
    for _ in range(80):
        editors.act()
        if editors.dice.random() < 0.1:
            copy.follow()
    copy.follow()
    fresh = Copy(client)
    assert copy.records == fresh.records
    assert (len(begun) > 15, begun == fresh.records) == (True, False)


# -- the loop that the documentation prints -----------------------------------------------------------------


def printed_loop() -> str:
    text = (settings.BASE_DIR / "docs" / "api.md").read_text(encoding="utf-8")
    return text.partition("## Mirroring")[2].partition("```python\n")[2].partition("```")[0]


def test_the_loop_in_the_documentation_keeps_a_copy_level(
    pilot: Pilot, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sent(_session: Any, address: str, params: dict[str, Any]) -> requests.Response:
        found, answer = client.get(address, params or None, headers={"host": "localhost"}), requests.Response()
        answer.status_code, answer._content = found.status_code, found.content
        return answer

    monkeypatch.setattr(requests.Session, "get", sent)
    loop: dict[str, Any] = {}
    exec(printed_loop(), loop)  # noqa: S102  # our own documentation
    reading = make_reading(pilot, make_indicator("AIR_A"), "2024", 90)
    number = str(reading.pk)
    cursor = loop["load"](["pilots", "readings"])
    assert set(loop["copy"]) == {("pilots", "huzhou"), ("readings", number)}
    pilot.slug = "wuxing"
    pilot.save()
    target = make_target(pilot, reading.indicator, 100, 80)
    reading.delete()
    cursor = loop["follow"](cursor)
    assert set(loop["copy"]) == {("pilots", "wuxing"), ("targets", str(target.pk))}
    assert (
        loop["copy"]["pilots", "wuxing"] == client.get("/api/v1/pilots/wuxing/", headers={"host": "localhost"}).json()
    )
    assert loop["follow"](cursor) == cursor
