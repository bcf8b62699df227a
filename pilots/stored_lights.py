"""Stored lights, kept in step with the records: read the rows, compute the periods, write those that differ."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Coalesce
from django_tasks import task

from core.history.recording import batched
from core.request_log import request_id
from pilots.analytics.synergy import class_periods, synergy_indicators
from pilots.lights import RULES, Records, Subject
from pilots.models import (
    Amendment,
    Batch,
    Completion,
    Deadline,
    Indicator,
    ItemLight,
    LightOverride,
    LightRules,
    Milestone,
    NotGiven,
    Pilot,
    PilotClass,
    PilotLight,
    Reading,
    StageEntry,
    StaleLight,
    Target,
)
from pilots.models.reading import YEARLY
from pilots.periods import judged_items, pilot_periods

READ_BY_RULES: Mapping[Any, tuple[str, ...]] = {
    Target: (
        *("pilot_id", "indicator_id", "kind", "base_year", "base_value", "target_year", "target_value", "steps"),
        *("binding", "promised_on"),
    ),
    Milestone: ("pilot_id", "planned_on", "is_key", "stage", "promised_on"),
    StageEntry: ("pilot_id", "stage", "entered_on", "recorded_on"),
    Reading: (
        *("pilot_id", "indicator_id", "period", "version", "value", "reported_on", "accepted_on", "returned_on"),
        *("answer_by", "disputed_on"),
    ),
    NotGiven: ("pilot_id", "indicator_id", "year", "reported_on", "accepted_on", "returned_on", "answer_by"),
    LightOverride: ("pilot_id", "colour", "set_on", "expires_on"),
    Amendment: (
        *("pilot_id", "target_id", "milestone_id", "day", "drop", "value", "year", "base_value", "base_year"),
        *("steps", "decided_on", "accepted"),
    ),
    Completion: ("pilot_id", "milestone_id", "completed_on", "entered_on", "objected_on"),
    Deadline: ("pilot_id", "batch_id", "indicator_id", "year", "due_on", "decided_on"),
}
"""The fields that a rule reads: rows of these are what lights are computed from, in the order of their keys, and a
change of no other field changes a light. Those of pilots, batches and indicators follow.
"""
READ: Mapping[Any, tuple[str, ...]] = {
    **READ_BY_RULES,
    Pilot: ("batch_id", "term_start", "term_end", "withdrawn_on", "withdrawn_recorded_on"),
    Batch: ("term_start", "term_end", "known_by", "asked_from", "report_due"),
    Indicator: ("report_due", "direction", "kind", "unit", "may_enter_synergy", "equivalent_kg"),
}
PILOT_COLUMNS = {
    "starts_on": Coalesce("term_start", "batch__term_start"),
    "ends_on": Coalesce("term_end", "batch__term_end"),
    **{name: F(f"batch__{name}") for name in ("known_by", "asked_from", "report_due")},
}
MAX_AT_ONCE = 100  # pilots that a request computes itself
CHUNK = 200  # pilots whose rows are in memory at once
NAMES: dict[Any, str] = {Target: "targets", Milestone: "milestones", StageEntry: "stages", Reading: "readings"}
NAMES |= {NotGiven: "not_given", LightOverride: "overrides", Amendment: "amendments", Completion: "completions"}


def read_records(pilots: Sequence[int]) -> Iterator[Records]:
    """Yield these pilots, each with the rows that its lights are computed from. Twelve queries for any number."""
    own: defaultdict[int, defaultdict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for model, name in NAMES.items():
        more = {"direction": F("indicator__direction")} if model is Target else {}
        rows = model._base_manager.filter(*([YEARLY] if model is Reading else []), pilot__in=pilots).order_by("pk")
        for row in rows.annotate(**more).values_list("pk", *READ_BY_RULES[model], *more, named=True):
            own[row.pilot_id][name].append(row)
    columns = ("pk", "batch_id", "withdrawn_on", "withdrawn_recorded_on")
    members: Any = Pilot._base_manager.filter(pk__in=pilots).order_by("pk").annotate(**PILOT_COLUMNS)
    members = list(members.values_list(*columns, *PILOT_COLUMNS, named=True))
    deadlines: defaultdict[Any, list[Any]] = defaultdict(list)
    asked = Q(pilot__in=pilots) | Q(batch__in={row.batch_id for row in members})
    for row in (
        Deadline._base_manager.filter(asked).order_by("pk").values_list("pk", *READ_BY_RULES[Deadline], named=True)
    ):
        deadlines[row.pilot_id, row.batch_id].append(row)
    due_of = dict(Indicator._base_manager.exclude(report_due="").order_by("pk").values_list("pk", "report_due"))
    for pilot in members:
        both = [*deadlines[None, pilot.batch_id], *deadlines[pilot.pk, None]]
        yield Records(pilot, **own[pilot.pk], deadlines=sorted(both, key=lambda row: row.pk), due_of=due_of)


def computed_rows(pilots: Sequence[int]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield the rows of the three tables as they should be, of these pilots: model and values."""
    indicators = synergy_indicators()
    for records in read_records(pilots):
        key, items = records.pilot.pk, judged_items(records)
        for item in items:
            of = {"target_id" if item.of == Subject.TARGET else "milestone_id": item.item.pk}
            for since, until, (colour, why) in item.periods:
                yield ItemLight, {**of, "since": since, "until": until, "colour": colour, "why": why}
        for since, until, facts in pilot_periods(records, items):
            yield PilotLight, {"pilot_id": key, "since": since, "until": until, **facts}
        for year, (since, until, facts) in class_periods(records, indicators):
            yield PilotClass, {"pilot_id": key, "year": year, "since": since, "until": until, **facts}


