"""The job that sends reminders: workers run it every 15 minutes, as `manage.py remind` does."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.jobs.registry import RunningJob, job_kind
from core.jobs.running import JobFailed
from core.jobs.schedules import schedule
from dashboard.reminders.send import send_digests


@job_kind("remind", label=_("Reminders by mail"), repeatable=True)
def remind(job: RunningJob) -> None:
    """Send the digests that are owed. A mail server that fails fails the job; the next one tries again."""
    outcome = send_digests(timezone.now())
    job.progress(outcome.sent, outcome.sent + outcome.failed)
    if outcome.error:
        text = _("The mail server failed: %(error)s. What is owed is sent by a later run.")
        raise JobFailed(text % {"error": outcome.error})


schedule("remind", every=timedelta(minutes=15))
