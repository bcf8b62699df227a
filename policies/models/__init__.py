"""Models of what is rolled out, to whom and in which sectors."""

from core.text import Precision
from policies.models.figure import Figure, FigureKind, FigureState, Unit
from policies.models.industry import Division, Field, Industry, Measure
from policies.models.policy import Agency, PlanStatus, Policy, PolicyKind, ProvincialPlan
from policies.models.province import Province, ProvinceKind, Region
from policies.models.sourced import Confidence, Level, Source, SourcedModel

__all__ = [
    "Agency",
    "Confidence",
    "Division",
    "Field",
    "Figure",
    "FigureKind",
    "FigureState",
    "Industry",
    "Level",
    "Measure",
    "PlanStatus",
    "Policy",
    "PolicyKind",
    "Precision",
    "Province",
    "ProvinceKind",
    "ProvincialPlan",
    "Region",
    "Source",
    "SourcedModel",
    "Unit",
]
