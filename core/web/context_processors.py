"""Context processor of every page: site name, sections, languages and chart scripts."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from core.http.as_of import FIRST_DAY, adjacent_quarter_ends
from core.http.request import DEMO_LABEL, download_stem, is_demonstration
from core.text.bilingual import OWN_LANGUAGE_NAMES
from core.text.formatting import format_date
from core.web.html import carried_parameters
from core.web.list_pages import url_with
from core.web.static_files import CHART_CDN, CHART_LIBRARIES


def site_context(request: HttpRequest) -> dict[str, object]:
    """Context processor: `product`, named so because the sign-in view has a variable `site`.

    An error page may be rendered before the as-of date is set: then it is today.
    """
    today = timezone.localdate()
    as_of, known = getattr(request, "as_of", today), getattr(request, "known", today)
    past, known_past = getattr(request, "as_of_past", False), getattr(request, "known_past", False)
    demonstration = is_demonstration(request)
    quarter_before, quarter_after = adjacent_quarter_ends(as_of, today)
    active = get_language()
    product = {
        "name": _("Synergy Pilot Tracker"),
        "version": settings.VERSION,
        "programme": _("National programme for synergy in reducing pollution and carbon emissions"),
        "sections": build_sections(request.path, request.GET),
        "languages": [  # addresses are absolute, for search engines; the visible link only changes the query string
            {
                "code": code,
                "name": OWN_LANGUAGE_NAMES[code],
                "current": code == active,
                "address": request.build_absolute_uri(url_with(request, lang=code)),
            }
            for code, _name in settings.LANGUAGES
        ],
        # What chart-loader.js reads: `kinds` are the chart types that need it. An isolated site names its own.
        "chart_libraries": [
            {"local": static(local), "kinds": kinds}
            if settings.ISOLATED
            else {"cdn": CHART_CDN + remote, "integrity": integrity, "local": static(local), "kinds": kinds}
            for remote, integrity, local, kinds in CHART_LIBRARIES
        ],
        "first_day": FIRST_DAY,  # of the date picker
        "today": today,
        "as_of": as_of,
        "past": past,
        "known": known,  # at whose end the records stood as they are shown
        "known_past": known_past,
        "shows_past": past or known_past,
        "quarter_before": quarter_before,  # steps of the date picker; None outside the calendar or in the future
        "quarter_after": quarter_after,
        "demonstration": demonstration,  # demonstration data, marked on every page
        "demonstration_band": DEMO_LABEL if demonstration else "",  # label on exported pictures
        "file_prefix": download_stem(request, ""),
        "mail": settings.MAIL,  # whether a link to a new password can be sent
        "provider": settings.OIDC_NAME if settings.OIDC_SERVER else "",  # of single sign-on
        "carried": carried_parameters(request.GET),  # what forms send on
        "known_note": " " + _("From what was on record on %(day)s.") % {"day": format_date(known)}
        if known_past
        else "",
        # This page with both days and the language, so that it shows the same next year.
        "address": request.build_absolute_uri(
            url_with(request, as_of=as_of.isoformat(), known=known.isoformat(), lang=active or settings.LANGUAGE_CODE)
        ),
    }
    return {"product": product}


def build_sections(path: str, params: Mapping[str, str]) -> list[dict[str, object]]:
    """Return the sections; the current one is that whose URL the page's path begins with.

    Links keep the filters that a section shares with others; the current one has none.
    """
    entries = import_string(settings.MENU)
    home = reverse(entries[0].url_name)
    found: list[dict[str, object]] = []
    for entry in entries:
        root = reverse(entry.url_name)
        own = [root, *map(reverse, entry.pages)]
        current = path == home if root == home else path.startswith(tuple(own))
        shared = {name: params[name] for name in entry.shared_params if params.get(name)}
        address = f"{root}?{urlencode(shared)}" if shared and not current else root
        found.append({"label": entry.label, "address": address, "current": current})
    return found
