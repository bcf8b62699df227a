"""Context processor of every page: site name, sections, languages and chart scripts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from core.http.as_of import adjacent_quarter_ends
from core.http.demo_mode import DEMO_LABEL, download_stem, is_demonstration
from core.http.menu import menu_entries
from core.text.bilingual import OWN_LANGUAGE_NAMES
from core.web.chart_libraries import CHART_CDN, CHART_LIBRARIES


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
    address: str  # absolute, for search engines; the visible link only changes the query string


@dataclass(frozen=True)
class SiteContext:
    """Site-wide template context, named `product` because the sign-in view has a variable `site`."""

    name: str | Promise
    version: str
    programme: str | Promise
    sections: list[Section]
    languages: list[Language]
    chart_libraries: list[dict[str, str]]
    today: date
    as_of: date
    past: bool
    known: date  # at whose end the records stood as they are shown
    known_past: bool
    shows_past: bool  # at least one of the two days is past
    quarter_before: date | None  # steps of the date picker; None outside the calendar or in the future
    quarter_after: date | None
    demonstration: bool  # demonstration data, marked on every page
    demonstration_band: str  # label on exported pictures
    file_prefix: str  # prefix of file names
    address: str  # of this page with date and language, so that it shows the same next year


def site_context(request: HttpRequest) -> dict[str, object]:
    """Context processor. An error page may be rendered before the as-of date is set: then it is today."""
    today = timezone.localdate()
    as_of = getattr(request, "as_of", today)
    quarter_before, quarter_after = adjacent_quarter_ends(as_of, today)
    return {
        "product": SiteContext(
            name=_("Synergy Pilot Tracker"),
            version=settings.VERSION,
            programme=_("National programme for synergy in reducing pollution and carbon emissions"),
            sections=build_sections(request.path, request.GET),
            languages=build_languages(request),
            chart_libraries=build_chart_libraries(),
            today=today,
            as_of=as_of,
            past=getattr(request, "as_of_past", False),
            known=getattr(request, "known", today),
            known_past=getattr(request, "known_past", False),
            shows_past=getattr(request, "as_of_past", False) or getattr(request, "known_past", False),
            quarter_before=quarter_before,
            quarter_after=quarter_after,
            demonstration=is_demonstration(request),
            demonstration_band=DEMO_LABEL if is_demonstration(request) else "",
            file_prefix=download_stem(request, ""),
            address=url_with_params(request, as_of=as_of.isoformat(), lang=get_language() or settings.LANGUAGE_CODE),
        )
    }


def build_sections(path: str, params: Mapping[str, str]) -> list[Section]:
    """Return the sections; the current one is that whose URL the page's path begins with.

    Links keep the filters that a section shares with others; the current one has none.
    """
    entries = menu_entries()
    home = reverse(entries[0].url_name)
    found = []
    for entry in entries:
        root = reverse(entry.url_name)
        own = [root, *map(reverse, entry.pages)]
        current = path == home if root == home else path.startswith(tuple(own))
        shared = {name: params[name] for name in entry.shared_params if params.get(name)}
        address = f"{root}?{urlencode(shared)}" if shared and not current else root
        found.append(Section(entry.label, address, current))
    return found


def build_languages(request: HttpRequest) -> list[Language]:
    active = get_language()
    return [
        Language(code, OWN_LANGUAGE_NAMES[code], code == active, url_with_params(request, lang=code))
        for code, _ in settings.LANGUAGES
    ]


def url_with_params(request: HttpRequest, **changes: str) -> str:
    """Return this page's absolute URL with these query parameters set."""
    query = request.GET.copy()
    for key, value in changes.items():
        query[key] = value
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def build_chart_libraries() -> list[dict[str, str]]:
    """What chart-loader.js reads, `kinds` being the chart types that need it. An isolated site names only its own."""
    return [
        {"local": static(local), "kinds": kinds}
        if settings.ISOLATED
        else {"cdn": CHART_CDN + remote, "integrity": integrity, "local": static(local), "kinds": kinds}
        for remote, integrity, local, kinds in CHART_LIBRARIES
    ]
