"""Search over everything, from the header."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, F, QuerySet, When
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Column
from config.filters import MAX_WORDS
from config.lists import CHUNK, PAGE_WORDS, Export, Stream, check_words, exported
from config.templatetags.site import showdate
from pilots.filters import BatchFilter, PilotFilter
from pilots.models import Batch, Pilot
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


@dataclass(frozen=True)
class Hit:
    name: str
    lang: str
    url: str
    note: str


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
    tables = {"hits": Export(_("Search"), lambda: hits(request, groups), (), finding)}
    file = exported(request, tables, _("Search"), finding)
    if file is not None:
        return file
    context = {
        "title": _("Search"),
        "search_words": words,
        "groups": groups,
        "finding": finding,
    }
    return render(request, "search.html", context)


def found_text(words: str, total: int) -> str:
    text = ngettext("%(n)d record holds “%(words)s”.", "%(n)d records hold “%(words)s”.", total)
    return text % {"n": total, "words": words}


def find(words: str, request: HttpRequest) -> list[Group]:
    """Hits by kind, on the day asked for."""
    as_of = request.as_of  # type: ignore[attr-defined]
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
    return [group(filterset, rows, url, words) for filterset, rows, url in kinds]


def group(filterset: Any, rows: QuerySet[Any], url: str, words: str) -> Group:
    found = filterset({"q": words}, queryset=rows).qs
    everything = f"{url}{'&' if '?' in url else '?'}{urlencode({'q': words})}" if url else ""
    label = str(rows.model._meta.verbose_name_plural)
    return Group(label, [hit(item) for item in found[:MOST]], found.count(), everything, found)


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
        return Hit(str(record), record.name_lang, record.province.get_absolute_url(), record.doc_number)
    note = getattr(record, "doc_number", "")
    if isinstance(record, Pilot):
        note = f"{record.get_kind_display()} · {record.province.short} · {record.batch.short}"
        if record.left_on:
            note += " · " + _("withdrawn on %(day)s") % {"day": showdate(record.left_on)}
    return Hit(record.name, record.name_lang, place(record), note)


def place(record: Any) -> str:
    """The page that shows a record; one without a page of its own leads to where it is listed."""
    if isinstance(record, Measure):
        return f"{reverse('industry-list')}#measures"
    if isinstance(record, Figure):
        return f"{reverse('data')}#figures"
    return str(record.get_absolute_url())
