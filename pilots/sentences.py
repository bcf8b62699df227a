"""Why a light has its colour, as one sentence in the reader's language, with who is responsible and a link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config import quantities
from config.words import clauses, labelled, listed_long
from pilots.metrics import About, CoControl, Colour, Direction, Elasticity, Reason, TargetKind, Why, year_due
from pilots.models import Milestone, Pilot, Target
from pilots.progress import IndicatorStatus, PilotStatus, first_year
from pilots.replanning import STEPS, Replanning
from policies.charts import day


@dataclass(frozen=True)
class Sentence:
    """One reason: a stable code for programs, the sentence, and the address of the item.

    `owner` is who is responsible for it: of a milestone the department on record, of anything else the pilot's own
    office, which is nobody in particular and never left empty. `days` is how long a milestone is overdue, `change`
    what was changed of the plan of this item.
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
        """The whole sentence: the reason, and what was changed of the plan."""
        return told_with(self.reason, self.change)


LEVEL_DIGITS, CHANGE_DIGITS, MOST_PLACES = 4, 3, 6


def amount(value: Decimal | None) -> str:
    """A value with thousands marks and no idle zeros."""
    return _("no data") if value is None else alike([value])[0]


def alike(values: Sequence[Decimal], digits: int = LEVEL_DIGITS) -> list[str]:
    """Values that stand in one sentence, all with as many decimals."""
    places = places_of(values, digits)
    return [written(rounded(value, places), places) for value in values]


def places_of(values: Sequence[Decimal], digits: int = LEVEL_DIGITS) -> int:
    """The decimals of values that stand in one sentence: so many digits of the largest, no idle zeros.

    There are more decimals where two values that differ would read the same.
    """
    largest = max((abs(value) for value in values), default=Decimal(0))
    places = max(0, min(digits - 1 - largest.adjusted(), MOST_PLACES)) if largest else 0
    while places < MOST_PLACES and len({rounded(v, places) for v in values}) < len(set(values)):
        places += 1
    return max((len(f"{rounded(v, places):f}".partition(".")[2].rstrip("0")) for v in values), default=0)


def rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def written(value: Decimal, places: int) -> str:
    """A number as the reader writes it, with a true minus sign."""
    return number_format(value, places, use_l10n=True, force_grouping=True).replace("-", "−")


def percent(value: Decimal) -> str:
    """A fraction as a percentage with one decimal; with more where it would read as none at all."""
    share, places = abs(value) * 100, 1
    while share and places < MOST_PLACES and not rounded(share, places):
        places += 1
    return written(rounded(share, places), places)


def quantity(number: str, unit: str) -> str:
    """A number with its unit: `29,470 t`, 29,470吨."""
    # Translators: a number and its unit; Chinese sets no space between them.
    return _("%(number)s %(unit)s") % {"number": number, "unit": f"× {unit}" if unit.startswith("10⁴ ") else unit}


def carbon_text(tonnes: Decimal) -> str:
    """Tonnes of CO₂ as a reader of the programme counts them: 6.72 Mt, or 671.88万吨."""
    return quantities.quantity(round(tonnes / 10_000, 2), quantities.TEN_KILOTONNES)


def co2_text(tonnes: Decimal | None) -> str:
    """The same with the name of the gas; “no data” where there is no value."""
    return _("no data") if tonnes is None else _("%(amount)s CO₂") % {"amount": carbon_text(tonnes)}


def office_of(pilot: Pilot) -> str:
    """Who is responsible where no department is on record: the pilot's own office, whatever it is called there."""
    return _("Pilot office of %(pilot)s") % {"pilot": pilot.name}


def reasons(status: PilotStatus) -> list[Sentence]:
    """Why the computed light has its colour, worst first; one sentence an item."""
    return [sentence(reason, status) for reason in status.light.reasons]


def shown(status: PilotStatus) -> list[Sentence]:
    """Why the light shown has its colour: first that it was set by hand, where it was, then the computed reasons."""
    if status.override is None:
        return reasons(status)
    page = status.pilot.get_absolute_url()
    by_hand = Sentence("set_by_hand", status.colour, explanation(status), page, office_of(status.pilot))
    return [by_hand, *reasons(status)]


