"""Models of what is rolled out, to whom and in which sectors."""

from core.text.formatting import Precision
from policies.models.agency import Agency
from policies.models.figure import Figure, FigureKind, FigureState, Unit
from policies.models.industry import Division, Industry
from policies.models.measure import Field, Measure
from policies.models.policy import Policy, PolicyKind
from policies.models.province import Province, ProvinceKind, Region
from policies.models.provincial_plan import PlanStatus, ProvincialPlan
from policies.models.source import Source
from policies.models.sourced import Confidence, Level

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
    "Unit",
]
