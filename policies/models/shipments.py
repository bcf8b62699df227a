"""What the product itself has brought into this database, so that an edit is never overwritten."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Shipment(models.Model):
    """One shipped record as it was last loaded: the third side of every later comparison.

    A field still as shipped may follow a newer shipped value; a field that differs was edited and stays;
    a record that is gone was deleted and is not brought back.
    """

    kind = models.CharField(_("kind"), max_length=30)
    key = models.CharField(_("key"), max_length=900)
    record_id = models.BigIntegerField(_("record"))
    values = models.JSONField(_("values"))
    loaded_at = models.DateTimeField(_("loaded at"), auto_now=True)

    class Meta:
        verbose_name = _("shipped record")
        verbose_name_plural = _("shipped records")
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="shipment_kind_key_unique")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
