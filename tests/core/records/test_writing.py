"""Writing of records: one door for all, which merges, checks rights and rules, and leaves one entry."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from core.records import writing
from pilots.models import Milestone, Pilot, Target
from policies.models import Agency
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
    assert writing.write(opened, {"evidence": "Ours"}, by=editor, reason="Letter")
    milestone.refresh_from_db()
    assert (milestone.owner, milestone.evidence, opened.owner) == ("Theirs", "Ours", "Theirs")
    assert entries(milestone)[-1] == ("~", "editor", "Letter")


def test_fields_and_lists_are_one_entry_and_nothing_is_none(pilot: Pilot) -> None:
    milestone, source = make.milestone(pilot, date(2027, 1, 1)), make.source()
    before = len(entries(milestone))
    assert writing.write(milestone, {"owner": "Office"}, {"sources": [source]}, by=None)
    assert not writing.write(milestone, {"owner": "Office "}, {"sources": [source]}, by=None)
    assert (len(entries(milestone)), list(milestone.sources.all())) == (before + 1, [source])
    assert milestone.history.latest("history_id").sources.count() == 1


def test_a_broken_rule_is_said_at_its_field_and_nothing_is_written(pilot: Pilot) -> None:
    milestone = make.milestone(pilot, date(2027, 1, 1))
    for values, name in (({"planned_on": None}, "planned_on"), ({"title_zh": "", "title_en": ""}, "title_zh")):
        with pytest.raises(ValidationError) as refused:
            writing.write(milestone, values, by=None)
        assert list(refused.value.message_dict) == [name]
    assert len(entries(milestone)) == 1


def test_scope_and_restricted_fields_are_the_users_unless_the_caller_has_asked(pilot: Pilot, editor: User) -> None:
    away = make.milestone(make.pilot(pilot.batch, make.province()), date(2027, 1, 1))
    own = make.milestone(pilot, date(2027, 1, 1))
    with pytest.raises(PermissionDenied):
        writing.write(away, {"owner": "x"}, by=editor)
    with pytest.raises(PermissionDenied):
        writing.delete(away, by=editor)
    with pytest.raises(ValidationError) as refused:
        writing.write(own, {"is_key": True}, by=editor)
    assert [error.code for error in refused.value.error_dict["is_key"]] == [writing.NOT_YOURS]
    assert writing.write(own, {"is_key": True}, by=editor, allowed=True)


def test_a_deleted_record_is_not_written_again(pilot: Pilot) -> None:
    milestone = make.milestone(pilot, date(2027, 1, 1))
    opened = Milestone.objects.get(pk=milestone.pk)
    writing.delete(milestone, by=None, reason="Entered twice")
    with pytest.raises(writing.Conflict):
        writing.write(opened, {"owner": "x"}, by=None)
    assert not Milestone.objects.exists()


def test_a_record_goes_with_its_rows_and_comes_back_with_them(pilot: Pilot, editor: User) -> None:
    target = make.target(pilot, make.indicator("AIR_X1"), 100, 80)
    make.add_step(target, 2025, 90)
    with pytest.raises(writing.Conflict, match="It is still used by"):
        writing.delete(pilot, by=None)
    writing.delete(target, by=editor, reason="Entered twice", allowed=True)
    (entry,) = Target.history.filter(history_type="-")
    with pytest.raises(ValidationError) as refused:  # the one door asks for the rights of restoring, too
        writing.restore_version(entry, opened=str(entry.pk), by=editor)
    assert list(refused.value.error_dict) == ["binding"]
    writing.restore_version(entry, opened=str(entry.pk), by=None)
    assert Target.objects.get(pk=entry.id).steps == {"2025": "90"}


def write_both(first: Agency, second: Agency) -> None:
    with transaction.atomic(), writing.many():
        writing.write(first, {"name_en": "Other"}, by=None)
        writing.write(second, by=None)


def test_many_write_their_entries_together_or_not_at_all(pilot: Pilot) -> None:
    names = [f"agency-{n}" for n in range(3)]
    with (
        CaptureQueriesContext(
            connection,
        ) as queries,
        writing.many(),
    ):
        for name in names:
            writing.write(Agency(slug=name, name_zh=name), by=None, reason="List")
    assert len([query for query in queries if 'INSERT INTO "policies_historicalagency"' in query["sql"]]) == 1
    assert [entries(agency) for agency in Agency.objects.filter(slug__in=names)] == [[("+", None, "List")]] * 3
    with pytest.raises(ValidationError):
        write_both(Agency.objects.get(slug=names[0]), Agency(slug=names[1], name_zh="twice"))
    assert len(entries(Agency.objects.get(slug=names[0]))) == 1


# -- readings ------------------------------------------------------------------------------------------------


# -- nothing else writes records -----------------------------------------------------------------------------

WRITE = re.compile(
    r"\.save\((?:\)|force_|update_|\*args|commit\))|\.bulk_create\(|\.bulk_update\(|\.(?:update|get)_or_create\(|_raw_delete\("
    r"|(?:objects|_manager|history)\b.*\.(?:update|delete|create)\("
)
APPS = ("config", "core", "accounts", "dashboard", "policies", "pilots")
ALLOWED: Mapping[str, str] = {
    "core/records/": "writes records",
    "core/history/": "writes the history, and keeps what is kept",
    "core/imports/apply.py": "undoes an import in bulk, and keeps what became of it",
    "core/imports/files.py": "files and reports of imports, no records",
    "pilots/demo/": "the demonstration, in bulk",
    "core/seed/loader.py": "what was shipped, no record",
    "core/admin/": "formsets, which call `records`",
    "pilots/admin/forms.py": "as above",
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
