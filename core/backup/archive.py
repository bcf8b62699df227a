"""Archive of a backup: a tar file of `manifest.json`, the database, the uploaded files, and a seal.

The seal is the last member and holds the SHA-256 of all bytes before it. Its own bytes follow from that checksum, so no
byte of the file can change unseen. The archive is not compressed: the files in it are, and tools that copy backups to
another place find what is equal in two of them.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from core.backup.databases import BackupError
from core.backup.manifest import Manifest
from core.files.storage import sync_folder

MANIFEST, SEAL = "manifest.json", "SHA256"
DATABASES = {"sqlite": "database.sqlite3", "postgresql": "database.dump", "portable": "database.jsonl"}
NAMES = re.compile(
    rf"{re.escape(MANIFEST)}|{SEAL}|{'|'.join(map(re.escape, DATABASES.values()))}|blobs/[0-9a-f]{{2}}/[0-9a-f]{{64}}"
)
CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Part:
    """Member of an archive that is to be written."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


class HashingFile:
    """File that is written from start to end, with the checksum of what was written."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.digest, self.length = file, hashlib.sha256(), 0

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        self.length += len(content)
        return self.file.write(content)

    def tell(self) -> int:
        return self.length


# -- writing -----------------------------------------------------------------------------------------------


def write_archive(target: Path, parts: Iterable[Part]) -> None:
    """Write the parts and the seal to a file beside the target and move it there: no half archive has its name."""
    unfinished = target.with_name(target.name + ".part")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # as secret as the database
    try:
        with os.fdopen(handle, "wb") as raw:
            file: Any = HashingFile(raw)
            tar = tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT)  # noqa: SIM115  # the seal closes it
            for part in parts:
                with part.open() as content:
                    tar.addfile(member(part.name, part.size), content)
            raw.write(seal_bytes(file.digest.hexdigest(), file.length))
            raw.flush()
            os.fsync(raw.fileno())
        unfinished.replace(target)
        sync_folder(target.parent)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def member(name: str, size: int) -> tarfile.TarInfo:
    """Return the header of a member: nothing of the machine or the moment is in it."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info


def seal_bytes(digest: str, position: int) -> bytes:
    """Return what closes an archive whose other members end at the position: the seal, and the end of a tar file."""
    content = f"{digest}\n".encode()
    bytes_of_seal = member(SEAL, len(content)).tobuf(tarfile.GNU_FORMAT) + content.ljust(tarfile.BLOCKSIZE, b"\0")
    unpadded = position + len(bytes_of_seal) + 2 * tarfile.BLOCKSIZE
    return bytes_of_seal + bytes(2 * tarfile.BLOCKSIZE + -unpadded % tarfile.RECORDSIZE)


# -- reading -----------------------------------------------------------------------------------------------


class Archive:
    """Archive that was opened for reading, with its manifest. `verify` comes before anything else is read from it."""

    def __init__(self, path: Path, tar: tarfile.TarFile, members: dict[str, tarfile.TarInfo]) -> None:
        self.path, self.tar, self.members = path, tar, members
        self.manifest = Manifest.from_bytes(self.read(MANIFEST), path.name)

    def read(self, name: str) -> bytes:
        with self.open(name) as file:
            return file.read()

    def open(self, name: str) -> IO[bytes]:
        found = self.tar.extractfile(self.members[name])
        if found is None:
            raise BackupError(f"{self.path.name}: {name} is no file.")
        return found

    def extract(self, name: str, target: Path) -> None:
        """Write a member to a file that only we can read, and to disk."""
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file, self.open(name) as content:
            while chunk := content.read(CHUNK):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())

    def verify(self) -> None:
        """Read every byte and compare checksums. Raises BackupError with what is wrong."""
        check_seal(self.path, self.members[SEAL])
        manifest = self.manifest
        expected = {manifest.database.name: (manifest.database.size, manifest.database.sha256)}
        expected |= {blob_member(checksum): (size, checksum) for checksum, size in manifest.files.items()}
        if set(expected) != set(self.members) - {MANIFEST, SEAL}:
            odd = min(set(expected) ^ (set(self.members) - {MANIFEST, SEAL}))
            raise BackupError(f"{self.path.name} is damaged: its manifest and its parts disagree about {odd}.")
        for name, (size, checksum) in expected.items():
            with self.open(name) as content:
                if (self.members[name].size, checksum_of(content)) != (size, checksum):
                    raise BackupError(f"{self.path.name} is damaged: {name} is not what its manifest says.")


def blob_member(checksum: str) -> str:
    return f"blobs/{checksum[:2]}/{checksum}"


def checksum_of(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def opened_archive(path: Path) -> Iterator[Archive]:
    """Open an archive, as a context manager. Raises BackupError for whatever is not one."""
    try:
        with tarfile.open(path, "r:") as tar:
            yield Archive(path, tar, read_members(path, tar))
    except FileNotFoundError as exc:
        raise BackupError(f"There is no file {path}.") from exc
    except tarfile.TarError as exc:
        raise BackupError(f"{path.name} is no backup of this product, or cut short: {exc}.") from exc
    except OSError as exc:
        raise BackupError(f"{path}: {exc.strerror or exc}.") from exc


def read_members(path: Path, tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """Return the members by name. Raises BackupError for one that no backup has, and where the seal is missing."""
    found: dict[str, tarfile.TarInfo] = {}
    for info in tar:
        if not found and info.name != MANIFEST:
            raise BackupError(f"{path.name} is no backup of this product: its first part is {info.name!r}.")
        if not NAMES.fullmatch(info.name) or not info.isreg() or info.name in found:
            raise BackupError(f"{path.name} has a part that no backup has: {info.name!r}.")
        found[info.name] = info
    if next(reversed(found), "") != SEAL:
        raise BackupError(f"{path.name} is cut short or damaged: the part that closes a backup is missing.")
    return found


def check_seal(path: Path, seal: tarfile.TarInfo) -> None:
    digest, position = hashlib.sha256(), 0
    with path.open("rb") as file:
        while position < seal.offset:
            chunk = file.read(min(CHUNK, seal.offset - position))
            if not chunk:
                break
            digest.update(chunk)
            position += len(chunk)
        tail = file.read(2 * tarfile.RECORDSIZE + io.DEFAULT_BUFFER_SIZE)
    if tail != seal_bytes(digest.hexdigest(), seal.offset):
        raise BackupError(f"{path.name} is damaged: its bytes are not those that were written (SHA-256).")
