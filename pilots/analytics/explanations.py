"""Explanations of lights: one sentence per reason in the user's language, with the responsible office and a link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.bilingual import is_chinese_active
from core.text.formatting import (
    CHANGE_DIGITS,
    format_alike,
    format_amount,
    format_plain,
    join_clauses,
    join_long,
    label_value,
)
from pilots.analytics.pilot_status import PilotStatus, first_reporting_year
from pilots.analytics.replanning import STEPS_FIELD, Replanning
from pilots.lights import Colour, LightReason, MilestoneLight, ReasonSubject, StatusReason
from pilots.metrics.progress import year_due
from pilots.metrics.reduction import CoControl, Elasticity
from pilots.models import FollowUp, Milestone, Pilot, Stage, StageEntry, TargetKind
from policies.charts.rollout import format_day


@dataclass(frozen=True)
class Explanation:
    """One reason: a stable code for API clients, the sentence, and the URL of the item.

    `owner` is who is responsible, never a person: the agency of the open follow-up, else of a milestone the department
    on record, else the pilot's own office; empty only when all is well. `days` is how long a milestone or a stage is
    overdue, `change` describes changes to the plan of this item.
    """

    code: str
    colour: Colour
    reason: str
    url: str
    owner: str = ""
    days: int | None = None
    change: str = ""

    @property
    def text(self) -> str:
        """Whole sentence: the reason, and changes to the plan."""
        return append_clause(self.reason, self.change)


def format_carbon(tonnes: Decimal) -> str:
    """Format tonnes of CO₂ in the usual unit of the language: 6.72 Mt, 51.9 kt or 850 t, and 671.88万吨."""
    if is_chinese_active():
        return f"{format_plain(round(tonnes / 10_000, 2))}万吨"
    unit, step = next(((unit, step) for unit, step in (("Mt", 10**6), ("kt", 10**3)) if abs(tonnes) >= step), ("t", 1))
    return f"{format_alike([tonnes / step], CHANGE_DIGITS)[0]}\u00a0{unit}"


def format_co2(tonnes: Decimal | None) -> str:
    """Format tonnes of CO₂ with the name of the gas; “no data” where there is no value."""
    return _("no data") if tonnes is None else _("%(amount)s CO₂") % {"amount": format_carbon(tonnes)}


def responsible_office(pilot: Pilot) -> str:
    """Return the responsible office where no department is on record: the pilot's own office."""
    return _("Pilot office of %(pilot)s") % {"pilot": pilot.name}


def computed_explanations(status: PilotStatus) -> list[Explanation]:
    """Return the explanations of the computed light, worst first, one per item."""
    found = []
    for reason in status.light.reasons:
        explanation, own = explain_reason(reason, status), follow_ups_of_reason(reason, status)
        found.append(replace(explanation, owner=own[0].owner_agency.name) if own else explanation)
    return found


def follow_ups_of_reason(reason: StatusReason, status: PilotStatus) -> Sequence[FollowUp]:
    """Return the open follow-ups about the item of a reason, or about the pilot as a whole."""
    if reason.about == ReasonSubject.PILOT or not status.open_follow_ups:
        return status.open_follow_ups
    indicator = reason.item.target.indicator_id if reason.about == ReasonSubject.INDICATOR else None
    milestone = reason.item.milestone.pk if reason.about == ReasonSubject.MILESTONE else None
    subjects = {(None, None), (indicator, milestone)}
    return [i for i in status.open_follow_ups if (i.cause_indicator_id, i.cause_milestone_id) in subjects]


def shown_explanations(status: PilotStatus) -> list[Explanation]:
    """Return the explanations of the light shown: first the override, if any, then the computed reasons."""
    if status.override is None:
        return computed_explanations(status)
    page = status.pilot.get_absolute_url()
    by_hand = Explanation("set_by_hand", status.colour, main_explanation(status), page, light_owner(status))
    return [by_hand, *computed_explanations(status)]


def explanation_for_list(status: PilotStatus) -> str:
    """Return the explanation of the light shown and changes to the plan, as one text for a list."""
    about = None if status.override else status.light.why
    change = replanning_text(status, about) if about else ""
    return append_clause(append_clause(main_explanation(status), change), other_changes_text(status, about))


def main_explanation(status: PilotStatus) -> str:
    """Return the sentence that explains the light shown: the override with its reason, or the worst item.

    Only the ministry sets overrides. The author's name is only in the history, which needs permission: these sentences
    are public.
    """
    if status.override:
        return _("Set by hand by the ministry until %(day)s: %(reason)s") % {
            "day": format_day(status.override.expires_on),
            "reason": status.override.reason,
        }
    return explain_reason(status.light.why, status).reason


def append_clause(first: str, second: str) -> str:
    return join_clauses([first, second]) if second else first


