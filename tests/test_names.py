"""Names of users never appear outside the viewer's scope: every page, file, feed and admin view is crawled as each
identity.

Three users are authors of everything on their side: `away-signer` of the records of another province, `shared-signer`
of records without one, `home-signer` of those of the editor's own. The crawl starts at every URL pattern and follows
links to files, histories and versions, so that a new URL is covered without a change here.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from html import unescape
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit
from zipfile import ZipFile, is_zipfile

import pytest
from django.contrib.auth.models import User
from django.db.models import Model
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve, reverse

from accounts.models import TokenKind, create_token
from core.imports.importer import KINDS
from dashboard.analytics.change_log import history_models
from pilots.metrics import Move
from pilots.models import Attachment, Document, LightOverride
from tests import factories as make
from tests.core.history.test_change_feed import feed_ends_in_transaction
from tests.support.api_client import RESOURCE_KINDS, ApiClient, World, client_with_token, world_in_empty_tables
from tests.test_authz import MODELS

pytestmark = [pytest.mark.django_db, pytest.mark.exhaustive]
SIGNERS = ("away-signer", "shared-signer", "home-signer")
FOLLOWED_PARAMETERS = {"export", "entry", "cursor", "page", "p", "before", "after"}
"""Parameters of links that show something else of the same records. Filters, sorting and languages show no more."""
MAX_PER_SHAPE = 2
EXCLUDED_PREFIXES = (
    "/static/",
    "/sign-out/",
    "/admin/logout/",
    "/api/docs/",
    "/api/schema/",
)  # no record in them


CALENDARS = tuple(f"/{page}/?export=ics" for page in ("pilots", "actions", "desk"))
"""Calendars, whose links name the language as well."""

WITHOUT_ADMIN = {"attachment", "followupstep"}
"""Models without pages of their own in the admin."""


class SignedWorld(World):
    """World with a record of each kind on each side, each with two entries, and one deleted record."""

    def __init__(self) -> None:
        super().__init__()
        self.signers = {name: User.objects.create_superuser(name) for name in SIGNERS}
        self.records: list[Any] = []
        for side, place in (("away", self.away), ("home", self.home), ("shared", None)):
            for resource, kind in RESOURCE_KINDS.items():
                if resource == "provinces" and place is None:
                    continue
                if place is None and MODELS[resource].PROVINCE_PATH not in {"", "province_id"}:
                    continue  # of a pilot, which lies in a province
                if place is None and resource in {"plans", "pilots", "adoptions", "attachments"}:
                    continue
                if place is not None and not MODELS[resource].PROVINCE_PATH:
                    continue
                self.add(kind.make(self, place), side)
        for side, place in (("away", self.away), ("home", self.home)):
            self.add(self.pilots[place.pk], side)
            target = make.target(self.pilot(place), self.more_indicator(), 100, 80)
            self.add(make.add_step(target, 2025, 90), side)
            self.add(make.override(self.pilot(place), "red", self.signers[f"{side}-signer"]), side)
            self.add_acts(place, side)
            moved = make.plan(self.more_policy(), self.away)
            self.sign(moved, "away")
            moved.province = place
            self.sign(moved, side)
            self.records.append(moved)
            self.moved = moved
        shared, away = self.signers["shared-signer"], self.signers["away-signer"]
        self.records.append(make.edition("2025-Q4", made_by=shared, submitted_by=shared, approved_by=away))

    def add_acts(self, place: Any, side: str) -> None:
        """Add records that name people themselves: in fields, in a step, and in entries of what those fields were."""
        signer, pilot = self.signers[f"{side}-signer"], self.pilot(place)
        follow_up = make.follow_up(pilot, owner_person=f"{side}-signer", verifier=signer)
        self.add(follow_up, side)
        self.records.append(make.step(follow_up, Move.SIGN, follow_up.opened_on, author=signer))
        follow_up.owner_person, follow_up.owner_user, follow_up.verifier = "", signer, None
        self.sign(follow_up, side)
        milestone = make.milestone(pilot, follow_up.opened_on)
        practice = make.practice(pilot, province=place)
        self.add(practice, side)
        self.add(make.adoption(practice, province=place, claimed_by=signer, verified_by=signer), side)
        self.add(make.effect(practice, province=place), side)
        document = make.document(province=place, uploaded_by=signer, is_public=True)
        self.add(document, side)
        self.add(Attachment.objects.create(document=document, milestone=milestone, attached_by=signer), side)
        sealed = make.document(province=place, title=f"sealed-{side}", doc_number=f"sealed-{side}")
        self.add(sealed, side)
        self.add(Attachment.objects.create(document=sealed, milestone=milestone, province=place), side)
        self.add_deleted_document(sealed, side)

    def add_deleted_document(self, sealed: Any, side: str) -> None:
        """Add the history of a document that nobody but its province and the ministry could read."""
        twin = make.document(province=sealed.province, title=f"sealed-{side}")
        self.sign(twin, side)
        twin.delete()

    def add(self, record: Any, side: str) -> None:
        self.sign(record, side)
        self.records.append(record)
        twin = type(record).objects.get(pk=record.pk)
        if isinstance(record, LightOverride):  # one that can go without taking anything along
            twin.pk = None
            twin._history_user = self.signers[f"{side}-signer"]
            twin.save()
            twin.delete()

    def home_record(self, kind: str) -> Any:
        """Return the last record of the editor’s province, by the name of its model: one that names people."""
        found = (record for record in reversed(self.records) if record._meta.model_name == kind)
        return next(record for record in found if record.province == self.home)

    def sign(self, record: Any, side: str) -> None:
        record._history_user = self.signers[f"{side}-signer"]
        record._change_reason = f"Signed on the side {side}"
        record.note_en = "Signed"
        record.save()


@pytest.fixture(autouse=True)
def _readable_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the change feed include the test's own transaction."""
    monkeypatch.setattr("core.api.views.feed_bounds", feed_ends_in_transaction)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[SignedWorld]:
    with world_in_empty_tables(SignedWorld, django_db_blocker) as made:
        yield made


