"""The facts of where a policy is tried, and how far each pilot has come."""

from pilots.metrics.lights import Colour, TargetKind
from pilots.metrics.progress import Direction
from pilots.metrics.stages import Stage
from pilots.models.indicators import (
    Accumulation,
    Indicator,
    IndicatorKind,
    Reading,
    ReadingState,
    RollUp,
    SynergyUse,
    Target,
    TargetStep,
    ValueStatus,
)
from pilots.models.programme import Batch, CityType, Pilot, PilotKind
from pilots.models.progress import Facet, LightOverride, Milestone, StageEntry

__all__ = [
    "Accumulation",
    "Batch",
    "CityType",
    "Colour",
    "Direction",
    "Facet",
    "Indicator",
    "IndicatorKind",
    "LightOverride",
    "Milestone",
    "Pilot",
    "PilotKind",
    "Reading",
    "ReadingState",
    "RollUp",
    "Stage",
    "StageEntry",
    "SynergyUse",
    "Target",
    "TargetKind",
    "TargetStep",
    "ValueStatus",
]
