"""Services of evidence files: storing a document once, attaching it to records, and removing it from one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, models, transaction
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from core.files.content_types import PDF_TYPE, CheckedFile, check_file
from core.files.pdf_text import read_pdf
from core.files.store import open_blob, save_blob, sha256_of
from core.http.as_of import today
from core.permissions import can_view, editor_province, has_object_permission
from core.records.history_model import province_id_of
from pilots.models import Attachment, AttachmentRole, Document, FollowUpStep, QuoteState
from pilots.models.document import ATTACHABLE


@dataclass(frozen=True)
class StoredDocument:
    """A stored document; `created` is False where the same bytes were there already."""

    document: Document
    created: bool


# -- storing -------------------------------------------------------------------------------------------


def store_document(
    upload: UploadedFile, *, title: str, by: User, is_public: bool = False, doc_number: str = "", reason: str = ""
) -> StoredDocument:
    """Store a file with its record, or return the record that has the same bytes.

    Raises ValidationError, with nothing stored, for a file that may not be kept; PermissionDenied without the
    permission to add documents.
    """
    if not by.has_perm("pilots.add_document"):
        raise PermissionDenied
    prepared = prepare_upload(upload)
    return store_prepared(prepared, title=title, by=by, is_public=is_public, doc_number=doc_number, reason=reason)


@dataclass(frozen=True)
class PreparedUpload:
    """A file that may be kept, and its number of pages; None for a file without pages that could be counted."""

    file: CheckedFile
    page_count: int | None


def prepare_upload(upload: UploadedFile) -> PreparedUpload:
    """Check a file and count its pages, which may take seconds: outside a transaction. Raises ValidationError."""
    checked = check_file(upload.name or "", upload)
    return PreparedUpload(checked, read_pdf(checked.content).page_count if checked.media_type == PDF_TYPE else None)


def store_prepared(
    prepared: PreparedUpload, *, title: str, by: User, is_public: bool, doc_number: str, reason: str
) -> StoredDocument:
    """Store a checked file with its record, or return the record that has the same bytes."""
    checked = prepared.file
    same = Document.objects.filter(sha256=sha256_of(checked.content)).first()
    if same:
        return StoredDocument(same, created=False)
    document = new_document(prepared, title=title, by=by, is_public=is_public, doc_number=doc_number)
    document.full_clean(exclude=["uploaded_by", "province"])
    vars(document).update(_history_user=by, _change_reason=reason or None)
    save_blob(checked.content)
    try:
        with transaction.atomic():
            document.save()
    except IntegrityError:  # another request stored the same bytes in this moment
        return StoredDocument(Document.objects.get(sha256=document.sha256), created=False)
    return StoredDocument(document, created=True)


def new_document(prepared: PreparedUpload, *, title: str, by: User, is_public: bool, doc_number: str) -> Document:
    """Return the unsaved record of a file. Without a title it is called as the file is."""
    checked = prepared.file
    return Document(
        title=title.strip() or PurePosixPath(checked.name).stem,
        doc_number=doc_number,
        file_name=checked.name,
        sha256=sha256_of(checked.content),
        file_size=len(checked.content),
        media_type=checked.media_type,
        page_count=prepared.page_count,
        is_public=is_public,
        province=editor_province(by),
        uploaded_by=by,
    )


# -- attaching -----------------------------------------------------------------------------------------


def target_field(target: Model) -> str:
    """Return the foreign key of an attachment that names records of this model. Raises ValueError for other models."""
    for name in ATTACHABLE:
        if Attachment._meta.get_field(name).related_model is type(target):
            return name
    raise ValueError(f"No file is attached to a {target._meta.verbose_name}.")


def permission_record(target: Model) -> Model:
    """Return the record whose change permission decides who attaches: a step is never changed, its follow-up is."""
    return target.follow_up if isinstance(target, FollowUpStep) else target


def can_attach(user: Any, target: Model) -> bool:
    """Whether the user may attach files to the record and remove them."""
    return bool(user.has_perm("pilots.add_attachment")) and has_object_permission(
        user, "change", permission_record(target)
    )


def attach(
    document: Document,
    target: Model,
    *,
    by: User,
    purpose: str = AttachmentRole.EVIDENCE,
    page_number: int | None = None,
    quote: str = "",
    held: bool = False,
    found: QuoteResult | None = None,
) -> Attachment:
    """Attach a document to a record, and look for the quote in it. `held`: the user has sent the same bytes, and so
    may attach a document that was not readable before. `found` is what was found where the quote was looked for before.

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
    item.full_clean(exclude=["attached_by", "province"])
    check_page(document, page_number)
    if live_attachments(target).filter(document=document, page_number=page_number, quote=item.quote).exists():
        raise ValidationError({"document": ValidationError(_("It is attached there already."), code="duplicate")})
    found = found or look_for_quote(document, item.quote, page_number)
    item.quote_state, item.quote_page = found.state, found.page
    vars(item).update(_history_user=by)
    with transaction.atomic():
        item.save()
    return item


