"""Write the default Word template of briefs: `.venv/bin/python .ci/brief_template.py`.

The layout is that of official documents (GB/T 9704), in sizes at which a brief fits on one page: title in 方正小标宋,
headings in 黑体, text in 仿宋_GB2312. Fonts are named only: the reader's Word has them, or takes those named beside
them for Latin text.
"""

import sys
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

TARGET = Path(__file__).parent.parent / "dashboard/briefs/writers/layouts/brief.docx"
TITLE, HEADING, BODY = "方正小标宋简体", "黑体", "仿宋_GB2312"
FALLBACKS = {TITLE: "宋体", HEADING: "微软雅黑", BODY: "仿宋"}  # in the table of fonts: what Word takes instead
LATIN = "Times New Roman"
ACCENT, MUTED = RGBColor(0x0B, 0x5D, 0x4B), RGBColor(0x55, 0x63, 0x5C)


def main(target: Path = TARGET) -> None:
    document = Document()
    page = document.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin = page.right_margin = Mm(20)
    page.top_margin = page.bottom_margin = Mm(12)
    add_styles(document)
    add_head(document)
    add_blocks(document)
    add_foot(document)
    name_fallbacks(document)
    document.save(str(target))


def add_styles(document: Any) -> None:
    styles = document.styles
    set_font(styles["Normal"], BODY, 10.5)
    spacing(styles["Normal"], 13)
    title = styles["Title"]
    set_font(title, TITLE, 20)
    spacing(title, 26, after=2)
    title.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for border in title.element.pPr.findall(qn("w:pBdr")):
        title.element.pPr.remove(border)
    set_font(styles["Heading 1"], HEADING, 12, ACCENT)
    spacing(styles["Heading 1"], 15, before=3)
    for name, size, colour in (
        ("Subtitle", 10.5, MUTED),
        ("Headline", 12, None),
        ("Value", 14, None),
        ("Note", 9, MUTED),
    ):
        style = styles[name] if name in styles else styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = styles["Normal"]
        set_font(style, BODY, size, colour)
        spacing(style, max(11, size * 1.25))
    styles["Subtitle"].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER


def set_font(style: Any, name: str, size: float, colour: RGBColor | None = None) -> None:
    """Name the font of Chinese text, and that of Latin text beside it."""
    style.font.name, style.font.size, style.font.italic = LATIN, Pt(size), False
    style.font.bold = False
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for attribute in list(fonts.attrib):
        if "Theme" in attribute:
            del fonts.attrib[attribute]
    for attribute, font in (("w:ascii", LATIN), ("w:hAnsi", LATIN), ("w:cs", LATIN), ("w:eastAsia", name)):
        fonts.set(qn(attribute), font)
    style.font.color.rgb = colour or RGBColor(0, 0, 0)


def spacing(style: Any, line: float, before: float = 0, after: float = 0) -> None:
    layout = style.paragraph_format
    layout.line_spacing_rule, layout.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(line)
    layout.space_before, layout.space_after = Pt(before), Pt(after)


def add_head(document: Any) -> None:
    document.add_paragraph("{{ title }}", "Title")
    for name, style in (("subtitle", "Subtitle"), ("headline", "Headline")):
        document.add_paragraph(f"{{%p if {name} %}}")
        document.add_paragraph(f"{{{{ {name} }}}}", style)
        document.add_paragraph("{%p endif %}")
    document.add_paragraph("{%p if light %}")
    paragraph = document.add_paragraph("")
    paragraph.add_run("{{ light.label }}").bold = True
    paragraph.add_run("  {{ light.reason }}")
    document.add_paragraph("{%p endif %}")


