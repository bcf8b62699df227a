"""Two columns put into the XML of a sheet, in one pass that copies every other byte as it is."""

import codecs
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import IO
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from openpyxl.utils import column_index_from_string, get_column_letter

from config.sheets.guard import refuse_declaration

Pair = tuple[str, str]
Columns = tuple[int, int]

CHUNK = 1 << 16
MAX_ROW, MAX_COLUMN = 2**20 + 1, 2**14 + 1  # one past the last
MAX_TEXT = 32_767  # what a cell holds, in UTF-16 units
WIDTHS = (14, 60)  # of the result and of the reason, in characters
TAG = re.compile(rb"""<(?:[^"'>]|"[^"]*"|'[^']*')*>""")
ATTRIBUTE = re.compile(rb"""\s+([^\s=]+)\s*=\s*("[^"]*"|'[^']*')""")
RANGE = re.compile(r"([A-Z]+)([0-9]+)(?::([A-Z]+)([0-9]+))?")
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
LOOKS_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


def chunks(member: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: member.read(CHUNK), b"")


def with_ascii_tags(member: IO[bytes]) -> Iterator[bytes]:
    """The XML in an encoding whose tags are ASCII: UTF-16 becomes UTF-8, every other stays."""
    first = member.read(CHUNK)
    if not first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield first
        yield from chunks(member)
        return
    decoder = codecs.getincrementaldecoder("utf-16")()
    yield re.sub(r"""^(<\?xml[^>]*?)\s+encoding\s*=\s*["'][^"']*["']""", r"\1", decoder.decode(first)).encode()
    for chunk in chunks(member):
        yield decoder.decode(chunk).encode()


def with_values(tag: bytes, values: Mapping[bytes, object]) -> bytes:
    """A start tag in which some of the attributes it has get another value, or go where the value is None."""

    def replaced(found: re.Match[bytes]) -> bytes:
        if found[1] not in values:
            return found[0]
        value = values[found[1]]
        return b"" if value is None else b" %s=%s" % (found[1], quoteattr(str(value)).encode())

    return ATTRIBUTE.sub(replaced, tag)


def legal(text: str) -> str:
    """Text as a cell can hold it: no control characters, \\n as its line break, cut to what Excel takes, escaped."""
    text = NOT_XML.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = text.encode("utf-16-le")[: 2 * MAX_TEXT].decode("utf-16-le", "ignore")
    return escape(LOOKS_ESCAPED.sub("_x005F_", text))


def col_part(tag: bytes, low: int, high: int) -> bytes:
    """The same widths for fewer columns, or nothing where none is left."""
    return with_values(tag, {b"min": low, b"max": high}) if low <= high else b""


class Tape:
    """The bytes that expat has been given and nobody has written yet, addressed by their place in the XML."""

    def __init__(self, out: IO[bytes]) -> None:
        self.out, self.raw, self.base = out, bytearray(), 0

    def skip(self, end: int) -> None:
        """Leave out what stands before `end`."""
        if end > self.base:
            del self.raw[: end - self.base]
            self.base = end

    def copy(self, end: int) -> None:
        """Write what stands before `end` as it is."""
        if end > self.base:
            self.out.write(self.raw[: end - self.base])
            self.skip(end)

    def tag(self, start: int) -> bytes:
        """The whole tag that begins at `start`."""
        return next(TAG.finditer(self.raw, start - self.base))[0]


