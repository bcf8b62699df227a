"""Browser tests of every page, against the project served as by `make run`."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils.timezone import localdate
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pypdf import PdfReader

from tests.support.browser import (
    BrowserLog,
    ServedProject,
    cdn_silent,
    cdn_tampered,
    cdn_unreachable,
    chromium,
    draw_charts,
    horizontal_overflow,
    is_painted,
    module,
    open_context,
)
from tests.test_pages import PAGES

pytestmark = pytest.mark.browser

POLICY = "/policies/synergy-implementation-plan-2022/"
LOCALES = {"en": "en-GB", "zh-hans": "zh-CN"}
THEMES = {"en": ("light", "dark"), "zh-hans": ("dark", "light")}  # wide, narrow
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> ServedProject:
    product = ServedProject(tmp_path_factory.mktemp("product"))
    product.prepare()
    return product


@pytest.fixture(scope="module")
def site(product: ServedProject) -> Iterator[str]:
    with product.served() as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def readers(browser: Browser) -> Iterator[dict[str, tuple[BrowserContext, BrowserLog]]]:
    """Yield one browser context per language, set by its preference alone."""
    opened = {lang: open_context(browser, locale=locale) for lang, locale in LOCALES.items()}
    yield opened
    for context, _heard in opened.values():
        context.close()


@pytest.fixture
def reader(browser: Browser, site: str) -> Iterator[Callable[..., Page]]:
    """Return a function to open a page in a new context, `reader("/pilots/", locale="zh-CN")`; errors fail."""
    opened: list[tuple[BrowserContext, BrowserLog]] = []

    def open_page(path: str, base: str = site, **options: Any) -> Page:
        opened.append(open_context(browser, **{"base_url": base, **options}))
        page = opened[-1][0].new_page()
        page.goto(path)
        return page

    yield open_page
    for context, _heard in opened:
        context.close()
    assert [heard.errors for _context, heard in opened] == [[]] * len(opened)


def browser_errors(page: Page, **options: Any) -> list[str]:
    """Return the violations found by axe, one line per rule; those of Swagger UI are not ours to mend."""
    rules = {"label-content-name-mismatch": {"enabled": True}}  # WCAG 2.5.3, which axe leaves out by default
    if page.locator("#swagger-ui").count():
        wait_for_reference(page)
        rules["landmark-no-duplicate-main"] = {"enabled": False}  # it has one of its own
    options["rules"] = rules
    results = Axe().run(page, context={"exclude": [["#swagger-ui"]]}, options=options)
    return [
        f"{rule['id']}: {rule['nodes'][0]['html'][:200]} {rule['nodes'][0].get('failureSummary', '')}"
        for rule in results.response["violations"]
    ]


def wait_for_reference(page: Page) -> None:
    """Wait until Swagger UI has read the schema."""
    page.locator("#swagger-ui .opblock-tag").first.wait_for(timeout=60_000)


def wait_for_drawings(page: Page) -> None:
    """Wait until every chart in sight is drawn, as a wide window does by itself once it is idle."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function(
        """() => [...document.querySelectorAll("[data-live-drawing]")]
          .every((box) => !box.offsetParent || box.closest("[data-drawn]"))"""
    )


# -- every page ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LOCALES)
@pytest.mark.parametrize("path", [*PAGES, "/api/docs/", "/admin/login/"])
def test_page_is_sound(readers: dict[str, tuple[BrowserContext, BrowserLog]], site: str, path: str, lang: str) -> None:
    """The theme changes with the language, so that each pair of width, language and theme is tested."""
    check_page(*readers[lang], f"{site}{path}", lang)


CUT_TABLES = """() => [...document.querySelectorAll(".table-frame")]
  .filter((frame) => !frame.closest(".pane") && frame.offsetParent && frame.scrollWidth > frame.clientWidth + 1)
  .map((frame) => frame.getAttribute("aria-label"))"""
"""The tables that are wider than their place, beside those of charts, which scroll in the place of the drawing."""


