"""Content type of an uploaded file, by content and name alike; hostile files are rejected before they are stored.

Errors are ValidationErrors with a stable code and a remedy.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

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
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"} for char in name):
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
