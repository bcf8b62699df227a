"""API view of the overview."""

from collections.abc import Iterable, Sequence

from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter

from core.api.viewsets import AggregateView
from dashboard.analytics.overview import Overview, build_overview
from dashboard.api.serializers import BatchKindRow, BatchKindSerializer, OverviewSerializer
from policies.analytics.rollout import POLICY_PARAMETER


class OverviewView(AggregateView):
    heading = gettext_lazy("Overview")
    about = gettext_lazy(
        "The programme on the day: rollout, announced against recorded, coverage, pilots by province. "
        "As CSV or XLSX: announced against recorded, one row for each batch and kind; "
        "fields and omit then name its columns."
    )
    serializer_class = OverviewSerializer
    row_serializer_class = BatchKindSerializer
    file_name = "overview"

    def own_parameters(self) -> Sequence[OpenApiParameter]:
        text = gettext_lazy(
            "Whose provincial plans the rollout counts, by its code: a national policy that calls for them. "
            "Without it: the lead policy."
        )
        return [OpenApiParameter("policy", description=text)]

    def build(self) -> Overview:
        return build_overview(self.as_of, self.request.query_params.get(POLICY_PARAMETER))

    def file_rows(self, value: Overview) -> Iterable[BatchKindRow]:
        lines = ((row.batch, item) for row in value.batches for item in row.kinds)
        return [BatchKindRow(batch, item.kind, item.label, item.numbers) for batch, item in lines]