def check_page(context: BrowserContext, heard: BrowserLog, address: str, lang: str) -> None:
    """Accessible wide and narrow, light and dark; quiet in the console; never wider than the window; and still."""
    heard.errors.clear()
    page = context.new_page()
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme=THEMES[lang][0])
    page.goto(address)
    assert page.locator("html").get_attribute("lang") == lang
    draw_charts(page)
    assert page.evaluate("() => window.shifted") <= 0.02
    assert browser_errors(page) == []
    assert page.evaluate(CUT_TABLES) == []
    for width in (360, 768, 1920, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert horizontal_overflow(page) <= 0, width
    page.emulate_media(color_scheme=THEMES[lang][1])
    assert browser_errors(page) == []
    assert is_painted(page)
    page.close()
    assert heard.errors == []


# -- follow-ups and practices, which the demonstration has and the shipped records have not ----------------


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> ServedProject:
    project = ServedProject(tmp_path_factory.mktemp("demonstration"))
    project.prepare("load_demo")
    return project


@pytest.fixture(scope="module")
def demonstration(invented: ServedProject) -> Iterator[str]:
    """Yield the address of the project served with demonstration data."""
    with invented.served() as address:
        yield address


@pytest.mark.parametrize("lang", LOCALES)
@pytest.mark.parametrize(
    "path", ["/", "/actions/", "/actions/2026-018/", "/practices/", "/practices/example-practice-01/"]
)
def test_a_page_of_follow_ups_or_practices_is_sound(
    readers: dict[str, tuple[BrowserContext, BrowserLog]], demonstration: str, path: str, lang: str
) -> None:
    check_page(*readers[lang], f"{demonstration}{path}", lang)


@pytest.mark.parametrize(("viewport", "height", "last"), [(DESK, 2600, "#since"), (PHONE, 5 * 844, ".why")])
def test_the_overview_is_short_and_begins_with_what_needs_attention(
    reader: Callable[..., Page], demonstration: str, viewport: dict[str, int], height: int, last: str
) -> None:
    """On a desk the first four parts are on the first screen, on a phone the first reason."""
    page = reader("/", base=demonstration, viewport=viewport)
    box = page.locator(last).first.bounding_box()
    assert box["y"] + box["height"] <= viewport["height"]
    assert page.evaluate("() => document.documentElement.scrollHeight") <= height


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/pilots/?province=hebie", "Did you mean “hebei”?"),
        ("/?as_of=2024-02-30", "the day 2024-02-30 does not exist"),
        ("/pilots/nobody/", "Page not found"),
    ],
)
def test_an_error_page_says_what_to_do(browser: Browser, site: str, path: str, says: str) -> None:
    context, _heard = open_context(browser, viewport=PHONE)
    page = context.new_page()
    page.goto(f"{site}{path}")
    expect(page.get_by_role("main")).to_contain_text(says)
    assert page.get_by_role("main").get_by_role("link").count() >= 1
    assert horizontal_overflow(page) <= 0
    assert browser_errors(page) == []
    context.close()


# -- without script, and with charts from wherever they can be had -------------------------------------------


def test_without_script_the_tables_stand_in_for_the_charts(reader: Callable[..., Page]) -> None:
    page = reader(POLICY, java_script_enabled=False)
    expect(page.locator("canvas").first).to_be_hidden()
    expect(page.locator("[data-tabs]").first).to_be_hidden()
    for slug in ("map", "adoption", "lags"):
        expect(page.locator(f"#chart-{slug} table")).to_be_visible()
    page.goto("/provinces/")
    expect(page.get_by_role("list", name="Plans").get_by_role("link", name="Zhejiang")).to_be_visible()
    expect(page.get_by_role("list", name="Pilots").get_by_role("link", name="Zhejiang")).to_be_visible()
    page.goto("/")
    expect(page.locator("#chart-adoption table")).to_be_hidden()
    page.locator(".curve > summary").click()
    expect(page.locator("#chart-adoption table")).to_contain_text("30 Jan 2024")


