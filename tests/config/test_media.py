"""Where files would be kept: on the disk, or in a bucket that answers over the wire as S3 does."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.places import media_store
from tests import serving

FOLDER = Path("/nowhere/media")
SIGNED = "AWS4-HMAC-SHA256 Credential=reader/"
STORY = """
import django; django.setup()
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage as store
name = store.save("letters/湖州.txt", ContentFile(b"a letter"))
second = store.save("letters/湖州.txt", ContentFile(b"another"))
with store.open(name) as file:
    print(file.read().decode(), store.size(name), name == "letters/湖州.txt", second != name, store.exists(name))
store.delete(name)
print(store.exists(name), store.exists(second))
"""


class Bucket(BaseHTTPRequestHandler):
    """As much of S3 as a file needs: objects by path, for whoever signs with the key."""

    objects: dict[str, bytes] = {}
    log: list[str] = []

    def do_PUT(self) -> None:
        self.objects[self.path] = self.body()
        self.answer(200)

    def do_GET(self) -> None:
        self.answer(200 if self.path in self.objects else 404, self.objects.get(self.path, b""))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.objects.pop(self.path, None)
        self.answer(204)

    def body(self) -> bytes:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if "aws-chunked" not in self.headers.get("Content-Encoding", ""):
            return content
        size, _line, rest = content.partition(b"\r\n")
        return rest[: int(size.partition(b";")[0], 16)]

    def answer(self, status: int, content: bytes = b"") -> None:
        signed = self.headers.get("Authorization", "").startswith(SIGNED)
        self.log.append(f"{self.command} {'signed' if signed else 'unsigned'} {status}")
        self.send_response(status if signed else 403)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Wed, 25 Nov 2026 01:02:03 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        return None


@pytest.fixture
def endpoint() -> Iterator[str]:
    Bucket.objects.clear()
    Bucket.log.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def story(home: Path, store: str) -> list[str]:
    keys = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}
    told = serving.run(
        home, "sqlite://:memory:", "-c", STORY, **keys, DJANGO_SETTINGS_MODULE="config.settings", MEDIA_STORE=store
    )
    return told.splitlines()


def test_a_bucket_keeps_files_over_the_wire(endpoint: str, tmp_path: Path) -> None:
    told = story(tmp_path, f"s3://tracker/files?endpoint={endpoint}&region=cn-north-1")
    assert told == ["a letter 8 True True True", "False True"]
    (left,) = Bucket.objects.items()
    assert left[0].startswith("/tracker/files/letters/%E6%B9%96%E5%B7%9E_")
    assert left[1] == b"another"
    assert {line.partition(" ")[0] for line in Bucket.log} == {"PUT", "GET", "HEAD", "DELETE"}
    assert not any("unsigned" in line for line in Bucket.log)


S3 = "storages.backends.s3.S3Storage"


@pytest.mark.parametrize(
    ("address", "store"),
    [
        ("", {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": FOLDER}}),
        (
            "s3://tracker",
            {"BACKEND": S3, "OPTIONS": {"bucket_name": "tracker", "location": "", "file_overwrite": False}},
        ),
        (
            "s3://tracker/a%20b/c/?region=cn-north-1&endpoint=https://s3.example.gov.cn:9000",
            {
                "BACKEND": S3,
                "OPTIONS": {
                    "bucket_name": "tracker",
                    "location": "a b/c",
                    "file_overwrite": False,
                    "endpoint_url": "https://s3.example.gov.cn:9000",
                    "addressing_style": "path",
                    "region_name": "cn-north-1",
                },
            },
        ),
    ],
)
def test_what_an_address_means(address: str, store: dict[str, Any]) -> None:
    assert media_store(address, FOLDER) == store


@pytest.mark.parametrize(
    "address",
    [
        "/var/media",
        "https://tracker/files",
        "s3://",
        "s3://Tracker",
        "s3://key:secret@tracker",
        "s3://tracker?endpoint",
        "s3://tracker?endpoint=",
        "s3://tracker?endpoint=s3.example.gov.cn",
        "s3://tracker?endpoint=https://s3.example.gov.cn/tracker",
        "s3://tracker?endpoint=https://a&endpoint=https://b",
        "s3://tracker?zone=north",
        "s3://tracker?region=",
    ],
)
def test_what_no_address_is(address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="MEDIA_STORE: use s3://BUCKET/PREFIX"):
        media_store(address, FOLDER)


def test_the_start_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ImproperlyConfigured: MEDIA_STORE: use s3://BUCKET/PREFIX"):
        serving.run(tmp_path, "sqlite://:memory:", "manage.py", "check", MEDIA_STORE="ftp://files")
