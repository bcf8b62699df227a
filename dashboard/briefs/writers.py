"""Writers of a brief as a file: PDF, Word and JSON.

PDF is one A4 page, tagged for screen readers (PDF/UA-1), the same bytes for the same brief. Typst sets it
(layouts/brief.typ); texts reach it as data, never as markup. Where no Chinese font is found, it would print empty boxes
without an error, so the PDF is refused. A Word document is made from a template that the ministry may replace
(`brief.docx` in VAR_DIR): a Word document with the fields of `document_fields`, in the notation of docxtpl, edited in
Word.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache, partial
from io import BytesIO
from typing import Any
from zipfile import BadZipFile

import typst
from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from docx.opc.exceptions import PackageNotFoundError
from docxtpl import DocxTemplate, RichText
from jinja2 import TemplateError
from jinja2.sandbox import SandboxedEnvironment
from pypdf import PdfReader

from core.days import days_stem, download_stem
from core.errors import choice_error, error_response
from core.http import TrackerRequest
from core.spreadsheets.writer import content_disposition
from core.text import STATUS_SYMBOLS, format_date, format_number, label_value
from dashboard.briefs.build import MAX_LINES, Brief

TEMPLATE = settings.BASE_DIR / "dashboard/briefs/layouts/brief.typ"
FITS = (*((size, MAX_LINES) for size in (10.5, 10, 9.5, 9, 8.5)), (8.5, 3), (8.5, 1))
"""Sizes in points, and the lines of each list that are printed: the first at which everything fits on the page."""
CHINESE_FONTS = (  # the first that is found sets the Chinese text
    *("Noto Serif CJK SC", "Source Han Serif SC", "Noto Serif SC", "FangSong", "FangSong_GB2312", "STFangsong"),
    *("SimSun", "STSong", "Songti SC", "FandolSong", "AR PL UMing CN", "AR PL SungtiL GB"),
    *("Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC", "Microsoft YaHei", "SimHei", "PingFang SC"),
    *("WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback"),
)
LATIN_FONT = "Libertinus Serif"  # comes with Typst
LANGUAGES = {"en": ("en", None), "zh-hans": ("zh", "cn")}  # of Typst: language and region
UNDISPLAYED = re.compile(r"the text `(.+?)` could not be displayed")


class FileUnavailable(Exception):
    """A file cannot be made as it should be; the message names the remedy, and the template that cannot be used."""


def shortened(brief: Brief, most: int) -> Brief:
    """Return the brief with at most so many lines or rows in each list, and sources; they say how many are left out."""
    blocks = []
    for block in brief["blocks"]:
        name = {"lines": "items", "table": "rows"}.get(block["type"])
        if name:
            left_out = max(0, len(block[name]) - most)
            block = {**block, name: block[name][:most], "more": block["more"] + left_out}  # noqa: PLW2901
        blocks.append(block)
    sources = brief["sources"]
    more = brief["more_sources"] + max(0, len(sources) - most)
    return {**brief, "blocks": blocks, "sources": sources[:most], "more_sources": more}


def brief_fields(brief: Brief) -> dict[str, Any]:
    """Return a brief for writers that fill a template: `more`, `more_sources` and the sources as texts, and the foot.

    The words beside the values (`and 7 more`, the heading of the sources, the foot) are in the brief's language.
    """
    with translation.override(brief["language"]):
        made = timezone.localtime(datetime.fromisoformat(brief["made_at"]))
        days = {_("As of"): brief["as_of"], _("As known on"): brief["known"], _("Compared with"): brief["since"]}
        foot = [
            *(label_value(label, format_date(date.fromisoformat(day))) for label, day in days.items() if day),
            label_value(_("Made on"), date_format(made, "DATETIME_FORMAT")),
            brief["address"],
            label_value(_("Demonstration data"), _("invented, not the real programme")) * brief["demonstration"],
        ]
        return {
            **brief,
            "blocks": [{**block, "more": more_text(block.get("more", 0))} for block in brief["blocks"]],
            "sources": [
                {"text": f"[{source['number']}] {source['text']}", "url": source["url"]} for source in brief["sources"]
            ],
            "more_sources": more_text(brief["more_sources"]),
            "sources_title": _("Sources"),
            "foot": [text for text in foot if text],
        }


def more_text(number: int) -> str:
    """Return `and 7 more` in the active language; empty for none."""
    return pgettext("lines left out", "and %(n)s more") % {"n": format_number(number)} if number else ""


def write_pdf(brief: Brief) -> bytes:
    """Return the brief as PDF, on one A4 page. Lists that do not fit are cut, with the number of what was left out.

    Raises FileUnavailable where the fonts lack a character, or the page is too small for what cannot be cut.
    """
    font = chinese_font()
    if not font:
        raise FileUnavailable(
            _(
                "No PDF can be made here: this server has no Chinese font. Use Word or print from the browser instead. "
                "An administrator installs a font (on Debian: fonts-noto-cjk) or puts one into the folder fonts of "
                "VAR_DIR."
            )
        )
    for size, most in FITS:
        if content := set_page(shortened(brief, most), font, size):
            return content
    raise FileUnavailable(_("This brief does not fit on one page, even without its lists. Use Word instead."))


def set_page(brief: Brief, font: str, size: float) -> bytes | None:
    """Return the PDF at a font size in points; None where it takes more than one page."""
    language, region = LANGUAGES[brief["language"]]
    names = [LATIN_FONT, font] if language == "en" else [font, LATIN_FONT]
    own = {"lang": language, "region": region, "fonts": names}
    inputs = {"brief": json.dumps({**brief_fields(brief), **own}, ensure_ascii=False), "size": str(size)}
    compiler = typst.Compiler(TEMPLATE.read_bytes(), sys_inputs=inputs, font_paths=fonts(settings.BRIEF_FONTS))
    try:
        content, warnings = compiler.compile_with_warnings(
            format="pdf", pdf_standards="ua-1", timestamp=int(datetime.fromisoformat(brief["made_at"]).timestamp())
        )
    except typst.TypstError as exc:
        if missing := UNDISPLAYED.search(str(exc.message)):
            text = _("No PDF can be made: the fonts of this server lack %(text)s. Use Word instead.")
            raise FileUnavailable(text % {"text": missing[1]}) from exc
        raise
    if warnings:
        raise FileUnavailable(" ".join(str(warning.message) for warning in warnings))
    return content if isinstance(content, bytes) and len(PdfReader(BytesIO(content)).pages) == 1 else None


@cache
def fonts(folder: str) -> typst.Fonts:
    """Return the fonts of a folder; those of the system where none is named."""
    return typst.Fonts(include_system_fonts=not folder, font_paths=[folder] if folder else [])


def chinese_font() -> str:
    """Return the name of the Chinese font that is used; empty where there is none."""
    families = set(fonts(settings.BRIEF_FONTS).families())
    return next((name for name in CHINESE_FONTS if name in families), "")


MARKS = {"red": "A3231B", "yellow": "D99A1C", "green": "1C6B3C", "grey": "8B9690"}
NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
DOCX_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def write_docx(brief: Brief) -> bytes:
    """Return the brief as a Word document. Raises FileUnavailable for a template that Word or docxtpl cannot read."""
    file = BytesIO()
    try:
        template = DocxTemplate(settings.BRIEF_TEMPLATE)
        template.render(document_fields(brief), SandboxedEnvironment(autoescape=True))
        # What readers of the file see of it: title, language and days.
        properties = template.docx.core_properties
        properties.title, properties.author, properties.comments = printable(brief["title"])[:255], "", ""
        properties.language = brief["language"]
        properties.created = properties.modified = datetime.fromisoformat(brief["made_at"]).replace(tzinfo=None)
        template.save(file)
    except (PackageNotFoundError, BadZipFile, KeyError, ValueError, TemplateError) as exc:
        text = _("The Word template %(file)s cannot be used (%(why)s). Correct it, or remove it.")
        raise FileUnavailable(text % {"file": settings.BRIEF_TEMPLATE, "why": exc}) from exc
    return file.getvalue()


def document_fields(brief: Brief) -> Mapping[str, Any]:
    """Return the fields of the template: those of the brief, and a `mark` in its colour before each light and line."""
    fields: dict[str, Any] = printable(brief_fields(brief))
    lines = [line for block in fields["blocks"] if block["type"] == "lines" for line in block["items"]]
    for line in [*lines, *filter(None, [fields["light"]])]:
        line["mark"] = RichText(
            f"{STATUS_SYMBOLS[line['status']]} " if line["status"] else "", color=MARKS.get(line["status"])
        )
    return fields


def printable(value: Any) -> Any:
    """Return the value with spaces for the characters that no XML document may hold, and for breaks of lines."""
    if isinstance(value, str):
        return " ".join(NOT_XML.sub(" ", value).split())
    if isinstance(value, dict):
        return {name: printable(item) for name, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list) else value


WRITERS: Mapping[str, tuple[str, str, Callable[[Brief], str | bytes]]] = {
    "pdf": ("PDF", "application/pdf", write_pdf),
    "docx": ("Word", DOCX_MEDIA_TYPE, write_docx),
    "json": ("JSON", "application/json; charset=utf-8", partial(json.dumps, ensure_ascii=False, indent=2)),
}
"""Label, media type and writer by their value of `?export=`, which is also the ending of the file's name."""


def offered_files() -> dict[str, str]:
    """Return the labels of the files that can be made here: no PDF where there is no Chinese font."""
    return {code: label for code, (label, *_rest) in WRITERS.items() if code != "pdf" or chinese_font()}


def brief_file(request: TrackerRequest, brief: Brief, export: str) -> HttpResponse:
    """Return a brief as a file; 503 where the writer cannot work on this server.

    Raises Problem for a kind of file that there is none of.
    """
    if export not in WRITERS:
        raise choice_error(export, WRITERS, "export")
    _label, media_type, write = WRITERS[export]
    try:
        content = write(brief)
    except FileUnavailable as exc:
        return error_response(request, 503, str(exc))
    parts = ["brief", brief["kind"], brief["slug"], days_stem(request, request.as_of)]
    stem = download_stem(request, "-".join(filter(None, parts)))
    return HttpResponse(content, media_type, headers={"Content-Disposition": content_disposition(stem, export)})
