"""FilterSets of pilots, and of follow-ups `with_state` of a day, shared by list pages and API."""

from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import Count, Max, Min, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field

from core.files import MEDIA_TYPES
from core.tables import ChoiceFilter, RelatedFilter, RelatedFormField, SearchFilter, YesNoFilter
from pilots.analytics.pilot_status import UNKNOWN_STAGE
from pilots.follow_ups.models import RESULTS
from pilots.follow_ups.services import waiting_for
from pilots.lights import LIGHT_CHOICES
from pilots.metrics import OPEN_STATES, ORDERED_STAGES, STAGE_CHOICES, FollowUpState, year_due
from pilots.models import (
    AmendmentState,
    Batch,
    CityType,
    Direction,
    Facet,
    FollowUpKind,
    Indicator,
    IndicatorKind,
    Pilot,
    PilotClass,
    PilotKind,
    Practice,
    PracticeField,
    PracticeState,
    PromiseState,
    Reading,
    ReadingState,
    RollUp,
    Stage,
    StageResult,
    SynergyUse,
    TargetKind,
    ValueStatus,
)
from pilots.models.indicator import PERIOD
from pilots.models.light import on_day
from pilots.models.reading import YEARLY, newest_accepted
from policies.filters import ProvinceFilter
from policies.models import Agency, Confidence, Industry, Level, PlanStatus, Policy, Province, Region


class BatchFilter(django_filters.FilterSet):
    q = SearchFilter("title_zh", "title_en", "short_name_zh", "short_name_en", "slug")
    level = ChoiceFilter(choices=Level.choices, label=_("Level"))
    province = RelatedFilter(queryset=Province.objects.all(), label=_("Province"))
    policy = RelatedFilter(queryset=Policy.objects.all(), label=_("Policy"))


class PilotFilter(django_filters.FilterSet):
    q = SearchFilter("name_zh", "name_en", "slug", "prefecture_zh", "province__name_zh", "province__name_en")
    kind = ChoiceFilter(choices=PilotKind.choices, label=_("Kind"))
    batch = RelatedFilter(queryset=Batch.objects.all(), label=_("Batch"))
    level = ChoiceFilter(field_name="batch__level", choices=Level.choices, label=_("Level"))
    province = RelatedFilter(queryset=Province.objects.all(), label=_("Province"))
    region = ChoiceFilter(field_name="province__region", choices=Region.choices, label=_("Region"))
    industry = RelatedFilter(field_name="industries", queryset=Industry.objects.all(), label=_("Industry"))
    city_type = ChoiceFilter(choices=CityType.choices, label=_("City type"))
    confidence = ChoiceFilter(choices=Confidence.choices, label=_("Confidence"))


class ViewFilter(ChoiceFilter):
    """Filter that is validated here, and applied by the view."""

    takes_several = False

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return qs


class MembershipFilter(ViewFilter):
    """Whether withdrawn pilots are listed: applied by `PilotQuerySet.members`."""

    def __init__(self) -> None:
        super().__init__(
            choices=[("include", _("listed too")), ("only", _("only these"))],
            label=_("Withdrawn pilots"),
            empty_label=_("left out"),
        )


class PilotStatusFilter(PilotFilter):
    """Filters of pilots `with_light` of the as-of date."""

    withdrawn = MembershipFilter()
    stage = ChoiceFilter(field_name="light_stage", choices=Stage.choices, label=_("Stage"))
    light = ChoiceFilter(field_name="light_colour", choices=LIGHT_CHOICES, label=_("Light"))


