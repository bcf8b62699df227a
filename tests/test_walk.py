"""A walk through the site: every link that leads on within it, as each role, in both languages.

A page must answer, in the language asked for and with no text of the other, hold the anchors that links name, no id
twice, one heading of the first level, and stay within its queries. A link that a page shows must lead its reader to
something: a role meets no “forbidden”.
"""

import re
from collections import Counter
from contextlib import suppress
from html import unescape
from itertools import cycle
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import CharField, TextField
from django.test import Client
from django.urls import Resolver404, resolve

from accounts.models import Role
from core.days import DEMO_LABEL
from policies.models import Province, Source
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.html_reader import PageReader
from tests.test_translations import HAN, foreign_texts

pytestmark = pytest.mark.django_db

MAX_PER_ROUTE = 2
"""Pages of one route that are opened, beside one for each parameter; in the admin one, whatever its parameters."""
MAX_QUERIES = 110
NAMES = [
    *("JavaScript", "English", "中文", "PDF", "OFD", "DOCX", "XLSX", "CSV", "PNG", "JPG", "ZIP", "MB", "kB", "PIN"),
    *("IP", "SHA256SUMS", "sha256sum --check", DEMO_LABEL, "t CO2/yr", "嘉兴港区"),
]
"""Words that stand in a page of either language; what people entered without a translation does as well."""
NOT_FOLLOWED = ("/static/", "/api/", "/sign-out/", "/admin/logout/", "/admin/jsi18n/", "/feeds/")
"""The API has no links that a person follows; the others are no pages, or end the walk."""


def entered_texts() -> set[str]:
    """Names of people, titles, offices, reasons: the texts of records that have no pair in the other language."""
    found = {*User.objects.values_list("username", flat=True), *Source.objects.values_list("title", flat=True)}
    for model in [*apps.get_app_config("policies").get_models(), *apps.get_app_config("pilots").get_models()]:
        for field in model._meta.fields:
            if isinstance(field, CharField | TextField) and not field.name.endswith(("_zh", "_en")):
                texts = model._default_manager.values_list(field.name, flat=True)
                found.update(text for text in texts if text and HAN.search(text))
    return found


class Walk:
    """A walk as one reader: `faults` holds what was wrong, each with the page that led there."""

    def __init__(self, client: Client, lang: str) -> None:
        self.client, self.lang = client, lang
        self.names = [*NAMES, *entered_texts()]
        self.waiting: list[tuple[str, str]] = [("/", "")]  # address, page that led there
        self.opened: dict[str, Counter[str]] = {}  # ids of each page
        self.anchors: list[tuple[str, str, str]] = []  # address, fragment, page that led there
        self.shapes: Counter[tuple[str, str]] = Counter()  # route, parameter
        self.faults: list[str] = []

    def run(self) -> list[str]:
        while self.waiting:
            address, source = self.waiting.pop()
            if address not in self.opened and self.is_among_first(address):
                self.open(address, source)
        self.faults += [
            f"{source} leads to {address}#{fragment}, which is not there"
            for address, fragment, source in self.anchors
            if address in self.opened and fragment not in self.opened[address]
        ]
        return sorted(set(self.faults))

    def is_among_first(self, address: str) -> bool:
        url = urlsplit(address)
        route = url.path
        with suppress(Resolver404):
            route = resolve(url.path).route
        admin = route.startswith("admin/")
        names = set() if admin else {name for name, _value in parse_qsl(url.query)}
        shapes = [(route, name) for name in names or [""]]
        self.shapes.update(shapes)
        return any(self.shapes[shape] <= (1 if admin or shape[1] else MAX_PER_ROUTE) for shape in shapes)

    def open(self, address: str, source: str) -> None:
        self.opened[address] = Counter()
        queries = []

        def count(execute: Any, *args: Any) -> Any:
            queries.append(args[0])
            return execute(*args)

        with connection.execute_wrapper(count):
            answer = self.client.get(address, secure=True, headers={"accept-language": self.lang})
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        where = f"{address} (from {source})"
        if answer.status_code in {301, 302}:
            self.follow(answer["Location"], address)
            return
        if answer.status_code != 200:
            self.faults.append(f"{answer.status_code}: {where}")
        if not answer.get("Content-Type", "").startswith("text/html"):
            return
        text = body.decode()
        ids = self.opened[address] = Counter(re.findall(r'\sid="([^"]+)"', text))
        if len(queries) > MAX_QUERIES and "/delete/" not in address:
            self.faults.append(f"{len(queries)} queries: {where}")
        if not re.search(f'<html[^>]* lang="{self.lang}"', text):
            self.faults.append(f"another language: {where}")
        if len(re.findall(r"<h1\b", text)) != 1:
            self.faults.append(f"not one h1: {where}")
        self.faults += [f"id {name} twice: {where}" for name, count in ids.items() if count > 1]
        if not address.startswith("/admin/"):  # whose texts tests/test_translations.py reads
            self.faults += [
                f"{text}: {where}" for text in foreign_texts(PageReader(text).texts, self.lang[:2], self.names)
            ]
        for link in re.findall(r'<a\s[^>]*?href="([^"]+)"', text):
            self.follow(unescape(link), address)

    def follow(self, link: str, source: str) -> None:
        url = urlsplit(urljoin(f"https://testserver{source}", link))
        if url.netloc != "testserver" or url.path.startswith(NOT_FOLLOWED) or url.scheme != "https":
            return
        if "/files/" in url.path or url.path.endswith("/file/"):  # the demonstration is loaded without them
            return
        query = [(name, value) for name, value in parse_qsl(url.query, keep_blank_values=True) if name != "lang"]
        address = url.path + (f"?{urlencode(query)}" if query else "")
        if url.fragment:
            self.anchors.append((address, url.fragment, source))
        self.waiting.append((address, source))


def walk(client: Client, role: str, lang: str) -> list[str]:
    if role != "anonymous":
        place = Province.objects.order_by("pk").first() if role == Role.PROVINCIAL_EDITOR else None
        client.force_login(make_user("1", role, place))
    return Walk(client, lang).run()


ROLES = ["anonymous", *Role.values]
LANGUAGES = ["en", "zh-hans"]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("role", "lang"), [*zip(ROLES, cycle(LANGUAGES))])
def test_walk_the_demonstration(demo: None, client: Client, role: str, lang: str) -> None:
    assert walk(client, role, lang) == []


@pytest.mark.parametrize(("role", "lang"), [*zip(ROLES, cycle(reversed(LANGUAGES)))])
def test_walk_few_records(empty: None, client: Client, role: str, lang: str) -> None:
    """A ministry's first afternoon: pilots without a target, value or plan."""
    batch = make.batch(slug="first", level="national", city_count=3)
    for number in range(2):
        make.pilot(batch, make.province(), slug=f"pilot-{number}")
    assert walk(client, role, lang) == []
