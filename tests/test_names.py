"""Nobody's name outside the reader's scope: every page, file, feed and view of the admin, walked as each identity.

Three people who sign everything of their side: `away-signer` the records of another province, `shared-signer` those of
none, `home-signer` those of the editor's own. The walk begins at every address there is and follows what links to
files, histories and versions, so that a new address is walked without a line here.
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

from pilots.feed import every_kind
from pilots.models import LightOverride, TargetStep
from policies.models import Division
from tests import factories
from tests.config.test_changes import own_ends
from tests.test_authz import MODELS
from tests.writing import KINDS, Program, World, small, writer

pytestmark = pytest.mark.django_db
SIGNERS = ("away-signer", "shared-signer", "home-signer")
FOLLOWED = {"export", "entry", "cursor", "page", "p", "before", "after"}
"""Parameters of links that show something else of the same records. Filters, sorting and languages show no more."""
MOST_OF_A_SHAPE = 4
OUTSIDE = ("/static/", "/sign-out/", "/admin/logout/", "/api/docs/", "/api/use/", "/api/schema/")  # no record in them


class Signed(World):
    """The world with a record of each kind on each side, each signed twice, and one more that is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.signers = {name: User.objects.create_superuser(name) for name in SIGNERS}
        self.records: list[Any] = []
        for side, place in (("away", self.away), ("home", self.home), ("shared", None)):
            for resource, kind in KINDS.items():
                if resource == "provinces" and place is None:
                    continue
                if place is None and MODELS[resource].PROVINCE not in {"", "province_id"}:
                    continue  # of a pilot, which lies in a province
                if place is None and resource in {"plans", "pilots"}:
                    continue
                if place is not None and not MODELS[resource].PROVINCE:
                    continue
                self.add(kind.make(self, place), side)
        for side, place in (("away", self.away), ("home", self.home)):
            self.add(self.pilots[place.pk], side)
            target = factories.make_target(self.pilot(place), self.more_indicator(), 100, 80)
            self.add(TargetStep.objects.create(target=target, year=2025, value=90), side)
            self.add(factories.make_override(self.pilot(place), "red", self.signers[f"{side}-signer"]), side)
            moved = factories.make_plan(self.more_policy(), self.away)
            self.sign(moved, "away")
            moved.province = place
            self.sign(moved, side)
            self.records.append(moved)
            self.moved = moved
        self.add(Division.objects.create(code="C31", name_zh="黑色金属冶炼"), "shared")

    def add(self, record: Any, side: str) -> None:
        self.sign(record, side)
        self.records.append(record)
        twin = type(record).objects.get(pk=record.pk)
        if isinstance(record, LightOverride | TargetStep):  # one that can go without taking anything along
            twin.pk = None
            vars(twin).update({"year": 2024} if isinstance(record, TargetStep) else {})
            twin._history_user = self.signers[f"{side}-signer"]
            twin.save()
            twin.delete()

    def sign(self, record: Any, side: str) -> None:
        record._history_user = self.signers[f"{side}-signer"]
        record._change_reason = f"Signed on the side {side}"
        record.note_en = "Signed"
        record.save()


