"""Evidence files: storing a document once, attaching it to records and removing it from one; the response that sends a
file, the comparison of files with records both ways, and the evidence of records as far as the reader may see it.
"""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import PurePosixPath
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.translation import gettext as _

from core.days import today
from core.errors import error_response
from core.files import (
    UNFINISHED,
    CheckedFile,
    blob_name,
    check_file,
    kept_names,
    list_folder,
    open_blob,
    save_blob,
    sha256_of,
    stored_names,
)
from core.history.recording import batched
from core.permissions import (
    NOT_YOURS_TO_CHANGE,
    can_view,
    editor_province,
    has_object_permission,
    province_id_of,
    restricted_fields,
    scope_id,
)
from core.records import writing
from core.snapshots import active_snapshot, read_from
from core.spreadsheets.writer import content_disposition
from core.text import join_clauses, label_value
from pilots.follow_ups.models import VERIFY_PERMISSION
from pilots.models import Attachment, Document, FollowUpStep, Milestone, NotGiven, Reading
from pilots.models.document import ATTACHABLE

# -- storing and attaching ------------------------------------------------------------------------------


def store_document(
    file: UploadedFile | CheckedFile, *, by: User, title: str = "", reason: str = "", **fields: Any
) -> tuple[Document, bool]:
    """Store a file, checked or not, with its record; return it, and whether it is new: the same bytes are stored once.

    Raises ValidationError, with nothing stored, for a file that may not be kept; PermissionDenied without the
    permission to add documents.
    """
    if not by.has_perm("pilots.add_document"):
        raise PermissionDenied
    checked = file if isinstance(file, CheckedFile) else check_file(file.name or "", file)
    checksum = sha256_of(checked.content)
    same = Document.objects.filter(sha256=checksum)
    if same.exists():
        return same.get(), False
    # without a title it is called as the file is
    document = Document(
        title=title.strip() or PurePosixPath(checked.name).stem,
        file_name=checked.name,
        sha256=checksum,
        file_size=len(checked.content),
        media_type=checked.media_type,
        province=editor_province(by),
        uploaded_by=by,
        **fields,
    )
    document.full_clean(exclude=["uploaded_by", "province"])
    save_blob(checked.content)
    try:
        writing.write(document, by=by, reason=reason, allowed=True)
    except (ValidationError, writing.Conflict):
        if not same.exists():
            raise
        return same.get(), False  # another request stored the same bytes in this moment
    return document, True


def attachment_field(target: Model) -> str:
    """Return the foreign key of an attachment that names records of this model."""
    return next(name for name, model in ATTACHABLE.items() if isinstance(target, model))


def can_attach(user: Any, target: Model) -> bool:
    """Whether the user may attach files to the record."""
    record = target.follow_up if isinstance(target, FollowUpStep) else target  # a step is never changed
    return bool(user.has_perm("pilots.add_attachment")) and has_object_permission(user, "change", record)


def may_remove(user: Any, target: Model) -> bool:
    """Whether the user may remove a file of the record. What the ministry accepted, or answered, rests on its files:
    they are the ministry's to remove.
    """
    if isinstance(target, FollowUpStep) and target.follow_up.steps.filter(seq__gt=target.seq).exists():
        return bool(user.has_perm(VERIFY_PERMISSION, target.follow_up))
    return can_attach(user, target) and "sources" not in restricted_fields(
        user, type(target), recorded=True, record=target
    )


def attach(document: Document, target: Model, *, by: User, held: bool = False, **where: Any) -> Attachment:
    """Attach a document to a record, `where` with page and quote. `held`: the user has sent the same bytes, and so may
    attach a document that was not readable before.

    Raises PermissionDenied without the permission to change the record or to read the document, and ValidationError
    for a document that is attached there already.
    """
    if not can_attach(by, target) or not (held or can_read(by, document)):
        raise PermissionDenied
    item = Attachment(
        document=document,
        province_id=province_id_of(target),
        attached_by=by,
        **{attachment_field(target): target},
        **where,
    )
    writing.write(item, by=by, allowed=True)
    return item


