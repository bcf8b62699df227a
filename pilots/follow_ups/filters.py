"""FilterSets of follow-ups `with_state` of a day."""

from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from core.tables import ChoiceFilter, RelatedFilter, SearchFilter, YesNoFilter
from pilots.follow_ups.services import add_lights, waits_for
from pilots.lights import Colour
from pilots.metrics.follow_up_states import OPEN_STATES, FollowUpState
from pilots.models import FollowUpKind, Pilot
from policies.models import Agency, Policy, Province

OPEN_STATE = "open"
"""Value of the filter by state for any state in which something remains to be done."""
CAUSED, CLEARED, STILL_RED, NOT_RATED, RELAPSED = "caused", "cleared", "still_red", "not_rated", "relapsed"
"""Values of the filter by what became of the red light that was the cause."""


class OpenStateFilter(ChoiceFilter):
    """Filter by the state, or by any in which something remains to be done."""

    takes_several = False  # declared apart: “open” is several by itself

    def __init__(self, label: Any) -> None:
        super().__init__(choices=[(OPEN_STATE, _("any open one")), *FollowUpState.choices], label=label)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return qs.filter(state__in=OPEN_STATES) if value == OPEN_STATE else super().filter(qs, value)


class FollowUpFilter(django_filters.FilterSet):
    """Filters that page and API share."""

    q = SearchFilter(
        *("number", "title_zh", "title_en", "task_zh", "task_en", "meeting"),
        *("pilot__name_zh", "pilot__name_en", "owner_agency__name_zh", "owner_agency__name_en"),
    )
    state = OpenStateFilter(label=_("State"))
    overdue = YesNoFilter(field_name="is_overdue", label=_("Overdue"))
    kind = ChoiceFilter(choices=FollowUpKind.choices, label=_("Kind"))
    province = RelatedFilter(queryset=Province.objects.all(), label=_("Province"))
    agency = RelatedFilter(field_name="owner_agency", queryset=Agency.objects.all(), label=_("Responsible agency"))
    is_key = YesNoFilter(field_name="is_key", label=_("Key follow-up"))
    pilot = RelatedFilter(queryset=Pilot.objects.all(), label=_("Pilot"), widget=forms.HiddenInput)
    policy = RelatedFilter(queryset=Policy.objects.all(), label=_("Policy"))
    meeting = django_filters.CharFilter(label=_("Meeting"))


class FollowUpPageFilter(FollowUpFilter):
    """Filters of the page of follow-ups: by subject and result, meetings as choices, what waits for an editor."""

    subject = ChoiceFilter(
        choices=[
            ("pilot", _("pilot")),
            ("province", _("province")),
            ("policy", _("policy")),
            ("practice", _("practice")),
        ],
        label=_("Subject"),
        method="filter_subject",
    )
    result = ChoiceFilter(
        choices=[
            (CAUSED, _("opened for a red light")),
            (CLEARED, _("red light cleared")),
            (STILL_RED, _("still red when closed")),
            (NOT_RATED, _("not known when closed")),
            (RELAPSED, _("red again later")),
        ],
        label=_("What became of the light"),
        method="filter_result",
    )
    mine = YesNoFilter(label=_("Waiting for me"), method="filter_mine")
    meeting = ChoiceFilter(choices=[], label=_("Meeting"))

    def __init__(self, *args: Any, user: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user or self.request.user
        held = self.queryset.exclude(meeting="").order_by("meeting").values_list("meeting", flat=True).distinct()
        self.filters["meeting"].extra["choices"] = [(name, name) for name in held]
        if not (self.user.is_staff or "mine" in self.data):
            del self.filters["mine"]

    def filter_subject(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        """Filter by what it is about; a pilot, policy or practice comes before the province that it is in."""
        if value != "province":
            return rows.filter(**{f"{value}__isnull": False})
        return rows.filter(pilot=None, policy=None, practice=None)

    def filter_result(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        """Filter by what became of the red light that was the cause."""
        caused, closed = rows.filter(cause_colour=Colour.RED), Q(closed_on__isnull=False)
        unknown, red = Q(closing_colour__in=["", Colour.GREY]), Q(closing_colour=Colour.RED)
        if value == CAUSED:
            return caused
        if value == STILL_RED:
            return caused.filter(closed & red)
        if value == NOT_RATED:
            return caused.filter(closed & unknown)
        cleared = caused.filter(closed & ~unknown & ~red)
        if value == CLEARED:
            return cleared
        items = list(cleared)
        add_lights(items)
        return cleared.filter(pk__in=[item.pk for item in items if item.relapsed_on])

    def filter_mine(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        """Filter those whose next move is the reader's."""
        waiting = [item.pk for item in rows.open() if waits_for(item, self.user)]  # type: ignore[attr-defined]
        return rows.filter(pk__in=waiting) if value == "true" else rows.exclude(pk__in=waiting)
