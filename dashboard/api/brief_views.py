"""API views of briefs: their subjects, and one brief with the texts of its page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404
from django.utils.translation import get_language, gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.viewsets import AggregateView, BaseAPIView
from dashboard.api.brief_serializers import BriefIndex, BriefIndexSerializer, BriefRefSerializer, BriefSerializer
from dashboard.briefs.build import SINCE, BriefKind, Subject, build_brief, requested_since, subject_groups

NATION_ACTION = "nation"


class BriefIndexView(AggregateView):
    heading = gettext_lazy("Briefs")
    about = (
        "The subjects of briefs on the day: the nation, batches, provinces and pilots, each with the address of "
        "its brief. As CSV or XLSX: one row for each."
    )
    serializer_class = BriefIndexSerializer
    row_serializer_class = BriefRefSerializer
    file_name = "briefs"

    def build(self) -> BriefIndex:
        groups = subject_groups(self.as_of, "")
        return BriefIndex(self.as_of, [subject for _kind, _label, subjects in groups for subject in subjects])

    def file_rows(self, value: BriefIndex) -> Iterable[Subject]:
        return value.briefs


class BriefView(BaseAPIView):
    heading = gettext_lazy("One brief")
    about = "The texts of a brief in the reader’s language, as its page and its files have them."
    renderer_classes = [JSONRenderer]
    serializer_class = BriefSerializer
    action = "read"
    cache_responses = False  # it says when it was made

    own_parameters = [
        OpenApiParameter(
            SINCE,
            OpenApiTypes.DATE,
            description="The day to compare with, before as_of. Without it: the end of the last quarter before.",
        )
    ]

    def get(self, request: Request, kind: str = BriefKind.NATION, slug: str = "") -> Response:
        plain: Any = request._request  # noqa: SLF001  # DRF wraps Django's request
        language = get_language() or settings.LANGUAGE_CODE
        site = request.build_absolute_uri("/").removesuffix("/")
        try:
            brief = build_brief(kind, slug, self.as_of, plain.known, requested_since(plain), language, site)
        except ObjectDoesNotExist:
            raise Http404 from None
        return Response(brief)
