"""Recent changes grouped by meaning, and corrections made since an as-of date."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.apps import apps
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, ngettext_lazy

from core.history.diffs import translate_reason
from core.history.entries import NEWEST_FIRST, action_labels, fetch_entries
from core.history.models import ChangeEvent
from core.imports.importer import KINDS
from core.imports.models import Import
from core.text.formatting import join_clauses
from dashboard.analytics.change_log import (
    ENTRY_LABELS,
    PAGE_MODELS,
    PART_MODELS,
    SHOWN_LABELS,
    shown_record,
    start_of_day,
)
from pilots.analytics.light_history import PilotEdit, light_changes
from pilots.lights import Colour
from pilots.metrics.follow_up_states import Move
from pilots.models import (
    Adoption,
    Effect,
    FollowUp,
    FollowUpStep,
    LightOverride,
    Milestone,
    Pilot,
    Practice,
    Reading,
    ReadingState,
    Replan,
    Stage,
    StageEntry,
    Target,
)
from policies.models import ProvincialPlan

PILOT_PARTS: tuple[Any, ...] = (StageEntry, Milestone, Target, Reading, LightOverride, Replan)
PART_LABELS = {model._meta.label_lower for model in PART_MODELS}
MAX_GROUPS = 8
WINDOW_SIZE = 5_000  # changes that are looked at for the newest groups
LOAD_REASONS = (gettext_noop("Shipped with the product"), gettext_noop("Demonstration data"))
"""Reasons of changes that a command wrote when it filled the database."""


def shown_changes() -> QuerySet[ChangeEvent]:
    """Return the changes of what public pages show, newest first."""
    return ChangeEvent.objects.filter(model__in=SHOWN_LABELS).order_by(*NEWEST_FIRST)


# -- lately, in groups -----------------------------------------------------------------------------------


class ChangeGroup(NamedTuple):
    """Changes of one record on one day, or by one import, summarized by meaning.

    `light` is the colour of a pilot's light before and after, if these changes changed it.
    """

    when: datetime
    what: str
    kind: str
    url: str
    text: str
    light: tuple[Colour, Colour] | None = None


class GroupKey(NamedTuple):
    """What the changes of a group have in common: the day, and the record, the import or the command."""

    day: date
    kind: str  # record, import, undone, loaded
    model: str  # of the record
    number: int  # of the record or import
    reason: str = ""  # of the command


def recent_changes(as_of: date, most: int = MAX_GROUPS) -> Sequence[ChangeGroup]:
    """Return recent changes up to the as-of date, grouped by record and day or by import, newest first.

    A few queries, one for each model shown, and seven more if a pilot's data are among them: then its light before and
    after is computed from its history. Beyond `WINDOW_SIZE` changes no further group is looked for.
    """
    newest: dict[GroupKey, datetime] = {}
    until = start_of_day(as_of + timedelta(1))
    for change in shown_changes().filter(at__lt=until)[:WINDOW_SIZE].iterator(chunk_size=200):
        newest.setdefault(group_key(change), change.at)
        if len(newest) == most:
            break
    groups = record_groups([key for key in newest if key.kind == "record"])
    edits = {
        key: PilotEdit(key.number, key.day, rows[-1].history_date, rows[0].history_date)
        for key, rows in groups.items()
        if rows and apps.get_model(key.model) is Pilot and not any(is_new_pilot(entry) for entry in rows)
    }
    turned = light_changes(set(edits.values()))
    imports = Import.objects.in_bulk([key.number for key in newest if key.kind in ("import", "undone")])
    found = []
    for key, when in newest.items():
        if key.kind == "loaded":
            found.append(ChangeGroup(when, translate_reason(key.reason), "", "", _("records loaded")))
        elif key.kind != "record":  # no file and no user is named
            record = imports[key.number]
            kind = KINDS.get(record.kind)
            written = count_text(kind.model if kind else Import, record.created + record.updated)
            text = _("import of %(things)s undone") if key.kind == "undone" else _("import of %(things)s")
            name = _("Import %(number)d") % {"number": key.number}
            found.append(ChangeGroup(when, name, "", "", text % {"things": written}))
        elif rows := groups[key]:
            what, url = shown_record(rows[0])
            kind_name, text = str(apps.get_model(key.model)._meta.verbose_name), join_clauses(change_phrases(rows))
            light = turned.get(edits[key]) if key in edits else None
            found.append(ChangeGroup(rows[0].history_date, what, kind_name, url, text, light))
    return found


def is_new_pilot(entry: Any) -> bool:
    return entry.instance_type is Pilot and entry.history_type == "+"


def group_key(change: ChangeEvent) -> GroupKey:
    """Return the group of a change."""
    day = timezone.localtime(change.at).date()
    if change.import_record_id is not None:
        return GroupKey(day, "undone" if change.undoes else "import", "", change.import_record_id)
    if change.reason in LOAD_REASONS:
        return GroupKey(day, "loaded", "", 0, change.reason)
    if change.model in PART_LABELS:
        return GroupKey(day, "record", change.owner_model, change.owner_id or 0)
    return GroupKey(day, "record", change.model, change.record_id)


def record_groups(keys: Sequence[GroupKey]) -> dict[GroupKey, list[Any]]:
    """Return the history entries of these groups of records, newest first. A query, and one for each model."""
    which = [
        (Q(model=key.model, record_id=key.number) | Q(owner_model=key.model, owner_id=key.number))
        & Q(at__gte=start_of_day(key.day), at__lt=start_of_day(key.day + timedelta(1)))
        for key in keys
    ]
    changes = list(shown_changes().filter(reduce(or_, which))) if which else []
    entries = fetch_entries(changes, ENTRY_LABELS)
    groups: dict[GroupKey, list[Any]] = {key: [] for key in keys}
    for change in changes:
        key, entry = group_key(change), entries.get((change.model, change.entry_id))
        if key in groups and entry is not None:
            groups[key].append(entry)
    return groups


# -- in words --------------------------------------------------------------------------------------------


def change_phrases(rows: Sequence[Any]) -> list[str]:
    """Describe the entries of one record and day, in the order of the models."""
    found: list[str] = []
    by_model: dict[type[Model], list[Any]] = defaultdict(list)
    for entry in rows:
        by_model[entry.instance_type].append(entry)
    for model in (*PAGE_MODELS, *PART_MODELS):
        own = by_model[model]
        if not own or (model is FollowUp and by_model[FollowUpStep]):
            continue  # the steps of a follow-up say what happened
        if model is Reading:
            found += reading_phrases(own)
        elif model is FollowUpStep:
            found += [str(Move(entry.move).label) for entry in sorted(own, key=lambda entry: entry.seq)]
        elif model is LightOverride:
            found.append(_("light set by hand"))
        elif model is StageEntry:
            entered = [entry for entry in own if entry.history_type == "+" and entry.entered_on]
            last = max((Stage(entry.stage) for entry in entered), key=lambda stage: stage.order, default=None)
            found += [_("stage “%(stage)s” entered") % {"stage": last.label}] if last else []
            found += counted_phrases(StageEntry, [entry for entry in own if entry not in entered])
        elif model in PAGE_MODELS:
            found.append(action_labels()[own[-1].history_type if own[-1].history_type == "+" else own[0].history_type])
        else:
            found += counted_phrases(model, own)
    return found


def counted_phrases(model: type[Model], rows: Sequence[Any]) -> list[str]:
    """Describe how many entries are added, changed and deleted."""
    counts, text = Counter(entry.history_type for entry in rows), _("%(things)s %(action)s")
    return [
        text % {"things": count_text(model, counts[sign]), "action": action}
        for sign, action in action_labels().items()
        if counts[sign]
    ]


def reading_phrases(rows: Sequence[Any]) -> list[str]:
    """Describe values entered, accepted, disputed, changed or deleted, with year or quarter if there is only one.

    Each reading counts once in a phrase, however often it changed.
    """
    words = {
        "+": _("%(things)s entered"),
        ReadingState.ACCEPTED: _("%(things)s accepted"),
        ReadingState.DISPUTED: _("%(things)s objected to"),
        "~": _("%(things)s changed"),
        "-": _("%(things)s deleted"),
    }
    sorts: dict[str, list[Any]] = defaultdict(list)
    for entry in rows:
        judged = entry.history_type == "~" and entry.state in words
        sorts[entry.state if judged else entry.history_type].append(entry)
    found = []
    for sort, text in words.items():
        if sorts[sort]:
            n, periods = len({entry.id for entry in sorts[sort]}), {entry.period for entry in sorts[sort]}
            things = values_text(n, periods.pop()) if len(periods) == 1 else count_text(Reading, n)
            found.append(text % {"things": things})
    return found


def values_text(n: int, period: str) -> str:
    """Return “12 values for 2025”."""
    if len(period) == len("2025"):
        return ngettext("%(n)d value for %(year)s", "%(n)d values for %(year)s", n) % {"n": n, "year": period}
    text = ngettext("%(n)d value for the quarter %(quarter)s", "%(n)d values for the quarter %(quarter)s", n)
    return text % {"n": n, "quarter": period}


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