COLUMNS: Mapping[Any, dict[str, Any]] = {
    model: {field.attname: field.get_default() for field in model._meta.concrete_fields if not field.primary_key}
    for model in (ItemLight, PilotLight, PilotClass)
}
"""Columns by model, each with what it holds where nothing is said of it."""


def stored_rows(pilots: Sequence[int]) -> Iterator[tuple[Any, Any]]:
    """Yield the querysets of the stored rows of these pilots, with their model."""
    yield ItemLight, ItemLight.objects.filter(target__pilot__in=pilots)
    yield ItemLight, ItemLight.objects.filter(milestone__pilot__in=pilots)
    yield PilotLight, PilotLight.objects.filter(pilot__in=pilots)
    yield PilotClass, PilotClass.objects.filter(pilot__in=pilots)


def differences(pilots: Sequence[int]) -> tuple[list[Any], dict[Any, dict[tuple[Any, ...], int]]]:
    """Return the rows that are missing of these pilots, and by model those that are wrong: the key of each by its
    values in the order of COLUMNS.
    """
    stored: dict[Any, dict[tuple[Any, ...], int]] = defaultdict(dict)
    for model, rows in stored_rows(pilots):
        for key, *values in rows.order_by().values_list("pk", *COLUMNS[model]):
            stored[model][tuple(values)] = key
    missing = []
    for model, values in computed_rows(pilots):
        row = {**COLUMNS[model], **values}
        if stored[model].pop(tuple(row.values()), None) is None:
            missing.append(model(**row))
    return missing, stored


def store_lights(pilots: Iterable[int]) -> int:
    """Compute the lights of these pilots, which the caller has locked, and write the rows that differ; return how many.

    In chunks, so that memory stays flat.
    """
    keys, n = sorted(pilots), 0
    for start in range(0, len(keys), CHUNK):
        n += write_rows(*differences(keys[start : start + CHUNK]))
    return n


def write_rows(missing: Sequence[Any], wrong: Mapping[Any, Mapping[Any, int]]) -> int:
    """Write the rows that are missing and delete those that are wrong; return how many there were."""
    for model, rows in wrong.items():
        model.objects.filter(pk__in=list(rows.values())).delete()
    for model in COLUMNS:
        model.objects.bulk_create([row for row in missing if type(row) is model], batch_size=1000)
    return len(missing) + sum(map(len, wrong.values()))


def lock(model: Any, keys: Iterable[int]) -> list[int]:
    """Lock these records, in order of key; return those that are there."""
    rows = model._base_manager.select_for_update(no_key=True).order_by("pk").filter(pk__in=set(keys))
    return list(rows.values_list("pk", flat=True))