# -- every address -----------------------------------------------------------------------------------------


def route_patterns(resolver: Any, before: str = "") -> Iterator[str]:
    for item in resolver.url_patterns:
        route = before + str(item.pattern)
        if isinstance(item, URLResolver):
            yield from route_patterns(item, route)
        elif isinstance(item, URLPattern):
            yield route


def readable_addresses(world: SignedWorld) -> Iterator[str]:
    """Yield every readable URL, with all records that fit its parameters."""
    for route in route_patterns(get_resolver()):
        if "(?" not in route and "<" not in route:
            yield "/" + route.replace("^", "").replace("$", "").replace("\\", "")
    for record in world.records:
        yield from pages_of(record)
    yield "/api/v1/changes/?cursor=first&page_size=200"
    yield from CALENDARS
    for name in ("csv", "xlsx", "json"):
        yield from (f"/api/v1/{resource}/?format={name}" for resource in RESOURCE_KINDS)
    yield f"/api/v1/rollout/?policy={world.policy.slug}"
    yield f"/api/v1/trend/?indicator={world.indicator.code}"
    for kind in KINDS:
        yield from (f"/admin/import/{kind}/export.{form}" for form in ("csv", "xlsx"))
        yield f"/admin/import/{kind}/template/"


def pages_of(record: Model) -> Iterator[str]:
    """Yield the pages of one record: public, API, admin, and each version."""
    meta: Any = record._meta
    if hasattr(record, "get_absolute_url"):
        yield record.get_absolute_url()
    for resource, model in MODELS.items():
        if type(record) is model:
            yield f"/api/v1/{resource}/{getattr(record, RESOURCE_KINDS[resource].key)}/"
    if meta.model_name in WITHOUT_ADMIN:
        return
    base = f"admin:{meta.app_label}_{meta.model_name}"
    yield from (reverse(f"{base}_{page}", args=[record.pk]) for page in ("change", "history", "delete"))
    entries: Any = record.history  # type: ignore[attr-defined]
    yield from (reverse(f"{base}_simple_history", args=[record.pk, entry.pk]) for entry in entries.all())


