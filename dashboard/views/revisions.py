"""Revisions page: a key number of past quarters, as it was given at the ends of the quarters since."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import urlencode

import django_filters
from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.http.request import TrackerRequest
from core.pages import Page, page_view
from core.spreadsheets.page_exports import Export, Exports
from core.text.formatting import format_date, format_number
from core.text.joining import join_clauses, label_value
from core.web.filters import ChoiceFilter
from core.web.list_pages import PAGE_PARAMETERS, build_filter_bar
from core.web.tables import Cell, Column, Table, make_table
from dashboard.analytics.subject_changes import NamedChanges, conditions_of_records, named_changes
from dashboard.editions.differences import number_text
from dashboard.editions.figures import FIGURE_LABELS
from dashboard.editions.revisions import Answer, QuarterRow, Revision, Revisions, build_revisions
from dashboard.models.edition import quarter_of
from pilots.models import Pilot

DEFAULT_FIGURE = "plans"
MIN_COMPARED = 4  # quarters below which nothing is said of first figures
SECONDS = 3.0  # after which a request leaves further columns to the next one; each is computed once
MAX_EXPLAINED = 12  # groups of revisions whose changes are listed


class RevisionsFilter(django_filters.FilterSet):
    """Choice of the key number."""

    figure = ChoiceFilter(choices=list(FIGURE_LABELS.items()), label=gettext_lazy("Key figure"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.form.fields["figure"]
        field.choices = [choice for choice in field.choices if choice[0]]  # one is always chosen

    @property
    def chosen(self) -> str:
        return self.form.cleaned_data["figure"] or DEFAULT_FIGURE

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows as they are: a number is chosen, not rows."""
        return queryset


class Explained(NamedTuple):
    """Revisions with the changes of records that made the difference."""

    anchors: list[str]
    title: str
    text: str
    changes: NamedChanges


@page_view("dashboard/revisions.html", {*PAGE_PARAMETERS, *RevisionsFilter.base_filters})
def revisions(request: TrackerRequest) -> Page:
    """Show a key number of past quarters as it was known at the ends of the quarters since."""
    filterset = RevisionsFilter(request.GET, queryset=Pilot.objects.none(), request=request)
    bar = build_filter_bar(request, filterset)
    as_of, seconds = min(request.as_of, request.known), SECONDS if settings.CACHE_RESPONSES else math.inf
    found = build_revisions(filterset.chosen, as_of, request.known, seconds)
    label = str(FIGURE_LABELS[found.code])
    tables: Exports = {
        "revisions": Export(_("Revisions"), lambda: triangle(found), bar.chips, scope_text(found, label)),
        "answers": Export(_("Answers one by one"), lambda: answers_table(found), bar.chips, scope_text(found, label)),
    }

    def context() -> dict[str, object]:
        return {
            "bar": bar,
            "revisions": found,
            "scope": scope_text(found, label),
            "table": triangle(found),
            "explained": explained(found, request.user),
        }

    headers = {"Cache-Control": "no-store"} if found.pending else {}
    return Page(_("Revisions"), revisions_headline(found), tables, context, headers=headers)


def scope_text(found: Revisions, label: str) -> str:
    """Return what is counted, in which set."""
    return label_value(found.scope, label) if found.scope else label


def revisions_headline(found: Revisions) -> str:
    """Return the sentence on how far first figures can be trusted; too few quarters say nothing."""
    if found.first is None:
        return _("Nothing is on record yet.")
    if found.pending:
        text = ngettext(
            "What was known on %(n)d earlier day is still being computed: load the page again.",
            "What was known on %(n)d earlier days is still being computed: load the page again.",
            len(found.pending),
        )
        return text % {"n": len(found.pending)}
    if not found.compared:
        text = _("Records are kept since %(day)s: no quarter has been asked about on two days yet.")
        return text % {"day": format_date(found.first)}
    if found.compared < MIN_COMPARED:
        text = ngettext(
            "%(n)d quarter was asked about on two days or more: too few to say how far first figures can be trusted.",
            "%(n)d quarters were asked about on two days or more: too few to say how far first figures can be trusted.",
            found.compared,
        )
        return text % {"n": found.compared}
    if not found.revised:
        text = _("The first figures of all %(n)d quarters still stand.")
        return text % {"n": found.compared}
    text = _("In %(n)d of %(of)d quarters the first figure was revised, by %(most)s at most.")
    return text % {"n": found.revised, "of": found.compared, "most": format_number(found.largest)}


