"""What is refused before it costs anything: foreign and hostile files, by their first bytes and the zip's directory."""

import io
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from django.utils.translation import gettext as _

from config.sheets.cells import LAST_COLUMN, MAX_BYTES, MAX_CELLS, MAX_COLUMNS, MAX_ROWS, Unreadable, cell_name

ZIP, OLE = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
DIRECTORY_ENTRY = b"PK\x01\x02"
WORKBOOK_NAMES = {".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb", ".xls", ".et", ".ett", ".ods"}
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
WEB_PAGE = re.compile(rb"\s*<(!doctype|html|head|body|table|meta|\?xml|\?mso)", re.IGNORECASE)

MAX_UNPACKED = 100 * 2**20
MAX_MEMBERS = 1_000
MAX_RATIO = 200  # measured: 20,000 rows alike but for a number pack up to 140 times smaller; a bomb a thousand times
SMALL = 8 * 2**20  # a member up to this size may pack as well as it likes: it is read in less than a second
MAX_DEPTH = 100
MAX_TAG = 2**20
CHUNK = 1 << 16
UNSAFE_NAME = re.compile(r"^/|^[a-z]:|(^|/)\.\.(/|$)|[\x00-\x1f]", re.IGNORECASE)
ARCHIVE = re.compile(r"\.(zip|jar|war|gz|tgz|bz2|xz|7z|rar|tar|zst)$", re.IGNORECASE)
UNPACKING = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError, KeyError)

Attributes = dict[str, str]
Starts = Mapping[str, Callable[[Attributes], None]]
Ends = Mapping[str, Callable[[], None]]


