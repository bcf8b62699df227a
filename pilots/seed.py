"""Seed files of pilots, and the separation of real from demonstration data."""

from pathlib import Path

from core.seed.loader import SeedFile
from core.seed.models import SeedRecord
from pilots.importers import PilotImporter, StageImporter, TargetImporter
from pilots.models import Batch, Effect, Indicator, Pilot, Practice, StageEntry, Target
from policies.seed import SEED_FILES as POLICY_KINDS

SEED_FOLDER = Path(__file__).parent / "seed"
SEED_FILES = [
    *POLICY_KINDS,
    SeedFile("batches", Batch, SEED_FOLDER / "batches.csv"),
    SeedFile("pilots", Pilot, SEED_FOLDER / "pilots.csv", importer=PilotImporter()),
    SeedFile("indicators", Indicator, SEED_FOLDER / "indicators.csv", key=("code",), match_fields=("code",)),
    SeedFile(
        "stages",
        StageEntry,
        SEED_FOLDER / "stage_entries.csv",
        key=("pilot", "stage"),
        match_fields=("pilot", "stage"),
        importer=StageImporter(),
    ),
    SeedFile(
        "targets",
        Target,
        SEED_FOLDER / "targets.csv",
        key=("pilot", "indicator", "kind", "target_year"),
        match_fields=("pilot", "indicator", "kind", "target_year"),
        importer=TargetImporter(),
        edits="amendments",
    ),
    SeedFile("practices", Practice, SEED_FOLDER / "practices.csv"),
    SeedFile("effects", Effect, SEED_FOLDER / "effects.csv", key=("key",), match_fields=()),
]


class MixedDataError(Exception):
    """Real records and demonstration data must not share a database."""


def check_not_mixed(*, demonstration: bool) -> None:
    """Raise MixedDataError if the database cannot take what is to be loaded: demonstration data, or else real records.

    Demonstration data need an empty database, real records one without demonstration data.
    """
    marked = SeedRecord.objects.demonstration_mark() is not None
    if marked and not demonstration:
        raise MixedDataError(
            "This database holds demonstration data, which are invented. Real records need a database of their own: "
            "set DATABASE_URL to another one, or use `make run` without it."
        )
    models = [kind.model for kind in SEED_FILES]
    held = SeedRecord.objects.exists() or any(  # what was loaded or entered, deleted records with a history included
        model._default_manager.exists() or model.history.exists() for model in models
    )
    if demonstration and (marked or held):
        raise MixedDataError(
            "This database holds records already. Demonstration data need an empty database of their own: "
            "use `make demo` without DATABASE_URL, or set it to a new one."
        )