@transaction.atomic
def remove(attachment: Attachment, *, by: User, reason: str) -> Attachment:
    """Mark an attachment as removed, with the reason; its row and the file stay.

    Raises PermissionDenied without the permission, and ValidationError without a reason or for a removed one.
    """
    attachment = writing.locked(Attachment, attachment.pk)
    if not may_remove(by, attachment.target):
        raise PermissionDenied(str(NOT_YOURS_TO_CHANGE))
    if attachment.removed_on:
        raise ValidationError({"removed_reason": ValidationError(_("It is removed already."), code="removed")})
    if not reason.strip():
        raise ValidationError({"removed_reason": ValidationError(_("Say why the file is removed."), code="required")})
    # The reason is a field: the change feed, which all read, names none.
    writing.write(attachment, {"removed_on": today(), "removed_reason": reason}, by=by, allowed=True)
    return attachment


# -- reading -------------------------------------------------------------------------------------------


def readable(user: Any, documents: QuerySet[Document]) -> QuerySet[Document]:
    """Filter the documents to those that the user may read: public ones, and with the permission to view documents
    all, or for a provincial editor those of the province and those attached to its records. Of a past day (`known`)
    the user may read what the records of that day and those of today allow."""
    if active_snapshot.get() is not None:
        with read_from(None):
            now = list(readable(user, Document.objects.order_by()).values_list("pk", flat=True))
        documents = documents.filter(pk__in=now)
    if not can_view(user, Document):
        return documents.filter(is_public=True)
    province = editor_province(user)
    if province is None:
        return documents
    own = Attachment.objects.filter(province=province, removed_on__isnull=True)
    return documents.filter(Q(is_public=True) | Q(province=province) | Q(pk__in=own.values("document_id")))


def can_read(user: Any, document: Document) -> bool:
    """Whether the user may read the document."""
    return readable(user, Document.objects.filter(pk=document.pk)).exists()


def readable_changes(user: Any) -> Q:
    """Return the condition on changes that the user may read: all but those of documents out of reach, and of reasons
    why there is no value, which the ministry and their province read.

    Of a deleted document, and of its attachments, those in which it was public, or of the editor's province; without a
    scope all.
    """
    documents: Any = readable(user, Document.objects.all()).order_by().values("pk")
    seen = Q(is_public=True)
    if can_view(user, Document):
        home = editor_province(user)
        seen = Q() if home is None else seen | Q(province_id=home.pk)
    deleted = ~Q(id__in=Document.objects.order_by().values("pk")) & seen
    former = Document.history.filter(deleted).order_by()
    own, attached, words = (Q(model=model._meta.label_lower) for model in (Document, Attachment, NotGiven))
    home, may_read = scope_id(user), can_view(user, NotGiven)
    near = Q(province_id=home) if home else Q() if may_read else Q(pk=None)
    return (
        ~own & ~attached & ~words
        | words & near
        | own & (Q(record_id__in=documents) | Q(entry_id__in=former.values("history_id")))
        | attached & (Q(owner_id__in=documents) | Q(owner_id__in=former.values("id")))
    )


# -- files ----------------------------------------------------------------------------------------------


logger = logging.getLogger("tracker.files")


def file_response(request: Any, document: Any) -> HttpResponseBase:
    """Return the file of a document or an edition, 304 where the client has it, 410 where the store lacks it.

    Raises FileStoreUnavailable.
    """
    etag = f'"{document.sha256}"'
    response: Any = get_conditional_response(request, etag=etag)
    if response is None:
        try:
            file = open_blob(document.sha256)
        except FileNotFoundError:
            logger.exception("document %d: its file is missing: %s", document.pk, document.sha256)
            text = _("The record is here, but its file is missing. Tell the administrator.")
            missing = error_response(request, 410, text)
            missing["Cache-Control"] = "no-store"  # it may be put back
            return missing
        response = FileResponse(file, content_type=document.media_type)
        stem, _dot, suffix = document.file_name.rpartition(".")
        response["Content-Disposition"] = content_disposition(stem, suffix.lower())
        response["Content-Length"] = str(document.file_size)
    response["ETag"] = etag
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-cache"  # it may become private, be removed or deleted
    patch_vary_headers(response, ["Cookie"])
    return response  # type: ignore[no-any-return]


