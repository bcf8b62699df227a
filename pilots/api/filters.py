"""FilterSets of the API lists of pilots: those of the pages, with several values and lookups."""

from core.api.filters import CODE_LOOKUPS, COMPARISONS, DATE_LOOKUPS, ApiFilterSet
from pilots import filters
from pilots.models import Batch, Indicator, Milestone, Pilot, Reading, Replan, StageEntry, Target


class BatchApiFilter(ApiFilterSet, filters.BatchFilter):
    class Meta:
        model = Batch
        fields = {
            "slug": CODE_LOOKUPS,
            "known_by": COMPARISONS,
            **dict.fromkeys(("announced_on", "term_start", "term_end"), DATE_LOOKUPS),
        }


class PilotApiFilter(ApiFilterSet, filters.PilotStatusFilter):
    class Meta:
        model = Pilot
        fields = {
            "slug": CODE_LOOKUPS,
            **dict.fromkeys(("term_start", "term_end", "withdrawn_on"), DATE_LOOKUPS),
        }


class StageApiFilter(ApiFilterSet, filters.StageFilter):
    as_of_fields = {"entered_on": "entered_then", "planned_on": "planned_then"}

    class Meta:
        model = StageEntry
        fields = dict.fromkeys(("planned_on", "entered_on"), DATE_LOOKUPS)


class MilestoneApiFilter(ApiFilterSet, filters.MilestoneFilter):
    as_of_fields = {"completed_on": "completed_then", "planned_on": "planned_then"}

    class Meta:
        model = Milestone
        fields = {"planned_on": COMPARISONS, "completed_on": DATE_LOOKUPS, "weight": COMPARISONS}


class ReplanApiFilter(ApiFilterSet, filters.ReplanFilter):
    as_of_fields = {"decided_on": "decided_then"}

    class Meta:
        model = Replan
        fields = {**dict.fromkeys(("day", "asked_on"), COMPARISONS), "decided_on": DATE_LOOKUPS}


class IndicatorApiFilter(ApiFilterSet, filters.IndicatorFilter):
    class Meta:
        model = Indicator
        fields = {"code": CODE_LOOKUPS}


class TargetApiFilter(ApiFilterSet, filters.TargetFilter):
    as_of_fields = {"done_on": "done_then"}

    class Meta:
        model = Target
        fields = {
            **dict.fromkeys(("base_year", "base_value", "target_year", "target_value"), COMPARISONS),
            "done_on": DATE_LOOKUPS,
        }


class ReadingApiFilter(ApiFilterSet, filters.ReadingFilter):
    as_of_fields = {"accepted_on": "accepted_then"}

    class Meta:
        model = Reading
        fields = {
            **dict.fromkeys(("value", "version", "reported_on"), COMPARISONS),
            "accepted_on": DATE_LOOKUPS,
        }
