"""The journal: one row for each thing that happened to a record."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ChangeEvent(models.Model):
    """Change of one record, written with its history entry and in the same transaction.

    The history keeps the values; here is what every reader asks for without knowing the model. Change feed, history
    tabs, change log and corrections are conditions on this table. A record's newest change is the one of the highest
    id; the feed is ordered by `transaction`, the id of the writing transaction: on PostgreSQL a later id may be
    committed first. On SQLite, which has one writer at a time, it is 0.
    """

    transaction = models.BigIntegerField()
    model = models.CharField(max_length=60)  # app_label.model_name
    record_id = models.BigIntegerField()
    entry_id = models.BigIntegerField()  # of the record's history
    action = models.CharField(max_length=1)  # + added, ~ changed, - deleted
    at = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.TextField(blank=True)
    key = models.CharField(max_length=150)  # as addresses name the record
    former_key = models.CharField(max_length=150, blank=True)  # where this change gave it another
    owner_model = models.CharField(max_length=60, blank=True)  # the record on whose page it stands (`OWNER`)
    owner_id = models.BigIntegerField(null=True)
    province_id = models.BigIntegerField(null=True)  # whose the record was then (`PROVINCE_PATH`)
    import_record = models.ForeignKey("core.Import", null=True, on_delete=models.PROTECT, related_name="+")
    undoes = models.BooleanField(default=False)  # the import was undone by it, not made

    class Meta:
        verbose_name = _("change event")
        verbose_name_plural = _("change events")
        ordering = ["transaction", "pk"]
        indexes = [
            models.Index(fields=["transaction", "id"], name="change_in_order"),
            models.Index(fields=["model", "record_id", "id"], name="change_of_record"),
            models.Index(fields=["owner_model", "owner_id", "at"], name="change_of_owner"),
            models.Index(fields=["at", "id"], name="change_by_time"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["model", "entry_id"], name="change_once_an_entry"),
            models.CheckConstraint(condition=Q(transaction__gte=0), name="change_transaction_counts"),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.entry_id}"
