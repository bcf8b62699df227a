"""Briefs: the page of one, and the page where a subject is chosen."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

import django_filters
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from core.http.as_of import days_stem, parse_day
from core.http.demo_mode import download_stem
from core.http.errors import BadRequest, ErrorDetail, truncate
from core.http.request import TrackerRequest
from core.pages import Page, page_view
from core.spreadsheets.file_responses import content_disposition
from core.web.filters import ChoiceFilter, SearchFilter
from core.web.list_pages import PAGE_PARAMETERS, build_filter_bar, url_with
from dashboard.briefs.blocks import (
    BLOCK_TYPES,
    Brief,
    as_data,
    foot_lines,
    more_text,
    source_text,
    sources_title,
)
from dashboard.briefs.build import BriefKind, brief_path, build_brief
from dashboard.briefs.subjects.nation import nation_title
from pilots.filters import BatchFilter, IndicatorFilter, PilotFilter
from pilots.models import Batch, Indicator, Pilot
from policies.filters import PolicyFilter, ProvinceFilter
from policies.models import Policy, Province

SINCE = "since"

# -- which brief -------------------------------------------------------------------------------------------


class BriefFilter(django_filters.FilterSet):
    """Filter of the subjects: by kind and by name."""

    q = SearchFilter()
    kind = ChoiceFilter(choices=BriefKind.choices, label=gettext_lazy("Kind"))

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows as they are: they are of several models."""
        return queryset


class Subject(NamedTuple):
    """Subject of a brief: its name, what distinguishes it from one of the same name, and the path of its brief."""

    name: str
    note: str
    url: str


class SubjectGroup(NamedTuple):
    """Subjects of one kind."""

    kind: BriefKind
    label: str
    subjects: list[Subject]


@page_view("briefs/index.html", {*PAGE_PARAMETERS, *BriefFilter.base_filters})
def brief_index(request: TrackerRequest) -> Page:
    """List the subjects of briefs by kind."""
    bar = build_filter_bar(request, BriefFilter(request.GET, queryset=Pilot.objects.none(), request=request))
    given = bar.form.cleaned_data
    groups = [group for group in subject_groups(request.as_of, given["q"]) if given["kind"] in ("", group.kind)]
    count = sum(len(group.subjects) for group in groups)
    headline = ngettext("%(n)d brief of one page.", "%(n)d briefs of one page each.", count) % {"n": count}
    return Page(
        _("Briefs"), headline, context=lambda: {"bar": bar, "groups": [item for item in groups if item.subjects]}
    )


def subject_groups(as_of: date, words: str) -> list[SubjectGroup]:
    """Return the subjects known on the day that the words find, by kind. Five queries."""
    kinds: list[tuple[BriefKind, type[django_filters.FilterSet], QuerySet[Any]]] = [
        (BriefKind.BATCH, BatchFilter, Batch.objects.known(as_of)),
        (BriefKind.PROVINCE, ProvinceFilter, Province.objects.roster()),
        (BriefKind.PILOT, PilotFilter, Pilot.objects.known(as_of).select_related("batch")),
        (BriefKind.POLICY, PolicyFilter, Policy.objects.known(as_of)),
        (BriefKind.INDICATOR, IndicatorFilter, Indicator.objects.all()),
    ]
    nation = Subject(nation_title(), "", brief_path(BriefKind.NATION))
    found = all(word.casefold() in nation.name.casefold() for word in words.split())
    groups = [SubjectGroup(BriefKind.NATION, str(BriefKind.NATION.label), [nation] if found else [])]
    for kind, filterset, rows in kinds:
        subjects = [subject_of(kind, record) for record in filterset({"q": words}, queryset=rows).qs]
        groups.append(SubjectGroup(kind, str(rows.model._meta.verbose_name_plural).capitalize(), subjects))
    return groups


def subject_of(kind: BriefKind, record: Any) -> Subject:
    """Return a record as the subject of a brief."""
    if isinstance(record, Indicator):
        return Subject(record.with_unit, record.code, brief_path(kind, record.code))
    note = record.batch.short if isinstance(record, Pilot) else ""
    return Subject(record.label if isinstance(record, Batch) else record.name, note, brief_path(kind, record.slug))


# -- one brief ---------------------------------------------------------------------------------------------


def json_file(brief: Brief) -> bytes:
    return json.dumps(as_data(brief), ensure_ascii=False, indent=2).encode()


class Writer(NamedTuple):
    """Writer of a brief as a file."""

    label: str
    media_type: str
    write: Callable[[Brief], bytes]


WRITERS: Mapping[str, Writer] = {"json": Writer("JSON", "application/json; charset=utf-8", json_file)}
"""Writers by their value of `?export=`, which is also the ending of the file's name."""


@page_view("briefs/brief.html", {*PAGE_PARAMETERS, SINCE})
def brief_page(request: TrackerRequest, kind: str, slug: str = "") -> Page | HttpResponseBase:
    """Show a brief, or send it as a file."""
    site = request.build_absolute_uri("/").removesuffix("/")
    language = get_language() or settings.LANGUAGE_CODE
    try:
        brief = build_brief(kind, slug, request.as_of, request.known, requested_since(request), language, site)
    except ObjectDoesNotExist:
        raise Http404 from None
    export = request.GET.get("export")
    if export is not None:
        return brief_file(request, brief, export)

    def context() -> dict[str, object]:
        return {
            "brief": brief,
            "parts": [
                (BLOCK_TYPES[type(block)], block, more_text(getattr(block, "more", 0))) for block in brief.blocks
            ],
            "sources": [(source_text(source), source) for source in brief.sources],
            "sources_title": sources_title(),
            "more_sources": more_text(brief.more_sources),
            "foot": foot_lines(brief),
            "files": [
                {"label": writer.label, "url": url_with(request, export=code)} for code, writer in WRITERS.items()
            ],
            "record": record_path(kind, slug),
            "last_since": request.as_of - timedelta(1),
        }

    return Page(brief.title, brief.headline or brief.subtitle, context=context)


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


def brief_file(request: TrackerRequest, brief: Brief, export: str) -> HttpResponse:
    """Return a brief as a file. Raises BadRequest for a kind of file that there is none of."""
    writer = WRITERS.get(export)
    if writer is None:
        text = _("export: “%(value)s” is no file of this page. Known: %(known)s.")
        values = {"value": truncate(export), "known": ", ".join(WRITERS)}
        raise BadRequest(ErrorDetail("export", "invalid_choice", text % values))
    stem = "-".join(filter(None, ["brief", brief.kind, brief.slug, days_stem(request, brief.as_of)]))
    name = content_disposition(download_stem(request, stem), export)
    return HttpResponse(writer.write(brief), writer.media_type, headers={"Content-Disposition": name})


def record_path(kind: str, slug: str) -> str:
    """Return the path of the page with all details of a subject."""
    if kind == BriefKind.NATION:
        return reverse("overview")
    if kind == BriefKind.INDICATOR:
        return f"{reverse('trends')}?{urlencode({'indicator': slug})}"
    return reverse(f"{kind}-detail", args=[slug])