def test_without_script_the_filters_work_and_on_a_phone_are_folded_and_say_how_many_apply(
    reader: Callable[..., Page],
) -> None:
    page = reader("/pilots/?kind=park&as_of=2026-11-24", viewport=PHONE, java_script_enabled=False)
    expect(page.get_by_label("Province", exact=True)).to_be_hidden()
    page.get_by_text("Filters (1)", exact=True).click()
    assert page.get_by_label("Province", exact=True).locator("option").count() > 20
    expect(page.get_by_label("Kind")).to_have_value("park")
    page.get_by_label("Kind").select_option("city")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("[data-count]")).to_have_text("13 of 31 records")
    assert "kind=city" in page.url
    assert "as_of=2026-11-24" in page.url
    page.get_by_role("link", name="Remove filter Kind: city").click()
    expect(page.locator("[data-count]")).to_have_text("31 records")


@pytest.mark.parametrize("cdn", [cdn_unreachable, cdn_tampered, cdn_silent])
def test_charts_come_from_us_when_the_cdn_fails(browser: Browser, site: str, cdn: Any) -> None:
    context, _heard = open_context(browser, cdn=cdn)
    page = context.new_page()
    page.goto(f"{site}/industries/")
    draw_charts(page)
    scripts = page.evaluate("() => [...document.head.querySelectorAll('script[src*=chart]')].map((node) => node.src)")
    libraries = [address for address in scripts if re.search("jsdelivr|/vendor/", address)]
    assert [address.startswith(f"{site}/static/vendor/") for address in libraries] == [True]
    assert is_painted(page)
    context.close()


def test_an_isolated_site_asks_nobody_else(browser: Browser, product: ServedProject) -> None:
    context, heard = open_context(browser)
    with product.served(ISOLATED="1") as site:
        page = context.new_page()
        for path in ("/", POLICY, "/industries/", "/api/docs/", "/admin/login/"):
            answer = page.goto(f"{site}{path}")
            assert answer
            assert "jsdelivr" not in answer.text()
            policy = answer.headers["content-security-policy"].split("; ")
            assert [part for part in policy if part.startswith("script-src")] == ["script-src 'self'"]
            assert "https:" not in answer.headers["content-security-policy"]
            draw_charts(page)
            assert is_painted(page)
    context.close()
    assert heard.hosts == {site.removeprefix("http://")}
    assert heard.errors == []


# -- the keyboard ------------------------------------------------------------------------------------------


def test_the_first_stop_leads_past_the_header(reader: Callable[..., Page]) -> None:
    page = reader("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_parts_of_a_pilot_s_page_are_tabs_that_an_address_can_name(reader: Callable[..., Page]) -> None:
    page = reader("/pilots/huzhou/#indicator-ENE_NFF")
    expect(page.get_by_role("tab", name="Charts", selected=True)).to_be_visible()
    expect(page.locator("#indicator-ENE_NFF")).to_be_in_viewport()
    expect(page.locator("#overview")).to_be_hidden()
    page.get_by_role("tab", name="Summary", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Charts 3", selected=True)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Evidence and sources", selected=True)).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Evidence and sources")).to_be_visible()
    assert page.url.endswith("#evidence")


