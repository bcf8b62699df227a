"""Sheets of paper that were issued: a brief as it stood, kept for ever."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

SHEET_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford’s base 32: no letter is taken for a figure
SHEET_ID_LENGTH = 10


def new_sheet_id() -> str:
    """Return an id that can be read from paper and not be guessed: 50 bits at random."""
    return "".join(secrets.choice(SHEET_ALPHABET) for _place in range(SHEET_ID_LENGTH))


class IssuedSheet(models.Model):
    """A brief as it was issued. Sheets are only ever added: the database refuses to change or delete one."""

    id = models.CharField(
        _("number of the sheet"), primary_key=True, max_length=SHEET_ID_LENGTH, default=new_sheet_id, editable=False
    )
    kind = models.CharField(_("kind"), max_length=20)
    slug = models.CharField(_("code"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=10)
    as_of = models.DateField(_("as of"))
    known = models.DateField(_("as known on"))
    since = models.DateField(_("compared with"), null=True)
    issued_at = models.DateTimeField(_("issued at"), auto_now_add=True)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("issued by"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    data = models.JSONField(_("texts"), help_text=_("The brief as JSON, with the address of this sheet."))
    sha256 = models.CharField(_("checksum (SHA-256)"), max_length=64)

    APPEND_ONLY = True

    class Meta:
        verbose_name = _("issued sheet")
        verbose_name_plural = _("issued sheets")
        ordering = ["-issued_at", "id"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(id__regex=r"^[0-9A-HJKMNP-TV-Z]{10}$"), name="issuedsheet_id_normal"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="issuedsheet_checksum_normal"),
        ]

    def __str__(self) -> str:
        return self.id

    def get_absolute_url(self) -> str:
        return reverse("sheet", args=[self.id])
