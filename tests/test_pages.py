"""Pages with the seed records: texts, rejected parameters, and files."""

import csv
import io
import re
from html import unescape
from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from accounts.models import Officer, Role
from pilots.models import Batch, Pilot
from policies.models import Industry, Policy, Province
from tests import factories as make
from tests.support.csv_files import csv_rows
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db

PAGES = [
    "/",
    "/policies/",
    "/policies/synergy-implementation-plan-2022/",
    "/policies/carbon-dual-control-2024/",
    "/provinces/",
    "/provinces/zhejiang/",
    "/provinces/xpcc/",
    "/provinces/taiwan/",
    "/pilots/",
    "/pilots/huzhou/",
    "/pilots/otog-high-tech-industrial-development-zone/",
    "/actions/",
    "/actions/?state=open&sort=due",
    "/batches/",
    "/batches/national-batch-1/",
    "/synergy/",
    "/compare/?a=huzhou&b=baoding",
    "/compare/provinces/?a=zhejiang",
    "/trends/",
    "/trends/?indicator=CO2_TOT&level=national",
    "/industries/",
    "/industries/?by=province&level=national",
    "/industries/steel/",
    "/industries/automobiles/",
    "/practices/",
    "/practices/?for=huzhou",
    "/practices/nansha-green-car-port/",
    "/data/",
    "/brief/",
    "/brief/nation/",
    "/brief/pilot/huzhou/",
    "/editions/",
    "/about/",
    "/search/",
    "/search/?q=%E6%B5%99%E6%B1%9F",
    "/sign-in/",
]


def cited_address(page: str) -> str:
    return unescape(re.findall(r'<span class="address">([^<]*)</span>', page)[0])


@pytest.mark.parametrize("path", [path for path in PAGES if not path.startswith("/sign-in/")])
def test_a_page_has_its_anchors_and_a_citation_that_leads_to_what_it_said(client: Client, path: str) -> None:
    """Cited by both days: what is corrected later does not change what was cited."""
    response = client.get(path)
    anchors = set(re.findall(r'href="#([^"]+)"', response.text.partition("<main")[2]))
    assert anchors - set(re.findall(r'id="([^"]+)"', response.text)) == set()
    day = timezone.localdate()
    cite = response.text[response.text.index('id="cite"') :]
    if response.context["title"]:
        assert f"<cite>{escape(response.context['title'])}</cite> · Synergy Pilot Tracker, as it stood on" in cite
    address = cited_address(response.text)
    assert {f"as_of={day}", f"known={day}", "lang=en"} <= set(address.partition("?")[2].split("&"))
    assert client.get(address).status_code == 200


EMPTY_PAGES = [
    *("/", "/policies/", "/provinces/", "/pilots/", "/synergy/", "/trends/", "/compare/", "/industries/"),
    *("/practices/", "/data/", "/brief/", "/brief/nation/", "/about/", "/search/?q=a"),
]


@pytest.mark.parametrize("path", EMPTY_PAGES)
def test_empty_data_is_no_error(empty: None, client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_the_overview_of_an_empty_database_says_what_to_do(empty: None, client: Client) -> None:
    page = client.get("/").text
    assert '<p class="finding">No province, policy or pilot is on record yet.</p>' in page
    assert "Run “manage.py load_records” to load" in page
    assert "tile-grid" not in page
    assert "0 of 0" not in page
    make.province()
    assert "tile-grid" in client.get("/").text


FINDINGS = [
    *(f"/policies/synergy-implementation-plan-2022/{day}" for day in ("", "?as_of=2022-12-30", "?as_of=2022-12-04")),
    *("/pilots/", "/pilots/?as_of=2024-01-14", "/industries/", "/industries/steel/", "/industries/cement/"),
    "/provinces/taiwan/",
]


def test_the_finding_answers_the_page_s_question(client: Client) -> None:
    found = {
        path: [client.get(path, headers={"accept-language": lang}).context["finding"] for lang in ("en", "zh-hans")]
        for path in FINDINGS
    }
    assert_snapshot("findings", found)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/?as_of=2024-02-30", 400, "the day 2024-02-30 does not exist"),
        ("/?as_of=9999-01-01", 400, "lies ahead"),
        ("/?lang=fr", 400, "is not a language here"),
        ("/pilots/?province=hebie", 400, "Did you mean “hebei”?"),
        ("/pilots/?kind=park&kind=city", 400, "Give it once"),
        ("/pilots/?page=9", 400, "is not a page of this list"),
        ("/pilots/?export=pilot.csv", 400, "Did you mean “pilots.csv”?"),
        ("/policies/?export=page.xlsx", 400, "Did you mean “policies.xlsx”?"),
        ("/industries/?by=city", 400, "Use one of: region, province."),
        ("/pilots/?q=%00", 400, "Null characters are not allowed"),
        ("/pilots/?q=%ff%fe", 200, ""),
        ("/pilots/?" + "a&" * 1001, 400, "Something in this address is wrong"),
        ("/pilots/nobody/", 404, "Page not found"),
        ("/policies/energy-saving-carbon-plan-2024/?as_of=2020-01-01", 404, "Page not found"),
        ("/synergy/?year=1999", 400, "There is no “1999” here"),
        ("/compare/?a=huzhou&b=huzhou", 400, "b: “huzhou” is picked twice. Pick another, or leave it empty."),
        ("/practices/?for=huzhuo", 400, "for: There is no “huzhuo” here. Did you mean “huzhou”?"),
    ],
)
def test_a_wrong_address_says_what_is_right(client: Client, path: str, status: int, says: str) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert says in response.content.decode().replace("&#x27;", "'")


