"""Announced and recorded pilots, reconciled wherever pilots are counted, and their lights by batch or province."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text import join_short
from pilots.analytics.progress import BY_HAND, LightCounts
from pilots.lights import LIGHTS, NOT_REPORTED, Colour
from pilots.models import Batch, Pilot, PilotKind
from pilots.models.pilot import listed_condition, withdrawn_condition
from policies.models import Level, Province


@dataclass(frozen=True)
class Reconciliation:
    """Reconciliation of one kind of pilot: announced = recorded + withdrawn + still to enter.

    `announced` is None when the announcement gives no number. `recorded` counts pilots in the programme, `unverified`
    those of them only inferred; `withdrawn` have left the programme but are entered.
    """

    announced: int | None
    recorded: int
    unverified: int
    withdrawn: int = 0

    @property
    def firm(self) -> int:
        """Recorded from an official text or the press."""
        return self.recorded - self.unverified

    @property
    def to_enter(self) -> int | None:
        """Announced pilots neither recorded nor withdrawn; never below 0, None when no number was announced."""
        return None if self.announced is None else max(0, self.announced - self.entered)

    @property
    def entered(self) -> int:
        """Pilots entered by name: in the programme or withdrawn from it."""
        return self.recorded + self.withdrawn

    @property
    def surplus(self) -> int:
        """Pilots entered beyond the announced number: a record or the announcement is wrong."""
        return 0 if self.announced is None else max(0, self.entered - self.announced)

    def __add__(self, other: Reconciliation) -> Reconciliation:
        """Return the sum of two reconciliations; `announced` is None if either is None."""
        known = self.announced is not None and other.announced is not None
        announced = self.announced + other.announced if known else None  # type: ignore[operator]
        recorded, unverified = self.recorded + other.recorded, self.unverified + other.unverified
        return Reconciliation(announced, recorded, unverified, self.withdrawn + other.withdrawn)


GAP_THRESHOLD = Fraction(4, 5)
"""The share of the announced pilots that must be recorded and name an industry before a gap of coverage is claimed.

This system's own convention: below it, that no recorded pilot names an industry says little about the pilots that are
not recorded, or whose documents name none.
"""


def are_gaps_judged(naming: int, announced: int | None) -> bool:
    """Return whether enough is known to claim a gap: at least GAP_THRESHOLD of the announced pilots are recorded and
    name an industry. None is claimed where the number of the announced is not known.
    """
    return bool(announced) and Fraction(naming, announced or 1) >= GAP_THRESHOLD


def term_days_left(term_end: date | None, as_of: date) -> int | None:
    """Return the days from `as_of` to the end of the term; negative when it is over, None without a term."""
    return None if term_end is None else (term_end - as_of).days


# -- batches -------------------------------------------------------------------------------------------


class KindCount(NamedTuple):
    kind: PilotKind
    label: str
    numbers: Reconciliation


class BatchCount(NamedTuple):
    """Reconciliation of one batch, for each kind that it announces or of which a pilot is entered."""

    batch: Batch
    kinds: Sequence[KindCount]

    @property
    def total(self) -> Reconciliation:
        """All kinds together."""
        return sum((item.numbers for item in self.kinds), Reconciliation(0, 0, 0))

    def for_kind(self, kind: str) -> Reconciliation:
        """Return the numbers of one kind; zeros where the batch has none of it."""
        return next((item.numbers for item in self.kinds if item.kind == kind), Reconciliation(None, 0, 0))


def build_reconciliation(as_of: date, **only: Any) -> list[BatchCount]:
    """Return the batches known on the day with their counts; `only` filters them. Two queries, whatever their number.

    Kinds that are neither announced (0 counts as not) nor entered are left out.
    """
    listed = listed_condition(as_of)
    pilots = Pilot.objects.known(as_of).filter(**{f"batch__{name}": value for name, value in only.items()})
    counts = {
        "recorded": Count("pk", filter=listed),
        "unverified": Count("pk", filter=listed & Q(confidence="inferred")),
        "withdrawn": Count("pk", filter=withdrawn_condition(as_of)),
    }
    rows: Iterable[Any] = pilots.order_by().values("batch", "kind").annotate(**counts)
    entered = {(row["batch"], row["kind"]): {name: row[name] for name in counts} for row in rows}
    none, batches = dict.fromkeys(counts, 0), []
    for batch in Batch.objects.known(as_of).filter(**only):
        numbers = {
            kind: Reconciliation(batch.announced(kind.value), **entered.get((batch.pk, kind.value), none))
            for kind in PilotKind
        }
        shown = {kind: count for kind, count in numbers.items() if count.announced or count.entered}
        batches.append(BatchCount(batch, [KindCount(kind, str(kind.label), count) for kind, count in shown.items()]))
    return batches


# -- withdrawals ---------------------------------------------------------------------------------------


def build_withdrawals(pilots: QuerySet[Pilot], as_of: date) -> list[Pilot]:
    """Return the pilots withdrawn by the day, latest first; what is known of the reason is in their notes."""
    withdrawn = pilots.filter(withdrawn_condition(as_of)).select_related("batch", "province")
    return list(withdrawn.order_by("-withdrawn_on", "pk"))


# -- provinces -----------------------------------------------------------------------------------------


class ProvincePilots(NamedTuple):
    """Province of the roster with the number of its recorded pilots."""

    province: Province
    pilots: int


def pilots_by_province(as_of: date) -> list[ProvincePilots]:
    """Return every province of the roster with the number of its pilots on the day, 0 included."""
    listed = Pilot.objects.listed(as_of).order_by()
    counts = dict(listed.values_list("province").annotate(n=Count("pk")).values_list("province", "n"))
    return [ProvincePilots(province, counts.get(province.pk, 0)) for province in Province.objects.roster()]


class PlaceLights(NamedTuple):
    """Lights of the pilots of one batch or province; `not_reported` is None where none of them owes values."""

    counts: LightCounts
    not_reported: int | None

    def number(self, colour: Colour) -> int | None:
        """Return the pilots of a colour; None where none is rated."""
        return self.counts.lights[colour] if self.counts.rated else None


def lights_by(field: str, pilots: QuerySet[Pilot], as_of: date) -> dict[int, PlaceLights]:
    """Return the lights of these pilots by what the field, batch or province, names. One query."""
    owing, rows = Q(light_values_due__gt=0), pilots.order_by().with_light(as_of).values(field)  # type: ignore[attr-defined]
    rows = rows.annotate(
        owing=Count("pk", filter=owing),
        missing=Count("pk", filter=owing & Q(light_outstanding__in=NOT_REPORTED)),
        **{f"n_{colour}": Count("pk", filter=Q(light_colour=colour)) for colour in LIGHTS},
        **{f"hand_{colour}": Count("pk", filter=BY_HAND & Q(light_computed=colour)) for colour in LIGHTS},
    )
    found = {}
    for row in rows:
        counts: Any = ({colour: row[f"{name}_{colour}"] for colour in LIGHTS} for name in ("n", "hand"))
        found[row[field]] = PlaceLights(LightCounts(as_of, *counts), row["missing"] if row["owing"] else None)
    return found


# -- sets of pilots ------------------------------------------------------------------------------------


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
            and (self.province is None or row.batch.province_id == self.province.pk)
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
