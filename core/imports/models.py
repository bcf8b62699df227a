"""Models of imports: the file and its dry run. What an import wrote stands in the journal."""

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.history.models import ChangeEvent
from core.records.models import choices_constraint


class ImportState(models.TextChoices):
    """State of an import. Only a confirmed one has written anything."""

    CHECKING = "checking", _("not checked yet")
    FAULTY = "faulty", _("has errors")
    CHECKED = "checked", _("checked, not confirmed")
    CONFIRMED = "confirmed", _("confirmed")
    UNDONE = "undone", _("undone")


class Import(models.Model):
    """Import of one file with one kind of records, from its dry run on."""

    kind = models.CharField(_("kind"), max_length=20)
    file_name = models.CharField(_("file"), max_length=255)
    sha256 = models.CharField(_("checksum (SHA-256)"), max_length=64)
    form = models.CharField(_("format"), max_length=4)
    sheet = models.CharField(_("sheet"), max_length=100, blank=True)
    encoding = models.CharField(_("encoding"), max_length=20, blank=True)
    rows_read = models.PositiveIntegerField(_("rows read"), default=0)
    created = models.PositiveIntegerField(_("created"), default=0)
    updated = models.PositiveIntegerField(_("updated"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    faults = models.PositiveIntegerField(_("errors"), default=0)
    state = models.CharField(_("state"), max_length=9, choices=ImportState.choices)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("uploaded by"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    uploaded_at = models.DateTimeField(_("uploaded at"), auto_now_add=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("confirmed by"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("undone by"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    undone_at = models.DateTimeField(_("undone at"), null=True)
    undo_reason = models.CharField(_("reason for undoing"), max_length=300, blank=True)

    OWNER_FIELD = "uploaded_by_id"  # whose it is, for those whose reach ends at a province

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-pk"]
        permissions = [("undo_import", "Can undo imports")]
        constraints = [choices_constraint("state", ImportState, "import_state_known")]

    def __str__(self) -> str:
        return gettext("Import %(number)d: %(file)s") % {"number": self.pk, "file": self.file_name}

    @property
    def can_be_checked_again(self) -> bool:
        """Whether nothing is written yet and the file is kept."""
        return self.state in {ImportState.CHECKING, ImportState.FAULTY, ImportState.CHECKED} and hasattr(self, "file")

    @property
    def changes(self) -> models.QuerySet[ChangeEvent]:
        """What it wrote: a line of the journal for each record, with the entry of the record's history."""
        return ChangeEvent.objects.filter(import_record=self, undoes=False)

    def get_absolute_url(self) -> str:
        return reverse("import-detail", args=[self.pk])


class ImportFile(models.Model):
    """Uploaded file and the report of its dry run; a model of its own, so that lists of imports stay light."""

    record = models.OneToOneField(
        Import, verbose_name=_("import"), on_delete=models.CASCADE, primary_key=True, related_name="file"
    )
    content = models.BinaryField(_("content"))
    report = models.JSONField(_("report"), default=dict)

    class Meta:
        verbose_name = _("imported file")
        verbose_name_plural = _("imported files")

    def __str__(self) -> str:
        return f"{self.record_id}"
