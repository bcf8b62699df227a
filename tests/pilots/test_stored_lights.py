"""Stored lights: compared with their records, told of while they wait for a job, and computed for a past day and by new
rules.
"""

import io
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.core.management.sql import emit_post_migrate_signal
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from core import snapshots
from core.backup.models import record_run
from core.snapshots import Snapshot, read_from
from dashboard.editions import services
from dashboard.management.commands import nightly
from dashboard.models import EditionState
from pilots.models import ItemLight, LightRules, Pilot, PilotLight, StaleLight, Target
from pilots.stored_lights import recompute_stale
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.jobs import ends_of_jobs, run_jobs
from tests.support.scripted_year import clock_at
from tests.support.sign_in import client_of

pytestmark = pytest.mark.django_db
DAY = date(2026, 6, 30)


@pytest.fixture(autouse=True)
def folders(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR_DIR, settings.SNAPSHOT_DIR = tmp_path, tmp_path / "known"
    monkeypatch.setattr(nightly, "hold_service_lock", lambda: None)  # it is held until the process ends


@pytest.fixture
def pilot(empty: None) -> Pilot:
    """A pilot whose only milestone is late."""
    found = make.pilot(make.batch(), make.province(), slug="late-park")
    make.milestone(found, date(2025, 3, 31), is_key=True)
    return found


def check(**options: Any) -> str:
    told = io.StringIO()
    call_command("check_lights", stdout=told, **options)
    return told.getvalue()


def spoil(pilot: Pilot) -> PilotLight:
    """Change the light of the day, as no program of ours does."""
    rows = pilot.lights.filter(since__lte=DAY, until__gt=DAY)
    assert rows.update(colour="green", why="all_well") == 1
    return rows.get()


# -- compared with the records --------------------------------------------------------------------------


def test_a_row_that_was_changed_is_named_and_put_right(pilot: Pilot) -> None:
    assert check() == "All stored lights are as their records say.\n"
    since, told = spoil(pilot).since, io.StringIO()
    with pytest.raises(CommandError, match=r"^The stored lights of 1 pilots differed from their records\. Put them"):
        call_command("check_lights", stdout=told)
    line = f"late-park: from {since} PilotLight: stored: colour green, why all_well; computed: colour red, why late\n"
    assert told.getvalue() == line
    assert pilot.lights.filter(colour="green").exists()
    assert line in check(repair=True)
    assert not pilot.lights.filter(colour="green").exists()
    assert check() == "All stored lights are as their records say.\n"


def test_rows_that_are_missing_or_too_many_are_found(pilot: Pilot) -> None:
    other = make.pilot(pilot.batch, pilot.province, slug="without")
    PilotLight.objects.filter(pilot=other).delete()
    milestone = pilot.milestones.get()
    last = ItemLight.objects.filter(milestone=milestone).order_by("since").last()
    ItemLight.objects.filter(pk=last.pk).update(until=date(2040, 1, 1))
    lines = check(repair=True).splitlines()[1:]
    assert lines == [
        f"late-park: from {last.since} ItemLight of milestone {milestone.pk}: periods begin and end on other days",
        "without: from the first day PilotLight: stored: nothing; computed: colour grey, why nothing_promised",
    ]
    assert check() == "All stored lights are as their records say.\n"


def test_a_pilot_that_waits_for_a_job_is_no_fault_and_is_put_right(pilot: Pilot) -> None:
    spoil(pilot)
    StaleLight.objects.create(pilot=pilot)
    assert check() == "All stored lights are as their records say.\n"
    assert pilot.lights.filter(colour="green").exists()
    check(repair=True)
    assert not pilot.lights.filter(colour="green").exists()
    assert not StaleLight.objects.exists()


def test_the_night_repairs_and_tells_the_administrators(pilot: Pilot, client: Client) -> None:
    for kind in ("backup", "drill"):
        record_run(kind, ok=True, seconds=1, file="tracker.tar")
    administrator = client_of(User.objects.create_superuser("chief"))
    clerk = client_of(make_user("clerk", Role.NATIONAL_EDITOR))
    told = "The stored lights of 1 pilot differed from its records"
    assert "tracker_light_differences 0.0" not in client.get("/metrics").text
    check()
    assert "tracker_light_differences 0.0" in client.get("/metrics").text
    spoil(pilot)
    with pytest.raises(CommandError, match=r"^lights: The stored lights of 1 pilots differed .* They were put right\."):
        call_command("nightly", stdout=io.StringIO())
    assert not pilot.lights.filter(colour="green").exists()
    assert "tracker_light_differences 1.0" in client.get("/metrics").text
    for address in (reverse("desk"), "/admin/"):
        assert told in administrator.get(address).text
        assert told not in clerk.get(address).text
    check()
    assert told not in administrator.get(reverse("desk")).text


# -- the rules ----------------------------------------------------------------------------------------------


def test_other_rules_compute_all_lights_anew_after_migrate(pilot: Pilot, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(pilot)
    emit_post_migrate_signal(verbosity=1, interactive=False, db="default")
    assert pilot.lights.filter(colour="green").exists()  # the rules are those of before
    LightRules.objects.update(version="2.0")
    emit_post_migrate_signal(verbosity=1, interactive=False, db="default")
    assert "Lights computed by version" in capsys.readouterr().out
    assert not pilot.lights.filter(colour="green").exists()
    assert LightRules.objects.exclude(version="2.0").count() == 1


def test_what_waited_when_a_backup_was_made_waits_no_more_after_migrate(pilot: Pilot) -> None:
    spoil(pilot)
    StaleLight.objects.create(pilot=pilot)
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert not pilot.lights.filter(colour="green").exists()
    assert not StaleLight.objects.exists()


# -- told while they wait ---------------------------------------------------------------------------------


def test_pages_files_and_programs_are_told_until_the_job_is_done(pilot: Pilot, client: Client, settings: Any) -> None:
    settings.CACHE_RESPONSES = True
    notice, line = "Lights are being recomputed", "# Lights: being recomputed"

    def told() -> list[bool]:
        page, answer = client.get("/pilots/"), client.get("/api/v1/pilots/")
        same = client.get("/api/v1/pilots/", headers={"If-None-Match": answer["ETag"]})
        assert (same.status_code, same.get("Lights")) == (304, answer.get("Lights"))
        file = b"".join(client.get("/pilots/?export=pilots.csv"))
        known = client.get("/api/v1/pilots/", {"known": timezone.localdate() - timedelta(1)})
        return [notice in page.text, line in file.decode(), answer.get("Lights") == "recomputing", "Lights" in known]

    with clock_at(date(2025, 1, 1)):
        make.agency()  # something to be known of
    assert told() == [False, False, False, False]
    assert told() == [False, False, False, False]  # from the cache
    spoil(pilot)
    StaleLight.objects.create(pilot=pilot)
    recompute_stale.enqueue()
    assert told() == [True, True, True, False]
    assert told() == [True, True, True, False]
    run_jobs()
    assert ends_of_jobs() == [("recompute_stale", "SUCCESSFUL", "")]
    assert told() == [False, False, False, False]
    assert check() == "All stored lights are as their records say.\n"


def test_no_edition_is_approved_meanwhile(pilot: Pilot) -> None:
    approver = make_user("approver", Role.NATIONAL_EDITOR)
    edition = make.edition("2026-Q1", state=EditionState.IN_REVIEW, approved_by=None, approved_at=None, sha256="")
    StaleLight.objects.create(pilot=pilot)
    with pytest.raises(ValidationError, match="Lights are being recomputed"):
        services.approve(edition, by=approver, seen="", address="http://testserver/")


# -- a past day ---------------------------------------------------------------------------------------------


def lights() -> list[Any]:
    names = [field.attname for field in PilotLight._meta.concrete_fields if not field.primary_key]
    return list(PilotLight.objects.order_by("pilot", "since").values_list(*names))


def test_a_past_day_has_the_lights_of_its_own_records(empty: None, client: Client) -> None:
    with clock_at(date(2025, 1, 10)):
        pilot = make.pilot(make.batch(), make.province(), slug="park")
        target = make.target(pilot, make.carbon(), 100, 90)
    kept = lights()
    with clock_at(date(2025, 1, 20)):
        target.delete()
    assert lights() != kept
    snapshot = Snapshot(date(2025, 1, 15))
    try:
        with read_from(snapshot):
            assert lights() == kept
            assert ItemLight.objects.filter(target=target.pk or Target.objects.get().pk).exists()
    finally:
        snapshot.close()
    assert not ItemLight.objects.exists()


def test_a_long_past_day_is_put_together_by_a_job(
    pilot: Pilot, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clock_at(date(2025, 1, 10)):
        make.agency()
    monkeypatch.setattr(snapshots, "MOST_ENTRIES", 0)
    query = {"known": "2025-01-15", "as_of": "2025-01-15", "lang": "en"}
    for address in ("/pilots/", "/api/v1/pilots/", "/pilots/"):
        response = client.get(address, query)
        assert (response.status_code, response["Retry-After"]) == (503, "15")
        assert "the records of 2025-01-15 are being put together" in response.content.decode()
    run_jobs()
    assert ends_of_jobs() == [("write_known", "SUCCESSFUL", "")]  # one for all
    for address in ("/pilots/", "/api/v1/pilots/"):
        assert client.get(address, query).status_code == 200


def test_a_job_of_another_machine_leaves_its_file_there(
    pilot: Pilot, client: Client, settings: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    with clock_at(date(2025, 1, 10)):
        make.agency()
    monkeypatch.setattr(snapshots, "MOST_ENTRIES", 0)
    query = {"known": "2025-01-15", "as_of": "2025-01-15"}
    assert client.get("/api/v1/pilots/", query).status_code == 503
    run_jobs()
    settings.SNAPSHOT_DIR = tmp_path / "of another machine"
    assert client.get("/api/v1/pilots/", query).status_code == 200
