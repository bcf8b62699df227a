"""FilterSets of the API lists of documents and attachments."""

from collections.abc import Mapping
from typing import Any, ClassVar

import django_filters
from django import forms
from django.utils.translation import gettext_lazy as _

from core.api.filters import COMPARISONS, DATE_LOOKUPS, ApiFilterSet
from core.web.filters import ChoiceFilter, SearchFilter
from pilots.models import Attachment, AttachmentRole


class NumberFilter(django_filters.CharFilter):
    """Filter by the number of a related record: `?reading=12`."""

    field_class = forms.RegexField
    openapi_schema: ClassVar[Mapping[str, object]] = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        invalid = _("Write the number of the record.")
        super().__init__(*args, regex=r"\A[1-9][0-9]{0,17}\Z", error_messages={"invalid": invalid}, **kwargs)


class AttachmentApiFilter(ApiFilterSet):
    q = SearchFilter("document__title", "document__doc_number", "document__file_name", "quote")
    purpose = ChoiceFilter(choices=AttachmentRole.choices, label="Purpose")
    document = NumberFilter(label="Document")
    source = NumberFilter(label="Source")
    reading = NumberFilter(label="Reading")
    milestone = NumberFilter(label="Milestone")
    stage_entry = NumberFilter(label="Stage")
    follow_up_step = NumberFilter(label="Step of a follow-up")
    practice = NumberFilter(label="Practice")
    effect = NumberFilter(label="Effect")
    adoption = NumberFilter(label="Adoption")
    as_of_fields = {"removed_on": "removed_then"}

    class Meta:
        model = Attachment
        fields = {"attached_on": COMPARISONS, "removed_on": DATE_LOOKUPS}
