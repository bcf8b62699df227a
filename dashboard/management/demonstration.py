"""What the demonstration has published: two editions with a correction between them."""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime, timedelta

from django.conf import settings

from core.snapshots.files import Snapshot, read_from
from dashboard.editions import services
from dashboard.editions.checklist import acknowledged, build_checklist
from dashboard.editions.package import Package, Publication, build_package
from dashboard.models import Edition, EditionState
from dashboard.models.edition import quarter_of
from pilots.analytics.pilot_status import quarter_end_before
from pilots.demo.history import date_histories, moment_of
from pilots.demo.load import load_demo
from pilots.demo.users import demo_editor, demo_reporter

APPROVED_AFTER, FOUND_AFTER = timedelta(20), timedelta(35)  # the end of the quarter
NOTES = {
    "release_note_en": "Invented: an edition of the demonstration. Two provincial plans were found late.",
    "release_note_zh": "虚构：演示数据的版本。有两份省级方案查到较晚。",
}


def load_published_demo(as_of: date) -> dict[str, int]:
    """Load the demonstration with its past: dated histories, and two editions; return the counts."""
    counts = load_demo(as_of)
    second = quarter_end_before(as_of)
    first = quarter_end_before(second)
    found_on = min(as_of, first + FOUND_AFTER)
    date_histories(as_of, found_on)
    publish(first, min(as_of, first + APPROVED_AFTER))
    publish(second, min(as_of, second + APPROVED_AFTER))
    return {**counts, str(Edition._meta.verbose_name_plural): Edition.objects.count()}


def publish(as_of: date, approved_on: date) -> None:
    """Make the edition of the quarter that ends on a day, approved on another from what was on record then."""
    edition = Edition(quarter=quarter_of(as_of), made_by=demo_reporter(), submitted_by=demo_reporter(), **NOTES)
    edition.state = EditionState.IN_REVIEW
    moment = moment_of(approved_on)
    publication = Publication(edition, f"{settings.SITE_URL}{edition.get_absolute_url()}", moment, demonstration=True)

    with closing(Snapshot(approved_on)) as snapshot, read_from(snapshot):
        package = build_package(publication, acknowledged(build_checklist(edition)))
    save_dated(edition, package, publication, moment)


def save_dated(edition: Edition, package: Package, publication: Publication, moment: datetime) -> None:
    """Save an approved edition with the moment of the approval in its history."""
    vars(edition)["_history_date"] = moment
    services.freeze(edition, package, demo_editor(), publication)
