"""The pilots' part of the shipped records."""

from pathlib import Path

from pilots.models import Batch, Pilot
from policies.load import KINDS as POLICY_KINDS
from policies.load import Kind

RECORDS = Path(__file__).parent / "records"
KINDS = [
    *POLICY_KINDS,
    Kind("batches", Batch, RECORDS / "batches.csv"),
    Kind("pilots", Pilot, RECORDS / "pilots.csv"),
]
