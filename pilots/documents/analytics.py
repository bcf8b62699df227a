"""Evidence of records for pages: their attachments with what the reader may see of them, and where a document is
attached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from core.text.formatting import join_clauses, label_value
from pilots.documents.services import can_attach, readable, target_field
from pilots.models import Attachment, Document, Reading, ReadingState

TARGET_RELATIONS = (
    *("source", "reading__pilot", "reading__indicator", "milestone__pilot", "stage_entry__pilot"),
    *("follow_up_step__follow_up", "practice", "effect__practice", "effect__reading_after__indicator"),
    *("adoption__practice", "adoption__pilot", "adoption__province"),
)
"""Relations that the labels of the records read."""


@dataclass(frozen=True)
class FileLine:
    """An attachment as a page shows it; `document` is None where the reader may not read it."""

    attachment: Attachment
    document: Document | None
    quote_text: str
    place: str


@dataclass(frozen=True)
class RecordFiles:
    """The files of a record, how many more the reader may not read, and the address to attach another; empty where the
    reader may not."""

    record: Model
    name: str
    lines: Sequence[FileLine] = field(default_factory=list)
    attach_url: str = ""

    @property
    def to(self) -> str:
        """Value of the parameter by which the page that attaches a file knows the record."""
        return f"{target_field(self.record)}:{self.record.pk}"

    @property
    def hidden(self) -> int:
        return sum(line.document is None for line in self.lines)

    @property
    def shown(self) -> list[FileLine]:
        return [line for line in self.lines if line.document]


@dataclass(frozen=True)
class PageFiles:
    """The files of the records of a page."""

    records: Sequence[RecordFiles]

    @property
    def with_files(self) -> list[RecordFiles]:
        return [files for files in self.records if files.lines]

    @property
    def attachable(self) -> list[RecordFiles]:
        """Those to which the reader may attach a file."""
        return [files for files in self.records if files.attach_url]


def build_page_files(targets: Iterable[Model], user: Any, as_of: date) -> PageFiles:
    return PageFiles(build_record_files(targets, user, as_of))


def attach_address(target: Model) -> str:
    """Return the address of the page that attaches a file to the record."""
    return f"{reverse('attachment-new')}?{urlencode({'to': f'{target_field(target)}:{target.pk}'}, safe=':')}"


def attached_on_day(as_of: date) -> QuerySet[Attachment]:
    """Return the attachments that were there on the day."""
    return Attachment.objects.filter(
        Q(removed_on__isnull=True) | Q(removed_on__gt=as_of), attached_on__lte=as_of
    ).select_related("document")


def build_record_files(targets: Iterable[Model], user: Any, as_of: date) -> list[RecordFiles]:
    """Return the files of each record on the day, in this order: one query, and one more for a provincial editor."""
    records = list(targets)
    keys: dict[str, list[int]] = {}
    for record in records:
        keys.setdefault(target_field(record), []).append(record.pk)
    condition = Q(pk__in=[])
    for name, values in keys.items():
        condition |= Q(**{f"{name}__in": values})
    found: dict[tuple[str, int], list[Attachment]] = {}
    for item in attached_on_day(as_of).filter(condition).order_by("pk") if records else []:
        found.setdefault(item.target_key, []).append(item)
    seen = readable_keys(user, [item.document for items in found.values() for item in items])
    return [record_files(record, found.get((target_field(record), record.pk), []), seen, user) for record in records]


def record_files(record: Model, items: Sequence[Attachment], seen: set[int], user: Any) -> RecordFiles:
    may = user.is_staff and can_attach(user, record)
    return RecordFiles(record, record_name(record), file_lines(items, seen), attach_address(record) if may else "")


def file_lines(items: Iterable[Attachment], seen: set[int]) -> list[FileLine]:
    return [
        FileLine(item, item.document if item.document_id in seen else None, quote_text(item), place_text(item))
        for item in items
    ]


def readable_keys(user: Any, documents: Sequence[Document]) -> set[int]:
    """Return which of the documents the user may read."""
    public = {document.pk for document in documents if document.is_public}
    rest = {document.pk for document in documents} - public
    if not rest or not user.is_staff:
        return public
    return public | set(readable(user, Document.objects.filter(pk__in=rest)).order_by().values_list("pk", flat=True))


def place_text(item: Attachment) -> str:
    return _("p. %(page)d") % {"page": item.page_number} if item.page_number else ""


def quote_text(item: Attachment) -> str:
    """Return where the quote was found, in words; empty where none was looked for or found."""
    page, found = item.page_number, item.quote_page
    if not found:
        return ""
    if page and found != page:
        return _("not found on p. %(page)d, but on p. %(found)d") % {"page": page, "found": found}
    return _("quote found on p. %(page)d") % {"page": found}


def record_name(record: Any) -> str:
    """Return the name of a record with files, without what it belongs to."""
    match target_field(record):
        case "source":
            return str(record.title)
        case "reading":
            return join_clauses([record.indicator, record.period])
        case "milestone":
            return str(record.name)
        case "stage_entry":
            return str(record.get_stage_display())
        case "follow_up_step":
            return str(record.get_move_display())
        case "effect":
            return str(record.statement or record.reading_after)
        case "adoption":
            return str(record.adopter_name)
    return str(record)


def record_label(record: Any) -> str:
    """Return the name of a record with files, after that of what it belongs to."""
    name = record_name(record)
    match target_field(record):
        case "source":
            return label_value(_("Source"), name)
        case "reading" | "milestone" | "stage_entry":
            return label_value(record.pilot.name, name)
        case "follow_up_step":
            return label_value(record.follow_up.number, name)
        case "effect" | "adoption":
            return label_value(record.practice, name)
    return name


def record_url(record: Any) -> str:
    """Return the address of the page that shows a record with files."""
    match target_field(record):
        case "source":
            return reverse("data") + "#sources"
        case "milestone":
            return f"{record.pilot.get_absolute_url()}#milestone-{record.pk}"
        case "reading" | "stage_entry":
            return f"{record.pilot.get_absolute_url()}#evidence"
        case "follow_up_step":
            return str(record.follow_up.get_absolute_url())
    return str(record.get_absolute_url())


def document_uses(document: Document, as_of: date) -> list[Attachment]:
    """Return where a document is attached on the day. One query."""
    return list(attached_on_day(as_of).filter(document=document).select_related(*TARGET_RELATIONS, "attached_by"))


# -- readings --------------------------------------------------------------------------------------------


def readings_without_file(first: date, last: date) -> tuple[int, int]:
    """Return how many values accepted from one day to another have no evidence file, and how many there are."""
    accepted = Reading.objects.filter(state=ReadingState.ACCEPTED, accepted_on__range=(first, last))
    files = Attachment.objects.filter(reading=OuterRef("pk"), removed_on__isnull=True)
    return accepted.filter(~Exists(files)).count(), accepted.count()