def why(status: PilotStatus) -> str:
    """What explains the light shown, and whether the plan was changed: the words for a list."""
    about = None if status.override else status.light.why
    change = reasons(status)[0].change if about else ""
    return told_with(told_with(explanation(status), change), changes_beside(status, about))


def explanation(status: PilotStatus) -> str:
    """The one sentence that explains the light shown: set by hand and why, or the worst item.

    Only the ministry sets lights. Who did it by name stands in the history, for those whom it concerns: these
    sentences are read by everybody.
    """
    if status.override:
        return _("Set by hand by the ministry until %(day)s: %(reason)s") % {
            "day": day(status.override.expires_on),
            "reason": status.override.reason,
        }
    return reasons(status)[0].reason


def told_with(first: str, second: str) -> str:
    return clauses([first, second]) if second else first


def changes_beside(status: PilotStatus, reason: Reason | None) -> str:
    """How many other items were changed since they were entered or entered late, and when last; empty for none."""
    own = replanning_of(status, reason) if reason else None
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
    told = [(plans, planned), (completions, late)]
    return clauses([text % {"n": len(days), "day": day(max(days))} for text, days in told if days])


def owner(status: PilotStatus) -> str:
    """Who is responsible for the reason that is shown first."""
    return shown(status)[0].owner


def sentence(reason: Reason, status: PilotStatus) -> Sentence:
    """One reason in words."""
    page, office = status.pilot.get_absolute_url(), office_of(status.pilot)
    change = replanned_text(status, reason)
    if reason.about == About.INDICATOR:
        item = next(entry for entry in status.indicators if entry.code == reason.key)
        return Sentence(
            reason.why.value,
            reason.counts_as,
            indicator_text(item),
            f"{page}#indicator-{reason.key}",
            office,
            change=change,
        )
    if reason.about == About.MILESTONE:
        found = next(entry for entry in status.milestones if str(entry.milestone.pk) == reason.key)
        return Sentence(
            reason.why.value,
            reason.counts_as,
            milestone_text(reason, found.milestone.name),
            f"{page}#milestone-{reason.key}",
            found.milestone.owner or office,
            reason.days,
            change,
        )
    in_charge = "" if reason.why in (Why.ALL_WELL, Why.WITHDRAWN) else office
    return Sentence(reason.why.value, reason.counts_as, pilot_text(reason, status), page, in_charge)


# -- what was changed of the plan --------------------------------------------------------------------------


def replanning_of(status: PilotStatus, reason: Reason) -> Replanning | None:
    """What was changed of the plan of the item that a reason is about."""
    if reason.about == About.MILESTONE:
        return find_replanning(status, Milestone, int(reason.key))
    if reason.about == About.INDICATOR:
        target = next(item.target for item in status.indicators if item.code == reason.key)
        return find_replanning(status, Target, target.pk)
    return None


def find_replanning(status: PilotStatus, model: type[Any], pk: int) -> Replanning | None:
    return next((item for item in status.replanned if item.model is model and item.pk == pk), None)


def replanned_text(status: PilotStatus, reason: Reason) -> str:
    found = replanning_of(status, reason)
    return change_of_plan(found) if found else ""


def change_of_plan(item: Replanning) -> str:
    """What was changed of it since it was entered, and a completion that was entered late."""
    return clauses([text for text in (plan_text(item), completion_text(item)) if text])


def completion_text(item: Replanning) -> str:
    """When a completion was entered for which day; empty where that was not long after."""
    if item.completion is None:
        return ""
    days = {"on": day(item.completion.entered_on), "day": day(item.completion.completed_on)}
    return _("completion entered on %(on)s for %(day)s") % days


def plan_text(item: Replanning) -> str:
    """When it was changed and what it said at first: `replanned on 26 November 2026, was due 17 July 2026`."""
    if not item.was:
        return ""
    due = item.was.get("planned_on")
    fields = {label_of(item, name): value_text(value) for name, value in item.was.items() if name != "planned_on"}
    rest = listed_long(labelled(label, value) for label, value in fields.items())
    words = {"on": day(item.on), "was": day(due) if due else rest, "rest": rest}
    if item.deleted:
        return (_("deleted on %(on)s, was due %(was)s") if due else _("deleted on %(on)s, was %(was)s")) % words
    if due:
        text = (
            _("replanned on %(on)s, was due %(was)s, %(rest)s") if rest else _("replanned on %(on)s, was due %(was)s")
        )
        return text % words
    if len(fields) == 1:
        ((label, value),) = fields.items()
        return _("%(field)s changed on %(on)s, was %(was)s") % {**words, "field": label, "was": value}
    return _("changed on %(on)s, was %(was)s") % words