def test_arrow_keys_move_over_the_tile_map_and_enter_opens(reader: Callable[..., Page]) -> None:
    page = reader("/?as_of=2026-11-24")
    tiles = page.get_by_role("list", name="Plans")
    assert tiles.locator("a[tabindex='0']").count() == 1  # one stop for the whole map
    tiles.get_by_role("link", name="Beijing").focus()
    page.keyboard.press("ArrowDown")
    expect(tiles.get_by_role("link", name="Tianjin")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(tiles.get_by_role("link", name="Shandong")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/provinces/shandong/?as_of=2026-11-24")


def test_one_tab_stop_leads_from_a_chart_to_its_table(reader: Callable[..., Page]) -> None:
    page = reader("/industries/?as_of=2026-11-24")
    draw_charts(page)
    frame = page.locator("#chart-coverage")
    frame.get_by_role("tab", name="Chart").focus()
    page.keyboard.press("ArrowRight")
    expect(frame.get_by_role("tab", name="Table", selected=True)).to_be_focused()
    page.keyboard.press("Tab")
    expect(frame.get_by_role("table")).to_be_visible()
    expect(frame.locator("canvas")).not_to_be_focused()


def test_on_a_phone_a_table_has_cards_and_a_list_ten_rows_until_all_are_asked_for(reader: Callable[..., Page]) -> None:
    page = reader(POLICY, viewport=PHONE, java_script_enabled=False)
    card = page.locator("table.as-cards:has(.card-status) tbody tr").first
    name, light = card.get_by_role("rowheader"), card.locator(".card-status")
    places = [name.bounding_box(), light.bounding_box()]
    assert places[0]
    assert places[1]
    assert abs(places[0]["y"] - places[1]["y"]) < 12  # on one line
    assert places[0]["x"] + places[0]["width"] <= places[1]["x"]
    page = reader("/pilots/", viewport=PHONE, java_script_enabled=False)
    rows = page.locator("#results tbody tr")
    box = rows.first.bounding_box()
    assert box
    assert box["height"] < 72  # two lines
    assert [rows.nth(number).is_visible() for number in (9, 10, 30)] == [True, False, False]
    page.get_by_role("link", name="Show all 31").click()
    expect(rows.nth(30)).to_be_visible()
    expect(page.get_by_role("link", name="Show all 31")).to_be_hidden()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390  # no frame is waited for without script


def test_forced_colours_leave_what_is_chosen_and_what_a_colour_says(reader: Callable[..., Page]) -> None:
    page = reader(POLICY, forced_colors="active", color_scheme="light")
    draw_charts(page)

    def looks(*selectors: str, of: str = "borderBottomColor") -> list[str]:
        """One property of the first element of each kind."""
        return [page.locator(each).first.evaluate(f"(node) => getComputedStyle(node).{of}") for each in selectors]

    page_ground = looks("body", of="backgroundColor")[0]
    chosen, other = looks(".site-nav a.current", ".site-nav a:not(.current)")
    assert (chosen != page_ground, other) == (True, page_ground)
    chosen, other = looks(".tabs [aria-selected=true]", ".tabs [aria-selected=false]")
    assert (chosen != page_ground, other) == (True, page_ground)
    assert looks(".figure-label", ".figure-value", of="forcedColorAdjust") == ["none", "none"]
    assert looks(".canvas", of="forcedColorAdjust") == ["none"]
    page.goto("/provinces/")
    assert looks(".switch :checked", of="opacity") == ["1"]  # a radio button as the browser draws it
    chosen, other = looks(".switch :checked + span", ".switch :not(:checked) + span", of="fontWeight")
    assert chosen != other
    page.goto("/pilots/huzhou/")
    chosen, other = looks(".page-tabs [aria-selected=true]", ".page-tabs [aria-selected=false]")
    assert (chosen != page_ground, other) == (True, page_ground)


# -- lists, state, memory --------------------------------------------------------------------------------------


def test_quick_search_answers_while_typing_and_says_how_many(reader: Callable[..., Page]) -> None:
    page = reader("/pilots/?as_of=2026-11-24")
    page.get_by_label("Search", exact=True).first.type("湖州")
    status = page.locator("[data-announce]")
    expect(status).to_have_text("2 of 31 records")
    assert status.get_attribute("role") == "status"
    expect(page.locator("#results tbody tr")).to_have_count(2)
    assert "as_of=2026-11-24" in page.url
    page.get_by_text("More filters").click()
    page.get_by_label("Kind").select_option("park")
    expect(page.locator("#results")).to_contain_text("No recorded pilot matches these filters.")
    page.get_by_role("link", name="Clear all filters").click()
    expect(page.locator("[data-count]")).to_have_text("31 records")


def test_a_select_walked_by_keys_asks_once_and_back_undoes_the_filter(reader: Callable[..., Page]) -> None:
    page = reader("/pilots/?as_of=2026-11-24")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "province=" in request.url else None)
    province = page.get_by_label("Province", exact=True)
    province.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    chosen = province.input_value()
    expect(page.locator("[data-count]")).to_contain_text("of 31 records")
    assert [url.partition("province=")[2] for url in asked] == [chosen]
    page.get_by_label("Stage", exact=True).select_option("listed")
    expect(page.get_by_role("link", name="Remove filter Stage: Listed")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name="Remove filter Stage: Listed")).to_have_count(0)
    expect(page.get_by_label("Stage", exact=True)).to_have_value("")
    expect(province).to_have_value(chosen)
    page.go_back()
    expect(page.locator("[data-count]")).to_have_text("31 records")
    expect(province).to_have_value("")


