"""Records that are kept as they are: rows of append-only models, and records frozen in a state.

The product refuses to change or delete them: `save` and `delete` of a record (core/records/history_model.py), `update`,
`delete` and `bulk_update` of a queryset. Raw SQL is not asked.

A model may name in `DELETABLE_ALONE` the foreign key to the record that its rows belong to: the only row of a record,
written together with it, may be deleted by undoing the import of both.

A model may name in `FROZEN_STATE` a value of its field `state`: rows in that state are never changed or deleted, the
others may be.
"""

from typing import Any

from django.db import models
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
