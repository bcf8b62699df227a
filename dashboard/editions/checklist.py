"""Checklist of an edition: errors, which block the approval, and warnings, which its approver acknowledges."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.http.as_of import today
from dashboard.data_quality.report import build_quality
from dashboard.data_quality.rules import Severity
from dashboard.editions.content import Item, in_both_languages
from dashboard.models import Edition
from pilots.charts.cells import pilots_url
from pilots.follow_ups.summary import count_red_lights
from pilots.models import Attachment, Reading, ReadingState


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


class Checklist(NamedTuple):
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

    def acknowledged(self) -> list[Item]:
        """Return the warnings with their labels in both languages, as an approval keeps them."""
        names = ("code", "label", "count", "of")
        return in_both_languages(
            lambda: [{name: getattr(item, name) for name in names} for item in self.warnings], "label"
        )


def build_checklist(edition: Edition) -> Checklist:
    """Return what is wrong or missing for an edition, on the last day of its quarter; nothing where all is well.

    A contradiction that data quality finds is an error, a gap or something to verify a warning.
    """
    day = edition.as_of
    lights = count_red_lights(day)
    accepted = Reading.objects.filter(state=ReadingState.ACCEPTED, accepted_on__range=(edition.first_day, day))
    files = Attachment.objects.filter(reading=OuterRef("pk"), removed_on=None)
    bare, readings = accepted.exclude(Exists(files)).count(), accepted.count()
    quality = [
        CheckItem(
            result.rule.code,
            result.rule.severity == Severity.ERROR,
            result.rule.name,
            result.rule.remedy,
            result.count,
            result.of,
            f"{reverse('quality')}?{urlencode({'rule': result.rule.code, 'as_of': day.isoformat()})}",
        )
        for result in build_quality(day).results
    ]
    items = [
        CheckItem(
            "quarter-running",
            True,
            _("The quarter is not over"),
            _("Approve it after the last day of the quarter."),
            int(day >= today()),
            1,
        ),
        CheckItem(
            "notes-missing",
            True,
            _("Release notes are missing in a language"),
            _("Write them in both languages."),
            [edition.release_note_en, edition.release_note_zh].count(""),
            2,
            "#notes",
        ),
        *quality,
        CheckItem(
            "red-without-follow-up",
            False,
            _("Red pilots without an open follow-up"),
            _("Open a follow-up, or say in the notes why not."),
            lights.red - lights.followed,
            lights.red,
            f"{pilots_url(light='red')}&as_of={day}",
        ),
        CheckItem(
            "reading-without-file",
            False,
            _("Values accepted in the quarter without a document"),
            _("Attach the report that they are from."),
            bare,
            readings,
            reverse("admin:pilots_reading_changelist"),
        ),
    ]
    return Checklist(sorted((item for item in items if item.count), key=lambda item: not item.is_error))
