"""Recent changes grouped by meaning, and corrections made since an as-of date."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, ngettext_lazy

from core.history.entries import NEWEST_FIRST, HistorySource, action_labels, entry_union, fetch_entries
from core.history.reasons import parse_undone_reason, translate_reason
from core.imports.models import Import, ImportChange
from core.text.joining import join_clauses
from pilots.analytics.light_history import PilotEdit, light_changes
from pilots.metrics.follow_up_states import Move
from pilots.metrics.lights import Colour
from pilots.models import (
    Adoption,
    Batch,
    Effect,
    FollowUp,
    FollowUpStep,
    LightOverride,
    Milestone,
    Pilot,
    Practice,
    Reading,
    ReadingState,
    Stage,
    StageEntry,
    Target,
)
from policies.models import Figure, Industry, Measure, Policy, Province, ProvincialPlan

PAGE_MODELS: tuple[type[Model], ...] = (
    *(Policy, ProvincialPlan, Measure, Figure, Industry, Province, Batch, Pilot),
    *(FollowUp, Practice),
)
PARENTS: Mapping[type[Model], str] = {
    **dict.fromkeys((StageEntry, Milestone, Target, Reading, LightOverride), "pilot"),
    FollowUpStep: "follow_up",
    **dict.fromkeys((Adoption, Effect), "practice"),
}
"""Models whose changes are shown at the record that they belong to, each with its foreign key."""
SOURCES = {
    **{model: HistorySource(model) for model in PAGE_MODELS},
    **{model: HistorySource(model, related=(name,)) for model, name in PARENTS.items()},
}
MAX_GROUPS = 8
WINDOW_SIZE = 100  # entries of each kind of record that are looked at for the newest groups
LOAD_REASONS = (gettext_noop("Shipped with the product"), gettext_noop("Demonstration data"))
"""Reasons of entries that a command wrote when it filled the database."""


# -- since a day -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Correction:
    when: datetime
    what: str
    kind: str
    action: str
    reason: str
    url: str


@dataclass(frozen=True)
class Corrections:
    """Changes and deletions entered after a date: why a page of that date may read differently than it did then."""

    total: int
    newest: Sequence[Correction]


def corrections_after(as_of: date, most: int = MAX_GROUPS) -> Corrections:
    """Return what was changed or deleted after the date. Two queries, and one for each model shown."""
    later, sources = Q(history_date__date__gt=as_of, history_type__in=["~", "-"]), list(SOURCES.values())
    entries = entry_union(sources, lambda _source: later)
    total = entries.count()
    newest = fetch_entries(sources, entries.order_by(*NEWEST_FIRST)[:most]) if total else []
    return Corrections(total, [correction_of(entry) for entry in newest])


def correction_of(entry: Any) -> Correction:
    """Return one history entry formatted; a deleted record has no link."""
    record = shown_record(entry)
    return Correction(
        when=entry.history_date,
        what=record_name(record),
        kind=str(entry.instance_type._meta.verbose_name),
        action=action_labels()[entry.history_type],
        reason=translate_reason(entry.history_change_reason),
        url=shown_url(entry, record),
    )


def parent_id(entry: Any) -> int | None:
    """Return the id of the record that an entry's record belongs to; None for a record with a page of its own."""
    name = PARENTS.get(entry.instance_type)
    return getattr(entry, f"{name}_id") if name else None


def shown_record(entry: Any) -> Any:
    """Return the record to name: the pilot for records of a pilot, else the record as it was then."""
    name = PARENTS.get(entry.instance_type)
    if not name:
        return entry.instance
    try:
        return getattr(entry, name)
    except ObjectDoesNotExist:  # the pilot itself is gone
        return None


def shown_model(entry: Any) -> type[Model]:
    """Return the model of the record to name."""
    model: Any = entry.instance_type
    name = PARENTS.get(model)
    found: type[Model] = model._meta.get_field(name).related_model if name else model
    return found


