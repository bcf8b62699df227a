"""/metrics: for whom it is, what stands in it, and that nothing makes it fail."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connections
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from core.backup.models import BackupRun
from core.backup.status import record_run
from core.jobs.models import Job, WorkerBeat
from core.monitoring import counters, gauges
from core.monitoring.gauges import SOURCES, register_gauges
from dashboard.models import ReminderMail, ReminderStep
from tests import factories as make

pytestmark = pytest.mark.django_db(databases="__all__")
GAUGES = {
    "tracker_backup_age_seconds",
    "tracker_database_up",
    "tracker_disk_free_bytes",
    "tracker_disk_size_bytes",
    "tracker_drill_age_seconds",
    "tracker_drill_ok",
    "tracker_failed_sign_ins",
    "tracker_follow_ups_overdue",
    "tracker_jobs_lost",
    "tracker_jobs_running",
    "tracker_jobs_waiting",
    "tracker_milestones_overdue",
    "tracker_oldest_unreviewed_report_days",
    "tracker_oldest_waiting_job_seconds",
    "tracker_reminder_steps_unsent",
    "tracker_unreviewed_reports",
}
AFTER_THE_FIRST_BACKUP = {"tracker_backup_age_seconds", "tracker_drill_age_seconds", "tracker_drill_ok"}
PROGRAMME_GAUGES = {name for name in GAUGES if "disk" not in name} - AFTER_THE_FIRST_BACKUP
MAX_LINES = 3_000  # beyond that, scrapes and files grow until they hurt


def scrape(client: Client, **headers: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return all samples of a scrape by name and labels."""
    response = client.get("/metrics", headers=headers)
    assert response.status_code == 200
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(response.content.decode()):
        found.setdefault(family.name, {})
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def value(found: dict[str, Any], name: str, **labels: str) -> float:
    return found.get(name, {}).get(tuple(sorted(labels.items())), 0.0)


