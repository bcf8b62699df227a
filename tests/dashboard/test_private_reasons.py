"""The words of an office on why it gives no value: nowhere but with the office, its province and the ministry."""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from config.api_urls import RESOURCES
from core.days import today
from dashboard.editions.services import build_package
from dashboard.models import Edition
from pilots.models import Pilot, ReadingState
from pilots.models.reading import judge_readings
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.scripted_year import clock_at
from tests.support.sign_in import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
MARK = "Zq7-the-meter-of-our-neighbour"
GIVEN, NOW = date(2026, 3, 2), date(2026, 5, 4)
PAGES = (
    *("/", "/pilots/", "/pilots/city/", "/provinces/", "/provinces/jia/", "/batches/", "/batches/first/", "/synergy/"),
    *("/trends/", "/industries/", "/actions/", "/data/", "/brief/nation/", "/brief/batch/first/", "/brief/pilot/city/"),
    *("/brief/province/jia/", "/compare/?a=city", "/compare/provinces/?a=jia", "/editions/", "/search/?q=Zq7-the"),
    *("/search/?q=neighbour", "/calendars/", "/desk/", "/admin/changes/?province=jia", "/admin/quality/"),
)


@pytest.fixture
def city(settings: Any, tmp_path: Path) -> Pilot:
    """A pilot that has given a reason, which the ministry sent back in the same words, and given it once more."""
    settings.SNAPSHOT_DIR = tmp_path
    with clock_at(GIVEN):
        batch = make.batch(slug="first", asked_from=2025)
        city = make.pilot(batch, make.province(slug="jia", name_en="Jia"), slug="city", name_en="City")
        indicator = make.indicator("AIR_SO2")
        make.target(city, indicator, 100, 80)
        first = make.not_given(city, indicator, 2025, text=MARK)
        judge_readings([first], ReadingState.RETURNED, by=make_user("ministry", "national_editor"), reason=MARK)
        make.not_given(city, indicator, 2025, text=f"{MARK} again")
    return city


def members(content: bytes) -> Iterator[bytes]:
    """Yield a file, and what it holds if it is an archive: a workbook, a document, a package."""
    yield content
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from members(archive.read(name))


def tells(content: bytes) -> bool:
    return any(MARK.encode() in part for part in members(content))


def fetched(client: Client, address: str) -> bytes:
    answer: Any = client.get(address)
    assert answer.status_code in {200, 302, 400, 403, 404}, address
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def told_at(client: Client) -> list[str]:
    """Return the addresses at which a reader finds the words: pages, their files and calendars, the API, past days."""
    apis = ["/api/v1/changes/?page_size=1000", *(f"/api/v1/{name}/?page_size=200" for name in RESOURCES)]
    found, seen = [], set()
    for address in (*PAGES, *apis):
        for past in ("", f"known={GIVEN}"):
            own = f"{address}{'&' if '?' in address else '?'}{past}" if past else address
            content = fetched(client, own)
            files = map(unescape, re.findall(r'href="([^"]*(?:export|format)=[^"]*)"', content.decode()))
            paths = {file if file.startswith("/") else own.partition("?")[0] + file for file in files} - seen
            seen |= paths
            texts = {path: fetched(client, path) for path in paths if re.search(r"\b(csv|json|docx|ics)\b", path)}
            found += [path for path, text in {own: content, **texts}.items() if tells(text)]
    return found


@pytest.mark.parametrize("reader", ["anonymous", "viewer", "another province"])
def test_the_words_are_nowhere(city: Pilot, reader: str) -> None:
    with clock_at(NOW):
        assert today() == NOW
        users = {
            "viewer": lambda: make_user("viewer", "viewer"),
            "another province": lambda: make_user("other", "provincial_editor", make.province()),
        }
        client = client_of(users[reader]()) if reader in users else Client()
        assert told_at(client) == []


def test_its_province_and_the_ministry_find_what_was_said_of_them_on_either_day(city: Pilot) -> None:
    """So the test above would find what leaks. The log has the reason of the ministry, never the text itself."""
    logs = {
        "/admin/changes/?province=jia",
        "/pilots/city/",
        f"/pilots/city/?known={GIVEN}",
    }
    with clock_at(NOW):
        for name, role, home in (("own", "provincial_editor", city.province), ("all", "national_editor", None)):
            client = client_of(make_user(name, role, home))
            assert logs <= set(told_at(client)), name
            assert [address for address in logs if f"{MARK} again".encode() in fetched(client, address)] == [], name


def test_no_file_of_an_edition_holds_them(city: Pilot) -> None:
    with clock_at(NOW):
        edition = Edition(quarter="2026-Q1", approved_at=timezone.now())
        files, content = build_package(edition, "http://testserver/", [])
        assert len(files) > 20
        assert [file.path for file in files if tells(file.content)] == []
        assert MARK not in str(content)