def shown_url(entry: Any, record: Any) -> str:
    """Return the URL of the record to name; empty for a deleted one, and for one without a page."""
    gone = entry.history_type == "-" and entry.instance_type not in PARENTS
    return record.get_absolute_url() if hasattr(record, "get_absolute_url") and not gone else ""


def record_name(record: Any) -> str:
    if isinstance(record, FollowUp):
        return str(record)
    return (record.name or getattr(record, "slug", "") or str(record.pk)) if record else ""


# -- lately, in groups -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChangeGroup:
    """Changes of one record on one day, or by one import, summarized by meaning.

    `light` is the colour of a pilot's light before and after, if these changes changed it.
    """

    when: datetime
    what: str
    kind: str
    url: str
    phrases: Sequence[str]
    light: tuple[Colour, Colour] | None = None

    @property
    def text(self) -> str:
        return join_clauses(self.phrases)


@dataclass(frozen=True)
class GroupKey:
    """Grouping key of entries: the day, and the import, the command or the record."""

    day: date
    type: str  # record, import, undone, loaded
    name: str  # the record's label and key, the import's number, or the command's reason


@dataclass
class GroupEntries:
    """Entries of a group, newest first."""

    key: GroupKey
    rows: list[Any] = field(default_factory=list)

    @property
    def counts_by_model(self) -> Counter[type[Model]]:
        return Counter(entry.instance_type for entry in self.rows)

    @property
    def edit(self) -> PilotEdit | None:
        """The edit of a pilot that the group is; None if it concerns something else or created the pilot."""
        if self.key.type != "record" or self.created(Pilot):
            return None
        entry, first = self.rows[0], self.rows[-1]
        pilot = (parent_id(entry) or entry.id) if shown_model(entry) is Pilot else None
        return None if pilot is None else PilotEdit(pilot, self.key.day, first.history_date, entry.history_date)

    def created(self, model: type[Model]) -> bool:
        return any(entry.instance_type is model and entry.history_type == "+" for entry in self.rows)


def recent_changes(as_of: date, most: int = MAX_GROUPS) -> Sequence[ChangeGroup]:
    """Return recent changes up to the as-of date, grouped by record and day or by import, newest first.

    One query per model, one for the imports, and seven more if a pilot's data are among them: then its light before and
    after is computed from its history. The newest `WINDOW_SIZE` entries of each model are read, so groups older than a
    very large one of the same model can be missing.
    """
    found = newest_entries(Q(history_date__date__lte=as_of), WINDOW_SIZE)
    imports = imports_by_entry(found)
    groups: dict[GroupKey, GroupEntries] = {}
    for entry in found:
        key = group_key(entry, imports)
        groups.setdefault(key, GroupEntries(key)).rows.append(entry)
    shown = list(groups.values())[:most]
    full = {model for model, count in Counter(entry.instance_type for entry in found).items() if count >= WINDOW_SIZE}
    for group in shown:
        complete_group(group, full, found)
    turned = light_changes({group.edit for group in shown if group.edit is not None and can_change_light(group)})
    numbers = {key.name for key in (group.key for group in shown) if key.type in ("import", "undone")}
    records = Import.objects.in_bulk([int(number) for number in numbers]) if numbers else {}
    return [describe_group(group, records, turned) for group in shown]


def newest_entries(which: Q, most: int) -> list[Any]:
    """Return the newest entries that match a condition, up to `most` of each model, newest first."""
    found = [entry for source in SOURCES.values() for entry in entries_of(source, which)[:most]]
    return sorted(found, key=lambda entry: entry.history_date, reverse=True)


def entries_of(source: HistorySource, which: Q) -> QuerySet[Model]:
    rows = source.entries().filter(which).order_by("-history_date", "-history_id")
    return rows.select_related(*source.related) if source.related else rows


def imports_by_entry(found: Sequence[Any]) -> dict[tuple[str, int], int]:
    """Return the import's number by model and entry. One query."""
    by_model: dict[str, list[int]] = defaultdict(list)
    for entry in found:
        by_model[entry.instance_type._meta.label_lower].append(entry.pk)
    if not by_model:
        return {}
    which = reduce(or_, (Q(model=model, entry_id__in=keys) for model, keys in by_model.items()))
    rows = ImportChange.objects.filter(which).order_by().values_list("model", "entry_id", "import_record_id")
    return {(model, entry): number for model, entry, number in rows}


