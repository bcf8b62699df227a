"""What may be read at all: files are told by their first bytes, and zips are rejected by their directory."""

import io
import re
import zlib
from collections.abc import Callable
from pathlib import PurePosixPath
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from django.utils.translation import gettext as _

from core.spreadsheets.reading.cells import MAX_BYTES, FileFormat, UnreadableFile

ZIP_SIGNATURES, OLE_SIGNATURE = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ODS_TYPE = b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"  # first member of an .ods, behind 30 bytes
WORKBOOK_NAMES = {".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb", ".xls", ".et", ".ett", ".ods"}
WEB_PAGE = re.compile(rb"\s*<(!doctype|html|head|body|table|meta|\?xml|\?mso)", re.IGNORECASE)

MAX_UNPACKED = 100 * 2**20
MAX_MEMBERS = 1_000
MAX_RATIO = 200  # measured: 20,000 rows that differ in a number only compress up to 140 times; a bomb a thousand times
SMALL_MEMBER = 8 * 2**20  # a member up to this size may have any ratio: it is read in less than a second
MAX_DEPTH = 100  # of elements within each other
Attributes = dict[str, str]
UNZIP_ERRORS = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError, KeyError)


def detect_format(name: str, content: bytes) -> FileFormat:
    """Return how to read the file, by its content. Raises UnreadableFile where it is neither a workbook nor text."""
    if len(content) > MAX_BYTES:
        text = _("The file is larger than %(limit)s MB. Split it into several files.")
        raise UnreadableFile("too_large", text % {"limit": MAX_BYTES // 2**20})
    if not content.strip(b"\x00"):
        raise UnreadableFile("empty", _("The file is empty. Save it again and choose it anew."))
    if content.startswith(OLE_SIGNATURE):
        return "xls"
    if content.startswith(ZIP_SIGNATURES):
        return "ods" if content.startswith(ODS_TYPE, 30) else "xlsx"
    if WEB_PAGE.match(content.removeprefix(b"\xef\xbb\xbf")[:1000]):
        text = _("This is a web page or XML, not a workbook. Open it in Excel or WPS and save it as .xlsx.")
        raise UnreadableFile("not_a_workbook", text)
    if PurePosixPath(name.lower()).suffix in WORKBOOK_NAMES:
        text = _(
            "The file is named like a workbook, but is none: it may be text, damaged or locked by another program. "
            "Open it in Excel or WPS and save it as .xlsx; if it is CSV, name it .csv."
        )
        raise UnreadableFile("not_a_workbook", text)
    return "csv"


def open_zip(content: bytes) -> ZipFile:
    """Open a zip that is no bomb by its directory, beyond whose sizes Python unpacks nothing. Raises UnreadableFile."""
    try:
        if content.count(b"PK\x01\x02") > MAX_MEMBERS:
            raise zip_bomb_error()
        parts = ZipFile(io.BytesIO(content))
    except UNZIP_ERRORS as error:
        raise damaged_error() from error
    members = parts.infolist()
    too_large = any(info.file_size > max(SMALL_MEMBER, MAX_RATIO * info.compress_size) for info in members)
    overlapping = sum(info.compress_size for info in members) > len(content)
    if too_large or overlapping or sum(info.file_size for info in members) > MAX_UNPACKED:
        raise zip_bomb_error()
    if any(info.flag_bits & 1 for info in members):
        raise encrypted_error()
    known = all(info.compress_type in {ZIP_STORED, ZIP_DEFLATED} for info in members)
    if not known or len({info.filename.casefold() for info in members}) < len(members):
        raise damaged_error()
    return parts


def scan_xml(parts: ZipFile, name: str, started: Callable[[str, Attributes], None]) -> None:
    """Call a function with the local name and the attributes of each element of a member; programs choose prefixes.

    A DOCTYPE is rejected, so that no entity is ever declared, expanded or fetched. Raises UnreadableFile.
    """
    depth = 0

    def opened(tag: str, attributes: Attributes) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise zip_bomb_error()
        started(tag.rpartition(":")[2], attributes)

    def closed(_tag: str) -> None:
        nonlocal depth
        depth -= 1

    def doctype(*_args: object) -> None:
        text = _(
            "The workbook holds a document type declaration, which no spreadsheet program writes. Save it anew as "
            ".xlsx."
        )
        raise UnreadableFile("entity", text)

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.StartDoctypeDeclHandler = opened, closed, doctype
    try:
        with parts.open(name) as member:
            parser.ParseFile(member)
    except (expat.ExpatError, *UNZIP_ERRORS) as error:
        raise damaged_error(name) from error


def encrypted_error() -> UnreadableFile:
    text = _("The workbook is protected by a password. Remove the password (File, Info, Protect) and save it as .xlsx.")
    return UnreadableFile("encrypted", text)


def damaged_error(where: str = "") -> UnreadableFile:
    text = _("The workbook is damaged or was cut short. Open it in Excel or WPS, repair it and save it as .xlsx.")
    return UnreadableFile("damaged", f"{text} ({where})" if where else text)


def zip_bomb_error() -> UnreadableFile:
    text = _(
        "Unpacked, the workbook would be far larger than any list. Copy the rows into a new workbook and save that."
    )
    return UnreadableFile("bomb", text)
