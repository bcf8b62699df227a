"""Filters of editions in the API."""

from core.api.filters import ApiFilterSet
from core.web.filters import SearchFilter
from dashboard.models import Edition


class EditionApiFilter(ApiFilterSet):
    q = SearchFilter("quarter", "release_note_en", "release_note_zh")

    class Meta:
        model = Edition
        fields = {"quarter": ["exact"]}