class Rewriting:
    """One pass over a sheet: expat says where elements stand, the tape copies what lies between them."""

    def __init__(
        self, out: IO[bytes], heading_row: int, columns: Columns, heads: Pair, results: Mapping[int, Pair]
    ) -> None:
        self.tape = Tape(out)
        self.heading_row, self.columns, self.results = heading_row, columns, {**results, heading_row: heads}
        self.coming = deque(sorted(self.results))  # the rows that get cells, as far as they are still to come
        self.met: set[int] = set()
        self.widths = sorted(zip(columns, WIDTHS, strict=True))  # columns that have no width yet
        self.row = self.column = self.at = 0
        self.waiting: list[tuple[int, str]] = []  # the cells still to come in this row, by column
        self.prefix, self.encoding, self.dropping = "", "utf-8", False
        self.known = True  # the number of this row
        self.style: str | None = None
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = refuse_declaration
        self.parser.XmlDeclHandler = self.declared
        self.parser.StartElementHandler = self.root

    def run(self, member: IO[bytes]) -> None:
        """Raises Unreadable where the sheet has a DOCTYPE."""
        for chunk in with_ascii_tags(member):
            self.tape.raw += chunk
            self.parser.Parse(chunk, False)
            if self.dropping:
                self.tape.skip(self.at)
            else:
                self.tape.copy(self.at)
        self.parser.Parse(b"", True)
        self.tape.out.write(self.tape.raw)

    def declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.encoding = encoding or self.encoding

    def root(self, name: str, _attributes: dict[str, str]) -> None:
        """What has the prefix of the root belongs to the sheet; the rest to extensions."""
        prefix = self.prefix = name[: name.find(":") + 1]
        self.starts = {
            f"{prefix}dimension": self.dimension,
            f"{prefix}col": self.start_col,
            f"{prefix}sheetData": self.start_data,
            f"{prefix}row": self.start_row,
            f"{prefix}c": self.start_cell,
        }
        self.ends = {
            f"{prefix}cols": self.end_cols,
            f"{prefix}row": self.end_row,
            f"{prefix}c": self.end_cell,
            f"{prefix}sheetData": self.end_data,
        }
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.at = self.parser.CurrentByteIndex
        if handler := self.starts.get(name):
            handler(attributes)

    def end(self, name: str) -> None:
        if handler := self.ends.get(name):
            handler(self.parser.CurrentByteIndex)

    def insert(self, text: str) -> None:
        self.tape.out.write(text.encode(self.encoding, "xmlcharrefreplace"))

    def replace_tag(self, *tags: bytes) -> None:
        """Write other tags for the one that has just begun."""
        self.tape.copy(self.at)
        self.tape.skip(self.at + len(self.tape.tag(self.at)))
        self.tape.out.write(b"".join(tags))

    def dimension(self, attributes: dict[str, str]) -> None:
        """The range that holds every cell grows to hold the new ones; one without corners stays."""
        if found := RANGE.fullmatch(attributes.get("ref", "")):
            left, top, right, bottom = found[1], found[2], found[3] or found[1], found[4] or found[2]
            letters = [get_column_letter(column) for column in self.columns]
            columns = sorted((left, right, *letters), key=column_index_from_string)
            rows = sorted((int(top), int(bottom), *self.results))
            ref = f"{columns[0]}{rows[0]}:{columns[-1]}{rows[-1]}"
            self.replace_tag(with_values(self.tape.tag(self.at), {b"ref": ref}))

    def start_col(self, attributes: dict[str, str]) -> None:
        """Widths in order of column; a range that holds more than one column, or hides it, is cut open."""
        low, high = int(attributes["min"]), int(attributes["max"])
        self.tape.copy(self.at)
        self.insert_widths(low)
        inside = [(column, width) for column, width in self.widths if column <= high]
        del self.widths[: len(inside)]
        tag = self.tape.tag(self.at)
        shown = attributes.get("hidden", "0") in {"0", "false"}
        if not inside or (low == high and shown) or not tag.endswith(b"/>"):
            return
        tags = []
        for column, width in inside:
            tags += [col_part(tag, low, column - 1), self.col(column, width).encode()]
            low = column + 1
        self.replace_tag(*tags, col_part(tag, low, high))

    def end_cols(self, at: int) -> None:
        self.tape.copy(at)
        self.insert_widths()

    def start_data(self, _attributes: dict[str, str]) -> None:
        if self.widths:
            self.tape.copy(self.at)
            self.insert(f"<{self.prefix}cols>")
            self.insert_widths()
            self.insert(f"</{self.prefix}cols>")

    def end_data(self, at: int) -> None:
        self.tape.copy(at)
        self.insert_rows()
        self.starts.clear()
        self.ends.clear()

    def insert_widths(self, before: int = MAX_COLUMN) -> None:
        while self.widths and self.widths[0][0] < before:
            self.insert(self.col(*self.widths.pop(0)))

    def col(self, column: int, width: int) -> str:
        return f'<{self.prefix}col min="{column}" max="{column}" width="{width}" customWidth="1"/>'

    def start_row(self, attributes: dict[str, str]) -> None:
        """A row that may get cells loses its `spans`, which would lie; an empty one is opened for them."""
        given = attributes.get("r")
        if given:
            self.tape.copy(self.at)
            self.insert_rows(int(given))
        self.begin(int(given) if given else self.row + 1)
        self.known, self.column, self.style = bool(given), 0, None
        tag = self.tape.tag(self.at)
        empty = tag.endswith(b"/>")
        if self.row not in self.results and (self.known or empty):
            return
        opened = with_values(tag, {b"spans": None})
        if not empty:
            self.replace_tag(opened)
            return
        self.replace_tag(opened[:-2].rstrip() + b">")
        self.insert_cells()
        self.insert(f"</{self.prefix}row>")

    def begin(self, row: int) -> None:
        """Wait for the cells of a row; those of the rows above the heading are nobody's business."""
        self.row = row
        pair = self.results.get(row, ("", ""))
        self.waiting = sorted(zip(self.columns, pair, strict=True)) if row >= self.heading_row else []

    def end_row(self, at: int) -> None:
        self.met.add(self.row)
        if self.waiting:
            self.tape.copy(at)
            self.insert_cells()

    def locate(self, place: str | None) -> None:
        """Find the column of a cell, and by its first address the number of a row that has none."""
        if not place:
            self.column += 1
            return
        letters = place.rstrip("0123456789")
        self.column = column_index_from_string(letters)
        if not self.known:
            self.begin(int(place[len(letters) :]))
            self.known = True

    def start_cell(self, attributes: dict[str, str]) -> None:
        """Cells in order of column; one that stands in a column of ours gives way, and leaves its looks."""
        self.locate(attributes.get("r"))
        if not self.waiting or self.waiting[0][0] > self.column:
            self.style = attributes.get("s")
            return
        self.tape.copy(self.at)
        self.insert_cells(self.column)
        if not self.waiting or self.waiting[0][0] > self.column:
            return
        tag = self.tape.tag(self.at)
        self.insert(self.cell(*self.waiting.pop(0), attributes.get("s")))
        self.dropping = not tag.endswith(b"/>")
        if not self.dropping:
            self.tape.skip(self.at + len(tag))

    def end_cell(self, at: int) -> None:
        if self.dropping:
            self.tape.skip(at + len(self.tape.tag(at)))
            self.dropping = False

    def insert_rows(self, before: int = MAX_ROW) -> None:
        """The rows that get cells but are not in the file, because they hold nothing."""
        while self.coming and self.coming[0] < before:
            row = self.coming.popleft()
            if row not in self.met:
                self.style = None
                self.begin(row)
                self.insert(f'<{self.prefix}row r="{row}">')
                self.insert_cells()
                self.insert(f"</{self.prefix}row>")

    def insert_cells(self, before: int = MAX_COLUMN) -> None:
        """The waiting cells of earlier columns; a heading looks like its neighbour."""
        style = self.style if self.row == self.heading_row else None
        while self.waiting and self.waiting[0][0] < before:
            self.insert(self.cell(*self.waiting.pop(0), style))

    def cell(self, column: int, text: str, style: str | None) -> str:
        place = f'r="{get_column_letter(column)}{self.row}"' + (f" s={quoteattr(style)}" if style else "")
        start, text = f"<{self.prefix}c {place}", legal(text)
        if text:
            inner = f'<{self.prefix}t xml:space="preserve">{text}</{self.prefix}t>'
            return f'{start} t="inlineStr"><{self.prefix}is>{inner}</{self.prefix}is></{self.prefix}c>'
        return f"{start}/>" if style else ""
