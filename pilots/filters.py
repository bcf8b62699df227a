"""One FilterSet a record: the list page and the API filter by the same words."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from config.filters import FlagFilter, RecordField, RecordFilter, SearchFilter, WordFilter, WordsFilter, parts
from config.lists import in_order
from pilots.metrics import ORDERED, year_due
from pilots.models import (
    Batch,
    CityType,
    Colour,
    Direction,
    Facet,
    Indicator,
    IndicatorKind,
    Milestone,
    Pilot,
    PilotKind,
    Reading,
    ReadingState,
    RollUp,
    Stage,
    StageEntry,
    SynergyUse,
    Target,
    TargetKind,
    ValueStatus,
)
from pilots.models.indicators import PERIOD
from pilots.progress import AT_A_TIME, UNKNOWN, PilotStatus, build_progress
from pilots.readings import newest_accepted
from pilots.standings import Standing, standings
from policies.filters import ProvinceFilter
from policies.models import Confidence, Industry, Level, PlanStatus, Policy, Province, Region

COLOURS = list(Colour)
LIGHTS = [(colour.value, colour.label) for colour in Colour if colour != Colour.BLUE]  # only a milestone is ever blue


class BatchFilter(django_filters.FilterSet):
    q = SearchFilter("title_zh", "title_en", "short_name_zh", "short_name_en", "slug")
    level = WordFilter(choices=Level.choices, label=_("Level"))
    province = RecordFilter(queryset=Province.objects.all(), label=_("Province"))
    policy = RecordFilter(queryset=Policy.objects.all(), label=_("Policy"))

    class Meta:
        model = Batch
        fields: list[str] = []


class PilotFilter(django_filters.FilterSet):
    q = SearchFilter("name_zh", "name_en", "slug", "prefecture_zh", "province__name_zh", "province__name_en")
    kind = WordFilter(choices=PilotKind.choices, label=_("Kind"))
    batch = RecordFilter(queryset=Batch.objects.all(), label=_("Batch"))
    level = WordFilter(field_name="batch__level", choices=Level.choices, label=_("Level"))
    province = RecordFilter(queryset=Province.objects.all(), label=_("Province"))
    region = WordFilter(field_name="province__region", choices=Region.choices, label=_("Region"))
    industry = RecordFilter(field_name="industries", queryset=Industry.objects.all(), label=_("Industry"))
    city_type = WordFilter(choices=CityType.choices, label=_("City type"))
    confidence = WordFilter(choices=Confidence.choices, label=_("Confidence"))

    class Meta:
        model = Pilot
        fields: list[str] = []


class ComputedWordsFilter(WordsFilter):
    """Several words about what is computed of a record."""

    def filter(self, qs: QuerySet[Any], value: list[str]) -> QuerySet[Any]:
        return qs


class ComputedFilter(WordFilter):
    """A word about what is computed of a record: it is checked here, and the view narrows the rows by it."""

    several = ComputedWordsFilter
    computed = True

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return qs


class MembershipFilter(ComputedFilter):
    """Whether withdrawn pilots are listed: it is checked here, and `PilotQuerySet.members` applies it to the day."""

    def __init__(self) -> None:
        super().__init__(
            choices=[("include", _("listed too")), ("only", _("only these"))],
            label=_("Withdrawn pilots"),
            empty_label=_("left out"),
        )

    def suffixed(self) -> dict[str, Any]:
        return {}


class PilotOnDayFilter(PilotFilter):
    """Pilots also by what they are on the day asked for; `standings.narrowed` applies stage and light."""

    withdrawn = MembershipFilter()
    stage = ComputedFilter(choices=Stage.choices, label=_("Stage"))
    light = ComputedFilter(choices=LIGHTS, label=_("Light"))

    @staticmethod
    def computed(params: Mapping[str, str]) -> dict[str, set[str]]:
        """The stages, and the lights, that the parameters leave; nothing of one that they do not ask about."""
        every = {"stages": ("stage", {*Stage.values, UNKNOWN}), "lights": ("light", {word for word, _label in LIGHTS})}
        asked = {many: left(params, name, words) for many, (name, words) in every.items()}
        return {many: words for many, words in asked.items() if words != every[many][1]}


def left(params: Mapping[str, str], name: str, words: set[str]) -> set[str]:
    """Those of the words that the parameter and its suffixes leave."""
    if name in params:
        words = words & {params[name]}
    if f"{name}__in" in params:
        words = words & set(parts(params[f"{name}__in"]))
    return words - set(parts(params.get(f"{name}__ne", "")))


class PilotPageFilter(PilotOnDayFilter):
    """The pilots page shows the progress of its rows, and sorts and filters by it when asked.

    Where all pilots stand is computed when that is asked for, and for the counts in the choices of a list of moderate
    length; `look_up` computes the progress of the rows which are shown.
    """

    COMPUTED = ("stage", "reached", "light")
    SORTED_BY: ClassVar[Mapping[str, Callable[[Standing], int | None]]] = {
        "stage": lambda item: item.order,
        "days": lambda item: item.days,
        "light": lambda item: None if item.colour is None else COLOURS.index(item.colour),
    }

    stage = ComputedFilter(choices=[*Stage.choices, (UNKNOWN, _("Not on record"))], label=_("Stage"))
    reached = ComputedFilter(
        choices=[(stage.value, stage.label) for stage in ORDERED], label=_("Stage reached or passed")
    )
    statuses: dict[int, PilotStatus]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.statuses = {}

    @cached_property
    def computes(self) -> bool:
        """Whether the list is narrowed or sorted by what is computed."""
        asked = self.form.cleaned_data
        sort = self.data.get("sort", "").removeprefix("-")
        return sort in self.SORTED_BY or any(asked[name] for name in self.COMPUTED)

    @cached_property
    def moderate(self) -> bool:
        """Whether the list is so short that where all of its pilots stand costs a moment."""
        return self.queryset.count() <= AT_A_TIME

    @cached_property
    def standings(self) -> dict[int, Standing]:
        """Where the pilots stand: all where they are few; else what is asked of those that the other filters leave."""
        if self.moderate:
            return standings(self.queryset, self.request.as_of)
        asked = {self.data.get("sort", "").removeprefix("-"), *(name for name in self.COMPUTED if self.data.get(name))}
        return standings(
            self.qs,
            self.request.as_of,
            with_stages=not asked.isdisjoint({"stage", "days", "reached"}),
            with_lights="light" in asked,
        )

    def picked(self, fields: Sequence[str], word: str) -> list[int] | None:
        """The keys of the rows in order, where that is computed; what has no number comes last in either direction."""
        if not self.computes:
            return None
        name, backwards = word.removeprefix("-"), word.startswith("-")
        by_field = ["pk"] if name in self.SORTED_BY else [*in_order(fields, backwards), "pk"]
        stored = self.qs.select_related(None).prefetch_related(None).order_by(*by_field).values_list("pk", flat=True)
        keys = [key for key in stored if self.fits(self.standings[key])]
        if name not in self.SORTED_BY:
            return keys
        number = self.SORTED_BY[name]
        found = {key: number(self.standings[key]) for key in keys}
        known = [key for key in keys if found[key] is not None]
        known.sort(key=lambda key: found[key] or 0, reverse=backwards)  # stable: ties stay in the order of their keys
        return [*known, *(key for key in keys if found[key] is None)]

    def fits(self, item: Standing) -> bool:
        """Whether a pilot answers all that is asked of what is computed."""
        asked = {name: self.form.cleaned_data[name] for name in self.COMPUTED}
        words = words_of(item)
        return all(not value or value in words[name] for name, value in asked.items())

    def computed_values(self) -> dict[str, dict[int, Collection[str]]]:
        """The words of each pilot for the counts; of none where the list is long."""
        if not self.moderate:
            return {}
        return {name: {key: words_of(item)[name] for key, item in self.standings.items()} for name in self.COMPUTED}

    def computed_passes(self, name: str, value: str) -> set[int] | None:
        """The keys of the pilots which that filter leaves; None where only some are known."""
        if name not in self.COMPUTED:  # the rows were chosen by it
            return set(self.queryset.order_by().values_list("pk", flat=True))
        if not self.moderate:
            return None
        return {key for key, item in self.standings.items() if value in words_of(item)[name]}

    def look_up(self, pilots: Sequence[Pilot]) -> None:
        """Let `statuses` hold the progress of these rows. Seven queries, or none where it does already."""
        missing = [pilot.pk for pilot in pilots if pilot.pk not in self.statuses]
        if missing:
            found = build_progress(Pilot.objects.filter(pk__in=missing), self.request.as_of)
            self.statuses |= {item.pilot.pk: item for item in found.pilots}


def words_of(item: Standing) -> dict[str, Collection[str]]:
    """By filter, the words that find a pilot."""
    furthest = item.reached
    passed = [stage.value for stage in ORDERED if furthest is not None and furthest.order >= stage.order]
    return {"stage": (item.stage or "",), "light": (item.colour or "",), "reached": passed}


class CoverageFilter(django_filters.FilterSet):
    """Which pilots a coverage counts."""

    batch = RecordFilter(queryset=Batch.objects.all(), label=_("Batch"))
    level = WordFilter(field_name="batch__level", choices=Level.choices, label=_("Level"))
    kind = WordFilter(choices=PilotKind.choices, label=_("Kind"))
    province = RecordFilter(queryset=Province.objects.all(), label=_("Province"))

    class Meta:
        model = Pilot
        fields: list[str] = []


class ItselfFilter(RecordFilter):
    """The one record of this code."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return qs.filter(pk=value.pk) if value else qs