def test_the_chosen_colours_are_kept(reader: Callable[..., Page]) -> None:
    page = reader("/", color_scheme="light")
    page.get_by_role("button", name="Colours: as the system").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto("/pilots/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(15, 23, 20)"


# -- what a steward does -------------------------------------------------------------------------------------


AS_LOADED = {"preload": False}  # axe would look for what the admin's style sheets import in a wrong place, and say so
ADMIN_REPORTS = ["/admin/import/", "/admin/changes/", "/admin/quality/", "/admin/auth/user/1/token/", "/tokens/"]


@pytest.fixture(scope="module")
def steward(product: ServedProject) -> str:
    """Return the name of an administrator, which is also the password."""
    product.manage(
        "createsuperuser", "--noinput", "--username=steward", "--email=", DJANGO_SUPERUSER_PASSWORD="steward"
    )
    return "steward"


def sign_in_as(page: Page, name: str) -> None:
    """Sign in on the sign-in page."""
    page.locator("#id_username").fill(name)
    page.locator("#id_password").fill(name)
    page.locator("main [type=submit]").click()
    page.wait_for_url(lambda address: "/sign-in/" not in address)


FORMS = {  # the forms of the day: the page that leads to each, and how its address ends
    "readings": ("/pilots/example-city-10/", "/readings/"),
    "judge": ("/pilots/example-city-10/", "/readings/judge/?pilot=example-city-10"),
    "stage": ("/pilots/example-city-10/", "/stages/enter/"),
    "light": ("/pilots/example-city-10/", "/light/"),
    "done": ("/pilots/example-city-10/", "/done/"),
    "object": ("/pilots/example-city-10/", "/object/"),
    "amendment": ("/pilots/example-city-10/readings/", "/amend/"),
    "answer": ("/pilots/example-city-04/", "/answer/"),
}
ASKED = """
from datetime import date
from pilots.models import Milestone
from tests import factories as make
make.amendment(Milestone.objects.filter(pilot__slug="example-city-04", completions=None).first(), day=date(2027, 9, 30))
"""


@pytest.fixture(scope="module")
def officers(
    browser: Browser, invented: ServedProject, demonstration: str
) -> Iterator[dict[str, tuple[BrowserContext, BrowserLog]]]:
    """Yield for each language a browser in which an administrator has signed in to the demonstration."""
    invented.manage(
        "createsuperuser", "--noinput", "--username=steward", "--email=", DJANGO_SUPERUSER_PASSWORD="steward"
    )
    invented.manage("shell", "-v0", "-c", ASKED)
    opened = {lang: open_context(browser, locale=locale) for lang, locale in LOCALES.items()}
    for context, _heard in opened.values():
        page = context.new_page()
        page.goto(f"{demonstration}/sign-in/")
        sign_in_as(page, "steward")
        page.close()
    yield opened
    for context, _heard in opened.values():
        context.close()


@pytest.mark.parametrize("lang", LOCALES)
@pytest.mark.parametrize("form", FORMS)
def test_a_form_of_the_day_is_sound_empty_and_with_its_faults(
    officers: dict[str, tuple[BrowserContext, BrowserLog]], demonstration: str, form: str, lang: str
) -> None:
    """As it is opened, and as it is answered where nothing that it needs was given: it leads to each fault."""
    context, heard = officers[lang]
    record, end = FORMS[form]
    page = context.new_page()
    page.goto(f"{demonstration}{record}")
    address = page.locator(f"main a[href$='{end}']").last.get_attribute("href")
    check_page(context, heard, f"{demonstration}{address}", lang)
    page.emulate_media(color_scheme=THEMES[lang][1])
    page.goto(f"{demonstration}{address}")
    for field in page.locator("#entry-form :is(input[type=text], input[type=date], textarea):visible").all():
        field.fill("?" if form == "readings" else "")
    page.locator("#entry-form [type=submit]").first.click()
    summary = page.locator(".error-summary")
    expect(summary).to_be_visible()
    assert browser_errors(page) == []
    summary.get_by_role("link").first.click()
    assert page.evaluate("() => document.activeElement.matches('#entry-form *:target')")
    page.set_viewport_size(PHONE)
    assert horizontal_overflow(page) <= 0
    page.close()
    heard.errors.clear()  # the browser tells of the status 400


@pytest.mark.parametrize("lang", LOCALES)
@pytest.mark.parametrize("path", ADMIN_REPORTS)
def test_a_page_for_editors_is_sound(reader: Callable[..., Page], steward: str, path: str, lang: str) -> None:
    page = reader(f"/admin/login/?next={path}", locale=LOCALES[lang], viewport=DESK, color_scheme=THEMES[lang][0])
    sign_in_as(page, steward)
    assert page.locator("html").get_attribute("lang") == lang
    assert browser_errors(page, **AS_LOADED) == []
    page.set_viewport_size(PHONE)
    assert horizontal_overflow(page) <= 0
    page.emulate_media(color_scheme=THEMES[lang][1])
    page.reload()  # in place, links of the admin would be caught half way from one colour to the other
    assert browser_errors(page, **AS_LOADED) == []


# -- what leaves the page ------------------------------------------------------------------------------------


def export(page: Page, slug: str, kind: str, folder: Path, *, about: str = "") -> bytes:
    """Choose an entry of a chart's export menu and return the file. A link leaves the menu open."""
    menu = page.locator(f"#menu-{slug}")
    if menu.get_attribute("open") is None:
        menu.locator("summary").click()
    with page.expect_download() as download:
        menu.get_by_text(re.compile(rf"[(（]{kind}[)）]")).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == f"{slug}{about and f'-{about}'}-2026-11-24.{kind.lower()}"
    return path.read_bytes()


@pytest.mark.parametrize(("path", "slug"), [(POLICY, "adoption"), ("/industries/", "coverage"), (POLICY, "lags")])
def test_a_chart_is_saved_as_a_picture(reader: Callable[..., Page], tmp_path: Path, path: str, slug: str) -> None:
    page = reader(f"{path}?as_of=2026-11-24")
    draw_charts(page)
    picture = export(page, slug, "PNG", tmp_path)
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(picture[at : at + 4]) for at in (16, 20))
    assert width > 900
    assert height > 500
    assert len(picture) > 20_000  # a blank one is much smaller


