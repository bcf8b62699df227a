"""What the product itself has brought into this database, so that an edit is never overwritten."""

from typing import Any

from django.db import models
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

DEMONSTRATION = "demonstration"


class ShipmentQuerySet(QuerySet[Any]):
    def is_demonstration(self) -> bool:
        """Whether this database holds demonstration data: invented, and never mixed with real records."""
        return self.filter(kind=DEMONSTRATION).exists()

    def side(self) -> bool | None:
        """As `is_demonstration`, but None while nothing was loaded and the database may still take either side."""
        counts = self.aggregate(loaded=Count("pk"), marks=Count("pk", filter=Q(kind=DEMONSTRATION)))
        return bool(counts["marks"]) if counts["loaded"] else None

    def mark_demonstration(self) -> None:
        """Mark this database for ever: what it holds is invented."""
        self.create(kind=DEMONSTRATION, key=DEMONSTRATION, record_id=0, values={})


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

    objects = ShipmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("shipped record")
        verbose_name_plural = _("shipped records")
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="shipment_kind_key_unique")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
