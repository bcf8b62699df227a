"""Site search over all records."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from difflib import SequenceMatcher
from functools import reduce
from operator import itemgetter, or_
from typing import Any
from urllib.parse import urlencode

import django_filters
from django.db.models import Case, F, Q, QuerySet, When
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.http import TrackerRequest
from core.pages import Export, export_response, page
from core.spreadsheets.cells import AmbiguousCell, date_from_text
from core.tables import CHUNK_SIZE, MAX_SEARCH_LENGTH, Column, SearchFilter, Table, make_table
from core.text import format_date
from pilots.analytics.synergy import classes_of
from pilots.charts.cells import class_mark
from pilots.documents import readable
from pilots.filters import BatchFilter, FollowUpFilter, PilotFilter, PracticeFilter
from pilots.lights import Colour
from pilots.metrics import FollowUpState
from pilots.models import Batch, Document, FollowUp, Pilot, Practice
from pilots.models.pilot import withdrawn_condition
from policies.filters import (
    FigureFilter,
    IndustryFilter,
    MeasureFilter,
    PlanFilter,
    PolicyFilter,
    ProvinceFilter,
    SourceFilter,
)
from policies.models import ISSUED_ONCE, Figure, Industry, Measure, PlanStatus, Policy, Province, ProvincialPlan, Source

MAX_HITS = 20  # hits shown of each kind
MAX_SUGGESTIONS = 5  # names suggested where nothing was found
MIN_SIMILARITY = 0.5  # similarity from which a name is suggested: one of two characters
UNIT_SUFFIXES = "市省区县"  # suffixes of administrative units, often omitted in queries
SIMILAR_CHARACTERS = str.maketrans("洲", "州")  # characters often confused in place names
BRACKETS = dict.fromkeys(map(ord, "〔〕[]()（）【】［］"), " ")  # brackets of document numbers, typed in many forms
DATE_FIELDS: dict[object, tuple[str, ...]] = {Policy: ("issued_on", "published_on"), ProvincialPlan: ("issued_on",)}


Hit = dict[str, Any]
"""A record that was found: name, url, note, day; of a pilot light and mark."""
HitGroup = dict[str, Any]
"""Hits of one kind of record: `label`, their `number`, the `url` of the full list, and the records (`found`)."""


class DocumentSearch(django_filters.FilterSet):
    """Search of documents; they have no list of their own."""

    q = SearchFilter("title", "doc_number", "file_name")

    class Meta:
        model = Document
        fields: list[str] = []


@page("q", cached=False)
def search(request: TrackerRequest) -> HttpResponseBase:
    """List all records that contain every word of the query."""
    words, as_of = request.GET.get("q", "").replace("\x00", "").strip()[:MAX_SEARCH_LENGTH], request.as_of
    text = words.translate(BRACKETS).strip()
    groups = [group for group in find_groups(text, words, request) if group["number"]] if text else []
    n = sum(group["number"] for group in groups)
    found = ngettext("%(n)d record holds “%(words)s”.", "%(n)d records hold “%(words)s”.", n)
    title, finding = _("Search"), found % {"n": n, "words": words} if words else ""
    tables = {"hits": Export(title, lambda: hits_table(request, groups), (), finding)}
    return export_response(request, tables, title, finding) or render(
        request,
        "dashboard/search.html",
        {
            "title": title,
            "finding": finding,
            "search_words": words,
            "groups": [{**group, "hits": shown_hits(group["found"], as_of)} for group in groups],
            "near": name_suggestions(words, as_of) if words and not groups else [],
        },
    )


def find_groups(text: str, words: str, request: TrackerRequest) -> list[HitGroup]:
    """Return the records by kind that contain the text, as of the requested day; and the documents of the day that
    the words name.
    """
    as_of, day = request.as_of, None
    with suppress(AmbiguousCell):  # a full date in any form that imports accept
        typed = date_from_text(words, untyped=True)
        day = typed.on if typed.precision == "day" else None
    dated: Any = ProvincialPlan.objects.with_status(as_of)
    plans = dated.filter(status_then__in=ISSUED_ONCE)
    left = Case(When(withdrawn_condition(as_of), then=F("withdrawn_on")))
    pilots = Pilot.objects.known(as_of).annotate(left_on=left)
    assigned = FollowUp.objects.with_state(as_of)
    everyone = f"{reverse('pilot-list')}?withdrawn=include"  # withdrawn pilots are found too
    kinds: list[tuple[Any, QuerySet[Any], str]] = [
        (PolicyFilter, Policy.objects.known(as_of), reverse("policy-list")),
        (PlanFilter, plans.select_related("province", "policy"), ""),
        (ProvinceFilter, Province.objects.all(), reverse("province-list")),
        (PilotFilter, pilots.select_related("batch", "province"), everyone),
        (BatchFilter, Batch.objects.known(as_of), ""),
        (IndustryFilter, Industry.objects.all(), ""),
        (MeasureFilter, Measure.objects.all(), ""),
        (FigureFilter, Figure.objects.all(), ""),
        (FollowUpFilter, assigned.select_related("owner_agency"), reverse("follow-up-list")),
        (PracticeFilter, Practice.objects.on(as_of), reverse("practice-list")),
        (DocumentSearch, readable(request.user, Document.objects.all()), ""),
        (SourceFilter, Source.objects.all(), reverse("data")),
    ]
    groups = []
    for filterset, rows, list_url in kinds:
        hits, url = filterset({"q": text}, queryset=rows).qs, list_url
        if day and rows.model in DATE_FIELDS:
            of_day = reduce(or_, (Q(**{name: day}) for name in DATE_FIELDS[rows.model]))
            hits, url = rows.filter(Q(pk__in=hits.values("pk")) | of_day), ""
        everything = f"{url}{'&' if '?' in url else '?'}{urlencode({'q': text})}" if url else ""
        label = str(rows.model._meta.verbose_name_plural)
        groups.append({"label": label, "number": hits.count(), "url": everything, "found": hits})
    return groups


def shown_hits(records: QuerySet[Any], as_of: date) -> list[Hit]:
    """Return the first hits of a kind; of pilots with the light on the day and the class beside it."""
    shown = list(records[:MAX_HITS])
    hits = [build_hit(record) for record in shown]
    if records.model is Pilot:
        pilots: Any = Pilot.objects
        keys = [pilot.pk for pilot in shown]
        lights = dict(pilots.filter(pk__in=keys).with_light(as_of).values_list("pk", "light_colour"))
        classes = classes_of(keys, as_of)
        for key, hit in zip(keys, hits, strict=True):
            hit |= {"light": Colour(lights[key]), "mark": class_mark(classes.get(key))}
    return hits


# -- suggestions -------------------------------------------------------------------------------------------


def name_suggestions(words: str, as_of: date) -> list[dict[str, str]]:
    """Return names similar to the query with their URLs, most similar first: 湖洲 finds 湖州市.

    The kind of administrative unit is ignored. A pilot is named with its batch, since a place may be in two batches.
    """
    pilots = Pilot.objects.listed(as_of).select_related("batch")
    places: list[Any] = [*Province.objects.all(), *pilots, *Industry.objects.all()]
    typed, scored = words.casefold().translate(SIMILAR_CHARACTERS), []
    for place in places:
        names = [name.casefold() for name in (place.name_zh, place.name_en) if name]
        names += [name.rstrip(UNIT_SUFFIXES) or name for name in names]
        alike = max(SequenceMatcher(None, name, typed).ratio() for name in names)
        if alike >= MIN_SIMILARITY:
            scored.append((alike, place))
    scored.sort(key=lambda item: -item[0])
    return [
        {
            "text": f"{place.name} · {place.batch.short}" if isinstance(place, Pilot) else str(place.name),
            "url": place.get_absolute_url(),
        }
        for _alike, place in scored[:MAX_SUGGESTIONS]
    ]


# -- hits --------------------------------------------------------------------------------------------------


def hits_table(request: TrackerRequest, groups: Sequence[HitGroup]) -> Table:
    """Return all hits, also those beyond the page's limit, as a streamed table for a file."""
    columns: list[Column[Hit]] = [
        Column("kind", _("Kind"), itemgetter("kind")),
        Column("name", _("Name"), itemgetter("name")),
        Column("note", _("Note"), lambda hit: hit["note"] or None),
        Column("address", _("Address"), lambda hit: request.build_absolute_uri(hit["url"])),
    ]
    hits = (
        {**build_hit(record), "kind": group["label"]}
        for group in groups
        for record in group["found"].iterator(chunk_size=CHUNK_SIZE)
    )
    return make_table(columns, hits, count=sum(group["number"] for group in groups))


