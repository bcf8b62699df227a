"""API of practices, of their adoptions and of effects, and of how far practices have spread."""

from collections.abc import Collection, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Case, F, QuerySet, When
from django.http import HttpResponse
from django.utils.translation import gettext_lazy
from django_filters import FilterSet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from core.api.filters import COMPARISONS, DATE_LOOKUPS, ApiFilterSet, api_filterset
from core.api.pagination import PageSerializer
from core.api.serializers import (
    CountsField,
    DateValueField,
    NumberField,
    PeopleMixin,
    RatioField,
    RelatedBySlug,
    UsernameField,
    then,
)
from core.api.viewsets import AggregateView, RowsOfPageSerializer
from core.api.write_serializers import StrictCharField, StrictChoiceField, ValidatedInput, checked_data
from core.api.writes import WritableViewSet
from core.permissions import OUT_OF_SCOPE
from core.records import writing
from core.tables import ChoiceFilter, RelatedFilter, SearchFilter, YesNoFilter
from pilots.filters import IndicatorCodeFilter, PracticeFilter, SelfFilter
from pilots.metrics import AdoptionState, GiveUpReason, PracticeMove, PracticeState, Trust
from pilots.models import Adoption, Effect, EffectBasis, Facet, Pilot, Practice, PracticeField, PracticeLevel
from pilots.practices import (
    Copies,
    Diffusion,
    build_diffusion,
    confirm_adoption,
    may_judge,
    move_practice,
    withdraw_confirmation,
)
from policies.api import FACT_FIELDS, SourcedSerializer
from policies.models import Industry, Province

STATE_HELP = "Its state on the day."


def bilingual(name: str) -> tuple[str, str, str]:
    """Return the fields of a text: in the reader's language, and in each."""
    return name, f"{name}_en", f"{name}_zh"


# -- practices ---------------------------------------------------------------------------------------------


class PracticeSerializer(SourcedSerializer):
    """A practice as it stood on the day: days and the reason that came later read null."""

    state = serializers.ChoiceField(PracticeState.choices, help_text=STATE_HELP, source="state_then")

    class Meta:
        model = Practice
        as_of = ("passed_on", "library_on", "recommended_on", "retired_on")
        fields = (
            *("slug", *bilingual("title"), "state", "facet", "field", "level", *bilingual("problem")),
            *(*bilingual("action"), *bilingual("conditions"), *bilingual("risks"), "cost_amount", "cost_kind"),
            *("cost_year", "origins", "industries", "measures", "province", "proposed_on", "passed_on", "library_on"),
            *("recommended_on", "retired_on", *bilingual("retired_reason"), *FACT_FIELDS, "url", "page"),
        )

    def hidden_fields(self, record: Any) -> Collection[str]:
        later = bilingual("retired_reason") if record.retired_on and not record.retired_then else ()
        return {*later, *super().hidden_fields(record)}


class PracticeMoveWriteSerializer(serializers.Serializer):
    """A move of a practice; which there are depends on the state, and on who sends it."""

    move = StrictChoiceField(choices=PracticeMove.choices, help_text="What is done with it.")
    reason = StrictCharField(
        required=False,
        allow_blank=True,
        max_length=300,
        help_text="Why it is retired, or recommended although the total of its pilot got worse. Required then.",
    )


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
        *("id", "slug", "title_en", "title_zh", "state", "facet", "field", "level", "proposed_on", "passed_on"),
        *("library_on", "recommended_on", "retired_on"),
    )
    ordering_paths = {"state": "state_then"}
    default_ordering = "id"

    def base_queryset(self) -> QuerySet[Practice]:
        rows: QuerySet[Practice] = Practice.objects.on(self.as_of).select_related("province")
        return rows.prefetch_related("origins", "industries", "measures", "sources")

    @action(detail=True, methods=["post"], write_serializer_class=PracticeMoveWriteSerializer)
    def move(self, request: Request, slug: str) -> HttpResponse:
        """Take a practice to its next state."""

        def move_one(record: Practice, data: Mapping[str, Any]) -> Practice:
            given = checked_data(self.write_serializer_class(data=data))
            writing.check_scope(request.user, writing.CHANGE, record)
            self.check_revision(record, data)
            return move_practice(record, PracticeMove(given["move"]), by=request.user, reason=given.get("reason", ""))

        return self.run_write(request, move_one, 200)


