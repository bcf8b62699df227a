"""Checklist of an edition: errors, which block the approval, and warnings, which its approver acknowledges."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from core.http.as_of import today
from dashboard.data_quality.findings import Severity
from dashboard.data_quality.report import DataQuality, build_quality
from dashboard.editions.content import AcknowledgedWarning
from dashboard.editions.tables import LANGUAGES
from dashboard.models import Edition
from pilots.charts.cells import pilots_url
from pilots.documents.analytics import readings_without_file
from pilots.follow_ups.analytics import count_red_lights


@dataclass(frozen=True)
class CheckItem:
    """One line of the checklist: how many of how many, what it means, what to do, and where it is corrected."""

    code: str
    is_error: bool
    label: str | Promise
    remedy: str | Promise
    count: int
    of: int
    url: str = ""


@dataclass(frozen=True)
class Checklist:
    items: Sequence[CheckItem]

    @property
    def errors(self) -> list[CheckItem]:
        return [item for item in self.items if item.is_error]

    @property
    def warnings(self) -> list[CheckItem]:
        return [item for item in self.items if not item.is_error]

    @property
    def digest(self) -> str:
        """Digest of the warnings: an approval acknowledges these and no others."""
        text = "\n".join(f"{item.code} {item.count} {item.of}" for item in self.warnings)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def build_checklist(edition: Edition) -> Checklist:
    """Return what is wrong or missing for an edition, on the last day of its quarter; nothing where all is well."""
    quality = build_quality(edition.as_of)
    items = [*own_items(edition), *quality_items(edition, quality), *coverage_items(edition)]
    found = [item for item in items if item.count]
    return Checklist(sorted(found, key=lambda item: not item.is_error))


def own_items(edition: Edition) -> Iterator[CheckItem]:
    """Yield the items about the edition itself."""
    running = edition.as_of >= today()
    label, remedy = _("The quarter is not over"), _("Approve it after the last day of the quarter.")
    yield CheckItem("quarter-running", True, label, remedy, int(running), 1)
    missing = [edition.release_note_en, edition.release_note_zh].count("")
    label, remedy = _("Release notes are missing in a language"), _("Write them in both languages.")
    yield CheckItem("notes-missing", True, label, remedy, missing, 2, "#notes")


def quality_items(edition: Edition, quality: DataQuality) -> Iterator[CheckItem]:
    """Yield the rules of data quality: a contradiction is an error, a gap or something to verify a warning."""
    for result in quality.results:
        rule = result.rule
        query = urlencode({"rule": rule.code, "as_of": edition.as_of.isoformat()})
        url, is_error = f"{reverse('quality')}?{query}", rule.severity == Severity.ERROR
        yield CheckItem(rule.code, is_error, rule.name, rule.remedy, result.count, result.of, url)


def coverage_items(edition: Edition) -> Iterator[CheckItem]:
    """Yield red pilots that nobody was assigned to, and values of the quarter without a document."""
    lights = count_red_lights(edition.as_of)
    url = f"{pilots_url(light='red')}&as_of={edition.as_of}"
    label, remedy = _("Red pilots without an open follow-up"), _("Open a follow-up, or say in the notes why not.")
    yield CheckItem("red-without-follow-up", False, label, remedy, lights.red - lights.followed, lights.red, url)
    bare, every = readings_without_file(edition.first_day, edition.as_of)
    label, remedy = _("Values accepted in the quarter without a document"), _("Attach the report that they are from.")
    yield CheckItem(
        "reading-without-file", False, label, remedy, bare, every, reverse("admin:pilots_reading_changelist")
    )


def acknowledged(checklist: Checklist) -> list[AcknowledgedWarning]:
    """Return the warnings with their labels in both languages, as an approval keeps them."""
    labels: list[list[str]] = []
    for language in LANGUAGES.values():
        with override(language):
            labels.append([str(item.label) for item in checklist.warnings])
    return [
        AcknowledgedWarning(item.code, en, zh, item.count, item.of)
        for item, en, zh in zip(checklist.warnings, *labels, strict=True)
    ]
