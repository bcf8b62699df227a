"""API of practices, of their copies and of effects."""

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from core.api.filters import COMPARISONS, DATE_LOOKUPS, ApiFilterSet, api_filterset
from core.api.serializers import PeopleMixin, UsernameField, then
from core.api.writes import WritableViewSet
from core.tables import RelatedFilter, SearchFilter
from pilots.filters import PracticeFilter
from pilots.models import Adoption, Effect, Pilot, Practice
from pilots.practices.models import PracticeState
from policies.api import FACT_FIELDS, SourcedSerializer
from policies.models import Province


def bilingual(name: str) -> tuple[str, str, str]:
    """Return the fields of a text: in the reader's language, and in each."""
    return name, f"{name}_en", f"{name}_zh"


class PracticeSerializer(SourcedSerializer):
    """A practice as it stood on the day: days and the reason that came later read null."""

    state = serializers.ChoiceField(PracticeState.choices, help_text="Its state on the day.", source="state_then")

    class Meta:
        model = Practice
        as_of = ("library_on", "retired_on")
        fields = (
            *("slug", *bilingual("title"), "state", "field", *bilingual("problem"), *bilingual("action")),
            *(*bilingual("conditions"), *bilingual("risks"), "cost_amount", "cost_kind", "cost_year", "origins"),
            *("industries", "measures", "province", "proposed_on", "library_on", "retired_on"),
            *(*bilingual("retired_reason"), *FACT_FIELDS, "url", "page"),
        )

    def hidden_fields(self, record: Any) -> Collection[str]:
        later = bilingual("retired_reason") if record.retired_on and not record.retired_then else ()
        return {*later, *super().hidden_fields(record)}


class PracticeViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Practices")
    about = (
        "What pilots did and others can copy, proposed by the day. state is that of the day, and days that lay ahead "
        "read null. Its effects are in “effects”, its copies in “adoptions”."
    )
    serializer_class = PracticeSerializer
    filterset_class = api_filterset(
        PracticeFilter, PracticeSerializer, "slug", "proposed_on", *PracticeSerializer.Meta.as_of
    )
    ordering_fields = (
        *("id", "slug", "title_en", "title_zh", "state", "field", "proposed_on", "library_on", "retired_on"),
    )
    ordering_paths = {"state": "state_then"}
    default_ordering = "id"

    def base_queryset(self) -> QuerySet[Practice]:
        rows: QuerySet[Practice] = Practice.objects.on(self.as_of).select_related("province")
        return rows.prefetch_related("origins", "industries", "measures", "sources")


class AdoptionSerializer(PeopleMixin, SourcedSerializer):
    """A copy as it stood on the day: days and names that came later read null."""

    PEOPLE_FIELDS = ("claimed_by", "verified_by")

    adopter = serializers.CharField(help_text="Name of the pilot or the province.", source="adopter_name")
    claimed_by = UsernameField(help_text="Who recorded it, for those whom it concerns.")
    verified_by = UsernameField(help_text="Who verified it, for those whom it concerns.")

    class Meta:
        model = Adoption
        as_of = ("ended_on", "verified_on")
        fields = (
            *("id", "practice", "pilot", "province", "adopter", "adopted_on", "ended_on", "claimed_by"),
            *("verified_on", "verified_by", *FACT_FIELDS, "url", "page"),
        )

    def hidden_fields(self, record: Any) -> Collection[str]:
        hidden = set() if record.verified_then else {"verified_by"}
        return {*hidden, *super().hidden_fields(record)}


class AdoptionApiFilter(ApiFilterSet):
    as_of_fields = {name: then(name) for name in AdoptionSerializer.Meta.as_of}

    q = SearchFilter("practice__title_zh", "practice__title_en", "pilot__name_zh", "pilot__name_en")
    practice = RelatedFilter(queryset=Practice.objects.all(), label="Practice")
    pilot = RelatedFilter(queryset=Pilot.objects.all(), label="Pilot")
    province = RelatedFilter(queryset=Province.objects.all(), label="Province")

    class Meta:
        model = Adoption
        fields = {"adopted_on": COMPARISONS, **dict.fromkeys(AdoptionSerializer.Meta.as_of, DATE_LOOKUPS)}


class AdoptionViewSet(WritableViewSet):
    heading = gettext_lazy("Adoptions")
    about = (
        "Copies of practices by pilots and provinces, made by the day; days and names that came later read null. Who "
        "records a copy claims it (claimed_by). The ministry verifies it: it sets verified_on, never on the word of "
        "who claimed it. practice, pilot, province and adopted_on are fixed (409) once it is verified or has an effect."
    )
    serializer_class = AdoptionSerializer
    filterset_class = AdoptionApiFilter
    ordering_fields = ("id", "practice", "pilot", "province", "adopted_on", "ended_on", "verified_on")
    default_ordering = "practice,adopted_on"

    def base_queryset(self) -> QuerySet[Adoption]:
        related = ("practice", "pilot", "province", "claimed_by", "verified_by")
        queryset: QuerySet[Adoption] = Adoption.objects.on(self.as_of).select_related(*related)
        return queryset.prefetch_related("sources")


class EffectSerializer(SourcedSerializer):
    class Meta:
        model = Effect
        fields = (
            *("id", "practice", "adoption", "province", *bilingual("statement"), "stated_value", "stated_unit"),
            *("stated_period", "known_on", *FACT_FIELDS, "url", "page"),
        )


class EffectApiFilter(ApiFilterSet):
    q = SearchFilter("practice__title_zh", "practice__title_en", "statement_zh", "statement_en", "stated_unit")
    practice = RelatedFilter(queryset=Practice.objects.all(), label="Practice")
    pilot = RelatedFilter(field_name="adoption__pilot", queryset=Pilot.objects.all(), label="Pilot")
    province = RelatedFilter(queryset=Province.objects.all(), label="Province")

    class Meta:
        model = Effect
        fields = {"known_on": COMPARISONS}


class EffectViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Effects")
    about = (
        "What sources state of the effects of practices and of their copies, known by the day. Stated results differ "
        "in what they count and are never added."
    )
    serializer_class = EffectSerializer
    filterset_class = EffectApiFilter
    ordering_fields = ("id", "practice", "province", "known_on")
    default_ordering = "practice"

    def base_queryset(self) -> QuerySet[Effect]:
        copies = ("adoption__practice", "adoption__pilot", "adoption__province")
        rows: QuerySet[Effect] = Effect.objects.on(self.as_of).select_related("practice", "province", *copies)
        return rows.prefetch_related("sources")