def picture_texts(page: Page, slug: str) -> dict[str, Any]:
    """Return the texts of a chart's picture."""
    return page.evaluate(
        "async ([module, id]) => (await import(module)).pictureTexts(document.getElementById(id))",
        [module(page, "picture"), f"chart-{slug}"],
    )


def test_a_picture_says_all_that_one_needs_to_read_it(reader: Callable[..., Page], site: str) -> None:
    """And nothing that only the screen has, such as the hidden words of the link to a definition."""
    page = reader(f"{POLICY}?as_of=2026-11-24", locale="zh-CN")
    draw_charts(page)
    slugs = "(buttons) => buttons.map((button) => button.closest('[data-chart]').dataset.slug)"
    for slug in page.eval_on_selector_all("[data-picture]", slugs):
        said = picture_texts(page, slug)
        assert not re.search(r"[?？]|口径说明", said["title"] + said["subtitle"] + said["note"]), said
        assert said["title"] == page.locator(f"#title-{slug}").inner_text()
        assert said["subtitle"]
    said = picture_texts(page, "adoption")
    assert said["subtitle"].endswith("截至2026年11月24日")
    assert len(said["flags"]) >= 2
    assert all(re.search(r"\d{4}年", flag) for flag in said["flags"])
    assert len(said["sources"]) > 2
    assert (said["sourcesLabel"], said["band"]) == ("来源", "")
    address = f"{site}{POLICY}?as_of=2026-11-24&known={localdate()}&lang=zh-hans#chart-adoption"
    assert said["credit"] == f"减污降碳协同试点跟踪平台，截至2026年11月24日。 {address}"


