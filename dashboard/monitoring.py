"""Gauges of the programme: what waits for somebody, by the definitions of the pages."""

from typing import Any

from django.db.models import Count, Min

from core.http import today
from core.monitoring import SOURCES, Gauges
from pilots.models import FollowUp, Milestone, Pilot, Reading, ReadingState
from pilots.models.reading import newest_reported


def report_gauges() -> Gauges:
    """Return number and age of the values reported and not yet reviewed; versions that were corrected do not wait."""
    day = today()
    waiting = Reading.objects.filter(newest_reported(day), state=ReadingState.REPORTED, reported_on__lte=day)
    reports = waiting.aggregate(count=Count("pk"), oldest=Min("reported_on"))
    return {
        "tracker_unreviewed_reports": (
            "Values reported by pilots and neither accepted nor disputed.",
            reports["count"],
        ),
        "tracker_oldest_unreviewed_report_days": (
            "Days since the oldest of them was reported; 0 if there is none.",
            (day - reports["oldest"]).days if reports["oldest"] else 0,
        ),
    }


def milestone_gauges() -> Gauges:
    """Return the number of milestones past their planned date and not completed, of pilots in the programme."""
    day = today()
    listed = Milestone.objects.with_planned_day(day).filter(pilot__in=Pilot.objects.listed(day))
    late = listed.filter(planned_then__lt=day, completed_on=None)
    return {"tracker_milestones_overdue": ("Milestones past their planned date and not completed.", late.count())}


def follow_up_gauges() -> Gauges:
    text = "Follow-ups past their due date in which the owner has to act."
    rows: Any = FollowUp.objects.with_state(today())
    return {"tracker_follow_ups_overdue": (text, rows.filter(is_overdue=True).count())}


def register_programme_gauges() -> None:
    SOURCES["reports"] = report_gauges
    SOURCES["milestones"] = milestone_gauges
    SOURCES["follow-ups"] = follow_up_gauges
