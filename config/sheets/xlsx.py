"""A workbook: which sheets it has and which are visible, its calendar and formats, and one sheet read."""

from dataclasses import dataclass, field
from posixpath import dirname, join, normpath

from django.utils.translation import gettext as _

from config.sheets import styles
from config.sheets.cells import Sheet, Unreadable
from config.sheets.guard import Attributes, Parts, Starts, damaged, not_a_workbook
from config.sheets.worksheet import TRUE, SharedTexts, Worksheet, apply_merged

TYPES = "[Content_Types].xml"


@dataclass
class Book:
    """What the workbook says of itself. Links to other files are never followed: cells keep the values they have."""

    part: str
    visible: dict[str, str] = field(default_factory=dict)  # name -> member
    names: list[str] = field(default_factory=list)  # of all sheets, hidden ones and charts too
    texts: str = ""  # members
    formats: str = ""
    epoch1904: bool = False
    stale: bool = False  # marked by the program that wrote it as still to be calculated


def sheet_names(content: bytes) -> list[str]:
    """The visible sheets. Raises Unreadable where the content is no workbook or unsafe."""
    return list(open_book(Parts(content)).visible)


def read(content: bytes, sheet: str | None) -> Sheet:
    """One visible sheet, the first unless it is named. Raises Unreadable."""
    parts = Parts(content)
    book = open_book(parts)
    name = next(iter(book.visible)) if sheet is None else sheet
    if name not in book.visible:
        text = _("The workbook has no visible sheet “%(name)s”. Choose another, or show it in Excel and save.")
        raise Unreadable("no_sheet", text % {"name": name[:31]})
    if book.visible[name] not in parts:
        raise damaged(name)
    texts = SharedTexts().read(parts, book.texts) if book.texts in parts else []
    worksheet = Worksheet(texts, read_formats(parts, book.formats), epoch1904=book.epoch1904, stale=book.stale)
    worksheet.read(parts, book.visible[name])
    lines, filled = apply_merged(worksheet)
    if not lines:
        text = _("The sheet “%(name)s” is empty. Choose another sheet, or put the list on it.")
        raise Unreadable("empty", text % {"name": name})
    hidden = sum(line.number in worksheet.hidden for line in lines)
    others = [other for other in book.names if other != name]
    return Sheet("xlsx", name, "", "", lines, hidden, others, filled, book.epoch1904)


def open_book(parts: Parts) -> Book:
    """Find the workbook in the package and read what it says of itself. Raises Unreadable."""
    main = [target for kind, target, _id in relations(parts, "") if kind == "officeDocument"]
    book = Book(main[0] if main else "xl/workbook.xml")
    if book.part not in parts or not book.part.lower().endswith(".xml"):
        raise not_a_workbook()
    refuse_macros(parts)
    sheets = describe(parts, book)
    related = relations(parts, book.part)
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
        raise Unreadable("no_sheet", text)
    return book


def describe(parts: Parts, book: Book) -> list[Attributes]:
    """Note the calendar and the state of the formulas; return what the workbook says of its sheets."""
    sheets: list[Attributes] = []

    def calendar(attributes: Attributes) -> None:
        book.epoch1904 = attributes.get("date1904") in TRUE

    def calculation(attributes: Attributes) -> None:
        book.stale = attributes.get("fullCalcOnLoad") in TRUE

    parts.parse(book.part, {"sheet": sheets.append, "workbookPr": calendar, "calcPr": calculation}, {})
    if not sheets:
        raise not_a_workbook()
    return sheets


def relations(parts: Parts, part: str) -> list[tuple[str, str, str]]:
    """What a part points to within the package: the last word of the relation's type, the member, the identifier."""
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


def refuse_macros(parts: Parts) -> None:
    """Raise Unreadable where the workbook holds a program, old macro sheets included."""
    types: list[str] = []

    def note(attributes: Attributes) -> None:
        types.append(attributes.get("ContentType", "").lower())

    if TYPES in parts:
        parts.parse(TYPES, {"Default": note, "Override": note}, {})
    by_name = any(name.endswith("vbaproject.bin") or "/macrosheets/" in name for name in parts.members)
    if by_name or any("macroenabled" in kind or "vbaproject" in kind for kind in types):
        raise Unreadable("macro", _("The workbook holds macros. Save it as .xlsx, without macros."))


def read_formats(parts: Parts, name: str) -> list[styles.Format]:
    """How each style of a cell shows a number, in the order in which cells name them."""
    custom: dict[str, styles.Format] = {}
    formats: list[styles.Format] = []
    within: set[str] = set()

    def define(attributes: Attributes) -> None:
        custom[attributes.get("numFmtId", "")] = styles.custom(attributes.get("formatCode", ""))

    def use(attributes: Attributes) -> None:
        if within:
            number = attributes.get("numFmtId", "0")
            formats.append(custom.get(number) or styles.builtin(number))

    starts: Starts = {"numFmt": define, "xf": use, "cellXfs": lambda _attributes: within.add("cellXfs")}
    if name in parts:
        parts.parse(name, starts, {"cellXfs": within.clear})
    return formats
