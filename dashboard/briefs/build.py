"""Briefs: one page about the nation, a batch, a province or a pilot on a day; their subjects and addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import urlencode

import django_filters
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet, TextChoices
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from core.http.as_of import holds_demonstration, parse_day
from core.http.errors import BadRequest, ErrorDetail
from core.http.request import TrackerRequest
from dashboard.briefs.blocks import Brief, Days
from dashboard.briefs.parts import cited
from dashboard.briefs.pilot import pilot_content
from dashboard.briefs.pilot_sets import batch_content, nation_content, nation_title, province_content
from pilots.analytics.pilot_status import quarter_end_before
from pilots.filters import BatchFilter, PilotFilter
from pilots.models import Batch, Pilot
from policies.filters import ProvinceFilter
from policies.models import Province

SINCE = "since"


class BriefKind(TextChoices):
    """Kinds of subject of a brief, in the order in which they are offered."""

    NATION = "nation", pgettext_lazy("kind of brief", "Nation")
    BATCH = "batch", pgettext_lazy("kind of brief", "Batch")
    PROVINCE = "province", pgettext_lazy("kind of brief", "Province")
    PILOT = "pilot", pgettext_lazy("kind of brief", "Pilot")


CONTENTS: Mapping[str, Callable[[str, Days], dict[str, Any]]] = {
    BriefKind.NATION: nation_content,
    BriefKind.BATCH: batch_content,
    BriefKind.PROVINCE: province_content,
    BriefKind.PILOT: pilot_content,
}


def build_brief(
    kind: str, slug: str, as_of: date, known: date, since: date | None, language: str, site: str = ""
) -> Brief:
    """Return the brief of a subject; `slug` is the record's slug, empty for the nation.

    It compares with `since`, by default the end of the last quarter before the day. `known` is the day whose records
    the request reads. `site` is put before the path of the address, such as `https://example.org`.

    Raises ObjectDoesNotExist for an unknown kind or subject, or one not known on the day.
    """
    if kind not in CONTENTS or (kind == BriefKind.NATION) != (slug == ""):
        raise ObjectDoesNotExist
    days = Days(as_of, known, since or quarter_end_before(as_of))
    with translation.override(language):
        content = CONTENTS[kind](slug, days)
        return {
            "kind": kind,
            "slug": slug,
            "language": language,
            **content,
            "subtitle": f"{_('Brief')} · {content['subtitle']}",
            **cited(content["sources"]),
            "as_of": as_of.isoformat(),
            "known": known.isoformat(),
            "since": days.since.isoformat(),
            "made_at": timezone.now().isoformat(),
            "address": site + brief_address(kind, slug, days, language),
            "demonstration": holds_demonstration(),
        }


# -- addresses ---------------------------------------------------------------------------------------------


def brief_path(kind: str, slug: str = "") -> str:
    """Return the path of the page of a brief."""
    return reverse("brief", args=[kind, slug]) if slug else reverse("brief-nation")


def brief_address(kind: str, slug: str, days: Days, language: str) -> str:
    """Return the path and query under which the same brief is found again."""
    query = {"as_of": days.as_of, "known": days.known, "since": days.since, "lang": language}
    return f"{brief_path(kind, slug)}?{urlencode(query)}"


def requested_since(request: TrackerRequest) -> date | None:
    """Return the day of comparison that the request names, or None.

    Raises BadRequest for a value that is not an ISO date or not before the day of the brief.
    """
    if SINCE not in request.GET:
        return None
    day = parse_day(request.GET, SINCE)
    if day >= request.as_of:
        message = _("%(name)s: %(value)s is not before %(day)s, the day of the brief. Give an earlier day.")
        values = {"name": SINCE, "value": day, "day": request.as_of}
        raise BadRequest(ErrorDetail(SINCE, "not_before", message % values))
    return day


# -- subjects ----------------------------------------------------------------------------------------------


class Subject(NamedTuple):
    """Subject of a brief: its name, what distinguishes it from one of the same name, and the path of its brief."""

    name: str
    note: str
    url: str
    kind: BriefKind
    slug: str  # empty for the nation


def subject_groups(as_of: date, words: str) -> list[tuple[BriefKind, str, list[Subject]]]:
    """Return kind, its name in the plural, and the subjects known on the day that the words find. Three queries."""
    nation = Subject(nation_title(), "", brief_path(BriefKind.NATION), BriefKind.NATION, "")
    found = all(word.casefold() in nation.name.casefold() for word in words.split())
    groups = [(BriefKind.NATION, str(BriefKind.NATION.label), [nation] if found else [])]
    kinds: list[tuple[BriefKind, type[django_filters.FilterSet], QuerySet[Any]]] = [
        (BriefKind.BATCH, BatchFilter, Batch.objects.known(as_of)),
        (BriefKind.PROVINCE, ProvinceFilter, Province.objects.roster()),
        (BriefKind.PILOT, PilotFilter, Pilot.objects.known(as_of).select_related("batch")),
    ]
    for kind, filterset, rows in kinds:
        subjects = [
            Subject(
                record.label if kind == BriefKind.BATCH else record.name,
                record.batch.short if kind == BriefKind.PILOT else "",
                brief_path(kind, record.slug),
                kind,
                record.slug,
            )
            for record in filterset({"q": words}, queryset=rows).qs
        ]
        groups.append((kind, str(rows.model._meta.verbose_name_plural).capitalize(), subjects))
    return groups