def page_links(address: str, page: str) -> Iterator[str]:
    """Yield the links of a page to files, versions and further pages."""
    for found in re.findall(r'href="([^"]+)"', page):
        url = urlsplit(urljoin(address, unescape(found)))
        words = {name for name, _value in parse_qsl(url.query, keep_blank_values=True)}
        files = [value for name, value in parse_qsl(url.query) if name == "export"]
        if (
            url.netloc in {"", "testserver"}
            and words <= FOLLOWED_PARAMETERS
            and not any(file.endswith(".csv") for file in files)
        ):
            yield from (f"{url.path}?{part}" for part in url.query.split("&") if part and part != "page=1")


def crawl(program: ApiClient, begin: Iterable[str]) -> dict[str, str]:
    """Return the texts of these URLs and of all that they link to, by URL."""
    asked: dict[str, str] = {}
    waiting, followed = list(begin), Counter[str]()
    while waiting:
        address = waiting.pop()
        if address in asked or address.startswith(EXCLUDED_PREFIXES):
            continue
        answer = program.send("GET", address)
        assert answer.status_code < 500, (address, answer.status_code)
        asked[address] = text = response_text(answer)
        if answer.get("Content-Type", "").startswith("text/html"):
            waiting += [link for link in page_links(address, text) if is_among_first(link, followed)]
    return asked


