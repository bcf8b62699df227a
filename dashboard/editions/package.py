"""Package of an edition: reports in both languages, one workbook, CSV files and their checksums.

A table of it is a resource of the API, with the rows that a reader without an account gets on a public site.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, QueryDict
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override
from rest_framework.request import Request

from core.api.viewsets import RecordViewSet, machine_value, table_rows
from core.files.content_types import MEDIA_TYPES
from core.files.store import sha256_of
from core.http.request import DEMO_FILE_PREFIX, DEMO_LABEL
from core.spreadsheets.writer import CoverSheet, SheetSpec, csv_lines, write_workbook
from core.web.tables import AnyColumn
from dashboard.analytics.overview import Overview, build_overview
from dashboard.editions.content import (
    LANGUAGES,
    Item,
    compare_tables,
    difference_sentences,
    in_both_languages,
    localized_content,
    previous_edition,
)
from dashboard.key_figures import edition_figures
from dashboard.models import Edition
from pilots.analytics.pilot_status import build_progress
from pilots.api.urls import RESOURCES as PILOT_RESOURCES
from pilots.models import Pilot
from policies.api import RESOURCES as POLICY_RESOURCES

OMITTED = {"url", "page", "content", "revision", "owner_person", "owner_user", "verifier", "claimed_by", "confirmed_by"}
"""Fields of the API that a package leaves out: addresses on one server, the number of a version, and people."""
ROWS_AT_A_TIME = 2000  # all rows are kept in the end: fewer queries count more than memory
WITHDRAWN = "withdrawn"  # filter of lists that leave out withdrawn pilots unless they are asked for


class PackageFile(NamedTuple):
    path: str
    media_type: str
    content: bytes


class Publication(NamedTuple):
    """What names an edition: its address, the moment of the approval, and whether its data are invented."""

    edition: Edition
    address: str
    approved_at: datetime
    demonstration: bool

    @property
    def title(self) -> str:
        return edition_title(self.edition, demonstration=self.demonstration)


def edition_title(edition: Edition, *, demonstration: bool) -> str:
    """Return the title in the active language; of demonstration data marked as such."""
    text = _("Synergy Pilot Tracker, edition %(quarter)s") % {"quarter": edition.quarter}
    return f"{text} · {DEMO_LABEL}" if demonstration else text


def build_package(publication: Publication, warnings: Sequence[Item]) -> tuple[list[PackageFile], Item]:
    """Build all files of an edition from the records as they are known now, the ZIP with all others first.

    Beside them it returns the content that the edition freezes (`content_of`). Nothing is stored.
    """
    edition, overview = publication.edition, build_overview(publication.edition.as_of)
    resources: dict[str, tuple[Any, type[RecordViewSet]]] = {**POLICY_RESOURCES, **PILOT_RESOURCES}
    titles = in_both_languages(
        lambda: [{"table": name, "title": resource.heading} for name, (_model, resource) in resources.items()], "title"
    )
    with override("en"):  # for the few words that a field has in the reader's language alone
        tables = {name: api_table(resource, publication) for name, (_model, resource) in resources.items()}
    data = {}
    for name, (heads, rows) in tables.items():
        lines = [heads, *([machine_value(cell) for cell in row] for row in rows)]
        data[f"data/{name}.csv"] = "".join(csv_lines(lines, for_excel=False)).encode()
    previous = previous_edition(edition.quarter)
    content: Item = {
        "files": [],
        "figures": in_both_languages(
            lambda: [
                {**{name: found[name] for name in ("code", "label", "scope", "value")}, "of": found["whole"]}
                for found in edition_figures(overview)
            ],
            "label",
            "scope",
        ),
        "previous": previous.quarter if previous else "",
        "previous_figures": previous.content["figures"] if previous else [],
        "changes": compare_tables(previous, data, titles),
        "warnings": list(warnings),
    }
    files = [
        *(report(publication, overview, content, suffix) for suffix in LANGUAGES),
        PackageFile("workbook.xlsx", MEDIA_TYPES["xlsx"], workbook(publication, titles, tables)),
        *(PackageFile(path, MEDIA_TYPES["csv"], table) for path, table in data.items()),
    ]
    sums = "".join(f"{sha256_of(file.content)}  {file.path}\n" for file in files)  # as `sha256sum --check` reads them
    files.append(PackageFile("SHA256SUMS", "text/plain", sums.encode()))
    archive, when = io.BytesIO(), timezone.localtime(publication.approved_at).timetuple()[:6]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as package:
        for file in files:
            package.writestr(zipfile.ZipInfo(file.path, when), file.content, zipfile.ZIP_DEFLATED)
    stem = f"{DEMO_FILE_PREFIX if publication.demonstration else ''}{edition.quarter}"
    files.insert(0, PackageFile(f"{stem}.zip", "application/zip", archive.getvalue()))
    content["files"] = [
        {"path": path, "media_type": kind, "size": len(data), "sha256": sha256_of(data)} for path, kind, data in files
    ]
    return files, content


def api_table(resource: type[RecordViewSet], publication: Publication) -> tuple[list[str], list[list[object]]]:
    """Return headings and rows of a list of the API for a reader without an account, withdrawn pilots included.

    A field in the reader's language is left out where both languages are given.
    """
    view: Any = resource(action="list", format_kwarg=None, args=(), kwargs={})
    plain: Any = HttpRequest()
    plain.method, plain.user = "GET", AnonymousUser()
    plain.as_of, plain.demonstration = publication.edition.as_of, publication.demonstration
    plain.build_absolute_uri = str  # addresses are left out
    if WITHDRAWN in view.filterset_class.base_filters:
        plain.GET = QueryDict(f"{WITHDRAWN}=include")
    view.request = Request(plain)
    view.request.user = plain.user
    serializer = view.get_serializer()
    fields = serializer.fields
    heads = [
        name for name in fields if name not in OMITTED and not all(f"{name}_{suffix}" in fields for suffix in LANGUAGES)
    ]
    for name in set(fields) - set(heads):
        fields.pop(name)
    rows = view.rows_in_chunks(view.filter_queryset(view.get_queryset()), ROWS_AT_A_TIME)
    return heads, list(table_rows(heads, (serializer.to_representation(row) for row in rows)))


def workbook(publication: Publication, titles: Sequence[Item], tables: Any) -> bytes:
    """Return one workbook with a sheet a table, headed by the field names of the CSV files, and a cover sheet."""
    parts = []
    for title in titles:
        heads, rows = tables[title["table"]]
        name = f"{title['title_en']} / {title['title_zh']}"
        parts.append(SheetSpec(title["table"], [AnyColumn(head, head) for head in heads], rows, name))
    with override("en"):
        days = [(_("As of"), publication.edition.as_of), (_("Approved"), publication.approved_at)]
        with write_workbook(parts, CoverSheet(publication.title, days, publication.address)) as file:
            return file.read()


def report(publication: Publication, overview: Overview, content: Item, suffix: str) -> PackageFile:
    """Return the report in a language: one page of HTML that needs no other file."""
    counts = {item.province.pk: item.pilots for item in overview.provinces}
    plans = overview.rollout.provinces if overview.rollout else []
    with override(LANGUAGES[suffix]):
        shown = localized_content(content)
        context = {
            "language": LANGUAGES[suffix],
            "publication": publication,
            "edition": publication.edition,
            "content": shown,
            "differences": difference_sentences(shown),
            "rollout": overview.rollout,
            "provinces": [(row, counts.get(row.province.pk)) for row in plans],
            "pilots": build_progress(Pilot.objects.listed(overview.as_of), overview.as_of).pilots,
        }
        text = render_to_string("editions/report.html", context)
    return PackageFile(f"report-{suffix}.html", "text/html", text.encode())
