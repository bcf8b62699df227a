"""What counts on a past day and was entered only after it, for the page of a pilot."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext

from core.days import today
from core.text import format_date, format_period, join_short, label_value
from pilots.analytics.pilot_status import PilotStatus
from pilots.models import Completion, Milestone, Pilot, Reading, Target

LateEntry = tuple[date, str]
"""The day on which something was entered, and its name."""
MOST_NAMED = 5


def entries_text(rows: Sequence[LateEntry]) -> str:
    """Return the names of records with the days of their entry, of many the first."""
    named = [
        gettext("%(name)s (on %(day)s)") % {"name": name, "day": format_date(day)}
        for day, name in sorted(rows)[:MOST_NAMED]
    ]
    more = len(rows) - len(named)
    return join_short([*named, gettext("%(n)d more") % {"n": more}] if more else named)


def entered_since(status: PilotStatus) -> list[str]:
    """Return what was entered after the day of a status and counts on it all the same, by the kind of record.

    Three queries on a past day: of values and promises only their histories say when they were entered.
    """
    if status.as_of >= today():
        return []
    return [label_value(what, entries_text(rows)) for what, rows in late_entries(status).items() if rows]


def late_entries(status: PilotStatus) -> dict[str, list[LateEntry]]:
    """Return what counts on the day of a status and was entered after it, by what it is."""
    pilot, day, records = status.pilot, status.as_of, status.records
    by_own_days = {
        gettext("Stages entered since"): [
            (row.recorded_on, str(row)) for since, row in records.entered if since <= day < (row.recorded_on or day)
        ],
        gettext("Completions entered since"): [
            (light.completion.entered_on, light.record.name)
            for light in status.milestones
            if isinstance(light.completion, Completion) and light.completion.entered_on > day
        ],
    }
    if status.is_withdrawn and (pilot.withdrawn_recorded_on or day) > day:
        by_own_days[gettext("Withdrawal entered since")] = [(pilot.withdrawn_recorded_on, pilot.name)]
    values = [row for row in pilot.prefetched_readings if row.accepted_on and row.accepted_on <= day]
    promises = [light.record for light in status.indicators if light.in_force]
    tasks = [light.record for light in status.milestones if light.in_force]
    return by_own_days | {
        gettext("Values entered since"): [
            (on, label_value(row.indicator.name, format_period(row.period)))
            for row, on in entered_after(Reading, pilot, values, day)
        ],
        gettext("Targets entered since"): [
            (on, row.indicator.name) for row, on in entered_after(Target, pilot, promises, day)
        ],
        gettext("Milestones entered since"): [
            (on, row.name) for row, on in entered_after(Milestone, pilot, tasks, day)
        ],
    }


def entered_after(model: Any, pilot: Pilot, rows: Iterable[Any], day: date) -> list[tuple[Any, date]]:
    """Return those of a pilot's rows that people entered after a day, with the day of their entry. One query.

    What the product itself brought along has no author. The clock of a demonstration runs past the day that it calls
    today.
    """
    entries = model.history.filter(pilot_id=pilot.pk, history_type="+", history_user__isnull=False)
    times = dict(entries.order_by().values_list("id", "history_date"))
    days = {key: min(timezone.localdate(time), today()) for key, time in times.items()}
    return [(row, days[row.pk]) for row in rows if row.pk in days and days[row.pk] > day]
