"""Gauges of the programme: what waits for somebody, by the definitions of the pages."""

from typing import Any

from django.db.models import Count, Min

from core.http import today
from core.monitoring import Gauges
from pilots.models import FollowUp, Milestone, Pilot
from pilots.models.reading import waiting_readings


def programme_gauges() -> Gauges:
    """Return what waits in the programme. Three queries: versions of a value that were corrected do not wait, and
    milestones are those of pilots in the programme.
    """
    day = today()
    found = waiting_readings(day).aggregate(count=Count("pk"), oldest=Min("reported_on"))
    listed = Milestone.objects.with_planned_day(day).filter(pilot__in=Pilot.objects.listed(day))
    late = listed.filter(planned_then__lt=day, completed_on=None).count()
    follow_ups: Any = FollowUp.objects.with_state(day)
    return {
        "tracker_unreviewed_reports": ("Values reported by pilots and neither accepted nor disputed.", found["count"]),
        "tracker_oldest_unreviewed_report_days": (
            "Days since the oldest of them was reported; 0 if there is none.",
            (day - found["oldest"]).days if found["oldest"] else 0,
        ),
        "tracker_milestones_overdue": ("Milestones past their planned date and not completed.", late),
        "tracker_follow_ups_overdue": (
            "Follow-ups past their due date in which the owner has to act.",
            follow_ups.filter(is_overdue=True).count(),
        ),
    }
