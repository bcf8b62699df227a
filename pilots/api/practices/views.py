"""API viewsets of practices, adoptions and effects."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Case, Exists, F, OuterRef, Prefetch, QuerySet, When
from django.http import HttpResponse
from django.utils.translation import gettext_lazy
from rest_framework.decorators import action
from rest_framework.request import Request

from core.api.filters import CODE_LOOKUPS, COMPARISONS, DATE_LOOKUPS, api_filterset
from core.api.viewsets import AggregateView
from core.api.write_serializers import ValidatedInput, checked_data
from core.api.writes import WritableViewSet
from core.permissions import OUT_OF_SCOPE
from core.records import writing
from pilots.api.practices import filters, serializers
from pilots.filters import PracticeFilter
from pilots.metrics.practices import PracticeMove
from pilots.models import Adoption, Effect, Practice
from pilots.practices.analytics import (
    AdoptionStatus,
    EffectStatus,
    PracticeStatus,
    build_diffusion,
    measured_effects,
    practices_on,
    with_corrections,
)
from pilots.practices.services import (
    confirm_adoption,
    may_judge,
    move_practice,
    recommendation_objection,
    set_claimant,
    withdraw_confirmation,
)

PRACTICE_AS_OF_FIELDS = {f"{name}_on": f"{name}_then" for name in ("passed", "library", "recommended", "retired")}


class PracticeViewSet(WritableViewSet):
    heading = gettext_lazy("Practices")
    about = (
        "What pilots did and others can copy, proposed by the day. state is that of the day, and days that lay ahead "
        "read null. Its effects are in “effects”, its copies in “adoptions”."
    )
    serializer_class = serializers.PracticeSerializer
    filterset_class = api_filterset(
        PracticeFilter,
        {"slug": CODE_LOOKUPS, "proposed_on": COMPARISONS, **dict.fromkeys(PRACTICE_AS_OF_FIELDS, DATE_LOOKUPS)},
        PRACTICE_AS_OF_FIELDS,
    )
    ordering_fields = (
        *("id", "slug", "title_en", "title_zh", "state", "facet", "field", "level", "proposed_on", "passed_on"),
        *("library_on", "recommended_on", "retired_on"),
    )
    ordering_paths = {"state": "state_then"}
    default_ordering = "id"

    def base_queryset(self) -> QuerySet[Practice]:
        days = {then: self.known_day(day) for day, then in PRACTICE_AS_OF_FIELDS.items()}
        rows = practices_on(self.as_of).annotate(**days)
        return rows.select_related("province").prefetch_related("origins", "industries", "measures", "sources")

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Recommending a practice whose pilot got worse needs a reason."""
        text = "" if given.reason else recommendation_objection(record.drafted(given.values))
        super().perform_write(record, given)
        if text:
            raise ValidationError({"change_reason": ValidationError(text, code="required")})

    @action(detail=True, methods=["post"], write_serializer_class=serializers.PracticeMoveWriteSerializer)
    def move(self, request: Request, slug: str) -> HttpResponse:
        """Take a practice to its next state."""
        return self.run_write(request, self.move_one, 200)

    def move_one(self, record: Practice, data: Mapping[str, Any]) -> Practice:
        given = checked_data(self.write_serializer_class(data=data))
        writing.check_scope(self.request.user, writing.CHANGE, record)
        self.check_revision(record, data)
        return move_practice(record, PracticeMove(given["move"]), by=self.request.user, reason=given.get("reason", ""))


