"""The background job of reminders: scheduled every 15 minutes, and failed where the mail server failed."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from core.jobs.models import Job
from core.jobs.queue import claim, enqueue
from core.jobs.schedules import TIMINGS, Timing
from core.jobs.worker import run_job
from dashboard.reminders import jobs
from dashboard.reminders.send import Outcome, send_digests
from pilots.models import Pilot
from policies.models import Province
from tests.dashboard.reminders.conftest import make_officer
from tests.factories import make_milestone
from tests.support.jobs import enqueued

pytestmark = pytest.mark.django_db(databases=["default", "jobs"])


def run(monkeypatch: pytest.MonkeyPatch, outcome: Outcome | None = None) -> Job:
    """Run the job on a Monday at 9:00, or with this outcome, and return it."""
    moment = datetime.fromisoformat("2026-06-08T09:00+08:00")
    monkeypatch.setattr(jobs, "send_digests", lambda _now: outcome or send_digests(moment))
    with enqueued():
        enqueue("remind", key="schedule")
    job = claim("worker")
    assert job
    run_job(job)
    return Job.objects.get()


def test_the_job_sends_what_is_owed(monkeypatch: pytest.MonkeyPatch, pilot: Pilot, jia: Province) -> None:
    make_officer("editor", jia)
    make_milestone(pilot, date(2026, 6, 15))
    done: Any = run(monkeypatch)
    assert (done.state, [message.to for message in mail.outbox]) == ("done", [["editor@example.org"]])
    assert TIMINGS["remind"] == Timing(timedelta(minutes=15), None)


def test_a_mail_server_that_fails_fails_the_job_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = run(monkeypatch, Outcome(failed=1, error="Connection refused"))
    assert (failed.state, failed.error) == (
        *("failed", "The mail server failed: Connection refused. What is owed is sent by a later run."),
    )
