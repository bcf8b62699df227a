"""Safe reading of zip and XML: hostile files are rejected by their first bytes and the zip directory."""

import io
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from django.utils.translation import gettext as _

from core.spreadsheets.reading.cells import (
    LAST_COLUMN,
    MAX_BYTES,
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    FileFormat,
    UnreadableFile,
    cell_name,
)

ZIP_SIGNATURES, OLE_SIGNATURE = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ODS_TYPE = b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"  # first member of an .ods, behind 30 bytes
DIRECTORY_ENTRY = b"PK\x01\x02"
WORKBOOK_NAMES = {".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb", ".xls", ".et", ".ett", ".ods"}
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
WEB_PAGE = re.compile(rb"\s*<(!doctype|html|head|body|table|meta|\?xml|\?mso)", re.IGNORECASE)

MAX_UNPACKED = 100 * 2**20
MAX_MEMBERS = 1_000
MAX_RATIO = 200  # measured: 20,000 rows that differ in a number only compress up to 140 times; a bomb a thousand times
SMALL_MEMBER = 8 * 2**20  # a member up to this size may have any ratio: it is read in less than a second
MAX_DEPTH = 100
MAX_TAG = 2**20
CHUNK = 1 << 16
UNSAFE_NAME = re.compile(r"^/|^[a-z]:|(^|/)\.\.(/|$)|[\x00-\x1f]", re.IGNORECASE)
ARCHIVE = re.compile(r"\.(zip|jar|war|gz|tgz|bz2|xz|7z|rar|tar|zst)$", re.IGNORECASE)
UNZIP_ERRORS = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError, KeyError)

Attributes = dict[str, str]
Starts = Mapping[str, Callable[[Attributes], None]]
Ends = Mapping[str, Callable[[], None]]


