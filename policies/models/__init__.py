"""The facts of what is rolled out, to whom and in which sectors."""

from policies.models.base import Confidence, Level, Precision
from policies.models.documents import (
    Field,
    Figure,
    FigureKind,
    FigureState,
    Measure,
    PlanStatus,
    Policy,
    PolicyKind,
    ProvincialPlan,
    Unit,
)
from policies.models.imports import Import, ImportAction, ImportChange, ImportFile, ImportState, imports_of
from policies.models.people import (
    Officer,
    Role,
    administrators,
    entries_of_province,
    home_of,
    is_administrator,
    officer_of,
    reaches,
    role_of,
)
from policies.models.places import Agency, Division, Industry, Province, ProvinceKind, Region
from policies.models.shipments import Shipment
from policies.models.sources import Source

__all__ = [
    "Agency",
    "Confidence",
    "Division",
    "Field",
    "Figure",
    "FigureKind",
    "FigureState",
    "Import",
    "ImportAction",
    "ImportChange",
    "ImportFile",
    "ImportState",
    "Industry",
    "Level",
    "Measure",
    "Officer",
    "PlanStatus",
    "Policy",
    "PolicyKind",
    "Precision",
    "Province",
    "ProvinceKind",
    "ProvincialPlan",
    "Region",
    "Role",
    "Shipment",
    "Source",
    "Unit",
    "administrators",
    "entries_of_province",
    "home_of",
    "imports_of",
    "is_administrator",
    "officer_of",
    "reaches",
    "role_of",
]
