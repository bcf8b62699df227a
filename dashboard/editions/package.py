"""Package of an edition: reports in both languages, one workbook, CSV files and their checksums."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from core.files.content_types import MEDIA_TYPES
from core.files.store import sha256_of
from core.http.request import DEMO_FILE_PREFIX, DEMO_LABEL
from core.spreadsheets.writer import CoverSheet, SheetSpec, write_workbook
from core.web.tables import AnyColumn
from dashboard.analytics.overview import Overview, build_overview
from dashboard.editions.content import AcknowledgedWarning, EditionContent, EditionFile, content_of
from dashboard.editions.differences import compare_tables, difference_sentences, previous_edition
from dashboard.editions.figures import build_figures
from dashboard.editions.tables import LANGUAGES, DataTable, build_tables
from dashboard.models import Edition
from pilots.analytics.pilot_status import build_progress
from pilots.models import Pilot

HTML_TYPE, ZIP_TYPE, TEXT_TYPE = "text/html", "application/zip", "text/plain"
SUMS = "SHA256SUMS"


@dataclass(frozen=True)
class PackageFile:
    """File of a package in memory."""

    path: str
    media_type: str
    content: bytes

    @property
    def info(self) -> EditionFile:
        return EditionFile(self.path, self.media_type, len(self.content), sha256_of(self.content))


@dataclass(frozen=True)
class Package:
    """A built package: its files, the ZIP with all others first, and what the page shows."""

    files: Sequence[PackageFile]
    content: EditionContent


@dataclass(frozen=True)
class Publication:
    """What names an edition: its address, the moment of the approval, and whether its data are invented."""

    edition: Edition
    address: str
    approved_at: datetime
    demonstration: bool

    @property
    def title(self) -> str:
        return edition_title(self.edition, demonstration=self.demonstration)

    @property
    def stem(self) -> str:
        """The file name of the ZIP, without its ending."""
        return f"{DEMO_FILE_PREFIX if self.demonstration else ''}{self.edition.quarter}"


def edition_title(edition: Edition, *, demonstration: bool) -> str:
    """Return the title in the active language; of demonstration data marked as such."""
    text = _("Synergy Pilot Tracker, edition %(quarter)s") % {"quarter": edition.quarter}
    return f"{text} · {DEMO_LABEL}" if demonstration else text


def build_package(publication: Publication, warnings: Sequence[AcknowledgedWarning]) -> Package:
    """Build all files of an edition from the records as they are known now. Nothing is stored."""
    edition, overview = publication.edition, build_overview(publication.edition.as_of)
    tables = build_tables(edition.as_of, demonstration=publication.demonstration)
    previous = previous_edition(edition.quarter)
    content = EditionContent(
        files=(),
        figures=build_figures(overview),
        previous=previous.quarter if previous else "",
        previous_figures=content_of(previous).figures if previous else (),
        changes=compare_tables(previous, tables),
        warnings=warnings,
    )
    files = [
        *report_files(publication, overview, content),
        PackageFile("workbook.xlsx", MEDIA_TYPES["xlsx"], workbook(publication, tables)),
        *(PackageFile(f"data/{table.info.name}.csv", MEDIA_TYPES["csv"], table.csv) for table in tables),
    ]
    files.append(PackageFile(SUMS, TEXT_TYPE, checksum_lines(files).encode()))
    every = [PackageFile(f"{publication.stem}.zip", ZIP_TYPE, zipped(publication.approved_at, files)), *files]
    return Package(every, EditionContent(**{**vars(content), "files": [file.info for file in every]}))


def checksum_lines(files: Sequence[PackageFile]) -> str:
    """Return the checksums of the files in the form that `sha256sum --check` reads."""
    return "".join(f"{file.info.sha256}  {file.path}\n" for file in files)


def zipped(moment: datetime, files: Sequence[PackageFile]) -> bytes:
    """Return the files as a ZIP, each with the moment of the approval."""
    buffer, when = io.BytesIO(), timezone.localtime(moment).timetuple()[:6]
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.path, when), file.content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def workbook(publication: Publication, tables: Sequence[DataTable]) -> bytes:
    """Return one workbook with a sheet a table, headed by the field names of the CSV files, and a cover sheet."""
    with override("en"):
        parts = [
            SheetSpec(
                table.info.name,
                [AnyColumn(head, head) for head in table.info.heads],
                table.rows,
                f"{table.info.title_en} / {table.info.title_zh}",
            )
            for table in tables
        ]
        day = (_("As of"), publication.edition.as_of)
        cover = CoverSheet(publication.title, [day, (_("Approved"), publication.approved_at)], publication.address)
        with write_workbook(parts, cover) as file:
            return file.read()


def report_files(publication: Publication, overview: Overview, content: EditionContent) -> Iterator[PackageFile]:
    """Yield the report of each language: one page of HTML that needs no other file."""
    pilots = build_progress(Pilot.objects.listed(overview.as_of), overview.as_of).pilots
    counts = {item.province.pk: item.pilots for item in overview.provinces}
    for suffix, language in LANGUAGES.items():
        with override(language):
            context = {
                "language": language,
                "publication": publication,
                "edition": publication.edition,
                "content": content,
                "differences": difference_sentences(content),
                "rollout": overview.rollout,
                "provinces": [(row, counts.get(row.province.pk)) for row in overview.rollout.provinces]
                if overview.rollout
                else [],
                "pilots": pilots,
            }
            text = render_to_string("editions/report.html", context)
        yield PackageFile(f"report-{suffix}.html", HTML_TYPE, text.encode())
