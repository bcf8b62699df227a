"""Import commands: the same dry run as text or JSON, with stable exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError

from core.imports.models import Import, ImportState
from pilots.models import Pilot
from tests import factories as make
from tests.support.imports import csv_bytes, table_checksums

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
HEADS = ["slug", "name_zh", "kind", "batch", "province"]
GOOD = ["q", "乙市", "city", "first", "jia"]


@pytest.fixture(autouse=True)
def pilot(empty: None) -> Pilot:
    return make.pilot(make.batch(slug="first"), make.province(slug="jia"), slug="p", name_zh="甲市")


def written(tmp_path: Path, *rows: Any) -> str:
    path = tmp_path / "pilots.csv"
    path.write_bytes(csv_bytes(HEADS, *rows))
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    """(exit code, output) of the import command."""
    try:
        call_command("import_records", *args)
    except SystemExit as exc:
        return int(str(exc.code)), capsys.readouterr().out
    return 0, capsys.readouterr().out


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = table_checksums(histories=True)
    code, out = run(capsys, written(tmp_path, GOOD), "--kind", "pilots")
    assert code == 0
    assert out.splitlines()[1:] == [
        "1 rows read: 1 to create, 0 to update, 0 unchanged, 0 errors",
        "Nothing was written: this was a dry run. Add --confirm to write it.",
    ]
    assert (table_checksums(histories=True), Import.objects.count()) == (before, 0)


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exactly the stated keys, with every error in its cell; exit 1."""
    code, out = run(capsys, written(tmp_path, GOOD, ["", "", "village", "first", "陝西"]), "--kind", "pilots", "--json")
    found = json.loads(out)
    sha256 = found.pop("sha256")
    assert (code, len(sha256)) == (1, 64)
    errors = found.pop("errors")
    assert found == {
        "file": "pilots.csv",
        "kind": "pilots",
        "sheet": "",
        "encoding": "UTF-8",
        "rows_read": 2,
        "create": 1,
        "update": 0,
        "unchanged": 0,
        "import_id": None,
    }
    assert [(error["row"], error["cell"], error["column"], error["value"], error["code"]) for error in errors] == [
        (3, "B3", "Name in Chinese", "", "required"),
        (3, "C3", "Kind", "village", "not_a_choice"),
        (3, "E3", "Province", "陝西", "unknown_record"),
    ]
    assert set(errors[0]) == {"row", "cell", "column", "value", "code", "message"}
    assert errors[0]["message"] == "Empty. This needs a value."


def test_confirm_and_undo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    user = User.objects.create(username="li", is_superuser=True)
    before = table_checksums()
    path = written(tmp_path, ["p", "甲市改", "city", "first", "jia"], GOOD)
    code, out = run(capsys, path, "--kind", "pilots", "--confirm", "--reason", "年报", "--user", "li", "--json")
    record = Import.objects.get()
    found = json.loads(out)
    assert (code, found["import_id"], found["sha256"], found["update"]) == (0, record.pk, record.sha256, 1)
    assert (record.state, record.confirmed_by, record.reason) == (ImportState.CONFIRMED, user, "年报")
    assert {pilot.slug: pilot.name_zh for pilot in Pilot.objects.all()} == {"p": "甲市改", "q": "乙市"}
    entry = Pilot.objects.get(slug="q").history.get()
    assert (entry.history_user, entry.history_change_reason) == (user, "年报")
    call_command("undo_import", str(record.pk), "--reason", "wrong")
    assert capsys.readouterr().out == f"Import {record.pk} (pilots.csv) is undone: 2 records set back.\n"
    assert table_checksums() == before


def test_somebody_who_may_not(tmp_path: Path) -> None:
    User.objects.create(username="guest")
    before = table_checksums(histories=True)
    with pytest.raises(CommandError, match=r"guest may not import pilots\."):
        call_command("import_records", written(tmp_path, GOOD), "--kind", "pilots", "--confirm", "--user", "guest")
    assert table_checksums(histories=True) == before