# -- comparison ------------------------------------------------------------------------------------------


UPLOAD_TIME = timedelta(hours=1)  # a younger file without a record may belong to an upload under way


def check_files(*, with_hash: bool, clean: bool) -> dict[str, list[str]]:
    """Compare files and records; `with_hash` reads every file. Return the names of the files by what was found of
    them. `clean` deletes what broken-off uploads left behind.
    """
    stored = set(stored_names())
    documents = {blob_name(checksum) for checksum in Document.objects.values_list("sha256", flat=True)}
    recorded = documents | kept_names(without=Document)
    past = {blob_name(checksum) for checksum in Document.stored_checksums()}
    strays = sorted(stored - recorded - past)
    unfinished = [f"{UNFINISHED}/{name}" for name in list_folder(default_storage, UNFINISHED)[1]]
    recent = [name for name in (*strays, *unfinished) if is_recent(name)]  # an upload may be under way
    if clean:
        for name in {*strays, *unfinished}.difference(recent):
            default_storage.delete(name)
        strays, unfinished = ([name for name in names if name in recent] for names in (strays, unfinished))
    return {
        "documents": sorted(documents),
        "files": sorted(stored),
        "of deleted documents": sorted((stored & past) - recorded),
        "not yet recorded": [name for name in strays if name in recent],
        "unfinished": unfinished,
        "missing": sorted(recorded - stored),
        "without a record": [name for name in strays if name not in recent],
        "damaged": [name for name in sorted(stored & (recorded | past)) if not is_whole(name)] if with_hash else [],
    }


def is_recent(name: str) -> bool:
    """Whether a file is younger than UPLOAD_TIME; not one whose upload has ended meanwhile, which took it away."""
    try:
        return timezone.now() - default_storage.get_modified_time(name) < UPLOAD_TIME
    except FileNotFoundError:
        return False


def is_whole(name: str) -> bool:
    """Whether the bytes of a stored file have the checksum of its name."""
    with default_storage.open(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == name.rpartition("/")[2]


# -- evidence of records --------------------------------------------------------------------------------


def record_name(record: Any) -> str:
    """Return the name of a record with files, on the page of what it belongs to."""
    if isinstance(record, Reading):
        return join_clauses([record.indicator, record.period])
    return str(record.get_move_display() if isinstance(record, FollowUpStep) else record)


def record_link(record: Any) -> dict[str, str]:
    """Return the name of a record with files, after that of what it belongs to, and the address of its page."""
    if isinstance(record, FollowUpStep):
        owner, name, place = record.follow_up, record.follow_up.number, ""
    else:
        owner, name = record.pilot, record.pilot.name
        place = f"#milestone-{record.pk}" if isinstance(record, Milestone) else "#evidence"
    return {"label": label_value(name, record_name(record)), "url": f"{owner.get_absolute_url()}{place}"}


def build_record_files(targets: Sequence[Any], user: Any, as_of: date) -> list[dict[str, Any]]:
    """Return of each record, in this order, its name, by what the page that attaches a file knows it (`to`), the
    attachments of the day that the reader may see (`shown`), how many more there are (`hidden`), and the address to
    attach another, empty where the reader may not.
    """
    seen = Exists(readable(user, Document.objects.filter(pk=OuterRef("document_id"))))
    rows: QuerySet[Any] = Attachment.objects.on(as_of).annotate(is_readable=seen).select_related("document")
    found: dict[str, list[Any]] = defaultdict(list)
    for some in batched(targets):
        keys: dict[str, list[int]] = defaultdict(list)
        for record in some:
            keys[f"{attachment_field(record)}__in"].append(record.pk)
        for item in rows.filter(Q(**keys, _connector=Q.OR)).order_by("pk"):
            found[item.to].append(item)
    return [
        {
            "name": record_name(record),
            "to": to,
            "shown": [item for item in found[to] if item.is_readable],
            "hidden": sum(not item.is_readable for item in found[to]),
            "attach_url": f"{reverse('attachment-new')}?to={to}" if user.is_staff and can_attach(user, record) else "",
        }
        for record in targets
        for to in [f"{attachment_field(record)}:{record.pk}"]
    ]