class PilotPageFilter(PilotStatusFilter):
    stage = ChoiceFilter(
        choices=[*Stage.choices, (UNKNOWN_STAGE, _("Not on record"))], label=_("Stage"), method="filter_stage"
    )
    reached = ChoiceFilter(choices=STAGE_CHOICES, label=_("Stage reached or passed"), method="filter_reached")

    def filter_stage(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(light_stage="" if value == UNKNOWN_STAGE else value)

    def filter_reached(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        """Filter those that have reached the stage or a later one, which none has once it has withdrawn."""
        return rows.filter(light_reached__in=ORDERED_STAGES[Stage(value).order - 1 :])


class CoverageFilter(django_filters.FilterSet):
    """Filters of the pilots that a coverage counts."""

    batch = RelatedFilter(queryset=Batch.objects.all(), label=_("Batch"))
    level = ChoiceFilter(field_name="batch__level", choices=Level.choices, label=_("Level"))
    kind = ChoiceFilter(choices=PilotKind.choices, label=_("Kind"))
    province = RelatedFilter(queryset=Province.objects.all(), label=_("Province"))


class SelfFilter(RelatedFilter):
    """Filter by the record itself, given by its slug."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return qs.filter(pk=value.pk) if value else qs


class ProgressFilter(CoverageFilter):
    pilot = extend_schema_field({"type": "string", "description": _("Pilot")})(
        SelfFilter(queryset=Pilot.objects.all(), label=_("Pilot"))
    )


class SynergyFilter(CoverageFilter):
    industry = RelatedFilter(field_name="industries", queryset=Industry.objects.all(), label=_("Industry"))


class TrendFilter(ProgressFilter, SynergyFilter):
    """Filters of the pilots of a trend."""


class IndicatorField(RelatedFormField):
    """An indicator given by its code in any case, labelled with its unit."""

    @staticmethod
    def normalise(code: str) -> str:
        return code.upper()

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.with_unit)


class IndicatorCodeFilter(RelatedFilter):
    """Filter by an indicator: `?indicator=AIR_SO2`."""

    field_class: ClassVar[type[RelatedFormField]] = IndicatorField

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=Indicator.objects.all(), to_field_name="code", label=_("Indicator"), **kwargs)


class PageIndicatorFilter(IndicatorCodeFilter):
    """The indicator of a page; it does not filter the pilots."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return qs


class TrendPageFilter(SynergyFilter):
    """Filters of the trends page: pilots, and the indicator."""

    indicator = PageIndicatorFilter(empty_label=_("most reported"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters.move_to_end("indicator", last=False)

    @property
    def picked(self) -> Indicator | None:
        """The chosen indicator, else the one with the most yearly values that count, among those that are summed."""
        indicator: Indicator | None = self.form.cleaned_data.get("indicator")
        years = newest_accepted(self.request.as_of, Reading.objects.filter(YEARLY, indicator__rollup=RollUp.SUM))
        most = years.order_by().values("indicator").annotate(n=Count("pk")).order_by("-n", "indicator")
        return indicator or Indicator.objects.filter(pk=Subquery(most.values("indicator")[:1])).first()


class SynergyPageFilter(SynergyFilter):
    """Filters of the synergy page: pilots, and a year from the first to the last with accepted values of carbon."""

    year = ViewFilter(choices=[], label=_("Year"), empty_label=_("the last one due"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = PilotClass.objects.filter(on_day(self.request.as_of)).aggregate(first=Min("year"), last=Max("year"))
        due = year_due(self.request.as_of)
        years = {due, *range(known["first"] or due, (known["last"] or due) + 1)}
        self.filters["year"].extra["choices"] = [(str(year), str(year)) for year in sorted(years, reverse=True)]

    @property
    def picked_year(self) -> int | None:
        """The chosen year; None for the default."""
        picked = self.form.cleaned_data.get("year")
        return int(picked) if picked else None


class ProvincePageFilter(ProvinceFilter):
    """Filters of the provinces page: it lists the roster, and filters by the plan's status instead."""

    in_roster = None  # type: ignore[assignment]  # taken away: django-filter's own way
    status = ChoiceFilter(field_name="plan_status", choices=PlanStatus.choices, label=_("Plan"))


# -- what belongs to a pilot -----------------------------------------------------------------------------


class PeriodFilter(django_filters.CharFilter):
    """Filter by a period: `?period=2025-Q3`; a year finds its quarters as well."""

    field_class = forms.RegexField

    def __init__(self, **kwargs: Any) -> None:
        invalid = _("Write the period as 2025 or 2025-Q3.")
        super().__init__(lookup_expr="startswith", regex=PERIOD, error_messages={"invalid": invalid}, **kwargs)


class PilotPartFilter(django_filters.FilterSet):
    """Filters shared by all records of a pilot."""

    pilot = RelatedFilter(queryset=Pilot.objects.all(), label=_("Pilot"))
    batch = RelatedFilter(field_name="pilot__batch", queryset=Batch.objects.all(), label=_("Batch"))
    province = RelatedFilter(field_name="pilot__province", queryset=Province.objects.all(), label=_("Province"))


PILOT_SEARCH_FIELDS = ("pilot__name_zh", "pilot__name_en", "pilot__slug")
INDICATOR_SEARCH_FIELDS = ("indicator__code", "indicator__name_zh", "indicator__name_en")
NOTE_FIELDS = ("note_en", "note_zh")


class StageFilter(PilotPartFilter):
    q = SearchFilter(*PILOT_SEARCH_FIELDS, "evidence", "reason_en", "reason_zh", *NOTE_FIELDS)
    stage = ChoiceFilter(choices=Stage.choices, label=_("Stage"))
    result = ChoiceFilter(choices=StageResult.choices, label=_("Result"))
    kind = ChoiceFilter(field_name="pilot__kind", choices=PilotKind.choices, label=_("Kind"))
    withdrawn = MembershipFilter()


class MilestoneFilter(PilotPartFilter):
    """Filters of milestones; `state` and `done` are as of the day (annotated by the view)."""

    q = SearchFilter(*PILOT_SEARCH_FIELDS, "title_zh", "title_en", "owner", *NOTE_FIELDS)
    facet = ChoiceFilter(choices=Facet.choices, label=_("Facet"))
    stage = ChoiceFilter(choices=STAGE_CHOICES, label=_("Stage"))
    indicator = IndicatorCodeFilter()
    is_key = YesNoFilter(field_name="is_key", label=_("Key milestone"))
    state = ChoiceFilter(field_name="state_then", choices=PromiseState.choices, label=_("State"))
    done = YesNoFilter(field_name="done_then", label=_("Done"))
    withdrawn = MembershipFilter()


class CompletionFilter(PilotPartFilter):
    q = SearchFilter(*PILOT_SEARCH_FIELDS, "milestone__title_zh", "milestone__title_en", "evidence")
    withdrawn = MembershipFilter()


class AmendmentFilter(PilotPartFilter):
    """Filters of amendments; `state` is as of the day (annotated by the view)."""

    q = SearchFilter(*PILOT_SEARCH_FIELDS, "reason_en", "reason_zh")
    state = ChoiceFilter(field_name="state_then", choices=AmendmentState.choices, label=_("State"))
    drop = YesNoFilter(field_name="drop", label=_("Drop it"))
    withdrawn = MembershipFilter()


class DeadlineFilter(django_filters.FilterSet):
    """Filters of deadlines: those of a batch name no pilot."""

    pilot = RelatedFilter(queryset=Pilot.objects.all(), label=_("Pilot"))
    batch = RelatedFilter(queryset=Batch.objects.all(), label=_("Batch"))
    indicator = IndicatorCodeFilter()


class IndicatorFilter(django_filters.FilterSet):
    q = SearchFilter("code", "name_zh", "name_en", *NOTE_FIELDS)
    kind = ChoiceFilter(choices=IndicatorKind.choices, label=_("Kind"))
    direction = ChoiceFilter(choices=Direction.choices, label=_("Direction"))
    may_enter_synergy = ChoiceFilter(choices=SynergyUse.choices, label=_("May enter synergy"))


class TargetFilter(PilotPartFilter):
    """Filters of targets; `state` is as of the day (annotated by the view)."""

    q = SearchFilter(*PILOT_SEARCH_FIELDS, *INDICATOR_SEARCH_FIELDS, *NOTE_FIELDS)
    indicator = IndicatorCodeFilter()
    kind = ChoiceFilter(choices=TargetKind.choices, label=_("Kind"))
    binding = YesNoFilter(field_name="binding", label=_("Binding"))
    state = ChoiceFilter(field_name="state_then", choices=PromiseState.choices, label=_("State"))
    withdrawn = MembershipFilter()


class ReadingFilter(PilotPartFilter):
    """Filters of readings; `state` is the state on the as-of date (annotated by the view)."""

    q = SearchFilter(*PILOT_SEARCH_FIELDS, *INDICATOR_SEARCH_FIELDS, *NOTE_FIELDS)
    indicator = IndicatorCodeFilter()
    period = PeriodFilter(label=_("Period: a year with its quarters, or one quarter"))
    value_status = ChoiceFilter(choices=ValueStatus.choices, label=_("Value status"))
    state = ChoiceFilter(field_name="state_then", choices=ReadingState.choices, label=_("State"))
    withdrawn = MembershipFilter()


# -- practices -------------------------------------------------------------------------------------------


class PracticeSearchFilter(SearchFilter):
    """Quick search that also reads the names of origins, of which there may be several."""

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return qs.filter(pk__in=super().filter(Practice.objects.all(), value).values("pk")) if value else qs


class OriginFilter(RelatedFilter):
    """Filter by a property of the origins; a practice with several is found once."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return qs.filter(pk__in=Practice.objects.filter(**{self.field_name: value}).values("pk")) if value else qs


class PracticeFilter(django_filters.FilterSet):
    """Filters of practices; `state` is as of the day (annotated by `Practice.objects.on`)."""

    q = PracticeSearchFilter(
        *("title_zh", "title_en", "slug", "problem_zh", "problem_en", "action_zh", "action_en"),
        *("origins__name_zh", "origins__name_en"),
    )
    state = ChoiceFilter(field_name="state_then", choices=PracticeState.choices, label=_("State"))
    field = ChoiceFilter(choices=PracticeField.choices, label=_("Field of action"))
    industry = RelatedFilter(field_name="industries", queryset=Industry.objects.all(), label=_("Industry"))
    province = OriginFilter(
        field_name="origins__province", queryset=Province.objects.all(), label=_("Province of the origin")
    )
    pilot = OriginFilter(
        field_name="origins", queryset=Pilot.objects.all(), label=_("Origin"), widget=forms.HiddenInput
    )


class DocumentFilter(django_filters.FilterSet):
    q = SearchFilter("title", "doc_number", "file_name")
    media_type = ChoiceFilter(choices=[(value, kind.upper()) for kind, value in MEDIA_TYPES.items()], label=_("Type"))
    is_public = YesNoFilter(label=_("Public"))


# -- follow-ups -----------------------------------------------------------------------------------------


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
        return rows.filter(RESULTS[value])

    def filter_mine(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        """Filter those whose next move is the reader's."""
        waiting = waiting_for(self.user, rows)
        return waiting if value == "true" else rows.exclude(pk__in=waiting.values("pk"))
