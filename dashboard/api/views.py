"""API views of the overview and of editions."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter

from core.api.filters import ApiFilterSet
from core.api.viewsets import AggregateView, RecordViewSet
from core.web.filters import SearchFilter
from dashboard.analytics.overview import Overview, build_overview
from dashboard.api.serializers import BatchKindRow, BatchKindSerializer, EditionSerializer, OverviewSerializer
from dashboard.editions.content import content_of
from dashboard.models import Edition, EditionState
from policies.rollout import POLICY_PARAMETER


class OverviewView(AggregateView):
    heading = gettext_lazy("Overview")
    about = (
        "The programme on the day: rollout, announced against recorded, coverage, pilots by province. "
        "As CSV or XLSX: announced against recorded, one row for each batch and kind."
    )
    serializer_class = OverviewSerializer
    row_serializer_class = BatchKindSerializer
    file_name = "overview"

    own_parameters = [
        OpenApiParameter("policy", description="Whose plans are counted, by its code. Without it: the lead policy.")
    ]

    def build(self) -> Overview:
        return build_overview(self.as_of, self.request.query_params.get(POLICY_PARAMETER))

    def file_rows(self, value: Overview) -> Iterable[BatchKindRow]:
        lines = ((row.batch, item) for row in value.batches for item in row.kinds)
        return [BatchKindRow(batch, item.kind, item.label, item.numbers) for batch, item in lines]


class EditionApiFilter(ApiFilterSet):
    q = SearchFilter("quarter", "release_note_en", "release_note_zh")

    class Meta:
        model = Edition
        fields = {"quarter": ["exact"]}


class EditionViewSet(RecordViewSet):
    heading = gettext_lazy("Editions")
    about = (
        "Approved editions, as they were approved: they are read only and never change. The files are below the "
        "edition’s page, at files/ and the path."
    )
    serializer_class = EditionSerializer
    filterset_class = EditionApiFilter
    lookup_field = "quarter"
    lookup_value_regex = "[12][0-9]{3}-Q[1-4]"
    ordering_fields = ("quarter", "approved_at", "id")
    default_ordering = "-quarter"
    queryset = Edition.objects.filter(state=EditionState.APPROVED)

    def visible_as_of(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(approved_at__date__lte=self.as_of)

    def annotate_as_of(self, record: Any) -> Any:
        record.published = content_of(record)
        return record
