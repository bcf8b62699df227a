"""Evidence files of a server that is killed, and in an S3-compatible store."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from core.files import blob_name, sha256_of
from core.storage import media_storage
from pilots.models import Document
from tests.pilots.documents.conftest import EvidenceWorld
from tests.pilots.documents.test_check_files import CLEAN, run_check
from tests.support.files import HOSTILE, pdf, png
from tests.support.live_server import serve_project, wait_for, wait_until_ended

pytestmark = pytest.mark.process


def upload_request(token: str, name: str, content: bytes, **headers: str) -> bytes:
    """Return the bytes of a request that uploads a file."""
    body = encode_multipart(BOUNDARY, {"file": SimpleUploadedFile(name, content)})
    lines = {
        "Host": "localhost",
        "Authorization": f"Bearer {token}",
        "Content-Type": MULTIPART_CONTENT,
        "Content-Length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST /api/v1/documents/ HTTP/1.1\r\n{head}\r\n".encode() + body


def test_kill_9_in_an_upload_leaves_no_half_file(django_db_setup: None, django_db_blocker: Any, tmp_path: Path) -> None:
    media, content = tmp_path / "media", pdf("x") + b"\n" * 6_000_000 + b"%%EOF\n"
    with (
        django_db_blocker.unblock(),
        serve_project(tmp_path, MEDIA_STORE=f"file://{media}") as product,
    ):
        request = upload_request(product.tokens["admin"], "report.pdf", content)
        with socket.create_connection(("127.0.0.1", product.port), timeout=60) as plug:
            plug.sendall(request[: len(request) // 2])  # the server waits for the rest
            product.client().send("GET", "")
            product.stop()
        assert [path for path in media.rglob("*") if path.is_file()] == []
        assert "documents: 0\nfiles: 0" in product.run("manage.py", "check_files", "--hash")

        product.start()
        request = upload_request(product.tokens["admin"], "report.pdf", content, **{"X-Die": "1"})
        with socket.create_connection(("127.0.0.1", product.port), timeout=60) as plug:
            plug.sendall(request)
            assert plug.recv(100) == b""  # killed after the work and before the response
        wait_until_ended(product)
        assert "documents: 1\nfiles: 1" in product.run("manage.py", "check_files", "--hash")

        product.start()
        rows = product.client().send("GET", "documents/").json()["results"]
        assert [(row["sha256"], row["file_size"]) for row in rows] == [(sha256_of(content), len(content))]


# -- S3 ------------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(tmp_path_factory: pytest.TempPathFactory, settings: Any) -> Iterator[Any]:
    """Yield a bucket of an S3 server on this machine, which MEDIA_STORE names."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("s3") / "s3.log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, stdout=out, stderr=out)  # noqa: S603  # a package of the tests
        try:
            wait_for(f"http://127.0.0.1:{port}/moto-api/", process, log)
            backend = media_storage(f"s3+http://key:secret@127.0.0.1:{port}/evidence/tracker", log.parent)
            options = backend["OPTIONS"]
            s3 = boto3.resource(
                "s3",
                endpoint_url=options["endpoint_url"],
                aws_access_key_id="key",
                aws_secret_access_key="secret",
                region_name="us-east-1",
            )
            bucket = s3.create_bucket(Bucket="evidence")
            settings.STORAGES = {**settings.STORAGES, "default": backend}
            yield bucket
        finally:
            process.terminate()
            process.wait(timeout=60)


@pytest.mark.django_db
def test_an_s3_store_holds_sends_and_checks_the_files(world: EvidenceWorld, bucket: Any) -> None:
    client = world.client(world.editor)
    address = f"/documents/attach/?to=reading:{world.reading.pk}"

    def send(name: str, content: bytes) -> Any:
        return client.post(address, {"file": SimpleUploadedFile(name, content)})

    for name, content, _code in (HOSTILE["macros"], HOSTILE["a web page named PDF"]):
        assert send(name, content).status_code == 400
    assert [item.key for item in bucket.objects.all()] == []
    assert send("chart.png", png()).status_code == 302
    document = Document.objects.get()
    assert [item.key for item in bucket.objects.all()] == [f"tracker/{blob_name(document.sha256)}"]
    response = client.get(f"/documents/{document.pk}/file/")
    assert b"".join(response.streaming_content) == png()
    assert world.client(world.other).get(f"/documents/{document.pk}/file/").status_code == 404
    assert run_check("--hash") == (0, {**CLEAN, "documents": "1", "files": "1", "damaged": "0"}, [])
    bucket.put_object(Key=f"tracker/{blob_name(document.sha256)}", Body=b"other bytes")
    assert run_check("--hash")[0] == 1
    bucket.delete_objects(Delete={"Objects": [{"Key": f"tracker/{blob_name(document.sha256)}"}]})
    assert run_check()[2] == [f"missing: {blob_name(document.sha256)}"]
    assert client.get(f"/documents/{document.pk}/file/").status_code == 410
    assert world.files() == []


@pytest.mark.django_db
def test_an_s3_store_that_does_not_answer_is_said_to(world: EvidenceWorld, settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]  # nobody listens there any more
    document = world.store("chart.png", png(), is_public=True)
    storage = media_storage(f"s3+http://k:s@127.0.0.1:{port}/evidence", settings.MEDIA_ROOT)
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    client = world.client(world.editor)
    client.raise_request_exception = False
    response = client.get(f"/documents/{document.pk}/file/")
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert "The store of files does not answer now." in response.content.decode()
