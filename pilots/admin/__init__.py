"""Where editors keep where the policy is tried, and how far each pilot has come."""

from pilots.admin.indicators import IndicatorAdmin, ReadingAdmin, TargetAdmin
from pilots.admin.programme import BatchAdmin, PilotAdmin
from pilots.admin.progress import LightOverrideAdmin, MilestoneAdmin, StageEntryAdmin

__all__ = [
    "BatchAdmin",
    "IndicatorAdmin",
    "LightOverrideAdmin",
    "MilestoneAdmin",
    "PilotAdmin",
    "ReadingAdmin",
    "StageEntryAdmin",
    "TargetAdmin",
]
