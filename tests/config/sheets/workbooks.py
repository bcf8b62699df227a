"""Workbooks for the tests, made of raw XML, so that each looks as one program or another writes it."""

import io
from collections.abc import Mapping
from zipfile import ZIP_DEFLATED, ZipFile

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"


def types(kind: str = WORKBOOK_TYPE) -> str:
    return (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}"/></Types>'
    )


def rels(*targets: tuple[str, str]) -> str:
    """Relationships rId1, rId2 … of (type, target)."""
    items = "".join(
        f'<Relationship Id="rId{place}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
        for place, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{items}</Relationships>'


def book(sheets: str = '<sheet name="表" sheetId="1" r:id="rId1"/>', before: str = "", after: str = "") -> str:
    return f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}">{before}<sheets>{sheets}</sheets>{after}</workbook>'


def sheet(rows: str, after: str = "") -> str:
    return f'<worksheet xmlns="{MAIN}"><dimension ref="A1"/><sheetData>{rows}</sheetData>{after}</worksheet>'


def strings(*items: str) -> str:
    return f'<sst xmlns="{MAIN}">{"".join(f"<si>{item}</si>" for item in items)}</sst>'


def styles(*formats: int | str) -> str:
    """One style a format: a number for one built in, else its code."""
    codes = [code for code in formats if isinstance(code, str)]
    numbers = [164 + codes.index(code) if isinstance(code, str) else code for code in formats]
    custom = "".join(
        f'<numFmt numFmtId="{164 + place}" formatCode="{code.replace(chr(34), "&quot;")}"/>'
        for place, code in enumerate(codes)
    )
    used = "".join(f'<xf numFmtId="{number}"/>' for number in numbers)
    named = '<cellStyleXfs count="1"><xf numFmtId="9"/></cellStyleXfs>'
    return f'<styleSheet xmlns="{MAIN}"><numFmts>{custom}</numFmts>{named}<cellXfs>{used}</cellXfs></styleSheet>'


def package(members: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return out.getvalue()


def workbook(rows: str = "", after: str = "", members: Mapping[str, str | bytes] | None = None) -> bytes:
    """A workbook of one sheet; `members` replace or add parts, and "" takes one away."""
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": types(),
        "_rels/.rels": rels(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": book(),
        "xl/_rels/workbook.xml.rels": rels(
            ("worksheet", "worksheets/sheet1.xml"), ("sharedStrings", "sharedStrings.xml"), ("styles", "styles.xml")
        ),
        "xl/worksheets/sheet1.xml": sheet(rows, after),
    }
    return package({name: part for name, part in (parts | dict(members or {})).items() if part})