@pytest.fixture(autouse=True)
def _readable_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line of changes is read from inside the transaction that wrote it."""
    monkeypatch.setattr("config.api.ends", own_ends)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[Signed]:
    with small(Signed, django_db_blocker) as made:
        yield made


# -- every address -----------------------------------------------------------------------------------------


def patterns(resolver: Any, before: str = "") -> Iterator[str]:
    for item in resolver.url_patterns:
        route = before + str(item.pattern)
        if isinstance(item, URLResolver):
            yield from patterns(item, route)
        elif isinstance(item, URLPattern):
            yield route


def addresses(world: Signed) -> Iterator[str]:
    """Every address that can be read without knowing more than the records, with all that fits its parameters."""
    for route in patterns(get_resolver()):
        if "(?" not in route and "<" not in route:
            yield "/" + route.replace("^", "").replace("$", "").replace("\\", "")
    for record in world.records:
        yield from pages_of(record)
    yield "/api/v1/changes/?cursor=first&page_size=200"
    for name in ("csv", "xlsx", "json"):
        yield from (f"/api/v1/{resource}/?format={name}" for resource in KINDS)
    yield f"/api/v1/rollout/?policy={world.policy.slug}"
    yield f"/api/v1/trend/?indicator={world.indicator.code}"
    for kind in ("plans", "policies", "pilots", "stages", "milestones", "targets", "readings"):
        yield from (f"/admin/import/{kind}/export.{form}" for form in ("csv", "xlsx"))
        yield f"/admin/import/{kind}/template/"


def pages_of(record: Model) -> Iterator[str]:
    """The pages of one record: public, in the API, in the admin, and each of its versions."""
    meta: Any = record._meta
    if hasattr(record, "get_absolute_url"):
        yield record.get_absolute_url()
    for resource, model in MODELS.items():
        if type(record) is model:
            yield f"/api/v1/{resource}/{getattr(record, KINDS[resource].key)}/"
    if meta.model_name in {"division", "targetstep"}:
        return
    base = f"admin:{meta.app_label}_{meta.model_name}"
    yield from (reverse(f"{base}_{page}", args=[record.pk]) for page in ("change", "history", "delete"))
    entries: Any = record.history  # type: ignore[attr-defined]
    yield from (reverse(f"{base}_simple_history", args=[record.pk, entry.pk]) for entry in entries.all())


def links(address: str, page: str) -> Iterator[str]:
    """The files, versions and further pages that a page leads to."""
    for found in re.findall(r'href="([^"]+)"', page):
        url = urlsplit(urljoin(address, unescape(found)))
        words = {name for name, _value in parse_qsl(url.query, keep_blank_values=True)}
        files = [value for name, value in parse_qsl(url.query) if name == "export"]
        if url.netloc in {"", "testserver"} and words <= FOLLOWED and not any(file.endswith(".csv") for file in files):
            yield from (f"{url.path}?{part}" for part in url.query.split("&") if part and part != "page=1")


def walk(program: Program, begin: Iterable[str]) -> dict[str, str]:
    """What is sent at these addresses, and at all that they lead to, by address."""
    asked: dict[str, str] = {}
    waiting, followed = list(begin), Counter[str]()
    while waiting:
        address = waiting.pop()
        if address in asked or address.startswith(OUTSIDE):
            continue
        answer = program.send("GET", address)
        assert answer.status_code < 500, (address, answer.status_code)
        asked[address] = text = text_of(answer)
        if answer.get("Content-Type", "").startswith("text/html"):
            waiting += [link for link in links(address, text) if few(link, followed)]
    return asked


def text_of(answer: Any) -> str:
    """An answer as text; a workbook with all that is packed in it."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if is_zipfile(BytesIO(content)):
        with ZipFile(BytesIO(content)) as book:
            content = b"".join(book.read(name) for name in book.namelist())
    return str(content.decode(errors="replace"))


def few(link: str, followed: Counter[str]) -> bool:
    """Whether it is among the first links of its shape: addresses that differ in the record alone, and show as much."""
    url = urlsplit(link)
    with suppress(Resolver404):
        shape = f"{resolve(url.path).route} {re.sub('[0-9]+', '', url.query)}"
        followed[shape] += 1
        return followed[shape] <= MOST_OF_A_SHAPE
    return True


def naming(asked: dict[str, str], name: str) -> list[str]:
    return sorted(address for address, text in asked.items() if name in text)


# -- who reads what ----------------------------------------------------------------------------------------


