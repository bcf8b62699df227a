"""Exports of pages: every list and chart as CSV and XLSX, a page as one workbook, and their cover sheets."""

import csv
import io
import re
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import Workbook, load_workbook

from pilots.models import Pilot
from policies.models import Industry, Measure, Policy
from tests.factories import (
    make_batch,
    make_follow_up,
    make_industry,
    make_pilot,
    make_policy,
    make_province,
    make_source,
)
from tests.test_pages import PAGES

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 11, 24)  # noqa: DTZ001  # a sheet knows no zones
LINK = re.compile(r'href="([^"]*export=[^"]*)"')
SYNERGY = "/policies/synergy-implementation-plan-2022/"


def get_page(client: Client, address: str) -> bytes:
    response = client.get(address)
    assert response.status_code == 200, address
    return b"".join(response)  # type: ignore[call-overload]


def get_csv(client: Client, address: str) -> list[list[str]]:
    """Return the table of a CSV, below the lines of its header."""
    text = get_page(client, address).decode().removeprefix("\ufeff")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    return [row for row in rows if not row[0].startswith("# ")]


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


@pytest.fixture
def follow_up(db: None) -> None:
    """Open a follow-up: the seed has none, and its list offers a table from the first one."""
    make_follow_up(Pilot.objects.get(slug="huzhou"))


@pytest.mark.usefixtures("follow_up")
@pytest.mark.parametrize(
    "path",
    [
        path
        for path in PAGES
        if path not in ("/sign-in/", "/search/", "/about/", "/editions/")
        and "trends" not in path
        and "brief" not in path
    ],
)
def test_a_page_offers_each_table_as_csv_and_xlsx_and_both_hold_the_same(client: Client, path: str) -> None:
    offered = export_links(client, path)
    tables = [link.removesuffix(".csv") for link in offered if link.endswith(".csv")]
    assert tables
    assert set(offered) - {f"{table}.{kind}" for table in tables for kind in ("csv", "xlsx")} <= {
        link for link in offered if link.endswith(("=page.xlsx", "=ics", "=atom"))
    }
    for table in tables:
        plain, sheet = get_csv(client, f"{table}.csv"), get_workbook(client, f"{table}.xlsx").worksheets[0]
        assert [cell.value for cell in sheet[1]] == plain[0], table
        assert sheet.max_row == len(plain), table
        assert sheet.freeze_panes == "A2", table


@pytest.mark.parametrize("path", ["/", SYNERGY, "/provinces/zhejiang/", "/pilots/?kind=park", "/industries/", "/data/"])
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


@pytest.mark.parametrize(
    ("lang", "path", "shown"), [("en", "/", 1), ("en", SYNERGY, 1), ("en", "/policies/", 0), ("en", "/search/?q=a", 0)]
)
def test_the_link_stands_where_a_page_has_several_tables(client: Client, lang: str, path: str, shown: int) -> None:
    page = client.get(path, headers={"accept-language": lang}).content.decode()
    assert page.count("This page as one workbook (XLSX)") == shown


def test_the_link_keeps_filter_day_and_language_and_leaves_the_page_of_the_list(client: Client) -> None:
    path = "/pilots/?kind=park&as_of=2026-11-24&lang=en&page=1"
    (whole,) = [link for link in export_links(client, path) if link.endswith("page.xlsx")]
    assert whole == "/pilots/?kind=park&as_of=2026-11-24&lang=en&export=page.xlsx"


def test_the_cover_of_a_page_names_the_filter_beside_the_table_that_obeys_it(client: Client) -> None:
    response = client.get("/pilots/?kind=park&as_of=2026-11-24&export=page.xlsx")
    assert response["Content-Disposition"].startswith('attachment; filename="pilots-2026-11-24.xlsx"')
    about = load_workbook(io.BytesIO(response.content))["About"]
    lines = cover_lines(about)
    assert lines[:4] == [
        ["Pilots"],
        [client.get("/pilots/?as_of=2026-11-24").context["finding"]],
        ["As of", DAY],
        ["Rows", 17 + 8 + 32],
    ]
    assert lines[4] == ["Address", "http://testserver/pilots/?kind=park&as_of=2026-11-24"]
    assert [(row[0], row[3], row[4]) for row in sheet_values(about)[7:10]] == [
        ("Pilots", 17, "Kind: industrial park"),
        ("Announced against recorded", 8, "none"),
        (about["A10"].value, 32, "none"),
    ]


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
    batch, province = make_batch(), make_province()
    make_pilot(batch, province, kind="city").sources.add(make_source(title="City notice", publisher="MEE"))
    make_pilot(batch, province, kind="park").sources.add(make_source(title="Park notice"))
    lines = cover_lines(get_workbook(client, "/industries/?kind=park&export=fields.xlsx")["About"])
    assert lines[-1] == ["Sources", "No source is recorded."]  # its pilot names no industry
    lines = cover_lines(get_workbook(client, "/pilots/?export=pilots.xlsx")["About"])
    assert {line[1] for line in lines[-2:]} == {"City notice", "Park notice"}


