"""CSV reader: detects encoding and delimiter, then parses every record, quotes included."""

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from django.utils.translation import gettext as _

from core.spreadsheets.file_responses import FORMULA_PATTERN
from core.spreadsheets.reading.cells import (
    LAST_ROW,
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    Sheet,
    SheetCell,
    SheetRow,
    UnreadableFile,
)
from core.spreadsheets.reading.safe_zip import too_many_cells_error, too_many_columns_error, too_many_rows_error

BOMS = (  # UTF-32 begins like UTF-16 and is caught by its NUL characters
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with BOM"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
    (b"\x84\x31\x95\x33", "gb18030", "GB18030"),
)
DELIMITERS = (",", ";", "\t", "，")
SNIFFED_LINES = 20
CHINESE = re.compile("[\u4e00-\u9fff]")
PRIVATE_USE = re.compile("[\ue000-\uf8ff]")  # what decoding Big5 as GB18030 gives: private-use characters
QUOTED = re.compile(r'"[^"]*+(?:""[^"]*+)*+"')
LINE_END = re.compile(r"\r\n|\r|\n")
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?(?=\r|\n|$)', re.IGNORECASE)
TEXT_FORMULA = re.compile(r'="([^"]*+(?:""[^"]*+)*+)"')
ERRORS = {"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}


def read_csv(content: bytes) -> Sheet:
    """Return the records of a CSV file that hold something. Raises UnreadableFile.

    A record is numbered as a spreadsheet numbers its row: blank lines count, line breaks within quotes do not.
    """
    text, encoding = decode_text(content)
    delimiter, start = find_delimiter(text)
    lines: list[SheetRow] = []
    cells = 0
    for number, record in enumerate(parse_records(text, start, delimiter), 1 + (start > 0)):
        if number > LAST_ROW:
            raise too_many_rows_error()
        cells += len(record)
        if cells > MAX_CELLS:
            raise too_many_cells_error()
        entries = {column: entry for column, cell in enumerate(record, 1) if (entry := parse_cell(cell))}
        if entries:
            lines.append(SheetRow(number, entries))
            check_limits(lines)
    if not lines:
        raise UnreadableFile("empty", _("The file is empty. Save it again and choose it anew."))
    return Sheet("csv", "", encoding, delimiter, lines)


def check_limits(lines: list[SheetRow]) -> None:
    """Raise UnreadableFile as soon as there are too many rows, or a row is too long."""
    if len(lines) > MAX_ROWS:
        raise too_many_rows_error()
    if (column := max(lines[-1].cells)) > MAX_COLUMNS:
        raise too_many_columns_error(lines[-1].number, column)


# -- encoding --------------------------------------------------------------------------------------------


def decode_text(content: bytes) -> tuple[str, str]:
    """Return the text and the name of its encoding: by byte-order mark, else UTF-8, else GB18030, for the whole file.

    Raises UnreadableFile where it is none of these, or two of them, and where it holds NUL characters.
    """
    for mark, codec, label in BOMS:
        if content.startswith(mark):
            name, text = label, try_decode(content[len(mark) :], codec)
            break
    else:
        name, text = "UTF-8", try_decode(content, "utf-8")
        if text is None:
            name, text = "GB18030", try_decode(content, "gb18030")
            if text is not None and (PRIVATE_USE.search(text) or is_mixed_encoding(content)):
                text = None
    if text is None:
        raise unknown_encoding_error()
    if "\x00" in text:
        message = _("The file is no text, or it is UTF-16 without a byte-order mark. Save it as CSV UTF-8 or .xlsx.")
        raise UnreadableFile("nul", message)
    return text, name


def try_decode(content: bytes, codec: str) -> str | None:
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        return None


def unknown_encoding_error() -> UnreadableFile:
    text = _("The text is not all UTF-8, UTF-16 or GB18030. Open it in Excel or WPS and save it as CSV UTF-8 or .xlsx.")
    return UnreadableFile("encoding", text)


def is_mixed_encoding(content: bytes) -> bool:
    """Return whether some lines of a non-UTF-8 file are UTF-8: with two Chinese characters that is no chance."""
    lines = (try_decode(line, "utf-8") for line in content.splitlines() if not line.isascii())
    return any(line is not None and len(CHINESE.findall(line)) > 1 for line in lines)


# -- delimiter -------------------------------------------------------------------------------------------


def find_delimiter(text: str) -> tuple[str, int]:
    """Return the delimiter, and where the first record begins.

    A first line such as sep=; gives it, as in Excel. Else it is the one of , ; tab and ， that occurs in most of the
    first 20 lines, outside quotes; of equals the one that splits them into more cells; , where there is none.
    """
    if said := SEPARATOR_LINE.match(text):
        end = LINE_END.match(text, said.end())
        return said[1], end.end() if end else len(text)
    bare = QUOTED.sub("", text[: 1 << 16])
    lines = list(islice((line for line in LINE_END.split(bare) if line.strip() and line[0] != "#"), SNIFFED_LINES))
    counts = {sign: [line.count(sign) for line in lines if sign in line] for sign in DELIMITERS}
    return max(DELIMITERS, key=lambda sign: (len(counts[sign]), most_common_count(counts[sign]))), 0


def most_common_count(counts: list[int]) -> int:
    """Return the most common of the counts."""
    return Counter(counts).most_common(1)[0][0] if counts else 0


# -- records ---------------------------------------------------------------------------------------------


def parse_records(text: str, start: int, delimiter: str) -> Iterator[list[str]]:
    """Yield each record as the texts of its cells, a blank one as none. Raises UnreadableFile for an unclosed quote."""
    sign = re.escape(delimiter)
    plain, blank = re.compile(f"[^{sign}\r\n]*"), re.compile(f"[ {sign}]*+(?:\r\n|\r|\n|\\Z)")
    record: list[str] = []
    place, length = start, len(text)
    while place < length:
        if not record and (empty := blank.match(text, place)):
            yield record
            place = empty.end()
            continue
        if text[place] == '"':
            cell, place = parse_quoted(text, place, delimiter)
        else:
            found = plain.match(text, place)
            cell, place = (found[0], found.end()) if found else ("", place)
        record.append(cell)
        if text.startswith(delimiter, place):
            place += 1
            if place < length:
                continue
            record.append("")
        yield record
        record = []
        place += 2 if text.startswith("\r\n", place) else 1


def parse_quoted(text: str, place: int, delimiter: str) -> tuple[str, int]:
    """Return a quoted cell that opens at `place`, and where it ends. Only spaces may follow the closing quote."""
    start = end = place + 1
    while True:
        end = text.find('"', end)
        if end < 0:
            raise unclosed_quote_error(text, place)
        if not text.startswith('""', end):
            break
        end += 2
    cell = text[start:end].replace('""', '"')
    end += 1
    while text.startswith(" ", end):
        end += 1
    if end < len(text) and text[end] not in {delimiter, "\r", "\n"}:
        raise unclosed_quote_error(text, place)
    return cell, end


def unclosed_quote_error(text: str, place: int) -> UnreadableFile:
    line = 1 + len(LINE_END.findall(text, 0, place))
    message = _(
        "The quotation mark that opens a cell on line %(line)s of the file is not closed. Close it, and double "
        "every mark within the cell; or save the file as .xlsx."
    )
    return UnreadableFile("quote", message % {"line": line})


# -- cells -----------------------------------------------------------------------------------------------


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