def label_of(item: Replanning, name: str) -> str:
    return _("steps on the way") if name == STEPS else str(item.model._meta.get_field(name).verbose_name)


def value_text(value: Any) -> str:
    """What a field of a plan said, as it is read."""
    if value is None or value == "":
        return _("no data")
    if isinstance(value, dict):
        return listed_long(labelled(year, amount(step)) for year, step in value.items()) or _("none")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Decimal):
        return amount(value)
    return str(TargetKind(value).label) if value in TargetKind.values else str(value)


@dataclass(frozen=True)
class ChangeOfPlan:
    """A change of the plan as a page lists it: of what, in words, and where that stands (nowhere once deleted)."""

    name: str
    text: str
    url: str


def changes_of_plan(status: PilotStatus) -> list[ChangeOfPlan]:
    """All that decides the light and was changed after it was entered, the latest change first."""
    return [named_change(status, item) for item in status.replanned]


def named_change(status: PilotStatus, item: Replanning) -> ChangeOfPlan:
    page, text = status.pilot.get_absolute_url(), change_of_plan(item)
    if item.model is Milestone:
        name = Milestone(**item.named).name
        return ChangeOfPlan(name, text, "" if item.deleted else f"{page}#milestone-{item.pk}")
    found = next((entry.target for entry in status.indicators if entry.target.pk == item.pk), None)
    if found is None:  # deleted: its indicator is named as a target
        return ChangeOfPlan(_("Target"), text, "")
    return ChangeOfPlan(found.indicator.name, text, f"{page}#indicator-{found.indicator.code}")


# -- one indicator -----------------------------------------------------------------------------------------


def indicator_text(item: IndicatorStatus) -> str:
    """Where a target stands: what was due and what came of it, and of what its percentage is."""
    target, light = item.target, item.light
    if light.actual is not None and light.expected is not None:
        match light.why:
            case Why.BEHIND | Why.FAR_BEHIND:
                return change_text(item, light.expected, light.actual)
            case Why.REVERSED:
                return reversed_text(item)
            case Why.OVER_LIMIT | Why.FAR_OVER_LIMIT | Why.WORSE | Why.FAR_WORSE:
                return bound_text(item, light.expected, light.actual)
    name = target.target_text if target.kind == TargetKind.TEXT else target.indicator.name
    return _("%(name)s: %(why)s") % {"name": name, "why": light.why.label}


def levels(item: IndicatorStatus) -> dict[str, Any]:
    """What the sentences about a level name: expected and actual with as many decimals, the year, the indicator."""
    indicator, light = item.target.indicator, item.light
    values = [value for value in (light.expected, light.actual) if value is not None]
    expected, actual = (quantity(number, indicator.unit_text) for number in alike(values))
    return {"name": indicator.name, "expected": expected, "actual": actual, "year": year_of(item)}


def year_of(item: IndicatorStatus) -> str:
    """The year by which the expected value was due, as text."""
    return str(min(item.year, item.target.target_year))


def change_text(item: IndicatorStatus, expected: Decimal, actual: Decimal) -> str:
    """How much was to be cut or gained by the year, how much was, and which part of that is missing."""
    base = item.target.base_value or Decimal(0)
    changes = alike([abs(expected - base), abs(actual - base)], CHANGE_DIGITS)
    due, done = (quantity(number, unit_of_change(item)) for number in changes)
    if base == 0:
        text = _("%(name)s should have reached %(due)s by %(year)s; it came to %(done)s (%(gap)s %% short)")
    elif expected < base:
        text = _("%(name)s should have been cut by %(due)s by %(year)s; the cut was %(done)s (%(gap)s %% short)")
    else:
        text = _("%(name)s should have risen by %(due)s by %(year)s; the rise was %(done)s (%(gap)s %% short)")
    gap = percent(item.light.shortfall or Decimal(0))
    return text % {"name": item.target.indicator.name, "due": due, "done": done, "gap": gap, "year": year_of(item)}


