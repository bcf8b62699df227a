"""Change feed: every history entry once, in an order in which clients miss nothing.

Events appear when their transaction ends. Most tests are about the content of an event and read inside a transaction
that is rolled back. Tests about the time of appearance commit.
"""

import json
from contextlib import ExitStack
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client

from config.api_urls import FEED, RESOURCES
from core.api.pagination import encode_cursor
from core.history.change_feed import FeedPosition, reset_foreign_transactions
from core.history.models import ChangeEvent
from dashboard.analytics.change_log import history_models
from dashboard.models import Edition
from pilots.models import Milestone, Pilot
from policies.models import Agency, Province
from tests import factories as make
from tests.support import api_client
from tests.support.databases import server_connection
from tests.support.live_server import ServedProject, start_process

pytestmark = pytest.mark.django_db
with_commits = pytest.mark.django_db(transaction=True)
ADDRESS = "/api/v1/changes/"
Line = dict[str, Any]


@pytest.fixture(autouse=True)
def _empty_tables(request: pytest.FixtureRequest, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty the tables. In tests that do not commit, the feed includes the test's own transaction."""
    marker = request.node.get_closest_marker("django_db")
    if not marker.kwargs.get("transaction"):
        api_client.empty_tables()
        monkeypatch.setattr("core.api.views.feed_bounds", feed_ends_in_transaction)
    elif Province.objects.exists():  # the first of these tests still has the seed records
        call_command("flush", interactive=False, verbosity=0)


def feed_ends_in_transaction() -> tuple[FeedPosition, FeedPosition]:
    """Return the ends of the feed, including the test's own transaction."""
    last = ChangeEvent.objects.order_by("transaction", "pk").last()
    end = FeedPosition(last.transaction, last.pk) if last else FeedPosition(0, 0)
    return end, end


@pytest.fixture
def pilot() -> Pilot:
    return make.pilot(make.batch(), make.province(), slug="huzhou")


def latest_cursor(client: Client) -> str:
    return str(client.get(f"{ADDRESS}?cursor=latest").json()["next_cursor"])


def feed_lines(client: Client, query: str = "cursor=first") -> list[Line]:
    found: list[Line] = client.get(f"{ADDRESS}?{query}").json()["results"]
    return found


class FeedReader:
    """Reader of the events since its creation."""

    def __init__(self, client: Client) -> None:
        self.client, self.cursor = client, latest_cursor(client)

    def lines(self) -> list[Line]:
        return feed_lines(self.client, f"cursor={self.cursor}")

    def short_lines(self) -> list[str]:
        """Return events in short: action, record, and its former key in brackets."""
        return [short_line(line) for line in self.lines()]


def short_line(line: Line) -> str:
    was = f" (was {line['was']})" if line["was"] is not None else ""
    return f"{line['action']} {line['resource']}/{line['key']}{was}"


@pytest.fixture
def feed(pilot: Pilot, client: Client) -> FeedReader:
    return FeedReader(client)


# -- what a line says --------------------------------------------------------------------------------------


def test_a_whole_event(pilot: Pilot, feed: FeedReader) -> None:
    pilot.note, pilot._change_reason = "new office", "moved its office"  # type: ignore[attr-defined]
    pilot.save()
    entry = pilot.history.latest()
    assert feed.lines() == [
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


def test_a_record_that_is_gone_keeps_its_key_and_has_no_address(pilot: Pilot, client: Client) -> None:
    reading = make.reading(pilot, make.indicator("AIR_A"), "2024", 90)
    number, feed = reading.pk, FeedReader(client)
    reading.save()
    reading.delete()
    told = [(short_line(line), line["of"], line["url"]) for line in feed.lines()]
    of = {"resource": "pilots", "key": "huzhou"}
    assert told == [(f"changed readings/{number}", of, None), (f"deleted readings/{number}", of, None)]
    pilot.delete()
    told = [(short_line(line), line["of"], line["url"]) for line in feed.lines()]
    assert told[1:] == [(f"deleted readings/{number}", of, None), ("deleted pilots/huzhou", None, None)]


def test_a_renamed_record_has_its_former_key(pilot: Pilot, feed: FeedReader) -> None:
    for slug in ("huzhou", "wuxing", "wuxing", "deqing"):
        pilot.slug = slug
        pilot.save()
    told = feed.short_lines()
    assert told == [
        "changed pilots/huzhou",
        "changed pilots/wuxing (was huzhou)",
        "changed pilots/wuxing",
        "changed pilots/deqing (was wuxing)",
    ]
    assert {line["url"] for line in feed.lines()} == {"http://testserver/api/v1/pilots/deqing/"}


def test_every_history_is_in_the_feed_but_for_those_of_editions(feed: FeedReader) -> None:
    """An edition has no news: it is drafted by editors and never changes once others can read it."""
    assert feed.short_lines() == []
    models: list[Any] = list(history_models().values())
    told = [model for model in models if model._meta.label_lower in FEED.names]
    parts = [model for model in models if model.OWNER and model._meta.get_field(model.OWNER).related_model in told]
    assert set(models) - {*told, *parts} == {Edition}
    assert list(FEED.names.values()) == [name for name in RESOURCES if name != "editions"]


@pytest.mark.database
def test_a_change_belongs_to_the_province_in_which_its_pilot_lay_then() -> None:
    before, after = make.province(), make.province()
    pilot = make.pilot(make.batch(), before)
    milestone = make.milestone(pilot, date(2025, 5, 1))
    pilot.province = after
    pilot.save()
    milestone.save()
    rows = ChangeEvent.objects.filter(model=Milestone._meta.label_lower, record_id=milestone.pk).order_by("pk")
    assert [row.province_id for row in rows] == [before.pk, after.pk]
    assert {(row.owner_model, row.owner_id) for row in rows} == {("pilots.pilot", pilot.pk)}


# -- pages, filters, cursors -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 5])
def test_pages_tell_each_line_once_in_order(client: Client, size: int) -> None:
    for n in range(3):
        make.source()
        Agency.objects.create(slug=f"agency-{n}", name_zh=f"部门{n}")
    whole = feed_lines(client)
    seen: list[Line] = []
    cursor, more, pages = "first", True, 0
    while more:
        pages += 1
        page = client.get(f"{ADDRESS}?cursor={cursor}&page_size={size}").json()
        cursor, more = page["next_cursor"], page["more"]
        assert len(page["results"]) == min(size, 6 - len(seen))
        seen += page["results"]
    assert seen == whole
    assert (len(whole), pages) == (6, -(-6 // size))
    assert (cursor, feed_lines(client, f"cursor={cursor}")) == (latest_cursor(client), [])


def test_what_was_filtered_out_is_not_looked_at_again(pilot: Pilot, client: Client) -> None:
    """The cursor of the last page is at the end, after events that the filter excluded."""
    make.source()
    page = client.get(f"{ADDRESS}?resource=pilots").json()
    assert [short_line(line) for line in page["results"]] == ["created pilots/huzhou"]
    assert page["next_cursor"] == latest_cursor(client)


def test_a_resource_tells_its_parts_too(pilot: Pilot, feed: FeedReader) -> None:
    target, wang = make.target(pilot, make.indicator("AIR_A"), 100, 80), User.objects.create_user("wang")
    make.add_step(target, 2024, 90)
    make.override(pilot, "red", wang)
    asked = {
        words: [short_line(x) for x in feed_lines(feed.client, f"cursor={feed.cursor}&resource={words}")]
        for words in ASKED
    }
    number = target.pk
    assert asked == {
        "targets": [f"created targets/{number}", f"changed targets/{number}"],
        "pilots": ["changed pilots/huzhou"],
        "indicators,pilots": ["created indicators/AIR_A", "changed pilots/huzhou"],
        "readings": [],
    }
    of = [line["of"] for line in feed_lines(feed.client, f"cursor={feed.cursor}&resource=targets")]
    assert of == [{"resource": "pilots", "key": "huzhou"}] * 2


ASKED = ("targets", "pilots", "indicators,pilots", "readings")
REFUSED = [
    ("cursor=last", "cursor", "invalid_cursor", "“latest”"),
    (f"cursor={encode_cursor('c', 1)}", "cursor", "invalid_cursor", "“first”"),
    (f"cursor={encode_cursor('c', 10**17, 0)}", "cursor", "cursor_ahead", "lists"),
    ("resource=pilot", "resource", "invalid_choice", "“pilots”"),
    ("resource=pilots,editions", "resource", "invalid_choice", "There is no “editions” here."),
    ("as_of=2024-01-30", "as_of", "unknown_parameter", "cursor"),
]


@pytest.mark.parametrize(("query", "pointer", "code", "told"), REFUSED)
def test_what_cannot_be_read_is_rejected_with_a_remedy(
    client: Client, query: str, pointer: str, code: str, told: str
) -> None:
    response = client.get(f"{ADDRESS}?{query}")
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    (fault,) = json.loads(response.content)["errors"]
    assert (fault["pointer"], fault["code"], told in fault["message"]) == (pointer, code, True)


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


@pytest.mark.process
@pytest.mark.database
def test_what_was_written_first_and_ends_last_is_not_passed_over(product: ServedProject) -> None:
    """A client that reads between the two ends gets both. On SQLite the second waits for the first."""
    reader = product.client()

    def read(cursor: str) -> dict[str, Any]:
        answer: dict[str, Any] = reader.send("GET", f"changes/?resource=agencies&cursor={cursor}").json()
        return answer

    def start_writer(*words: str) -> Any:
        return start_process(product.environment, "-c", WRITE, *words)

    start, early = read("latest"), start_writer("early", "slow")
    assert early.stdout.readline() == "written\n"
    late = start_writer("late")
    if connection.vendor == "postgresql":
        assert late.communicate(timeout=300)[0] == "written\ncommitted\n"
    between = read(start["next_cursor"])
    assert early.communicate("go on\n", timeout=300)[0] == "committed\n"
    if connection.vendor == "sqlite":
        assert late.communicate(timeout=300)[0] == "written\ncommitted\n"
    after = read(between["next_cursor"])
    told = [[short_line(line) for line in page["results"]] for page in (start, between, after)]
    assert told == [[], [], ["created agencies/early", "created agencies/late"]]


@with_commits
def test_a_transaction_in_another_database_holds_nothing_up(client: Client) -> None:
    """A server counts the transactions of all its databases as one."""
    with ExitStack() as stack:
        if connection.vendor == "postgresql":
            cursor = stack.enter_context(server_connection().cursor())
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_current_xact_id()")
            stack.callback(cursor.execute, "ROLLBACK")
        made = [make.source() for _ in range(2)]
        assert [line["id"] for line in feed_lines(client)] == [source.pk for source in made]


@with_commits
def test_events_of_another_server_stand_first(client: Client) -> None:
    """A copy of a database brings lines with numbers that this server may only reach in years."""
    sources = [make.source() for _ in range(3)]
    newest = ChangeEvent.objects.latest("pk")
    ChangeEvent.objects.exclude(pk=newest.pk).update(transaction=10**15)
    reset_foreign_transactions()
    assert [line["id"] for line in feed_lines(client)] == [source.pk for source in sources]
    assert list(ChangeEvent.objects.order_by("pk").values_list("transaction", flat=True)) == [0, 0, newest.transaction]
