"""Sentences of lights: the texts of each reason, and one function for the words of all of them.

They are made when a light is shown, in the language of the reader. The keys of texts are the codes of reasons
(`LightReason`), with a word more where a reason has several texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from core.text import (
    CHANGE_DIGITS,
    LEVEL_DIGITS,
    format_alike,
    format_date,
    format_percent,
    join_clauses,
    join_short,
    label_value,
    number_with_unit,
)

if TYPE_CHECKING:
    from pilots.lights import Light, Promise

TEXTS: Mapping[str, Any] = {
    # a value against what was promised
    "path": _("%(name)s: on schedule, %(actual)s in %(year)s; %(expected)s were due by %(by)s"),
    "path lower": _(
        "%(name)s should have been cut by %(due)s by %(by)s; by %(year)s the cut was %(done)s (%(gap)s %% short)"
    ),
    "path higher": _(
        "%(name)s should have risen by %(due)s by %(by)s; by %(year)s the rise was %(done)s (%(gap)s %% short)"
    ),
    "path from 0": _(
        "%(name)s should have reached %(due)s by %(by)s; in %(year)s it came to %(done)s (%(gap)s %% short)"
    ),
    "path back lower": _("%(name)s stood at %(actual)s in %(year)s, should have been down to %(expected)s by %(by)s"),
    "path back higher": _("%(name)s stood at %(actual)s in %(year)s, should have been up to %(expected)s by %(by)s"),
    "reversed lower": _(
        "%(name)s rose instead of falling: %(actual)s in %(year)s, should have been down to %(expected)s by %(by)s"
    ),
    "reversed higher": _(
        "%(name)s fell instead of rising: %(actual)s in %(year)s, should have been up to %(expected)s by %(by)s"
    ),
    "limit": _("%(name)s stood at %(actual)s in %(year)d, within %(bound)s"),
    "keep": _("%(name)s stood at %(actual)s in %(year)d, no worse than %(bound)s"),
    "beyond lower": _("%(name)s stood at %(actual)s in %(year)d, %(over)s above %(bound)s"),
    "beyond higher": _("%(name)s stood at %(actual)s in %(year)d, %(over)s below %(bound)s"),
    "reached": _("%(name)s stood at %(actual)s in %(year)s: the target of %(expected)s by %(goal)d is reached already"),
    "too_early": _(
        "%(name)s: too early to rate, less than a tenth of the change is due by %(by)s; %(actual)s in %(year)s"
    ),
    "past green": _("%(name)s: reached in %(year)d, %(actual)s against %(bound)s; a later target has followed"),
    "past grey": _("%(name)s by %(goal)d: %(actual)s in %(year)d, not rated; a later target has followed"),
    "past": _("%(name)s: missed in %(year)d, %(actual)s against %(bound)s; a later target has followed"),
    "past early": _("%(name)s by %(goal)d: last rated with %(actual)s in %(year)d; a later target has followed"),
    "past unknown": _("%(name)s by %(goal)d: no value was accepted; a later target has followed"),
    # no value, or none that can be rated
    "no_target": _("%(name)s: the target value for %(goal)d is not set yet; %(actual)s in %(year)s"),
    "no_base": _("%(name)s: no base value, so it is rated from its year %(goal)d on; %(actual)s in %(year)s"),
    "no_value": _("%(name)s: no accepted value"),
    "no_value newer": _("%(name)s: no newer accepted value than %(actual)s in %(year)s; not binding, so not rated"),
    "disputed": _("%(name)s: the value of %(year)s, %(actual)s, is disputed by the ministry since %(day)s"),
    # any promise, and a milestone
    "dropped": _("%(name)s: dropped on %(day)s"),
    "not_promised": _("%(name)s: promised only from %(day)s on"),
    "not_promised proposed": _("%(name)s: proposed, waits for the ministry"),
    "not_due planned": _("%(name)s: planned for %(day)s"),
    "done": _("%(name)s: done on %(day)s"),
    "done_late": ngettext_lazy(
        "%(name)s: done on %(day)s, %(n)d day late", "%(name)s: done on %(day)s, %(n)d days late", "n"
    ),
    "late": ngettext_lazy("%(title)s is %(n)d day overdue", "%(title)s is %(n)d days overdue", "n"),
    # a pilot
    "rectifying": _("Ordered to rectify on %(day)s"),
    "withdrawn": _("Withdrawn on %(day)s: no longer rated"),
    "nothing_promised": _("Not rated: nothing binding is promised (no binding target, no key milestone)"),
}
MISSING: Mapping[str, Any] = {
    "not_given": _("value of %(years)s not given, with a reason that the ministry accepted"),
    "under_review": ngettext_lazy(
        "value of %(years)s handed in on %(day)s, waits for the ministry for %(n)d day",
        "value of %(years)s handed in on %(day)s, waits for the ministry for %(n)d days",
        "n",
    ),
    "overdue": ngettext_lazy(
        "value of %(years)s missing, due on %(day)s, %(n)d day overdue",
        "value of %(years)s missing, due on %(day)s, %(n)d days overdue",
        "n",
    ),
    # of a value that is disputed: the day and the days of the light are those of the objection
    "under_review disputed": _("value of %(years)s handed in, waits for the ministry"),
    "overdue disputed": _("value of %(years)s overdue"),
}
"""How the years without an accepted value stand."""
UNRATED: Mapping[str, Any] = {
    "no_base": _("no base value of %(names)s"),
    "no_target": _("no target value of %(names)s"),
    "under_review": _("value of %(names)s under review"),
}
"""Why binding targets keep a pilot grey."""
DAYS = {
    "disputed": "disputed_on",
    "not_promised": "record.promised_on",
    "not_due": "planned_on",
    "done": "completed_on",
    "done_late": "completed_on",
    "rectifying": "record.entered_on",
    "withdrawn": "record.withdrawn_on",
}
"""The day that the text of a reason names, where it is not `since`."""


def say_reason(light: Light) -> str:
    """Return why a light has its colour; where no text says it, in the few words of its label."""
    if light.why in MISSING:
        return label_value(light.name, say_missing(light))
    key = key_of(light)
    if key not in TEXTS:
        return label_value(light.name, light.label)
    text: str = TEXTS[key] % words_of(light)
    if not key.startswith("beyond") or light.shortfall is None:
        return text
    part = gettext("%(part)s %% of it") % {"part": format_percent(light.shortfall)}
    return gettext("%(text)s (%(part)s)") % {"text": text, "part": part}


def key_of(light: Light) -> str:
    """Return the key of the text of a light: its reason, and which text of it."""
    why, promise = light.why.value, light.promise
    way = "lower" if promise and promise.lower else "higher"
    form = ""
    if why == "reversed":
        form = way
    elif why in ("limit", "keep") and light.colour != "green":
        why, form = "beyond", way
    elif why == "path" and light.colour != "green":
        form = f"back {way}" if (light.progress or 0) < 0 else way if promise and promise.base_value else "from 0"
    elif why == "past" and promise:
        own = "" if light.colour in ("yellow", "red") else light.colour.value
        form = "unknown" if light.actual is None else "early" if light.year < promise.year else own
    elif why == "no_value" and light.actual is not None:
        form = "newer"
    elif why == "not_promised" and light.record.promised_on is None:
        form = "proposed"
    elif why == "not_due" and light.planned_on:
        form = "planned"
    return f"{why} {form}".strip()


def words_of(light: Light) -> dict[str, Any]:
    """Return the words of all texts: name, day and days, and of a target the values, each with its year."""
    day, promise = attrgetter(DAYS.get(light.why, "since"))(light), light.promise
    words: dict[str, Any] = {"name": light.name, "title": light.name, "day": format_date(day), "n": light.delay or 0}
    if promise is None:
        return words
    words |= {"year": light.year, "by": min(light.year, promise.year), "goal": promise.year}
    actual, expected, base = (value or Decimal(0) for value in (light.actual, light.expected, promise.base_value))
    unit = light.record.indicator.unit_text
    change_unit = gettext("percentage points") if unit == "%" else unit
    values = {"actual": actual, "expected": expected}
    if light.why == "past":
        known = light.year >= promise.year and promise.bound is not None
        return words | amounts({"actual": actual, "bound": promise.bound if known else actual}, unit)
    if light.why in ("limit", "keep"):
        values["over"] = abs(actual - expected)
        words |= amounts(values, unit) | {"over": amounts(values, change_unit)["over"]}
        return words | {"bound": say_bound(light, promise, {**words, "bound": words["expected"]})}
    words |= amounts(values, unit)
    if light.why == "path":
        changes = {"due": abs(expected - base), "done": abs(actual - base)}
        words |= amounts(changes, change_unit, CHANGE_DIGITS) | {"gap": format_percent(light.shortfall or Decimal(0))}
    return words


def amounts(values: Mapping[str, Any], unit: str, digits: int = LEVEL_DIGITS) -> dict[str, str]:
    """Return values with equal decimals, each with the unit."""
    numbers = format_alike(list(values.values()), digits)
    return {name: number_with_unit(number, unit) for name, number in zip(values, numbers, strict=True)}


def say_bound(light: Light, promise: Promise, words: Mapping[str, Any]) -> str:
    """Return what a bound is: the limit, the base, the target of its year, or of a capped rise the way to it."""
    if light.why == "keep":
        return gettext("the base of %(bound)s") % words
    if promise.kind == "limit":
        return gettext("the limit of %(bound)s") % words
    if light.expected == promise.value:
        return gettext("the target of %(bound)s by %(by)d") % words
    if promise.lower:
        return gettext("the %(bound)s to which it may rise by %(by)d") % words
    return gettext("the %(bound)s to which it may fall by %(by)d") % words


def say_missing(light: Light) -> str:
    """Return how the years without an accepted value stand, and since when that counts against the target."""
    words = {"years": join_short(light.years), "day": format_date(light.since), "n": light.delay or 0}
    form = f"{light.owed} disputed" if light.why == "disputed" else ""
    text: str = MISSING[form if form in MISSING else str(light.owed)] % words
    return text


def say_beside(light: Light) -> str:
    """Return what the light says beside its reason: years without a value, an objection; empty for nothing."""
    clauses = []
    if light.owed and light.owed != light.why:
        clauses.append(say_missing(light))
    if light.disputed_on and light.why != "disputed":
        of_value = gettext("disputed by the ministry since %(day)s")
        text = gettext("its completion was objected to on %(day)s") if light.planned_on else of_value
        clauses.append(text % {"day": format_date(light.disputed_on)})
    return join_clauses(clauses)


def say_by_hand(override: Any, _light: Light) -> str:
    """Return until when the light is set by hand, and why.

    The author's name is only in the history, which needs permission: these sentences are public.
    """
    words = {"day": format_date(override.expires_on), "reason": override.reason}
    return gettext("Set by hand by the ministry until %(day)s: %(reason)s") % words


def say_nothing_due(next_due: Callable[[], date | None], _light: Light) -> str:
    """Return that nothing binding is due yet, and before which day."""
    day = next_due()
    if day is None:
        return gettext("Not rated yet: nothing binding was due, and none is asked for by a day")
    return gettext("Not rated yet: nothing binding is due before %(day)s") % {"day": format_date(day)}


def say_all_well(lights: Sequence[Light], _light: Light) -> str:
    """Return how much was rated of what binds, and what was due and done."""
    targets = [light.colour != "grey" for light in lights if light.counted]
    milestones = [light.done for light in lights if light.due or light.done]
    parts = []
    if targets:
        text = gettext("%(rated)d of %(n)d binding targets rated")
        parts.append(text % {"rated": sum(targets), "n": len(targets)})
    if milestones:
        text = gettext("%(done)d of %(due)d milestones due are done")
        parts.append(text % {"done": sum(milestones), "due": len(milestones)})
    return label_value(gettext("Nothing behind schedule"), join_short(parts))


def say_pilot(lights: Sequence[Light], worst: Light, _light: Any = None) -> str:
    """Return what explains the light of a pilot: its worst reason, or the binding targets that keep it grey.

    Of these it names how many they are, and what is missing of each.
    """
    if not worst.counted or worst.effect != "grey":
        return worst.sentence
    targets = [light for light in lights if light.counted]
    unrated = [light for light in targets if light.effect == "grey"]
    names = {why: dict.fromkeys(light.name for light in unrated if light.why == why) for why in UNRATED}
    why = join_clauses(UNRATED[why] % {"names": join_short(named)} for why, named in names.items() if named)
    text = gettext("%(n)d of %(of)d binding targets cannot be rated")
    return label_value(text % {"n": len(unrated), "of": len(targets)}, why)