# -- adoptions ---------------------------------------------------------------------------------------------


class AdoptionSerializer(PeopleMixin, SourcedSerializer):
    """A copy as it stood on the day: days, reasons and names that came later read null."""

    PEOPLE_FIELDS = ("claimed_by", "confirmed_by")

    adopter = serializers.CharField(help_text="Name of the pilot, the place or the province.", source="adopter_name")
    state = serializers.ChoiceField(AdoptionState.choices, help_text=STATE_HELP, source="state_then")
    trust = serializers.ChoiceField(
        Trust.choices, help_text="The highest level of trust reached by the day.", source="trust_then"
    )
    verified_on = DateValueField(
        help_text="From when a change of the pilot’s total counted for it.", source="verified_then"
    )
    claimed_by = UsernameField(help_text="Who recorded it, for those whom it concerns.")
    confirmed_by = UsernameField(help_text="Who confirmed it, for those whom it concerns.")

    class Meta:
        model = Adoption
        as_of = ("started_on", "in_use_on", "given_up_on", "confirmed_on")
        fields = (
            *("id", "practice", "pilot", "province", "place", "adopter", "state", "trust", "planned_on", "started_on"),
            *("in_use_on", "given_up_on", "give_up_reason", *bilingual("give_up_text"), *bilingual("changed")),
            *("claimed_by", "confirmed_on", "confirmed_by", "verified_on", *FACT_FIELDS, "url", "page"),
        )

    def hidden_fields(self, record: Any) -> Collection[str]:
        hidden = set() if record.confirmed_then else {"confirmed_by"}
        if record.given_up_on and not record.given_up_then:
            hidden |= {"give_up_reason", *bilingual("give_up_text")}
        return {*hidden, *super().hidden_fields(record)}


class AdoptionApiFilter(ApiFilterSet):
    as_of_fields = {name: then(name) for name in (*AdoptionSerializer.Meta.as_of, "give_up_reason")}

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
            **dict.fromkeys(AdoptionSerializer.Meta.as_of, DATE_LOOKUPS),
        }


class ConfirmationWriteSerializer(serializers.Serializer):
    """Nothing is said but that the copy is confirmed."""


class WithdrawalWriteSerializer(serializers.Serializer):
    """Why a confirmation is taken back."""

    reason = StrictCharField(max_length=300, help_text="It stands in the history, where everybody reads it.")


class AdoptionViewSet(WritableViewSet):
    heading = gettext_lazy("Adoptions")
    about = (
        "Copies of practices that were planned by the day, with their state and trust on it; days, reasons and names "
        "that came later read null. Trust is the highest level reached: claimed by who recorded it, confirmed by the "
        "origin or the ministry, never by the claimant’s side; a confirmed one is verified by a change of the pilot’s "
        "total since it was in use. The levels are never added. practice, pilot, province and place are fixed (409) "
        "once it is confirmed or has an effect; another planned_on, started_on, in_use_on or changed ends the "
        "confirmation."
    )
    serializer_class = AdoptionSerializer
    filterset_class = AdoptionApiFilter
    ordering_fields = (
        *("id", "practice", "pilot", "province", "state", "planned_on", "started_on", "in_use_on", "given_up_on"),
        "confirmed_on",
    )
    ordering_paths = {"state": "state_then"}
    default_ordering = "practice,planned_on"

    def base_queryset(self) -> QuerySet[Adoption]:
        reason = Case(When(given_up_then__isnull=False, then=F("give_up_reason")))
        rows = Adoption.objects.on(self.as_of).annotate(give_up_reason_then=reason)
        related = ("practice", "pilot", "province", "claimed_by", "confirmed_by")
        queryset: QuerySet[Adoption] = rows.select_related(*related).prefetch_related("sources")
        return queryset

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Note who claims a new copy."""
        if record.pk is None:
            record.claimed_by = self.request.user
        super().perform_write(record, given)

    @action(detail=True, methods=["post"], write_serializer_class=ConfirmationWriteSerializer)
    def confirm(self, request: Request, **kwargs: str) -> HttpResponse:
        """Confirm a copy."""

        def confirm_one(record: Adoption, data: Mapping[str, Any]) -> Adoption:
            self.validate_judgement(record, data)
            return confirm_adoption(record, by=request.user)

        return self.run_write(request, confirm_one, 200)

    @action(
        detail=True,
        methods=["post"],
        url_path="withdraw-confirmation",
        write_serializer_class=WithdrawalWriteSerializer,
    )
    def withdraw_confirmation(self, request: Request, **kwargs: str) -> HttpResponse:
        """Take a confirmation back."""

        def withdraw_one(record: Adoption, data: Mapping[str, Any]) -> Adoption:
            reason = self.validate_judgement(record, data)["reason"]
            return withdraw_confirmation(record, by=request.user, reason=reason)

        return self.run_write(request, withdraw_one, 200)

    def validate_judgement(self, record: Adoption, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the validated body. Raises PermissionDenied for who does not stand for the adopter's province, the
        origin's or the ministry.
        """
        given = checked_data(self.write_serializer_class(data=data))
        if not may_judge(self.request.user, record):
            raise PermissionDenied(str(OUT_OF_SCOPE))
        self.check_revision(record, data)
        return given


