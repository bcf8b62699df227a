"""Statement and list of practices on the overview: how many can be copied, and how far they were."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.formatting import join_clauses, join_statements
from core.web.tables import Column, Table, make_table, record_cell, status_cell
from pilots.metrics.practice_states import PracticeState, Trust
from pilots.practices.queries import Copies, Diffusion


def practices_headline(value: Diffusion) -> str:
    """Return the statement on practices in the library and recommended, and on the provinces that they have reached."""
    if not value.total:
        return _("No practice is on record by this day")
    library, recommended = value.in_library, value.by_state[PracticeState.RECOMMENDED]
    if not library:
        proposed = value.by_state[PracticeState.PROPOSED] + value.by_state[PracticeState.PASSED]
        text = ngettext("%(n)d practice proposed", "%(n)d practices proposed", proposed) % {"n": proposed}
        return join_statements(text, _("none in the library yet"))
    text = ngettext("%(n)d practice in the library", "%(n)d practices in the library", library) % {"n": library}
    text = join_statements(text, _("%(n)d of them recommended") % {"n": recommended})
    return join_clauses([text, provinces_statement(value.copies)])


def provinces_statement(copies: Copies) -> str:
    """Return the statement on provinces reached, of the roster, with those that only claim a copy apart."""
    if not copies.in_use:
        return _("no copy is in use yet")
    text = _("copied in %(reached)d of %(roster)d provinces (confirmed or verified)") % {
        "reached": len(copies.reached),
        "roster": len(copies.roster),
    }
    claimed = len(copies.only_claimed)
    more = ngettext("in %(n)d more only claimed", "in %(n)d more only claimed", claimed) % {"n": claimed}
    return join_statements(text, more) if claimed else text


def most_copied_table(value: Diffusion, most: int | None = None) -> Table:
    """Return the table of the practices with a copy in use, those that reached most provinces first, up to `most`.

    Copies in use are counted by trust, each under the highest it has reached, and never added up.
    """
    copied = [item for item in value.practices if item.copies.in_use]
    copied.sort(
        key=lambda item: (
            -len(item.copies.reached),
            *(-item.copies.adopters[trust] for trust in reversed(Trust)),
            item.pk,
        )
    )
    columns: list[Column[Any]] = [
        Column("practice", _("Practice"), record_cell),
        Column("state", _("State"), lambda item: status_cell(item.state)),
        Column("provinces", _("Provinces reached"), lambda item: len(item.copies.reached), kind="integer"),
        *(adopters_column(trust) for trust in reversed(Trust)),
    ]
    return make_table(columns, copied[:most], reverse("practice-list"))


def adopters_column(trust: Trust) -> Column[Any]:
    label = str(trust.label).capitalize()
    return Column(trust.value, label, lambda item: item.copies.adopters[trust], kind="integer")
