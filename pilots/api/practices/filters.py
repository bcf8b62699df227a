"""FilterSets of the API lists of practices, adoptions and effects."""

from datetime import date

from django.db.models import Case, Exists, OuterRef, Value, When
from django_filters import FilterSet
from drf_spectacular.utils import extend_schema_field

from core.api.filters import COMPARISONS, DATE_LOOKUPS, ApiFilterSet
from core.web.filters import ChoiceFilter, RelatedFilter, SearchFilter, YesNoFilter
from pilots.filters import IndicatorCodeFilter, SelfFilter
from pilots.metrics.practice_states import AdoptionState, GiveUpReason, Trust
from pilots.models import (
    Adoption,
    Effect,
    EffectBasis,
    Facet,
    Pilot,
    Practice,
    PracticeField,
    PracticeLevel,
)
from pilots.practices.analytics import measured_effects
from policies.models import Industry, Province


def adoption_state_expression(as_of: date) -> Case:
    """Return `metrics.practice_states.adoption_state` as a query expression."""
    days = {
        "given_up_on": AdoptionState.GIVEN_UP,
        "in_use_on": AdoptionState.IN_USE,
        "started_on": AdoptionState.UNDER_WAY,
    }
    reached = [When(**{f"{day}__lte": as_of}, then=Value(state.value)) for day, state in days.items()]
    return Case(*reached, default=Value(AdoptionState.PLANNED.value))


def trust_expression(as_of: date) -> Case:
    """Return `AdoptionStatus.trust` as a query expression."""
    return Case(
        When(Exists(measured_effects(as_of).filter(adoption=OuterRef("pk"))), then=Value(Trust.VERIFIED.value)),
        When(confirmed_on__lte=as_of, then=Value(Trust.CONFIRMED.value)),
        default=Value(Trust.CLAIMED.value),
    )


class AdoptionApiFilter(ApiFilterSet):
    as_of_fields = {f"{name}_on": f"{name}_then" for name in ("started", "in_use", "given_up", "confirmed")}
    as_of_fields |= {"give_up_reason": "reason_then"}

    q = SearchFilter("practice__title_zh", "practice__title_en", "pilot__name_zh", "pilot__name_en", "place")
    practice = RelatedFilter(queryset=Practice.objects.all(), label="Practice")
    pilot = RelatedFilter(queryset=Pilot.objects.all(), label="Pilot")
    province = RelatedFilter(queryset=Province.objects.all(), label="Province")
    state = ChoiceFilter(field_name="state_then", choices=AdoptionState.choices, label="State")
    trust = ChoiceFilter(field_name="trust_then", choices=Trust.choices, label="Trust")
    give_up_reason = ChoiceFilter(choices=GiveUpReason.choices, label="Reason for giving up")

    class Meta:
        model = Adoption
        fields = {
            "planned_on": COMPARISONS,
            **dict.fromkeys(("started_on", "in_use_on", "given_up_on", "confirmed_on"), DATE_LOOKUPS),
        }


class EffectApiFilter(ApiFilterSet):
    q = SearchFilter("practice__title_zh", "practice__title_en", "statement_zh", "statement_en", "stated_unit")
    practice = RelatedFilter(queryset=Practice.objects.all(), label="Practice")
    pilot = RelatedFilter(field_name="adoption__pilot", queryset=Pilot.objects.all(), label="Pilot")
    province = RelatedFilter(queryset=Province.objects.all(), label="Province")
    indicator = IndicatorCodeFilter(field_name="reading_after__indicator")
    is_measured = YesNoFilter(field_name="measured_then", label="Change of the pilot’s total")
    basis = ChoiceFilter(choices=EffectBasis.choices, label="Basis")

    class Meta:
        model = Effect
        fields = {"known_on": COMPARISONS}


class DiffusionFilter(FilterSet):
    """Filters of the practices that are counted."""

    field = ChoiceFilter(choices=PracticeField.choices, label="Field of action")
    facet = ChoiceFilter(choices=Facet.choices, label="Facet")
    level = ChoiceFilter(choices=PracticeLevel.choices, label="Where it can be copied")
    industry = RelatedFilter(field_name="industries", queryset=Industry.objects.all(), label="Industry")
    practice = extend_schema_field({"type": "string", "description": "Practice"})(
        SelfFilter(queryset=Practice.objects.all(), label="Practice")
    )

    class Meta:
        model = Practice
        fields: list[str] = []
