"""Models of pilots and what belongs to them, of follow-ups, practices and evidence."""

from pilots.follow_ups.models import Cause, FollowUp, FollowUpKind, FollowUpStep
from pilots.lights import Colour, TargetKind
from pilots.metrics import Direction, Stage
from pilots.models.document import Attachment, Document
from pilots.models.due import Deadline, NotGiven, ReadingState
from pilots.models.indicator import Indicator, IndicatorKind, RollUp, SynergyUse, Target
from pilots.models.light import ItemLight, LightRules, PilotClass, PilotLight, StaleLight
from pilots.models.pilot import Batch, CityType, Pilot, PilotKind
from pilots.models.planned import (
    Amendment,
    Completion,
    Facet,
    LightOverride,
    Milestone,
    StageEntry,
    StageResult,
)
from pilots.models.promise import AmendmentState, PromiseState
from pilots.models.reading import Reading, ReadingLedger, ValueStatus
from pilots.practices.models import Adoption, CostKind, Effect, Practice, PracticeField, PracticeState

__all__ = [
    "Adoption",
    "Amendment",
    "AmendmentState",
    "Attachment",
    "Batch",
    "Cause",
    "CityType",
    "Colour",
    "Completion",
    "CostKind",
    "Deadline",
    "Direction",
    "Document",
    "Effect",
    "Facet",
    "FollowUp",
    "FollowUpKind",
    "FollowUpStep",
    "Indicator",
    "IndicatorKind",
    "ItemLight",
    "LightOverride",
    "LightRules",
    "Milestone",
    "NotGiven",
    "Pilot",
    "PilotClass",
    "PilotKind",
    "PilotLight",
    "Practice",
    "PracticeField",
    "PracticeState",
    "PromiseState",
    "Reading",
    "ReadingLedger",
    "ReadingState",
    "RollUp",
    "Stage",
    "StageEntry",
    "StageResult",
    "StaleLight",
    "SynergyUse",
    "Target",
    "TargetKind",
    "ValueStatus",
]
