"""Files of a brief: by which writer, under which name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from django.http import HttpResponse
from django.utils.translation import gettext as _

from core.http.as_of import days_stem
from core.http.errors import BadRequest, ErrorDetail, truncate
from core.http.problems import error_response
from core.http.request import TrackerRequest, download_stem
from core.spreadsheets.writer import content_disposition
from dashboard.briefs.blocks import Brief
from dashboard.briefs.writers.docx import DOCX_MEDIA_TYPE, DocxUnavailable, write_docx
from dashboard.briefs.writers.pdf import PdfUnavailable, chinese_font, write_pdf


def write_json(brief: Brief) -> bytes:
    """Return the brief as JSON."""
    return json.dumps(brief, ensure_ascii=False, indent=2).encode()


class Writer(NamedTuple):
    """Writer of a brief as a file."""

    label: str
    media_type: str
    write: Callable[[Brief], bytes]


WRITERS: Mapping[str, Writer] = {
    "pdf": Writer("PDF", "application/pdf", write_pdf),
    "docx": Writer("Word", DOCX_MEDIA_TYPE, write_docx),
    "json": Writer("JSON", "application/json; charset=utf-8", write_json),
}
"""Writers by their value of `?export=`, which is also the ending of the file's name."""


def offered_writers() -> dict[str, Writer]:
    """Return the writers that work here: no PDF where there is no Chinese font."""
    return {code: writer for code, writer in WRITERS.items() if code != "pdf" or chinese_font()}


def brief_file(request: TrackerRequest, brief: Brief, export: str) -> HttpResponse:
    """Return a brief as a file; 503 where the writer cannot work on this server.

    Raises BadRequest for a kind of file that there is none of.
    """
    writer = WRITERS.get(export)
    if writer is None:
        text = _("export: “%(value)s” is no file of this page. Known: %(known)s.")
        values = {"value": truncate(export), "known": ", ".join(WRITERS)}
        raise BadRequest(ErrorDetail("export", "invalid_choice", text % values))
    try:
        content = writer.write(brief)
    except (PdfUnavailable, DocxUnavailable) as exc:
        return error_response(request, 503, str(exc))
    parts = ["brief", brief["kind"], brief["slug"], days_stem(request, request.as_of)]
    stem = download_stem(request, "-".join(filter(None, parts)))
    return HttpResponse(content, writer.media_type, headers={"Content-Disposition": content_disposition(stem, export)})
