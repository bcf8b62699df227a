"""What every page needs around its content: the product's name, its sections, languages and chart scripts."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from config.asof import quarter_ends
from config.chart_libraries import CHART_CDN, CHART_LIBRARIES, DRAWINGS
from config.demonstration import BAND, file_stem, is_demonstration

PARTS = {"pilot-list": ("batch-list",)}
"""Lists that belong to a section without being one."""

SECTIONS = (
    ("overview", _("Overview")),
    ("policy-list", _("Policies")),
    ("province-list", _("Provinces")),
    ("pilot-list", _("Pilots")),
    ("industry-list", _("Industries")),
    ("synergy", _("Synergy")),
    ("data", _("Data")),
)
BY_BATCH = {"pilot-list", "industry-list", "synergy"}  # sections that a batch narrows; from one to the next it is kept
OWN_NAMES = {"en": "English", "zh-hans": "中文"}  # a language is offered in its own words


@dataclass(frozen=True)
class Section:
    label: str | Promise
    address: str
    current: bool


@dataclass(frozen=True)
class Language:
    code: str
    name: str
    current: bool
    address: str  # whole, for search engines; the visible link only changes the query string


@dataclass(frozen=True)
class Product:
    """Named so in templates because the sign-in view already calls something `site`."""

    name: str | Promise
    programme: str | Promise
    sections: list[Section]
    languages: list[Language]
    chart_libraries: list[dict[str, str]]
    today: date
    as_of: date
    past: bool
    quarter_before: date | None  # the steps of the day picker; None where there is no such day, or it lies ahead
    quarter_after: date | None
    demonstration: bool  # what is shown is invented, and every page says so
    demonstration_band: str  # what a picture of it says across its head
    file_prefix: str  # how the names of its files begin
    address: str  # of this page, with its day and language said, so that it reads the same next year


def site(request: HttpRequest) -> dict[str, Any]:
    """The context processor. An error page may come before the day was set: then it is today."""
    today = timezone.localdate()
    as_of = getattr(request, "as_of", today)
    quarter_before, quarter_after = quarter_ends(as_of, today)
    return {
        "product": Product(
            name=_("Synergy Pilot Tracker"),
            programme=_("National programme for synergy in reducing pollution and carbon emissions"),
            sections=sections(request.path, request.GET.get("batch", "")),
            languages=languages(request),
            chart_libraries=chart_libraries(),
            today=today,
            as_of=as_of,
            past=getattr(request, "as_of_past", False),
            quarter_before=quarter_before,
            quarter_after=quarter_after,
            demonstration=is_demonstration(request),
            demonstration_band=BAND if is_demonstration(request) else "",
            file_prefix=file_stem(request, ""),
            address=address(request, as_of=as_of.isoformat(), lang=get_language() or settings.LANGUAGE_CODE),
        )
    }


def sections(path: str, batch: str = "") -> list[Section]:
    """The seven sections; the current one is that whose address this page's address begins with.

    Those that a batch narrows keep the batch of this page; the current one leads back to itself without filters.
    """
    home = reverse(SECTIONS[0][0])
    found = []
    for url_name, label in SECTIONS:
        root = reverse(url_name)
        own = [root, *(reverse(part) for part in PARTS.get(url_name, ()))]
        current = path == home if root == home else path.startswith(tuple(own))
        kept = batch and url_name in BY_BATCH and not current
        found.append(Section(label, f"{root}?{urlencode({'batch': batch})}" if kept else root, current))
    return found


def languages(request: HttpRequest) -> list[Language]:
    active = get_language()
    return [
        Language(code, OWN_NAMES[code], code == active, address(request, lang=code)) for code, _ in settings.LANGUAGES
    ]


def address(request: HttpRequest, **changes: str) -> str:
    """This page's whole address with these words of its query string set."""
    query = request.GET.copy()
    for key, value in changes.items():
        query[key] = value
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def chart_libraries() -> list[dict[str, str]]:
    """What charts-loader.js reads, `kinds` being the drawings that need it. An isolated site names only its own."""
    libraries = [
        {"local": static(local), "kinds": kinds}
        if settings.ISOLATED
        else {"cdn": CHART_CDN + remote, "integrity": integrity, "local": static(local), "kinds": kinds}
        for remote, integrity, local, kinds in CHART_LIBRARIES
    ]
    return libraries + [{"local": static(local), "kinds": kinds} for local, kinds in DRAWINGS]