def test_a_csv_holds_what_is_shown_and_says_so(client: Client) -> None:
    response = client.get("/pilots/?kind=park&province=hebei&sort=-name&as_of=2026-11-24&export=pilots.csv")
    assert response["Content-Disposition"] == (
        "attachment; filename=\"pilots-2026-11-24.csv\"; filename*=UTF-8''pilots-2026-11-24.csv"
    )
    text = response.getvalue().decode()
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert rows[:5] == [
        ["# Pilots"],
        ["# As of: 24 November 2026"],
        ["# Filter: Kind: industrial park; Province: Hebei"],
        ["# Rows: 2"],
        ["# Address: http://testserver/pilots/?kind=park&province=hebei&sort=-name&as_of=2026-11-24"],
    ]
    assert [row[0] for row in rows[6:]] == ["Wu'an Industrial Park", "Handan Fuxing Economic Development Zone"]


def test_script_in_a_record_stays_text(empty: None, client: Client) -> None:
    make.pilot(make.batch(), make.province(), name_en="<script>alert(1)</script>", slug="x")
    for path in ("/pilots/", "/pilots/x/", "/"):
        assert b"<script>alert" not in client.get(path).content


# -- pages over thousands of pilots ------------------------------------------------------------------------


def add_pilots(count: int) -> Batch:
    """Make pilots of one batch, province and industry, without related records."""
    batch = make.batch(slug="many", title_en="Many")
    province, industry = make.province(slug="north", name_en="North"), make.industry(slug="glass")
    for number in range(count):
        make.pilot(batch, province, industry, slug=f"p{number}", name_en=f"Pilot {number}")
    return batch


PLACES = {"/provinces/north/": "province=north", "/batches/many/": "batch=many", "/industries/glass/": "industry=glass"}


@pytest.mark.parametrize("path", PLACES)
def test_a_page_shows_the_first_fifty_pilots_and_leads_to_all(empty: None, client: Client, path: str) -> None:
    add_pilots(51)
    text = client.get(path).content.decode()
    shown = re.findall(r'<th scope="row"[^>]*><a href="/pilots/(p\d+)/', text)
    assert len(shown) == 50
    rest = re.findall(r'<p class="rest">(.*?)</p>', text, re.DOTALL)
    link = f' <a href="/pilots/?{PLACES[path]}">The whole list</a>'
    assert [line.strip() for line in rest][-1] == f"The first 50 of 51 rows; the files hold all of them.{link}"
    rows = csv_rows(client.get(f"{path}?export=pilots.csv"))
    assert sorted(row[0] for row in rows[1:]) == sorted(f"Pilot {number}" for number in range(51))


# -- the day picker ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("/provinces/?region=east&as_of=2024-01-30", ["2023-12-31", "2024-03-31"]),
        ("/provinces/?region=east&as_of=2023-12-31", ["2023-09-30", "2024-03-31"]),
        ("/provinces/?region=east&as_of=1949-12-31", ["1950-03-31"]),  # no day before the first
    ],
)
def test_the_day_moves_by_quarters_and_keeps_the_filter(client: Client, path: str, steps: list[str]) -> None:
    page = client.get(path).content.decode()
    assert re.findall(r'class="icon[^"]*" rel="nofollow" href="([^"]*)"', page) == [
        f"?region=east&amp;as_of={step}" for step in steps
    ]
    form = page.partition('<div class="day-picker"')[2].partition("</form>")[0]
    assert '<input type="hidden" name="region" value="east">' in form


# -- the menu of places ------------------------------------------------------------------------------------------------


def places(client: Client, address: str) -> tuple[list[str], list[str]]:
    """Return the addresses of the places and of the tabs of a page; the current ones are marked by *."""
    page = client.get(address).content.decode()
    found = []
    for name in ("site-nav", "site-tabs"):
        nav = page.partition(f'<nav class="{name}"')[2].partition("</nav>")[0]
        links = re.findall(r'<li><a href="([^"?]*)[^"]*"( class="current")?', nav)
        found.append([address + "*" * bool(current) for address, current in links])
    return found[0], found[1]


