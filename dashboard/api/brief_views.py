"""API views of briefs: their subjects, and one brief with the texts of its page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import query_params
from core.api.openapi.schema import ApiAutoSchema
from core.api.viewsets import AggregateView, BaseAPIView
from dashboard.api.brief_serializers import BriefIndex, BriefIndexSerializer, BriefRefSerializer, BriefSerializer
from dashboard.briefs.addresses import SINCE, requested_since
from dashboard.briefs.blocks import as_data
from dashboard.briefs.build import BriefKind, build_brief
from dashboard.briefs.index import Subject, subject_groups

NATION_ACTION = "nation"


class BriefIndexView(AggregateView):
    heading = gettext_lazy("Briefs")
    about = gettext_lazy(
        "The subjects of briefs on the day: the nation, batches, provinces, pilots, policies and indicators, each with "
        "the address of its brief. As CSV or XLSX: one row for each."
    )
    serializer_class = BriefIndexSerializer
    row_serializer_class = BriefRefSerializer
    file_name = "briefs"

    def build(self) -> BriefIndex:
        groups = subject_groups(self.as_of, "")
        return BriefIndex(self.as_of, [subject for group in groups for subject in group.subjects])

    def file_rows(self, value: BriefIndex) -> Iterable[Subject]:
        return value.briefs


class BriefSchema(ApiAutoSchema):
    """Schema of one brief: kind and slug in its address."""

    def path_parameters(self) -> list[OpenApiParameter]:
        if self.view.action == NATION_ACTION:
            return []
        kinds = [kind for kind in BriefKind if kind != BriefKind.NATION]
        return [
            OpenApiParameter("kind", location=OpenApiParameter.PATH, description=_("The kind of subject."), enum=kinds),
            OpenApiParameter(
                "slug",
                {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"},
                OpenApiParameter.PATH,
                description=_("Its slug, or the indicator’s code; empty for the nation."),
            ),
        ]


class BriefView(BaseAPIView):
    heading = detail_heading = gettext_lazy("One brief")
    about = gettext_lazy("The texts of a brief in the reader’s language, as its page and its files have them.")
    renderer_classes = [JSONRenderer]
    schema = BriefSchema()
    serializer_class = BriefSerializer
    action = "read"
    cache_responses = False  # it says when it was made

    def get_serializer(self) -> BriefSerializer:
        """Return the serializer for the OpenAPI schema."""
        return self.serializer_class()

    def parameters(self) -> Sequence[OpenApiParameter]:
        text = gettext_lazy("The day to compare with, before as_of. Without it: the end of the last quarter before.")
        return [
            OpenApiParameter(SINCE, OpenApiTypes.DATE, description=text),
            *query_params.common_parameters(self.formats()),
        ]

    def get(self, request: Request, kind: str = BriefKind.NATION, slug: str = "") -> Response:
        plain: Any = request._request  # noqa: SLF001  # DRF wraps Django's request
        language = get_language() or settings.LANGUAGE_CODE
        site = request.build_absolute_uri("/").removesuffix("/")
        try:
            brief = build_brief(kind, slug, self.as_of, plain.known, requested_since(plain), language, site)
        except ObjectDoesNotExist:
            raise Http404 from None
        return Response(as_data(brief))
