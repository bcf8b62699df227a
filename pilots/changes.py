"""What changed in the records, from their histories: lately, told as meaning, and since a day that a reader looks
back to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import reduce
from itertools import chain
from operator import or_
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from config.reasons import undone_import
from config.templatetags.site import reason
from config.words import clauses
from pilots.metrics import Colour
from pilots.models import Batch, LightOverride, Milestone, Pilot, Reading, ReadingState, Stage, StageEntry, Target
from pilots.past import Edit, light_changes
from policies.models import Figure, Import, ImportChange, Industry, Measure, Policy, Province, ProvincialPlan

OWN: tuple[type[Model], ...] = (Policy, ProvincialPlan, Measure, Figure, Industry, Province, Batch, Pilot)
OF_A_PILOT: tuple[type[Model], ...] = (StageEntry, Milestone, Target, Reading, LightOverride)
SHOWN = 8
WINDOW = 100  # entries of each kind of record that are looked at for the newest groups
LOADED = (gettext_noop("Shipped with the product"), gettext_noop("Demonstration data"))
"""Reasons of entries that a command wrote when it filled the database."""


# -- since a day -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    when: datetime
    what: str
    kind: str
    action: str
    reason: str
    url: str


@dataclass(frozen=True)
class Corrections:
    """Changes and deletions entered after a day: why a page of that day may read otherwise than it did then."""

    total: int
    newest: Sequence[Change]


def corrections_after(as_of: date, most: int = SHOWN) -> Corrections:
    """What was changed or deleted after the day. Two queries a kind of record."""
    later = Q(history_date__date__gt=as_of, history_type__in=["~", "-"])
    total = sum(model.history.filter(later).count() for model in (*OWN, *OF_A_PILOT))  # type: ignore[attr-defined]
    found = [change(entry) for entry in newest(later, most)[:most]] if total else []
    return Corrections(total, found)


def newest(which: Q, most: int) -> list[Any]:
    """The newest entries that a condition chooses, up to `most` of each kind of record, newest first."""
    own = (entries(model, which, most) for model in OWN)
    of_a_pilot = (entries(model, which, most, "pilot") for model in OF_A_PILOT)
    found = chain.from_iterable((*own, *of_a_pilot))
    return sorted(found, key=lambda entry: entry.history_date, reverse=True)


def entries(model: Any, which: Q, most: int, *related: str) -> Iterable[Any]:
    rows = model.history.filter(which).order_by("-history_date", "-history_id")
    return list((rows.select_related(*related) if related else rows)[:most])


def change(entry: Any) -> Change:
    """One history entry as a reader sees it; a deleted record has no page to lead to."""
    actions = {"+": _("added"), "~": _("changed"), "-": _("deleted")}
    record = shown_record(entry)
    gone = entry.history_type == "-" and not hasattr(entry, "pilot_id")
    return Change(
        when=entry.history_date,
        what=name_of(record),
        kind=str(entry.instance_type._meta.verbose_name),
        action=actions[entry.history_type],
        reason=reason(entry.history_change_reason),
        url=record.get_absolute_url() if hasattr(record, "get_absolute_url") and not gone else "",
    )


def shown_record(entry: Any) -> Any:
    """The record a reader knows the entry by: its pilot for what belongs to one, else itself as it was then."""
    if not hasattr(entry, "pilot_id"):
        return entry.instance
    try:
        return entry.pilot
    except ObjectDoesNotExist:  # the pilot itself is gone
        return None


def name_of(record: Any) -> str:
    return (record.name or getattr(record, "slug", "") or str(record.pk)) if record else ""


# -- lately, in groups -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """What was entered about one record on one day, or by one import, told as what it means.

    `light` is the colour of a pilot's light before and after, where the entries of the day turned it.
    """

    when: datetime
    what: str
    kind: str
    url: str
    told: Sequence[str]
    light: tuple[Colour, Colour] | None = None

    @property
    def text(self) -> str:
        return clauses(self.told)


@dataclass(frozen=True)
class Key:
    """What entries are grouped by: the day, and the import, the command or the record."""

    day: date
    sort: str  # record, import, undone, loaded
    name: str  # the record's label and key, the import's number, or the command's reason


@dataclass
class Entries:
    """The entries of a group, newest first."""

    key: Key
    rows: list[Any] = field(default_factory=list)

    @property
    def of_models(self) -> Counter[type[Model]]:
        return Counter(entry.instance_type for entry in self.rows)

    @property
    def edit(self) -> Edit | None:
        """The edit of a pilot that it is; None where it is about something else, or has entered the pilot itself."""
        if self.key.sort != "record" or self.created(Pilot):
            return None
        entry, first = self.rows[0], self.rows[-1]
        pilot = entry.id if entry.instance_type is Pilot else getattr(entry, "pilot_id", None)
        return None if pilot is None else Edit(pilot, self.key.day, first.history_date, entry.history_date)

    def created(self, model: type[Model]) -> bool:
        return any(entry.instance_type is model and entry.history_type == "+" for entry in self.rows)


def recent_changes(as_of: date, most: int = SHOWN) -> Sequence[Group]:
    """What was entered lately, by the end of the day: a group for each record and day, each import, newest first.

    One query a kind of record, one for their imports, and seven more where a pilot's facts are among them: then its
    light before and after is worked out from its history. Of each kind the newest entries are looked at, `WINDOW` of
    them, so groups older than a very large one of the same kind can be missing.
    """
    found = newest(Q(history_date__date__lte=as_of), WINDOW)
    imports = imports_of(found)
    groups: dict[Key, Entries] = {}
    for entry in found:
        key = key_of(entry, imports)
        groups.setdefault(key, Entries(key)).rows.append(entry)
    shown = list(groups.values())[:most]
    full = {model for model, count in Counter(entry.instance_type for entry in found).items() if count >= WINDOW}
    for group in shown:
        complete(group, full, found)
    turned = light_changes({group.edit for group in shown if group.edit is not None and decides(group)})
    numbers = {key.name for key in (group.key for group in shown) if key.sort in ("import", "undone")}
    records = Import.objects.in_bulk([int(number) for number in numbers]) if numbers else {}
    return [told_group(group, records, turned) for group in shown]


def imports_of(found: Sequence[Any]) -> dict[tuple[str, int], int]:
    """By kind and key of an entry, the number of the import that wrote it. One query."""
    by_model: dict[str, list[int]] = defaultdict(list)
    for entry in found:
        by_model[entry.instance_type._meta.label_lower].append(entry.pk)
    if not by_model:
        return {}
    which = reduce(or_, (Q(model=model, entry_id__in=keys) for model, keys in by_model.items()))
    rows = ImportChange.objects.filter(which).order_by().values_list("model", "entry_id", "import_record_id")
    return {(model, entry): number for model, entry, number in rows}


def key_of(entry: Any, imports: Mapping[tuple[str, int], int]) -> Key:
    """The group that an entry belongs to."""
    day = timezone.localtime(entry.history_date).date()
    undone = undone_import(entry.history_change_reason)
    if undone:
        return Key(day, "undone", str(undone.number))
    number = imports.get((entry.instance_type._meta.label_lower, entry.pk))
    if number is not None:
        return Key(day, "import", str(number))
    if entry.history_change_reason in LOADED:
        return Key(day, "loaded", entry.history_change_reason)
    if hasattr(entry, "pilot_id"):
        return Key(day, "record", f"{Pilot._meta.label} {entry.pilot_id}")
    return Key(day, "record", f"{entry.instance_type._meta.label} {entry.id}")


def complete(group: Entries, full: Iterable[type[Model]], found: Sequence[Any]) -> None:
    """Read the rest of a record's entries of the day where the window ended among them."""
    for model in full:
        oldest = [entry for entry in found if entry.instance_type is model][-1]
        if group.key.sort != "record" or oldest not in group.rows:
            continue
        owner = "pilot_id" if model in OF_A_PILOT else "id"
        which = Q(**{owner: getattr(oldest, owner)}, history_date__date=group.key.day)
        related = ("pilot",) if model in OF_A_PILOT else ()
        rest = [entry for entry in group.rows if entry.instance_type is not model]
        group.rows = [*rest, *entries(model, which, 100_000, *related)]
        group.rows.sort(key=lambda entry: entry.history_date, reverse=True)


