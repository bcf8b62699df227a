"""Archives: what is no whole backup of this product is told from one in a sentence, byte by byte."""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config import __version__
from core.backup.archive import Part, blob_member, opened_archive, seal_bytes, write_archive
from core.backup.databases import BackupError
from core.backup.describe import Description, TableContent
from core.backup.manifest import DatabaseMember, Manifest

DATABASE, FILE = b"rows " * 300, b"evidence"
CHECKSUM = hashlib.sha256(FILE).hexdigest()
MANIFEST = Manifest(
    version=__version__,
    release="0" * 16,
    made_at="2026-11-27T00:00:00+00:00",
    as_of="2026-11-27",
    server="SQLite 3",
    database=DatabaseMember("sqlite", "database.sqlite3", len(DATABASE), hashlib.sha256(DATABASE).hexdigest()),
    content=Description({}, {"auth_user": TableContent(2, "1" * 64)}, {}, []),
    files={CHECKSUM: len(FILE)},
    missing_files=[],
    excluded_tables=[],
)


def archive(folder: Path, manifest: Manifest = MANIFEST, *more: tuple[str, bytes]) -> Path:
    members = [("manifest.json", manifest.to_bytes()), ("database.sqlite3", DATABASE), (blob_member(CHECKSUM), FILE)]
    path = folder / "tracker-20261127T000000Z.tar"
    write_archive(path, (Part(name, len(content), partial(io.BytesIO, content)) for name, content in [*members, *more]))
    return path


def test_a_whole_backup_is_described_in_one_line(tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("verify_backup", archive(tmp_path), stdout=out)
    assert out.getvalue() == (
        f"{tmp_path}/tracker-20261127T000000Z.tar is whole: made 2026-11-27T00:00:00+00:00 by version {__version__} "
        "from SQLite 3, 2 rows in 1 tables, 1 files.\n"
    )


def test_any_other_program_reads_it(tmp_path: Path) -> None:
    with tarfile.open(archive(tmp_path)) as tar:
        assert tar.getnames() == ["manifest.json", "database.sqlite3", blob_member(CHECKSUM), "SHA256"]
        found = tar.extractfile("database.sqlite3")
        assert found is not None
        assert found.read() == DATABASE
    assert archive(tmp_path).stat().st_mode & 0o777 == 0o600


def test_no_byte_changes_unseen(tmp_path: Path) -> None:
    path = archive(tmp_path)
    whole = path.read_bytes()
    for position in range(0, len(whole), 97):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert fault(path), position
    path.write_bytes(whole)
    assert fault(path) == ""


def test_no_cut_is_unseen(tmp_path: Path) -> None:
    path = archive(tmp_path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 509):
        path.write_bytes(whole[:length])
        assert fault(path), length
    path.write_bytes(whole + b"\0")
    assert fault(path).endswith("(SHA-256).")


def fault(path: Path) -> str:
    """What is wrong with a file, as a sentence; empty for a whole backup."""
    try:
        with opened_archive(path) as opened:
            opened.verify()
    except BackupError as exc:
        return str(exc)
    return ""


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


def a_link(folder: Path) -> Path:
    """An archive with a link in the place of its database."""
    path = archive(folder)
    with tarfile.open(path, "w") as tar:
        content = MANIFEST.to_bytes()
        info = tarfile.TarInfo("manifest.json")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("database.sqlite3")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return path


def sealed_again(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """An archive whose manifest somebody changed, and closed with the right checksum."""
    found = json.loads(MANIFEST.to_bytes())
    change(found)
    content = json.dumps(found).encode()
    path = archive(folder)
    members = [("manifest.json", content), ("database.sqlite3", DATABASE), (blob_member(CHECKSUM), FILE)]
    write_archive(path, (Part(name, len(text), partial(io.BytesIO, text)) for name, text in members))
    return path


def changed(**values: Any) -> Callable[[Path], Path]:
    return lambda folder: sealed_again(folder, lambda found: found.update(values))


NEWER = {"policies": ["0999_of_tomorrow"]}
NEWER_VERSION = f"was made by version 9.0.0, which is newer than this one ({__version__}):"
CASES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "nothing there": (lambda folder: folder / "none.tar", "There is no file "),
    "an empty file": (an_empty_file, "is no backup of this product, or cut short: "),
    "a foreign zip": (a_zip, "foreign.zip is no backup of this product, or cut short: "),
    "a foreign tar": (a_tar, "foreign.tar is no backup of this product: its first part is 'etc'."),
    "a member outside": (
        lambda folder: archive(folder, MANIFEST, ("../cron", b"x")),
        "has a part that no backup has: '../cron'.",
    ),
    "a member with a root": (
        lambda folder: archive(folder, MANIFEST, ("/etc/cron", b"x")),
        "has a part that no backup has: ",
    ),
    "a link": (a_link, "has a part that no backup has: 'database.sqlite3'."),
    "a second database": (
        lambda folder: archive(folder, MANIFEST, ("database.sqlite3", b"x")),
        "has a part that no backup has: ",
    ),
    "one file more": (
        lambda folder: archive(folder, replace(MANIFEST, files={})),
        f"is damaged: its manifest and its parts disagree about blobs/{CHECKSUM[:2]}/{CHECKSUM}.",
    ),
    "another database": (
        lambda folder: archive(folder, replace(MANIFEST, database=replace(MANIFEST.database, sha256="2" * 64))),
        "is damaged: database.sqlite3 is not what its manifest says.",
    ),
    "another product": (changed(product="a wiki"), "is no backup of this product: it was made by 'a wiki'."),
    "no manifest": (changed(files=3), "is no backup of this product: its manifest cannot be read."),
    "a newer format": (
        changed(format=2, version="9.0.0"),
        f"{NEWER_VERSION} its format is 2, this one reads 1. Install 9.0.0 first.",
    ),
    "a newer schema": (
        lambda folder: archive(
            folder, replace(MANIFEST, version="9.0.0", content=replace(MANIFEST.content, migrations=NEWER))
        ),
        f"{NEWER_VERSION} it has the migration policies.0999_of_tomorrow. Install 9.0.0 first.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_no_backup_is_told_in_one_sentence(case: str, tmp_path: Path) -> None:
    make, sentence = CASES[case]
    with pytest.raises(CommandError) as raised:
        call_command("verify_backup", make(tmp_path))
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Any:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_archive(tmp_path / "tracker-x.tar", [Part("manifest.json", 3, broken)])
    assert list(tmp_path.iterdir()) == []


def test_the_seal_ends_a_tar_file() -> None:
    for position in (512, 9 * 512, 18 * 512, 19 * 512, 20 * 512):
        assert (position + len(seal_bytes("0" * 64, position))) % tarfile.RECORDSIZE == 0