def is_workbook(name: str, content: bytes) -> bool:
    """Whether to read the file as a workbook or as text. Raises Unreadable where it is neither."""
    if len(content) > MAX_BYTES:
        text = _("The file is larger than %(limit)s MB. Split it into several files.")
        raise Unreadable("too_large", text % {"limit": MAX_BYTES // 2**20})
    if not content.strip(b"\x00"):
        raise Unreadable("empty", _("The file is empty. Save it again and choose it anew."))
    if content.startswith(OLE):
        raise old_container(content)
    if content.startswith(ZIP):
        return True
    if WEB_PAGE.match(content.removeprefix(b"\xef\xbb\xbf")[:1000]):
        text = _("This is a web page or XML, not a workbook. Open it in Excel or WPS and save it as .xlsx.")
        raise Unreadable("not_a_workbook", text)
    if PurePosixPath(name.lower()).suffix in WORKBOOK_NAMES:
        text = _(
            "The file is named like a workbook, but is none: it may be text, damaged or locked by another program. "
            "Open it in Excel or WPS and save it as .xlsx; if it is CSV, name it .csv."
        )
        raise Unreadable("not_a_workbook", text)
    return False


def old_container(content: bytes) -> Unreadable:
    """What to do with a file in the container of old Excel: protected by a password, or in the format before 2007."""
    if ENCRYPTED in content:
        text = _(
            "The workbook is protected by a password. Remove the password (File, Info, Protect) and save it as .xlsx."
        )
        return Unreadable("encrypted", text)
    text = _("This is a workbook in the old format (.xls or .et). Open it in Excel or WPS and save it as .xlsx.")
    return Unreadable("old_excel", text)


def not_a_workbook() -> Unreadable:
    text = _("This is no Excel workbook, but another kind of file. Open it in Excel or WPS and save it as .xlsx.")
    return Unreadable("not_a_workbook", text)


def damaged(where: str = "") -> Unreadable:
    text = _("The workbook is damaged or was cut short. Open it in Excel or WPS, repair it and save it as .xlsx.")
    return Unreadable("damaged", f"{text} ({where})" if where else text)


def bomb() -> Unreadable:
    text = _(
        "Unpacked, the workbook would be far larger than any list. Copy the rows into a new workbook and save that."
    )
    return Unreadable("bomb", text)


def entity() -> Unreadable:
    text = _(
        "The workbook holds a document type declaration, which no spreadsheet program writes. Save it anew as .xlsx."
    )
    return Unreadable("entity", text)


def too_many_rows() -> Unreadable:
    text = _("The sheet has more than %(limit)s rows. Split it into several files.")
    return Unreadable("too_many_rows", text % {"limit": MAX_ROWS})


def too_many_cells() -> Unreadable:
    text = _("The sheet has more than %(limit)s cells. Split it into several files, or delete columns not needed.")
    return Unreadable("too_many_cells", text % {"limit": MAX_CELLS})


def too_many_columns(row: int, column: int) -> Unreadable:
    text = _("Cell %(cell)s lies beyond the first %(limit)s columns. Move the list to the left, or empty the cell.")
    place = cell_name(row, min(column, LAST_COLUMN))
    return Unreadable("too_many_columns", text % {"cell": place, "limit": MAX_COLUMNS})


def refuse_declaration(*_args: object) -> None:
    raise entity()


def local(name: str) -> str:
    """The name of an element or attribute without its prefix, which each program chooses as it likes."""
    return name.rpartition(":")[2]


def safe_parser(starts: Starts, ends: Ends, text: Callable[[str], None] | None) -> expat.XMLParserType:
    """A parser that calls a function for each start tag and end tag by its local name.

    It refuses every DOCTYPE, so that no entity is ever declared, expanded or fetched, and tags nested beyond measure.
    """
    depth = 0

    def opened(tag: str, attributes: Attributes) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise bomb()
        if handler := starts.get(local(tag)):
            handler(attributes)

    def closed(tag: str) -> None:
        nonlocal depth
        depth -= 1
        if handler := ends.get(local(tag)):
            handler()

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse_declaration
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = opened, closed, text
    return parser


class Parts:
    """The members of a workbook, found by name in any case and with either slash, and streamed within limits."""

    def __init__(self, content: bytes) -> None:
        """Raises Unreadable where the directory alone shows that the file is no workbook, hostile or damaged."""
        if content.count(DIRECTORY_ENTRY) > MAX_MEMBERS:
            raise bomb()
        try:
            self.zip = ZipFile(io.BytesIO(content))
        except UNPACKING as error:
            raise damaged() from error
        members = [info for info in self.zip.infolist() if not info.is_dir()]
        check_sizes(members, len(content))
        self.members: dict[str, ZipInfo] = {}
        for info in members:
            check_name(info.filename)
            name = normal(info.filename)
            if name in self.members:
                raise damaged(info.filename)
            self.members[name] = info
        self.unpacked = 0

    def __contains__(self, name: str) -> bool:
        return normal(name) in self.members

    def chunks(self, name: str) -> Iterator[bytes]:
        """The unpacked bytes of a member. They are counted, because a directory can lie."""
        try:
            with self.zip.open(self.members[normal(name)]) as member:
                while chunk := member.read(CHUNK):
                    self.unpacked += len(chunk)
                    if self.unpacked > MAX_UNPACKED:
                        raise bomb()
                    yield chunk
        except UNPACKING as error:
            raise damaged(name) from error

    def parse(self, name: str, starts: Starts, ends: Ends, text: Callable[[str], None] | None = None) -> None:
        """Read a member as XML by `safe_parser`. A single tag may not go on for ever."""
        parser = safe_parser(starts, ends, text)
        fed = 0
        try:
            for chunk in self.chunks(name):
                parser.Parse(chunk, False)
                fed += len(chunk)
                if fed - parser.CurrentByteIndex > MAX_TAG:
                    raise bomb()
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise damaged(name) from error


def normal(name: str) -> str:
    """A member's name as it is compared."""
    return unicodedata.normalize("NFC", name.replace("\\", "/").lstrip("/")).casefold()


def check_sizes(members: list[ZipInfo], length: int) -> None:
    """Refuse what would unpack to far more than a list, members that share their bytes, and unknown packings."""
    if len(members) > MAX_MEMBERS or sum(info.file_size for info in members) > MAX_UNPACKED:
        raise bomb()
    if any(info.file_size > max(SMALL, MAX_RATIO * info.compress_size) for info in members):
        raise bomb()
    if sum(info.compress_size for info in members) > length:
        raise bomb()
    if any(info.flag_bits & 1 for info in members):
        text = _("The file is protected by a password. Save the workbook without a password, as .xlsx.")
        raise Unreadable("encrypted", text)
    if any(info.compress_type not in {ZIP_STORED, ZIP_DEFLATED} for info in members):
        raise damaged()


def check_name(name: str) -> None:
    """Refuse names that point outside the workbook, and archives within it."""
    if UNSAFE_NAME.search(name.replace("\\", "/")):
        text = _(
            "The workbook holds a part with an unsafe name (%(name)s). Copy the rows into a new workbook and save that."
        )
        raise Unreadable("unsafe_name", text % {"name": name[:80]})
    if ARCHIVE.search(name):
        text = _("The workbook holds an archive (%(name)s). Copy the rows into a new workbook and save that.")
        raise Unreadable("nested", text % {"name": name[:80]})
