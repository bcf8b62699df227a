"""Workbooks of raw XML for tests, as different programs write them."""

import io
from collections.abc import Collection, Mapping
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import xlwt

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"


def content_types() -> str:
    return (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{WORKBOOK_TYPE}"/></Types>'
    )


def relationships_xml(*targets: tuple[str, str]) -> str:
    """Return relationships rId1, rId2 … of (type, target)."""
    items = "".join(
        f'<Relationship Id="rId{place}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
        for place, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{items}</Relationships>'


def workbook_xml(sheets: str = '<sheet name="表" sheetId="1" r:id="rId1"/>', before: str = "", after: str = "") -> str:
    return f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}">{before}<sheets>{sheets}</sheets>{after}</workbook>'


def sheet_xml(rows: str, after: str = "") -> str:
    return f'<worksheet xmlns="{MAIN}"><dimension ref="A1"/><sheetData>{rows}</sheetData>{after}</worksheet>'


def shared_strings_xml(*items: str) -> str:
    return f'<sst xmlns="{MAIN}">{"".join(f"<si>{item}</si>" for item in items)}</sst>'


def styles_xml(*formats: int | str) -> str:
    """Return one style per format: a number for a built-in one, else its code."""
    codes = [code for code in formats if isinstance(code, str)]
    numbers = [164 + codes.index(code) if isinstance(code, str) else code for code in formats]
    custom = "".join(
        f'<numFmt numFmtId="{164 + place}" formatCode="{code.replace(chr(34), "&quot;")}"/>'
        for place, code in enumerate(codes)
    )
    used = "".join(f'<xf numFmtId="{number}"/>' for number in numbers)
    named = '<cellStyleXfs count="1"><xf numFmtId="9"/></cellStyleXfs>'
    return f'<styleSheet xmlns="{MAIN}"><numFmts>{custom}</numFmts>{named}<cellXfs>{used}</cellXfs></styleSheet>'


def zip_package(members: Mapping[str, str | bytes], stored: Collection[str] = ()) -> bytes:
    """Return a zip of these members, compressed but for the ones to be stored."""
    out = io.BytesIO()
    with ZipFile(out, "w") as target:
        for name, content in members.items():
            target.writestr(name, content, ZIP_STORED if name in stored else ZIP_DEFLATED)
    return out.getvalue()


def workbook_bytes(rows: str = "", after: str = "", members: Mapping[str, str | bytes] | None = None) -> bytes:
    """Return a workbook of one sheet; `members` replace or add parts, "" removes one."""
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": content_types(),
        "_rels/.rels": relationships_xml(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": workbook_xml(),
        "xl/_rels/workbook.xml.rels": relationships_xml(
            ("worksheet", "worksheets/sheet1.xml"), ("sharedStrings", "sharedStrings.xml"), ("styles", "styles.xml")
        ),
        "xl/worksheets/sheet1.xml": sheet_xml(rows, after),
    }
    return zip_package({name: part for name, part in (parts | dict(members or {})).items() if part})


def xls_bytes(*rows: tuple[object, ...], formats: dict[int, str] | None = None) -> bytes:
    """Return an .xls with a sheet of these rows, and a hidden one; `formats` by column from 0."""
    book = xlwt.Workbook()
    sheet, hidden = book.add_sheet("试点"), book.add_sheet("说明")
    hidden.visibility = 1
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            style = xlwt.easyxf(num_format_str=(formats or {}).get(column, "General"))
            if value is not None:
                sheet.write(row, column, value, style)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{prefix}:1.0"'
    for prefix in ("office", "table", "text", "manifest")
)
MANIFEST = f"<manifest:manifest {NAMESPACES}>%s</manifest:manifest>"


def ods(table: str, **members: str) -> bytes:
    """Return an .ods whose sheet "试点" has these rows of XML."""
    body = f'<office:spreadsheet><table:table table:name="试点">{table}</table:table></office:spreadsheet>'
    content = f"<office:document-content {NAMESPACES}><office:body>{body}</office:body></office:document-content>"
    parts = {"mimetype": ODS_TYPE, "content.xml": content, "META-INF/manifest.xml": MANIFEST % ""}
    return zip_package(parts | members, stored=("mimetype",))


def ods_row(*cells: str, attributes: str = "") -> str:
    return f"<table:table-row {attributes}>{''.join(cells)}</table:table-row>"


def ods_cell(kind: str, value: str, attributes: str = "") -> str:
    if kind == "string":
        return f'<table:table-cell office:value-type="string" {attributes}><text:p>{value}</text:p></table:table-cell>'
    name = {"date": "date-value", "boolean": "boolean-value"}.get(kind, "value")
    return f'<table:table-cell office:value-type="{kind}" office:{name}="{value}" {attributes}/>'
