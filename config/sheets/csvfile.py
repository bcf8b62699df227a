"""A text file of rows: which encoding and which sign between the cells, then every record, quotes and all."""

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from django.utils.translation import gettext as _

from config.exports import RUNS
from config.sheets.cells import LAST_ROW, MAX_CELLS, MAX_COLUMNS, MAX_ROWS, Entry, Line, Sheet, Unreadable
from config.sheets.guard import too_many_cells, too_many_columns, too_many_rows

BOMS = (  # UTF-32 begins like UTF-16 and is caught by its NUL characters
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with BOM"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
    (b"\x84\x31\x95\x33", "gb18030", "GB18030"),
)
DELIMITERS = (",", ";", "\t", "，")
FIRST_LINES = 20
CHINESE = re.compile("[\u4e00-\u9fff]")
PRIVATE = re.compile("[\ue000-\uf8ff]")  # what GB18030 makes of Big5: signs of no script
QUOTED = re.compile(r'"[^"]*+(?:""[^"]*+)*+"')
LINE_END = re.compile(r"\r\n|\r|\n")
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?(?=\r|\n|$)', re.IGNORECASE)
AS_TEXT = re.compile(r'="([^"]*+(?:""[^"]*+)*+)"')
ERRORS = {"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}


def read(content: bytes) -> Sheet:
    """The records of a CSV file that hold something. Raises Unreadable.

    A record is numbered as a spreadsheet numbers its row: blank lines count, line breaks within quotes do not.
    """
    text, encoding = decoded(content)
    delimiter, start = find_delimiter(text)
    lines: list[Line] = []
    cells = 0
    for number, record in enumerate(records(text, start, delimiter), 1 + (start > 0)):
        if number > LAST_ROW:
            raise too_many_rows()
        cells += len(record)
        if cells > MAX_CELLS:
            raise too_many_cells()
        entries = {column: entry for column, cell in enumerate(record, 1) if (entry := read_cell(cell))}
        if entries:
            lines.append(Line(number, entries))
            check_limits(lines)
    if not lines:
        raise Unreadable("empty", _("The file is empty. Save it again and choose it anew."))
    return Sheet("csv", "", encoding, delimiter, lines)


def check_limits(lines: list[Line]) -> None:
    """Raise Unreadable as soon as there are too many rows, or a row reaches too far."""
    if len(lines) > MAX_ROWS:
        raise too_many_rows()
    if (column := max(lines[-1].entries)) > MAX_COLUMNS:
        raise too_many_columns(lines[-1].number, column)


# -- encoding --------------------------------------------------------------------------------------------


def decoded(content: bytes) -> tuple[str, str]:
    """The text and the name of its encoding: as its byte-order mark says, else UTF-8, else GB18030, of the whole file.

    Raises Unreadable where it is none of these, or two of them, and where it holds NUL characters.
    """
    for mark, codec, label in BOMS:
        if content.startswith(mark):
            name, text = label, attempt(content[len(mark) :], codec)
            break
    else:
        name, text = "UTF-8", attempt(content, "utf-8")
        if text is None:
            name, text = "GB18030", attempt(content, "gb18030")
            if text is not None and (PRIVATE.search(text) or is_mixed(content)):
                text = None
    if text is None:
        raise unknown_encoding()
    if "\x00" in text:
        message = _("The file is no text, or it is UTF-16 without a byte-order mark. Save it as CSV UTF-8 or .xlsx.")
        raise Unreadable("nul", message)
    return text, name


def attempt(content: bytes, codec: str) -> str | None:
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        return None


def unknown_encoding() -> Unreadable:
    text = _("The text is not all UTF-8, UTF-16 or GB18030. Open it in Excel or WPS and save it as CSV UTF-8 or .xlsx.")
    return Unreadable("encoding", text)


def is_mixed(content: bytes) -> bool:
    """Whether some lines of a file that is not UTF-8 are, which no line of two Chinese characters is by chance."""
    lines = (attempt(line, "utf-8") for line in content.splitlines() if not line.isascii())
    return any(line is not None and len(CHINESE.findall(line)) > 1 for line in lines)


# -- delimiter -------------------------------------------------------------------------------------------


def find_delimiter(text: str) -> tuple[str, int]:
    """The sign between the cells, and where the first record begins.

    A first line such as sep=; says it, as Excel has it. Else it is the one of , ; tab and ， that stands in the most
    of the first 20 lines, outside quotes; of equals the one that parts them into more cells; , where there is none.
    """
    if said := SEPARATOR_LINE.match(text):
        end = LINE_END.match(text, said.end())
        return said[1], end.end() if end else len(text)
    bare = QUOTED.sub("", text[: 1 << 16])
    lines = list(islice((line for line in LINE_END.split(bare) if line.strip() and line[0] != "#"), FIRST_LINES))
    counts = {sign: [line.count(sign) for line in lines if sign in line] for sign in DELIMITERS}
    return max(DELIMITERS, key=lambda sign: (len(counts[sign]), usual(counts[sign]))), 0


def usual(counts: list[int]) -> int:
    """The commonest of the counts."""
    return Counter(counts).most_common(1)[0][0] if counts else 0


# -- records ---------------------------------------------------------------------------------------------


def records(text: str, start: int, delimiter: str) -> Iterator[list[str]]:
    """Each record as the texts of its cells, a blank one as none. Raises Unreadable where a quote is not closed."""
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
            cell, place = quoted(text, place, delimiter)
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


def quoted(text: str, place: int, delimiter: str) -> tuple[str, int]:
    """A cell in quotes that opens at `place`, and where it ends. Only spaces may stand after the closing quote."""
    start = end = place + 1
    while True:
        end = text.find('"', end)
        if end < 0:
            raise open_quote(text, place)
        if not text.startswith('""', end):
            break
        end += 2
    cell = text[start:end].replace('""', '"')
    end += 1
    while text.startswith(" ", end):
        end += 1
    if end < len(text) and text[end] not in {delimiter, "\r", "\n"}:
        raise open_quote(text, place)
    return cell, end


def open_quote(text: str, place: int) -> Unreadable:
    line = 1 + len(LINE_END.findall(text, 0, place))
    message = _(
        "The quotation mark that opens a cell on line %(line)s of the file is not closed. Close it, and double "
        "every mark within the cell; or save the file as .xlsx."
    )
    return Unreadable("quote", message % {"line": line})


# -- cells -----------------------------------------------------------------------------------------------


def read_cell(text: str) -> Entry | None:
    """What a cell's text stands for, or None where it is nothing but space.

    An apostrophe before = + - @ and the like only keeps the text from running as a formula, and is taken off. ="0012"
    is how text is kept from becoming a number: 0012. Anything else that begins with = is a formula without a result.
    """
    if text.startswith("'") and RUNS.match(text, 1):
        return Entry(text[1:], untyped=True) if text[1:].strip() else None
    if not text.strip():
        return None
    if text[0] == "=":
        found = AS_TEXT.fullmatch(text)
        return Entry(found[1].replace('""', '"')) if found else Entry(text, fault="formula", untyped=True)
    return Entry(text, fault="error" if text in ERRORS else "", untyped=True)
