"""Pages of evidence files: attaching, reading, removing, and who may do so."""

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.days import SIDES, database_name
from pilots.documents import attach
from pilots.metrics import Move
from pilots.models import Attachment, Document, Reading
from tests import factories as make
from tests.pilots.documents.conftest import EvidenceWorld
from tests.support.api_client import client_with_token
from tests.support.files import GOOD, HOSTILE, jpg, lying_zip, pdf, png
from tests.support.scripted_year import clock_at

pytestmark = pytest.mark.django_db
TWO_PAGES = pdf("Boiler room", "The boiler was\nreplaced in May")


def blob(content: bytes) -> str:
    checksum = hashlib.sha256(content).hexdigest()
    return f"blobs/{checksum[:2]}/{checksum}"


def send(client: Client, to: str, name: str = "", content: bytes = b"", **fields: Any) -> Any:
    """Send the form that attaches a file."""
    if name:
        fields["file"] = SimpleUploadedFile(name, content)
    return client.post(f"/documents/attach/?to={to}", fields)


def fetch(client: Client, address: str, **headers: str) -> Any:
    """Return the response; a file is read to its end, which closes it."""
    response: Any = client.get(address, headers=headers)
    if response.streaming:
        response.sent = b"".join(response.streaming_content)
    return response


# -- attaching -----------------------------------------------------------------------------------------


def test_an_editor_uploads_a_file_with_page_and_quote_and_the_pilot_s_page_shows_it(world: EvidenceWorld) -> None:
    client, to = world.client(world.editor), f"milestone:{world.milestone.pk}"
    fields = {"title": "Acceptance report", "page_number": "2", "quote": "boiler was replaced"}
    response = send(client, to, "report.pdf", TWO_PAGES, **fields)
    assert (response.status_code, response["Location"]) == (
        302,
        f"{world.home_pilot.get_absolute_url()}#milestone-{world.milestone.pk}",
    )
    document, item = Document.objects.get(), Attachment.objects.get()
    assert (document.title, document.file_name, document.file_size, document.media_type) == (
        "Acceptance report",
        "report.pdf",
        len(TWO_PAGES),
        "application/pdf",
    )
    assert (document.sha256, document.province_id, document.uploaded_by, document.is_public) == (
        hashlib.sha256(TWO_PAGES).hexdigest(),
        world.home_pilot.province_id,
        world.editor,
        False,
    )
    assert (item.target, item.province_id, item.attached_by) == (
        world.milestone,
        world.home_pilot.province_id,
        world.editor,
    )
    assert (item.page_number, item.quote) == (2, "boiler was replaced")
    assert world.files() == [blob(TWO_PAGES)]
    page = client.get(world.home_pilot.get_absolute_url()).content.decode()
    assert "Acceptance report" in page
    assert "boiler was replaced" in page


