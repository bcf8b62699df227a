"""Exports of pages: every list and chart as CSV and XLSX, a page as one workbook, and their cover sheets."""

import io
import re
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.test import Client
from openpyxl import Workbook, load_workbook

from pilots.models import Pilot
from tests import factories as make
from tests.support.csv_files import csv_rows
from tests.support.tiers import sampled
from tests.test_pages import PAGES as ALL_PAGES

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 11, 24)  # noqa: DTZ001  # a sheet knows no zones
LINK = re.compile(r'href="([^"]*export=[^"]*)"')
SYNERGY = "/policies/synergy-implementation-plan-2022/"


def get_page(client: Client, address: str) -> bytes:
    response = client.get(address)
    assert response.status_code == 200, address
    return b"".join(response)  # type: ignore[call-overload]


def get_workbook(client: Client, address: str) -> Workbook:
    return load_workbook(io.BytesIO(get_page(client, address)))


def sheet_values(sheet: Any) -> list[tuple[Any, ...]]:
    return list(sheet.iter_rows(values_only=True))


def cover_lines(sheet: Any) -> list[list[Any]]:
    """Return the lines of a cover sheet, without empty cells."""
    return [[value for value in row if value is not None] for row in sheet_values(sheet)]


def export_links(client: Client, path: str) -> list[str]:
    """Return the URLs of a page's files, each once, in order."""
    page = client.get(path).content.decode()
    found = [unescape(link) for link in LINK.findall(page)]
    return list(dict.fromkeys(path.partition("?")[0] + link if link.startswith("?") else link for link in found))


WITHOUT_TABLES = ("/sign-in/", "/search/", "/about/", "/editions/")
WITH_TABLES = [
    path for path in ALL_PAGES if path not in WITHOUT_TABLES and "trends" not in path and "brief" not in path
]


@pytest.fixture
def follow_up(db: None) -> None:
    """Open a follow-up: the seed has none, and its list offers a table from the first one."""
    make.follow_up(Pilot.objects.get(slug="huzhou"))


@pytest.mark.usefixtures("follow_up")
@pytest.mark.parametrize("path", sampled(WITH_TABLES, every=4))
def test_a_page_offers_each_table_as_csv_and_xlsx_and_both_hold_the_same(client: Client, path: str) -> None:
    offered = export_links(client, path)
    tables = [link.removesuffix(".csv") for link in offered if link.endswith(".csv")]
    assert tables
    assert set(offered) - {f"{table}.{kind}" for table in tables for kind in ("csv", "xlsx")} <= {
        link for link in offered if link.endswith(("=page.xlsx", "=ics"))
    }
    for table in tables:
        plain, sheet = csv_rows(client.get(f"{table}.csv")), get_workbook(client, f"{table}.xlsx").worksheets[0]
        assert [cell.value for cell in sheet[1]] == plain[0], table
        assert sheet.max_row == len(plain), table
        assert sheet.freeze_panes == "A2", table


PAGES = ["/", SYNERGY, "/provinces/zhejiang/", "/provinces/?region=east", "/industries/", "/data/"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_as_one_workbook_holds_each_of_its_tables(client: Client, path: str) -> None:
    offered = export_links(client, path)
    (whole,) = [link for link in offered if link.endswith("=page.xlsx")]
    book = get_workbook(client, whole)
    cover = sheet_values(book["About"])
    heading = next(at for at, row in enumerate(cover) if row[0] == "Sheet")
    listed = cover[heading + 1 : cover.index((None,) * 6, heading)]
    assert [row[0] for row in listed] == book.sheetnames[1:]
    assert [row[3] for row in listed] == [sheet.max_row - 1 for sheet in book.worksheets[1:]]
    singles = [
        sheet_values(get_workbook(client, link).worksheets[0]) for link in offered if link != whole and "xlsx" in link
    ]
    sheets = [sheet_values(sheet) for sheet in book.worksheets[1:]]
    assert [single for single in singles if single not in sheets] == []


def test_the_cover_of_a_table_says_page_scope_day_filter_count_address_and_sources(client: Client) -> None:
    book = get_workbook(client, f"{SYNERGY}?export=regions.xlsx&as_of=2026-11-24&lang=en")
    page = client.get(f"{SYNERGY}?as_of=2026-11-24&lang=en").context
    lines = cover_lines(book["About"])
    assert lines[:8] == [
        ["Rollout by region"],
        ["Page", page["title"]],
        ["Policy", "Synergy plan 2022"],
        ["Scope", page["charts"]["map"].subtitle],
        ["As of", DAY],
        ["Filter", "none"],
        ["Rows", 6],
        ["Address", f"http://testserver{SYNERGY}?as_of=2026-11-24&lang=en"],
    ]
    sources = page["charts"]["map"].sources
    assert lines[8:10] == [[], ["Sources"]]
    assert [line[:2] for line in lines[10:]] == [[n, source.title] for n, source in enumerate(sources, 1)]
    assert {(cell.value, cell.number_format) for cell in book.worksheets[0]["D"][1:]} == {(1, "0.0%")}


def test_a_list_names_the_sources_of_its_own_rows(empty: None, client: Client) -> None:
    batch, province = make.batch(), make.province()
    make.pilot(batch, province, kind="city").sources.add(make.source(title="City notice", publisher="MEE"))
    make.pilot(batch, province, kind="park").sources.add(make.source(title="Park notice"))
    lines = cover_lines(get_workbook(client, "/industries/?kind=park&export=fields.xlsx")["About"])
    assert lines[-1] == ["Sources", "No source is recorded."]  # its pilot names no industry
    lines = cover_lines(get_workbook(client, "/pilots/?export=pilots.xlsx")["About"])
    assert {line[1] for line in lines[-2:]} == {"City notice", "Park notice"}


# -- parameters that a page does not know ------------------------------------------------------------------


def test_a_page_ignores_parameters_that_it_does_not_know_and_its_links_leave_them_out(client: Client) -> None:
    page = client.get("/pilots/?provnce=x&kind=park&utm_source=y&lang=en")
    assert (page.status_code, "provnce" in page.text, "utm_source" in page.text) == (200, False, False)
    assert [chip.value for chip in page.context["listing"].chips] == ["industrial park"]
    assert client.get("/pilots/?kind=prk").status_code == 400


@pytest.mark.parametrize("export", ["pilots.csv", "page.xlsx", "ics"])
def test_its_files_and_calendar_reject_them_by_name(client: Client, export: str) -> None:
    answer = client.get(f"/pilots/?provnce=x&export={export}")
    assert (answer.status_code, "There is no “provnce” here." in answer.text) == (400, True)
