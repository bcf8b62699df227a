"""Archives of briefs: one ZIP of those of all provinces or all pilots, with a list of what is in it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from typing import IO, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

from django.core.exceptions import ObjectDoesNotExist
from django.utils.translation import gettext as _

from core.http.progress import Progress
from core.spreadsheets.file_responses import csv_lines
from dashboard.briefs.blocks import Brief
from dashboard.briefs.writers.docx import DocxUnavailable
from dashboard.briefs.writers.files import WRITERS, file_stem
from dashboard.briefs.writers.pdf import PdfUnavailable

logger = logging.getLogger("tracker.briefs")
MANIFEST = "manifest.csv"


class ArchiveRow(NamedTuple):
    """Row of the manifest: a subject, its file with checksum, or why there is none."""

    slug: str
    file: str
    sha256: str
    error: str


def write_archive(
    target: IO[bytes], slugs: Sequence[str], export: str, build: Callable[[str], Brief], progress: Progress
) -> list[ArchiveRow]:
    """Write the briefs of the slugs into a ZIP file, one at a time, and the manifest at its end; return its rows.

    A brief that cannot be made is named in the manifest, and the others are made.
    """
    rows: list[ArchiveRow] = []
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for done, slug in enumerate(slugs):
            progress(done, len(slugs))
            row, content = archive_row(slug, export, build)
            if content is not None:
                archive.writestr(row.file, content)
            rows.append(row)
        archive.writestr(MANIFEST, "".join(csv_lines([ArchiveRow._fields, *rows], for_excel=True)))
    progress(len(slugs), len(slugs))
    return rows


def archive_row(slug: str, export: str, build: Callable[[str], Brief]) -> tuple[ArchiveRow, bytes | None]:
    """Return a row of the manifest and the file, or None where it cannot be made."""
    try:
        brief = build(slug)
        content = WRITERS[export].write(brief)
    except (PdfUnavailable, DocxUnavailable) as exc:
        return ArchiveRow(slug, "", "", str(exc)), None
    except ObjectDoesNotExist:
        return ArchiveRow(slug, "", "", _("There is no such record on this day.")), None
    except Exception:
        logger.exception("brief of %s", slug)
        return ArchiveRow(slug, "", "", _("This brief could not be made. The log of the server says why.")), None
    name = f"{file_stem(brief, str(brief.as_of))}.{export}"
    return ArchiveRow(slug, name, hashlib.sha256(content).hexdigest(), ""), content
