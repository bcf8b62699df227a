"""Facts, one number each with its denominator, and sources. The numbers are those of the analytics that pages and API
use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.formatting import format_date, format_number, join_clauses, join_statements, no_data
from dashboard.briefs.blocks import fact
from pilots.analytics.outstanding import OutstandingReports
from pilots.analytics.pilot_status import OnTrack
from pilots.metrics.reconciliation import Reconciliation
from pilots.metrics.stages import Stage, StageFunnel
from policies.analytics.rollout import Rollout
from policies.charts.rollout import certainty_text
from policies.models import Source

MAX_SOURCES = 4
Fact = dict[str, str]


def share_fact(label: str, n: int | None, of: int | None, noun: str, note: str = "") -> Fact:
    """Return a number with its whole, such as `of 64 pilots`; the whole is left out where it is not known."""
    return fact(label, format_number(n), "" if of is None else noun % {"n": format_number(of)}, note)


def recorded_fact(numbers: Reconciliation, note: str = "") -> Fact:
    """Return the pilots recorded, of those announced, with the withdrawn ones."""
    withdrawn = _("%(n)d withdrawn") % {"n": numbers.withdrawn} if numbers.withdrawn else ""
    notes = join_clauses(filter(None, [note, withdrawn]))
    return share_fact(_("Pilots recorded"), numbers.recorded, numbers.announced, _("of %(n)s announced"), notes)


def reported_fact(found: OutstandingReports) -> Fact:
    """Return the pilots with an accepted value for the year due, of those that owe values."""
    label = _("Reported for %(year)d") % {"year": found.year}
    if not found.owing:
        return fact(label, no_data(), "", _("no pilot owes values yet"))
    return share_fact(label, found.owing - found.count, found.owing, _("of %(n)s pilots"))


def on_path_fact(found: OnTrack) -> Fact:
    """Return the binding targets on the path, of the rated ones; no value where too few are rated to say."""
    label = _("Binding targets on the path")
    if not found.total:
        return fact(label, no_data(), "", _("no target recorded"))
    if found.few:
        few = _("%(rated)d of %(n)d rated: too few to say") % {"rated": found.rated, "n": found.total}
        return fact(label, no_data(), "", few)
    unrated = ngettext("%(n)d not rated", "%(n)d not rated", found.unrated) % {"n": found.unrated}
    return share_fact(label, found.on_path, found.rated, _("of %(n)s rated"), unrated if found.unrated else "")


def plans_fact(rollout: Rollout | None) -> Fact:
    """Return the provincial plans issued, of the provinces of the roster."""
    label = _("Provincial plans issued")
    if rollout is None or rollout.issued is None:
        return fact(label, no_data(), "", _("no policy calls for them yet"))
    note = join_clauses(filter(None, [rollout.policy.short, certainty_text(rollout)]))
    return share_fact(label, rollout.issued, rollout.roster, _("of %(n)s provinces"), note)


def stage_fact(funnel: StageFunnel, stage: Stage = Stage.PLAN_ISSUED) -> Fact:
    """Return the pilots at or past a stage, of those in the programme."""
    label = _("At or past: %(stage)s") % {"stage": stage.label}
    unknown = ngettext("%(n)d without a stage on record", "%(n)d without a stage on record", funnel.unknown)
    note = unknown % {"n": funnel.unknown} if funnel.unknown else ""
    return share_fact(label, funnel.reached[stage], funnel.n, _("of %(n)s pilots"), note)


# -- sources -----------------------------------------------------------------------------------------------


def cite(*found: Iterable[Source]) -> list[Source]:
    """Return the sources of several lists, each once, in the order of the lists."""
    return list(dict.fromkeys(source for some in found for source in some))


def numbered(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Return the first of these sources with their numbers, from 1; `url` may be empty."""
    shown = enumerate(sources[:MAX_SOURCES], 1)
    return [{"number": place, "text": cited(source), "url": source.url} for place, source in shown]


def cited(source: Source) -> str:
    """Return a source as it is cited: title, publisher, day."""
    text = f"{source.publisher} · {source.title}" if source.publisher else source.title
    return join_statements(text, format_date(source.published_on)) if source.published_on else text
