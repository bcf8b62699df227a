"""App configuration of django-tasks-db in the words of the product."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_tasks_db.apps import TasksAppConfig

LABELS = {
    "task_path": _("kind"),
    "status": _("state"),
    "args_kwargs": _("arguments"),
    "enqueued_at": _("asked for at"),
    "started_at": _("started at"),
    "finished_at": _("ended at"),
    "worker_ids": _("attempts"),
    "traceback": pgettext_lazy("job", "error"),
}


class TasksConfig(TasksAppConfig):
    verbose_name: Any = _("Background jobs")

    def ready(self) -> None:
        """Give the library's model labels that have a Chinese translation."""
        super().ready()
        options: Any = self.get_model("DBTaskResult")._meta
        options.verbose_name, options.verbose_name_plural = _("job"), _("jobs")
        for name, label in LABELS.items():
            options.get_field(name).verbose_name = label
