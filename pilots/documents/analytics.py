"""Evidence of records for pages: their attachments as far as the reader may see them, and what the
records are called."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db.models import Model, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from core.text import join_clauses, label_value
from pilots.documents.services import can_attach, readable, target_field
from pilots.models import Adoption, Attachment, Document, Effect, FollowUpStep, Milestone, Reading, StageEntry
from policies.models import Source

TARGET_RELATIONS = (
    *("source", "reading__pilot", "reading__indicator", "milestone__pilot", "stage_entry__pilot"),
    *("follow_up_step__follow_up", "practice", "effect__practice", "effect__reading_after__indicator"),
    *("adoption__practice", "adoption__pilot", "adoption__province"),
)
"""Relations that the labels of the records read."""


def describe_record(record: Any) -> tuple[str, str, str]:
    """Return the name of a record with files, the name of what it belongs to, and the address of its page."""
    match record:
        case Source():
            return record.title, _("Source"), reverse("data") + "#sources"
        case Reading():
            name = join_clauses([record.indicator, record.period])
            return name, record.pilot.name, f"{record.pilot.get_absolute_url()}#evidence"
        case StageEntry():
            return record.get_stage_display(), record.pilot.name, f"{record.pilot.get_absolute_url()}#evidence"
        case Milestone():
            return record.name, record.pilot.name, f"{record.pilot.get_absolute_url()}#milestone-{record.pk}"
        case FollowUpStep():
            return record.get_move_display(), record.follow_up.number, record.follow_up.get_absolute_url()
        case Effect():
            return str(record.statement or record.reading_after), str(record.practice), record.get_absolute_url()
        case Adoption():
            return record.adopter_name, str(record.practice), record.get_absolute_url()
    return str(record), "", record.get_absolute_url()


def record_label(record: Any) -> str:
    """Return the name of a record with files, after that of what it belongs to."""
    name, owner, _url = describe_record(record)
    return label_value(owner, name) if owner else name


def record_url(record: Any) -> str:
    """Return the address of the page that shows a record with files."""
    return describe_record(record)[2]


@dataclass(frozen=True)
class RecordFiles:
    """The attachments of a record that the reader may see, how many more there are, and the address to attach another;
    empty where the reader may not."""

    name: str
    to: str  # by which the page that attaches a file knows the record: reading:12
    shown: Sequence[Attachment]
    hidden: int
    attach_url: str


def build_record_files(targets: Iterable[Model], user: Any, as_of: date) -> list[RecordFiles]:
    """Return the files of each record on the day, in this order: one query, and one more for a provincial editor."""
    records = [(record, (target_field(record), record.pk)) for record in targets]
    condition = Q(pk__in=[])
    for _record, (name, key) in records:
        condition |= Q(**{name: key})
    items = list(Attachment.objects.on(as_of).filter(condition).select_related("document").order_by("pk"))
    closed = {item.document_id for item in items if not item.document.is_public}
    seen = set()
    if closed and user.is_staff:
        seen = set(readable(user, Document.objects.filter(pk__in=closed)).order_by().values_list("pk", flat=True))
    found: dict[tuple[str, int], list[Attachment]] = defaultdict(list)
    for item in items:
        found[item.target_key].append(item)
    files = []
    for record, place in records:
        own = found[place]
        shown = [item for item in own if item.document.is_public or item.document_id in seen]
        to, may_attach = f"{place[0]}:{place[1]}", user.is_staff and can_attach(user, record)
        url = f"{reverse('attachment-new')}?{urlencode({'to': to}, safe=':')}" if may_attach else ""
        files.append(RecordFiles(describe_record(record)[0], to, shown, len(own) - len(shown), url))
    return files


def build_page_files(targets: Iterable[Model], user: Any, as_of: date) -> Mapping[str, Sequence[RecordFiles]]:
    """Return the records of a page that have files, and those to which the reader may attach one."""
    records = build_record_files(targets, user, as_of)
    return {
        "with_files": [files for files in records if files.shown or files.hidden],
        "attachable": [files for files in records if files.attach_url],
    }
