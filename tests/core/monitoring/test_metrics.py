"""/metrics: for whom it is, what stands in it, and that nothing makes it fail."""

import re
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import yaml
from axes.models import AccessAttempt
from django.conf import settings
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from prometheus_client.parser import text_string_to_metric_families

from accounts.forms import mail_password_links
from core import monitoring
from core.backup.models import BackupRun, record_run

pytestmark = pytest.mark.django_db(databases="__all__")
GAUGES = {
    "tracker_database_up": 1,
    "tracker_failed_sign_ins": 0,
    "tracker_jobs_lost": 0,
    "tracker_jobs_running": 0,
    "tracker_jobs_waiting": 0,
    "tracker_oldest_waiting_job_seconds": 0,
}


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
        ("10.0.0.0/8", False, "::ffff:10.1.2.3", {}, 200),
        ("127.0.0.0/8", False, "", {}, 404),  # a UNIX socket
        # A proxy on this machine that nobody declared must not open it to the world.
        ("127.0.0.0/8", False, "127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 404),
        ("127.0.0.0/8", False, "127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 404),
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
    assert response["Content-Type"] == "text/plain; version=1.0.0; charset=utf-8"
    assert [record for record in caplog.records if record.name == "tracker.request"] == []


# -- counters ------------------------------------------------------------------------------------------


def test_responses_are_counted_by_status(client: Client) -> None:
    before = scrape(client)
    client.get("/pilots/?province=nowhere")
    client.head("/about/")
    client.post("/sign-in/", {"username": "nobody"})
    client.get("/no-such-page")
    client.get("/admin/pilots/pilot/")
    client.get("/livez")
    after = scrape(client)

    def counted(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    numbers = {status: counted("tracker_responses_total", status=status) for status in ("200", "302", "400", "404")}
    assert numbers == {"200": 2, "302": 1, "400": 1, "404": 1}
    assert counted("django_http_responses_before_middlewares_total") == 5
    assert counted("django_http_requests_latency_including_middlewares_seconds_count") == 5


# -- gauges --------------------------------------------------------------------------------------------


def test_the_gauges_of_a_new_installation(client: Client) -> None:
    found = scrape(client)
    own = {name for name in found if name.startswith("tracker_") and "respon" not in name}
    absent = {"tracker_backup_age_seconds", "tracker_light_differences"}
    assert own == {*GAUGES, *absent, "tracker_disk_free_bytes", "tracker_disk_size_bytes"}
    assert {name: found[name][()] for name in GAUGES} == GAUGES
    assert [found[name] for name in absent] == [{}, {}]  # described, without a value
    assert 0 < value(found, "tracker_disk_free_bytes") < value(found, "tracker_disk_size_bytes")


def test_what_backups_jobs_and_sign_ins_add(client: Client) -> None:
    now = timezone.now()
    record_run("backup", ok=True, seconds=1, file="tracker.tar")
    record_run("backup", ok=False, seconds=1)
    BackupRun.objects.filter(ok=True).update(ended_at=now - timedelta(hours=3))
    make_job("READY", enqueued_at=now - timedelta(minutes=20))
    make_job("READY")
    make_job("RUNNING")
    make_job("SUCCESSFUL", finished_at=now)
    make_job("FAILED", finished_at=now - timedelta(hours=23))
    make_job("FAILED", finished_at=now - timedelta(hours=25))
    AccessAttempt.objects.create(username="clerk", ip_address="10.0.0.1", failures_since_start=4)
    found = scrape(client)
    names = ("jobs_waiting", "jobs_running", "jobs_lost", "failed_sign_ins")
    assert [value(found, f"tracker_{name}") for name in names] == [2, 1, 1, 4]
    assert value(found, "tracker_oldest_waiting_job_seconds") == pytest.approx(20 * 60, abs=60)
    assert value(found, "tracker_backup_age_seconds") == pytest.approx(3 * 3600, abs=60)


def test_what_a_clock_dated_ahead_is_neither_old_nor_recent(client: Client) -> None:
    ahead = timezone.now() + timedelta(days=300)
    make_job("READY", enqueued_at=ahead)
    make_job("FAILED", finished_at=ahead)
    record_run("backup", ok=True, seconds=1, file="tracker.tar")
    BackupRun.objects.update(ended_at=ahead)
    attempt = AccessAttempt.objects.create(username="clerk", ip_address="10.0.0.1", failures_since_start=4)
    AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=ahead)
    found = scrape(client)
    names = ("jobs_waiting", "jobs_lost", "oldest_waiting_job_seconds", "failed_sign_ins")
    assert [value(found, f"tracker_{name}") for name in names] == [1, 0, 0, 0]
    assert found["tracker_backup_age_seconds"] == {}


def make_job(status: str, **more: Any) -> None:
    held = mail_password_links.enqueue(users=[], language="en")
    DBTaskResult.objects.filter(pk=held.id).update(status=status, **more)


def test_without_the_database_the_other_metrics_are_there(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def silent() -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(monitoring, "backup_status", silent)
    found = scrape(client)
    assert value(found, "tracker_database_up") == 0
    assert found["tracker_disk_free_bytes"]
    assert "tracker_jobs_waiting" not in found
    assert [record.getMessage() for record in caplog.records if record.name == "tracker.metrics"] == [
        "gauges could not be read from the database: OperationalError: server closed the connection"
    ]


# -- rules of alerts ---------------------------------------------------------------------------------


def alerts() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((settings.BASE_DIR / "deploy" / "monitoring" / "alerts.yml").read_text())["groups"]
    return list(group["rules"])


def test_the_guide_says_what_to_do_at_each_alert() -> None:
    guide = (settings.BASE_DIR / "docs/operations.md").read_text(encoding="utf-8")
    rows = [line for line in guide.splitlines() if line.startswith("| `Tracker")]
    assert sorted(re.findall(r"`(Tracker\w+)`", "".join(rows))) == sorted(rule["alert"] for rule in alerts())


def test_every_metric_of_the_rules_exists(client: Client) -> None:
    client.get("/robots.txt")
    client.get("/about/")
    families = list(text_string_to_metric_families(client.get("/metrics").content.decode()))
    samples = {name for family in families for name in (family.name, *(sample.name for sample in family.samples))}
    counters = {f"{family.name}_total" for family in families if family.type == "counter"}
    named = {name for rule in alerts() for name in re.findall(r"\b(?:tracker|django)_\w+", rule["expr"])}
    assert named - samples - counters == set()
