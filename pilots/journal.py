"""Everything that was entered about one pilot: who, when, what and why, its stages, milestones and values included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from django.db.models import Model, Q
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from config.templatetags.site import no_data, reason, showdate
from config.versions import names
from pilots.models import Indicator, LightOverride, Milestone, Pilot, Reading, StageEntry, Target, TargetStep

SHOWN = 50
WATCHED: tuple[tuple[type[Model], str], ...] = (
    (Pilot, "id"),
    (StageEntry, "pilot_id"),
    (Milestone, "pilot_id"),
    (Target, "pilot_id"),
    (Reading, "pilot_id"),
    (LightOverride, "pilot_id"),
)


@dataclass(frozen=True)
class Note:
    """One entry of the history: `what` names the record, `changes` says what is different since the entry before."""

    when: datetime
    who: str
    kind: str
    what: str
    action: str
    changes: Sequence[str]
    reason: str


@dataclass(frozen=True)
class Journal:
    """The newest entries up to a day, how many there are, and how many were entered after it."""

    notes: Sequence[Note]
    total: int
    later: int


def pilot_journal(pilot: Pilot, as_of: date, most: int = SHOWN) -> Journal:
    """What was entered about a pilot by the end of a day. A query for each kind of record and a few for names."""
    indicators = {item.pk: item for item in Indicator.objects.all()}
    found: list[Note] = []
    for model, field in WATCHED:
        found += notes(model, Q(**{field: pilot.pk}), indicators)
    found += notes(TargetStep, Q(target_id__in=[target.pk for target in pilot.targets.all()]), indicators)
    known = [note for note in found if timezone.localtime(note.when).date() <= as_of]
    newest = sorted(known, key=lambda note: note.when, reverse=True)[:most]
    return Journal(newest, len(known), len(found) - len(known))


def notes(model: Any, which: Q, indicators: dict[int, Indicator]) -> Iterator[Note]:
    """Every entry of these records, each held against the one before it of the same record."""
    entries = list(model.history.filter(which).select_related("history_user").order_by("id", "history_date", "pk"))
    for before, entry in pairwise([None, *entries]):
        if entry is None:
            continue
        same = before is not None and before.id == entry.id
        yield Note(
            when=entry.history_date,
            who=entry.history_user.get_username() if entry.history_user else _("the system"),
            kind=str(capfirst(model._meta.verbose_name)),
            what=name_of(entry, indicators),
            action=action_of(entry),
            changes=list(changes(before, entry)) if same and entry.history_type == "~" else [],
            reason=reason(entry.history_change_reason),
        )


def action_of(entry: Any) -> str:
    return {"+": _("added"), "~": _("changed"), "-": _("deleted")}[entry.history_type]


def name_of(entry: Any, indicators: dict[int, Indicator]) -> str:
    """What the record is called, from the entry alone."""
    if hasattr(entry, "indicator_id"):
        name = indicators[entry.indicator_id].name if entry.indicator_id in indicators else str(entry.indicator_id)
        return f"{name} {entry.period}" if hasattr(entry, "period") else name
    for display in ("get_stage_display", "get_colour_display"):
        if hasattr(entry, display):
            return str(getattr(entry, display)())
    if hasattr(entry, "year"):
        return str(entry.year)
    return entry.instance.name or str(entry.id)


def changes(before: Any, entry: Any) -> Iterator[str]:
    """Each field that the entry changed: what it was, and what it is."""
    for field in entry.instance_type._meta.concrete_fields:
        old, new = getattr(before, field.attname), getattr(entry, field.attname)
        if field.editable and not field.primary_key and old != new:
            yield _("%(field)s: %(old)s → %(new)s") % {
                "field": capfirst(field.verbose_name),
                "old": text_of(field, old),
                "new": text_of(field, new),
            }


def text_of(field: Any, value: Any) -> str:
    """A value as people read it."""
    if value is None or value == "":
        return no_data()
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, date):
        return showdate(value)
    if hasattr(value, "normalize"):
        return f"{value.normalize():f}"
    return names(field.related_model, [value])[0] if field.is_relation else str(value)
