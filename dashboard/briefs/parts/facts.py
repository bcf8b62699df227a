"""Facts: one number each, with its denominator. The numbers are those of the analytics that pages and API use."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.formatting import format_number, no_data
from core.text.joining import join_clauses
from dashboard.briefs.blocks import Fact
from pilots.analytics.outstanding import OutstandingReports
from pilots.analytics.pilot_status import OnTrack
from pilots.metrics.reconciliation import Reconciliation
from pilots.metrics.stages import Stage, StageFunnel
from policies.analytics.rollout import Rollout


def share_fact(label: str, n: int | None, of: int | None, noun: str, note: str = "") -> Fact:
    """Return a number with its whole, such as `of 64 pilots`; the whole is left out where it is not known."""
    return Fact(label, format_number(n), "" if of is None else noun % {"n": format_number(of)}, note)


def recorded_fact(numbers: Reconciliation, note: str = "") -> Fact:
    """Return the pilots recorded, of those announced, with the withdrawn ones."""
    withdrawn = _("%(n)d withdrawn") % {"n": numbers.withdrawn} if numbers.withdrawn else ""
    notes = join_clauses(filter(None, [note, withdrawn]))
    return share_fact(_("Pilots recorded"), numbers.recorded, numbers.announced, _("of %(n)s announced"), notes)


def reported_fact(found: OutstandingReports) -> Fact:
    """Return the pilots with an accepted value for the year due, of those that owe values."""
    label = _("Reported for %(year)d") % {"year": found.year}
    if not found.owing:
        return Fact(label, no_data(), "", _("no pilot owes values yet"))
    return share_fact(label, found.owing - found.count, found.owing, _("of %(n)s pilots"))


def on_path_fact(found: OnTrack, label: str = "") -> Fact:
    """Return the binding targets on the path, of the rated ones; no value where too few are rated to say."""
    label = label or _("Binding targets on the path")
    if not found.total:
        return Fact(label, no_data(), "", _("no target recorded"))
    if found.few:
        few = _("%(rated)d of %(n)d rated: too few to say") % {"rated": found.rated, "n": found.total}
        return Fact(label, no_data(), "", few)
    unrated = ngettext("%(n)d not rated", "%(n)d not rated", found.unrated) % {"n": found.unrated}
    return share_fact(label, found.on_path, found.rated, _("of %(n)s rated"), unrated if found.unrated else "")


def plans_fact(rollout: Rollout | None) -> Fact:
    """Return the provincial plans issued, of the provinces of the roster."""
    label = _("Provincial plans issued")
    if rollout is None or rollout.issued is None:
        return Fact(label, no_data(), "", _("no policy calls for them yet"))
    return share_fact(label, rollout.issued, rollout.roster, _("of %(n)s provinces"), rollout.policy.short)


def stage_fact(funnel: StageFunnel, stage: Stage = Stage.PLAN_ISSUED) -> Fact:
    """Return the pilots at or past a stage, of those in the programme."""
    label = _("At or past: %(stage)s") % {"stage": stage.label}
    unknown = ngettext("%(n)d without a stage on record", "%(n)d without a stage on record", funnel.unknown)
    note = unknown % {"n": funnel.unknown} if funnel.unknown else ""
    return share_fact(label, funnel.reached[stage], funnel.n, _("of %(n)s pilots"), note)
