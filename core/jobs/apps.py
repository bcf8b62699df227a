"""App configurations of background jobs: of their former tables, and of django-tasks-db in the words of the product."""

from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_tasks_db.apps import TasksAppConfig

STATES = [
    ("READY", pgettext_lazy("job", "waiting")),
    ("RUNNING", pgettext_lazy("job", "running")),
    ("SUCCESSFUL", pgettext_lazy("job", "done")),
    ("FAILED", pgettext_lazy("job", "failed")),
]
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


class JobsConfig(AppConfig):
    """App whose migrations drop the tables of former releases: an archive of one of them is restored and migrated."""

    name = "core.jobs"
    label = "jobs"
    default = True


class TasksConfig(TasksAppConfig):
    verbose_name: Any = _("Background jobs")

    def ready(self) -> None:
        """Give the library's model labels that have a Chinese translation."""
        super().ready()
        options: Any = self.get_model("DBTaskResult")._meta
        options.verbose_name, options.verbose_name_plural = _("job"), _("jobs")
        for name, label in LABELS.items():
            options.get_field(name).verbose_name = label
        options.get_field("status").choices = STATES