def group_key(entry: Any, imports: Mapping[tuple[str, int], int]) -> GroupKey:
    """Return the grouping key of an entry."""
    day = timezone.localtime(entry.history_date).date()
    undone = parse_undone_reason(entry.history_change_reason)
    if undone:
        return GroupKey(day, "undone", str(undone.number))
    number = imports.get((entry.instance_type._meta.label_lower, entry.pk))
    if number is not None:
        return GroupKey(day, "import", str(number))
    if entry.history_change_reason in LOAD_REASONS:
        return GroupKey(day, "loaded", entry.history_change_reason)
    return GroupKey(day, "record", f"{shown_model(entry)._meta.label} {parent_id(entry) or entry.id}")


def complete_group(group: GroupEntries, full: Iterable[type[Model]], found: Sequence[Any]) -> None:
    """Read the rest of a record's entries of the day if the window ended among them."""
    for model in full:
        oldest = [entry for entry in found if entry.instance_type is model][-1]
        if group.key.type != "record" or oldest not in group.rows:
            continue
        owner = f"{PARENTS[model]}_id" if model in PARENTS else "id"
        which = Q(**{owner: getattr(oldest, owner)}, history_date__date=group.key.day)
        rest = [entry for entry in group.rows if entry.instance_type is not model]
        group.rows = [*rest, *entries_of(SOURCES[model], which)]
        group.rows.sort(key=lambda entry: entry.history_date, reverse=True)


def can_change_light(group: GroupEntries) -> bool:
    """Whether the group contains anything that can change a light."""
    return bool({Milestone, Target, Reading, LightOverride, Pilot} & set(group.counts_by_model))


# -- in words --------------------------------------------------------------------------------------------


def describe_group(
    group: GroupEntries, records: Mapping[int, Import], turned: Mapping[PilotEdit, tuple[Colour, Colour]]
) -> ChangeGroup:
    """Return one group formatted."""
    entry, when = group.rows[0], group.rows[0].history_date
    if group.key.type == "loaded":
        return ChangeGroup(when, translate_reason(group.key.name), "", "", [_("records loaded")])
    if group.key.type in ("import", "undone"):
        return describe_import(group, records.get(int(group.key.name)))
    record = shown_record(entry)
    edit = group.edit
    return ChangeGroup(
        when=when,
        what=record_name(record),
        kind=str(shown_model(entry)._meta.verbose_name),
        url=shown_url(entry, record),
        phrases=change_phrases(group.rows),
        light=turned.get(edit) if edit else None,
    )


def describe_import(group: GroupEntries, record: Import | None) -> ChangeGroup:
    """Describe an import, or its undo, with its number of records. No file and no user is named."""
    model, seen = group.counts_by_model.most_common(1)[0]
    written = count_text(model, record.created + record.updated if record else seen)
    undone = group.key.type == "undone"
    text = _("import of %(things)s undone") if undone else _("import of %(things)s")
    what = _("Import %(number)d") % {"number": int(group.key.name)}
    return ChangeGroup(group.rows[0].history_date, what, "", "", [text % {"things": written}])


def change_phrases(rows: Sequence[Any]) -> list[str]:
    """Describe the entries of one record and day, in the order of the models."""
    found = []
    by_model: dict[type[Model], list[Any]] = defaultdict(list)
    for entry in rows:
        by_model[entry.instance_type].append(entry)
    for model in SOURCES:
        if model is Reading:
            found += reading_phrases(by_model[model])
        elif model is FollowUp and by_model[FollowUpStep]:
            continue  # its steps say what happened
        elif model is FollowUpStep:
            found += [str(Move(entry.move).label) for entry in sorted(by_model[model], key=lambda entry: entry.seq)]
        elif model is StageEntry:
            found += stage_phrases(by_model[model])
        elif model is LightOverride:
            found += [_("light set by hand")] if by_model[model] else []
        elif by_model[model]:
            found += plain_phrases(model, by_model[model])
    return found


