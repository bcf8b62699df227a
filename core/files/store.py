"""Store of files by the checksum of their bytes, in the default storage: `blobs/ab/<sha256>`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import IO, cast

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage

from core.http.errors import FileStoreUnavailable

ROOT = "blobs"
CHECKSUM = re.compile(r"^[0-9a-f]{64}$")

OWNERS: list[Callable[[], Collection[str]]] = []


def register_owner(checksums: Callable[[], Collection[str]]) -> None:
    """Register a function that returns the checksums of stored files that have a record of their own."""
    OWNERS.append(checksums)


def owned_names() -> set[str]:
    """Return the names of the files whose checksums are registered."""
    return {blob_name(checksum) for checksums in OWNERS for checksum in checksums()}


KEPT: list[Callable[[], Collection[str]]] = []


def register_kept(checksums: Callable[[], Collection[str]]) -> None:
    """Register a function that returns the checksums of further files that belong into a backup: of records, and of
    deleted ones that can be restored."""
    KEPT.append(checksums)


def kept_names() -> set[str]:
    """Return the names of all files that a backup of the database needs."""
    return owned_names() | {blob_name(checksum) for checksums in KEPT for checksum in checksums()}


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
