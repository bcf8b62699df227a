"""Admin of documents: to look at, to correct titles, and to delete those that are not attached.

Files are uploaded, attached and removed on the pages of evidence files.
"""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.text import format_date, label_value
from pilots.admin.due import PrivateAdmin
from pilots.documents import readable, record_link
from pilots.models import Attachment, Document


@admin.register(Document)
class DocumentAdmin(PrivateAdmin):
    """ModelAdmin of documents, of which an editor reads those that `readable` says."""

    list_display = ["title", "kind_label", "file_size", "is_public", "province", "uploaded_at"]
    list_filter = ["is_public", "media_type"]
    search_fields = ["title", "doc_number", "file_name", "sha256"]
    list_select_related = ["province"]
    fields = ["title", "doc_number", "is_public", "file_link", "kind_label", "file_size", "sha256"]
    readonly_fields = ["file_link", "kind_label", "file_size", "sha256"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """None is added here: a document comes with its file."""
        return False

    def can_restore(self, request: HttpRequest, record: Any, rows: Any) -> bool:
        """The record of a deleted document comes back, since its file is kept."""
        if record is None:
            return bool(request.user.has_perm("pilots.add_document"))
        return super().can_restore(request, record, rows)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return readable(request.user, super().get_queryset(request))

    def protected_entry(self, record: Any) -> SafeString | str:
        """Say to what the document is attached, with a link, and since when no longer."""
        if not isinstance(record, Attachment):
            return super().protected_entry(record)
        link = format_html('<a href="{url}">{label}</a>', **record_link(record.target))
        line = format_html(label_value(_("Attached to"), "{}"), link)
        removed = _("removed on %(day)s") % {"day": format_date(record.removed_on)} if record.removed_on else ""
        return format_html("{} ({})", line, removed) if removed else line

    @admin.display(description=_("file name"))
    def file_link(self, record: Document) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("document-download", args=[record.pk]), record.file_name)