def other_changes_text(status: PilotStatus, reason: StatusReason | None) -> str:
    """Return how many other items were changed after entry or entered late, and when last; empty for none."""
    own = replanning_of_reason(status, reason) if reason else None
    others = [item for item in status.replanned if item is not own]
    if not others:
        return ""
    planned = [item.on for item in others if item.was]
    late = [item.completion.entered_on for item in others if item.completion]
    plans = ngettext(
        "plan changed for %(n)d item, last on %(day)s", "plan changed for %(n)d items, last on %(day)s", len(planned)
    )
    completions = ngettext(
        "completion of %(n)d milestone entered late, last on %(day)s",
        "completion of %(n)d milestones entered late, last on %(day)s",
        len(late),
    )
    clauses = [(plans, planned), (completions, late)]
    return join_clauses([text % {"n": len(days), "day": format_day(max(days))} for text, days in clauses if days])


def light_owner(status: PilotStatus) -> str:
    """Return the one owner of a pilot's light: the agency of its open follow-up, overdue first, then due next.

    Else who is responsible for the worst item; the pilot's own office where the light is set by hand.
    """
    if status.open_follow_ups:
        return status.open_follow_ups[0].owner_agency.name
    return responsible_office(status.pilot) if status.override else computed_explanations(status)[0].owner


def explain_reason(reason: StatusReason, status: PilotStatus) -> Explanation:
    """Return the explanation of one reason."""
    page, office = status.pilot.get_absolute_url(), responsible_office(status.pilot)
    change = replanning_text(status, reason)
    item = reason.item
    code, colour = reason.why.value, reason.counts_as
    if reason.about == ReasonSubject.INDICATOR:
        return Explanation(code, colour, item.sentence, f"{page}#indicator-{item.code}", office, change=change)
    if reason.about in (ReasonSubject.MILESTONE, ReasonSubject.STAGE):
        days, change = item.light.delay, join_clauses(filter(None, [change, request_text(item.record, status.as_of)]))
        if reason.about == ReasonSubject.MILESTONE:
            text, url = milestone_text(item.light, item.milestone.name), f"{page}#milestone-{item.key}"
            return Explanation(code, colour, text, url, item.milestone.owner or office, days, change)
        text = ngettext("Stage “%(stage)s” is %(n)d day overdue", "Stage “%(stage)s” is %(n)d days overdue", days)
        text %= {"stage": item.entry.get_stage_display(), "n": days}
        return Explanation(code, colour, text, f"{page}#stage-{item.entry.stage}", office, days, change)
    in_charge = "" if reason.why in (LightReason.ALL_WELL, LightReason.WITHDRAWN) else office
    return Explanation(code, colour, pilot_text(reason, status), page, in_charge)


# -- what was changed of the plan --------------------------------------------------------------------------


def replanning_of_reason(status: PilotStatus, reason: StatusReason) -> Replanning | None:
    """Return the replanning of the item that a reason is about, or None."""
    record = reason.item and reason.item.record
    found = (item for item in status.replanned if record and (item.model, item.pk) == (type(record), record.pk))
    return next(found, None)


def replanning_text(status: PilotStatus, reason: StatusReason) -> str:
    found = replanning_of_reason(status, reason)
    return plan_change_text(found) if found else ""


def plan_change_text(item: Replanning) -> str:
    """Return the text of its changes since entry, and of a completion entered late."""
    return join_clauses([text for text in (plan_text(item), completion_text(item)) if text])


def completion_text(item: Replanning) -> str:
    """Return the text of a late completion: when it was entered and for which day; empty if not late."""
    if item.completion is None:
        return ""
    days = {"on": format_day(item.completion.entered_on), "day": format_day(item.completion.completed_on)}
    return _("completion entered on %(on)s for %(day)s") % days


def plan_text(item: Replanning) -> str:
    """Return the date of change and the first values: `replanned on 26 November 2026, was due 17 July 2026`."""
    if not item.was:
        return ""
    due = item.was.get("planned_on")
    fields = {
        plan_field_label(item, name): field_value_text(value)
        for name, value in item.was.items()
        if name != "planned_on"
    }
    rest = join_long(label_value(label, value) for label, value in fields.items())
    words = {"on": format_day(item.on), "was": format_day(due) if due else rest, "rest": rest}
    if item.deleted:
        return (_("deleted on %(on)s, was due %(was)s") if due else _("deleted on %(on)s, was %(was)s")) % words
    if due:
        text = (
            _("replanned on %(on)s, was due %(was)s, %(rest)s") if rest else _("replanned on %(on)s, was due %(was)s")
        )
        return label_value(text % words, item.reason) if item.reason else text % words
    if len(fields) == 1:
        ((label, value),) = fields.items()
        return _("%(field)s changed on %(on)s, was %(was)s") % {**words, "field": label, "was": value}
    return _("changed on %(on)s, was %(was)s") % words