class AdoptionViewSet(WritableViewSet):
    heading = gettext_lazy("Adoptions")
    about = (
        "Copies of practices that were planned by the day, with their state and trust on it; days, reasons and names "
        "that came later read null. Trust is the highest level reached: claimed by who recorded it, confirmed by the "
        "origin, the adopter’s province or the ministry, verified by a change of the pilot’s total. The levels are "
        "never added. practice, pilot, province and place are fixed (409) once it is confirmed or has an effect; "
        "another planned_on, started_on, in_use_on or changed ends the confirmation."
    )
    cache_responses = False  # names of people, for those whom they concern
    serializer_class = serializers.AdoptionSerializer
    filterset_class = filters.AdoptionApiFilter
    ordering_fields = (
        *("id", "practice", "pilot", "province", "state", "planned_on", "started_on", "in_use_on", "given_up_on"),
        "confirmed_on",
    )
    ordering_paths = {"state": "state_then"}
    default_ordering = "practice,planned_on"

    def base_queryset(self) -> QuerySet[Adoption]:
        given_up = Case(When(given_up_on__lte=self.as_of, then=F("give_up_reason")))
        rows = Adoption.objects.annotate(
            **{f"{name}_then": self.known_day(f"{name}_on") for name in ("started", "in_use", "given_up", "confirmed")},
            state_then=filters.adoption_state_expression(self.as_of),
            trust_then=filters.trust_expression(self.as_of),
            reason_then=given_up,
        )
        effects = Prefetch(
            "effects", with_corrections(Effect.objects.select_related("reading_before", "reading_after"))
        )
        people = ("claimed_by", "confirmed_by")
        return rows.select_related("practice", "pilot", "province", *people).prefetch_related(effects, "sources")

    def visible_as_of(self, rows: QuerySet[Adoption]) -> QuerySet[Adoption]:
        return rows.filter(planned_on__lte=self.as_of)

    def annotate_as_of(self, record: Any) -> Any:
        effects = [EffectStatus(effect, self.as_of) for effect in record.effects.all() if effect.known_on <= self.as_of]
        record.status = AdoptionStatus(record, self.as_of, effects)
        record.confirmed_by_then = record.confirmed_by if record.confirmed_then else None
        return record

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Note who claims a new copy."""
        set_claimant(record, self.request.user)
        super().perform_write(record, given)

    @action(detail=True, methods=["post"], write_serializer_class=serializers.ConfirmationWriteSerializer)
    def confirm(self, request: Request, **kwargs: str) -> HttpResponse:
        """Confirm a copy."""
        return self.run_write(request, self.confirm_one, 200)

    def confirm_one(self, record: Adoption, data: Mapping[str, Any]) -> Adoption:
        self.validate_judgement(record, data)
        return confirm_adoption(record, by=self.request.user)

    @action(
        detail=True,
        methods=["post"],
        url_path="withdraw-confirmation",
        write_serializer_class=serializers.WithdrawalWriteSerializer,
    )
    def withdraw_confirmation(self, request: Request, **kwargs: str) -> HttpResponse:
        """Take a confirmation back."""
        return self.run_write(request, self.withdraw_one, 200)

    def withdraw_one(self, record: Adoption, data: Mapping[str, Any]) -> Adoption:
        given = self.validate_judgement(record, data)
        return withdraw_confirmation(record, by=self.request.user, reason=given["reason"])

    def validate_judgement(self, record: Adoption, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the validated body. Raises PermissionDenied for who does not stand for the adopter's province, the
        origin's or the ministry.
        """
        given = checked_data(self.write_serializer_class(data=data))
        if not may_judge(self.request.user, record):
            raise PermissionDenied(str(OUT_OF_SCOPE))
        self.check_revision(record, data)
        return given


class EffectViewSet(WritableViewSet):
    heading = gettext_lazy("Effects")
    about = (
        "Effects of practices and of their copies, known by the day: the change of the pilot’s total between two "
        "accepted readings (is_measured; the whole pilot’s, not that of the practice alone), or stated by a source, "
        "never both. Until both readings are accepted, and once one was corrected (corrected_on), change and rate are"
        " null."
    )
    serializer_class = serializers.EffectSerializer
    filterset_class = filters.EffectApiFilter
    ordering_fields = ("id", "practice", "province", "basis", "known_on")
    default_ordering = "practice"

    def base_queryset(self) -> QuerySet[Effect]:
        measured = Exists(measured_effects(self.as_of).filter(pk=OuterRef("pk")))
        rows = with_corrections(Effect.objects.annotate(measured_then=measured))
        readings = ("reading_before__indicator", "reading_after__indicator")
        copies = ("adoption__practice", "adoption__pilot", "adoption__province")
        return rows.select_related("practice", "province", *copies, *readings).prefetch_related("sources")

    def visible_as_of(self, rows: QuerySet[Effect]) -> QuerySet[Effect]:
        return rows.filter(known_on__lte=self.as_of)

    def annotate_as_of(self, record: Any) -> Any:
        record.status = EffectStatus(record, self.as_of)
        return record


class DiffusionView(AggregateView):
    heading = gettext_lazy("Diffusion of practices")
    about = (
        "How far practices have spread on the day: how many are in the library, where they are copied, on whose word, "
        "with what effect, and why copies were given up. Adopters claimed, confirmed and verified are counted apart "
        "and never added. As CSV or XLSX: the practices, one row each."
    )
    queryset, filterset_class = Practice.objects.all(), filters.DiffusionFilter
    serializer_class = serializers.DiffusionSerializer
    row_serializer_class = serializers.PracticeDiffusionSerializer
    file_name = "diffusion"
    lists_rows = True

    def build(self) -> serializers.DiffusionPage:
        known = practices_on(self.as_of).order_by("pk")
        chosen = self.filter_queryset(known)
        return serializers.DiffusionPage(build_diffusion(self.as_of, chosen), self.page_of(chosen))

    def file_rows(self, value: serializers.DiffusionPage) -> Iterable[PracticeStatus]:
        return value.practices if self.is_paged else value.diffusion.practices