def decides(group: Entries) -> bool:
    """Whether anything in it can turn a light."""
    return bool({Milestone, Target, Reading, LightOverride, Pilot} & set(group.of_models))


# -- in words --------------------------------------------------------------------------------------------


def told_group(group: Entries, records: Mapping[int, Import], turned: Mapping[Edit, tuple[Colour, Colour]]) -> Group:
    """One group as the reader sees it."""
    entry, when = group.rows[0], group.rows[0].history_date
    if group.key.sort == "loaded":
        return Group(when, reason(group.key.name), "", "", [_("records loaded")])
    if group.key.sort in ("import", "undone"):
        return told_import(group, records.get(int(group.key.name)))
    record = shown_record(entry)
    gone = not hasattr(entry, "pilot_id") and entry.history_type == "-"
    kind = Pilot if hasattr(entry, "pilot_id") else entry.instance_type
    edit = group.edit
    return Group(
        when=when,
        what=name_of(record),
        kind=str(kind._meta.verbose_name),
        url=record.get_absolute_url() if hasattr(record, "get_absolute_url") and not gone else "",
        told=phrases(group.rows),
        light=turned.get(edit) if edit else None,
    )


def told_import(group: Entries, record: Import | None) -> Group:
    """An import, or that it was undone, with how many records it wrote. No file and no person is named."""
    model, seen = group.of_models.most_common(1)[0]
    written = things(model, record.created + record.updated if record else seen)
    undone = group.key.sort == "undone"
    text = _("import of %(things)s undone") if undone else _("import of %(things)s")
    what = _("Import %(number)d") % {"number": int(group.key.name)}
    return Group(group.rows[0].history_date, what, "", "", [text % {"things": written}])


