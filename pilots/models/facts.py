"""What a pilot's progress is computed from, read for any number of pilots with one query a kind into plain lists."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Model, QuerySet

ORDER: Mapping[str, tuple[str, ...]] = {
    "stages": ("entered_on", "pk"),
    "milestones": ("planned_on", "pk"),
    "targets": ("indicator_id",),
    "readings": ("period", "version"),
    "overrides": ("set_on", "pk"),
}
"""The relations of a pilot that are its facts, and in which order each is read."""
BESIDE: Mapping[str, str] = {"targets": "indicator"}
"""What is read along with a record of these."""

Key = Callable[[Any], Any]


class Facts:
    """Gives pilots their facts by `prefetch_related("facts")`; a Prefetch may bring its own question for readings.

    Each list is an attribute named after its relation: stages_read, and so on; of a target, steps_read. Django's own
    prefetch looks for the pilot of each record and sets it there anew, which takes more time than the queries.
    """

    def is_cached(self, pilot: Any) -> bool:
        return "stages_read" in vars(pilot)

    def get_prefetch_querysets(
        self, instances: Sequence[Any], querysets: Sequence[QuerySet[Any]] | None = None
    ) -> tuple[list[Any], Key, Key, bool, str, bool]:
        """What Django asks of whatever can be prefetched. The lists are set here, so nothing is left for it to do."""
        read_facts(instances, ORDER, querysets[0] if querysets else None)
        bring([target for pilot in instances for target in pilot.targets_read], "steps", ("year",))
        return [], key_of, key_of, True, "facts", False


def read_facts(pilots: Sequence[Any], names: Iterable[str], readings: QuerySet[Any] | None = None) -> None:
    """Give pilots these of the lists alone; of readings those that are asked for."""
    for name in names:
        bring(pilots, name, ORDER[name], readings if name == "readings" else None)


def key_of(record: Model) -> Any:
    return record.pk


def bring(owners: Sequence[Any], name: str, order: Sequence[str], rows: QuerySet[Any] | None = None) -> None:
    """Set the list of each owner; whoever a record belongs to is known to it without another query."""
    if not owners:
        return
    relation: Any = type(owners[0])._meta.get_field(name)
    own, column = relation.remote_field.name, relation.remote_field.attname
    held: dict[Any, tuple[Any, list[Any]]] = {owner.pk: (owner, []) for owner in owners}
    found = relation.related_model._default_manager.all() if rows is None else rows
    if name in BESIDE:
        found = found.select_related(BESIDE[name])
    for record in found.filter(**{f"{own}__in": list(held)}).order_by(*order):
        owner, records = held[getattr(record, column)]
        record._state.fields_cache[own] = owner
        records.append(record)
    for owner in owners:
        vars(owner)[f"{name}_read"] = held[owner.pk][1]
