"""The pilots' part of the shipped records."""

from pathlib import Path

from pilots.models import Batch, Indicator, Pilot, StageEntry, Target, TargetStep
from policies.load import KINDS as POLICY_KINDS
from policies.load import Kind

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