# -- effects -----------------------------------------------------------------------------------------------


class EffectSerializer(SourcedSerializer):
    is_measured = serializers.BooleanField(
        source="measured_then",
        help_text="Whether it counted on the day as a change of the pilot’s total: by two accepted readings, not "
        "corrected by then.",
    )
    corrected_on = DateValueField(
        help_text="The day from which a reading of it was corrected.", source="corrected_then"
    )
    change = NumberField(
        help_text="The change of the pilot’s total: the second reading less the first, in the unit of the indicator; "
        "null where it does not count."
    )
    rate = RatioField(help_text="The same as a fraction of the first; negative = fell.")

    class Meta:
        model = Effect
        fields = (
            *("id", "practice", "adoption", "province", "basis", "is_measured", "reading_before", "reading_after"),
            *("corrected_on", "change", "rate", *bilingual("statement"), "stated_value", "stated_unit"),
            *("stated_period", "known_on", *FACT_FIELDS, "url", "page"),
        )


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


class EffectViewSet(WritableViewSet):
    cache_responses = True
    heading = gettext_lazy("Effects")
    about = (
        "Effects of practices and of their copies, known by the day: the change of the pilot’s total between two "
        "accepted readings (is_measured; the whole pilot’s, not that of the practice alone), or stated by a source, "
        "never both. Until both readings are accepted, and once one was corrected (corrected_on), change and rate are"
        " null."
    )
    serializer_class = EffectSerializer
    filterset_class = EffectApiFilter
    ordering_fields = ("id", "practice", "province", "basis", "known_on")
    default_ordering = "practice"

    def base_queryset(self) -> QuerySet[Effect]:
        readings = ("reading_before__indicator", "reading_after__indicator")
        copies = ("adoption__practice", "adoption__pilot", "adoption__province")
        rows: QuerySet[Effect] = Effect.objects.on(self.as_of).select_related(
            "practice", "province", *copies, *readings
        )
        return rows.prefetch_related("sources")


# -- diffusion ---------------------------------------------------------------------------------------------


class DiffusionFilter(FilterSet):
    """Filters of the practices that are counted."""

    field = ChoiceFilter(choices=PracticeField.choices, label="Field of action")
    facet = ChoiceFilter(choices=Facet.choices, label="Facet")
    level = ChoiceFilter(choices=PracticeLevel.choices, label="Where it can be copied")
    industry = RelatedFilter(field_name="industries", queryset=Industry.objects.all(), label="Industry")
    practice = extend_schema_field({"type": "string", "description": "Practice"})(
        SelfFilter(queryset=Practice.objects.all(), label="Practice")
    )


class ProvinceCopiesSerializer(serializers.Serializer):
    """Copies in a province of the roster."""

    province = RelatedBySlug(help_text="The province.")
    trust = CountsField(help_text="Copies in use by trust: each under the highest level reached.")
    states = CountsField(help_text="All its copies by state.")
    reached = serializers.BooleanField(help_text="Whether a copy in use is confirmed or verified.", source="is_reached")
    only_claimed = serializers.BooleanField(
        help_text="Whether copies in use are all only claimed.", source="is_only_claimed"
    )


