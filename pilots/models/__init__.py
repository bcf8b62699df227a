"""Models of pilots and what belongs to them, of follow-ups, practices and evidence."""

from pilots.lights import Colour, TargetKind
from pilots.metrics.progress import Direction
from pilots.metrics.stages import Stage
from pilots.models.adoption import Adoption, Effect, EffectBasis
from pilots.models.batch import Batch
from pilots.models.document import Attachment, AttachmentRole, Document
from pilots.models.follow_up import Cause, FollowUp, FollowUpKind, FollowUpStep
from pilots.models.indicator import Accumulation, Indicator, IndicatorKind, RollUp, SynergyUse
from pilots.models.milestone import Facet, LightOverride, Milestone
from pilots.models.pilot import CityType, Pilot, PilotKind
from pilots.models.practice import CostKind, Practice, PracticeField, PracticeLevel
from pilots.models.reading import Reading, ReadingLedger, ReadingState, RejectedReadingsError, ValueStatus
from pilots.models.replan import Replan, ReplanState
from pilots.models.stage_entry import StageEntry
from pilots.models.target import Target

__all__ = [
    "Accumulation",
    "Adoption",
    "Attachment",
    "AttachmentRole",
    "Batch",
    "Cause",
    "CityType",
    "Colour",
    "CostKind",
    "Direction",
    "Document",
    "Effect",
    "EffectBasis",
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
    "PracticeLevel",
    "Reading",
    "ReadingLedger",
    "ReadingState",
    "RejectedReadingsError",
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