def test_the_key_figures_of_a_page_are_in_its_workbook(client: Client) -> None:
    sheet = get_workbook(client, "/?as_of=2026-11-24&export=page.xlsx")["Key figures"]
    rows = sheet_values(sheet)
    assert rows[0] == ("Figure", "Value", "Of what or in which unit", "Change", "Note")
    assert ("Provincial plans issued", 32, "of 32 provinces", None, "Synergy plan 2022") in rows


def test_a_search_gives_all_that_was_found(empty: None, client: Client) -> None:
    batch, province = make_batch(title_en="Batch"), make_province(name_en="Here")
    for number in range(25):
        make_pilot(batch, province, name_en=f"Kiln {number:02}", slug=f"kiln-{number}")
    rows = get_csv(client, "/search/?q=kiln&export=hits.csv")
    assert rows[0] == ["Kind", "Name", "Note", "Address"]
    assert len(rows) == 26
    assert ["pilots", "Kiln 24", f"city · {province.short} · Batch", "http://testserver/pilots/kiln-24/"] in rows


def test_a_character_that_no_workbook_holds_is_no_server_error(empty: None, client: Client) -> None:
    make_source(title="a\x0bb\x1f", publisher="=1+1")
    sheet = get_workbook(client, "/data/?export=sources.xlsx").worksheets[0]
    assert [(cell.value, cell.data_type) for cell in sheet[2]][:2] == [("a\ufffdb\ufffd", "s"), ("=1+1", "s")]
    assert get_csv(client, "/data/?export=sources.csv")[1][:2] == ["a\x0bb\x1f", "'=1+1"]


def test_a_wrong_file_names_the_right_ones(client: Client) -> None:
    page = client.get("/policies/?export=page.xlsx")
    assert page.status_code == 400
    assert "Known: policies.csv, policies.xlsx." in page.content.decode()
    page = client.get("/provinces/?export=page.csv")
    assert page.status_code == 400
    assert "provinces-list.xlsx, page.xlsx." in page.content.decode()


def test_the_rows_of_a_list_are_asked_for_while_the_file_is_sent(empty: None, client: Client) -> None:
    make_source(title="One")
    response = client.get("/data/?export=sources.csv")
    with CaptureQueriesContext(connection) as after:
        text = b"".join(response)  # type: ignore[call-overload]
    assert b"One" in text
    assert ["publisher" in query["sql"] for query in after] == [True]


def test_a_measure_is_listed_with_whom_it_is_for_and_who_prescribes_it(empty: None, client: Client) -> None:
    policy = make_policy(slug="p", title_en="The Plan")
    make_measure(policy, make_industry(name_en="Steel"), title_en="Close old kilns").sources.add(make_source(title="A"))
    policy.sources.add(make_source(title="B"))
    row = ["Close old kilns", "industry", "Steel", "The Plan"]
    for path in ("/industries/", "/policies/p/", f"/industries/{Industry.objects.get().slug}/"):
        assert get_csv(client, f"{path}?export=measures.csv")[1:] == [row]
    lines = cover_lines(get_workbook(client, "/industries/?export=measures.xlsx")["About"])
    assert {line[1] for line in lines[-2:]} == {"A", "B"}


