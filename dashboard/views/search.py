"""Site search over all records."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import SequenceMatcher
from functools import reduce
from operator import or_
from typing import Any
from urllib.parse import urlencode

import django_filters
from django.conf import settings
from django.db.models import Case, F, Model, Q, QuerySet, When
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, override

from core.http.request import TrackerRequest
from core.pages import Export, export_response, page
from core.spreadsheets.cells import AmbiguousCell, date_from_text
from core.text.bilingual import lang_of
from core.text.formatting import PartialDate, format_date
from core.web.filters import MAX_SEARCH_LENGTH, SearchFilter
from core.web.list_pages import CHUNK_SIZE
from core.web.tables import Column, Table, make_table
from pilots.analytics.light_index import lights_by_pilot
from pilots.analytics.synergy import build_synergy
from pilots.charts.cells import class_mark
from pilots.documents.services import readable
from pilots.filters import LIGHT_CHOICES, BatchFilter, PilotFilter, PracticeFilter
from pilots.follow_ups.filters import FollowUpFilter
from pilots.lights import Colour
from pilots.metrics.follow_up_states import FollowUpState
from pilots.metrics.practice_states import PracticeState
from pilots.metrics.stages import Stage
from pilots.models import Batch, Document, FollowUp, Pilot, Practice
from policies.filters import (
    FigureFilter,
    IndustryFilter,
    MeasureFilter,
    PlanFilter,
    PolicyFilter,
    ProvinceFilter,
    SourceFilter,
)
from policies.models import Figure, Industry, Measure, Policy, Province, ProvincialPlan, Source

MAX_HITS = 20  # hits shown of each kind
MAX_SUGGESTIONS = 5  # names suggested where nothing was found
MIN_SIMILARITY = 0.5  # similarity from which a name is suggested: one of two characters
UNIT_SUFFIXES = "市省区县"  # suffixes of administrative units, often omitted in queries
SIMILAR_CHARACTERS = str.maketrans("洲", "州")  # characters often confused in place names
BRIEF_NAMES = (gettext_lazy("Brief"), gettext_lazy("Briefs"))  # what the page of all briefs is found by
BRACKETS = dict.fromkeys(map(ord, "〔〕[]()（）【】［］"), " ")  # brackets of document numbers, typed in many forms
DATE_FIELDS: dict[object, tuple[str, ...]] = {Policy: ("issued_on", "published_on"), ProvincialPlan: ("issued_on",)}


class DocumentSearch(django_filters.FilterSet):
    """Search of documents; they have no list of their own."""

    q = SearchFilter("title", "doc_number", "file_name")

    class Meta:
        model = Document
        fields: list[str] = []


@dataclass(frozen=True)
class Hit:
    name: str
    lang: str
    url: str
    note: str
    light: Colour | None = None
    mark: str = ""  # class of synergy beside the light
    day: PartialDate | None = None


@dataclass(frozen=True)
class Suggestion:
    """Suggestion: a similar name, or a list that the query names."""

    text: str
    url: str


@dataclass(frozen=True)
class HitGroup:
    """Hits of one kind of record: the first ones, their count, the URL of the full list, and the queryset."""

    label: str
    hits: list[Hit]
    count: int
    url: str
    found: QuerySet[Model]


@page("q", cached=False)
def search(request: TrackerRequest) -> HttpResponseBase:
    """List all records that contain every word of the query."""
    words = request.GET.get("q", "").replace("\x00", "").strip()[:MAX_SEARCH_LENGTH]
    groups = [group for group in find_groups(words, request) if group.count] if words else []
    total = sum(group.count for group in groups)
    finding = search_headline(words, total) if words else ""
    as_of = request.as_of
    tables = {"hits": Export(_("Search"), lambda: hit_rows(request, groups), (), finding)}
    title = _("Search")
    return export_response(request, tables, title, finding) or render(
        request,
        "dashboard/search.html",
        {
            "title": title,
            "finding": finding,
            "search_words": words,
            "groups": [with_lights(group, as_of) for group in groups],
            "lists": list_suggestions(words) if words else [],
            "near": name_suggestions(words, as_of) if words and not groups else [],
        },
    )


def search_headline(words: str, total: int) -> str:
    text = ngettext("%(n)d record holds “%(words)s”.", "%(n)d records hold “%(words)s”.", total)
    return text % {"n": total, "words": words}


def find_groups(words: str, request: TrackerRequest) -> list[HitGroup]:
    """Return the hits by kind, as of the requested day."""
    as_of = request.as_of
    text, day = words.translate(BRACKETS), parse_typed_day(words)
    plans = ProvincialPlan.objects.with_status(as_of).issued(as_of).select_related("province", "policy")
    left = Case(When(withdrawn_on__lte=as_of, then=F("withdrawn_on")))
    pilots = Pilot.objects.known(as_of).annotate(left_on=left)
    assigned = FollowUp.objects.with_state(as_of)
    everyone = f"{reverse('pilot-list')}?withdrawn=include"  # withdrawn pilots are found too
    kinds: list[tuple[object, QuerySet[Model], str]] = [
        (PolicyFilter, Policy.objects.known(as_of), reverse("policy-list")),
        (PlanFilter, plans, ""),
        (ProvinceFilter, Province.objects.all(), reverse("province-list")),
        (PilotFilter, pilots.select_related("batch", "province"), everyone),
        (BatchFilter, Batch.objects.known(as_of), ""),
        (IndustryFilter, Industry.objects.all(), ""),
        (MeasureFilter, Measure.objects.all(), ""),
        (FigureFilter, Figure.objects.all(), ""),
        (FollowUpFilter, assigned.select_related("owner_agency"), reverse("action-list")),
        (PracticeFilter, Practice.objects.on(as_of), reverse("practice-list")),
        (DocumentSearch, readable(request.user, Document.objects.all()), ""),
        (SourceFilter, Source.objects.all(), reverse("data")),
    ]
    return [build_group(filterset, rows, url, text, day) for filterset, rows, url in kinds]


def parse_typed_day(words: str) -> date | None:
    """Parse a date in any form that imports accept; None for anything but a full date."""
    try:
        found = date_from_text(words, untyped=True)
    except AmbiguousCell:
        return None
    return found.on if found.precision == "day" else None


def build_group(filterset: Any, rows: QuerySet[Any], url: str, words: str, day: date | None) -> HitGroup:
    """Return the hits of one kind: records that contain the words, and documents of a typed date."""
    found = filterset({"q": words}, queryset=rows).qs
    if day and rows.model in DATE_FIELDS:
        of_day = reduce(or_, (Q(**{name: day}) for name in DATE_FIELDS[rows.model]))
        found, url = rows.filter(Q(pk__in=found.values("pk")) | of_day), ""
    everything = f"{url}{'&' if '?' in url else '?'}{urlencode({'q': words})}" if url else ""
    label = str(rows.model._meta.verbose_name_plural)
    return HitGroup(label, [build_hit(item) for item in found[:MAX_HITS]], found.count(), everything, found)


def with_lights(group: HitGroup, as_of: date) -> HitGroup:
    """Add the light on the day, and the class beside it, to each pilot that is shown."""
    if group.found.model is not Pilot:
        return group
    shown = group.found[:MAX_HITS]
    pilots = Pilot.objects.filter(pk__in=[pilot.pk for pilot in shown])
    lights, classes = lights_by_pilot(pilots, as_of), build_synergy(pilots.listed(as_of), as_of).classed
    return replace(
        group,
        hits=[
            replace(build_hit(pilot), light=lights.get(pilot.pk), mark=class_mark(classes.get(pilot.pk)))
            for pilot in shown
        ],
    )


def list_suggestions(words: str) -> list[Suggestion]:
    """Return the lists that the query names in either language: briefs, red lights, a stage."""
    typed, out = words.casefold(), []
    if typed in {spelling for label in BRIEF_NAMES for spelling in choice_spellings("brief", label)}:
        out.append(Suggestion(_("Briefs"), reverse("brief-index")))
    for kind, choices in (("light", LIGHT_CHOICES), ("stage", Stage.choices)):
        for value, label in choices:
            if typed in choice_spellings(value, label):
                text = _("Pilots: %(what)s") % {"what": str(label)}
                out.append(Suggestion(text, f"{reverse('pilot-list')}?{urlencode({kind: value})}"))
    return out


def choice_spellings(value: str, label: object) -> set[str]:
    """Return how a choice may be typed: its code, its name in each language, that of a light also without "light"."""
    out = {value}
    for code, _name in settings.LANGUAGES:
        with override(code):
            name = str(label).casefold()
        out |= {name, name.removesuffix("灯"), f"{name} light"}
    return out


def name_suggestions(words: str, as_of: date) -> list[Suggestion]:
    """Return names similar to the query, most similar first: 湖洲 finds 湖州市."""
    places: list[Any] = [
        *Province.objects.all(),
        *Pilot.objects.listed(as_of).select_related("batch"),
        *Industry.objects.all(),
    ]
    typed, scored = words.casefold().translate(SIMILAR_CHARACTERS), []
    for place in places:
        alike = max(name_similarity(typed, name.casefold()) for name in (place.name_zh, place.name_en) if name)
        if alike >= MIN_SIMILARITY:
            scored.append((alike, place))
    scored.sort(key=lambda item: -item[0])
    return [Suggestion(name_with_batch(place), place.get_absolute_url()) for _alike, place in scored[:MAX_SUGGESTIONS]]


def name_with_batch(place: Any) -> str:
    """Return the name of a place; of a pilot with its batch, since a place may be in two batches."""
    return f"{place.name} · {place.batch.short}" if isinstance(place, Pilot) else str(place.name)


def name_similarity(typed: str, name: str) -> float:
    """Return the similarity of two names from 0 to 1, ignoring the kind of administrative unit."""
    found = 0.0
    for other in {name, name.rstrip(UNIT_SUFFIXES) or name}:
        matcher = SequenceMatcher(None, other, typed)
        if matcher.real_quick_ratio() >= MIN_SIMILARITY and matcher.quick_ratio() >= MIN_SIMILARITY:  # cheap bounds
            found = max(found, matcher.ratio())
    return found


def hit_rows(request: TrackerRequest, groups: Sequence[HitGroup]) -> Table:
    """Yield all hits, also those beyond the page's limit."""
    columns: list[Column[tuple[HitGroup, Hit]]] = [
        Column("kind", _("Kind"), lambda row: row[0].label),
        Column("name", _("Name"), lambda row: row[1].name),
        Column("note", _("Note"), lambda row: row[1].note or None),
        Column("address", _("Address"), lambda row: request.build_absolute_uri(row[1].url)),
    ]
    hits = ((group, found) for group in groups for found in map(build_hit, group.found.iterator(chunk_size=CHUNK_SIZE)))
    return make_table(columns, hits, count=sum(group.count for group in groups))