def check_page(document: Document, page_number: int | None) -> None:
    """Reject a page that the document does not have."""
    if page_number is None:
        return
    if page_number < 1 or (document.page_count and page_number > document.page_count):
        text = _("The document has pages 1 to %(count)s. Correct the page, or leave it empty.")
        message = (
            text % {"count": document.page_count} if document.page_count else _("The first page has the number 1.")
        )
        raise ValidationError({"page_number": ValidationError(message, code="no_such_page")})


@dataclass(frozen=True)
class QuoteResult:
    """Whether a quote stands in a document, and on which page; an empty state without a quote."""

    state: str = ""
    page: int | None = None


def look_for_quote(document: Document, quote: str, page_number: int | None) -> QuoteResult:
    """Look for a quote in a document, which may take seconds: outside a transaction. Raises FileStoreUnavailable."""
    if not quote:
        return QuoteResult()
    if document.media_type != PDF_TYPE:
        return QuoteResult(QuoteState.UNREAD)
    try:
        with open_blob(document.sha256) as file:
            found = read_pdf(file.read(), quote, page_number)
    except FileNotFoundError:
        return QuoteResult(QuoteState.UNREAD)
    if found.quote_page:
        return QuoteResult(QuoteState.FOUND, found.quote_page)
    if not found.complete:
        return QuoteResult(QuoteState.UNREAD)
    return QuoteResult(QuoteState.ABSENT if found.has_text else QuoteState.NO_TEXT)


@transaction.atomic
def remove(attachment: Attachment, *, by: User, reason: str) -> Attachment:
    """Mark an attachment as removed, with the reason; its row and the file stay.

    Raises PermissionDenied without the permission, and ValidationError without a reason or for a removed one.
    """
    attachment = Attachment.objects.select_for_update().get(pk=attachment.pk)
    if not can_attach(by, attachment.target):
        raise PermissionDenied
    if attachment.removed_on:
        raise ValidationError({"removed_reason": ValidationError(_("It is removed already."), code="removed")})
    if not reason.strip():
        raise ValidationError({"removed_reason": ValidationError(_("Say why the file is removed."), code="required")})
    attachment.removed_on, attachment.removed_reason = today(), reason
    attachment.full_clean(exclude=["attached_by", "province"])
    vars(attachment).update(_history_user=by)  # the reason is a field: the change feed, which all read, names none
    attachment.save()
    return attachment


def live_attachments(target: Model) -> QuerySet[Attachment]:
    """Return the attachments of a record that are not removed."""
    return Attachment.objects.filter(**{target_field(target): target.pk}, removed_on__isnull=True)


# -- reading -------------------------------------------------------------------------------------------


def readable(user: Any, documents: QuerySet[Document]) -> QuerySet[Document]:
    """Filter the documents to those that the user may read: public ones, and with the permission to view documents
    all, or for a provincial editor those of the province and those attached to its records."""
    if not can_view(user, Document):
        return documents.filter(is_public=True)
    province = editor_province(user)
    if province is None:
        return documents
    own: models.QuerySet[Attachment] = Attachment.objects.filter(province=province, removed_on__isnull=True)
    return documents.filter(Q(is_public=True) | Q(province=province) | Q(pk__in=own.values("document_id")))


def can_read(user: Any, document: Document) -> bool:
    """Whether the user may read the document."""
    return document.is_public or readable(user, Document.objects.filter(pk=document.pk)).exists()


def readable_entries(user: Any, model: Any) -> Q:
    """Return the condition on history entries of documents or attachments that the user may read.

    Of a deleted document those in which it was public, or of the editor's province; without a scope all.
    """
    documents = readable(user, Document.objects.all()).order_by().values("pk")
    if model is Attachment:
        return Q(document_id__in=documents)
    seen = Q(is_public=True)
    if can_view(user, Document):
        home = editor_province(user)
        seen = Q() if home is None else seen | Q(province_id=home.pk)
    return Q(id__in=documents) | ~Q(id__in=Document.objects.order_by().values("pk")) & seen