def test_each_page_stands_in_its_place(client: Client) -> None:
    rollout = ["/", "/provinces/*", "/pilots/", "/industries/", "/actions/"]
    tabs = ["/provinces/", "/policies/", "/compare/provinces/"]
    for address in tabs:
        assert places(client, address) == (rollout, [tab + "*" * (tab == address) for tab in tabs])
    assert places(client, "/provinces/zhejiang/") == (rollout, [])  # its breadcrumbs lead back
    assert '<a href="/provinces/">' in client.get("/provinces/zhejiang/").content.decode()
    assert places(client, "/about/") == ([place.rstrip("*") for place in rollout], [])


def test_results_and_action_are_in_the_menu_when_they_have_something_to_show(empty: None, client: Client) -> None:
    """And where the reader is already."""
    always = ["/*", "/provinces/", "/pilots/", "/industries/"]
    assert places(client, "/") == (always, [])
    assert places(client, "/trends/") == (["/", *always[1:], "/synergy/*"], ["/synergy/", "/trends/*"])
    pilot = make.pilot(make.batch(), make.province())
    make.follow_up(pilot)
    assert places(client, "/") == ([*always, "/actions/"], [])
    make.reading(pilot, make.indicator("AIR_X"), "2025", 1)
    assert places(client, "/") == ([*always, "/synergy/", "/actions/"], [])


# -- ways to edit ------------------------------------------------------------------------------------------


def edit_links(client: Client, address: str) -> list[tuple[str, str]]:
    html = client.get(address).content.decode()
    part = html.partition('<ul class="edit-links')[2].partition("</ul>")[0]
    return re.findall(r'<a href="([^"]*)">([^<]*)</a>', part)


def test_a_page_leads_those_who_may_to_the_form_of_its_record(admin_client: Client) -> None:
    pilot = Pilot.objects.get(slug="huzhou")
    form = reverse("admin:pilots_pilot_change", args=[pilot.pk])
    assert edit_links(admin_client, pilot.get_absolute_url()) == [
        (form, "Edit this record"),
        (f"{form}#stages-group", "Stages"),
        (f"{form}#milestones-group", "Milestones"),
        (f"{form}#targets-group", "Targets"),
    ]
    for record in (Policy.objects.first(), Province.objects.first(), pilot.batch, Industry.objects.first()):
        assert record is not None
        name = f"admin:{record._meta.app_label}_{record._meta.model_name}_change"
        first = edit_links(admin_client, record.get_absolute_url())[0]
        assert first == (reverse(name, args=[record.pk]), "Edit this record")


def test_a_page_offers_no_form_to_readers_nor_beyond_a_province(client: Client) -> None:
    zhejiang = Province.objects.get(slug="zhejiang")
    own, other = Pilot.objects.get(slug="huzhou"), Pilot.objects.get(slug="baoding")
    assert edit_links(client, own.get_absolute_url()) == []
    editor = User.objects.create_user("editor")
    Officer.objects.create(user=editor, role=Role.PROVINCIAL_EDITOR, province=zhejiang)
    client.force_login(editor)
    assert [label for _url, label in edit_links(client, own.get_absolute_url())][:2] == [
        "Edit this record",
        "Stages",
    ]
    assert edit_links(client, other.get_absolute_url()) == []
    assert edit_links(client, own.batch.get_absolute_url()) == []


# -- pages of errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
def test_an_error_page_keeps_the_way_on(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """Places, search and languages, also where neither the address nor the database is of use."""
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    if status >= 500:
        fault = ValueError("a bug") if status == 500 else OperationalError("gone")
        monkeypatch.setattr("core.snapshots.parse_day", Mock(side_effect=fault))
    if status == 403:
        page: Any = client.post("/sign-out/", headers={"origin": "https://elsewhere.example"})
    else:
        page = client.get("/pilots/nobody/" if status == 404 else "/pilots/?province=zhejang")
    text = page.content.decode()
    assert page.status_code == status
    nav = text.partition('<nav class="site-nav"')[2].partition("</nav>")[0]
    results = [] if status in {403, 404} else ["/synergy/"]  # others ask the database nothing
    menu = ["/", "/provinces/", "/pilots/", "/industries/", *results, "/actions/"]
    assert re.findall(r'href="([^"?]+)', nav) == menu
    assert 'action="/search/"' in text
    assert 'hreflang="zh-hans"' in text


@pytest.mark.parametrize("path", ["/pilots/", "/account/reminders/"])
def test_pages_are_read_with_get_and_sent_with_post(client: Client, path: str) -> None:
    client.force_login(User.objects.create_user("reader"))
    sent = [client.generic(method, path) for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")]
    assert [(answer.status_code, answer.headers.get("Allow")) for answer in sent] == [(405, "GET, HEAD, POST")] * 5


def test_a_record_that_is_younger_than_the_day_leads_to_its_page_of_today(client: Client) -> None:
    """The step to an earlier quarter on its own page may lead before it was known."""
    early = client.get("/pilots/huzhou/?as_of=2023-01-01")
    assert early.status_code == 404
    text = early.content.decode()
    assert "This page is of 1 January 2023: a record that was not known by then has no page on that day." in text
    assert '<a href="/pilots/huzhou/">The same page as of today</a>' in text
    assert "The same page as of today" not in client.get("/pilots/nowhere/").content.decode()
