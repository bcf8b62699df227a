"""Prefetching of a pilot's related rows into plain lists, one query per relation."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Model, QuerySet

RELATION_ORDER: Mapping[str, tuple[str, ...]] = {
    "stages": ("entered_on", "pk"),
    "milestones": ("planned_on", "pk"),
    "targets": ("indicator_id",),
    "readings": ("period", "version"),
    "overrides": ("set_on", "pk"),
}
"""The prefetched relations of a pilot with their order."""
RELATED_FIELDS: Mapping[str, str] = {"targets": "indicator"}
"""Relations to join for rows of these."""

KeyFunction = Callable[[Any], Any]


class PilotPrefetch:
    """Prefetches stages, milestones, targets, readings and overrides by `prefetch_related("facts")`.

    A Prefetch may restrict the readings. Each list is an attribute named after its relation: prefetched_stages and so
    on. Django's own prefetch finds the pilot of each row and sets it there again, which
    takes more time than the queries.
    """

    def is_cached(self, pilot: object) -> bool:
        return "prefetched_stages" in vars(pilot)

    def get_prefetch_querysets(
        self, instances: Sequence[Any], querysets: Sequence[QuerySet[Any]] | None = None
    ) -> tuple[list[Any], KeyFunction, KeyFunction, bool, str, bool]:
        """Prefetch as Django's `prefetch_related_objects` requires. The lists are set here, so the result is empty."""
        prefetch_relations(instances, RELATION_ORDER, querysets[0] if querysets else None)
        attach_replans(instances)
        return [], primary_key_of, primary_key_of, True, "facts", False


def prefetch_relations(pilots: Sequence[object], names: Iterable[str], readings: QuerySet[Model] | None = None) -> None:
    """Prefetch only these relations; readings may be restricted by a queryset."""
    for name in names:
        attach_rows(pilots, name, RELATION_ORDER[name], readings if name == "readings" else None)


def attach_replans(pilots: Sequence[Any]) -> None:
    """Set the replans of the prefetched milestones and stages of pilots. One query."""
    relation = type(pilots[0])._meta.get_field("replans")
    items = {
        (field, record.pk): record
        for pilot in pilots
        for field, records in (("milestone", pilot.prefetched_milestones), ("stage_entry", pilot.prefetched_stages))
        for record in records
    }
    for record in items.values():
        vars(record)["prefetched_replans"] = []
    rows = relation.related_model._default_manager.filter(pilot__in=[pilot.pk for pilot in pilots])
    for row in rows.order_by("pk"):
        for field in ("milestone", "stage_entry"):
            record = items.get((field, getattr(row, f"{field}_id")))
            if record is not None:
                vars(record)["prefetched_replans"].append(row)


def primary_key_of(record: Model) -> Any:
    return record.pk


def attach_rows(owners: Sequence[Any], name: str, order: Sequence[str], rows: QuerySet[Any] | None = None) -> None:
    """Set the list of each owner, and the owner on each row, so that neither needs another query."""
    if not owners:
        return
    relation: Any = type(owners[0])._meta.get_field(name)
    own, column = relation.remote_field.name, relation.remote_field.attname
    held: dict[Any, tuple[Any, list[Any]]] = {owner.pk: (owner, []) for owner in owners}
    found = relation.related_model._default_manager.all() if rows is None else rows
    if name in RELATED_FIELDS:
        found = found.select_related(RELATED_FIELDS[name])
    for record in found.filter(**{f"{own}__in": list(held)}).order_by(*order):
        owner, records = held[getattr(record, column)]
        record._state.fields_cache[own] = owner
        records.append(record)
    for owner in owners:
        vars(owner)[f"prefetched_{name}"] = held[owner.pk][1]
