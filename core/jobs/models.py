"""Models of background jobs. No row points at another table: they live in a database of their own (router.py)."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class JobState(models.TextChoices):
    WAITING = "waiting", pgettext_lazy("job", "waiting")
    RUNNING = "running", pgettext_lazy("job", "running")
    DONE = "done", pgettext_lazy("job", "done")
    FAILED = "failed", pgettext_lazy("job", "failed")
    CANCELLED = "cancelled", pgettext_lazy("job", "cancelled")
    BROKEN_OFF = "broken-off", pgettext_lazy("job", "broken off")


OPEN_STATES = (JobState.WAITING, JobState.RUNNING)


class Job(models.Model):
    """Background job: what to do for whom, how far it is, and what came of it.

    While it runs, its worker renews `lease_until`; a lease that has run out means that the worker is gone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=50)
    key = models.CharField(max_length=200, blank=True)  # at most one open job of a kind has it
    owner_id = models.BigIntegerField(null=True)  # id of a user; null: a schedule or a command
    owner_name = models.CharField(_("owner"), max_length=150, blank=True)
    language = models.CharField(max_length=10)  # of texts and result
    arguments = models.JSONField(_("arguments"), default=dict)
    state = models.CharField(_("state"), max_length=10, choices=JobState.choices, default=JobState.WAITING)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)  # 0: not known
    text = models.CharField(max_length=500, blank=True)
    error = models.TextField(pgettext_lazy("job", "error"), blank=True)  # in words, for the owner
    result = models.CharField(max_length=300, blank=True)  # name in the storage of files
    result_name = models.CharField(max_length=200, blank=True)  # under which it is downloaded
    link = models.CharField(max_length=300, blank=True)  # page of what the job made
    link_text = models.CharField(max_length=300, blank=True)
    worker = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    cancel_requested = models.BooleanField(default=False)
    created_at = models.DateTimeField(_("asked for at"), default=timezone.now)
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        permissions = [("oversee_job", _("Can see and cancel the jobs of all"))]
        indexes = [
            models.Index(fields=["state", "created_at"], name="job_queue"),
            models.Index(fields=["owner_id", "created_at"], name="job_of_owner"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key"], condition=Q(state__in=OPEN_STATES) & ~Q(key=""), name="job_key_once_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    def get_absolute_url(self) -> str:
        return reverse("job-detail", args=[self.pk])

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def owner(self) -> Any:
        """The user who asked for the job; None where it was nobody, or an account that is deleted."""
        return get_user_model()._default_manager.filter(pk=self.owner_id).first() if self.owner_id else None


class Schedule(models.Model):
    """When a scheduled kind was last enqueued."""

    kind = models.CharField(max_length=50, primary_key=True)
    last_run_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.kind


class WorkerBeat(models.Model):
    """Worker process that is alive: it renews `seen_at` every few seconds."""

    name = models.CharField(max_length=100, primary_key=True)
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name
