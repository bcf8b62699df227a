"""XLSX reader: finds the visible sheets, the date system and the number formats of a workbook, and reads one sheet."""

from dataclasses import dataclass, field
from posixpath import dirname, join, normpath

from django.utils.translation import gettext as _

from core.spreadsheets.reading import number_formats
from core.spreadsheets.reading.cells import Sheet, UnreadableFile
from core.spreadsheets.reading.merged_cells import fill_merged_cells
from core.spreadsheets.reading.safe_zip import (
    Attributes,
    Starts,
    WorkbookZip,
    damaged_error,
    macro_error,
    not_a_workbook_error,
)
from core.spreadsheets.reading.xlsx_sheet import TRUE_VALUES, SharedStrings, SheetReader

CONTENT_TYPES = "[Content_Types].xml"


@dataclass
class WorkbookInfo:
    """Structure of a workbook. Links to other files are never followed: cells keep the values they have."""

    part: str
    visible: dict[str, str] = field(default_factory=dict)  # name -> member
    names: list[str] = field(default_factory=list)  # of all sheets, hidden ones and charts too
    texts: str = ""  # members
    formats: str = ""
    epoch1904: bool = False
    stale: bool = False  # marked by the program that wrote it as still to be calculated


def xlsx_sheet_names(content: bytes) -> list[str]:
    """Return the visible sheets. Raises UnreadableFile where the content is no workbook or unsafe."""
    return list(open_workbook(WorkbookZip(content)).visible)


def read_xlsx(content: bytes, sheet: str | None) -> Sheet:
    """Return one visible sheet, the first unless it is named. Raises UnreadableFile."""
    parts = WorkbookZip(content)
    book = open_workbook(parts)
    name = next(iter(book.visible)) if sheet is None else sheet
    if name not in book.visible:
        text = _("The workbook has no visible sheet “%(name)s”. Choose another, or show it in Excel and save.")
        raise UnreadableFile("no_sheet", text % {"name": name[:31]})
    if book.visible[name] not in parts:
        raise damaged_error(name)
    texts = SharedStrings().read(parts, book.texts) if book.texts in parts else []
    worksheet = SheetReader(texts, read_number_formats(parts, book.formats), epoch1904=book.epoch1904, stale=book.stale)
    worksheet.read(parts, book.visible[name])
    lines, filled = fill_merged_cells(worksheet.lines, worksheet.merged)
    if not lines:
        text = _("The sheet “%(name)s” is empty. Choose another sheet, or put the list on it.")
        raise UnreadableFile("empty", text % {"name": name})
    hidden = sum(line.number in worksheet.hidden for line in lines)
    others = [other for other in book.names if other != name]
    return Sheet("xlsx", name, "", "", lines, hidden, others, filled, book.epoch1904)


def open_workbook(parts: WorkbookZip) -> WorkbookInfo:
    """Find the workbook part in the package and read its structure. Raises UnreadableFile."""
    main = [target for kind, target, _id in read_relationships(parts, "") if kind == "officeDocument"]
    book = WorkbookInfo(main[0] if main else "xl/workbook.xml")
    if book.part not in parts or not book.part.lower().endswith(".xml"):
        raise not_a_workbook_error()
    reject_macros(parts)
    sheets = read_workbook_part(parts, book)
    related = read_relationships(parts, book.part)
    members = {identifier: target for kind, target, identifier in related if kind == "worksheet"}
    book.texts = next((target for kind, target, _id in related if kind == "sharedStrings"), "")
    book.formats = next((target for kind, target, _id in related if kind == "styles"), "")
    for sheet in sheets:
        name = sheet.get("name", "")
        book.names.append(name)
        identifier = next((value for key, value in sheet.items() if key.endswith(":id")), "")
        if sheet.get("state", "visible") == "visible" and identifier in members:
            book.visible[name] = members[identifier]
    if not book.visible:
        text = _("The workbook has no visible sheet. Show the sheet with the list in Excel and save.")
        raise UnreadableFile("no_sheet", text)
    return book


def read_workbook_part(parts: WorkbookZip, book: WorkbookInfo) -> list[Attributes]:
    """Read the date system and the state of the formulas; return the attributes of the sheets."""
    sheets: list[Attributes] = []

    def calendar(attributes: Attributes) -> None:
        book.epoch1904 = attributes.get("date1904") in TRUE_VALUES

    def calculation(attributes: Attributes) -> None:
        book.stale = attributes.get("fullCalcOnLoad") in TRUE_VALUES

    parts.parse(book.part, {"sheet": sheets.append, "workbookPr": calendar, "calcPr": calculation}, {})
    if not sheets:
        raise not_a_workbook_error()
    return sheets


def read_relationships(parts: WorkbookZip, part: str) -> list[tuple[str, str, str]]:
    """Return the relationships of a part within the package: type (its last word), member and id."""
    folder, name = dirname(part), part.rpartition("/")[2]
    found: list[tuple[str, str, str]] = []

    def note(attributes: Attributes) -> None:
        if attributes.get("TargetMode") != "External":
            target = normpath(join("/", folder, attributes.get("Target", "").replace("\\", "/"))).lstrip("/")
            found.append((attributes.get("Type", "").rpartition("/")[2], target, attributes.get("Id", "")))

    place = join(folder, "_rels", f"{name}.rels")
    if place in parts:
        parts.parse(place, {"Relationship": note}, {})
    return found


def reject_macros(parts: WorkbookZip) -> None:
    """Raise UnreadableFile where the workbook contains macros, old macro sheets included."""
    types: list[str] = []

    def note(attributes: Attributes) -> None:
        types.append(attributes.get("ContentType", "").lower())

    if CONTENT_TYPES in parts:
        parts.parse(CONTENT_TYPES, {"Default": note, "Override": note}, {})
    by_name = any(name.endswith("vbaproject.bin") or "/macrosheets/" in name for name in parts.members)
    if by_name or any("macroenabled" in kind or "vbaproject" in kind for kind in types):
        raise macro_error()


def read_number_formats(parts: WorkbookZip, name: str) -> list[number_formats.NumberFormat]:
    """Return how each cell style shows a number, in the order in which cells reference them."""
    custom: dict[str, number_formats.NumberFormat] = {}
    formats: list[number_formats.NumberFormat] = []
    within: set[str] = set()

    def define(attributes: Attributes) -> None:
        custom[attributes.get("numFmtId", "")] = number_formats.parse_format(attributes.get("formatCode", ""))

    def use(attributes: Attributes) -> None:
        if within:
            number = attributes.get("numFmtId", "0")
            formats.append(custom.get(number) or number_formats.builtin_format(number))

    starts: Starts = {"numFmt": define, "xf": use, "cellXfs": lambda _attributes: within.add("cellXfs")}
    if name in parts:
        parts.parse(name, starts, {"cellXfs": within.clear})
    return formats
