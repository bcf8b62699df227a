"""Search over everything, from the header."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import SequenceMatcher
from functools import reduce
from operator import or_
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Case, F, Q, QuerySet, When
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from config.charts import Cell, Column, PartialDate
from config.filters import MAX_WORDS
from config.lists import CHUNK, PAGE_WORDS, Export, Stream, check_words, exported
from config.sheets.values import Unclear, day_of_text
from config.templatetags.site import showdate
from pilots.filters import LIGHTS, BatchFilter, PilotFilter
from pilots.metrics import Colour, Stage
from pilots.models import Batch, Pilot
from pilots.standings import lights
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

MOST = 20  # hits shown of each kind
MOST_NEAR = 5  # names offered where nothing was found
NEAR = 0.5  # how alike a name has to be to be offered: one of two characters
UNIT = "市省区县"  # what a name may end in and who searches leaves out
ALIKE = str.maketrans("洲", "州")  # characters that are taken for each other in names of places
BRACKETS = dict.fromkeys(map(ord, "〔〕[]()（）【】［］"), " ")  # of a document's number: everybody types others
DATED: dict[Any, tuple[str, ...]] = {Policy: ("issued_on", "published_on"), ProvincialPlan: ("issued_on",)}


@dataclass(frozen=True)
class Hit:
    name: str
    lang: str
    url: str
    note: str
    light: Colour | None = None
    day: PartialDate | None = None


@dataclass(frozen=True)
class Near:
    """Where somebody may have wanted to go: a name that looks like what was typed, or a list it is a word for."""

    text: str
    url: str


@dataclass(frozen=True)
class Group:
    """The hits of one kind of record: the first of them, how many there are, where all are listed, and all."""

    label: str
    hits: list[Hit]
    count: int
    url: str
    found: QuerySet[Any]


def search(request: HttpRequest) -> HttpResponseBase:
    """All records that hold every word of the question."""
    check_words(request, {*PAGE_WORDS, "q"})
    words = request.GET.get("q", "").replace("\x00", "").strip()[:MAX_WORDS]
    groups = [group for group in find(words, request) if group.count] if words else []
    total = sum(group.count for group in groups)
    finding = found_text(words, total) if words else ""
    as_of = request.as_of  # type: ignore[attr-defined]
    tables = {"hits": Export(_("Search"), lambda: hits(request, groups), (), finding)}
    file = exported(request, tables, _("Search"), finding)
    if file is not None:
        return file
    context = {
        "title": _("Search"),
        "search_words": words,
        "groups": [with_lights(group, as_of) for group in groups],
        "lists": lists_of(words) if words else [],
        "near": near_names(words, as_of) if words and not groups else [],
        "finding": finding,
    }
    return render(request, "search.html", context)


def found_text(words: str, total: int) -> str:
    text = ngettext("%(n)d record holds “%(words)s”.", "%(n)d records hold “%(words)s”.", total)
    return text % {"n": total, "words": words}


def find(words: str, request: HttpRequest) -> list[Group]:
    """Hits by kind, on the day asked for."""
    as_of = request.as_of  # type: ignore[attr-defined]
    text, day = words.translate(BRACKETS), typed_day(words)
    plans = ProvincialPlan.objects.with_status(as_of).issued(as_of).select_related("province", "policy")
    left = Case(When(withdrawn_on__lte=as_of, then=F("withdrawn_on")))
    pilots = Pilot.objects.known(as_of).annotate(left_on=left)
    everyone = f"{reverse('pilot-list')}?withdrawn=include"  # who looks for a withdrawn pilot by name finds it
    kinds: list[tuple[Any, QuerySet[Any], str]] = [
        (PolicyFilter, Policy.objects.known(as_of), reverse("policy-list")),
        (PlanFilter, plans, ""),
        (ProvinceFilter, Province.objects.all(), reverse("province-list")),
        (PilotFilter, pilots.select_related("batch", "province"), everyone),
        (BatchFilter, Batch.objects.known(as_of), ""),
        (IndustryFilter, Industry.objects.all(), ""),
        (MeasureFilter, Measure.objects.all(), ""),
        (FigureFilter, Figure.objects.all(), ""),
        (SourceFilter, Source.objects.all(), reverse("data")),
    ]
    return [group(filterset, rows, url, text, day) for filterset, rows, url in kinds]


def typed_day(words: str) -> date | None:
    """The day that was typed, in any form that a file may write it in; None for what is no whole day."""
    try:
        found = day_of_text(words, untyped=True)
    except Unclear:
        return None
    return found.on if found.precision == "day" else None


def group(filterset: Any, rows: QuerySet[Any], url: str, words: str, day: date | None) -> Group:
    """The hits of one kind: what holds the words, and documents of the day where a day was typed."""
    found = filterset({"q": words}, queryset=rows).qs
    if day and rows.model in DATED:
        of_day = reduce(or_, (Q(**{name: day}) for name in DATED[rows.model]))
        found, url = rows.filter(Q(pk__in=found.values("pk")) | of_day), ""
    everything = f"{url}{'&' if '?' in url else '?'}{urlencode({'q': words})}" if url else ""
    label = str(rows.model._meta.verbose_name_plural)
    return Group(label, [hit(item) for item in found[:MOST]], found.count(), everything, found)


def with_lights(group: Group, as_of: date) -> Group:
    """The hits that are shown, with the light of each pilot on the day."""
    if group.found.model is not Pilot:
        return group
    shown = group.found[:MOST]
    found = lights(Pilot.objects.filter(pk__in=[pilot.pk for pilot in shown]), as_of)
    return replace(group, hits=[replace(hit(pilot), light=found.get(pilot.pk)) for pilot in shown])


def lists_of(words: str) -> list[Near]:
    """The lists that the words are a name of, in either language: red lights, a stage."""
    typed, out = words.casefold(), []
    for kind, choices in (("light", LIGHTS), ("stage", Stage.choices)):
        for value, label in choices:
            if typed in spellings(value, label):
                text = _("Pilots: %(what)s") % {"what": str(label)}
                out.append(Near(text, f"{reverse('pilot-list')}?{urlencode({kind: value})}"))
    return out


def spellings(value: str, label: Any) -> set[str]:
    """How a choice may be typed: its word, its name in each language, that of a light also without "light"."""
    out = {value}
    for code, _name in settings.LANGUAGES:
        with override(code):
            name = str(label).casefold()
        out |= {name, name.removesuffix("灯"), f"{name} light"}
    return out


def near_names(words: str, as_of: date) -> list[Near]:
    """Names that look like what was typed, most alike first: 湖洲 finds 湖州市."""
    places: list[Any] = [
        *Province.objects.all(),
        *Pilot.objects.listed(as_of).select_related("batch"),
        *Industry.objects.all(),
    ]
    typed, scored = words.casefold().translate(ALIKE), []
    for place in places:
        alike = max(likeness(typed, name.casefold()) for name in (place.name_zh, place.name_en) if name)
        if alike >= NEAR:
            scored.append((alike, place))
    scored.sort(key=lambda item: -item[0])
    return [Near(full_name(place), place.get_absolute_url()) for _alike, place in scored[:MOST_NEAR]]


def full_name(place: Any) -> str:
    """The name of a place; of a pilot with its batch, since one place may be on two lists."""
    return f"{place.name} · {place.batch.short}" if isinstance(place, Pilot) else str(place.name)


def likeness(typed: str, name: str) -> float:
    """How alike two names are, from 0 to 1; what kind of unit a place is does not count."""
    found = 0.0
    for other in {name, name.rstrip(UNIT) or name}:
        matcher = SequenceMatcher(None, other, typed)
        if matcher.real_quick_ratio() >= NEAR and matcher.quick_ratio() >= NEAR:  # most names are told apart at once
            found = max(found, matcher.ratio())
    return found


def hits(request: HttpRequest, groups: Sequence[Group]) -> Stream:
    """All that was found, also what the page has no room for."""
    columns = [
        Column("kind", _("Kind")),
        Column("name", _("Name")),
        Column("note", _("Note")),
        Column("address", _("Address")),
    ]
    rows = (
        [Cell(group.label), Cell(found.name), Cell(found.note or None), Cell(request.build_absolute_uri(found.url))]
        for group in groups
        for found in map(hit, group.found.iterator(chunk_size=CHUNK))
    )
    return Stream(columns, rows, sum(group.count for group in groups))


def hit(record: Any) -> Hit:
    """A record as a line of the answer: its name, where it leads, and what tells it from its like."""
    if isinstance(record, Source):
        return Hit(record.title, "zh", record.url or f"{reverse('data')}#sources", record.publisher)
    if isinstance(record, ProvincialPlan):
        url = record.province.get_absolute_url()
        return Hit(str(record), record.name_lang, url, record.doc_number, day=day_of(record))
    note = getattr(record, "doc_number", "")
    if isinstance(record, Pilot):
        note = f"{record.get_kind_display()} · {record.province.short} · {record.batch.short}"
        left_on = getattr(record, "left_on", None)
        if left_on:
            note += " · " + _("withdrawn on %(day)s") % {"day": showdate(left_on)}
    return Hit(record.name, record.name_lang, place(record), note, day=day_of(record))


def day_of(record: Any) -> PartialDate | None:
    """The day of a document, as far as it is known."""
    if isinstance(record, Policy | ProvincialPlan) and record.issued_on:
        return PartialDate(record.issued_on, record.issued_precision)  # type: ignore[arg-type]
    return None


def place(record: Any) -> str:
    """The page that shows a record; one without a page of its own leads to where it is listed."""
    if isinstance(record, Measure):
        return f"{reverse('industry-list')}#measures"
    if isinstance(record, Figure):
        return f"{reverse('data')}#figures"
    return str(record.get_absolute_url())
