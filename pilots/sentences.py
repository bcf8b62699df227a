"""Why a light has its colour, as one sentence in the reader's language with a link to the item behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pilots.metrics import About, CoControl, Colour, Elasticity, Reason, Why, year_due
from pilots.progress import PilotStatus, first_year
from policies.charts import day


@dataclass(frozen=True)
class Sentence:
    """One reason: a stable code for programs, the sentence, and the address of the item."""

    code: str
    colour: Colour
    text: str
    url: str
    owner: str = ""
    days: int | None = None


def amount(value: Decimal | None) -> str:
    """A value with thousands marks and no idle zeros."""
    if value is None:
        return _("no data")
    places = Decimal(1) if abs(value) >= 1000 else Decimal("0.01") if abs(value) >= 1 else Decimal("0.0001")
    rounded = value.quantize(places)
    text = f"{rounded:f}"
    digits = len(text.partition(".")[2].rstrip("0"))
    return number_format(rounded, digits, use_l10n=True, force_grouping=True)


def percent(value: Decimal) -> str:
    """A fraction as a percentage with one decimal."""
    return number_format(round(abs(value) * 100, 1), 1)  # number_format alone would cut, not round


def reasons(status: PilotStatus) -> list[Sentence]:
    """Why the computed light has its colour, worst first; one sentence an item."""
    return [sentence(reason, status) for reason in status.light.reasons]


def shown(status: PilotStatus) -> list[Sentence]:
    """Why the light shown has its colour: first that it was set by hand, where it was, then the computed reasons."""
    if status.override is None:
        return reasons(status)
    by_hand = Sentence("set_by_hand", status.colour, why(status), status.pilot.get_absolute_url())
    return [by_hand, *reasons(status)]


def why(status: PilotStatus) -> str:
    """The one sentence that explains the light shown: set by hand and why, or the worst item."""
    if status.override:
        return _("Set by hand by %(author)s until %(day)s: %(reason)s") % {
            "author": status.override.author.get_username(),
            "day": day(status.override.expires_on),
            "reason": status.override.reason,
        }
    return reasons(status)[0].text


def sentence(reason: Reason, status: PilotStatus) -> Sentence:
    """One reason in words."""
    page = status.pilot.get_absolute_url()
    if reason.about == About.INDICATOR:
        item = next(entry for entry in status.indicators if entry.code == reason.key)
        indicator = item.target.indicator
        text = indicator_text(reason, indicator.name, indicator.unit_text)
        return Sentence(reason.why.value, reason.counts_as, text, f"{page}#indicator-{reason.key}")
    if reason.about == About.MILESTONE:
        found = next(entry for entry in status.milestones if str(entry.milestone.pk) == reason.key)
        return Sentence(
            reason.why.value,
            reason.counts_as,
            milestone_text(reason, found.milestone.name),
            f"{page}#milestone-{reason.key}",
            found.milestone.owner,
            reason.days,
        )
    return Sentence(reason.why.value, reason.counts_as, pilot_text(reason, status), page)


def indicator_text(reason: Reason, name: str, unit: str) -> str:
    """An indicator's reason, with what was expected and what is."""
    numbers = {
        "name": name,
        "gap": percent(reason.shortfall) if reason.shortfall is not None else "",
        "expected": amount(reason.expected),
        "actual": amount(reason.actual),
        "unit": unit,
    }
    if reason.why == Why.REVERSED:
        text = _("%(name)s went the wrong way: expected %(expected)s %(unit)s, actual %(actual)s %(unit)s")
    elif reason.why in (Why.BEHIND, Why.FAR_BEHIND):
        text = _("%(name)s %(gap)s %% behind schedule: expected %(expected)s %(unit)s, actual %(actual)s %(unit)s")
    elif reason.why in (Why.OVER_LIMIT, Why.FAR_OVER_LIMIT):
        text = _("%(name)s %(gap)s %% beyond its limit of %(expected)s %(unit)s: actual %(actual)s %(unit)s")
    elif reason.why in (Why.WORSE, Why.FAR_WORSE):
        text = _("%(name)s %(gap)s %% worse than its base of %(expected)s %(unit)s: actual %(actual)s %(unit)s")
    else:
        return _("%(name)s: %(why)s") % {"name": name, "why": reason.why.label}
    return text % numbers


def milestone_text(reason: Reason, title: str) -> str:
    if reason.days is None:
        return _("%(name)s: %(why)s") % {"name": title, "why": reason.why.label}
    text = ngettext("%(title)s is %(n)d day overdue", "%(title)s is %(n)d days overdue", reason.days)
    return text % {"title": title, "n": reason.days}


def pilot_text(reason: Reason, status: PilotStatus) -> str:
    """A pilot as a whole: nothing behind, or nothing accepted to judge it by."""
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
