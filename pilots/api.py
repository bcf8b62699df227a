"""The pilots' part of the API: the questions that the pages ask, answered in JSON, CSV or XLSX."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter

from config.faults import BadRequest
from config.parameters import filters as filter_parameters
from config.parameters import parameter, unknown_word
from config.resources import Aggregate, Resource, filtered
from pilots import filters, serializers
from pilots.coverage import AXES, Coverage, build_coverage
from pilots.metrics import Reconciliation
from pilots.models import Batch, Pilot
from pilots.overview import Overview, build_overview
from pilots.reconcile import BatchCount, build_reconciliation

EXAMPLES = {
    "batch": "national-batch-1",
    "industry": "chemicals",
    "kind": "park",
    "level": "national",
    "policy": "pilot-list-batch1-2024",
    "province": "zhejiang",
    "region": "east",
    "confidence": "official",
}


class Batches(Resource):
    heading = gettext_lazy("Batches")
    one = gettext_lazy("One batch")
    about = gettext_lazy("Pilots announced together, known on the day, with announced against recorded by kind.")
    example, sample = "level=national", "national-batch-1"
    serializer_class = serializers.BatchSerializer
    filterset_class = filters.BatchFilter
    examples = {**EXAMPLES, "q": "第一批"}
    order = {
        "id": "pk",
        **{name: name for name in ("slug", "title_en", "title_zh", "level", "announced_on", "known_by")},
        **{name: name for name in ("city_count", "county_count", "park_count", "enterprise_count")},
    }
    default_order = "level,known_by"

    def get_queryset(self) -> QuerySet[Batch]:
        return Batch.objects.known(self.as_of).select_related("province", "policy").prefetch_related("sources")

    @cached_property
    def counts(self) -> Mapping[int, BatchCount]:
        """Announced against recorded, by batch."""
        return {row.batch.pk: row for row in build_reconciliation(self.as_of)}


class Pilots(Resource):
    heading = gettext_lazy("Pilots")
    one = gettext_lazy("One pilot")
    about = gettext_lazy(
        "Cities, counties, parks and enterprises that are pilots on the day. withdrawn_on, where given, is a later day."
    )
    example, sample = "kind=park&batch=national-batch-1&ordering=name_zh", "huzhou"
    serializer_class = serializers.PilotSerializer
    filterset_class = filters.PilotFilter
    examples = {**EXAMPLES, "q": "湖州"}
    order = {
        "id": "pk",
        **{name: name for name in ("slug", "name_en", "name_zh", "kind", "prefecture_code", "term_start", "term_end")},
        "batch": "batch__slug",
        "province": "province__slug",
        "region": "province__region",
    }
    default_order = "batch,id"

    def get_queryset(self) -> QuerySet[Pilot]:
        rows = Pilot.objects.listed(self.as_of).select_related("batch", "province", "parent")
        return rows.prefetch_related("industries", "sources")


class CoverageOfIndustries(Aggregate):
    heading = gettext_lazy("Coverage of industries")
    about = gettext_lazy(
        "Which industries the pilots try on the day and which nobody does. A gap is an industry that national policy "
        "singles out and no recorded pilot names; “batches” says how many of the announced pilots are recorded. "
        "As CSV or XLSX: the industries, one row each; fields and omit then name its columns."
    )
    example = "level=national"
    serializer_class = serializers.CoverageSerializer
    row_serializer_class = serializers.IndustryCoverageSerializer
    file_name = "coverage"

    def own_parameters(self) -> Sequence[OpenApiParameter]:
        text = gettext_lazy("What the columns of the matrix are.")
        axis = parameter("by", text, "province", enum=AXES, default=AXES[0])
        return [*filter_parameters(filters.CoverageFilter, EXAMPLES), axis]

    @property
    def by(self) -> str:
        """The matrix's columns. Raises BadRequest for what is neither."""
        word = self.request.query_params.get("by", AXES[0])
        if word not in AXES:
            raise BadRequest(unknown_word("by", word, AXES))
        return word

    def build(self) -> Coverage:
        pilots = Pilot.objects.listed(self.as_of)
        return build_coverage(filtered(self.filterset(pilots)), self.as_of, by=self.by)

    def filterset(self, rows: QuerySet[Pilot]) -> filters.CoverageFilter:
        return filters.CoverageFilter(self.request.query_params, queryset=rows)

    def rows(self, value: Coverage) -> Iterable[Any]:
        return value.industries

    @property
    def batches(self) -> Sequence[BatchCount]:
        """The batches that the filter leaves. Of a province its own: national ones are not announced by province."""
        chosen = self.filterset(Pilot.objects.none()).form
        chosen.full_clean()
        wanted = chosen.cleaned_data
        rows = [
            row
            for row in build_reconciliation(self.as_of)
            if (not wanted["batch"] or row.batch == wanted["batch"])
            and (not wanted["level"] or row.batch.level == wanted["level"])
            and (not wanted["province"] or row.batch.province == wanted["province"])
        ]
        return [only_kind(row, wanted["kind"]) for row in rows]


def only_kind(row: BatchCount, kind: str) -> BatchCount:
    return BatchCount(row.batch, [item for item in row.kinds if not kind or item.kind == kind])


@dataclass(frozen=True)
class BatchKind:
    """One line of the overview's file."""

    batch: Batch
    kind: str
    label: str
    numbers: Reconciliation


class OverviewOfProgramme(Aggregate):
    heading = gettext_lazy("Overview")
    about = gettext_lazy(
        "The programme on the day: rollout, announced against recorded, coverage, pilots by province. "
        "As CSV or XLSX: announced against recorded, one row for each batch and kind; "
        "fields and omit then name its columns."
    )
    example = "as_of=2024-01-30"
    serializer_class = serializers.OverviewSerializer
    row_serializer_class = serializers.BatchKindSerializer
    file_name = "overview"

    def build(self) -> Overview:
        return build_overview(self.as_of)

    def rows(self, value: Overview) -> Iterable[BatchKind]:
        lines = ((row.batch, item) for row in value.batches for item in row.kinds)
        return [BatchKind(batch, item.kind, item.label, item.numbers) for batch, item in lines]