def test_a_citation_ends_with_the_copied_link_whatever_the_chart_shows(reader: Callable[..., Page], site: str) -> None:
    page = reader("/provinces/?as_of=2026-11-24", permissions=["clipboard-read", "clipboard-write"])
    frame = page.locator("#chart-map")
    frame.get_by_text("Pilots", exact=True).first.click()
    frame.get_by_role("tab", name="Table").click()
    assert page.evaluate("() => location.search") == "?as_of=2026-11-24"
    page.locator("#menu-map summary").click()
    page.locator("#menu-map").get_by_role("button", name="Copy citation").click()
    expect(page.locator("#chart-map .status-message")).to_have_text("Citation copied")
    citation = page.evaluate("() => navigator.clipboard.readText()")
    title, link = (
        page.locator("#title-map").inner_text(),
        f"{site}/provinces/?as_of=2026-11-24&known={localdate()}&lang=en#chart-map",
    )
    assert citation == f"“{title}”, Synergy Pilot Tracker, as it stood on 24 November 2026. {link}"


def test_a_chart_is_drawn_when_it_is_seen_and_not_before(reader: Callable[..., Page]) -> None:
    """Chart libraries are not requested before the first chart is near the viewport."""
    page = reader(POLICY, viewport=PHONE)
    page.wait_for_load_state("networkidle")
    assert page.locator("[data-drawn]").count() == 0
    loaded = page.evaluate("() => performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [address for address in loaded if re.search("jsdelivr|vendor", address)] == []
    page.locator("#chart-adoption").scroll_into_view_if_needed()
    expect(page.locator("#chart-adoption")).to_have_attribute("data-drawn", "")
    expect(page.locator("#chart-lags")).not_to_have_attribute("data-drawn", "")


def test_printing_draws_all_charts_first(reader: Callable[..., Page]) -> None:
    """Ctrl+P before any chart was visible: libraries are loaded and all charts drawn before printing."""
    page = reader(POLICY, viewport=PHONE)
    page.wait_for_load_state("networkidle")
    page.evaluate("""() => { window.print = () => {
      dispatchEvent(new Event("beforeprint"));
      window.printed = [...document.querySelectorAll("[data-drawn]")].map((frame) => frame.dataset.slug);
    }; }""")
    page.keyboard.press("Control+p")
    page.wait_for_function("() => window.printed")
    drawings = page.eval_on_selector_all(
        "[data-live-drawing]", "(boxes) => boxes.map((box) => box.closest('[data-chart]').dataset.slug)"
    )
    assert {"adoption", "lags"} == set(drawings)
    assert page.evaluate("() => window.printed") == drawings
    assert is_painted(page)


PAPER = {  # at most so many sheets of A4, with shipped records and with the demonstration
    "/": (3, 3),
    "/pilots/huzhou/": (2, None),
    "/pilots/example-city-04/": (None, 3),
    "/synergy/": (1, 4),
    "/provinces/hebei/": (1, 1),
    POLICY: (4, None),
    "/batches/national-batch-1/": (3, None),
    "/batches/example-batch-1/": (None, 4),
    "/practices/": (1, 2),
    "/actions/": (1, 4),
}


def printed(page: Page) -> list[str]:
    """Print without scrolling; return the text of each sheet."""
    wait_for_drawings(page)
    reader = PdfReader(io.BytesIO(page.pdf(format="A4", prefer_css_page_size=True)))
    radical = "\u2eda"  # of the same shape as the character, which is what fonts lead PDF readers to
    return [sheet.extract_text().replace(radical, "页") for sheet in reader.pages]


@pytest.mark.parametrize("lang", LOCALES)
@pytest.mark.parametrize("path", PAPER)
def test_a_printed_page_is_short_and_says_which_page_of_how_many(
    reader: Callable[..., Page], site: str, demonstration: str, path: str, lang: str
) -> None:
    """Also from a dark screen: page n of m and the address on each sheet, and no sheet for a line or two."""
    for base, most in zip((site, demonstration), PAPER[path], strict=True):
        if most is None:
            continue
        page = reader(f"{path}?lang={lang}", base=base, color_scheme="dark")
        sheets = printed(page)
        assert len(sheets) <= most
        for number, text in enumerate(sheets, 1):
            words = f"Page {number} of {len(sheets)}" if lang == "en" else f"第{number}页，共{len(sheets)}页"
            assert words.replace(" ", "") in re.sub(r"\s", "", text)
            assert f"{path}?lang={lang}" in re.sub(r"\s", "", text)
            assert len(text.strip().splitlines()) > 5
        counts = page.locator(".lights-count").all_text_contents()
        assert all(count.split()[-1] in sheets[0] for count in counts)


@pytest.mark.parametrize(("path", "charts"), [("/batches/example-batch-1/", 1), ("/pilots/example-city-04/", 9)])
def test_no_chart_of_a_printed_page_is_blank(
    reader: Callable[..., Page], demonstration: str, path: str, charts: int
) -> None:
    """Those in tabs that were never opened too, without scrolling, and in the colours of paper."""
    page = reader(path, base=demonstration, color_scheme="dark")
    wait_for_drawings(page)
    page.evaluate(
        """() => addEventListener("beforeprint", () => {
          const painted = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
            .data.some((value) => value > 0);
          window.paper = [...document.querySelectorAll("[data-live-drawing]")].map((box) => {
            const drawn = "drawn" in box.closest("[data-chart]").dataset;
            return drawn && box.clientWidth > 0 && painted(box.querySelector("canvas"));
          });
        })"""
    )
    page.pdf(format="A4", prefer_css_page_size=True)
    assert page.evaluate("() => window.paper") == [True] * charts


@pytest.mark.parametrize("lang", LOCALES)
def test_the_longest_briefs_take_one_page_of_a4(reader: Callable[..., Page], demonstration: str, lang: str) -> None:
    for path in ("nation", "batch/example-batch-1", "province/jiangsu", "pilot/example-city-16"):
        page = reader(f"/brief/{path}/?lang={lang}", base=demonstration)
        sheets = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True))).pages
        assert [(round(sheet.mediabox.width), round(sheet.mediabox.height)) for sheet in sheets] == [(595, 842)], path
        assert f"/brief/{path}/" in "".join(sheets[0].extract_text().split()), path  # the foot is on the page


# -- the documentation of the API ------------------------------------------------------------------------------


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_the_reference_sends_a_request(reader: Callable[..., Page], viewport: dict[str, int]) -> None:
    page = reader("/api/docs/?lang=zh-hans", viewport=viewport)
    wait_for_reference(page)
    page.get_by_role("link", name="rollout").click()
    page.locator("#operations-rollout-rollout_retrieve button").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .response .response-col_status")).to_contain_text("200")
    assert horizontal_overflow(page) <= 0
    assert page.evaluate("() => [localStorage.length, sessionStorage.length]") == [0, 0]
