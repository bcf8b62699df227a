"""Models of the dashboard."""

from dashboard.models.edition import Edition, EditionState
from dashboard.models.issued_sheet import SHEET_ALPHABET, SHEET_ID_LENGTH, IssuedSheet, new_sheet_id
from dashboard.models.mail_settings import MailSettings, Rhythm
from dashboard.models.reminder import ReminderMail, ReminderStep
from dashboard.models.subscription import FollowedKind, Subscription
from dashboard.models.working_day import DayKind, WorkingDay

__all__ = [
    "SHEET_ALPHABET",
    "SHEET_ID_LENGTH",
    "DayKind",
    "Edition",
    "EditionState",
    "FollowedKind",
    "IssuedSheet",
    "MailSettings",
    "ReminderMail",
    "ReminderStep",
    "Rhythm",
    "Subscription",
    "WorkingDay",
    "new_sheet_id",
]
