"""Writers of a brief: each prints all texts, whole and in order, whatever they are."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.template.loader import render_to_string
from docx import Document
from lxml import etree
from pypdf import PdfReader

from core.text import STATUS_SYMBOLS
from dashboard.briefs.build import Brief, fact, facts
from dashboard.briefs.writers import MARKS, FileUnavailable, brief_fields, shortened, write_docx, write_pdf
from tests.dashboard.briefs.every_value import HOSTILE, brief_with_every_value
from tests.support.briefs import text_lines


def joined(text: str) -> str:
    """The text without white space, and without the marks of Typst where a long word may break."""
    return re.sub(r"[\s\u200b]", "", text)


def pdf_text(content: bytes) -> str:
    return joined("".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages))


def docx_text(content: bytes) -> str:
    root = etree.fromstring(ZipFile(BytesIO(content)).read("word/document.xml"))
    return unmarked(joined("".join(root.itertext("{*}t"))))


def unmarked(text: str) -> str:
    """The text without the shapes of lights."""
    return text.translate(dict.fromkeys(map(ord, STATUS_SYMBOLS.values())))


def wanted_text(brief: Brief) -> str:
    return joined("".join(text_lines(brief)))


@pytest.mark.parametrize(("language", "lang"), [("en", "en"), ("zh-hans", "zh-CN")])
def test_pdf_holds_every_text_on_one_tagged_page_with_the_same_bytes(language: str, lang: str) -> None:
    brief = brief_with_every_value(language)
    content = write_pdf(brief)
    assert pdf_text(content) == wanted_text(brief)
    copied = "".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)
    assert brief["address"] in copied.replace("\n", "")
    reader = PdfReader(BytesIO(content))
    root = reader.root_object
    assert len(reader.pages) == 1
    assert [round(side) for side in reader.pages[0].mediabox[2:]] == [595, 842]  # A4
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"], "/StructTreeRoot" in root) == (lang, True, True)
    assert reader.metadata is not None
    assert reader.metadata.title == brief["title"]
    assert write_pdf(brief) == content


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_word_document_holds_every_text(language: str) -> None:
    brief = brief_with_every_value(language)
    content = write_docx(brief)
    assert docx_text(content) == unmarked(wanted_text(brief))
    assert Document(BytesIO(content)).core_properties.title == brief["title"]
    archive = ZipFile(BytesIO(content))
    assert archive.testzip() is None
    for name in archive.namelist():
        if name.endswith((".xml", ".rels")):
            etree.fromstring(archive.read(name))
    document = etree.fromstring(archive.read("word/document.xml"))
    marks = document.xpath("//*[local-name()='r'][.//*[local-name()='color'] and string-length(.) < 3]")
    colours = [("".join(mark.itertext()).strip(), *mark.xpath(".//*[local-name()='color']/@*")) for mark in marks]
    lines = [line for block in brief["blocks"] if block["type"] == "lines" for line in block["items"]]
    states = [line["status"] for line in [brief["light"], *lines] if line["status"]]
    assert colours == [(STATUS_SYMBOLS[state], MARKS[state]) for state in states]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_page_holds_every_text(language: str) -> None:
    brief = brief_with_every_value(language)
    page = render_to_string("dashboard/briefs/article.html", {"brief": brief_fields(brief)})
    texts = etree.HTML(page)
    for mark in texts.xpath("//span[@aria-hidden]"):  # the shape of a status, beside its word
        mark.text = ""
    assert joined("".join(texts.itertext())) == wanted_text(brief)


def test_word_document_prints_what_xml_cannot_hold_as_spaces() -> None:
    brief = {**brief_with_every_value("en"), "title": "a\x00b\x0bc\ud800d\ne"}
    assert Document(BytesIO(write_docx(brief))).paragraphs[0].text == "a b c d e"


def test_pdf_cuts_lists_that_do_not_fit() -> None:
    brief = brief_with_every_value("en", length=60)
    content = write_pdf(brief)
    assert len(PdfReader(BytesIO(content)).pages) == 1
    text = pdf_text(content)
    fitting = [most for most in range(60) if wanted_text(shortened(brief, most)) == text]
    assert len(fitting) == 1
    assert fitting[0] >= 5
    assert joined(f"and {60 - fitting[0] + 7} more") in text


def test_pdf_that_cannot_fit_is_refused() -> None:
    blocks = [facts(fact("label", "value", note="文字很长" * 4_000))]
    with pytest.raises(FileUnavailable, match="does not fit on one page"):
        write_pdf({**brief_with_every_value("en"), "blocks": blocks})


def test_pdf_is_refused_where_the_fonts_lack_a_character() -> None:
    with pytest.raises(FileUnavailable, match=re.escape("\\u{10fffd}")):
        write_pdf({**brief_with_every_value("en"), "title": "Park \U0010fffd"})


def test_another_template_is_used_and_an_unusable_one_is_named(settings: Any, tmp_path: Path) -> None:
    document = Document()
    document.add_paragraph("致{{ title }}")
    document.add_paragraph("{{ title.__class__.__mro__ }}")
    settings.BRIEF_TEMPLATE = tmp_path / "own.docx"
    document.save(str(settings.BRIEF_TEMPLATE))
    with pytest.raises(FileUnavailable, match=r"own\.docx.*unsafe"):
        write_docx(brief_with_every_value("en"))
    document.paragraphs[1].text = ""
    document.save(str(settings.BRIEF_TEMPLATE))
    brief = brief_with_every_value("en")
    assert docx_text(write_docx(brief)) == joined(f"致{brief['title']}")
    assert HOSTILE in brief["title"]
    for content in (b"no document", b""):
        settings.BRIEF_TEMPLATE.write_bytes(content)
        with pytest.raises(FileUnavailable, match=r"own\.docx"):
            write_docx(brief)