def request_text(record: Milestone | StageEntry, as_of: date) -> str:
    """Return that another planned day is asked for, or was refused, with the reason; empty where neither."""
    waiting, refused = record.waiting_replan(as_of), record.refused_replan(as_of)
    if waiting:
        planned = record.planned_by(as_of)
        words = {"day": format_day(waiting.day), "reason": waiting.reason}
        if planned and waiting.day < planned:
            return _("an earlier day is asked for: %(day)s, %(reason)s") % words
        return _("a later day is asked for: %(day)s, %(reason)s") % words
    if refused and refused.decided_on:
        words = {"day": format_day(refused.day), "on": format_day(refused.decided_on), "remark": refused.remark}
        return _("the day asked for, %(day)s, was refused on %(on)s: %(remark)s") % words
    return ""


def plan_field_label(item: Replanning, name: str) -> str:
    return _("steps on the way") if name == STEPS_FIELD else str(item.model._meta.get_field(name).verbose_name)


def field_value_text(value: object) -> str:
    """Return the display text of a plan field's value."""
    if value is None or value == "":
        return _("no data")
    if isinstance(value, dict):
        return join_long(label_value(year, format_amount(step)) for year, step in value.items()) or _("none")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Decimal):
        return format_amount(value)
    return str(TargetKind(value).label) if value in TargetKind.values else str(value)


def plan_change(status: PilotStatus, item: Replanning) -> dict[str, str]:
    """Return the change of a plan for a page: name of the item, text, and URL (empty once deleted)."""
    page, text = status.pilot.get_absolute_url(), plan_change_text(item)
    if item.model is Milestone:
        name = Milestone(**item.named).name
        return {"name": name, "text": text, "url": "" if item.deleted else f"{page}#milestone-{item.pk}"}
    if item.model is StageEntry:
        stage = Stage(str(item.named["stage"]))
        return {"name": str(stage.label), "text": text, "url": f"{page}#stage-{stage}"}
    found = next((entry.target for entry in status.indicators if entry.target.pk == item.pk), None)
    if found is None:  # deleted: listed as "Target", since its indicator is not kept
        return {"name": _("Target"), "text": text, "url": ""}
    return {"name": found.indicator.name, "text": text, "url": f"{page}#indicator-{found.indicator.code}"}


# -- a milestone, and the pilot as a whole -----------------------------------------------------------------


def milestone_text(light: MilestoneLight, title: str) -> str:
    """Return the sentence about a milestone: by how many days it is overdue, else its state."""
    if light.delay is None or light.colour not in (Colour.RED, Colour.YELLOW):
        return _("%(name)s: %(why)s") % {"name": title, "why": light.why.label}
    text = ngettext("%(title)s is %(n)d day overdue", "%(title)s is %(n)d days overdue", light.delay)
    return text % {"title": title, "n": light.delay}


def pilot_text(reason: StatusReason, status: PilotStatus) -> str:
    """Return the text of a reason about the pilot as a whole: nothing behind, or why it is not rated."""
    if reason.why == LightReason.WITHDRAWN:
        return _("Withdrawn on %(day)s: no longer rated") % {
            "day": format_day(status.pilot.withdrawn_on or status.as_of)
        }
    if reason.why == LightReason.NO_REPORT:
        year, first = year_due(status.as_of), first_reporting_year(status.pilot)
        if year < first:
            return _("Not rated yet: the first values are due by %(day)s") % {"day": format_day(date(first + 1, 3, 31))}
        return _("Not rated: no accepted value for %(year)d") % {"year": year}
    if reason.why == LightReason.NO_TARGET:
        return _("Not rated: no target on record (no binding target, no key milestone)")
    if reason.why == LightReason.NOTHING_RATED:
        return _("Not rated: nothing rated yet (no binding target can be rated, no key milestone is due)")
    rated = sum(item.light.colour != Colour.GREY for item in status.indicators)
    text = _(
        "Nothing behind schedule: %(rated)d of %(n)d indicators rated, %(done)d of %(due)d milestones due are done"
    )
    counts = status.counts
    return text % {"rated": rated, "n": len(status.indicators), "done": counts.due - counts.late, "due": counts.due}


def no_elasticity(found: Elasticity) -> tuple[str, str] | None:
    """Return why there is no cross-elasticity, as code and text; None when there is one."""
    if found.value is not None:
        return None
    if found.kind is None:
        return "no_data", _("no data")
    if found.carbon_flat:
        return "carbon_flat", _("carbon hardly changed: no elasticity")
    if found.kind == CoControl.FLAT:
        return "pollutant_flat", _("the pollutant hardly changed: no elasticity")
    return found.kind.value, str(found.kind.label)