class ProgressFilter(CoverageFilter):
    """Whose progress is asked for."""

    pilot = ItselfFilter(queryset=Pilot.objects.all(), label=_("Pilot"))


class SynergyFilter(CoverageFilter):
    """Whose synergy is asked for."""

    industry = RecordFilter(field_name="industries", queryset=Industry.objects.all(), label=_("Industry"))


class TrendFilter(ProgressFilter, SynergyFilter):
    """Over which pilots a trend is asked for."""


class UpperField(RecordField):
    """A record named by a code in capitals, however it is written."""

    @staticmethod
    def stored(code: str) -> str:
        return code.upper()


class IndicatorField(UpperField):
    """An indicator, named in choices with its unit."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.with_unit)


class OwnIndicatorFilter(RecordFilter):
    """The indicator that a page is about; it does not narrow the pilots."""

    field_class = IndicatorField

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=Indicator.objects.all(), to_field_name="code", label=_("Indicator"), **kwargs)

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return qs


class TrendPageFilter(SynergyFilter):
    """Over which pilots the trends page looks, and at which indicator."""

    indicator = OwnIndicatorFilter(empty_label=_("most reported"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters.move_to_end("indicator", last=False)

    @property
    def picked(self) -> Indicator | None:
        """The indicator picked, else the one with the most accepted yearly values among those that are summed."""
        found: Indicator | None = self.form.cleaned_data.get("indicator")
        return found or most_reported(self.request.as_of)


def most_reported(as_of: date) -> Indicator | None:
    """The indicator with the most accepted yearly values by the day, of those whose values are summed."""
    years = Q(readings__accepted_on__lte=as_of) & ~Q(readings__period__contains="Q")
    counted = Indicator.objects.filter(rollup=RollUp.SUM).annotate(n=Count("readings", filter=years))
    return counted.filter(n__gt=0).order_by("-n", "pk").first()


class SynergyPageFilter(SynergyFilter):
    """The synergy page also asks for a year: one with an accepted value, the last one due unless another is picked."""

    year = ComputedFilter(choices=[], label=_("Year"), empty_label=_("the last one due"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        on_record = newest_accepted(self.request.as_of, Reading.objects.exclude(period__contains="-"))
        years = {*on_record.order_by().values_list("period", flat=True).distinct(), str(year_due(self.request.as_of))}
        self.filters["year"].extra["choices"] = [(year, year) for year in sorted(years, reverse=True)]

    @property
    def picked_year(self) -> int | None:
        """The year picked; None where it is left to the rule."""
        picked = self.form.cleaned_data.get("year")
        return int(picked) if picked else None


class ProvincePageFilter(ProvinceFilter):
    """The provinces page lists the roster, so it filters by the plan's status instead of by being in the roster."""

    in_roster = None  # type: ignore[assignment]  # taken away: django-filter's own way
    status = WordFilter(field_name="plan_status", choices=PlanStatus.choices, label=_("Plan"))


