"""Writer of Word documents, from a template that the ministry may replace (`brief.docx` in VAR_DIR).

The template is a Word document with the fields of `document_fields`, in the notation of docxtpl, and is edited in Word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from typing import Any
from zipfile import BadZipFile

import segno
from django.conf import settings
from django.utils.translation import gettext as _
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docx.shared import Mm
from docxtpl import DocxTemplate, InlineImage, RichText
from jinja2 import TemplateError
from jinja2.sandbox import SandboxedEnvironment

from dashboard.briefs.blocks import Brief, brief_fields

QR_WIDTH, PIXELS_PER_MODULE = Mm(18), 8
MARK = "●"
MARKS = {"red": "A3231B", "yellow": "D99A1C", "green": "1C6B3C", "grey": "8B9690"}
NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
DOCX_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class DocxUnavailable(Exception):
    """The template cannot be used; the message names the file and the remedy."""


def write_docx(brief: Brief) -> bytes:
    """Return the brief as a Word document. Raises DocxUnavailable for a template that Word or docxtpl cannot read."""
    file = BytesIO()
    try:
        template = DocxTemplate(settings.BRIEF_TEMPLATE)
        template.render(document_fields(brief, template), SandboxedEnvironment(autoescape=True))
        describe(template.docx, brief)
        template.save(file)
    except (PackageNotFoundError, BadZipFile, KeyError, ValueError, TemplateError) as exc:
        text = _("The Word template %(file)s cannot be used (%(why)s). Correct it, or remove it.")
        raise DocxUnavailable(text % {"file": settings.BRIEF_TEMPLATE, "why": exc}) from exc
    return file.getvalue()


def document_fields(brief: Brief, template: DocxTemplate) -> Mapping[str, Any]:
    """Return the fields of the template: those of the brief, a `mark` in its colour beside each light and line, and
    `qr`, the picture of its QR code.

    It is a PNG: Word documents hold no SVG that every version shows.
    """
    file = BytesIO()
    segno.make_qr(brief["address"], error="m").save(file, kind="png", scale=PIXELS_PER_MODULE)
    fields = printable(brief_fields(brief))
    lines = [line for block in fields["blocks"] if block["type"] == "lines" for line in block["items"]]
    for line in [*lines, *filter(None, [fields["light"]])]:
        line["mark"] = RichText(f"{MARK} " if line["status"] else "", color=MARKS.get(line["status"]))
    return {**fields, "qr": InlineImage(template, file, width=QR_WIDTH)}


def printable(value: Any) -> Any:
    """Return the value with spaces for the characters that no XML document may hold, and for breaks of lines."""
    if isinstance(value, str):
        return " ".join(NOT_XML.sub(" ", value).split())
    if isinstance(value, dict):
        return {name: printable(item) for name, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list) else value


def describe(document: Any, brief: Brief) -> None:
    """Set what readers of the file see of it: title, language, days, and a text for the QR code."""
    properties = document.core_properties
    properties.title, properties.author, properties.comments = printable(brief["title"])[:255], "", ""
    properties.language = brief["language"]
    properties.created = properties.modified = datetime.fromisoformat(brief["made_at"]).replace(tzinfo=None)
    for shape in document.element.body.iter(qn("wp:docPr")):
        shape.set("descr", brief["address"])
