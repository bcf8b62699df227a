"""CSV: the encoding and the delimiter are found; the records are those of Python's `csv`, strictly."""

import codecs
import csv
import io
import re

from django.utils.translation import gettext as _

from core.spreadsheets.file_responses import FORMULA_PATTERN
from core.spreadsheets.reading.cells import MAX_BYTES, Extent, Sheet, SheetCell, SheetRow, UnreadableFile

BOMS = (  # UTF-32 begins like UTF-16 and is caught by its NUL characters
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with BOM"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
    (b"\x84\x31\x95\x33", "gb18030", "GB18030"),
    (b"", "utf-8", "UTF-8"),
)
DELIMITERS = (",", ";", "\t")
SNIFFED_LINES, SNIFFED_TEXT = 20, 1 << 16
CHINESE = re.compile("[\u4e00-\u9fff]")
PRIVATE_USE = re.compile("[\ue000-\uf8ff]")  # what decoding Big5 as GB18030 gives
QUOTED = re.compile(r'"[^"]*+(?:""[^"]*+)*+"')
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?(?:\r\n|\r|\n|$)', re.IGNORECASE)
TEXT_FORMULA = re.compile(r'="([^"]*+(?:""[^"]*+)*+)"')
ERRORS = {"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}

csv.field_size_limit(MAX_BYTES)  # a text too long for a cell is an error of its cell


def read_csv(content: bytes) -> Sheet:
    """Return the records of a CSV file that hold something. Raises UnreadableFile.

    A record is numbered as a spreadsheet numbers its row: blank lines count, line breaks within quotes do not.
    """
    text, encoding = decode_text(content)
    said = SEPARATOR_LINE.match(text)  # sep=; as Excel writes it
    delimiter = said[1] if said else find_delimiter(text)
    source = io.StringIO(text[said.end() :] if said else text, newline="")
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    lines: list[SheetRow] = []
    extent, first, begins = Extent(), 2 if said else 1, 0
    try:
        for number, record in enumerate(reader, first):
            begins = reader.line_num
            cells = {column: cell for column, text in enumerate(record, 1) if (cell := parse_cell(text))}
            if cells:
                extent.reach(len(lines) + 1, max(cells))
                lines.append(SheetRow(number, cells))
    except csv.Error as error:
        message = _(
            "The quotation mark that opens a cell on line %(line)s of the file is not closed. Close it, and double "
            "every mark within the cell; or save the file as .xlsx."
        )
        raise UnreadableFile("quote", message % {"line": begins + first}) from error
    if not lines:
        raise UnreadableFile("empty")
    return Sheet("csv", "", encoding, lines)


def decode_text(content: bytes) -> tuple[str, str]:
    """Return the text and the name of its encoding: by byte-order mark, else UTF-8, else GB18030, for the whole file.

    Raises UnreadableFile where it is none of these, or two of them, and where it holds NUL characters.
    """
    mark, codec, name = next(known for known in BOMS if content.startswith(known[0]))
    text = try_decode(content[len(mark) :], codec)
    if text is None and not mark:
        name, text = "GB18030", try_decode(content, "gb18030")
        lines = (try_decode(line, "utf-8") or "" for line in content.splitlines() if not line.isascii())
        mixed = any(len(CHINESE.findall(line)) > 1 for line in lines)  # with two Chinese characters that is no chance
        if mixed or PRIVATE_USE.search(text or ""):
            text = None
    if text is None:
        message = _(
            "The text is not all UTF-8, UTF-16 or GB18030. Open it in Excel or WPS and save it as CSV UTF-8 or .xlsx."
        )
        raise UnreadableFile("encoding", message)
    if "\x00" in text:
        message = _("The file is no text, or it is UTF-16 without a byte-order mark. Save it as CSV UTF-8 or .xlsx.")
        raise UnreadableFile("nul", message)
    return text, name


def try_decode(content: bytes, codec: str) -> str | None:
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        return None


def find_delimiter(text: str) -> str:
    """Return the delimiter: of , ; and tab the one in most of the first lines, of equals the most frequent."""
    bare = QUOTED.sub("", text[:SNIFFED_TEXT]).splitlines()
    lines = [line for line in bare if line.strip() and line[0] != "#"][:SNIFFED_LINES]
    return max(DELIMITERS, key=lambda sign: (sum(sign in line for line in lines), "".join(lines).count(sign)))


def parse_cell(text: str) -> SheetCell | None:
    """Return a cell from its text, or None where it is only white space.

    An apostrophe before = + - @ and the like only keeps the text from running as a formula, and is removed. ="0012" is
    how text is kept from becoming a number: 0012. Anything else that begins with = is a formula without a result.
    """
    if text.startswith("'") and FORMULA_PATTERN.match(text, 1):
        return SheetCell(text[1:], untyped=True) if text[1:].strip() else None
    if not text.strip():
        return None
    if text[0] == "=":
        found = TEXT_FORMULA.fullmatch(text)
        return SheetCell(found[1].replace('""', '"')) if found else SheetCell(text, error="formula", untyped=True)
    return SheetCell(text, error="error" if text in ERRORS else "", untyped=True)