def build_hit(record: Any) -> Hit:
    """Return a record as a hit: name, URL, the day of a document, and a note that distinguishes it from similar ones.

    A record without a page has the URL of its list.
    """
    name = record.title if isinstance(record, Source | Document) else record.name
    note, url, day = str(getattr(record, "doc_number", "")), "", None
    match record:
        case Source():
            note, url = record.publisher, record.url or f"{reverse('data')}#sources"
        case ProvincialPlan():
            name, url = str(record), record.province.get_absolute_url()
            end = record.repealed_on if record.status_then == PlanStatus.REPEALED else None  # type: ignore[attr-defined]
            note += " · " * bool(note and end) + (_("repealed on %(day)s") % {"day": format_date(end)} if end else "")
        case Measure():
            url = f"{reverse('industry-list')}#measures"
        case Figure():
            url = f"{reverse('data')}#figures"
        case FollowUp():
            name, note = str(record), f"{FollowUpState(record.state).label} · {record.owner_agency.name}"
        case Practice():
            note = f"{record.state.label} · {record.get_field_display()}"
        case Pilot():
            note = f"{record.get_kind_display()} · {record.province.short} · {record.batch.short}"
            if left_on := getattr(record, "left_on", None):
                note += " · " + _("withdrawn on %(day)s") % {"day": format_date(left_on)}
    if isinstance(record, Policy | ProvincialPlan):
        day = record.issued
    return {"name": str(name), "url": str(url or record.get_absolute_url()), "note": note, "day": day}
