"""API of evidence files: documents, uploaded once, and attachments of them to records."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import django_filters
from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import DateField, QuerySet, Value
from django.db.models.functions import Least, TruncDate
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from core.api.filters import COMPARISONS, DATE_LOOKUPS, ApiFilterSet, api_filterset
from core.api.schema import ApiAutoSchema
from core.api.serializers import DateValueField, ProblemSerializer, RecordSerializer, api_url
from core.api.viewsets import BaseAPIView
from core.api.write_serializers import WriteSerializer, field_error
from core.api.writes import WritableViewSet
from core.days import today
from core.errors import PROBLEM_JSON
from core.files import CheckedFile, check_file
from core.tables import SearchFilter
from pilots.documents import attach, can_read, file_response, readable, remove, store_document
from pilots.filters import DocumentFilter
from pilots.models import Attachment, Document
from pilots.models.document import ATTACHABLE

MULTIPART = "multipart/form-data"


class DocumentSerializer(RecordSerializer):
    uploaded_on = DateValueField(help_text="The day it was uploaded.")
    content = serializers.SerializerMethodField(help_text="The address of the file itself.")

    class Meta:
        model = Document
        fields = (
            *("id", "title", "doc_number", "file_name", "media_type", "file_size", "sha256"),
            *("is_public", "province", "uploaded_on", "content", "page", "url"),
        )

    def get_content(self, record: Document) -> str:
        return f"{api_url(record, self.context['request'])}content/"


class AttachmentSerializer(RecordSerializer):
    """Related records by their id: exactly one of them is not null."""

    document = serializers.IntegerField(source="document_id", help_text="The document’s number.")
    removed_on = DateValueField(help_text="The day it was removed; null while it is there.")

    class Meta:
        model = Attachment
        as_of = ("removed_on",)
        fields = (
            *("id", "document", *ATTACHABLE, "page_number", "quote"),
            *("attached_on", "removed_on", "removed_reason", "page", "url"),
        )

    def build_relational_field(self, field_name: str, relation_info: Any) -> tuple[Any, dict[str, Any]]:
        text = "The record’s number; null for an attachment of another kind of record."
        source = {"source": f"{field_name}_id", "help_text": text}
        return serializers.IntegerField, {"read_only": True, "allow_null": True, **source}


class AttachmentWriteSerializer(WriteSerializer):
    """`removed_reason` removes it; nothing else of an attachment is ever changed."""

    EXTRA_FIELDS = ("removed_reason",)


class NumberFilter(django_filters.CharFilter):
    """Filter by the number of a related record: `?reading=12`."""

    field_class = forms.RegexField
    openapi_schema: ClassVar[Mapping[str, object]] = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        invalid = gettext_lazy("Write the number of the record.")
        super().__init__(*args, regex=r"\A[1-9][0-9]{0,17}\Z", error_messages={"invalid": invalid}, **kwargs)


class AttachmentApiFilter(ApiFilterSet):
    q = SearchFilter("document__title", "document__doc_number", "document__file_name", "quote")
    document = NumberFilter(label="Document")
    reading = NumberFilter(label="Reading")
    milestone = NumberFilter(label="Milestone")
    stage_entry = NumberFilter(label="Stage")
    follow_up_step = NumberFilter(label="Step of a follow-up")
    as_of_fields = {"removed_on": "removed_then"}

    class Meta:
        model = Attachment
        fields = {"attached_on": COMPARISONS, "removed_on": DATE_LOOKUPS}


class DocumentSchema(ApiAutoSchema):
    """A document is sent as a form with its file."""

    def _get_request_body(self, direction: object = "request") -> dict[str, object] | None:
        if self.action != "create":
            return super()._get_request_body(direction)
        texts = {name: {"type": "string"} for name in ("title", "doc_number")}
        fields = {"file": {"type": "string", "format": "binary"}, **texts, "is_public": {"type": "boolean"}}
        shape = {"type": "object", "required": ["file"], "properties": fields}
        return {"required": True, "content": {MULTIPART: {"schema": shape}}}


class DocumentViewSet(WritableViewSet):
    heading = gettext_lazy("Documents")
    about = (
        "Evidence files that you may read: public ones, and with an editor’s token those of the province. POST sends "
        "one file as multipart/form-data; the same bytes again are refused with 409, which names the document."
    )
    schema = DocumentSchema()
    serializer_class = DocumentSerializer
    filterset_class = api_filterset(DocumentFilter, DocumentSerializer, "sha256")
    ordering_fields = ("id", "title", "media_type", "file_size", "uploaded_on")
    default_ordering = "id"

    def base_queryset(self) -> QuerySet[Any]:
        # by the clock, which a demonstration lets run past the day that it calls today
        day = Least(TruncDate("uploaded_at"), Value(today(), DateField()))
        return Document.objects.annotate(uploaded_on=day).select_related("province")

    def visible_as_of(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return readable(self.request.user, rows.filter(uploaded_on__lte=self.as_of))

    def check_target(self, record: Any, data: Mapping[str, Any]) -> None:
        super().check_target(record, data)
        if record.pk and not can_read(self.request.user, record):
            raise Http404

    def parse_records(self, request: Request) -> list[Mapping[str, Any]]:
        """Return the fields of an upload, its file under `file file`; other bodies are JSON."""
        if request.method != "POST":
            return super().parse_records(request)
        self.many = False
        plain: Any = request._request  # noqa: SLF001  # parsed by Django, within the limits of its upload handlers
        if plain.content_type != MULTIPART:
            raise UnsupportedMediaType(plain.content_type, _("Send the file as multipart/form-data, in “file”."))
        data: dict[str, Any] = plain.POST.dict()
        if data.get("is_public") in {"true", "false"}:
            data["is_public"] = data["is_public"] == "true"
        return [{**data, **{f"file {name}": file for name, file in plain.FILES.items()}}]

    def create(self, request: Request) -> HttpResponse:
        """Check the file before the transaction, in which others would wait; its faults are reported in it."""
        plain: Any = request._request  # noqa: SLF001  # DRF wraps Django's request
        upload = plain.FILES.get("file") if plain.content_type == MULTIPART else None
        self.checked: CheckedFile | ValidationError | None = None
        try:
            self.checked = check_file(upload.name or "", upload) if upload else None
        except ValidationError as exc:
            self.checked = exc
        return super().create(request)

    def create_one(self, record: Any, data: Mapping[str, Any]) -> Any:
        """Store the file. Raises ValidationError for one that may not be kept, Problem for bytes that are there
        already.
        """
        if self.checked is None:
            raise ValidationError({"file": ValidationError(_("Send the file."), code="required")})
        fields = {name: value for name, value in data.items() if name != "file file"}
        named = {**fields, "title": data.get("title") or data["file file"].name}
        given = self.validate_record(record, named)
        values: dict[str, Any] = {**given.values, "title": data.get("title", "")}
        if isinstance(self.checked, ValidationError):
            raise self.checked
        document, is_new = store_document(self.checked, by=cast(User, self.request.user), reason=given.reason, **values)
        if is_new:
            return document
        if not can_read(self.request.user, document):  # it is named only to those who may read it
            text = _("Another province has uploaded the same bytes. Attach the file on the record’s page.")
            raise field_error("/file", "same", text, status=409)
        text = _("The same bytes are here already, as document %(id)d. Attach that one.") % {"id": document.pk}
        raise field_error("/file", "same", text, status=409, headers={"Location": api_url(document, self.request)})


class AttachmentViewSet(WritableViewSet):
    heading = gettext_lazy("Attachments")
    about = (
        "Where the documents that you may read are attached, with page and quote; removed ones with the reason. POST "
        "names the document and one record. PATCH with removed_reason removes it; nothing else of it is changed."
    )
    queryset = Attachment.objects.select_related("document")
    serializer_class = AttachmentSerializer
    write_serializer_class = AttachmentWriteSerializer
    filterset_class = AttachmentApiFilter
    http_method_names = ["get", "head", "options", "post", "patch"]
    ordering_fields = ("id", "document", "attached_on")
    default_ordering = "id"

    def visible_as_of(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        seen = readable(self.request.user, Document.objects.all()).order_by()
        return rows.filter(attached_on__lte=self.as_of, document__in=seen)

    def check_target(self, record: Any, data: Mapping[str, Any]) -> None:
        super().check_target(record, data)
        if record.pk and not can_read(self.request.user, record.document):
            raise Http404

    def create_one(self, record: Any, data: Mapping[str, Any]) -> Any:
        """Attach a document to the one record that is named."""
        values = dict(self.validate_record(record, data).values)
        targets = [value for name in ATTACHABLE if (value := values.get(name)) is not None]
        document = values["document"]
        if len(targets) != 1:
            text = _("A file is attached to one record at a time.")
            raise ValidationError({next(iter(ATTACHABLE)): ValidationError(text, code="one_target")})
        if not can_read(self.request.user, document):
            text = _("There is no such record.")
            raise ValidationError({"document": ValidationError(text, code="not_on_record")})
        how = {name: values[name] for name in ("page_number", "quote")}
        return attach(document, targets[0], by=cast(User, self.request.user), **how)

    def update_one(self, record: Any, data: Mapping[str, Any]) -> Any:
        """Remove the attachment, with the reason."""
        values = dict(self.validate_change(record, data).values)
        reason = values.pop("removed_reason", record.removed_reason)
        fixed = [name for name, value in values.items() if getattr(record, name) != value]
        if fixed:
            text = _("This of an attachment stays as it is. Remove it with removed_reason, and attach the file anew.")
            raise ValidationError({name: ValidationError(text, code="fixed") for name in fixed})
        if reason == record.removed_reason and record.removed_on:
            return record
        return remove(record, by=cast(User, self.request.user), reason=reason)


class ContentSchema(ApiAutoSchema):
    """The response is the file."""

    def get_response_serializers(self) -> dict[Any, Any]:  # type: ignore[override]
        missing = OpenApiResponse(ProblemSerializer, description="The record is here, but its file is missing.")
        file = {(200, "application/octet-stream"): OpenApiTypes.BINARY}
        return {**file, (410, PROBLEM_JSON): missing, **self.error_responses()}


class DocumentContentView(BaseAPIView):
    heading = gettext_lazy("The file of a document")
    about = "Its bytes, as they were uploaded. The ETag is their SHA-256 in quotes."
    schema = ContentSchema()
    action = "content"

    def formats(self) -> Sequence[str]:
        return ["json"]

    def get(self, request: Request, pk: str) -> HttpResponseBase:
        document = get_object_or_404(readable(request.user, Document.objects.all()), pk=int(pk))
        return file_response(request._request, document)  # noqa: SLF001  # DRF wraps Django's request
