"""The facts of where a policy is tried."""

from pilots.models.programme import Batch, CityType, Pilot, PilotKind

__all__ = ["Batch", "CityType", "Pilot", "PilotKind"]