def build_hit(record: Any) -> Hit:
    """Return a record as a hit: name, URL, and a note that distinguishes it from similar ones."""
    if isinstance(record, Source):
        return Hit(record.title, "zh", record.url or f"{reverse('data')}#sources", record.publisher)
    if isinstance(record, Document):
        return Hit(record.title, lang_of(record.title), record.get_absolute_url(), record.doc_number)
    if isinstance(record, ProvincialPlan):
        url = record.province.get_absolute_url()
        return Hit(str(record), record.name_lang, url, record.doc_number, day=document_day(record))
    name = str(record) if isinstance(record, FollowUp) else str(record.name)  # of a follow-up its number and title
    return Hit(name, record.name_lang, record_url(record), hit_note(record), day=document_day(record))


def hit_note(record: Any) -> str:
    """Return what distinguishes a record from similar ones; empty where its name is enough."""
    model = type(record)
    if model is FollowUp:
        return f"{FollowUpState(record.state).label} · {record.owner_agency.name}"
    if model is Practice:
        return f"{PracticeState(record.state_then).label} · {record.get_field_display()}"
    if model is not Pilot:
        return str(getattr(record, "doc_number", ""))
    note = f"{record.get_kind_display()} · {record.province.short} · {record.batch.short}"
    left_on = getattr(record, "left_on", None)
    if left_on:
        note += " · " + _("withdrawn on %(day)s") % {"day": format_date(left_on)}
    return note


def document_day(record: Model) -> PartialDate | None:
    """Return the date of a document, as far as known."""
    if isinstance(record, Policy | ProvincialPlan) and record.issued_on:
        return PartialDate(record.issued_on, record.issued_precision)  # type: ignore[arg-type]
    return None


def record_url(record: Any) -> str:
    """Return the URL of a record's page, or of its list if it has no page."""
    if isinstance(record, Measure):
        return f"{reverse('industry-list')}#measures"
    if isinstance(record, Figure):
        return f"{reverse('data')}#figures"
    return str(record.get_absolute_url())
