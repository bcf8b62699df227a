"""Content type of an uploaded file, by content and name alike; hostile files are rejected before they are stored.

Errors are ValidationErrors with a stable code and a remedy.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO
from zipfile import ZipFile

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.spreadsheets.reading import safe_zip
from core.spreadsheets.reading.cells import UnreadableFile
from core.spreadsheets.reading.csv_reader import decode_text
from core.spreadsheets.reading.safe_zip import OLE_SIGNATURE, UNZIP_ERRORS, WEB_PAGE, ZIP_SIGNATURES

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
ZIP_MAIN_PARTS = {"word/document.xml": "docx", "xl/workbook.xml": "xlsx", "ofd.xml": "ofd"}
CONTENT_TYPES_PART = "[content_types].xml"
UNSAFE_NAME = re.compile(r"^/|^[a-z]:|(^|/)\.\.(/|$)|[\x00-\x1f]", re.IGNORECASE)
ARCHIVE = re.compile(r"\.(zip|jar|war|gz|tgz|bz2|xz|7z|rar|tar|zst)$", re.IGNORECASE)
MACRO_PART = re.compile(r"(^|/)vba\w*\.bin$", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
ACCEPT = ",".join(f".{suffix}" for suffix in SUFFIXES)  # of a file field


@dataclass(frozen=True)
class CheckedFile:
    """A file that may be stored: its name, its bytes, and the type that both agree on."""

    name: str
    content: bytes
    kind: str  # key of MEDIA_TYPES

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.kind]


def file_error(code: str, message: str) -> ValidationError:
    return ValidationError({"file": ValidationError(message, code=code)})


def check_file(name: str, file: IO[bytes]) -> CheckedFile:
    """Return the file with its type. Raises ValidationError at `file` for a file that may not be stored."""
    check_name(name)
    suffix = PurePosixPath(name.lower()).suffix.removeprefix(".")
    if suffix not in SUFFIXES:
        text = _("Files of this kind are not kept. Use one of: %(kinds)s.")
        raise file_error("type_unknown", text % {"kinds": ", ".join(MEDIA_TYPES)})
    # Of a file that is too large no more than the limit is read.
    file.seek(0)
    content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        text = _("The file is larger than %(limit)s MB. Make its pictures smaller, or split it.")
        raise file_error("too_large", text % {"limit": MAX_FILE_BYTES // 2**20})
    if not content.strip(b"\x00\r\n\t \xef\xbb\xbf"):
        raise file_error("empty", _("The file is empty. Choose it again, or save it anew."))
    kind = detect_kind(content)
    if kind != SUFFIXES[suffix]:
        found = kind.upper() if kind else _("of no known kind")
        text = _("The file is named .%(suffix)s, but its content is %(found)s. Save it anew as .%(suffix)s.")
        raise file_error("type_differs", text % {"suffix": suffix, "found": found})
    check_content(kind, content)
    return CheckedFile(name, content, kind)


def check_name(name: str) -> None:
    """Reject a name that holds a path or characters that nobody sees."""
    if not name.strip() or len(name) > MAX_NAME:
        text = _("The name of the file has 1 to %(limit)s characters. Rename the file.")
        raise file_error("name_length", text % {"limit": MAX_NAME})
    if "/" in name or "\\" in name or re.match(r"^[A-Za-z]:", name):
        raise file_error("name_path", _("The name of the file holds a path. Give the name alone."))
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"} for char in name):
        text = _("The name of the file holds invisible characters. Rename the file.")
        raise file_error("name_hidden", text)


def detect_kind(content: bytes) -> str:
    """Return the type by content, a key of MEDIA_TYPES; empty for none of them."""
    if content.startswith(b"%PDF-"):
        return "pdf"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if content.startswith(ZIP_SIGNATURES):
        names = {member_name(name) for name in open_zip(content).namelist()}
        return next((kind for part, kind in ZIP_MAIN_PARTS.items() if part in names), "")
    if content.startswith(OLE_SIGNATURE) or WEB_PAGE.match(content.removeprefix(b"\xef\xbb\xbf")[:1000]):
        return ""
    try:
        text, _encoding = decode_text(content)
    except UnreadableFile:
        return ""
    return "" if CONTROL.search(text) else "csv"


def member_name(name: str) -> str:
    """Return the name of a member of a zip as names are compared: programs write either slash and case."""
    return name.replace("\\", "/").lstrip("/").casefold()


def open_zip(content: bytes) -> ZipFile:
    """Open a zip; bombs, archives within it and names that point outside are rejected by its directory."""
    try:
        parts = safe_zip.open_zip(content)
    except UnreadableFile as error:
        raise zip_error(error.code) from error
    for name in parts.namelist():
        if UNSAFE_NAME.search(name.replace("\\", "/")):
            raise zip_error("unsafe_name")
        if ARCHIVE.search(name):
            raise zip_error("nested")
    return parts


def zip_error(code: str) -> ValidationError:
    """Return the error of a zip, by the code of its reader."""
    messages = {
        "bomb": _("Unpacked, the file would be far larger than any document. Save it anew, without what it embeds."),
        "encrypted": _("The file is protected by a password. Save it without one."),
        "unsafe_name": _("The file holds a part whose name points elsewhere. Save it anew in its own program."),
        "nested": _("The file holds an archive. Take it out, and upload what it holds one by one."),
        "macro": _("The file holds macros, which are not kept. Save it without macros, as .docx or .xlsx."),
    }
    return file_error(code, messages.get(code) or damaged_message())


def damaged_message() -> str:
    return _("The file is damaged or was cut short. Open it in its own program, repair it and save it anew.")


def check_zip(content: bytes) -> None:
    """Unpack every part, which checks its checksum, and reject macros."""
    parts = open_zip(content)
    try:
        if parts.testzip():
            raise file_error("damaged", damaged_message())
        types = b"".join(parts.read(name) for name in parts.namelist() if member_name(name) == CONTENT_TYPES_PART)
    except UNZIP_ERRORS as error:
        raise file_error("damaged", damaged_message()) from error
    if any(map(MACRO_PART.search, parts.namelist())) or b"macroenabled" in types.lower():
        raise zip_error("macro")


def check_content(kind: str, content: bytes) -> None:
    """Reject a file that ends before its type does. A text was decoded as such when its type was found."""
    match kind:
        case "pdf":
            whole = b"%%EOF" in content[-2048:]
        case "png":
            whole = content[12:16] == b"IHDR" and b"IEND" in content[-64:]
        case "jpg":
            whole = b"\xff\xd9" in content[-4096:]
        case _:
            whole = True
    if not whole:
        raise file_error("damaged", damaged_message())
    if kind in ZIP_MAIN_PARTS.values():
        check_zip(content)
