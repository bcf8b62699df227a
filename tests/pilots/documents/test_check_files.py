"""manage.py check_files, and the admin of documents: nothing is lost, and nothing is left over unnoticed."""

import os
import re
import time
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import reverse

from core.days import today
from core.files import blob_name, save_blob, sha256_of
from core.text import format_date
from pilots.documents import attach, remove
from pilots.models import Document
from tests.core.history.test_restore import press_restore
from tests.pilots.documents.conftest import EvidenceWorld
from tests.support.admin_forms import newest
from tests.support.files import pdf, png

pytestmark = pytest.mark.django_db
CLEAN = {
    "documents": "0",
    "files": "0",
    "of deleted documents": "0",
    "not yet recorded": "0",
    "unfinished": "0",
    "missing": "0",
    "without a record": "0",
    "damaged": "not checked",
}


def run_check(*options: str) -> tuple[int, dict[str, str], list[str]]:
    """Return the exit code, the numbers and the problems."""
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command("check_files", *options, stdout=out, stderr=err)
    except SystemExit as exc:
        code = int(str(exc.code))
    numbers = dict(line.split(": ", 1) for line in out.getvalue().splitlines())
    return code, numbers, err.getvalue().splitlines()


def make_old(path: Path) -> None:
    past = time.time() - 2 * 3600
    os.utime(path, (past, past))


def test_an_empty_store_and_one_in_order_are_clean(world: EvidenceWorld) -> None:
    assert run_check() == (0, CLEAN, [])
    world.store("a.png", png())
    world.store("b.pdf", pdf("x"))
    assert run_check("--hash") == (0, {**CLEAN, "documents": "2", "files": "2", "damaged": "0"}, [])


def test_a_missing_and_a_damaged_file_are_named(world: EvidenceWorld) -> None:
    gone, bad = world.store("a.png", png()), world.store("b.pdf", pdf("x"))
    (world.root / blob_name(gone.sha256)).unlink()
    (world.root / blob_name(bad.sha256)).write_bytes(pdf("y"))
    code, numbers, problems = run_check("--hash")
    assert (code, numbers) == (1, {**CLEAN, "documents": "2", "files": "1", "missing": "1", "damaged": "1"})
    assert problems == [f"missing: {blob_name(gone.sha256)}", f"damaged: {blob_name(bad.sha256)}"]
    assert run_check()[1]["damaged"] == "not checked"


def test_a_file_without_a_record_is_a_problem_once_no_upload_can_be_under_way(world: EvidenceWorld) -> None:
    name = blob_name(save_blob(png()))
    assert run_check() == (0, {**CLEAN, "files": "1", "not yet recorded": "1"}, [])
    assert run_check("--clean")[0] == 0
    assert world.files() == [name]
    make_old(world.root / name)
    assert run_check() == (1, {**CLEAN, "files": "1", "without a record": "1"}, [f"without a record: {name}"])
    assert run_check("--clean") == (0, {**CLEAN, "files": "1"}, [])
    assert run_check() == (0, CLEAN, [])


def test_what_a_broken_off_upload_left_is_no_problem_and_can_be_cleaned(world: EvidenceWorld) -> None:
    left = world.root / "unfinished" / "tmp123"
    left.parent.mkdir()
    left.write_bytes(b"half")
    assert run_check("--clean") == (0, {**CLEAN, "unfinished": "1"}, [])
    make_old(left)
    assert run_check("--clean") == (0, CLEAN, [])
    assert world.files() == []


# -- deleting and restoring ----------------------------------------------------------------------------


def test_a_deleted_document_leaves_its_file_and_is_restored_with_it(world: EvidenceWorld) -> None:
    client, document = world.client(world.national), world.store("a.png", png(), title="The chart")
    address = reverse("admin:pilots_document_delete", args=[document.pk])
    assert client.post(address, {"post": "yes", "change_reason": "by mistake"}).status_code == 302
    assert Document.objects.count() == 0
    assert client.get(f"/documents/{document.pk}/file/").status_code == 404
    assert run_check("--hash") == (0, {**CLEAN, "files": "1", "of deleted documents": "1", "damaged": "0"}, [])
    before = document.history.filter(history_type="+").get()
    assert press_restore(client, document, before).status_code == 302
    back = Document.objects.get()
    assert (back.pk, back.title, back.sha256, back.uploaded_by) == (
        document.pk,
        "The chart",
        sha256_of(png()),
        world.editor,
    )
    response = client.get(f"/documents/{document.pk}/file/")
    assert b"".join(response.streaming_content) == png()  # type: ignore[attr-defined]
    assert newest(back).history_type == "+"


def test_an_attached_document_is_not_deleted_in_the_admin(world: EvidenceWorld) -> None:
    client, document = world.client(world.national), world.store("a.png", png(), title="Meter")
    attach(document, world.reading, by=world.editor)
    remove(attach(document, world.milestone, by=world.editor), by=world.editor, reason="Another boiler")
    shown = client.post(reverse("admin:pilots_document_delete", args=[document.pk]), {"post": "yes"}).text
    assert Document.objects.count() == 1
    said = [re.sub(r"<[^>]+>", "", line) for line in shown.split("\n") if "ttached to" in line or "deleted:" in line]
    name = world.home_pilot.name
    assert [line.strip() for line in said] == [
        "“Meter” cannot be deleted:",
        (
            "It is attached to records, or was: as evidence it stays on record. To take it off a record, use “Remove” "
            "on the page of the file, and say why."
        ),
        f"Attached to: {name}: {world.reading.indicator}; 2025",
        f"Attached to: {name}: Boiler replaced (removed on {format_date(today())})",
    ]
    assert f'href="{world.home_pilot.get_absolute_url()}#milestone-{world.milestone.pk}"' in shown
    for name, status in (("changelist", 200), ("add", 403)):
        assert client.get(reverse(f"admin:pilots_document_{name}")).status_code == status
    changed = client.get(reverse("admin:pilots_document_change", args=[document.pk]))
    assert f"/documents/{document.pk}/file/" in changed.content.decode()


def test_the_admin_shows_no_other_province_s_documents(world: EvidenceWorld) -> None:
    document = world.store("a.png", png(), title="Ours alone")
    attach(document, world.reading, by=world.editor)
    client = world.client(world.other)
    for name, args in (("changelist", []), ("change", [document.pk]), ("history", [document.pk])):
        page = client.get(reverse(f"admin:pilots_document_{name}", args=args), follow=True).content.decode()
        assert "Ours alone" not in page, name
    entry = document.history.get()
    assert client.get(reverse("admin:pilots_document_simple_history", args=[document.pk, entry.pk])).status_code == 404
    changes = client.get(reverse("changes")).content.decode()
    assert "Ours alone" not in changes
