"""Admin of editions: to look at them and their history. They are made, submitted and approved on their pages."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _

from core.admin.record_admin import RecordAdmin
from core.history.append_only import FROZEN_MESSAGE
from core.history.revert import Revert
from dashboard.models import Edition


@admin.register(Edition)
class EditionAdmin(RecordAdmin):
    list_display = ["quarter", "state", "approved_at", "sha256"]
    list_filter = ["state"]
    search_fields = ["quarter", "sha256"]
    fields = ["quarter", "state", "release_note_en", "release_note_zh", "approved_at", "sha256"]
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """None is added, changed or deleted here: its page has the checklist."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def can_revert(self, request: HttpRequest, restoration: Revert) -> bool:
        """A discarded draft comes back. Of others the page says why they do not."""
        return bool(request.user.has_perm("dashboard.change_edition"))

    def revert_errors(self, request: HttpRequest, restoration: Revert) -> Mapping[str, str]:
        if restoration.record is None:
            return super().revert_errors(request, restoration)
        own = _("Take the steps of an edition on its page.")
        return {"quarter": str(FROZEN_MESSAGE) if restoration.record.is_approved else own}
