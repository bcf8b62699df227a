"""Admin of background jobs, read-only: all jobs, those of schedules included."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.admin.record_admin import RecordChangeList
from core.jobs.models import Job
from core.jobs.registry import kind_label
from core.jobs.views import OVERSEE

TIMES = ("created_at", "started_at", "finished_at")


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):
    """Read-only admin of jobs; a job's own page cancels it and runs it again."""

    list_display = ["label", "state", "owner_name", "created_at", "finished_at", "attempts", "error", "page"]
    list_filter = ["state", "kind"]
    ordering = ["-created_at"]
    fields = ["label", "state", "owner_name", "arguments", *TIMES, "attempts", "error"]

    @admin.display(description=_("kind"), ordering="kind")
    def label(self, job: Job) -> str:
        return kind_label(job)

    @admin.display(description=_("Page"))
    def page(self, job: Job) -> SafeString:
        return format_html('<a href="{}">{}</a>', job.get_absolute_url(), _("Open"))

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return RecordChangeList

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(OVERSEE))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
