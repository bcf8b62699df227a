"""Of which pilots a number speaks: the set that a page counts, its name in words, and how many were announced in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.words import listed
from pilots.metrics import Reconciliation
from pilots.models import Batch, PilotKind
from pilots.reconcile import BatchCount
from policies.models import Level, Province


@dataclass(frozen=True)
class PilotSet:
    """The pilots that filters leave. Without any filter it is every pilot on record."""

    batch: Batch | None = None
    level: str = ""
    kind: str = ""
    province: Province | None = None

    @classmethod
    def of(cls, chosen: Mapping[str, Any]) -> PilotSet:
        """The set of a filter form's cleaned data; filters that it does not know are passed over."""
        picked = {name: chosen.get(name) for name in ("batch", "level", "kind", "province")}
        return cls(picked["batch"], picked["level"] or "", picked["kind"] or "", picked["province"])

    @property
    def params(self) -> dict[str, str]:
        """The filters as addresses write them: a link out of the set carries them."""
        values = {
            "batch": self.batch.slug if self.batch else "",
            "level": self.level,
            "kind": self.kind,
            "province": self.province.slug if self.province else "",
        }
        return {name: value for name, value in values.items() if value}

    @property
    def name(self) -> str:
        """The set in words, as it stands within a sentence; empty for every pilot on record."""
        parts = []
        if self.batch:
            parts.append(self.batch.short)
        elif self.level:
            parts.append(_("national batches") if self.level == Level.NATIONAL else _("provincial batches"))
        if self.kind:
            parts.append(str(PilotKind(self.kind).label))
        if self.province:
            parts.append(self.province.short)
        return listed(parts)

    def counted(self, n: int) -> str:
        """The set with the number of its pilots: `first national batch, 63 pilots`, `all 75 recorded pilots`."""
        if not self.params:
            return ngettext("%(n)d recorded pilot in all", "all %(n)d recorded pilots", n) % {"n": n}
        return ngettext("%(set)s, %(n)d pilot", "%(set)s, %(n)d pilots", n) % {"set": self.name, "n": n}

    def batches(self, counts: Sequence[BatchCount]) -> list[BatchCount]:
        """The batches of the set with the kinds it holds. Of a province its own: national ones do not announce by
        province."""
        return [
            BatchCount(row.batch, [item for item in row.kinds if self.kind in ("", item.kind)])
            for row in counts
            if (self.batch is None or row.batch == self.batch)
            and self.level in ("", row.batch.level)
            and (self.province is None or row.batch.province == self.province)
        ]

    def announced(self, counts: Sequence[BatchCount]) -> int | None:
        """How many pilots were announced in the set; None where that is not known.

        It is not of a province whose national pilots are in the set: how many it was to have nobody announced.
        """
        provincial = self.level == Level.PROVINCIAL or (self.batch is not None and self.batch.province_id is not None)
        if self.province and not provincial:
            return None
        total = sum((row.total for row in self.batches(counts)), Reconciliation(0, 0, 0))
        return total.announced
