"""Model of the change feed."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ChangeEvent(models.Model):
    """Change event: one history entry of any record, in an order in which a client misses nothing.

    On PostgreSQL a later id may be committed first. `transaction` is the id of the writing transaction: a client reads
    only what is older than every running transaction, ordered by it. On SQLite it is 0.
    """

    transaction = models.BigIntegerField()
    model = models.CharField(max_length=60)  # app_label.model_name
    entry_id = models.BigIntegerField()

    class Meta:
        db_table = "config_change"
        verbose_name = _("change event")
        verbose_name_plural = _("change events")
        ordering = ["transaction", "pk"]
        indexes = [models.Index(fields=["transaction", "id"], name="change_in_order")]
        constraints = [
            models.UniqueConstraint(fields=["model", "entry_id"], name="change_once_an_entry"),
            models.CheckConstraint(condition=Q(transaction__gte=0), name="change_transaction_counts"),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.entry_id}"
