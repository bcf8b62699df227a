"""Schedules: kinds of jobs that workers enqueue every so often or once a day. Missed runs are made up once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.utils import timezone

from core.jobs.models import Schedule
from core.jobs.queue import enqueue


@dataclass(frozen=True)
class Timing:
    """How often a kind is enqueued: every so often, or each day at a time of the project's time zone."""

    every: timedelta | None
    daily_at: time | None

    @property
    def period(self) -> timedelta:
        return self.every or timedelta(days=1)

    def is_due(self, last_run: datetime, now: datetime) -> bool:
        """Return whether a run has been due since the last one."""
        if self.every is not None:
            return last_run + self.every <= now
        local = timezone.localtime(now)
        latest = datetime.combine(local.date(), self.daily_at or time(), tzinfo=local.tzinfo)
        return last_run < (latest if latest <= local else latest - timedelta(days=1))


TIMINGS: dict[str, Timing] = {}  # by kind; filled while the apps get ready


def schedule(kind: str, *, every: timedelta | None = None, daily_at: time | None = None) -> None:
    """Let workers enqueue a kind every so often, or each day at a time."""
    if (every is None) == (daily_at is None):
        raise ValueError("give either every or daily_at")
    TIMINGS[kind] = Timing(every, daily_at)


def enqueue_due() -> list[str]:
    """Enqueue the scheduled kinds that are due, and return them.

    Of several workers the one that moves the time of the last run enqueues. A kind that is new begins to count now.
    After a clock was set back the last run lies ahead, and the next is due as if it had not been; where it lies more
    than a period ahead, the schedule begins anew.
    """
    now = timezone.now()
    last_runs = dict(Schedule.objects.values_list("kind", "last_run_at"))
    due = []
    for kind, timing in TIMINGS.items():
        last_run = last_runs.get(kind)
        if last_run is None:
            Schedule.objects.get_or_create(kind=kind, defaults={"last_run_at": now})
        elif last_run > now + timing.period:
            move(kind, last_run, now)
        elif timing.is_due(last_run, now) and move(kind, last_run, now):
            enqueue(kind, key="schedule")
            due.append(kind)
    return due


def move(kind: str, last_run: datetime, now: datetime) -> bool:
    """Move the time of the last run; return whether no other worker did."""
    return bool(Schedule.objects.filter(kind=kind, last_run_at=last_run).update(last_run_at=now))