def test_a_provincial_editor_meets_no_name_outside_the_province(world: Signed) -> None:
    asked = walk(Program(session=world.editor), addresses(world))
    assert naming(asked, "away-signer") == []
    assert naming(asked, "shared-signer") == []
    own = naming(asked, "home-signer")
    home = world.pilot(world.home)
    wanted = [
        *("/admin/changes/", "/admin/changes/?export=changes.xlsx"),
        *(home.get_absolute_url(), f"{home.get_absolute_url()}?export=history.xlsx"),
        *(reverse("admin:pilots_pilot_history", args=[home.pk]), reverse("admin:pilots_lightoverride_deleted")),
        "/api/v1/changes/?cursor=first&page_size=200",
    ]
    assert [address for address in wanted if address not in own] == []
    kinds = set(every_kind()) - {"division", "targetstep"}  # which have no pages of their own in the admin
    versions = [address for address in asked if "/history/" in address]
    assert {name for name in kinds if any(f"/{name}/" in address for address in versions)} == kinds


def test_a_token_of_the_editor_meets_none_on_any_page_of_the_feed(world: Signed) -> None:
    """The line of changes page by page, and every list and record of the API in each format."""
    program, told, address = writer(world.editor), [], "/api/v1/changes/?cursor=first&page_size=7"
    pages = 0
    while address:
        page = program.send("GET", address).json()
        told += page["results"]
        pages += 1
        address = f"/api/v1/changes/?cursor={page['next_cursor']}&page_size=7" if page["more"] else ""
    assert pages > 10
    assert {line["by"] for line in told} == {None, "home-signer"}
    own = {(line["resource"], line["id"]) for line in told if line["by"]}
    assert {
        "provinces",
        "policies",
        "plans",
        "figures",
        "batches",
        "pilots",
        "stages",
        "milestones",
        "targets",
        "readings",
    } == {resource for resource, _key in own}
    asked = walk(program, [address for address in addresses(world) if address.startswith("/api/v1/")])
    assert naming(asked, "away-signer") == naming(asked, "shared-signer") == []


def test_whoever_is_not_signed_in_meets_no_name_at_all(world: Signed) -> None:
    asked = walk(Program(), [address for address in addresses(world) if not address.startswith("/admin/")])
    assert [naming(asked, name) for name in SIGNERS] == [[], [], []]


def test_a_viewer_meets_none_on_the_pages_of_records(world: Signed) -> None:
    viewer = Program(session=world.viewer)
    asked = {address: text_of(viewer.send("GET", address)) for record in world.records for address in pages_of(record)}
    feed = "/api/v1/changes/?cursor=first&page_size=200"
    asked[feed] = text_of(viewer.send("GET", feed))
    assert [naming(asked, name) for name in SIGNERS] == [[], [], []]


def test_an_administrator_meets_all_of_them_at_the_same_addresses(world: Signed) -> None:
    """So that the walk would have seen a name."""
    industry = next(record for record in world.records if record._meta.model_name == "industry")
    pages = {
        "away-signer": world.pilot(world.away).get_absolute_url(),
        "shared-signer": industry.get_absolute_url(),
        "home-signer": world.pilot(world.home).get_absolute_url(),
    }
    program = Program(session=world.admin)
    for name, address in pages.items():
        for place in (address, f"{address}?export=history.xlsx", "/api/v1/changes/?cursor=first&page_size=200"):
            assert name in text_of(program.send("GET", place)), place


def test_a_name_is_told_of_the_entries_that_made_a_record_one_s_own(world: Signed) -> None:
    """A plan that came from another province: who entered it there stays unsaid, who moved it is told."""
    plan = world.moved
    page = text_of(
        Program(session=world.editor).send("GET", reverse("admin:policies_provincialplan_history", args=[plan.pk]))
    )
    assert ("home-signer" in page, "away-signer" in page) == (True, False)
    lines = writer(world.editor).send("GET", "/api/v1/changes/?cursor=first&page_size=200&resource=plans").json()
    assert [line["by"] for line in lines["results"] if line["id"] == plan.pk] == [None, None, "home-signer"]
