"""Admin of editions, of days off, and of the reminders that were sent to a user.

Editions are looked at here, with their history. They are made, submitted and approved on their pages.
"""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse

from accounts.admin import PersonAdmin
from core.admin.record_admin import ReadOnlyMixin, RecordAdmin, RecordChangeList
from core.days import today
from dashboard.models import Edition, MailSettings, WorkingCalendar, WorkingDay


@admin.register(Edition)
class EditionAdmin(ReadOnlyMixin, RecordAdmin):
    list_display = ["quarter", "state", "approved_at", "sha256"]
    list_filter = ["state"]
    search_fields = ["quarter", "sha256"]
    fields = ["quarter", "state", "release_note_en", "release_note_zh", "approved_at", "sha256"]
    readonly_fields = fields

    def can_restore(self, request: HttpRequest, *args: object) -> bool:
        """A discarded draft comes back. Of others the page says why they do not."""
        return bool(request.user.has_perm("dashboard.change_edition"))


@admin.register(WorkingDay)
class WorkingDayAdmin(admin.ModelAdmin):
    """Days off and make-up working days: a year is known once it has a row."""

    list_display = ["day", "kind", "name"]
    list_filter = ["kind"]
    date_hierarchy = "day"
    fields = ["day", "kind", "name"]

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> Any:
        return RecordChangeList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Say which of this year and the next is not on record."""
        calendar, year = WorkingCalendar(), today().year
        for text in filter(None, map(calendar.unknown_year_text, (year, year + 1))):
            messages.warning(request, text)
        return super().changelist_view(request, extra_context)


# -- on the page of a user -------------------------------------------------------------------------------


class MailSettingsInline(ReadOnlyMixin, admin.TabularInline):
    """Rhythm and language of a user's mail, and the address that was refused: emptied here, it is tried again."""

    model = MailSettings
    extra = 0
    fields = ("rhythm", "language", "refused_address")
    readonly_fields = ("rhythm", "language")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("auth.change_user"))


PersonAdmin.inlines = [*PersonAdmin.inlines, MailSettingsInline]
