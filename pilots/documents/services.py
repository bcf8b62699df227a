"""Services of evidence files: storing a document once, attaching it to records, and removing it from one."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from core.files import CheckedFile, check_file, save_blob, sha256_of
from core.http import today
from core.permissions import can_view, editor_province, has_object_permission, province_id_of
from core.records import writing
from pilots.models import Attachment, AttachmentRole, Document, FollowUpStep
from pilots.models.document import ATTACHABLE


def store_document(
    file: UploadedFile | CheckedFile,
    *,
    title: str,
    by: User,
    is_public: bool = False,
    doc_number: str = "",
    reason: str = "",
) -> tuple[Document, bool]:
    """Store a file, checked or not, with its record; return it, and whether it is new: the same bytes are stored once.

    Raises ValidationError, with nothing stored, for a file that may not be kept; PermissionDenied without the
    permission to add documents.
    """
    if not by.has_perm("pilots.add_document"):
        raise PermissionDenied
    checked = file if isinstance(file, CheckedFile) else check_file(file.name or "", file)
    same = Document.objects.filter(sha256=sha256_of(checked.content))
    if same.exists():
        return same.get(), False
    # without a title it is called as the file is
    document = Document(
        title=title.strip() or PurePosixPath(checked.name).stem,
        doc_number=doc_number,
        file_name=checked.name,
        sha256=sha256_of(checked.content),
        file_size=len(checked.content),
        media_type=checked.media_type,
        is_public=is_public,
        province=editor_province(by),
        uploaded_by=by,
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


# -- attaching -----------------------------------------------------------------------------------------


def target_field(target: Model) -> str:
    """Return the foreign key of an attachment that names records of this model. Raises ValueError for other models."""
    for name in ATTACHABLE:
        if Attachment._meta.get_field(name).related_model is type(target):
            return name
    raise ValueError(f"No file is attached to a {target._meta.verbose_name}.")


def can_attach(user: Any, target: Model) -> bool:
    """Whether the user may attach files to the record and remove them."""
    record = target.follow_up if isinstance(target, FollowUpStep) else target  # a step is never changed
    return bool(user.has_perm("pilots.add_attachment")) and has_object_permission(user, "change", record)


def attach(
    document: Document,
    target: Model,
    *,
    by: User,
    purpose: str = AttachmentRole.EVIDENCE,
    page_number: int | None = None,
    quote: str = "",
    held: bool = False,
) -> Attachment:
    """Attach a document to a record. `held`: the user has sent the same bytes, and so may attach a document that was
    not readable before.

    Raises PermissionDenied without the permission to change the record or to read the document, and ValidationError
    for a page that it does not have or a document that is attached there already.
    """
    if not can_attach(by, target) or not (held or can_read(by, document)):
        raise PermissionDenied
    item = Attachment(
        document=document,
        province_id=province_id_of(target) if getattr(target, "PROVINCE_PATH", "") else None,
        purpose=purpose,
        page_number=page_number,
        quote=quote,
        attached_by=by,
        **{target_field(target): target},
    )
    writing.write(item, by=by, allowed=True)
    return item


@transaction.atomic
def remove(attachment: Attachment, *, by: User, reason: str) -> Attachment:
    """Mark an attachment as removed, with the reason; its row and the file stay.

    Raises PermissionDenied without the permission, and ValidationError without a reason or for a removed one.
    """
    attachment = writing.locked(Attachment, attachment.pk)
    if not can_attach(by, attachment.target):
        raise PermissionDenied
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
    all, or for a provincial editor those of the province and those attached to its records."""
    if not can_view(user, Document):
        return documents.filter(is_public=True)
    province = editor_province(user)
    if province is None:
        return documents
    own = Attachment.objects.filter(province=province, removed_on__isnull=True)
    return documents.filter(Q(is_public=True) | Q(province=province) | Q(pk__in=own.values("document_id")))


def can_read(user: Any, document: Document) -> bool:
    """Whether the user may read the document."""
    return document.is_public or readable(user, Document.objects.filter(pk=document.pk)).exists()


def readable_changes(user: Any) -> Q:
    """Return the condition on changes that the user may read: all but those of documents out of reach.

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
    own, attached = Q(model=Document._meta.label_lower), Q(model=Attachment._meta.label_lower)
    return (
        ~own & ~attached
        | own & (Q(record_id__in=documents) | Q(entry_id__in=former.values("history_id")))
        | attached & (Q(owner_id__in=documents) | Q(owner_id__in=former.values("id")))
    )
