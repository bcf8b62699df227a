"""Models of the dashboard."""

from dashboard.models.edition import Edition, EditionState
from dashboard.models.mail_settings import MailSettings, Rhythm, Told
from dashboard.models.working_day import DayKind, WorkingDay

__all__ = [
    "DayKind",
    "Edition",
    "EditionState",
    "MailSettings",
    "Rhythm",
    "Told",
    "WorkingDay",
]