def add_blocks(document: Any) -> None:
    document.add_paragraph("{%p for block in blocks %}")
    document.add_paragraph("{%p if block.title %}")
    document.add_paragraph("{{ block.title }}", "Heading 1")
    document.add_paragraph("{%p endif %}")
    document.add_paragraph("{%p if block.type == 'facts' %}")
    facts = add_table(document, ["{%tc for fact in block['items'] %}", "", "{%tc endfor %}"])
    cell = facts.cell(0, 1)
    cell.paragraphs[0].text, cell.paragraphs[0].style = "{{ fact.label }}", document.styles["Note"]
    value = cell.add_paragraph("", "Value")
    value.add_run("{{ fact.value }}").bold = True
    value.add_run(" {{ fact.of }}").font.size = Pt(9)
    cell.add_paragraph("{%p if fact.note %}")
    cell.add_paragraph("{{ fact.note }}", "Note")
    cell.add_paragraph("{%p endif %}")
    document.add_paragraph("{%p elif block.type == 'lines' %}")
    document.add_paragraph("{%p for line in block['items'] %}")
    line = document.add_paragraph("")
    line.paragraph_format.left_indent, line.paragraph_format.first_line_indent = Mm(4), Mm(-4)
    line.add_run("{{ line.label }}").bold = True
    line.add_run("  {{ line.text }}")
    line.add_run("  {{ line.detail }}").font.color.rgb = MUTED
    document.add_paragraph("{%p endfor %}")
    document.add_paragraph("{%p if not block['items'] and block.empty %}")
    document.add_paragraph("{{ block.empty }}", "Note")
    document.add_paragraph("{%p endif %}")
    document.add_paragraph("{%p else %}")
    add_table_block(document)
    document.add_paragraph("{%p endif %}")
    document.add_paragraph("{%p if block.more %}")
    document.add_paragraph("{{ block.more }}", "Note")
    document.add_paragraph("{%p endif %}")
    document.add_paragraph("{%p endfor %}")


def add_table_block(document: Any) -> None:
    table = add_table(document, ["{%tc for column in block.columns %}", "", "{%tc endfor %}"], rows=4)
    table.cell(0, 1).paragraphs[0].add_run("{{ column }}").bold = True
    repeat = OxmlElement("w:tblHeader")
    table.rows[0]._tr.get_or_add_trPr().append(repeat)  # noqa: SLF001  # python-docx has no name for it
    table.cell(1, 0).text = "{%tr for row in block.rows %}"
    for place, text in enumerate(("{%tc for cell in row %}", "{{ cell }}", "{%tc endfor %}")):
        table.cell(2, place).text = text
    table.cell(3, 0).text = "{%tr endfor %}"


def add_table(document: Any, texts: list[str], rows: int = 1) -> Any:
    table = document.add_table(rows, len(texts), "Table Grid")
    for place, text in enumerate(texts):
        table.cell(0, place).text = text
    return table


def add_foot(document: Any) -> None:
    document.add_paragraph("{%p if sources %}")
    document.add_paragraph("{{ sources_title }}", "Heading 1")
    document.add_paragraph("{%p for source in sources %}")
    document.add_paragraph("{{ source.text }} {{ source.url }}", "Note")
    document.add_paragraph("{%p endfor %}")
    document.add_paragraph("{%p if more_sources %}")
    document.add_paragraph("{{ more_sources }}", "Note")
    document.add_paragraph("{%p endif %}")
    document.add_paragraph("{%p endif %}")
    table = document.add_table(1, 2)
    table.autofit = False
    left, right = table.rows[0].cells
    left.width, right.width = Mm(148), Mm(22)
    left.paragraphs[0].text = "{%p for line in foot %}"
    left.add_paragraph("{{ line }}", "Note")
    left.add_paragraph("{%p endfor %}")
    right.paragraphs[0].text = "{{ qr }}"
    layout = right.paragraphs[0].paragraph_format
    layout.alignment, layout.line_spacing_rule = WD_ALIGN_PARAGRAPH.RIGHT, WD_LINE_SPACING.SINGLE


def name_fallbacks(document: Any) -> None:
    """Name in the table of fonts what Word takes where a font is not installed."""
    part = next(part for part in document.part.package.iter_parts() if part.partname == "/word/fontTable.xml")
    entries = "".join(
        f'<w:font w:name="{name}"><w:altName w:val="{other}"/><w:charset w:val="86"/></w:font>'
        for name, other in FALLBACKS.items()
    )
    part._blob = part.blob.replace(b"</w:fonts>", entries.encode() + b"</w:fonts>")  # noqa: SLF001  # kept as bytes


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
