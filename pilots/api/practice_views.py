"""API viewsets of practices, adoptions and effects."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Case, Exists, F, OuterRef, Prefetch, QuerySet, When
from django.http import HttpResponse
from django.utils.translation import gettext_lazy
from rest_framework.decorators import action
from rest_framework.request import Request

from core.api.filters import filtered_queryset
from core.api.viewsets import PagedAggregateView, PkLookupMixin
from core.api.write.serializers import ValidatedInput, WriteRejected, model_errors
from core.api.write.viewsets import RequestItem, WritableViewSet
from core.http.errors import ErrorDetail
from core.permissions import OUT_OF_SCOPE
from pilots.api import practice_filters as filters
from pilots.api import practice_serializers as serializers
from pilots.models import Adoption, Effect, Practice
from pilots.practices.analytics import (
    AdoptionStatus,
    EffectStatus,
    PracticeStatus,
    build_diffusion,
    measured_effects,
    practices_on,
)
from pilots.practices.services import confirm_adoption, may_judge, set_claimant


def known_days(as_of: date, *names: str) -> Mapping[str, Case]:
    """Return days as they were known on a day, by name of annotation: null while they lay ahead."""
    return {f"{name}_then": Case(When(**{f"{name}_on__lte": as_of}, then=F(f"{name}_on"))) for name in names}


class PracticeViewSet(WritableViewSet):
    heading = gettext_lazy("Practices")
    detail_heading = gettext_lazy("One practice")
    about = gettext_lazy(
        "What pilots did and others can copy, proposed by the day. state is that of the day, and days that lay ahead "
        "read null. Its effects are in “effects”, its copies in “adoptions”."
    )
    example_key = "nansha-green-car-port"
    serializer_class = serializers.PracticeSerializer
    write_serializer_class = serializers.PracticeWriteSerializer
    filterset_class = filters.PracticeApiFilter
    ordering_fields = (
        *("id", "slug", "title_en", "title_zh", "state", "facet", "field", "level", "proposed_on", "passed_on"),
        *("library_on", "recommended_on", "retired_on"),
    )
    ordering_paths = {"state": "state_then", **filters.PracticeApiFilter.as_of_fields}
    default_ordering = "id"

    def base_queryset(self) -> QuerySet[Practice]:
        days = known_days(self.as_of, "passed", "library", "recommended", "retired")
        rows = practices_on(self.as_of).annotate(**days)
        return rows.select_related("province").prefetch_related("origins", "industries", "measures", "sources")


class AdoptionViewSet(WritableViewSet, PkLookupMixin):
    heading = gettext_lazy("Adoptions")
    detail_heading = gettext_lazy("One adoption")
    about = gettext_lazy(
        "Copies of practices that were planned by the day, with their state and trust on it; days, reasons and names "
        "that came later read null. Trust is the highest level reached: claimed by who recorded it, confirmed by the "
        "origin, the adopter’s province or the ministry, verified by a measured effect. The levels are never added."
    )
    example_key = ""
    cache_responses = False  # names of people, for those whom they concern
    serializer_class = serializers.AdoptionSerializer
    write_serializer_class = serializers.AdoptionWriteSerializer
    filterset_class = filters.AdoptionApiFilter
    ordering_fields = (
        *("id", "practice", "pilot", "province", "state", "planned_on", "started_on", "in_use_on", "given_up_on"),
        "confirmed_on",
    )
    ordering_paths = {
        **{name: f"{name}__slug" for name in ("practice", "pilot", "province")},
        "state": "state_then",
        **filters.AdoptionApiFilter.as_of_fields,
    }
    default_ordering = "practice,planned_on"
    bodiless_actions = frozenset({"confirm"})
    action_serializers = {"confirm": serializers.ConfirmationWriteSerializer}
    action_texts = {
        "confirm": (
            gettext_lazy("Confirm a copy"),
            gettext_lazy(
                "For the origin’s province, the adopter’s, or the ministry; never for who claimed it. If-Match holds "
                "its ETag; no body is needed."
            ),
        )
    }

    def base_queryset(self) -> QuerySet[Adoption]:
        given_up = Case(When(given_up_on__lte=self.as_of, then=F("give_up_reason")))
        rows = Adoption.objects.annotate(
            **known_days(self.as_of, "started", "in_use", "given_up", "confirmed"),
            state_then=filters.adoption_state_expression(self.as_of),
            trust_then=filters.trust_expression(self.as_of),
            reason_then=given_up,
        )
        effects = Prefetch("effects", Effect.objects.select_related("reading_before", "reading_after"))
        people = ("claimed_by", "confirmed_by")
        return rows.select_related("practice", "pilot", "province", *people).prefetch_related(effects, "sources")

    def visible_as_of(self, rows: QuerySet[Adoption]) -> QuerySet[Adoption]:
        return rows.filter(planned_on__lte=self.as_of)

    def annotate_as_of(self, record: Any) -> Any:
        effects = [EffectStatus(effect, self.as_of) for effect in record.effects.all() if effect.known_on <= self.as_of]
        record.status = AdoptionStatus(record, self.as_of, effects)
        record.confirmed_by_then = record.confirmed_by if record.confirmed_then else None
        return record

    def prepare(self, record: Any, item: RequestItem, given: ValidatedInput, *, created: bool) -> None:
        """Note who claims a new copy."""
        set_claimant(record, self.request.user)

    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> HttpResponse:
        """Confirm a copy."""
        return self.run_write(request, self.confirm_one, 200)

    def confirm_one(self, record: Adoption, item: RequestItem) -> Adoption:
        """Confirm a copy, as its page does: what is asked of the user is not the scope of its record alone."""
        self.validate_action(item)
        if not may_judge(self.request.user, record):
            raise WriteRejected(403, ErrorDetail("", "not_yours", str(OUT_OF_SCOPE)))
        self.check_revision(record, item)
        try:
            return confirm_adoption(record, by=self.request.user)
        except ValidationError as exc:
            raise WriteRejected(409, *model_errors(exc, self.write_serializer_class)) from exc
        except PermissionDenied as exc:
            raise WriteRejected(403, ErrorDetail("", "not_yours", str(exc) or str(OUT_OF_SCOPE))) from exc


class EffectViewSet(WritableViewSet, PkLookupMixin):
    heading = gettext_lazy("Effects")
    detail_heading = gettext_lazy("One effect")
    about = gettext_lazy(
        "Effects of practices and of their copies, known by the day: measured by two accepted readings, or stated by a "
        "source, never both. Until both readings are accepted nothing is measured: change and rate are null."
    )
    example_key = ""
    serializer_class = serializers.EffectSerializer
    write_serializer_class = serializers.EffectWriteSerializer
    filterset_class = filters.EffectApiFilter
    ordering_fields = ("id", "practice", "province", "basis", "known_on")
    ordering_paths = {name: f"{name}__slug" for name in ("practice", "province")}
    default_ordering = "practice"

    def base_queryset(self) -> QuerySet[Effect]:
        measured = Exists(measured_effects(self.as_of).filter(pk=OuterRef("pk")))
        rows = Effect.objects.annotate(measured_then=measured)
        readings = ("reading_before__indicator", "reading_after__indicator")
        copies = ("adoption__practice", "adoption__pilot", "adoption__province")
        return rows.select_related("practice", "province", *copies, *readings).prefetch_related("sources")

    def visible_as_of(self, rows: QuerySet[Effect]) -> QuerySet[Effect]:
        return rows.filter(known_on__lte=self.as_of)

    def annotate_as_of(self, record: Any) -> Any:
        record.status = EffectStatus(record, self.as_of)
        return record


class DiffusionView(PagedAggregateView):
    heading = gettext_lazy("Diffusion of practices")
    about = gettext_lazy(
        "How far practices have spread on the day: how many are in the library, where they are copied, on whose word, "
        "with what effect, and why copies were given up. Adopters claimed, confirmed and verified are counted apart "
        "and never added. As CSV or XLSX: the practices, one row each; fields and omit then name its columns."
    )
    queryset, filterset_class = Practice.objects.all(), filters.DiffusionFilter
    serializer_class = serializers.DiffusionSerializer
    row_serializer_class = serializers.PracticeDiffusionSerializer
    file_name = "diffusion"

    def build(self) -> serializers.DiffusionPage:
        known = practices_on(self.as_of).order_by("pk")
        chosen = filtered_queryset(self.filterset_class(self.request.query_params, queryset=known))
        return serializers.DiffusionPage(build_diffusion(self.as_of, chosen), self.page_of(chosen))

    def file_rows(self, value: serializers.DiffusionPage) -> Iterable[PracticeStatus]:
        return value.practices if self.shows_page else value.diffusion.practices