def unit_of_change(item: IndicatorStatus) -> str:
    """The unit of a difference: that of two percentages is the percentage point."""
    unit: str = item.target.indicator.unit_text
    return _("percentage points") if unit == "%" else unit


def reversed_text(item: IndicatorStatus) -> str:
    if item.target.indicator.direction == Direction.LOWER:
        text = _("%(name)s rose instead of falling: should have been down to %(expected)s by %(year)s, was %(actual)s")
    else:
        text = _("%(name)s fell instead of rising: should have been up to %(expected)s by %(year)s, was %(actual)s")
    return text % levels(item)


def bound_text(item: IndicatorStatus, expected: Decimal, actual: Decimal) -> str:
    """By how much a value is on the wrong side of its limit or its base, and which part of that it is."""
    light, indicator = item.light, item.target.indicator
    bound, stood, over = alike([expected, actual, abs(actual - expected)])
    unit = indicator.unit_text
    numbers = {
        "name": indicator.name,
        "year": item.year,
        "actual": quantity(stood, unit),
        "over": quantity(over, unit_of_change(item)),
        "bound": quantity(bound, unit),
        "part": percent(light.shortfall) if light.shortfall is not None else "",
    }
    keeps = light.why in (Why.WORSE, Why.FAR_WORSE)
    if indicator.direction == Direction.LOWER:
        text = base_above() if keeps else limit_above()
    else:
        text = base_below() if keeps else limit_below()
    said = text % numbers
    if light.shortfall is None:  # of a bound of 0 nothing is a part
        return said
    part = _("%(part)s %% of the base") if keeps else _("%(part)s %% of the limit")
    return _("%(text)s (%(part)s)") % {"text": said, "part": part % numbers}


def limit_above() -> str:
    return _("%(name)s stood at %(actual)s in %(year)d, %(over)s above the limit of %(bound)s")


def limit_below() -> str:
    return _("%(name)s stood at %(actual)s in %(year)d, %(over)s below the limit of %(bound)s")


def base_above() -> str:
    return _("%(name)s stood at %(actual)s in %(year)d, %(over)s above the base of %(bound)s")


def base_below() -> str:
    return _("%(name)s stood at %(actual)s in %(year)d, %(over)s below the base of %(bound)s")


# -- a milestone, and the pilot as a whole -----------------------------------------------------------------


def milestone_text(reason: Reason, title: str) -> str:
    if reason.days is None:
        return _("%(name)s: %(why)s") % {"name": title, "why": reason.why.label}
    text = ngettext("%(title)s is %(n)d day overdue", "%(title)s is %(n)d days overdue", reason.days)
    return text % {"title": title, "n": reason.days}


def pilot_text(reason: Reason, status: PilotStatus) -> str:
    """A pilot as a whole: nothing behind, or nothing accepted to judge it by."""
    if reason.why == Why.WITHDRAWN:
        return _("Withdrawn on %(day)s: no longer rated") % {"day": day(status.pilot.withdrawn_on or status.as_of)}
    if reason.why == Why.NO_REPORT:
        year, first = year_due(status.as_of), first_year(status.pilot)
        if year < first:
            return _("Not rated yet: the first values are due by %(day)s") % {"day": day(date(first + 1, 3, 31))}
        return _("Not rated: no accepted value for %(year)d") % {"year": year}
    rated = sum(item.light.colour != Colour.GREY for item in status.indicators)
    text = _(
        "Nothing behind schedule: %(rated)d of %(n)d indicators rated, %(done)d of %(due)d milestones due are done"
    )
    counts = status.counts
    return text % {"rated": rated, "n": len(status.indicators), "done": counts.due - counts.late, "due": counts.due}


def no_elasticity(found: Elasticity) -> tuple[str, str] | None:
    """Why there is no cross-elasticity, as a code and in words; None when there is one."""
    if found.value is not None:
        return None
    if found.kind is None:
        return "no_data", _("no data")
    if found.carbon_flat:
        return "carbon_flat", _("carbon hardly changed: no elasticity")
    if found.kind == CoControl.FLAT:
        return "pollutant_flat", _("the pollutant hardly changed: no elasticity")
    return found.kind.value, str(found.kind.label)
