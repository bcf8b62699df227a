"""The journal, one row for each thing that happened to a record; and records that are kept as they are: rows of
append-only models, and records frozen in a state.

The product refuses to change or delete them: `save` and `delete` of a record (core/records/models.py), `update`,
`delete` and `bulk_update` of a queryset. Raw SQL is not asked. What a model says of itself: core/records/__init__.py.
"""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

APPEND_ONLY_MESSAGE = _(
    "These records are only ever added: none is changed, deleted or restored. Add a new one instead."
)

FROZEN_MESSAGE = _(
    "It is approved, and stays as it was approved. Correct the records: the next edition says what changed."
)


class KeptRecordError(Exception):
    """A record that is kept as it is was to be changed or deleted; nothing was written."""


def refuse_kept(rows: models.QuerySet[Any]) -> None:
    """Raise KeptRecordError if there is one among the rows that is kept as it is."""
    state = rows.model.FROZEN_STATE
    if (rows.filter(state=state) if state else rows).exists():
        raise KeptRecordError(str(FROZEN_MESSAGE if state else APPEND_ONLY_MESSAGE))


class KeptQuerySet(models.QuerySet[Any]):
    """Queryset of a model with records that are kept: it writes none of them."""

    def update(self, **values: Any) -> int:
        refuse_kept(self)
        return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        refuse_kept(self)
        return super().delete()

    def bulk_update(self, objs: Any, *args: Any, **kwargs: Any) -> int:
        refuse_kept(self.filter(pk__in=[record.pk for record in objs]))
        return super().bulk_update(objs, *args, **kwargs)

    update.alters_data = delete.alters_data = bulk_update.alters_data = True  # type: ignore[attr-defined]


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
