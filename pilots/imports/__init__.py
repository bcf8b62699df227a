"""The pilots' kinds of records as sheets hold them, and the list of all kinds that can be imported."""

from pilots.imports.kinds import KINDS

__all__ = ["KINDS"]