def detect_format(name: str, content: bytes) -> FileFormat:
    """Return how to read the file, by its content. Raises UnreadableFile where it is neither a workbook nor text."""
    if len(content) > MAX_BYTES:
        text = _("The file is larger than %(limit)s MB. Split it into several files.")
        raise UnreadableFile("too_large", text % {"limit": MAX_BYTES // 2**20})
    if not content.strip(b"\x00"):
        raise UnreadableFile("empty", _("The file is empty. Save it again and choose it anew."))
    if content.startswith(OLE_SIGNATURE):
        if ENCRYPTED in content:
            raise encrypted_error()
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


def encrypted_error() -> UnreadableFile:
    text = _("The workbook is protected by a password. Remove the password (File, Info, Protect) and save it as .xlsx.")
    return UnreadableFile("encrypted", text)


def macro_error() -> UnreadableFile:
    return UnreadableFile("macro", _("The workbook holds macros. Save it as .xlsx, without macros."))


def not_a_workbook_error() -> UnreadableFile:
    text = _("This is no Excel workbook, but another kind of file. Open it in Excel or WPS and save it as .xlsx.")
    return UnreadableFile("not_a_workbook", text)


def damaged_error(where: str = "") -> UnreadableFile:
    text = _("The workbook is damaged or was cut short. Open it in Excel or WPS, repair it and save it as .xlsx.")
    return UnreadableFile("damaged", f"{text} ({where})" if where else text)


def zip_bomb_error() -> UnreadableFile:
    text = _(
        "Unpacked, the workbook would be far larger than any list. Copy the rows into a new workbook and save that."
    )
    return UnreadableFile("bomb", text)


def doctype_error() -> UnreadableFile:
    text = _(
        "The workbook holds a document type declaration, which no spreadsheet program writes. Save it anew as .xlsx."
    )
    return UnreadableFile("entity", text)


def too_many_rows_error() -> UnreadableFile:
    text = _("The sheet has more than %(limit)s rows. Split it into several files.")
    return UnreadableFile("too_many_rows", text % {"limit": MAX_ROWS})


def too_many_cells_error() -> UnreadableFile:
    text = _("The sheet has more than %(limit)s cells. Split it into several files, or delete columns not needed.")
    return UnreadableFile("too_many_cells", text % {"limit": MAX_CELLS})


def too_many_columns_error(row: int, column: int) -> UnreadableFile:
    text = _("Cell %(cell)s lies beyond the first %(limit)s columns. Move the list to the left, or empty the cell.")
    place = cell_name(row, min(column, LAST_COLUMN))
    return UnreadableFile("too_many_columns", text % {"cell": place, "limit": MAX_COLUMNS})


def reject_doctype(*_args: object) -> None:
    raise doctype_error()


def local_name(name: str) -> str:
    """Return the local name of an element or attribute, without its namespace prefix, which programs choose freely."""
    return name.rpartition(":")[2]


def safe_parser(starts: Starts, ends: Ends, text: Callable[[str], None] | None) -> expat.XMLParserType:
    """Return an expat parser that calls a function for each start tag and end tag by local name.

    It rejects every DOCTYPE, so that no entity is ever declared, expanded or fetched, and excessive nesting.
    """
    depth = 0

    def opened(tag: str, attributes: Attributes) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise zip_bomb_error()
        if handler := starts.get(local_name(tag)):
            handler(attributes)

    def closed(tag: str) -> None:
        nonlocal depth
        depth -= 1
        if handler := ends.get(local_name(tag)):
            handler()

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = reject_doctype
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = opened, closed, text
    return parser


class WorkbookZip:
    """Members of a workbook, found by name in any case and with either slash, and streamed within limits."""

    def __init__(self, content: bytes) -> None:
        """Raises UnreadableFile where the directory alone shows that the file is no workbook, hostile or damaged."""
        if content.count(DIRECTORY_ENTRY) > MAX_MEMBERS:
            raise zip_bomb_error()
        try:
            self.zip = ZipFile(io.BytesIO(content))
        except UNZIP_ERRORS as error:
            raise damaged_error() from error
        members = [info for info in self.zip.infolist() if not info.is_dir()]
        check_sizes(members, len(content))
        self.members: dict[str, ZipInfo] = {}
        for info in members:
            check_name(info.filename)
            name = normalised_name(info.filename)
            if name in self.members:
                raise damaged_error(info.filename)
            self.members[name] = info
        self.unpacked = 0

    def __contains__(self, name: str) -> bool:
        return normalised_name(name) in self.members

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the unpacked bytes of a member. They are counted, because a directory can lie."""
        try:
            with self.zip.open(self.members[normalised_name(name)]) as member:
                while chunk := member.read(CHUNK):
                    self.unpacked += len(chunk)
                    if self.unpacked > MAX_UNPACKED:
                        raise zip_bomb_error()
                    yield chunk
        except UNZIP_ERRORS as error:
            raise damaged_error(name) from error

    def parse(self, name: str, starts: Starts, ends: Ends, text: Callable[[str], None] | None = None) -> None:
        """Parse a member as XML with `safe_parser`. The size of a single tag is limited."""
        parser = safe_parser(starts, ends, text)
        fed = 0
        try:
            for chunk in self.chunks(name):
                parser.Parse(chunk, False)
                fed += len(chunk)
                if fed - parser.CurrentByteIndex > MAX_TAG:
                    raise zip_bomb_error()
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise damaged_error(name) from error


def normalised_name(name: str) -> str:
    """Return a member's name in the form in which names are compared."""
    return unicodedata.normalize("NFC", name.replace("\\", "/").lstrip("/")).casefold()


def check_sizes(members: list[ZipInfo], length: int) -> None:
    """Reject zip bombs, members that share their bytes, and unknown compression."""
    if len(members) > MAX_MEMBERS or sum(info.file_size for info in members) > MAX_UNPACKED:
        raise zip_bomb_error()
    if any(info.file_size > max(SMALL_MEMBER, MAX_RATIO * info.compress_size) for info in members):
        raise zip_bomb_error()
    if sum(info.compress_size for info in members) > length:
        raise zip_bomb_error()
    if any(info.flag_bits & 1 for info in members):
        raise encrypted_error()
    if any(info.compress_type not in {ZIP_STORED, ZIP_DEFLATED} for info in members):
        raise damaged_error()


def check_name(name: str) -> None:
    """Reject names that point outside the workbook, and nested archives."""
    if UNSAFE_NAME.search(name.replace("\\", "/")):
        text = _(
            "The workbook holds a part with an unsafe name (%(name)s). Copy the rows into a new workbook and save that."
        )
        raise UnreadableFile("unsafe_name", text % {"name": name[:80]})
    if ARCHIVE.search(name):
        text = _("The workbook holds an archive (%(name)s). Copy the rows into a new workbook and save that.")
        raise UnreadableFile("nested", text % {"name": name[:80]})
