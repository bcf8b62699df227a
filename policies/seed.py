"""Seed records of the policies: the files that ship, in the order in which they are loaded."""

from pathlib import Path

from core.seed.loader import SeedFile
from policies.importers import PolicyImporter, ProvincialPlanImporter
from policies.models import Agency, Figure, Industry, Measure, Policy, Province, ProvincialPlan, Source

SEED_FOLDER = Path(__file__).parent / "seed"


def keep_lead_policy(values: dict[str, object]) -> None:
    """A shipped policy does not become the lead policy where one was set here."""
    if values.get("is_lead") and Policy.objects.filter(is_lead=True).exists():
        values["is_lead"] = False


SEED_FILES = [
    SeedFile("sources", Source, SEED_FOLDER / "sources.csv", key=("key",), match_fields=("title", "url")),
    SeedFile("provinces", Province, SEED_FOLDER / "provinces.csv"),
    SeedFile("agencies", Agency, SEED_FOLDER / "agencies.csv"),
    SeedFile("industries", Industry, SEED_FOLDER / "industries.csv"),
    SeedFile(
        "policies", Policy, SEED_FOLDER / "policies.csv", importer=PolicyImporter(), before_create=keep_lead_policy
    ),
    SeedFile("measures", Measure, SEED_FOLDER / "measures.csv"),
    SeedFile(
        "plans",
        ProvincialPlan,
        SEED_FOLDER / "provincial_plans.csv",
        key=("policy", "province"),
        match_fields=("policy", "province"),
        importer=ProvincialPlanImporter(),
    ),
    SeedFile("figures", Figure, SEED_FOLDER / "figures.csv"),
]
