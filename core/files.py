"""Files that people upload: checked by content and name alike, hostile ones rejected before they are stored; and their
store by the checksum of their bytes, in the default storage: `blobs/ab/<sha256>`. The setting MEDIA_STORE is its
address.

Errors are ValidationErrors with a stable code and a remedy.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from botocore.exceptions import BotoCoreError, ClientError
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, default_storage
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from core.errors import FileStoreUnavailable
from core.spreadsheets.cells import UnreadableFile
from core.spreadsheets.reader import (
    OLE_SIGNATURE,
    UNZIP_ERRORS,
    WEB_PAGE,
    ZIP_SIGNATURES,
    decode_text,
    member_names,
    open_zip,
)
from core.text import invisible_character

MAX_FILE_BYTES = 20 * 2**20
MAX_NAME = 200  # characters of a file name
OOXML = "application/vnd.openxmlformats-officedocument"
MEDIA_TYPES = {
    "pdf": "application/pdf",
    "ofd": "application/ofd",
    "docx": f"{OOXML}.wordprocessingml.document",
    "xlsx": f"{OOXML}.spreadsheetml.sheet",
    "csv": "text/csv",
    "png": "image/png",
    "jpg": "image/jpeg",
}
SUFFIXES = {**{kind: kind for kind in MEDIA_TYPES}, "jpeg": "jpg"}
SIGNATURES = {  # first bytes, and what stands in the last so many bytes of a whole file
    "pdf": (b"%PDF-", b"%%EOF", 2048),
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"IEND", 64),
    "jpg": (b"\xff\xd8\xff", b"\xff\xd9", 4096),
}
ZIP_MAIN_PARTS = {"word/document.xml": "docx", "xl/workbook.xml": "xlsx", "ofd.xml": "ofd"}
CONTENT_TYPES_PART = "[content_types].xml"
UNSAFE_NAME = re.compile(r"^/|^[a-z]:|(^|/)\.\.(/|$)|[\x00-\x1f]", re.IGNORECASE)
ARCHIVE = re.compile(r"\.(zip|jar|war|gz|tgz|bz2|xz|7z|rar|tar|zst)$", re.IGNORECASE)
MACRO_PART = re.compile(r"(^|/)vba\w*\.bin$", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
ACCEPT = ",".join(f".{suffix}" for suffix in SUFFIXES)  # of a file field


REASONS = {
    "name_length": _("The name of the file has 1 to %(limit)s characters. Rename the file."),
    "name_path": _("The name of the file holds a path. Give the name alone."),
    "name_hidden": _("The name of the file holds invisible characters. Rename the file."),
    "type_unknown": _("Files of this kind are not kept. Use one of: %(kinds)s."),
    "too_large": _("The file is larger than %(limit)s MB. Make its pictures smaller, or split it."),
    "empty": _("The file is empty. Choose it again, or save it anew."),
    "type_differs": _("The file is named .%(suffix)s, but its content is %(found)s. Save it anew as .%(suffix)s."),
    "damaged": _("The file is damaged or was cut short. Open it in its own program, repair it and save it anew."),
    "bomb": _("Unpacked, the file would be far larger than any document. Save it anew, without what it embeds."),
    "encrypted": _("The file is protected by a password. Save it without one."),
    "unsafe_name": _("The file holds a part whose name points elsewhere. Save it anew in its own program."),
    "nested": _("The file holds an archive. Take it out, and upload what it holds one by one."),
    "macro": _("The file holds macros, which are not kept. Save it without macros, as .docx or .xlsx."),
}


@dataclass(frozen=True)
class CheckedFile:
    """A file that may be stored: its name, its bytes, and the type that both agree on."""

    name: str
    content: bytes
    kind: str  # key of MEDIA_TYPES

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.kind]


def file_error(code: str, **labels: object) -> ValidationError:
    return ValidationError({"file": ValidationError(str(REASONS[code] % labels), code=code)})


def check_file(name: str, file: IO[bytes]) -> CheckedFile:
    """Return the file with its type. Raises ValidationError at `file` for a file that may not be stored."""
    check_name(name)
    suffix = PurePosixPath(name.lower()).suffix.removeprefix(".")
    if suffix not in SUFFIXES:
        raise file_error("type_unknown", kinds=", ".join(MEDIA_TYPES))
    # Of a file that is too large no more than the limit is read.
    file.seek(0)
    content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise file_error("too_large", limit=MAX_FILE_BYTES // 2**20)
    if not content.strip(b"\x00\r\n\t \xef\xbb\xbf"):
        raise file_error("empty")
    kind = detect_kind(content)
    if kind != SUFFIXES[suffix]:
        raise file_error("type_differs", suffix=suffix, found=kind.upper() if kind else _("of no known kind"))
    _start, end, distance = SIGNATURES.get(kind, (b"", b"", 0))
    if end not in content[-distance:]:
        raise file_error("damaged")
    return CheckedFile(name, content, kind)


def check_name(name: str) -> None:
    """Reject a name that holds a path or characters that nobody sees."""
    if not name.strip() or len(name) > MAX_NAME:
        raise file_error("name_length", limit=MAX_NAME)
    if "/" in name or "\\" in name or re.match(r"^[A-Za-z]:", name):
        raise file_error("name_path")
    if invisible_character(name):
        raise file_error("name_hidden")


def detect_kind(content: bytes) -> str:
    """Return the type by content, a key of MEDIA_TYPES; empty for none of them. Raises ValidationError for a zip that
    may not be stored.
    """
    for kind, (start, _end, _distance) in SIGNATURES.items():
        if content.startswith(start):
            return kind
    if content.startswith(ZIP_SIGNATURES):
        return check_zip(content)
    if content.startswith(OLE_SIGNATURE) or WEB_PAGE.match(content, 0, 1000):
        return ""
    try:
        text, _encoding = decode_text(content)
    except UnreadableFile:
        return ""
    return "" if CONTROL.search(text) else "csv"


def check_zip(content: bytes) -> str:
    """Return the type of a zip, empty for none of MEDIA_TYPES. Every part is unpacked, which checks its checksum.

    Rejected are bombs, macros, archives within it and names that point outside.
    """
    try:
        parts = open_zip(content)
        names = member_names(parts)
        if any(UNSAFE_NAME.search(name.replace("\\", "/")) for name in parts.namelist()):
            raise file_error("unsafe_name")
        if any(map(ARCHIVE.search, names)):
            raise file_error("nested")
        if parts.testzip():
            raise file_error("damaged")
        types = parts.read(names[CONTENT_TYPES_PART]) if CONTENT_TYPES_PART in names else b""
    except UnreadableFile as error:
        raise file_error(error.code) from error
    except UNZIP_ERRORS as error:
        raise file_error("damaged") from error
    if any(map(MACRO_PART.search, names)) or b"macroenabled" in types.lower():
        raise file_error("macro")
    return next((kind for part, kind in ZIP_MAIN_PARTS.items() if part in names), "")


# -- store ----------------------------------------------------------------------------------------------


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


STORE_ERRORS = (OSError, BotoCoreError, ClientError)  # of a disk, and of a bucket


@contextmanager
def reported_failures() -> Iterator[None]:
    """Raise FileStoreUnavailable for whatever keeps the store from being read or written; a missing file aside."""
    try:
        yield
    except FileNotFoundError:
        raise
    except STORE_ERRORS as exc:
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
    if store_is_missing():
        raise FileStoreUnavailable("the store of files (MEDIA_STORE) has no folder “blobs”: is it mounted?")
    with reported_failures():
        file = default_storage.open(blob_name(checksum))
        file.file  # noqa: B018  # a bucket is read here, not in the middle of a response
        return cast(IO[bytes], file)


def store_is_missing() -> bool:
    """Whether the folder of the store is not there; a bucket answers for itself."""
    return isinstance(default_storage, FileSystemStorage) and not Path(default_storage.path(ROOT)).is_dir()


def stored_names(storage: Storage = default_storage) -> Iterator[str]:
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
    """File system storage that writes to a temporary file first and moves it into place."""

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