# -- for whom ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("networks", "proxy", "address", "headers", "status"),
    [
        ("127.0.0.0/8", False, "127.0.0.1", {}, 200),
        ("127.0.0.0/8", False, "10.1.2.3", {}, 404),
        ("10.0.0.0/8", False, "10.1.2.3", {}, 200),
        ("10.0.0.0/8", False, "::ffff:10.1.2.3", {}, 200),
        ("::1/128", False, "::1", {}, 200),
        ("127.0.0.0/8", False, "", {}, 404),  # a UNIX socket
        # A proxy on this machine that nobody declared must not open it to the world.
        ("127.0.0.0/8", False, "127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 404),
        ("127.0.0.0/8", False, "127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("127.0.0.0/8", False, "127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 404),
        ("127.0.0.0/8", True, "127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 404),
        ("127.0.0.0/8", True, "127.0.0.1", {"X-Forwarded-For": "127.0.0.1, 203.0.113.9"}, 404),  # a client's claim
        ("10.0.0.0/8", True, "127.0.0.1", {"X-Forwarded-For": "10.1.2.3"}, 200),
        ("127.0.0.0/8", True, "127.0.0.1", {}, 200),
    ],
)
def test_only_allowed_addresses_get_it(
    client: Client, settings: Any, networks: str, proxy: bool, address: str, headers: dict[str, str], status: int
) -> None:
    settings.METRICS_FROM, settings.BEHIND_PROXY = [ip_network(networks)], proxy
    assert client.get("/metrics", headers=headers, REMOTE_ADDR=address).status_code == status


def test_to_others_it_is_an_unknown_address(client: Client, settings: Any) -> None:
    settings.METRICS_FROM = []
    unknown, metrics = client.get("/no-such-page"), client.get("/metrics")
    assert (metrics.status_code, metrics["Content-Type"]) == (404, unknown["Content-Type"])
    assert client.post("/metrics").status_code == 404
    assert b"tracker_" not in metrics.content


def test_it_needs_no_host_scheme_or_account_and_is_not_logged(
    client: Client, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SITE_ACCESS = True, "internal"
    response = client.get("/metrics", headers={"host": "10.0.0.7"})
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert [record for record in caplog.records if record.name == "tracker.request"] == []


# -- counters ------------------------------------------------------------------------------------------


def test_responses_are_counted_by_route_method_and_class_of_status(client: Client) -> None:
    before = scrape(client)
    client.get("/pilots/?province=nowhere")
    client.head("/about/")
    client.post("/sign-in/", {"username": "nobody"})
    client.get("/no-such-page")
    client.get("/admin/pilots/pilot/")
    after = scrape(client)

    def counted(**labels: str) -> float:
        return value(after, "tracker_requests_total", **labels) - value(before, "tracker_requests_total", **labels)

    assert counted(route="pilot-list", method="read", status="4xx") == 1
    assert counted(route="about", method="read", status="2xx") == 1
    assert counted(route="sign-in", method="write", status="2xx") == 1
    assert counted(route="none", method="read", status="4xx") == 1
    assert counted(route="admin:pilots_pilot", method="read", status="3xx") == 1
    for area, number in (("page", 3), ("admin", 1), ("other", 1), ("api", 0)):
        name = "tracker_request_seconds_count"
        assert value(after, name, area=area) - value(before, name, area=area) == number


def test_a_response_from_the_cache_is_counted_under_its_route(client: Client, settings: Any) -> None:
    settings.CACHE_RESPONSES = True
    before = scrape(client)
    client.get("/pilots/?sort=name")
    client.get("/pilots/?sort=name")
    after = scrape(client)
    for result in ("hit", "miss"):
        name = "tracker_response_cache_total"
        assert value(after, name, result=result) - value(before, name, result=result) == 1
    labels = {"route": "pilot-list", "method": "read", "status": "2xx"}
    name = "tracker_requests_total"
    assert value(after, name, **labels) - value(before, name, **labels) == 2


@pytest.fixture
def empty_counters(monkeypatch: pytest.MonkeyPatch) -> CollectorRegistry:
    """Counters of zero, in place of those of this process."""
    registry = CollectorRegistry()
    for name in ("REQUESTS", "SECONDS", "CACHE"):
        kept: Counter | Histogram = getattr(counters, name)
        more = {"buckets": kept._upper_bounds} if isinstance(kept, Histogram) else {}
        made = type(kept)(kept._name, kept._documentation, kept._labelnames, registry=registry, **more)
        monkeypatch.setattr(counters, name, made)
    return registry


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the name and an address of each route."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from routes(entry, f"{prefix}{entry.namespace}:" if entry.namespace else prefix)
        elif isinstance(entry, URLPattern):
            yield f"{prefix}{entry.name or ''}", str(entry.pattern)


def test_the_worst_case_stays_small(empty_counters: CollectorRegistry, rf: RequestFactory) -> None:
    """Every route of the product, read and written, with every class of status."""
    for name, pattern in routes(get_resolver()):
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"):
            for status in (200, 302, 404, 500):
                request: Any = rf.generic(method, f"/{pattern if pattern.startswith(('admin/', 'api/')) else ''}")
                request.resolver_match = type("Match", (), {"view_name": name})()
                request.cache_status = "hit"
                counters.count_response(request, HttpResponse(status=status), 0.1)
    lines = generate_latest(empty_counters).decode().splitlines()
    assert 1_000 < len(lines) < MAX_LINES


# -- gauges --------------------------------------------------------------------------------------------


def test_gauges_are_what_the_records_say(client: Client) -> None:
    today = timezone.localdate()
    batch, province = make.make_batch(), make.make_province()
    pilot = make.make_pilot(batch, province)
    gone = make.make_pilot(batch, province, withdrawn_on=today - timedelta(2))
    make.make_milestone(pilot, today - timedelta(1))
    make.make_milestone(pilot, today)  # due, not overdue
    make.make_milestone(pilot, today - timedelta(1), today)
    make.make_milestone(gone, today - timedelta(1))
    make.make_follow_up(pilot, opened_on=today - timedelta(30), due_on=today - timedelta(1))
    make.make_follow_up(pilot, opened_on=today - timedelta(30), due_on=today)
    indicator = make.make_indicator("SO2")
    report(pilot, indicator, today - timedelta(40), version=1)  # corrected by the next
    report(pilot, indicator, today - timedelta(12), version=2)
    report(pilot, indicator, today - timedelta(90), period="2022", state="accepted", accepted_on=today)
    found = scrape(client)
    assert {name for name, rows in found.items() if () in rows} >= GAUGES - AFTER_THE_FIRST_BACKUP
    assert {name: value(found, name) for name in PROGRAMME_GAUGES} == {
        "tracker_database_up": 1,
        "tracker_failed_sign_ins": 0,
        "tracker_follow_ups_overdue": 1,
        "tracker_jobs_lost": 0,
        "tracker_jobs_running": 0,
        "tracker_jobs_waiting": 0,
        "tracker_milestones_overdue": 1,
        "tracker_oldest_waiting_job_seconds": 0,
        "tracker_reminder_steps_unsent": 0,
        "tracker_oldest_unreviewed_report_days": 12,
        "tracker_unreviewed_reports": 1,
    }
    assert 0 < value(found, "tracker_disk_free_bytes") < value(found, "tracker_disk_size_bytes")


def report(pilot: Any, indicator: Any, day: date, period: str = "2023", **more: Any) -> None:
    make.make_reading(
        pilot, indicator, period, 5, reported_on=day, **{"state": "reported", "accepted_on": None, **more}
    )


def test_failed_sign_ins_of_the_last_hour(client: Client) -> None:
    User.objects.create_user("wang", password="correct-Horse7-battery")
    for _time in range(3):
        client.post("/sign-in/", {"username": "wang", "password": "wrong"})
    assert value(scrape(client), "tracker_failed_sign_ins") == 3
    client.post("/sign-in/", {"username": "wang", "password": "correct-Horse7-battery"})
    assert value(scrape(client), "tracker_failed_sign_ins") == 0


def test_backups_and_drills(client: Client) -> None:
    found = scrape(client)
    assert [found[name] for name in sorted(AFTER_THE_FIRST_BACKUP)] == [{}, {}, {}]  # described, without a value
    record_run("backup", ok=True, seconds=1)
    record_run("backup", ok=False, seconds=1)
    record_run("drill", ok=True, seconds=1)
    record_run("drill", ok=False, seconds=1)
    BackupRun.objects.filter(kind="backup", ok=True).update(ended_at=timezone.now() - timedelta(hours=3))
    found = scrape(client)
    assert value(found, "tracker_backup_age_seconds") == pytest.approx(3 * 3600, abs=60)
    assert value(found, "tracker_drill_age_seconds") == pytest.approx(0, abs=60)
    assert found["tracker_drill_ok"] == {(): 0.0}


def test_jobs_and_reminders(client: Client) -> None:
    now = timezone.now()
    make_job("waiting", created_at=now - timedelta(minutes=20))
    make_job("waiting", created_at=now)
    make_job("running")
    make_job("done", finished_at=now)
    for state in ("failed", "broken-off"):
        make_job(state, finished_at=now - timedelta(hours=23))
        make_job(state, finished_at=now - timedelta(hours=25))
    WorkerBeat.objects.create(name="one", seen_at=now - timedelta(minutes=5))
    user = User.objects.create_user("wang")
    mails = [ReminderMail.objects.create(user=user, day=now.date() - timedelta(day), held=day == 1) for day in (0, 1)]
    for number, (mail, sent_at) in enumerate(((None, None), (mails[0], None), (mails[0], now), (mails[1], None))):
        ReminderStep.objects.create(
            user=user, thing=f"milestone:{number}", code="after1", planned_for=now, mail=mail, sent_at=sent_at
        )
    found = scrape(client)
    names = ("jobs_waiting", "jobs_running", "jobs_lost", "reminder_steps_unsent")
    assert [value(found, f"tracker_{name}") for name in names] == [2, 1, 2, 2]
    assert value(found, "tracker_oldest_waiting_job_seconds") == pytest.approx(20 * 60, abs=60)
    assert value(found, "tracker_worker_seen_seconds") == pytest.approx(5 * 60, abs=60)


def make_job(state: str, **more: Any) -> Job:
    return Job.objects.create(kind="backup", language="en", state=state, **more)


@pytest.mark.parametrize("count", [1, 3])
def test_a_scrape_takes_few_queries(client: Client, count: int, django_assert_num_queries: Callable[..., Any]) -> None:
    pilot = make.make_pilot(make.make_batch(), make.make_province())
    for number in range(count):
        make.make_milestone(pilot, date(2024, 1, 1 + number))
        record_run("backup", ok=True, seconds=1)
        make_job("waiting")
    # Sign-ins; backup, drill; reports; milestones; follow-ups; reminders. Jobs and workers have their own connection.
    with django_assert_num_queries(7), django_assert_num_queries(2, connection=connections["jobs"]):
        client.get("/metrics")


def test_a_gauge_that_cannot_be_read_is_absent_and_counted(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> dict[str, float]:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(gauges, "SOURCES", {})
    register_gauges("good", {"tracker_good": "One."}, lambda: {"tracker_good": 1})
    register_gauges("broken", {"tracker_broken": "Two."}, broken)
    register_gauges("empty", {"tracker_empty": "Three."}, lambda: {"tracker_empty": None})
    register_gauges("last", {"tracker_last": "Four."}, lambda: {"tracker_last": 4})
    found = scrape(client)
    assert {name: rows for name, rows in found.items() if name.startswith(("tracker_good", "tracker_last"))} == {
        "tracker_good": {(): 1.0},
        "tracker_last": {(): 4.0},
    }
    assert "tracker_broken" not in found
    assert found["tracker_empty"] == {}
    assert value(found, "tracker_gauge_errors_total", source="broken") >= 1
    assert value(found, "tracker_database_up") == 1
    assert [record.getMessage() for record in caplog.records if record.name == "tracker.metrics"] == [
        "gauges of broken could not be read: RuntimeError: no such thing"
    ]


def test_a_silent_database_is_asked_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def silent(name: str) -> Callable[[], dict[str, float]]:
        def read() -> dict[str, float]:
            asked.append(name)
            raise OperationalError("no answer")

        return read

    disk = SOURCES["disk"]
    monkeypatch.setattr(gauges, "SOURCES", {"disk": disk})
    for name in ("first", "second"):
        register_gauges(name, {f"tracker_{name}": name}, silent(name))
    before = scrape(client)
    after = scrape(client)
    assert asked == ["first", "first"]
    assert value(after, "tracker_database_up") == 0
    assert value(after, "tracker_disk_size_bytes") > 0
    for name in ("first", "second"):
        counted = "tracker_gauge_errors_total"
        assert value(after, counted, source=name) - value(before, counted, source=name) == 1
