"""The pilots' part of the shipped records."""

from pathlib import Path

from pilots.models import Batch, Indicator, Pilot, StageEntry, Target, TargetStep
from policies.load import KINDS as POLICY_KINDS
from policies.load import Kind
from policies.models import Shipment

RECORDS = Path(__file__).parent / "records"
KINDS = [
    *POLICY_KINDS,
    Kind("batches", Batch, RECORDS / "batches.csv"),
    Kind("pilots", Pilot, RECORDS / "pilots.csv"),
    Kind("indicators", Indicator, RECORDS / "indicators.csv", key=("code",), finds=("code",)),
    Kind("stages", StageEntry, RECORDS / "stage_entries.csv", key=("pilot", "stage"), finds=("pilot", "stage")),
    Kind("targets", Target, RECORDS / "targets.csv", key=("pilot", "indicator"), finds=("pilot", "indicator")),
    Kind("target steps", TargetStep, RECORDS / "target_steps.csv", key=("target", "year"), finds=()),
]


class OtherSide(Exception):
    """Real records and demonstration data never share a database."""


def keep_apart(*, demonstration: bool) -> None:
    """Raise OtherSide when the database cannot take what is to be loaded: demonstration data, or else real records.

    Demonstration data need an empty database, real records one without demonstration data.
    """
    marked = Shipment.objects.is_demonstration()
    if marked and not demonstration:
        raise OtherSide(
            "This database holds demonstration data, which are invented. Real records need a database of their own: "
            "set DATABASE_URL to another one, or use `make run` without it."
        )
    if demonstration and (marked or holds_records()):
        raise OtherSide(
            "This database holds records already. Demonstration data need an empty database of their own: "
            "use `make demo` without DATABASE_URL, or set it to a new one."
        )


def holds_records() -> bool:
    """Whether anything of any kind was shipped or entered, history of what was deleted included."""
    models = [kind.model for kind in KINDS]
    return Shipment.objects.exists() or any(
        model._default_manager.exists() or model.history.exists() for model in models
    )
