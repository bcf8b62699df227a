"""Documents and attachments in the API: upload, reading, attaching, removing, and who may."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from pilots.documents import attach
from pilots.models import Attachment, Document
from tests.pilots.documents.conftest import EvidenceWorld
from tests.support.api_client import ApiClient, client_with_token
from tests.support.files import pdf, png
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db
TWO_PAGES = pdf("Boiler room", "replaced in May")


def upload(client: ApiClient, name: str, content: bytes, **fields: str) -> Any:
    headers = {"Idempotency-Key": fields.pop("key")} if "key" in fields else {}
    body = encode_multipart(BOUNDARY, {"file": SimpleUploadedFile(name, content), **fields})
    return client.send("POST", "/api/v1/documents/", body, content_type=MULTIPART_CONTENT, **headers)


def errors_of(response: Any) -> list[tuple[str, str]]:
    return [(fault["pointer"], fault["code"]) for fault in response.json()["errors"]]


def test_a_file_is_uploaded_read_and_fetched(world: EvidenceWorld) -> None:
    client = client_with_token(world.editor)
    response = upload(client, "report.pdf", TWO_PAGES, title="Acceptance", doc_number="环函〔2025〕1号")
    document = Document.objects.get()
    assert (response.status_code, response["Location"]) == (201, f"http://testserver/api/v1/documents/{document.pk}/")
    row = response.json()
    assert (row["sha256"], row["file_size"]) == (document.sha256, len(TWO_PAGES))
    assert_snapshot("document", row | {"uploaded_on": "", "province": ""}, documents=document)
    assert client.send("GET", row["url"]).json() == row
    assert client.send("GET", "/api/v1/documents/?media_type=application/pdf&q=accept").json()["results"] == [row]
    content = client.send("GET", row["content"])
    assert b"".join(content.streaming_content) == TWO_PAGES
    assert (content["ETag"], content["Content-Security-Policy"]) == (
        f'"{document.sha256}"',
        "sandbox; default-src 'none'",
    )
    assert client.send("GET", row["content"], **{"if-none-match": content["ETag"]}).status_code == 304
    assert document.history.get().history_user == world.editor


def test_the_same_bytes_again_name_the_document_to_those_who_may_read_it(world: EvidenceWorld) -> None:
    document = world.store("first.png", png())
    response = upload(client_with_token(world.editor), "second.png", png())
    assert (response.status_code, errors_of(response)) == (409, [("/file", "same")])
    assert response["Location"] == f"http://testserver/api/v1/documents/{document.pk}/"
    other = upload(client_with_token(world.other), "third.png", png())
    assert (other.status_code, errors_of(other), other.has_header("Location")) == (409, [("/file", "same")], False)


def test_an_upload_repeated_under_its_key_gets_the_same_response(world: EvidenceWorld) -> None:
    client = client_with_token(world.editor)
    first = upload(client, "large.csv", b"a,b\n" * 900_000, key="one")
    again = upload(client, "large.csv", b"a,b\n" * 900_000, key="one")
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert upload(client, "other.csv", b"c,d\n", key="one").status_code == 422
    assert Document.objects.count() == 1


def test_another_province_finds_nothing(world: EvidenceWorld) -> None:
    document = world.store("private.png", png())
    item = attach(document, world.reading, by=world.editor)
    addresses = [f"documents/{document.pk}/", f"documents/{document.pk}/content/", f"attachments/{item.pk}/"]
    readers = [ApiClient(), client_with_token(world.viewer), client_with_token(world.other)]
    for client in readers:
        assert [client.send("GET", f"/api/v1/{address}").status_code for address in addresses] == [404] * 3
        for name in ("documents", "attachments"):
            assert client.send("GET", f"/api/v1/{name}/").json()["count"] == 0
    other = client_with_token(world.other)
    changes = {addresses[0]: {"title": "x"}, addresses[2]: {"removed_reason": "x"}}
    for address, body in changes.items():
        assert other.send("PATCH", f"/api/v1/{address}", body, **{"if-match": "*"}).status_code == 404
    created = other.send("POST", "/api/v1/attachments/", {"document": document.pk, "reading": world.reading.pk})
    assert (created.status_code, errors_of(created)) == (400, [("/document", "not_on_record")])
    mine = world.store("mine.csv", b"a,b", by=world.other)
    created = other.send("POST", "/api/v1/attachments/", {"document": mine.pk, "reading": world.reading.pk})
    assert (created.status_code, errors_of(created)) == (403, [("", "not_yours")])
    assert Attachment.objects.count() == 1


def test_a_document_is_attached_and_removed_with_a_reason(world: EvidenceWorld) -> None:
    document, client = world.store("report.pdf", TWO_PAGES), client_with_token(world.editor)
    body = {"document": document.pk, "milestone": world.milestone.pk, "page_number": 1, "quote": "replaced in may"}
    response = client.send("POST", "/api/v1/attachments/", body)
    item = Attachment.objects.get()
    row = response.json()
    assert (response.status_code, row["document"], row["milestone"]) == (201, document.pk, world.milestone.pk)
    found = row | {"attached_on": "", "document": "", "milestone": ""}
    assert_snapshot("attachment", found, attachments=item, documents=document)
    address = f"/api/v1/attachments/{item.pk}/"
    assert client.send("PATCH", address, {"removed_reason": "x"}).status_code == 428
    fixed = client.send("PATCH", address, {"quote": "other"}, **{"if-match": response["ETag"]})
    assert (fixed.status_code, errors_of(fixed)) == (409, [("/quote", "fixed")])
    removed = client.send("PATCH", address, {"removed_reason": "wrong year"}, **{"if-match": response["ETag"]})
    assert (removed.status_code, removed.json()["removed_reason"], removed.json()["revision"]) == (200, "wrong year", 2)
    assert removed.json()["removed_on"] == row["attached_on"]
    stale = client.send("PATCH", address, {"removed_reason": "again"}, **{"if-match": response["ETag"]})
    assert stale.status_code == 412
    assert client.send("DELETE", address).status_code in {403, 405}


def test_a_document_that_is_attached_is_not_deleted(world: EvidenceWorld) -> None:
    document, client = world.store("report.pdf", TWO_PAGES), client_with_token(world.national)
    attach(document, world.reading, by=world.national)
    address = f"/api/v1/documents/{document.pk}/"
    response = client.send("DELETE", address, **{"if-match": "*"})
    assert (response.status_code, errors_of(response)) == (409, [("", "in_use")])
    assert (
        client.send("DELETE", f"/api/v1/documents/{world.store('a.png', png()).pk}/", **{"if-match": "*"}).status_code
        == 204
    )