def response_text(answer: Any) -> str:
    """Return a response as text; a workbook unzipped."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if is_zipfile(BytesIO(content)):
        with ZipFile(BytesIO(content)) as book:
            content = b"".join(book.read(name) for name in book.namelist())
    return str(content.decode(errors="replace"))


def is_among_first(link: str, followed: Counter[str]) -> bool:
    """Return whether a link is among the first of its shape (URLs that differ only in the record)."""
    url = urlsplit(link)
    with suppress(Resolver404):
        shape = f"{resolve(url.path).route} {re.sub('[0-9]+', '', url.query)}"
        followed[shape] += 1
        return followed[shape] <= MAX_PER_SHAPE
    return True


def addresses_naming(asked: dict[str, str], name: str) -> list[str]:
    return sorted(address for address, text in asked.items() if name in text)


# -- who reads what ----------------------------------------------------------------------------------------


def test_a_provincial_editor_meets_no_name_outside_the_province(world: SignedWorld) -> None:
    asked = crawl(ApiClient(session=world.editor), readable_addresses(world))
    assert addresses_naming(asked, "away-signer") == []
    assert addresses_naming(asked, "shared-signer") == []
    assert addresses_naming(asked, "sealed-away") == []
    assert "/admin/changes/" in addresses_naming(asked, "sealed-home")
    own = addresses_naming(asked, "home-signer")
    home = world.pilot(world.home)
    wanted = [
        *("/admin/changes/", "/admin/changes/?export=changes.xlsx"),
        *(
            reverse(f"admin:pilots_{kind}_change", args=[world.home_record(kind).pk])
            for kind in ("followup", "adoption")
        ),
        *(home.get_absolute_url(), f"{home.get_absolute_url()}?export=history.xlsx"),
        *(reverse("admin:pilots_pilot_history", args=[home.pk]), reverse("admin:pilots_lightoverride_deleted")),
        "/api/v1/changes/?cursor=first&page_size=200",
    ]
    assert [address for address in wanted if address not in own] == []
    kinds = set(history_models()) - WITHOUT_ADMIN
    versions = [address for address in asked if "/history/" in address]
    assert {name for name in kinds if any(f"/{name}/" in address for address in versions)} == kinds


def test_a_token_of_the_editor_meets_none_on_any_page_of_the_feed(world: SignedWorld) -> None:
    """The change feed page by page, and every list and record of the API in each format."""
    program, told, address = client_with_token(world.editor), [], "/api/v1/changes/?cursor=first&page_size=7"
    pages = 0
    while address:
        page = program.send("GET", address).json()
        told += page["results"]
        pages += 1
        address = f"/api/v1/changes/?cursor={page['next_cursor']}&page_size=7" if page["more"] else ""
    assert pages > 10
    assert {line["by"] for line in told} == {None, "home-signer"}
    own = {(line["resource"], line["id"]) for line in told if line["by"]}
    of_no_province = {"agencies", "sources", "measures", "industries", "indicators", "deadlines"}
    assert {resource for resource, _key in own} == RESOURCE_KINDS.keys() - of_no_province
    asked = crawl(program, [address for address in readable_addresses(world) if address.startswith("/api/v1/")])
    assert addresses_naming(asked, "away-signer") == addresses_naming(asked, "shared-signer") == []


def test_a_secret_address_names_nobody(world: SignedWorld) -> None:
    program, found = ApiClient(), {}
    for user in (world.editor, world.viewer):
        _token, secret = create_token(user=user, name="reader", kind=TokenKind.FEEDS)
        for name in ("milestones.ics", "actions.ics", "desk.ics"):
            found[user.username, name] = response_text(program.send("GET", f"/feeds/{secret}/{name}"))
    told = {place: [name for name in SIGNERS if name in text] for place, text in found.items()}
    assert told == {place: [] for place in found}
    assert sum("BEGIN:VEVENT" in text for text in found.values()) == 5  # all but a viewer's own work


def test_a_reader_without_an_account_meets_no_name_at_all(world: SignedWorld) -> None:
    asked = crawl(ApiClient(), [address for address in readable_addresses(world) if not address.startswith("/admin/")])
    assert addresses_naming(asked, "sealed-") == []
    assert [addresses_naming(asked, name) for name in SIGNERS] == [[], [], []]


def test_a_viewer_meets_none_on_the_pages_of_records(world: SignedWorld) -> None:
    viewer = ApiClient(session=world.viewer)
    asked = {
        address: response_text(viewer.send("GET", address)) for record in world.records for address in pages_of(record)
    }
    feed = "/api/v1/changes/?cursor=first&page_size=200"
    asked[feed] = response_text(viewer.send("GET", feed))
    assert [addresses_naming(asked, name) for name in SIGNERS] == [[], [], []]


def test_an_administrator_meets_all_of_them_at_the_same_addresses(world: SignedWorld) -> None:
    """So that the walk would have seen a name."""
    industry = next(record for record in world.records if record._meta.model_name == "industry")
    pages = {
        "away-signer": world.pilot(world.away).get_absolute_url(),
        "shared-signer": industry.get_absolute_url(),
        "home-signer": world.pilot(world.home).get_absolute_url(),
    }
    program = ApiClient(session=world.admin)
    for name, address in pages.items():
        for place in (address, f"{address}?export=history.xlsx", "/api/v1/changes/?cursor=first&page_size=200"):
            assert name in response_text(program.send("GET", place)), place


def test_a_name_is_told_of_the_entries_that_made_a_record_one_s_own(world: SignedWorld) -> None:
    """A plan moved from another province: the author there is hidden, the one who moved it is shown."""
    plan = world.moved
    page = response_text(
        ApiClient(session=world.editor).send("GET", reverse("admin:policies_provincialplan_history", args=[plan.pk]))
    )
    assert ("home-signer" in page, "away-signer" in page) == (True, False)
    lines = (
        client_with_token(world.editor).send("GET", "/api/v1/changes/?cursor=first&page_size=200&resource=plans").json()
    )
    assert [line["by"] for line in lines["results"] if line["id"] == plan.pk] == [None, None, "home-signer"]


def test_no_feed_tells_of_a_file_that_its_reader_may_not_read(world: SignedWorld) -> None:
    """Not by its number either: of documents and attachments, also of deleted ones."""
    past = Document.history.filter(title__startswith="sealed-").values_list("id", "title")
    sealed = {("documents", key): title for key, title in past}
    for item in Attachment.objects.filter(document__title__startswith="sealed-").select_related("document"):
        sealed["attachments", item.pk] = item.document.title
    address = "/api/v1/changes/?cursor=first&page_size=1000&resource=documents,attachments"
    found = {}
    for name, user in {"anonymous": None, "editor": world.editor, "admin": world.admin}.items():
        lines = (ApiClient(session=user) if user else ApiClient()).send("GET", address).json()["results"]
        assert {(line["resource"], line["id"]) for line in lines} - set(sealed)  # public ones are told of
        found[name] = Counter(sealed.get((line["resource"], line["id"])) for line in lines)
        del found[name][None]
    assert found == {
        "anonymous": {},
        "editor": {"sealed-home": 7},
        "admin": {"sealed-home": 7, "sealed-away": 7},
    }
