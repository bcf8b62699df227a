"""Admin of the toolkit's own records, which nobody edits: background jobs, and seed records."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django_tasks_db.models import DBTaskResult

from core.admin.record_admin import RecordChangeList
from core.seed.models import SeedRecord


class ReadOnlyAdmin(admin.ModelAdmin):
    """ModelAdmin without forms to add, change or delete."""

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return RecordChangeList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(SeedRecord)
class SeedRecordAdmin(ReadOnlyAdmin):
    """Read-only admin of seed records: the loader compares with them, nobody edits them."""

    list_display = ["key", "kind", "record_id", "loaded_at"]
    list_filter = ["kind"]
    search_fields = ["key"]


admin.site.unregister(DBTaskResult)


@admin.register(DBTaskResult)
class JobAdmin(ReadOnlyAdmin):
    """Read-only admin of background jobs, for administrators; each is shown on the page of its record as well."""

    list_display = ["task_path", "status", "enqueued_at", "finished_at"]
    list_filter = ["status"]
    ordering = ["-enqueued_at"]
    fields = [
        "task_path",
        "args_kwargs",
        "status",
        "enqueued_at",
        "started_at",
        "finished_at",
        "worker_ids",
        "traceback",
    ]
