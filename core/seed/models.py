"""Seed records: what the product itself has loaded into this database, so that an edit is never overwritten."""

from datetime import date
from typing import Any

from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

DEMONSTRATION = "demonstration"


class SeedRecordQuerySet(QuerySet[Any]):
    def demonstration_mark(self) -> Any:
        """Return the mark of a database that holds demonstration data: invented, and never mixed with real records."""
        return self.filter(kind=DEMONSTRATION).first()

    def mark_demonstration(self, today: date) -> None:
        """Mark this database permanently as demonstration data, whose own today is the day given."""
        self.create(kind=DEMONSTRATION, key=DEMONSTRATION, record_id=0, values={"today": str(today)})


class SeedRecord(models.Model):
    """Shipped record as it was last loaded. A row of a newer file that differs is loaded over it, unless the record was
    edited here or deleted.
    """

    kind = models.CharField(_("kind"), max_length=30)
    key = models.CharField(_("key"), max_length=900)
    record_id = models.BigIntegerField(_("record"))
    values = models.JSONField(_("values"))
    loaded_at = models.DateTimeField(_("loaded at"), auto_now=True)

    objects = models.Manager.from_queryset(SeedRecordQuerySet)()

    class Meta:
        verbose_name = _("shipped record")
        verbose_name_plural = _("shipped records")
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="shipment_kind_key_unique")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
