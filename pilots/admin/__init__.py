"""The admin of batches, pilots, indicators and all that is entered about pilots."""

from pilots.admin import documents, due, indicators, pilots, stages_and_milestones
from pilots.follow_ups import admin as follow_ups
from pilots.practices import admin as practices

__all__ = ["documents", "due", "follow_ups", "indicators", "pilots", "practices", "stages_and_milestones"]
