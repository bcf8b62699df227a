"""Writing of records: one door for all, which merges."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from core.records import writing
from pilots.models import Milestone, Pilot
from tests import factories as make
from tests.support.api_client import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def pilot() -> Pilot:
    return make.pilot(make.batch(), make.province())


@pytest.fixture
def editor(pilot: Pilot) -> User:
    return make_user("editor", "provincial_editor", pilot.province)


def entries(record: Any) -> list[tuple[str, str | None, str | None]]:
    rows = record.history.order_by("history_id").values_list(
        "history_type", "history_user__username", "history_change_reason"
    )
    return list(rows)


# -- one record ----------------------------------------------------------------------------------------------


def test_what_others_changed_meanwhile_stays(pilot: Pilot, editor: User) -> None:
    milestone = make.milestone(pilot, date(2027, 1, 1))
    opened = Milestone.objects.get(pk=milestone.pk)
    assert writing.write(milestone, {"owner": "Theirs"}, by=None)
    assert writing.write(opened, {"note_en": "Ours"}, by=editor, reason="Letter")
    milestone.refresh_from_db()
    assert (milestone.owner, milestone.note_en, opened.owner) == ("Theirs", "Ours", "Theirs")
    assert entries(milestone)[-1] == ("~", "editor", "Letter")


def test_a_deleted_record_is_not_written_again(pilot: Pilot) -> None:
    milestone = make.milestone(pilot, date(2027, 1, 1))
    opened = Milestone.objects.get(pk=milestone.pk)
    writing.delete(milestone, by=None, reason="Entered twice")
    with pytest.raises(writing.Conflict):
        writing.write(opened, {"owner": "x"}, by=None)
    assert not Milestone.objects.exists()


# -- nothing else writes records -----------------------------------------------------------------------------

WRITE = re.compile(
    r"\.save\((?:\)|force_|update_|\*args|commit\))|\.bulk_create\(|\.bulk_update\(|\.(?:update|get)_or_create\(|_raw_delete\("
    r"|(?:objects|_manager|history)\b.*\.(?:update|delete|create)\("
)
APPS = ("config", "core", "accounts", "dashboard", "demo", "policies", "pilots")
ALLOWED: Mapping[str, str] = {
    "core/records/": "writes records",
    "core/history/": "writes the history, and keeps what is kept",
    "core/imports/apply.py": "undoes an import in bulk, and keeps what became of it",
    "core/imports/files.py": "files and reports of imports, no records",
    "demo/": "the demonstration, in bulk",
    "core/seed/loader.py": "what was shipped, no record",
    "core/admin/": "formsets, which call `records`",
    "pilots/admin/forms.py": "as above",
    "pilots/stored_lights.py": "lights, which are computed from records",
    "core/api/idempotency.py": "answers, no records",
    "core/backup/models.py": "runs, no records",
    "core/caching.py": "the version of the data, no record",
    "core/jobs/": "jobs, no records",
    "accounts/": "accounts and tokens, no records",
    "dashboard/management/commands/nightly.py": "sign-ins and sessions, no records",
    "dashboard/reminders.py": "mails, no records",
    "dashboard/views/desk.py": "settings of mails, no records",
    "dashboard/models.py": "working days, no records",
    "policies/models.py": "what saving a record implies",
}


def test_nothing_else_writes_records() -> None:
    used, found = set(), []
    for app in APPS:
        for path in sorted(Path(settings.BASE_DIR, app).rglob("*.py")):
            name = path.relative_to(settings.BASE_DIR).as_posix()
            lines = [line for line in path.read_text().splitlines() if WRITE.search(line)]
            if "/migrations/" in name or not lines:
                continue
            allowed = next((place for place in ALLOWED if name.startswith(place)), "")
            used.add(allowed)
            found += [] if allowed else [f"{name}: {line.strip()}" for line in lines]
    assert found == []
    assert ALLOWED.keys() - used == set()