def make_measure(policy: Policy, industry: Industry, **fields: Any) -> Measure:
    measure = Measure.objects.create(slug=f"measure-{Measure.objects.count()}", field="industry", **fields)
    measure.policies.add(policy)
    measure.industries.add(industry)
    return measure


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(
    ("address", "queries"),
    [
        # reconciliation 2; policy (none, so no roster); newest edition; total and count of the sources, those of the
        # page, all of them
        ("/data/?export=sources.csv", 8),
        # the same; figures (none, so nothing behind them) and their sources
        ("/data/?export=page.xlsx", 10),
        # reconciliation 2; progress 6 (no targets, so no steps); count; the rows of the page and their industries;
        # their open follow-ups, for a column (none, so no steps); sources; pilots by province 2; all rows and their
        # industries; histories of plans 3
        ("/pilots/?export=pilots.xlsx", 20),
        # reconciliation 2 and the batches' own industries, against which a gap is judged; coverage 7; sources;
        # quotients 3; the measures with their industries and policies 3
        ("/industries/?export=measures.csv", 17),
        # the policy with its agencies and sources 3; rollout 3; the measures with their industries and policies 3
        ("/policies/p/?export=measures.csv", 9),
        # the industry with its divisions and sources 3; how many name one; reconciliation 2; progress with industries
        # and sources 8; their sources; roster; the measures with their policies and industries 3
        ("/industries/i-0/?export=measures.csv", 19),
        # 12 kinds, follow-ups, practices and documents among them, of each the count and the first rows; all rows of
        # the three kinds that were found
        ("/search/?q=needle&export=hits.csv", 27),
    ],
)
def test_queries_of_a_file_do_not_grow(
    empty: None, client: Client, django_assert_num_queries: Any, address: str, queries: int, n: int
) -> None:
    batch, province = make_batch(), make_province()
    policy = make_policy(slug="p", title_en="p", calls_for_provincial_plan=False)
    for number in range(n):
        industry = make_industry(slug=f"i-{number}", name_en=f"needle {number}")
        make_measure(policy, industry, title_en="m")
        pilot = make_pilot(batch, province, industry, name_en=f"needle {number}")
        pilot.sources.add(make_source(title=f"needle {number}"))
    with django_assert_num_queries(queries):
        get_page(client, address)


# -- trackers ----------------------------------------------------------------------------------------------

SHARED_FILES = (
    "from=singlemessage&isappinstalled=0&utm_source=wechat&UTM_Medium=x&fbclid=1&gclid=2&spm=3&scene=126&nsukey=4"
)
MORE_FILES = (
    *("tdsourcetag", "sharer_shareinfo", "sharer_shareinfo_first", "chksm", "srcid", "pass_ticket", "ddtab"),
    *("share_token", "scm", "wfr", "weibo_id", "xhsshare", "_ga", "_gl", "igshid", "mkt_tok", "msclkid", "dclid"),
    *("yclid", "clicktime", "enterid"),
)


@pytest.mark.parametrize(
    "address", ["/", "/policies/", "/provinces/", "/pilots/", "/industries/", "/data/", "/search/"]
)
def test_a_link_shared_through_a_messenger_opens(client: Client, address: str) -> None:
    """Parameters added by messengers are ignored, and are in no link of the page."""
    page = client.get(f"{address}?{SHARED_FILES}")
    assert page.status_code == 200
    words = [part.partition("=")[0] for part in SHARED_FILES.split("&")]
    assert [word for word in words if f"{word}=" in page.text] == []


def test_other_trackers_are_passed_over_alike(client: Client) -> None:
    query = "&".join(f"{name}=x1" for name in MORE_FILES)
    page = client.get(f"/data/?{query}")
    assert (page.status_code, "=x1" in page.text) == (200, False)


def test_a_tracker_keeps_the_filters_beside_it(client: Client) -> None:
    page = client.get("/pilots/?utm_source=x&kind=park&from=timeline&lang=en")
    assert [chip.value for chip in page.context["listing"].chips] == ["industrial park"]
    assert client.get("/pilots/?utm_source=x&kid=park").status_code == 400


@pytest.mark.parametrize(
    "query", ["from=2024-01-01", "from=", "utm=1", "isappinstalled_=0", "source=x", "code=x", "state=x"]
)
def test_what_is_no_tracker_is_rejected_as_before(client: Client, query: str) -> None:
    assert client.get(f"/pilots/?{query}").status_code == 400


def test_the_filter_from_of_the_changes_is_no_tracker(admin_client: Client) -> None:
    page = admin_client.get("/admin/changes/?from=2024-01-01&utm_source=x")
    assert [chip.value for chip in page.context["bar"].chips] == ["1 January 2024"]


@pytest.mark.parametrize("query", ["utm_source=x", "from=timeline", "isappinstalled=0"])
def test_the_api_stays_strict(client: Client, query: str) -> None:
    answer = client.get(f"/api/v1/pilots/?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_parameter")