# -- what a write affects -----------------------------------------------------------------------------------


def on_about_to_write(changes: Any, held: set[Any], **_signal: Any) -> None:
    """Receiver of `about_to_write`: lock indicators, then batches, then pilots, each in order of key.

    Whoever adds or moves a pilot locks its batch, and whoever adds a target its indicator: so that nobody computes by
    a batch or indicator while another changes it. Where such a change matters, its pilots are locked, of an indicator
    all of them: which of them get their first value of it meanwhile, nobody knows.
    """
    of = {model: list(stored_and_new(model, changes[model], held)) for model in changes.keys() & READ.keys()}
    parts = [row for model in READ_BY_RULES for row in of.get(model, ())]
    members, indicators = of.get(Pilot, []), of.get(Indicator, [])
    moved = [each.get("batch_id") for _key, was, new in members if "batch_id" in new for each in (was, new)]
    changed_batches = {key for key, _was, new in of.get(Batch, ()) if new}
    changed_batches |= {new.get("batch_id") for _key, _was, new in of.get(Deadline, ())}
    pilots = {each.get("pilot_id") for _key, was, new in parts for each in (was, new)}
    for key, was, new in members:  # a parent is locked when its pilot is validated
        pilots |= {key, was.get("parent_id"), new.get("parent_id")}
    for model, name in ((Milestone, "milestone_id"), (Target, "target_id")):  # whose pilot it is of
        named = {new[name] for _key, _was, new in parts if name in new and "pilot_id" not in new}
        pilots.update(model._base_manager.filter(pk__in=named).values_list("pilot_id", flat=True) if named else ())
    promised = [new.get("indicator_id") for _key, _was, new in of.get(Target, ())]
    lock_new(Indicator, [*promised, *(key for key, _was, _new in indicators)], held)
    lock_new(Batch, [*moved, *changed_batches, *(key for key, _was, _new in of.get(Batch, ()))], held)
    every = any(key and new for key, _was, new in indicators)
    if every or changed_batches - {None}:
        rows = Pilot._base_manager.filter(Q() if every else Q(batch__in=changed_batches - {None}))
        pilots.update(rows.values_list("pk", flat=True))
    lock_new(Pilot, pilots, held)


def stored_and_new(model: Any, changes: Any, held: set[Any]) -> Iterator[tuple[Any, Any, Any]]:
    """Yield the key of each record, what is stored of it, and what changes; of a part of a pilot once in a write."""
    part, names = model in READ_BY_RULES, (*READ[model], *(["parent_id"] if model is Pilot else []))
    todo = [(key, values) for key, values in changes if key is None or (model, key) not in held or not part]
    stored: dict[Any, Any] = {}
    for some in batched([key for key, values in todo if key is not None and (values or part)]):
        stored |= {row["pk"]: row for row in model._base_manager.filter(pk__in=some).values("pk", *names)}
    for key, values in todo:
        was = stored.get(key, {})
        new = {name: values.get(name.removesuffix("_id"), values.get(name, was.get(name))) for name in names}
        new = {name: getattr(value, "pk", value) for name, value in new.items()}
        yield key, was, {name: value for name, value in new.items() if value != was.get(name)}
    held.update((model, key) for key, _values in todo if part)


def lock_new(model: Any, keys: Iterable[Any], held: set[Any]) -> None:
    """Lock those of these records that the write does not hold yet."""
    if new := {key for key in keys if key is not None and (model, key) not in held}:
        held.update((model, key) for key in lock(model, new))


def on_written(entries: Sequence[Any], *, by_import: bool, **_signal: Any) -> None:
    """Receiver of `written`: compute the lights that the write affects, in its transaction. A request leaves more than
    MAX_AT_ONCE pilots to a job.
    """
    pilots = affected(entries)
    standing = lock(Pilot, pilots) if pilots else []
    if len(standing) > MAX_AT_ONCE and request_id.get() and not by_import:
        StaleLight.objects.bulk_create([StaleLight(pilot_id=key) for key in standing], ignore_conflicts=True)
        recompute_stale.enqueue()
    else:
        store_lights(standing)