def test_a_file_attached_in_a_demonstration_is_there(world: EvidenceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock has passed the day that a demonstration calls today."""
    day = timezone.localdate() - timedelta(3)
    monkeypatch.setitem(SIDES, database_name(), (True, day))
    client, to = world.client(world.editor), f"milestone:{world.milestone.pk}"
    assert send(client, to, "chart.png", png(), title="New chart").status_code == 302
    assert "New chart" in client.get(world.home_pilot.get_absolute_url()).content.decode()
    document, item = (client.get(f"/api/v1/{name}/").json()["results"][0] for name in ("documents", "attachments"))
    assert (document["uploaded_on"], item["attached_on"], item["document"]) == (str(day), str(day), document["id"])
    assert client.get(document["url"]).status_code == 200


@pytest.mark.parametrize("name", GOOD)
def test_each_kind_of_file_is_kept_and_sent_as_it_came(world: EvidenceWorld, name: str) -> None:
    content, media_type = GOOD[name]
    client = world.client(world.editor)
    assert send(client, f"reading:{world.reading.pk}", name, content).status_code == 302
    response = fetch(client, f"/documents/{Document.objects.get().pk}/file/")
    assert (response.sent, response["Content-Type"]) == (content, media_type)


LYING = "a lying directory"


@pytest.mark.parametrize("case", [*HOSTILE, LYING])
def test_a_hostile_file_gets_an_error_at_its_field_and_leaves_nothing(world: EvidenceWorld, case: str) -> None:
    name, content, code = ("report.docx", lying_zip(), "") if case == LYING else HOSTILE[case]
    response = send(world.client(world.editor), f"reading:{world.reading.pk}", name, content, quote="kept")
    if code in {"name_hidden", "name_length"} and response.status_code == 302:
        pytest.skip("Django's parser has taken the characters out of the name already")
    assert response.status_code == 400
    assert list(response.context["form"].errors) == ["file"]
    assert response.context["form"]["quote"].value() == "kept"
    assert (world.files(), Document.objects.count(), Attachment.objects.count()) == ([], 0, 0)


def test_a_path_in_the_name_is_never_followed_or_kept(world: EvidenceWorld) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="../../../etc/cron.d/report.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n" + pdf("x") + b"\r\n--x--\r\n"
    )
    client = world.client(world.editor)
    address = f"/documents/attach/?to=reading:{world.reading.pk}"
    response = client.post(address, body, content_type="multipart/form-data; boundary=x")
    assert response.status_code == 302
    assert (Document.objects.get().file_name, world.files()) == ("report.pdf", [blob(pdf("x"))])


# -- the same bytes again ------------------------------------------------------------------------------


def test_the_same_bytes_again_are_offered_with_what_was_entered(world: EvidenceWorld) -> None:
    document = world.store("first.pdf", TWO_PAGES, title="The first")
    client, to = world.client(world.editor), f"reading:{world.reading.pk}"
    response = send(client, to, "second.pdf", TWO_PAGES, page_number="1", quote="boiler room")
    assert response.status_code == 409
    assert (response.context["same"], Attachment.objects.count()) == (document, 0)
    form = response.context["form"]
    entered = {name: form[name].value() for name in ("page_number", "quote")}
    assert entered == {"page_number": "1", "quote": "boiler room"}
    again = client.post(f"/documents/attach/?to={to}", {**entered, "same": response.context["form"].offer})
    assert again.status_code == 302
    item = Attachment.objects.get()
    assert (item.document, item.page_number, item.quote) == (document, 1, "boiler room")
    assert (Document.objects.count(), world.files()) == (1, [blob(TWO_PAGES)])


def test_the_same_bytes_of_another_province_are_offered_without_its_title(world: EvidenceWorld) -> None:
    document = world.store("theirs.pdf", TWO_PAGES, by=world.other, title="Internal minutes of the other province")
    client, to = world.client(world.editor), f"reading:{world.reading.pk}"
    response = send(client, to, "ours.pdf", TWO_PAGES)
    assert response.status_code == 409
    assert "Internal minutes" not in response.content.decode()
    assert client.get(f"/documents/{document.pk}/").status_code == 404
    offer = response.context["form"].offer
    stranger = world.client(world.national).post(f"/documents/attach/?to={to}", {"same": offer})
    assert (stranger.status_code, Attachment.objects.count()) == (400, 0)  # the offer is this user's alone
    assert client.post(f"/documents/attach/?to={to}", {"same": offer}).status_code == 302
    assert client.get(f"/documents/{document.pk}/").status_code == 200


def test_a_document_is_attached_to_many_records_and_once_to_each(world: EvidenceWorld) -> None:
    document = world.store("report.pdf", TWO_PAGES)
    client = world.client(world.editor)
    for to in (f"reading:{world.reading.pk}", f"milestone:{world.milestone.pk}"):
        assert send(client, to, document=document.pk).status_code == 302
    twice = send(client, f"reading:{world.reading.pk}", document=document.pk)
    assert twice.context["form"].errors == {"document": ["It is attached there already."]}
    assert Attachment.objects.count() == 2
    labels = {use["label"] for use in client.get(f"/documents/{document.pk}/").context["uses"]}
    assert labels == {
        f"{world.home_pilot.name}: Boiler replaced",
        f"{world.home_pilot.name}: {world.reading.indicator}; 2025",
    }


def test_a_pilot_with_over_a_thousand_values_has_a_page_with_the_file_of_the_last(world: EvidenceWorld) -> None:
    indicators = [make.indicator(f"OUT_{n}", name_en=f"Output {n}") for n in range(26)]
    facts = {"pilot": world.home_pilot, "value": 1, "reported_on": world.reading.reported_on}
    facts["accepted_on"] = world.reading.accepted_on
    Reading.objects.bulk_create(
        Reading(indicator=indicator, period=f"{year}-Q{quarter}", **facts)
        for indicator in indicators
        for year in range(2015, 2025)
        for quarter in (1, 2, 3, 4)
    )
    attach(world.store("meter.png", png(), title="The meter"), Reading.objects.latest("pk"), by=world.editor)
    page = world.client(world.editor).get(world.home_pilot.get_absolute_url())
    assert (page.status_code, "The meter" in page.text) == (200, True)


# -- who may -------------------------------------------------------------------------------------------


def test_nobody_but_the_editors_of_the_record_attaches_or_removes(world: EvidenceWorld) -> None:
    document = world.store("report.pdf", TWO_PAGES, is_public=True)
    item = attach(document, world.milestone, by=world.editor)
    addresses = [f"/documents/attach/?to=milestone:{world.milestone.pk}", f"/documents/attachments/{item.pk}/remove/"]
    for address in addresses:
        for user, status in [(None, 302), (world.viewer, 404), (world.other, 404)]:
            client = world.client(user)
            assert client.get(address).status_code == status
            assert client.post(address, {"removed_reason": "x", "document": document.pk}).status_code == status
        assert world.client(world.editor).get(address).status_code == 200
        assert world.client(world.national).get(address).status_code == 200
    assert list(Attachment.objects.filter(removed_on=None)) == [item]


def test_a_file_is_read_by_those_whom_it_concerns(world: EvidenceWorld) -> None:
    private = world.store("private.pdf", pdf("private"))
    public = world.store("public.png", png(), is_public=True)
    theirs = world.store("theirs.jpg", jpg(), by=world.other)
    readers = {None: "", world.viewer: "", world.editor: "private", world.other: "theirs", world.national: "both"}
    for user, seen in readers.items():
        client = world.client(user)
        for document, allowed in [
            (private, seen in {"private", "both"}),
            (public, True),
            (theirs, seen in {"theirs", "both"}),
        ]:
            for address in (f"/documents/{document.pk}/", f"/documents/{document.pk}/file/"):
                assert fetch(client, address).status_code == (200 if allowed else 404), (user, address)
    attach(theirs, world.reading, by=world.national)
    assert fetch(world.client(world.editor), f"/documents/{theirs.pk}/file/").status_code == 200


def test_the_list_is_for_editors_and_holds_what_they_may_read(world: EvidenceWorld) -> None:
    mine = world.store("mine.pdf", pdf("mine"), title="Mine")
    public = world.store("public.png", png(), by=world.other, is_public=True, title="Public")
    world.store("theirs.jpg", jpg(), by=world.other, title="Theirs")
    assert world.client(None).get("/documents/").status_code == 302
    assert world.client(world.viewer).get("/documents/").status_code == 403
    listing = world.client(world.editor).get("/documents/").context["listing"]
    assert [row[0].value for row in listing.table.rows] == ["Public", "Mine"]
    assert {row[0].url for row in listing.table.rows} == {
        reverse("document-detail", args=[d.pk]) for d in (mine, public)
    }
    found = world.client(world.editor).get("/documents/?media_type=image/png&q=pub").context["listing"]
    assert [row[0].value for row in found.table.rows] == ["Public"]
    assert world.client(world.national).get("/documents/").context["listing"].count == 3


def test_a_reader_sees_how_many_files_are_not_public_and_no_word_of_them(world: EvidenceWorld) -> None:
    attach(world.store("secret.pdf", pdf("x"), title="Secret minutes"), world.reading, by=world.editor, quote="12 t")
    attach(world.store("open.png", png(), title="Open chart", is_public=True), world.reading, by=world.editor)
    for user in (None, world.viewer, world.other):
        page = world.client(user).get(world.home_pilot.get_absolute_url()).content.decode()
        assert "Open chart" in page
        assert "1 file that is not public" in page
        assert "Secret minutes" not in page
        assert "12 t" not in page
        assert "/documents/attach/" not in page


@pytest.mark.parametrize("since", ["made private", "deleted", "removed", "made public"])
def test_a_past_day_shows_no_file_that_today_s_records_close(
    world: EvidenceWorld, settings: Any, tmp_path: Path, since: str
) -> None:
    settings.SNAPSHOT_DIR = tmp_path / "known"
    document = world.store(
        "chart.png", png(), by=world.national, title="Old chart", is_public=since in {"made private", "deleted"}
    )
    path, day, reader = f"/api/v1/documents/{document.pk}/", timezone.localdate(), None
    change: tuple[str, str, dict[str, object]] = ("PATCH", path, {"is_public": since == "made public"})
    if since == "deleted":
        change = ("DELETE", path, {})
    else:
        item = attach(document, world.milestone, by=world.national)
    if since == "removed":
        reader, change = world.editor, ("PATCH", f"/api/v1/attachments/{item.pk}/", {"removed_reason": "Wrong year"})
    with clock_at(day + timedelta(2)):
        client = world.client(reader)

        def seen(address: str) -> object:
            response = fetch(client, f"{address}?known={day}")
            if response.status_code != 200 or response.streaming:
                return response.status_code
            text = response.content.decode()
            return json.loads(text)["count"] if '"count":' in text else "Old chart" in text

        addresses = (f"/documents/{document.pk}/", f"/documents/{document.pk}/file/", path, f"{path}content/")
        lists = ("/api/v1/documents/", "/api/v1/attachments/", world.home_pilot.get_absolute_url())
        closed, attached = [404, 404, 404, 404, 0, 0, False], since != "deleted"
        opened = [True, 200, True, 200, 1, int(attached), attached]
        before = [seen(address) for address in (*addresses, *lists)]
        assert before == (closed if since == "made public" else opened)
        response = client_with_token(world.national).send(*change, **{"if-match": "*"})
        assert response.status_code in {200, 204}, response.content
        assert [seen(address) for address in (*addresses, *lists)] == closed


# -- the file ------------------------------------------------------------------------------------------


def test_a_file_is_sent_to_be_saved_and_never_run(world: EvidenceWorld) -> None:
    document = world.store("验收 报告.pdf", TWO_PAGES, is_public=True)
    client = world.client(world.editor)
    response = fetch(client, f"/documents/{document.pk}/file/", **{"accept-encoding": "gzip"})
    assert {
        name: response[name]
        for name in (
            *("Content-Disposition", "Content-Security-Policy", "X-Content-Type-Options", "ETag", "Cache-Control"),
            *("Content-Type", "Content-Length", "X-Frame-Options"),
        )
    } == {
        "Content-Disposition": (
            "attachment; filename=\" .pdf\"; filename*=UTF-8''%E9%AA%8C%E6%94%B6%20%E6%8A%A5%E5%91%8A.pdf"
        ),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "ETag": f'"{document.sha256}"',
        "Cache-Control": "private, no-cache",
        "Content-Type": "application/pdf",
        "Content-Length": str(len(TWO_PAGES)),
        "X-Frame-Options": "DENY",
    }
    assert "Cookie" in response["Vary"]
    assert not response.has_header("Content-Encoding")
    seen = client.get(f"/documents/{document.pk}/file/", headers={"if-none-match": f'"{document.sha256}"'})
    assert (seen.status_code, seen.content, seen["ETag"]) == (304, b"", f'"{document.sha256}"')
    Document.objects.update(is_public=False)
    stranger = world.client(world.other)
    denied = stranger.get(f"/documents/{document.pk}/file/", headers={"if-none-match": f'"{document.sha256}"'})
    assert denied.status_code == 404
    assert client.post(f"/documents/{document.pk}/file/").status_code == 405


def test_a_file_that_is_gone_from_disk_is_said_to_be_missing(
    world: EvidenceWorld, caplog: pytest.LogCaptureFixture
) -> None:
    document = world.store("chart.png", png())
    (world.root / blob(png())).unlink()
    client, addresses = world.client(world.editor), (f"/documents/{document.pk}/file/", api_content(document))
    page, told = (client.get(address) for address in addresses)
    assert (page.status_code, told.status_code) == (410, 410)
    assert "The record is here, but its file is missing." in page.content.decode()
    assert "its file is missing" in told.json()["detail"]
    logged = [record for record in caplog.records if record.name == "tracker.files"]
    assert [(record.levelname, document.sha256 in record.message) for record in logged] == [("ERROR", True)] * 2
    assert "文件缺失" in client.get(f"{addresses[0]}?lang=zh-hans").content.decode()


@pytest.mark.parametrize("case", ["not mounted", "unreadable"])
def test_a_store_that_does_not_answer_is_said_to_be_away(
    world: EvidenceWorld, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    document = world.store("chart.png", png())

    def fail(*_args: object) -> None:
        raise OSError("stale file handle")

    if case == "unreadable":
        monkeypatch.setattr(FileSystemStorage, "_open", fail)
    else:
        (world.root / "blobs").rename(world.root / "elsewhere")
    client = world.client(world.editor)
    client.raise_request_exception = False
    for address in (f"/documents/{document.pk}/file/", api_content(document)):
        away = client.get(address)
        assert (away.status_code, away["Retry-After"]) == (503, "2")
        assert "The store of files does not answer now." in away.text
    assert "文件存储暂无响应" in client.get(f"{api_content(document)}?lang=zh-hans").json()["detail"]


def api_content(document: Document) -> str:
    return f"/api/v1/documents/{document.pk}/content/"


# -- removing ------------------------------------------------------------------------------------------


def test_files_of_what_the_ministry_accepted_are_removed_by_the_ministry(world: EvidenceWorld) -> None:
    """Of an accepted value, and of a step that was answered; nothing keeps further files away."""
    document = world.store("chart.png", png())
    follow_up = make.follow_up(world.home_pilot, (Move.SIGN, date(2026, 6, 2)), (Move.REPORT, date(2026, 6, 2)))
    reported = follow_up.steps.get(move=Move.REPORT)
    items = [attach(document, target, by=world.editor) for target in (world.reading, reported)]
    make.step(follow_up, Move.VERIFY, date(2026, 6, 3))
    for item in items:
        address, api = f"/documents/attachments/{item.pk}/remove/", f"/api/v1/attachments/{item.pk}/"
        clients = {user: client_with_token(user) for user in (world.editor, world.national)}
        reason = {"removed_reason": "Another year"}
        refused = clients[world.editor].send("PATCH", api, reason, **{"if-match": "*"})
        assert (refused.status_code, refused.json()["detail"]) == (
            403,
            "Your role may not change this: ask the ministry.",
        )
        assert world.client(world.editor).post(address, reason).status_code == 404
        assert address not in world.client(world.editor).get(f"/documents/{document.pk}/").content.decode()
        assert clients[world.national].send("PATCH", api, reason, **{"if-match": "*"}).status_code == 200
    attach(world.store("new.pdf", pdf("new")), world.reading, by=world.editor)


def test_a_removed_attachment_is_a_tombstone_with_its_reason(world: EvidenceWorld) -> None:
    item = attach(world.store("chart.png", png(), title="Old chart"), world.milestone, by=world.editor)
    client, address = world.client(world.editor), f"/documents/attachments/{item.pk}/remove/"
    assert client.post(address, {"removed_reason": "  "}).status_code == 400
    assert client.post(address, {"removed_reason": "It shows another year"}).status_code == 302
    item.refresh_from_db()
    assert (item.removed_on is not None, item.removed_reason) == (True, "It shows another year")
    entry = item.history.first()
    assert (entry.history_user, entry.removed_reason, entry.history_change_reason) == (
        world.editor,
        "It shows another year",
        None,
    )
    assert "Old chart" not in client.get(world.home_pilot.get_absolute_url()).content.decode()
    assert client.get(f"/documents/{item.document_id}/").context["uses"] == []
    assert client.get(address).status_code == 404
    assert world.files() == [blob(png())]
    assert send(client, f"milestone:{world.milestone.pk}", document=item.document_id).status_code == 302