# -- what belongs to a pilot -----------------------------------------------------------------------------


class IndicatorCodeFilter(RecordFilter):
    """Filter by an indicator: `?indicator=AIR_SO2`."""

    field_class = UpperField

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=Indicator.objects.all(), to_field_name="code", label=_("Indicator"), **kwargs)


class PeriodFilter(django_filters.CharFilter):
    """Filter by a period: `?period=2025-Q3`; a year finds its quarters as well."""

    field_class = forms.RegexField

    def __init__(self, **kwargs: Any) -> None:
        invalid = _("Write the period as 2025 or 2025-Q3.")
        super().__init__(lookup_expr="startswith", regex=PERIOD, error_messages={"invalid": invalid}, **kwargs)


class OfPilotFilter(django_filters.FilterSet):
    """What every part of a pilot's record can be asked by."""

    pilot = RecordFilter(queryset=Pilot.objects.all(), label=_("Pilot"))
    batch = RecordFilter(field_name="pilot__batch", queryset=Batch.objects.all(), label=_("Batch"))
    province = RecordFilter(field_name="pilot__province", queryset=Province.objects.all(), label=_("Province"))


OF_PILOT = ("pilot__name_zh", "pilot__name_en", "pilot__slug")
OF_INDICATOR = ("indicator__code", "indicator__name_zh", "indicator__name_en")
NOTES = ("note_en", "note_zh")