def affected(entries: Iterable[Any]) -> set[int]:
    """Return the pilots whose lights depend on records with new history entries, as they were and as they are."""
    by_model: defaultdict[Any, list[Any]] = defaultdict(list)
    for entry in entries:
        by_model[entry.instance_type].append(entry)
    found = {model: list(changed(own, READ[model])) for model, own in by_model.items() if model in READ}
    pilots = {entry.pilot_id for model in READ_BY_RULES for entry in found.get(model, ())}
    pilots |= {entry.id for entry in found.get(Pilot, ())}
    batches = {entry.id for entry in found.get(Batch, ())} | {entry.batch_id for entry in found.get(Deadline, ())}
    indicators = {entry.id for entry in found.get(Indicator, ())}
    if batches - {None}:
        pilots.update(Pilot._base_manager.filter(batch__in=batches - {None}).values_list("pk", flat=True))
    for model in (Target, Reading) if indicators else ():
        pilots.update(model._base_manager.filter(indicator__in=indicators).values_list("pilot_id", flat=True))
    return pilots - {None}


def changed(entries: Sequence[Any], read: Sequence[str]) -> Iterator[Any]:
    """Yield the entries of one model that change a field which a rule reads, and what they follow. One query."""
    history, own = type(entries[0]).objects, {entry.history_id for entry in entries}
    before: dict[int, Any] = {}
    for some in batched([entry.id for entry in entries if entry.history_type == "~"]):
        former = history.filter(id__in=some).exclude(history_id__in=own).order_by().values("id")
        newest = former.annotate(newest=Max("history_id")).values("newest")
        before |= {entry.id: entry for entry in history.filter(history_id__in=newest)}
    for entry in entries:
        was = before.get(entry.id)
        if was is None or entry.history_type != "~" or any(getattr(was, name) != getattr(entry, name) for name in read):
            yield from filter(None, (entry, was))


# -- all of them --------------------------------------------------------------------------------------------


def all_pilots() -> list[int]:
    return list(Pilot._base_manager.order_by("pk").values_list("pk", flat=True))


def recompute_all(*, tell: Callable[..., object] = lambda _missing, _wrong: None, repair: bool = True) -> int:
    """Compute the lights of all pilots anew, a chunk at a time in a transaction of its own; return how many rows
    differed. `tell` gets those of each chunk. Without `repair` they stay as they are.
    """
    keys, n = all_pilots(), 0
    for start in range(0, len(keys), CHUNK):
        with transaction.atomic():
            pilots = lock(Pilot, keys[start : start + CHUNK])
            missing, wrong = differences(pilots)
            tell(missing, wrong)
            if repair:
                write_rows(missing, wrong)
                StaleLight.objects.filter(pilot__in=pilots).delete()
        n += len(missing) + sum(map(len, wrong.values()))
    return n


@task()
def recompute_stale() -> None:
    """Compute the lights that a request has left to this job. A second run finds those done that the first one did."""
    while keys := list(StaleLight.objects.order_by("pilot").values_list("pilot", flat=True)[:CHUNK]):
        with transaction.atomic():
            store_lights(lock(Pilot, keys))
            StaleLight.objects.filter(pilot__in=keys).delete()


def computed_for_snapshot(**_signal: Any) -> Iterator[Any]:
    """Receiver of `filled`: yield the rows of all pilots of a snapshot, model and values."""
    keys = all_pilots()
    for start in range(0, len(keys), CHUNK):
        for model, values in computed_rows(keys[start : start + CHUNK]):
            yield model, {**COLUMNS[model], **values}


def on_migrated(verbosity: int = 0, **_signal: Any) -> None:
    """post_migrate: compute all lights anew where those that are stored are of other rules, or wait for a job that the
    backup did not hold.
    """
    if LightRules._meta.db_table not in connection.introspection.table_names():  # migrated back to before
        return
    if StaleLight.objects.exists() or not LightRules.objects.filter(version=RULES).exists():
        n = recompute_all()
        LightRules.objects.update_or_create(pk=1, defaults={"version": RULES})
        if n and verbosity:
            print(f"  Lights computed by version {RULES} of the rules: {n} rows changed.")  # noqa: T201  # as migrate
