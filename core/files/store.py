"""Store of files by the checksum of their bytes, in the default storage: `blobs/ab/<sha256>`.

The setting MEDIA_STORE is its address.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, default_storage
from django.db.models import Model

from core.http.errors import FileStoreUnavailable

ROOT = "blobs"
CHECKSUM = re.compile(r"^[0-9a-f]{64}$")


def kept_names(*, without: type[Model] | None = None) -> set[str]:
    """Return the names of all files that a backup of the database needs, of one model apart.

    A model whose records have stored files says which by a class method `stored_checksums`.
    """
    models: list[Any] = [model for model in apps.get_models() if hasattr(model, "stored_checksums")]
    return {blob_name(checksum) for model in models if model is not without for checksum in model.stored_checksums()}


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def blob_name(checksum: str) -> str:
    """Return the name under which a file with this checksum is stored. Raises ValueError for anything else."""
    if not CHECKSUM.match(checksum):
        raise ValueError(checksum)
    return f"{ROOT}/{checksum[:2]}/{checksum}"


@contextmanager
def reported_failures() -> Iterator[None]:
    """Raise FileStoreUnavailable for whatever keeps the store from being read or written; a missing file aside."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise FileStoreUnavailable(f"the store of files (MEDIA_STORE) failed: {exc}") from exc


def save_blob(content: bytes) -> str:
    """Store the bytes and return their checksum. The same bytes are stored once, and written again each time: what
    was damaged on disk is whole again. Raises FileStoreUnavailable."""
    checksum = sha256_of(content)
    with reported_failures():
        default_storage.save(blob_name(checksum), ContentFile(content))
    return checksum


def open_blob(checksum: str) -> IO[bytes]:
    """Open a stored file. Raises FileNotFoundError, or FileStoreUnavailable."""
    with reported_failures():
        return cast(IO[bytes], default_storage.open(blob_name(checksum)))


def stored_names(storage: Storage = default_storage) -> Iterator[str]:
    """Yield the names of all stored files, whatever they are."""
    for folder in list_folder(storage, ROOT)[0]:
        for name in list_folder(storage, f"{ROOT}/{folder}")[1]:
            yield f"{ROOT}/{folder}/{name}"
    yield from (f"{ROOT}/{name}" for name in list_folder(storage, ROOT)[1])


def list_folder(storage: Storage, path: str) -> tuple[list[str], list[str]]:
    """Return the folders and files in a folder, sorted; none where it does not exist."""
    with suppress(FileNotFoundError):
        folders, files = storage.listdir(path)
        return sorted(folders), sorted(files)
    return [], []


UNFINISHED = "unfinished"  # folder of files that are being written


class AtomicFileSystemStorage(FileSystemStorage):
    """File system storage that writes to a temporary file first and moves it into place; a file of that name is
    replaced."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: Any) -> str:
        target, folder = Path(self.path(name)), Path(self.path(UNFINISHED))
        for path in (target.parent, folder):
            path.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        sync_folder(target.parent)
        return name


def sync_folder(folder: Path) -> None:
    """Write the folder itself to disk, so that a new name survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def media_storage(address: str, folder: Path) -> dict[str, Any]:
    """Return the storage of uploaded files: a folder, or a bucket of an S3-compatible server. For the settings."""
    parts = urlsplit(address)
    if not address or (parts.scheme == "file" and parts.path.startswith("/")):
        options = {"location": parts.path or folder, "base_url": None}
        return {"BACKEND": "core.files.store.AtomicFileSystemStorage", "OPTIONS": options}
    bucket, _slash, prefix = parts.path.strip("/").partition("/")
    if parts.scheme not in {"s3", "s3+http"} or not parts.hostname or not bucket or "@" not in parts.netloc:
        raise ImproperlyConfigured("MEDIA_STORE: use s3://KEY:SECRET@HOST[:PORT]/BUCKET[/PREFIX] or file:///FOLDER.")
    return {
        "BACKEND": "core.files.s3_storage.PromptS3Storage",
        "OPTIONS": {
            "endpoint_url": f"{'http' if parts.scheme == 's3+http' else 'https'}://{parts.netloc.rpartition('@')[2]}",
            "access_key": unquote(parts.username or ""),
            "secret_key": unquote(parts.password or ""),
            "bucket_name": bucket,
            "location": prefix,
            "region_name": dict(parse_qsl(parts.query)).get("region", "us-east-1"),
        },
    }
