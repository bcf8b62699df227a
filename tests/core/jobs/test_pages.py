"""Pages of jobs: one's own, cancel, run again, download; who may see whose."""

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts.models import Officer, Role
from core.jobs.models import Job, JobState
from core.jobs.queue import claim, enqueue
from core.jobs.registry import JobKind
from core.jobs.running import JobFailed, RunningJob
from tests.support.jobs import enqueued, jobs_done, kinds, run_jobs

pytestmark = pytest.mark.django_db(databases=["default", "jobs"])


def report(job: RunningJob, fails: bool = False) -> None:
    if fails:
        raise JobFailed("There is no such quarter.")
    job.progress(1, 2, "first half")
    job.attach(io.BytesIO(b"content"), "简报 2026.zip")
    job.progress(2, 2)


@pytest.fixture(autouse=True)
def test_kinds() -> Iterator[None]:
    with kinds(JobKind("report", "Report of a quarter", report, repeatable=True)):
        yield


@pytest.fixture
def people(db: None) -> dict[str, Client]:
    """Signed-in clients: the owner, another viewer, a national editor and an administrator."""
    made = {}
    for name, role in (("owner", None), ("other", None), ("national", Role.NATIONAL_EDITOR), ("admin", Role.ADMIN)):
        user = User.objects.create_user(name)
        if role:
            Officer.objects.create(user=user, role=role)
        made[name] = Client()
        made[name].force_login(User.objects.get(pk=user.pk))
    return made


def owned_job(**arguments: Any) -> Job:
    with enqueued():
        return enqueue("report", owner=User.objects.get(username="owner"), **arguments)


def text_of(response: Any) -> str:
    return " ".join(re.sub("<[^>]+>", " ", response.content.decode().partition("<main")[2]).split())


def test_a_job_from_waiting_to_its_file(people: dict[str, Client]) -> None:
    job = owned_job()
    page = people["owner"].get(job.get_absolute_url())
    assert "waiting" in text_of(page)
    assert page["Cache-Control"] == "no-store, private"
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page.content.decode()
    run_jobs()
    page = people["owner"].get(job.get_absolute_url())
    assert "Download 简报 2026.zip" in text_of(page)
    assert "refresh" not in page.content.decode()
    file = people["owner"].get(f"{job.get_absolute_url()}file/")
    assert file.getvalue() == b"content"
    file.close()
    assert file["Content-Type"] == "application/zip"
    assert file["Content-Disposition"].startswith("attachment; ")
    assert "filename*=UTF-8''%E7%AE%80%E6%8A%A5%202026.zip" in file["Content-Disposition"]


def test_a_running_job_has_a_bar_that_works_without_script(people: dict[str, Client]) -> None:
    job = owned_job()
    claim("worker")
    Job.objects.update(done=1, total=4, text="first quarter")
    page = people["owner"].get(job.get_absolute_url()).content.decode()
    assert '<progress max="100" value="25" aria-label="Progress">25%</progress>' in page
    assert "25% (1 / 4)" in page
    assert "first quarter" in page


def test_the_list_has_one_s_own_jobs_newest_first(people: dict[str, Client]) -> None:
    owned_job(fails=True)
    owned_job()
    with jobs_done():
        enqueue("report", owner=User.objects.get(username="other"))
    page = people["owner"].get("/jobs/")
    assert re.findall(r"/jobs/([0-9a-f-]{36})/(?:\?\w*)?\"", page.content.decode()) == [
        str(pk)
        for pk in Job.objects.filter(owner_id=page.wsgi_request.user.pk)
        .order_by("-created_at")
        .values_list("pk", flat=True)
    ]
    failed = Job.objects.get(state=JobState.FAILED)
    assert "There is no such quarter." in text_of(people["owner"].get(failed.get_absolute_url()))
    assert "No job of yours" in text_of(people["national"].get("/jobs/"))
    assert people["owner"].get("/jobs/?page=2").status_code == 400


@pytest.mark.parametrize(("who", "status"), [("owner", 200), ("other", 404), ("national", 200), ("admin", 200)])
def test_who_sees_and_downloads_a_job(people: dict[str, Client], who: str, status: int) -> None:
    job = owned_job()
    run_jobs()
    assert people[who].get(job.get_absolute_url()).status_code == status
    file = people[who].get(f"{job.get_absolute_url()}file/")
    assert file.status_code == status
    file.close()


@pytest.mark.parametrize(
    ("who", "status", "state"),
    [("owner", 302, "cancelled"), ("other", 404, "waiting"), ("national", 302, "cancelled")],
)
def test_who_cancels_a_job(people: dict[str, Client], who: str, status: int, state: str) -> None:
    job = owned_job()
    assert people[who].get(f"{job.get_absolute_url()}cancel/").status_code == 405
    assert people[who].post(f"{job.get_absolute_url()}cancel/").status_code == status
    assert Job.objects.get().state == state


@pytest.mark.parametrize(("who", "status", "count"), [("owner", 302, 2), ("other", 404, 1), ("national", 302, 1)])
def test_only_the_owner_runs_a_job_again_which_has_its_rights(
    people: dict[str, Client], who: str, status: int, count: int
) -> None:
    job = owned_job(fails=True)
    run_jobs()
    with enqueued():
        assert people[who].post(f"{job.get_absolute_url()}again/").status_code == status
    assert Job.objects.filter(arguments={"fails": True}).count() == count


def test_without_an_account_there_is_a_sign_in(client: Client, people: dict[str, Client]) -> None:
    job = owned_job()
    for path in ("/jobs/", job.get_absolute_url(), f"{job.get_absolute_url()}file/"):
        assert client.get(path).headers["Location"].startswith("/sign-in/")


def test_a_file_that_is_not_kept_any_more(people: dict[str, Client]) -> None:
    job = owned_job()
    Job.objects.update(state=JobState.DONE, result="jobs/gone.zip", result_name="gone.zip")
    response = people["owner"].get(f"{job.get_absolute_url()}file/")
    assert response.status_code == 410
    assert "not kept any more" in response.content.decode()


def test_the_admin_lists_all_jobs_for_who_oversees_them(
    people: dict[str, Client], django_assert_num_queries: Any
) -> None:
    owned_job()
    with enqueued():
        enqueue("report")
    page = people["national"].get("/admin/jobs/job/").content.decode()
    assert page.count("Report of a quarter") >= 2
    assert ">owner</td>" in page
    assert people["other"].get("/admin/jobs/job/").status_code in {302, 403}
    assert (
        people["national"].get(f"/admin/jobs/job/{Job.objects.filter(owner_id=None).get().pk}/change/").status_code
        == 200
    )
