"""Cells, tables and the finding of practices, their effects and copies; practices are those of `read_practices`."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core.permissions import has_object_permission
from core.tables import Cell, Column, Table, make_table, page_columns, record_cell, status_cell
from core.text import (
    format_amount,
    format_date,
    join_clauses,
    join_short,
    join_statements,
    label_value,
    lang_of,
    number_with_unit,
)
from pilots.charts.cells import name_beside, strip_idle_zeros, text_cell
from pilots.models import Adoption, Practice
from pilots.practices.models import PracticeState
from policies.tables import confidence_cell, province_cell, source_cell

# -- cells ---------------------------------------------------------------------------------------------


def origin_cell(practice: Practice) -> Cell:
    """Return the names of the origins; a single one is linked to its page."""
    origins = list(practice.origins.all())
    if len(origins) == 1:
        return record_cell(origins[0])
    times = Counter(pilot.name for pilot in origins)
    shared = [name for name, n in times.items() if n > 1]
    return Cell(join_short(name_beside(shared, pilot) for pilot in origins) or None)


def cost_text(practice: Practice) -> str | None:
    """Return the cost with its kind and year; None where it is not known."""
    if practice.cost_amount is None:
        return None
    text = _("%(cost)s (%(kind)s, prices of %(year)s)")
    cost = number_with_unit(format_amount(practice.cost_amount), _("10⁴ yuan"))
    return text % {"cost": cost, "kind": practice.get_cost_kind_display(), "year": str(practice.cost_year)}


def result_cell(practice: Any) -> Cell:
    """Return the first effect that is stated of the origin; no data without."""
    for effect in practice.known_effects:
        if effect.adoption_id is None:
            text = label_value(pgettext("an effect", "stated"), effect.statement)
            return Cell(text, lang=lang_of(effect.statement))
    return Cell(None)


def adopter_cell(adoption: Adoption | None, row: Any) -> Cell:
    """Return who copies it, linked to the pilot or province, or else the origin; with the anchor of the row."""
    cell = record_cell(adoption.pilot or adoption.province) if adoption else Cell(_("origin"))
    return replace(cell, anchor=f"{row._meta.model_name}-{row.pk}")


def copies_in_use(practice: Any) -> int:
    """Return how many copies had not ended by the day."""
    return sum(copy.ended_then is None for copy in practice.known_copies)


# -- the list --------------------------------------------------------------------------------------------


def practice_columns() -> list[Column[Any]]:
    return [
        Column("title", _("Practice"), record_cell, sort="title", sort_fields=["slug"]),
        Column("state", _("State"), lambda item: status_cell(item.state), sort="state", sort_fields=["state_then"]),
        Column("origin", _("Origin"), origin_cell),
        Column("field", _("Field of action"), Practice.get_field_display, sort="field", sort_fields=["field"]),
        Column("result", _("Result"), result_cell),
        Column("cost", _("Cost"), cost_text, sort="cost", sort_fields=["cost_amount"]),
        Column("copies", _("Copies in use"), copies_in_use, kind="integer"),
        Column("industries", _("Industries"), lambda item: join_short(map(str, item.industries.all())), file_only=True),
        Column("library", _("In the library since"), "library_then", kind="date", file_only=True),
        Column("retired", _("Retired on"), "retired_then", kind="date", file_only=True),
        Column(
            "proposed",
            _("Proposed"),
            "proposed_on",
            kind="date",
            sort="proposed",
            sort_fields=["proposed_on"],
            file_only=True,
        ),
        Column("confidence", _("Confidence"), confidence_cell, file_only=True),
    ]


def practice_page_columns() -> list[Column[Any]]:
    """Return the columns of the page of practices, whose rows have two lines."""

    def origin(item: Practice) -> str:
        return join_statements(str(origin_cell(item).value or ""), str(item.get_field_display()))

    below: dict[str, Any] = {"title": origin, **dict.fromkeys(("state", "result", "cost", "copies"))}
    return page_columns(practice_columns(), below, side="state", line="result")


def practices_headline(practices: Any, day: Any) -> str:
    """Return the sentence that answers "which practices can be copied?"."""
    numbers = {"n": len(practices), "library": sum(item.state == PracticeState.IN_LIBRARY for item in practices)}
    if not practices:
        return _("No practice is on record by %(day)s.") % {"day": format_date(day)}
    copies: Any = Adoption.objects.on(day).filter(practice__proposed_on__lte=day)
    text = _("%(library)d of %(n)d practices in the library") % numbers
    return join_clauses([text, copies_clause(copies.filter(ended_then=None).count())]) + _(".")


def practice_headline(practice: Any) -> str:
    """Return the sentence that says how far a practice has come, and how many copy it."""
    day = practice.retired_then or practice.library_then or practice.proposed_on
    text = _("%(state)s since %(day)s") % {"state": practice.state.label, "day": format_date(day)}
    return capfirst(join_clauses([text, copies_clause(copies_in_use(practice))])) + _(".")


def copies_clause(n: int) -> str:
    return ngettext("%(n)d copy in use", "%(n)d copies in use", n) % {"n": n}


def match_rows(practices: Iterable[Any], industries: Collection[Any]) -> list[dict[str, object]]:
    """Return what the lines of practices for a pilot show: each with the industries in common."""
    rows = [{"practice": item, "result": result_cell(item)} for item in practices]
    return [row | {"shared": [own for own in row["practice"].industries.all() if own in industries]} for row in rows]


# -- tables of one practice ------------------------------------------------------------------------------


def effects_table(practice: Any) -> Table:
    """Return the table of the effects, each with value, unit, period and source."""
    usual = {"a year": _("a year"), "expected a year": _("expected a year")}  # other periods stand as on record
    columns: list[Column[Any]] = [
        Column("where", _("Where"), lambda item: adopter_cell(item.adoption, item)),
        Column("statement", _("As stated"), lambda item: text_cell(item.statement)),
        Column("value", _("Stated value"), lambda item: strip_idle_zeros(item.stated_value), kind="decimal"),
        Column("unit", _("Unit"), lambda item: text_cell(item.stated_unit)),
        Column("period", _("Period"), lambda item: usual.get(item.stated_period) or text_cell(item.stated_period)),
        Column("known_on", _("Known since"), kind="date"),
        Column("confidence", _("Confidence"), confidence_cell),
        Column("source", _("Source"), source_cell),
        Column("note", _("Note"), lambda item: text_cell(item.note)),
    ]
    return make_table(columns, practice.known_effects)


def copies_table(practice: Any, user: Any = None) -> Table:
    """Return the table of the copies of a practice; for a user who may change some, with links to their forms."""

    def edit(item: Adoption) -> Cell:
        may = has_object_permission(user, "change", item)
        return Cell(_("Edit"), url=reverse("admin:pilots_adoption_change", args=[item.pk])) if may else Cell("")

    columns: list[Column[Any]] = [
        Column("adopter", _("Copied by"), lambda item: adopter_cell(item, item)),
        Column("province", _("Province"), lambda item: province_cell(item.province)),
        Column("since", pgettext("a state", "Since"), "adopted_on", kind="date"),
        Column("until", _("Until"), "ended_then", kind="date"),
        Column("verified", _("Verified on"), "verified_then", kind="date"),
        Column("note", _("Note"), lambda item: text_cell(item.note)),
    ]
    if user is not None and user.is_staff:
        columns.append(Column("edit", _("Edit"), edit))
    rows = sorted(practice.known_copies, key=lambda item: (item.ended_then is not None, item.adopted_on, item.pk))
    return make_table(columns, rows)
