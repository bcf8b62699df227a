"""Serializers of documents and attachments, to read and to write."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from core.api.serializers import DateValueField, RecordSerializer, api_url
from core.api.write_serializers import WriteSerializer
from pilots.models import Attachment, Document
from pilots.models.document import ATTACHABLE


class DocumentSerializer(RecordSerializer):
    uploaded_on = DateValueField(help_text="The day it was uploaded.")
    content = serializers.SerializerMethodField(help_text="The address of the file itself.")

    class Meta:
        model = Document
        fields = (
            *("id", "title", "doc_number", "file_name", "media_type", "file_size", "sha256", "page_count"),
            *("is_public", "province", "uploaded_on", "content", "page", "url"),
        )

    def get_content(self, record: Document) -> str:
        return f"{api_url(record, self.context['request'])}content/"


class AttachmentSerializer(RecordSerializer):
    """Related records by their id: exactly one of them is not null."""

    document = serializers.IntegerField(source="document_id", help_text="The document’s number.")
    removed_on = DateValueField(source="removed_then", help_text="The day it was removed; null while it is there.")

    class Meta:
        model = Attachment
        fields = (
            *("id", "document", *ATTACHABLE, "purpose", "page_number", "quote", "quote_page"),
            *("attached_on", "removed_on", "removed_reason", "page", "url"),
        )

    def get_fields(self) -> dict[str, Any]:
        help_text = "The record’s number; null for an attachment of another kind of record."
        targets = {
            name: serializers.IntegerField(source=f"{name}_id", read_only=True, allow_null=True, help_text=help_text)
            for name in ATTACHABLE
        }
        fields: dict[str, Any] = super().get_fields()
        return {name: targets.get(name, field) for name, field in fields.items()}

    def build_relational_field(self, field_name: str, relation_info: Any) -> tuple[Any, dict[str, Any]]:
        return serializers.IntegerField, {"read_only": True, "allow_null": True}


class AttachmentWriteSerializer(WriteSerializer):
    """`removed_reason` removes it; nothing else of an attachment is ever changed."""

    model = Attachment
    EXTRA_FIELDS = ("removed_reason",)
