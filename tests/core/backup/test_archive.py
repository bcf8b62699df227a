"""Archives: what is no whole backup of this product is told from one in a sentence."""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config import __version__
from core.backup.databases import count_rows
from policies.models import Province

DATABASE, FILE = b"rows " * 300, b"evidence"
CHECKSUM = hashlib.sha256(FILE).hexdigest()
BLOB = f"blobs/{CHECKSUM[:2]}/{CHECKSUM}"
SHA256 = {"database.sqlite3": hashlib.sha256(DATABASE).hexdigest(), BLOB: CHECKSUM}
NOTHING: list[str] = []
MANIFEST = {
    "product": "synergy-pilot-tracker",
    "format": 4,
    "version": __version__,
    "made_at": "2026-11-27T00:00:00+00:00",
    "server": "SQLite 3",
    "kind": "sqlite",
    "key_id": "",
    "migrations": NOTHING,
    "tables": {"auth_user": 2},
    "excluded": NOTHING,
    "sha256": SHA256,
    "missing": NOTHING,
}


def archive(folder: Path, *more: tuple[str, bytes | None], **values: Any) -> Path:
    """An archive whose manifest may have other values, with more parts; one of None is a link."""
    content, path = json.dumps({**MANIFEST, **values}).encode(), folder / "tracker-20261127T000000Z.tar"
    with tarfile.open(path, "w") as tar:
        for name, text in [("manifest.json", content), ("database.sqlite3", DATABASE), (BLOB, FILE), *more]:
            info = tarfile.TarInfo(name)
            info.size = len(text or b"")
            info.type, info.linkname = (tarfile.REGTYPE, "") if text else (tarfile.SYMTYPE, "/etc/passwd")
            tar.addfile(info, io.BytesIO(text or b""))
    return path


def fault(path: Path) -> str:
    """What is wrong with a file, as a sentence; empty for a whole backup."""
    try:
        call_command("verify_backup", path, stdout=io.StringIO())
    except CommandError as exc:
        return str(exc)
    return ""


def test_a_whole_backup_is_described_in_one_line(tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("verify_backup", archive(tmp_path), stdout=out)
    assert out.getvalue() == (
        f"{tmp_path}/tracker-20261127T000000Z.tar is whole: made 2026-11-27T00:00:00+00:00 by version "
        f"{MANIFEST['version']} from SQLite 3, 2 rows in 1 tables, 1 files.\n"
    )


def test_one_of_release_1_0_tells_what_it_lacks(tmp_path: Path) -> None:
    out, lost = io.StringIO(), [f"blobs/11/{'1' * 64}", f"blobs/22/{'2' * 64}"]
    path = archive(tmp_path, format=3, missing=lost[:1], damaged=lost[1:], accepted=lost)
    call_command("verify_backup", path, stdout=out)
    assert out.getvalue().endswith(f"It lacks 2 files that its database names, first {lost[0]}.\n")


def test_no_byte_of_a_part_changes_unseen_and_no_cut(tmp_path: Path) -> None:
    path = archive(tmp_path)
    whole = path.read_bytes()
    start, end = whole.index(DATABASE), whole.index(FILE) + len(FILE)
    for position in (start, start + 700, start + len(DATABASE) - 1, whole.index(FILE)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert "is not what its manifest says." in fault(path), position
    for length in (0, 100, 600, start - 1, start + 700, end - 600, end - 1):
        path.write_bytes(whole[:length])
        assert fault(path), length
    path.write_bytes(whole)
    assert fault(path) == ""


def an_empty_file(folder: Path) -> Path:
    path = folder / "empty.tar"
    path.touch()
    return path


def a_zip(folder: Path) -> Path:
    path = folder / "foreign.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("manifest.json", "{}")
    return path


def a_tar(folder: Path) -> Path:
    path = folder / "foreign.tar"
    (folder / "etc").write_text("x")
    with tarfile.open(path, "w") as tar:
        tar.add(folder / "etc", "etc")
    return path


def forged(*more: tuple[str, bytes | None], **values: Any) -> Callable[[Path], Path]:
    return lambda folder: archive(folder, *more, **values)


PARTS = "is damaged: its manifest and its parts disagree about"
UNREADABLE = "is no backup of this product: its manifest cannot be read."
TOO_OLD = "is of a release before 1.0: it has to pass through release 1.0.0, commit a889b15, first"
NEWER = f"was made by a later state of the product, version 9.0.0, than this one, {__version__}:"
CASES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "nothing there": (lambda folder: folder / "none.tar", "There is no file "),
    "an empty file": (an_empty_file, "is no backup of this product, or cut short: "),
    "a foreign zip": (a_zip, "foreign.zip is no backup of this product, or cut short: "),
    "a foreign tar": (a_tar, "foreign.tar is no backup of this product: its first part is 'etc'."),
    "a member outside": (forged(("../cron", b"x")), f"{PARTS} ../cron."),
    "a link": (forged(("link", None)), f"{PARTS} link, which is no file."),
    "a second database": (forged(("database.sqlite3", b"x")), f"{PARTS} one that it has twice."),
    "one file less": (forged(sha256={**SHA256, f"blobs/11/{'1' * 64}": "1" * 64}), f"{PARTS} blobs/11/"),
    "another database": (
        forged(sha256={**SHA256, "database.sqlite3": "2" * 64}),
        "is damaged: database.sqlite3 is not what its manifest says.",
    ),
    "a file of another name": (
        forged(("../cron", b"x"), sha256={**SHA256, "../cron": hashlib.sha256(b"x").hexdigest()}),
        UNREADABLE,
    ),
    "another product": (forged(product="a wiki"), "is no backup of this product: it was made by 'a wiki'."),
    "migrations of nothing": (forged(migrations=None), UNREADABLE),
    "one of release 0.7": (forged(format=1, version="0.7.0"), TOO_OLD),
    "one of the last release before 1.0": (
        forged(version="0.8.0", migrations=["config.0001_house", "policies.0001_initial"]),
        TOO_OLD,
    ),
    "a newer format": (forged(format=5, version="9.0.0"), f"{NEWER} its format is 5. Install that first."),
    "a newer schema": (
        forged(version="9.0.0", migrations=["policies.0999_of_tomorrow"]),
        f"{NEWER} it has the migration policies.0999_of_tomorrow. Install that first.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_no_backup_is_told_in_one_sentence(case: str, tmp_path: Path) -> None:
    make, sentence = CASES[case]
    found = fault(make(tmp_path))
    assert sentence in found
    assert "\n" not in found


@pytest.mark.django_db
def test_sessions_and_versions_of_caches_are_in_no_backup(settings: Any) -> None:
    tables = count_rows(connection, settings.BACKUP_EXCLUDED_TABLES)
    assert not tables.keys() & {
        "django_session",
        "core_dataversion",
        "django_tasks_database_dbtaskresult",
    }
    assert tables["policies_province"] == Province.objects.count()
