"""Writer of PDF: one A4 page, tagged for screen readers (PDF/UA-1), the same bytes for the same brief.

Typst sets the page (layouts/brief.typ). Texts reach it as data, never as markup. Where no Chinese font is found, it
would print empty boxes without an error, so the PDF is refused.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import cache
from io import BytesIO

import segno
import typst
from django.conf import settings
from django.utils.translation import gettext as _
from pypdf import PdfReader

from dashboard.briefs.blocks import MAX_LINES, Brief, brief_fields, shortened

TEMPLATE = settings.BASE_DIR / "dashboard/briefs/writers/layouts/brief.typ"
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


class PdfUnavailable(Exception):
    """The PDF cannot be made as it should be; the message names the remedy."""


def write_pdf(brief: Brief) -> bytes:
    """Return the brief as PDF, on one A4 page. Lists that do not fit are cut, with the number of what was left out.

    Raises PdfUnavailable where the fonts lack a character, or the page is too small for what cannot be cut.
    """
    font = chinese_font()
    if not font:
        raise PdfUnavailable(
            _(
                "No PDF can be made here: this server has no Chinese font. Use Word or print from the browser instead. "
                "An administrator installs a font (on Debian: fonts-noto-cjk) or puts one into the folder fonts of "
                "VAR_DIR."
            )
        )
    for size, most in FITS:
        if content := set_page(shortened(brief, most), font, size):
            return content
    raise PdfUnavailable(_("This brief does not fit on one page, even without its lists. Use Word instead."))


def set_page(brief: Brief, font: str, size: float) -> bytes | None:
    """Return the PDF at a font size in points; None where it takes more than one page."""
    language, region = LANGUAGES[brief["language"]]
    qr = BytesIO()  # takes the size of its place
    segno.make_qr(brief["address"], error="m").save(qr, kind="svg", xmldecl=False, omitsize=True, nl=False)
    names = [LATIN_FONT, font] if language == "en" else [font, LATIN_FONT]
    own = {"qr": qr.getvalue().decode(), "lang": language, "region": region, "fonts": names}
    inputs = {"brief": json.dumps({**brief_fields(brief), **own}, ensure_ascii=False), "size": str(size)}
    compiler = typst.Compiler(TEMPLATE.read_bytes(), sys_inputs=inputs, font_paths=fonts(settings.BRIEF_FONTS))
    try:
        content, warnings = compiler.compile_with_warnings(
            format="pdf", pdf_standards="ua-1", timestamp=int(datetime.fromisoformat(brief["made_at"]).timestamp())
        )
    except typst.TypstError as exc:
        if missing := UNDISPLAYED.search(str(exc.message)):
            text = _("No PDF can be made: the fonts of this server lack %(text)s. Use Word instead.")
            raise PdfUnavailable(text % {"text": missing[1]}) from exc
        raise
    if warnings:
        raise PdfUnavailable(" ".join(str(warning.message) for warning in warnings))
    return content if isinstance(content, bytes) and len(PdfReader(BytesIO(content)).pages) == 1 else None


@cache
def fonts(folder: str) -> typst.Fonts:
    """Return the fonts of a folder; those of the system where none is named."""
    return typst.Fonts(include_system_fonts=not folder, font_paths=[folder] if folder else [])


def chinese_font() -> str:
    """Return the name of the Chinese font that is used; empty where there is none."""
    found = set(fonts(settings.BRIEF_FONTS).families())
    return next((name for name in CHINESE_FONTS if name in found), "")
