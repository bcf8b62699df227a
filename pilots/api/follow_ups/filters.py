"""FilterSets of the API list of follow-ups."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from core.api.filters import CODE_LOOKUPS, COMPARISONS, ApiFilterSet, CommaListFilter, label_several
from core.web.filters import ChoiceFilter, RelatedFilter, YesNoFilter
from pilots import filters
from pilots.follow_ups.status_filter import OPEN_STATE
from pilots.metrics.follow_up_states import OPEN_STATES, FollowUpState
from pilots.models import Batch, Cause, Colour, FollowUp, FollowUpKind, Pilot, Practice
from policies.models import Agency, Province

STATE_LABEL: Any = "State"
STATE = ChoiceFilter(field_name="state", choices=FollowUpState.choices, label=STATE_LABEL)
DUE = "Due date in force"


class OpenStateFilter(ChoiceFilter):
    """Filter by the state on the day (annotated by the view), or by any state in which something remains to be done."""

    takes_several = False  # declared apart: “open” is several by itself

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return qs.filter(state__in=OPEN_STATES) if value == OPEN_STATE else super().filter(qs, value)


class FollowUpApiFilter(ApiFilterSet, filters.FollowUpFilter):
    state = OpenStateFilter(choices=filters.FollowUpFilter.base_filters["state"].extra["choices"], label=STATE_LABEL)
    state__in = CommaListFilter(STATE, label=label_several(STATE_LABEL, "in"))
    state__ne = CommaListFilter(STATE, exclude=True, label=label_several(STATE_LABEL, "ne"))
    overdue = YesNoFilter(field_name="is_overdue", label="Overdue")
    cause = ChoiceFilter(choices=Cause.choices, label="Cause")
    cause_colour = ChoiceFilter(choices=Colour.choices, label="Light at the opening")
    cause_indicator = filters.IndicatorCodeFilter(field_name="cause_indicator")
    practice = RelatedFilter(queryset=Practice.objects.all(), label="Practice")
    due = django_filters.DateFilter("current_due_on", label=DUE)
    due__gte = django_filters.DateFilter("current_due_on", "gte", label=DUE)
    due__lte = django_filters.DateFilter("current_due_on", "lte", label=DUE)
    due__gt = django_filters.DateFilter("current_due_on", "gt", label=DUE)
    due__lt = django_filters.DateFilter("current_due_on", "lt", label=DUE)

    class Meta:
        model = FollowUp
        fields = {"number": CODE_LOOKUPS, **dict.fromkeys(("opened_on", "due_on"), COMPARISONS)}


class FollowUpSummaryFilter(django_filters.FilterSet):
    """Filters of the follow-ups that are counted."""

    kind = ChoiceFilter(choices=FollowUpKind.choices, label="Kind")
    province = RelatedFilter(queryset=Province.objects.all(), label="Province")
    batch = RelatedFilter(field_name="pilot__batch", queryset=Batch.objects.all(), label="Batch")
    pilot = RelatedFilter(queryset=Pilot.objects.all(), label="Pilot")
    agency = RelatedFilter(field_name="owner_agency", queryset=Agency.objects.all(), label="Responsible agency")

    class Meta:
        model = FollowUp
        fields: list[str] = []