class StageFilter(OfPilotFilter):
    q = SearchFilter(*OF_PILOT, "evidence", "reason_en", "reason_zh", *NOTES)
    stage = WordFilter(choices=Stage.choices, label=_("Stage"))
    kind = WordFilter(field_name="pilot__kind", choices=PilotKind.choices, label=_("Kind"))

    class Meta:
        model = StageEntry
        fields: list[str] = []


class MilestoneFilter(OfPilotFilter):
    """Milestones; `done` means done by the day asked for (annotated by the view)."""

    q = SearchFilter(*OF_PILOT, "title_zh", "title_en", "owner", *NOTES)
    facet = WordFilter(choices=Facet.choices, label=_("Facet"))
    is_key = FlagFilter(field_name="is_key", label=_("Key milestone"))
    done = FlagFilter(field_name="done_then", label=_("Done"))
    withdrawn = MembershipFilter()

    class Meta:
        model = Milestone
        fields: list[str] = []


class IndicatorFilter(django_filters.FilterSet):
    q = SearchFilter("code", "name_zh", "name_en", *NOTES)
    kind = WordFilter(choices=IndicatorKind.choices, label=_("Kind"))
    direction = WordFilter(choices=Direction.choices, label=_("Direction"))
    binding = FlagFilter(field_name="binding", label=_("Binding"))
    may_enter_synergy = WordFilter(choices=SynergyUse.choices, label=_("May enter synergy"))

    class Meta:
        model = Indicator
        fields: list[str] = []


class TargetFilter(OfPilotFilter):
    q = SearchFilter(*OF_PILOT, *OF_INDICATOR, "target_text_en", "target_text_zh", *NOTES)
    indicator = IndicatorCodeFilter()
    kind = WordFilter(choices=TargetKind.choices, label=_("Kind"))
    binding = FlagFilter(field_name="binding", label=_("Binding"))
    withdrawn = MembershipFilter()

    class Meta:
        model = Target
        fields: list[str] = []


class ReadingFilter(OfPilotFilter):
    """Readings; `state` is the state on the day asked for (annotated by the view)."""

    q = SearchFilter(*OF_PILOT, *OF_INDICATOR, *NOTES)
    indicator = IndicatorCodeFilter()
    period = PeriodFilter(label=_("Period: a year with its quarters, or one quarter"))
    value_status = WordFilter(choices=ValueStatus.choices, label=_("Value status"))
    state = WordFilter(field_name="state_then", choices=ReadingState.choices, label=_("State"))

    class Meta:
        model = Reading
        fields: list[str] = []