def plain_phrases(model: type[Model], rows: Sequence[Any]) -> list[str]:
    """Describe entries as added, changed or deleted: a main record in one word, others by number."""
    actions = action_labels()
    if model in PAGE_MODELS:
        return [actions[rows[-1].history_type if rows[-1].history_type == "+" else rows[0].history_type]]
    counts = Counter(entry.history_type for entry in rows)
    text = _("%(things)s %(action)s")
    return [text % {"things": count_text(model, counts[s]), "action": actions[s]} for s in actions if counts[s]]


def stage_phrases(rows: Sequence[Any]) -> list[str]:
    """Describe which stages were entered; else that entries changed."""
    entered = [Stage(entry.stage) for entry in rows if entry.history_type == "+" and entry.entered_on]
    last = max(entered, key=lambda stage: stage.order, default=None)
    phrases = [_("stage “%(stage)s” entered") % {"stage": last.label}] if last else []
    others = [entry for entry in rows if not (entry.history_type == "+" and entry.entered_on)]
    return phrases + (plain_phrases(StageEntry, others) if others else [])


def reading_phrases(rows: Sequence[object]) -> list[str]:
    """Describe values entered, accepted, disputed, changed or deleted, with year or quarter if there is only one."""
    sorts: dict[str, list[object]] = defaultdict(list)
    for entry in rows:
        sorts[reading_action(entry)].append(entry)
    words = {
        "entered": _("%(things)s entered"),
        "accepted": _("%(things)s accepted"),
        "disputed": _("%(things)s objected to"),
        "~": _("%(things)s changed"),
        "-": _("%(things)s deleted"),
    }
    return [text % {"things": values_text(sorts[sort])} for sort, text in words.items() if sorts[sort]]


def reading_action(entry: Any) -> str:
    if entry.history_type == "+":
        return "entered"
    if entry.history_type == "~" and entry.state in (ReadingState.ACCEPTED, ReadingState.DISPUTED):
        return str(entry.state)
    return str(entry.history_type)


def values_text(rows: Sequence[Any]) -> str:
    """Return “12 values for 2025”: each reading once, however often it changed."""
    number = len({entry.id for entry in rows})
    periods = {entry.period for entry in rows}
    if len(periods) > 1:
        return count_text(Reading, number)
    period = periods.pop()
    if len(period) == len("2025"):
        text = ngettext("%(n)d value for %(year)s", "%(n)d values for %(year)s", number)
        return text % {"n": number, "year": period}
    text = ngettext("%(n)d value for the quarter %(quarter)s", "%(n)d values for the quarter %(quarter)s", number)
    return text % {"n": number, "quarter": period}


COUNTED: Mapping[type[Model], Any] = {
    Reading: ngettext_lazy("%(n)d value", "%(n)d values", "n"),
    Milestone: ngettext_lazy("%(n)d milestone", "%(n)d milestones", "n"),
    Target: ngettext_lazy("%(n)d target", "%(n)d targets", "n"),
    StageEntry: ngettext_lazy("%(n)d stage entry", "%(n)d stage entries", "n"),
    Pilot: ngettext_lazy("%(n)d pilot", "%(n)d pilots", "n"),
    ProvincialPlan: ngettext_lazy("%(n)d provincial plan", "%(n)d provincial plans", "n"),
    FollowUp: ngettext_lazy("%(n)d follow-up", "%(n)d follow-ups", "n"),
    Practice: ngettext_lazy("%(n)d practice", "%(n)d practices", "n"),
    Adoption: ngettext_lazy("%(n)d adoption", "%(n)d adoptions", "n"),
    Effect: ngettext_lazy("%(n)d effect", "%(n)d effects", "n"),
}
OTHERS_COUNTED = ngettext_lazy("%(n)d record", "%(n)d records", "n")


def count_text(model: type[Model], n: int) -> str:
    """Return a number of records of a model as text."""
    return str(COUNTED.get(model, OTHERS_COUNTED) % {"n": n})
