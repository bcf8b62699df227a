"""Set of pilots behind a number: its filters, name, and announced count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.joining import join_short
from pilots.analytics.reconciliation import BatchCount
from pilots.metrics.reconciliation import Reconciliation
from pilots.models import Batch, PilotKind
from policies.models import Level, Province


@dataclass(frozen=True)
class PilotSet:
    """Set of pilots selected by filters; without any filter every recorded pilot."""

    batch: Batch | None = None
    level: str = ""
    kind: str = ""
    province: Province | None = None

    @classmethod
    def from_filters(cls, chosen: Mapping[str, Any]) -> PilotSet:
        """Return the set for a filter form's cleaned data; other filters are ignored."""
        picked = {name: chosen.get(name) for name in ("batch", "level", "kind", "province")}
        return cls(picked["batch"], picked["level"] or "", picked["kind"] or "", picked["province"])

    @property
    def params(self) -> dict[str, str]:
        """Filters as query parameters, for links."""
        values = {
            "batch": self.batch.slug if self.batch else "",
            "level": self.level,
            "kind": self.kind,
            "province": self.province.slug if self.province else "",
        }
        return {name: value for name, value in values.items() if value}

    @property
    def name(self) -> str:
        """Name of the set within a sentence; empty for every recorded pilot."""
        parts = []
        if self.batch:
            parts.append(self.batch.short)
        elif self.level:
            parts.append(_("national batches") if self.level == Level.NATIONAL else _("provincial batches"))
        if self.kind:
            parts.append(str(PilotKind(self.kind).label))
        if self.province:
            parts.append(self.province.short)
        return join_short(parts)

    def name_with_count(self, n: int) -> str:
        """Return the name with the number of pilots: `first national batch, 63 pilots`, `all 75 recorded pilots`."""
        if not self.params:
            return ngettext("%(n)d recorded pilot in all", "all %(n)d recorded pilots", n) % {"n": n}
        return ngettext("%(set)s, %(n)d pilot", "%(set)s, %(n)d pilots", n) % {"set": self.name, "n": n}

    def batches(self, counts: Sequence[BatchCount]) -> list[BatchCount]:
        """Return the batches of the set with its kinds. For a province only its own: national batches do not announce
        by province."""
        return [
            BatchCount(row.batch, [item for item in row.kinds if self.kind in ("", item.kind)])
            for row in counts
            if (self.batch is None or row.batch == self.batch)
            and self.level in ("", row.batch.level)
            and (self.province is None or row.batch.province == self.province)
        ]

    def announced(self, counts: Sequence[BatchCount]) -> int | None:
        """Number of pilots announced in the set; None where not known.

        None for a province with national pilots in the set: their number was never announced by province.
        """
        provincial = self.level == Level.PROVINCIAL or (self.batch is not None and self.batch.province_id is not None)
        if self.province and not provincial:
            return None
        total = sum((row.total for row in self.batches(counts)), Reconciliation(0, 0, 0))
        return total.announced
