"""The queue and the worker: what runs, in which state it ends, what is taken back, and schedules."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone, translation

from core.files.store import list_folder
from core.jobs import schedules
from core.jobs.models import Job, JobState, Schedule, WorkerBeat
from core.jobs.queue import cancel, claim, close, enqueue, lacks_worker, run_again, take_back
from core.jobs.registry import JobKind, job_kind
from core.jobs.running import JobFailed, RunningJob
from core.jobs.schedules import Timing, enqueue_due
from core.jobs.worker import run_job
from tests.support.jobs import enqueued, jobs_done, kinds, run_jobs

pytestmark = pytest.mark.django_db(databases=["default", "jobs"])


def count_up(job: RunningJob, to: int = 3) -> None:
    for number in range(to + 1):
        job.progress(number, to, f"number {number}")


def fail(_job: RunningJob) -> None:
    raise JobFailed("There is no such file. Upload it again.")


def crash(_job: RunningJob) -> None:
    raise ZeroDivisionError("secret of the code")


def attach_twice(job: RunningJob) -> None:
    job.attach(io.BytesIO(b"first"), "first.txt")
    job.attach(io.BytesIO(b"second"), "names.zip")


@pytest.fixture(autouse=True)
def test_kinds() -> Iterator[None]:
    with kinds(
        JobKind("count", "Count", count_up, repeatable=True),
        JobKind("once", "Once", count_up, repeatable=False),
        JobKind("fail", "Fail", fail, repeatable=True),
        JobKind("crash", "Crash", crash, repeatable=True),
        JobKind("attach", "Attach", attach_twice, repeatable=True),
    ):
        yield


def only_job() -> Job:
    return Job.objects.get()


def states() -> list[tuple[str, str]]:
    return list(Job.objects.order_by("created_at").values_list("kind", "state"))


# -- running ---------------------------------------------------------------------------------------------


def test_the_worker_runs_waiting_jobs_in_order_and_ends_when_none_waits() -> None:
    with enqueued():
        enqueue("count", to=5)
        enqueue("fail")
    call_command("worker", "--until-empty")
    first, second = Job.objects.order_by("created_at")
    assert (first.state, first.done, first.total, first.text, first.error) == ("done", 5, 5, "number 5", "")
    assert (second.state, second.error) == ("failed", "There is no such file. Upload it again.")
    assert [job.attempts for job in (first, second)] == [1, 1]
    assert first.started_at is not None
    assert first.finished_at is not None
    assert not WorkerBeat.objects.exists()


def test_a_crash_is_told_in_the_owner_s_language_without_what_the_code_said() -> None:
    with translation.override("zh-hans"), enqueued():
        enqueue("crash")
    run_jobs()
    job = only_job()
    assert (job.state, job.language) == ("failed", "zh-hans")
    assert job.error == "这项任务未能完成。原因见服务器日志，以任务编号查找。"


def test_a_result_file_replaces_the_former_one() -> None:
    before = set(list_folder(default_storage, "jobs")[1])
    with jobs_done():
        enqueue("attach")
    job = only_job()
    assert (job.state, job.result_name) == ("done", "names.zip")
    assert set(list_folder(default_storage, "jobs")[1]) - before == {job.result.removeprefix("jobs/")}
    with default_storage.open(job.result) as file:
        assert file.read() == b"second"
    default_storage.delete(job.result)


# -- the queue -------------------------------------------------------------------------------------------


def test_a_job_exists_once_its_transaction_commits() -> None:
    with enqueued():
        with transaction.atomic():
            enqueue("count")
            assert not Job.objects.exists()
        with transaction.atomic():
            enqueue("once")
            transaction.set_rollback(True)
    assert states() == [("count", "waiting")]


def test_a_key_is_open_once() -> None:
    with enqueued():
        first = enqueue("count", key="nightly")
    with enqueued():
        assert enqueue("count", key="nightly") == first
        other = enqueue("once", key="nightly")
    with enqueued():  # both are asked for before either is inserted
        enqueue("fail", key="nightly")
        enqueue("fail", key="nightly")
    assert states() == [("count", "waiting"), ("once", "waiting"), ("fail", "waiting")]
    run_jobs()
    with enqueued():
        assert enqueue("once", key="nightly") != other


def test_an_unknown_kind_is_refused_and_one_of_another_release_waits() -> None:
    with pytest.raises(ValueError, match="no kind of job 'nothing'"):
        enqueue("nothing")
    Job.objects.create(kind="of-the-next-release", language="en")
    run_jobs()
    assert states() == [("of-the-next-release", "waiting")]


def test_two_modules_cannot_register_one_name() -> None:
    def run(_job: RunningJob) -> None: ...

    run.__module__ = "elsewhere.jobs"
    with pytest.raises(ValueError, match="two kinds of jobs have the name 'count'"):
        job_kind("count", label="Count")(run)


def test_cancelling_a_waiting_job_ends_it_and_a_running_one_at_its_next_report() -> None:
    with enqueued():
        waiting, running = enqueue("count", to=1), enqueue("count", to=2)
    cancel(waiting)
    job = claim("worker")
    assert job == running
    cancel(running)
    run_job(job)
    assert states() == [("count", "cancelled"), ("count", "cancelled")]
    assert list(Job.objects.order_by("created_at").values_list("done", flat=True)) == [0, 0]


def test_running_again_asks_for_the_same() -> None:
    with jobs_done():
        enqueue("fail")
    with translation.override("zh-hans"), enqueued():
        again = run_again(only_job())
    assert (again.kind, again.state, again.arguments, again.language) == ("fail", "waiting", {}, "en")


# -- when a worker is gone -------------------------------------------------------------------------------


def lose_worker() -> Job:
    """Claim a job, and let its lease run out."""
    job = claim("dead")
    assert job
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    return job


def test_a_repeatable_job_is_taken_up_again_at_most_three_times() -> None:
    with enqueued():
        enqueue("count")
    for _attempt in range(2):
        lose_worker()
        assert [job.state for job in take_back()] == ["running"]
        assert only_job().state == JobState.WAITING
    lose_worker()
    take_back()
    job = only_job()
    assert (job.state, job.attempts) == ("broken-off", 3)
    assert job.error == "The process that ran this job ended in the middle of it. Check what it did, then run it again."


def test_another_job_is_told_as_broken_off_and_a_cancelled_one_as_cancelled() -> None:
    with enqueued():
        enqueue("once")
        enqueue("once")
    lose_worker()
    cancel(lose_worker())
    take_back()
    assert states() == [("once", "broken-off"), ("once", "cancelled")]


def test_a_job_with_a_lease_stays_with_its_worker() -> None:
    with enqueued():
        enqueue("once")
    claim("alive")
    assert take_back() == []
    assert only_job().state == JobState.RUNNING


def test_a_worker_that_lost_its_job_changes_it_no_more() -> None:
    with enqueued():
        enqueue("count")
    late = lose_worker()
    take_back()
    second = claim("second")
    assert second
    run_job(late)
    assert not close(late, JobState.FAILED, "late")
    assert (only_job().state, only_job().worker, only_job().done) == ("running", "second", 0)


def test_a_worker_that_has_to_stop_gives_a_repeatable_job_back_and_finishes_another() -> None:
    with enqueued():
        enqueue("once")
        enqueue("count")
    for _job in range(2):
        job = claim("stopping")
        assert job
        run_job(job, lambda: True)
    finished, given_back = Job.objects.order_by("created_at")
    assert (given_back.state, given_back.attempts, given_back.worker) == ("waiting", 0, "")
    assert finished.state == JobState.DONE


@pytest.mark.parametrize(
    ("waited", "seen", "lacks"), [(61, None, True), (61, 61, True), (61, 59, False), (59, None, False)]
)
def test_when_the_site_lacks_a_worker(waited: int, seen: int | None, lacks: bool) -> None:
    now = timezone.now()
    Job.objects.create(kind="count", language="en", created_at=now - timedelta(minutes=waited))
    if seen:
        WorkerBeat.objects.create(name="worker", seen_at=now - timedelta(minutes=seen))
    assert lacks_worker() == lacks


# -- schedules -------------------------------------------------------------------------------------------


@pytest.fixture
def nightly(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], list[str]]:
    """A look at the one schedule, daily at 02:30 in Shanghai, at an instant."""
    monkeypatch.setattr(schedules, "TIMINGS", {"count": Timing(None, time(2, 30))})

    def look(now: datetime) -> list[str]:
        monkeypatch.setattr(timezone, "now", lambda: now)
        with enqueued():
            return enqueue_due()

    return look


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=timezone.get_default_timezone()).astimezone(UTC)


def test_a_daily_job_is_enqueued_once_a_day_and_missed_days_are_made_up_once(nightly: Any) -> None:
    assert nightly(at(20, 12)) == []  # begins to count
    assert nightly(at(21, 2, 29)) == []
    assert nightly(at(21, 2, 30)) == ["count"]
    assert nightly(at(21, 2, 31)) == []
    assert nightly(at(25, 9)) == ["count"]  # for four nights without a worker
    assert nightly(at(25, 10)) == []
    assert states() == [("count", "waiting")]  # the first still waits


def test_a_clock_that_is_set_back_runs_nothing_twice_and_misses_nothing(nightly: Any) -> None:
    nightly(at(20, 12))
    assert nightly(at(21, 2, 40)) == ["count"]
    assert nightly(at(21, 2, 20)) == []
    assert nightly(at(21, 2, 50)) == []
    assert nightly(at(22, 2, 30)) == ["count"]


def test_a_schedule_whose_last_run_is_more_than_a_period_ahead_begins_anew(nightly: Any) -> None:
    Schedule.objects.create(kind="count", last_run_at=at(30, 12))
    assert nightly(at(20, 12)) == []
    assert Schedule.objects.get().last_run_at == at(20, 12)
    assert nightly(at(21, 2, 30)) == ["count"]


def test_every_so_often_counts_from_the_last_run() -> None:
    timing = Timing(timedelta(minutes=15), None)
    assert [timing.is_due(at(20, 12), at(20, 12, minute)) for minute in (14, 15, 59)] == [False, True, True]


def test_a_schedule_is_either_daily_or_every_so_often() -> None:
    for wrong in ({}, {"every": timedelta(1), "daily_at": time(2)}):
        with pytest.raises(ValueError, match="either every or daily_at"):
            schedules.schedule("count", **wrong)
