"""The admin of batches, pilots, indicators and all that is entered about pilots."""

from pilots.admin import documents, follow_ups, indicators, pilots, practices, stages_and_milestones

__all__ = ["documents", "follow_ups", "indicators", "pilots", "practices", "stages_and_milestones"]