# -- the triangle ----------------------------------------------------------------------------------------


def triangle(found: Revisions) -> Table:
    """Return the table: a row a quarter, a column a day asked."""
    columns: list[Column[QuarterRow]] = [
        Column(
            "quarter",
            _("Last day of the quarter"),
            lambda row: Cell(quarter_of(row.as_of), page_text=format_date(row.as_of)),
        )
    ]
    for place, asked in enumerate(found.asked):
        label = _("as known on %(day)s") % {"day": format_date(asked)}
        columns.append(Column(f"known-{asked}", label, partial(answer_cell, place)))
    return make_table(columns, found.rows)


def answer_cell(place: int, row: QuarterRow) -> Cell:
    """Return one answer: empty for a day before the quarter's end, marked where it differs from the one before."""
    answer, revision = row.answers[place], row.revisions[place]
    if answer is None:
        return Cell("")
    if revision is None:
        return Cell(answer_text(answer), url=answer_url(answer) if answer.number[0] is not None else "")
    return Cell(f"{answer_text(answer)} ({change_text(revision)})", url=f"#{anchor_of(revision)}", tag="yellow")


def answer_text(answer: Answer) -> str:
    """Return value and whole; what has neither is no data, which is not 0."""
    return number_text(*answer.number)


def change_text(revision: Revision) -> str:
    if revision.change is None:
        return _("new") if revision.before.number[0] is None else _("no longer given")
    if revision.change == 0:
        return _("of another whole")
    return f"{revision.change:+d}".replace("-", "−")  # the sign of a negative number


def answer_url(answer: Answer) -> str:
    """Return the address of the overview of that day, as known on the other."""
    return f"{reverse('overview')}?{urlencode({'as_of': answer.as_of, 'known': answer.known})}"


def anchor_of(revision: Revision) -> str:
    return f"of-{revision.now.as_of}-known-{revision.now.known}"


def answers_table(found: Revisions) -> Table:
    """Return the answers one by one, for programs."""
    pairs = [
        (answer, revision)
        for row in found.rows
        for answer, revision in zip(row.answers, row.revisions, strict=True)
        if answer
    ]
    columns: list[Column[tuple[Answer, Revision | None]]] = [
        Column("as_of", _("As of"), lambda pair: pair[0].as_of, kind="date"),
        Column("known", _("As known on"), lambda pair: pair[0].known, kind="date"),
        Column("value", _("Value"), lambda pair: pair[0].number[0], kind="integer"),
        Column("of", _("Out of"), lambda pair: pair[0].number[1], kind="integer"),
        Column("revised", _("Differs from the one before"), lambda pair: pair[1] is not None, kind="flag"),
    ]
    return make_table(columns, pairs)


# -- what changed ----------------------------------------------------------------------------------------


def all_revisions(found: Revisions) -> list[Revision]:
    """Return the revisions, those of the newest quarter first."""
    return [revision for row in found.rows for revision in reversed(row.revisions) if revision]


def explained(found: Revisions, user: Any) -> list[Explained]:
    """Return the newest revisions with the changes of the records that made the difference.

    Revisions of several quarters that the same records made between the same two days stand together.
    """
    groups: dict[object, list[Revision]] = defaultdict(list)
    for revision in all_revisions(found):
        groups[revision.before.known, revision.now.known, frozenset(revision.records)].append(revision)
    return [explanation(same, user) for same in islice(groups.values(), MAX_EXPLAINED)]


def explanation(same: Sequence[Revision], user: Any) -> Explained:
    """Return revisions that the same records made, with the changes of these."""
    before, now = same[0].before, same[0].now
    values = [
        label_value(quarter_of(item.now.as_of), f"{answer_text(item.before)} → {answer_text(item.now)}")
        for item in same
    ]
    title = _("As known on %(first)s and on %(second)s") % {
        "first": format_date(before.known),
        "second": format_date(now.known),
    }
    newest = max(item.now.as_of for item in same)
    changes = named_changes(conditions_of_records(same[0].records, newest), before.known, now.known, user)
    return Explained([anchor_of(item) for item in same], title, join_clauses(values), changes)
