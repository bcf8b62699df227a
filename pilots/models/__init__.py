"""Models of pilots and what belongs to them, of follow-ups, practices and evidence."""

from pilots.follow_ups.models import Cause, FollowUp, FollowUpKind, FollowUpStep
from pilots.lights import Colour, TargetKind
from pilots.metrics import Direction, Stage
from pilots.models.document import Attachment, Document
from pilots.models.indicator import Indicator, IndicatorKind, RollUp, SynergyUse, Target
from pilots.models.pilot import Batch, CityType, Pilot, PilotKind
from pilots.models.planned import Facet, LightOverride, Milestone, Replan, ReplanState, StageEntry
from pilots.models.reading import Reading, ReadingLedger, ReadingState, ValueStatus
from pilots.practices.models import Adoption, CostKind, Effect, Practice, PracticeField, PracticeState

__all__ = [
    "Adoption",
    "Attachment",
    "Batch",
    "Cause",
    "CityType",
    "Colour",
    "CostKind",
    "Direction",
    "Document",
    "Effect",
    "Facet",
    "FollowUp",
    "FollowUpKind",
    "FollowUpStep",
    "Indicator",
    "IndicatorKind",
    "LightOverride",
    "Milestone",
    "Pilot",
    "PilotKind",
    "Practice",
    "PracticeField",
    "PracticeState",
    "Reading",
    "ReadingLedger",
    "ReadingState",
    "Replan",
    "ReplanState",
    "RollUp",
    "Stage",
    "StageEntry",
    "SynergyUse",
    "Target",
    "TargetKind",
    "ValueStatus",
]