class CurveSerializer(serializers.Serializer):
    """One step of a curve of copies."""

    date = DateValueField(help_text="The day from which the number holds.", allow_null=False)
    copies = serializers.IntegerField(help_text="How many copies count from then on.", source="issued")


class CopiesSerializer(serializers.Serializer):
    """Copies of practices on a day. The levels of trust are counted apart and never added."""

    total = serializers.IntegerField(help_text="Copies planned by the day, whatever became of them.")
    by_state = CountsField(help_text="How many are at each state.")
    adopters = CountsField(help_text="Copies in use by trust, each under the highest level reached.")
    given_up_by_reason = CountsField(help_text="Those given up, by reason.")
    reached = RelatedBySlug(many=True, help_text="Provinces of the roster with a confirmed or verified copy in use.")
    only_claimed = RelatedBySlug(many=True, help_text="Provinces of the roster with only claimed copies in use.")
    roster = serializers.SerializerMethodField(help_text="Provinces that the programme covers.")
    attested_curve = CurveSerializer(
        many=True, help_text="Confirmed or verified copies in use, each from the day of both."
    )
    provinces = ProvinceCopiesSerializer(many=True, help_text="Each province of the roster.")

    def get_roster(self, copies: Copies) -> int:
        return len(copies.roster)


class PracticeDiffusionSerializer(serializers.Serializer):
    """A practice of the page: how far it has spread."""

    practice = RelatedBySlug(source="*", help_text="The practice.")
    state = serializers.ChoiceField(PracticeState.choices, help_text=STATE_HELP, source="state_then")
    since = DateValueField(help_text="The day from which the state holds.", source="since_then", allow_null=False)
    measured_effect = serializers.BooleanField(
        help_text="Whether a change of a pilot’s total is known.", source="measured_then"
    )
    copies = serializers.IntegerField(help_text="Its copies, whatever became of them.", source="copies.total")
    by_state = CountsField(source="copies.by_state", help_text="Its copies by state.")
    adopters = CountsField(source="copies.adopters", help_text="Its copies in use by trust, never added.")
    reached = RelatedBySlug(
        many=True, source="copies.reached", help_text="Provinces with a confirmed or verified copy in use."
    )
    days_to_first_copy = serializers.IntegerField(
        help_text="Days from the library to the first attested copy elsewhere.", allow_null=True
    )

    class Meta:
        list_serializer_class = RowsOfPageSerializer


class DiffusionSerializer(PageSerializer):
    """How far practices have spread on a day."""

    total = serializers.IntegerField(help_text="Practices proposed by the day.")
    by_state = CountsField(help_text="How many are at each state.")
    measured = serializers.IntegerField(help_text="Practices with a change of a pilot’s total.")
    stated_only = serializers.IntegerField(help_text="Practices whose only results are stated by sources.")
    copies = CopiesSerializer(help_text="Copies of all of them.")
    entered_library = serializers.IntegerField(
        help_text="Practices that have entered the library: of so many a first copy is looked for."
    )
    first_copies = serializers.IntegerField(
        help_text="Those of them with a confirmed or verified copy in another province."
    )
    median_days_to_first_copy = serializers.FloatField(
        help_text="Median of days from the library to that copy; null of fewer than five.", allow_null=True
    )
    practices = PracticeDiffusionSerializer(many=True, help_text="Each practice of the page.")


class DiffusionView(AggregateView):
    cache_responses = True
    heading = gettext_lazy("Diffusion of practices")
    about = (
        "How far practices have spread on the day: how many are in the library, where they are copied, on whose word, "
        "with what effect, and why copies were given up. Adopters claimed, confirmed and verified are counted apart "
        "and never added. As CSV or XLSX: the practices, one row each."
    )
    queryset, filterset_class = Practice.objects.all(), DiffusionFilter
    serializer_class, row_serializer_class = DiffusionSerializer, PracticeDiffusionSerializer
    file_name, rows_name, lists_rows = "diffusion", "practices", True

    def get_queryset(self) -> QuerySet[Any]:
        return Practice.objects.on(self.as_of).order_by("pk")

    def build(self) -> Diffusion:
        return build_diffusion(self.as_of, self.chosen())
