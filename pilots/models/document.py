"""Models of evidence: documents, stored once under their checksum, and attachments of them to records."""

from collections.abc import Collection, Mapping
from datetime import date
from functools import partial, reduce
from operator import or_
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.days import today
from core.files import MEDIA_TYPES
from core.records.models import CodeField, FieldNames, HistoryModel, link_field
from core.text import check_text
from pilots.follow_ups.models import FollowUpStep
from pilots.models.planned import Milestone, StageEntry
from pilots.models.reading import Reading
from policies.models import Province

stamp_field = partial(link_field, related_name="+", null=True, blank=False, editable=False)  # filled in by the product


class Document(HistoryModel):
    """A file, stored once under the checksum of its bytes. Deleting the record keeps the file, for restoring."""

    title = models.CharField(
        _("title"), max_length=300, validators=[check_text], help_text=_("What it is, as a reader would name it.")
    )
    doc_number = CodeField(
        _("document number"),
        max_length=60,
        blank=True,
        validators=[check_text],
        help_text=_("As printed, for example 环综合〔2022〕42号. Empty when not known."),
    )
    file_name = models.CharField(
        _("file name"), max_length=200, editable=False, help_text=_("The name under which it was uploaded.")
    )
    sha256 = models.CharField(
        _("checksum"), max_length=64, unique=True, editable=False, help_text=_("SHA-256 of its bytes, in hexadecimal.")
    )
    file_size = models.PositiveIntegerField(_("size"), editable=False, help_text=_("In bytes."))
    media_type = models.CharField(
        _("type"), max_length=100, editable=False, help_text=_("Media type, found by its content.")
    )
    is_public = models.BooleanField(
        _("public"),
        default=False,
        help_text=_("Everybody who reads the site may download it. Otherwise those to whom its records belong."),
    )
    province = stamp_field(
        Province,
        _("province"),
        related_name="documents",
        help_text=_("The province whose editor uploaded it. Empty: the ministry."),
        blank=True,
    )
    uploaded_by = stamp_field(settings.AUTH_USER_MODEL, _("uploaded by"))
    uploaded_at = models.DateTimeField(_("uploaded"), auto_now_add=True)

    PROVINCE_PATH = "province_id"

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        ordering = ["-uploaded_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="document_sha256_normal"),
            models.CheckConstraint(condition=Q(file_size__gte=1), name="document_not_empty"),
        ]

    def __str__(self) -> str:
        return str(self.title)

    @property
    @admin.display(description=_("type"))
    def kind_label(self) -> str:
        """Its type as readers know it: PDF."""
        return next((kind.upper() for kind, value in MEDIA_TYPES.items() if value == self.media_type), self.media_type)

    def deletion_error(self, together: Collection[int] = ()) -> str:
        """A document that is or was attached stays, with the history of where."""
        text = _(
            "It is attached to records, or was: as evidence it stays on record. To take it off a record, use "
            "“Remove” on the page of the file, and say why."
        )
        return str(text) if self.attachments.exists() else ""

    def get_absolute_url(self) -> str:
        return reverse("document-detail", args=[str(self.pk)])

    @classmethod
    def stored_checksums(cls) -> set[str]:
        """Return the checksums of the files of all documents, deleted ones included: they can be restored."""
        past = cls.history.values_list("sha256", flat=True).order_by().distinct()
        return {*cls.objects.values_list("sha256", flat=True), *past}


ATTACHABLE: Mapping[str, type[models.Model]] = {
    "reading": Reading,
    "milestone": Milestone,
    "stage_entry": StageEntry,
    "follow_up_step": FollowUpStep,
}
"""The records that files hang on, by the foreign keys of an attachment, of which exactly one is set."""
target_field = partial(
    link_field,
    related_name="attachments",
    help_text=_("The record that the file is attached to. An attachment names exactly one."),
    optional=True,
)


class AttachmentQuerySet(models.QuerySet[Any]):
    def on(self, day: date) -> Self:
        """Filter the attachments that were there on the day."""
        return self.filter(Q(removed_on=None) | Q(removed_on__gt=day), attached_on__lte=day)


class Attachment(HistoryModel):
    """A document attached to a record. It is never deleted, only marked as removed, with the day and the reason."""

    document = link_field(
        Document,
        _("document"),
        "attachments",
        _("The file that is attached; one file can be attached to many records."),
    )
    reading = target_field(Reading, _("reading"))
    milestone = target_field(Milestone, _("milestone"))
    stage_entry = target_field(StageEntry, _("stage"))
    follow_up_step = target_field(FollowUpStep, _("step of a follow-up"))
    province = stamp_field(Province, _("province"))
    page_number = models.PositiveIntegerField(
        _("page"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1, _("The first page has the number 1."))],
        help_text=_("The page on which it stands, from 1."),
    )
    quote = models.CharField(
        _("quote"), max_length=500, blank=True, validators=[check_text], help_text=_("The words that show it.")
    )
    attached_by = stamp_field(settings.AUTH_USER_MODEL, _("attached by"))
    attached_on = models.DateField(
        _("attached on"), default=today, editable=False, help_text=_("The day it was attached.")
    )
    removed_on = models.DateField(_("removed on"), null=True, blank=True, editable=False)
    removed_reason = models.CharField(
        _("reason for removing"),
        max_length=300,
        blank=True,
        validators=[check_text],
        editable=False,
        help_text=_("Why it was removed; empty while it is there."),
    )

    objects = models.Manager.from_queryset(AttachmentQuerySet)()
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"one_target": ()}
    PROVINCE_PATH = "province_id"
    OWNER = "document"

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=reduce(
                    or_, (Q(**{f"{other}__isnull": other != name for other in ATTACHABLE}) for name in ATTACHABLE)
                ),
                name="attachment_one_target",
                violation_error_message=_("A file is attached to one record at a time."),
            ),
            models.CheckConstraint(
                condition=Q(removed_on__isnull=True, removed_reason="")
                | Q(removed_on__isnull=False) & ~Q(removed_reason=""),
                name="attachment_removed_has_reason",
                violation_error_message=_("Say why the file is removed."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.document)

    def get_absolute_url(self) -> str:
        return reverse("document-detail", args=[str(self.document_id)])

    def clean(self) -> None:
        """Reject the same place of a document twice on a record."""
        super().clean()
        same = {self.target_field: self.target, "document": self.document_id, "page_number": self.page_number}
        if self._state.adding and Attachment.objects.filter(**same, quote=self.quote, removed_on=None).exists():
            raise ValidationError({"document": ValidationError(_("It is attached there already."), code="duplicate")})

    @property
    def place(self) -> str:
        """The page on which it stands, in words."""
        return gettext("p. %(page)d") % {"page": self.page_number} if self.page_number else ""

    @property
    def target_field(self) -> str:
        """The foreign key that is set."""
        return next(name for name in ATTACHABLE if getattr(self, f"{name}_id"))

    @property
    def target(self) -> Any:
        """The record that it is attached to."""
        return getattr(self, self.target_field)

    @property
    def to(self) -> str:
        """The record that it is attached to, as addresses name it: reading:12."""
        return f"{self.target_field}:{getattr(self, f'{self.target_field}_id')}"
