"""The user's own file back, with a result and a reason beside each row and everything else as it was.

A workbook is not read and written anew, which would lose pictures, charts and rich text: its members are copied, and in
the XML of the one sheet only the bytes of the two columns change.
"""

import csv
import io
from collections.abc import Mapping
from zipfile import ZipFile, ZipInfo

from config.exports import inert
from config.sheets.csvfile import BOMS, find_delimiter, records
from config.sheets.guard import Parts, normal
from config.sheets.rewriting import NOT_XML, Columns, Pair, Rewriting, chunks
from config.sheets.xlsx import open_book


def returned_workbook(
    content: bytes,
    sheet: str,
    heading_row: int,
    columns: Columns,
    heads: Pair,
    results: Mapping[int, Pair],
) -> bytes:
    """The user's XLSX with a result and a reason in each row of `results`, which is keyed by row number.

    `columns` are where they go, counted from 1: free ones, or those of an earlier return, whose cells from the heading
    down are replaced. Raises Unreadable as the reader does.
    """
    parts = Parts(content)
    part = normal(open_book(parts).visible[sheet])
    out = io.BytesIO()
    with parts.zip as source, ZipFile(out, "w") as target:
        for info in source.infolist():
            with source.open(info) as member, target.open(like(info), "w") as copy:
                if normal(info.filename) == part:
                    Rewriting(copy, heading_row, columns, heads, results).run(member)
                else:
                    for chunk in chunks(member):
                        copy.write(chunk)
    return out.getvalue()


def returned_csv(
    content: bytes,
    encoding: str,
    delimiter: str,
    heading_row: int,
    columns: Columns,
    heads: Pair,
    results: Mapping[int, Pair],
) -> bytes:
    """The same for CSV, in the encoding and with the delimiter that the reader found; a byte-order mark stays."""
    bom, codec = next(((mark, codec) for mark, codec, _ in BOMS if content.startswith(mark)), (b"", encoding))
    text = content[len(bom) :].decode(codec)
    start = find_delimiter(text)[1]
    out = io.BytesIO()
    file = io.TextIOWrapper(out, encoding=codec, newline="", write_through=True)
    file.write(text[:start])
    writer = csv.writer(file, delimiter=delimiter)
    unmet, last = {**results, heading_row: heads}, 0
    for number, record in enumerate(records(text, start, delimiter), 1 + (start > 0)):
        pair = unmet.pop(number, ("", ""))
        writer.writerow(placed(record, columns, pair) if number >= heading_row else record)
        last = number
    for number in range(last + 1, max(unmet, default=0) + 1):
        writer.writerow(placed([], columns, unmet.get(number, ("", ""))))
    return bom + out.getvalue()


def placed(record: list[str], columns: Columns, pair: Pair) -> list[str]:
    """A record with the two texts in it; nothing lengthens one that has nothing to say."""
    row = [*record]
    for column, text in zip(columns, pair, strict=True):
        if text and len(row) < column:
            row.extend([""] * (column - len(row)))
        if column <= len(row):
            row[column - 1] = inert(NOT_XML.sub("", text))
    return row


def like(info: ZipInfo) -> ZipInfo:
    """The entry of a copied member: same name, time, kind and compression; sizes and extras are the writer's own."""
    copy = ZipInfo(info.filename, info.date_time)
    copy.compress_type, copy.external_attr, copy.comment = info.compress_type, info.external_attr, info.comment
    return copy
