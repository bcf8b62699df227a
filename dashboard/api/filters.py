"""Filters of editions in the API."""

from core.api.filters import ApiFilterSet
from dashboard.models import Edition


class EditionApiFilter(ApiFilterSet):
    class Meta:
        model = Edition
        fields = {"quarter": ["exact"]}
