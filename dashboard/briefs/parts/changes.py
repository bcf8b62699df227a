"""What changed since the day of comparison: entered, cleared, newly red, corrected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core.text.formatting import format_date, join_clauses, join_short, label_value
from dashboard.briefs.blocks import Block, Days, line, lines
from dashboard.briefs.parts.lights import LightsOfTwoDays
from pilots.analytics.pilot_status import PilotStatus
from pilots.models import Reading
from pilots.readings import VALUE_KEY_FIELDS, newest_accepted
from policies.analytics.rollout import Rollout
from policies.models import ProvincialPlan

MAX_NAMED = 4  # names on one line


@dataclass(frozen=True)
class ValueChanges:
    """Values that count on the day: those that did not count on the day of comparison, and those that read otherwise.

    A value is that of a pilot, an indicator and a period.
    """

    entered: int
    corrected: int


def value_changes(readings: QuerySet[Reading], days: Days) -> ValueChanges:
    """Return how many values of these readings were entered or corrected between the two days. Two queries."""
    now, then = (
        {row[:-1]: row[-1] for row in newest_accepted(day, readings).order_by().values_list(*VALUE_KEY_FIELDS, "value")}
        for day in (days.as_of, days.since)
    )
    return ValueChanges(
        entered=len(now.keys() - then.keys()),
        corrected=sum(then[key] != value for key, value in now.items() if key in then),
    )


def names_text(names: Sequence[str], most: int = MAX_NAMED) -> str:
    """Return some names: `Hebei, Shanxi and 3 more`."""
    shown = join_short(names[:most])
    rest = len(names) - most
    return _("%(names)s and %(rest)d more") % {"names": shown, "rest": rest} if rest > 0 else shown


def counted_names(names: Sequence[str]) -> str:
    """Return the number of these names, and the first of them; `none` without any."""
    return label_value(len(names), names_text(names)) if names else _("none")


def changes_block(days: Days, entered: Iterable[str], corrected: Iterable[str], lights: LightsOfTwoDays) -> Block:
    """Return the block of changes; one sentence in place of the lines where nothing changed."""
    title = _("What changed since %(day)s") % {"day": format_date(days.since)}
    told = [join_clauses(filter(None, texts)) for texts in (entered, corrected)]
    if not any(told) and lights.is_unchanged:
        return lines(title, [], nothing_changed(lights))
    changed = [
        line(pgettext("change", "Entered"), told[0] or _("none")),
        *(light_lines(lights) if lights.now else []),
        line(pgettext("change", "Corrected"), told[1] or _("none")),
    ]
    return lines(title, changed)


def nothing_changed(lights: LightsOfTwoDays) -> str:
    """Return the sentence that nothing changed, as far as it is known."""
    if lights.now:
        if lights.is_unrated:
            return _("Nothing was entered or corrected; no light can be compared, since none is rated on either day.")
        return _("Nothing was entered, cleared or corrected, and nothing is newly red.")
    return _("Nothing was entered or corrected.")


def light_lines(lights: LightsOfTwoDays) -> list[dict[str, str]]:
    """Return the lines on lights that are no longer red and that are newly red."""
    if lights.is_unrated:
        return [line(_("Lights"), _("none can be rated on either day"))]
    changed = [
        line(pgettext("change", "Cleared"), counted_names(lights.cleared)),
        line(_("Newly red"), counted_names(lights.newly_red)),
    ]
    if lights.no_longer_rated:
        changed.append(line(_("Red, now not rated"), counted_names(lights.no_longer_rated)))
    return changed


# -- what was entered and corrected ------------------------------------------------------------------------


def values_text(n: int) -> str:
    return ngettext("%(n)d value", "%(n)d values", n) % {"n": n} if n else ""


def plans_entered(rollout: Rollout | None, days: Days) -> str:
    """Return the provinces whose plan is known to be issued on the day and was not on the day of comparison."""
    if rollout is None:
        return ""
    names = [row.province.short for row in rollout.provinces if row.known_by and row.known_by > days.since]
    text = ngettext("%(n)d provincial plan", "%(n)d provincial plans", len(names)) % {"n": len(names)}
    return _("%(text)s (%(more)s)") % {"text": text, "more": names_text(names)} if names else ""


def plans_corrected(days: Days, **of: int) -> str:
    """Return the number of plans whose record was changed or deleted after the day of comparison. One query.

    `of` says which plans: `policy_id`, `province_id`.
    """
    entries = ProvincialPlan.history.filter(**of, history_type__in="~-", history_date__date__gt=days.since)
    n = entries.filter(history_date__date__lte=days.known).order_by().values("id").distinct().count()
    return ngettext("record of %(n)d provincial plan", "records of %(n)d provincial plans", n) % {"n": n} if n else ""


def pilots_entered(statuses: Iterable[PilotStatus], days: Days) -> str:
    """Return the number of pilots that were listed after the day of comparison."""
    n = sum(status.pilot.batch.known_by > days.since for status in statuses)
    return ngettext("%(n)d pilot", "%(n)d pilots", n) % {"n": n} if n else ""


def replanned_text(statuses: Iterable[PilotStatus], days: Days) -> str:
    """Return the milestones and targets that were changed after entry since then, and of which pilots."""
    found = [(status.pilot.name, sum(item.on > days.since for item in status.replanned)) for status in statuses]
    names = [name for name, count in found if count]
    n = sum(count for _name, count in found)
    text = ngettext("%(n)d milestone or target", "%(n)d milestones and targets", n) % {"n": n}
    return _("%(text)s (%(more)s)") % {"text": text, "more": names_text(names)} if n else ""
