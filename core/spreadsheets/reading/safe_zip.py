"""Zips and their XML, read without harm: sizes are checked by the directory, and nothing is declared or fetched."""

import io
import zlib
from collections.abc import Iterator
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from django.utils.translation import gettext as _

from core.spreadsheets.reading.cells import UnreadableFile

MAX_UNPACKED = 100 * 2**20
MAX_MEMBERS = 1_000
MAX_RATIO = 200  # measured: 20,000 rows that differ in a number only compress up to 140 times; a bomb a thousand times
SMALL_MEMBER = 8 * 2**20  # a member up to this size may have any ratio: it is read in less than a second
MAX_DEPTH = 100  # of elements within each other
UNZIP_ERRORS = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError, KeyError)


def open_zip(content: bytes) -> ZipFile:
    """Open a zip that is no bomb by its directory, beyond whose sizes Python unpacks nothing. Raises UnreadableFile."""
    if content.count(b"PK\x01\x02") > MAX_MEMBERS:
        raise UnreadableFile("bomb")
    try:
        parts = ZipFile(io.BytesIO(content))
    except UNZIP_ERRORS as error:
        raise UnreadableFile("damaged") from error
    members = parts.infolist()
    too_large = any(info.file_size > max(SMALL_MEMBER, MAX_RATIO * info.compress_size) for info in members)
    overlapping = sum(info.compress_size for info in members) > len(content)
    if too_large or overlapping or sum(info.file_size for info in members) > MAX_UNPACKED:
        raise UnreadableFile("bomb")
    if any(info.flag_bits & 1 for info in members):
        raise UnreadableFile("encrypted")
    known = all(info.compress_type in {ZIP_STORED, ZIP_DEFLATED} for info in members)
    if not known or len({info.filename.casefold() for info in members}) < len(members):
        raise UnreadableFile("damaged")
    return parts


def member_names(parts: ZipFile) -> dict[str, str]:
    """Return the names of the members by the form in which they are compared: programs write either slash and case."""
    return {name.replace("\\", "/").lstrip("/").casefold(): name for name in parts.namelist()}


def read_elements(parts: ZipFile, name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the local name and the attributes of each element of a member; programs choose prefixes.

    A DOCTYPE is rejected, so that no entity is ever declared, expanded or fetched.
    """
    found: list[tuple[str, dict[str, str] | None]] = []  # None where the element ends
    depth = 0

    def reject_doctype(*_args: object) -> None:
        text = _(
            "The workbook holds a document type declaration, which no spreadsheet program writes. Save it anew as "
            ".xlsx."
        )
        raise UnreadableFile("entity", text)

    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda tag, attributes: found.append((tag, attributes))
    parser.EndElementHandler = lambda tag: found.append((tag, None))
    parser.StartDoctypeDeclHandler = reject_doctype
    with parts.open(name) as member:
        chunk: bytes | None = None
        while chunk != b"":
            chunk = member.read(2**16)
            parser.Parse(chunk, not chunk)
            for tag, attributes in found:
                depth += -1 if attributes is None else 1
                if depth > MAX_DEPTH:
                    raise UnreadableFile("bomb")
                if attributes is not None:
                    yield tag.rpartition(":")[2], attributes
            found.clear()