def phrases(rows: Sequence[Any]) -> list[str]:
    """What entries of one record and day mean, in the order of the kinds of records."""
    found = []
    by_model: dict[type[Model], list[Any]] = defaultdict(list)
    for entry in rows:
        by_model[entry.instance_type].append(entry)
    for model in (*OWN, *OF_A_PILOT):
        if model is Reading:
            found += reading_phrases(by_model[model])
        elif model is StageEntry:
            found += stage_phrases(by_model[model])
        elif model is LightOverride:
            found += [_("light set by hand")] if by_model[model] else []
        elif by_model[model]:
            found += plain_phrases(model, by_model[model])
    return found


def plain_phrases(model: type[Model], rows: Sequence[Any]) -> list[str]:
    """Added, changed or deleted: a record itself in one word, others by their number."""
    actions = {"+": _("added"), "~": _("changed"), "-": _("deleted")}
    if model in OWN:
        return [actions[rows[-1].history_type if rows[-1].history_type == "+" else rows[0].history_type]]
    counts = Counter(entry.history_type for entry in rows)
    text = _("%(things)s %(action)s")
    return [text % {"things": things(model, counts[s]), "action": actions[s]} for s in actions if counts[s]]


def stage_phrases(rows: Sequence[Any]) -> list[str]:
    """Which stages it entered; else that entries were changed."""
    entered = [Stage(entry.stage) for entry in rows if entry.history_type == "+" and entry.entered_on]
    last = max(entered, key=lambda stage: stage.order, default=None)
    told = [_("stage “%(stage)s” entered") % {"stage": last.label}] if last else []
    others = [entry for entry in rows if not (entry.history_type == "+" and entry.entered_on)]
    return told + (plain_phrases(StageEntry, others) if others else [])


def reading_phrases(rows: Sequence[Any]) -> list[str]:
    """Values entered, accepted, objected to, changed or deleted, with their year or quarter where it is one."""
    sorts: dict[str, list[Any]] = defaultdict(list)
    for entry in rows:
        sorts[reading_sort(entry)].append(entry)
    words = {
        "entered": _("%(things)s entered"),
        "accepted": _("%(things)s accepted"),
        "disputed": _("%(things)s objected to"),
        "~": _("%(things)s changed"),
        "-": _("%(things)s deleted"),
    }
    return [text % {"things": values(sorts[sort])} for sort, text in words.items() if sorts[sort]]


def reading_sort(entry: Any) -> str:
    if entry.history_type == "+":
        return "entered"
    if entry.history_type == "~" and entry.state in (ReadingState.ACCEPTED, ReadingState.DISPUTED):
        return str(entry.state)
    return str(entry.history_type)


def values(rows: Sequence[Any]) -> str:
    """12 values for 2025: each reading once, however often it was touched."""
    number = len({entry.id for entry in rows})
    periods = {entry.period for entry in rows}
    if len(periods) > 1:
        return things(Reading, number)
    period = periods.pop()
    if len(period) == len("2025"):
        text = ngettext("%(n)d value for %(year)s", "%(n)d values for %(year)s", number)
        return text % {"n": number, "year": period}
    text = ngettext("%(n)d value for the quarter %(quarter)s", "%(n)d values for the quarter %(quarter)s", number)
    return text % {"n": number, "quarter": period}


def things(model: type[Model], n: int) -> str:
    """So many records of a kind."""
    if model is Reading:
        text = ngettext("%(n)d value", "%(n)d values", n)
    elif model is Milestone:
        text = ngettext("%(n)d milestone", "%(n)d milestones", n)
    elif model is Target:
        text = ngettext("%(n)d target", "%(n)d targets", n)
    elif model is StageEntry:
        text = ngettext("%(n)d stage entry", "%(n)d stage entries", n)
    elif model is Pilot:
        text = ngettext("%(n)d pilot", "%(n)d pilots", n)
    elif model is ProvincialPlan:
        text = ngettext("%(n)d provincial plan", "%(n)d provincial plans", n)
    else:
        text = ngettext("%(n)d record", "%(n)d records", n)
    return text % {"n": n}
