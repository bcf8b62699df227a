"""Two people on one record: what each made of each field, and what becomes of it.

A field that only one of them changed is taken from them. Of a field that both changed the second is asked. In a list
each entry that either added is in and each that either took away is out, unless the second chooses one of the lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.formsets import DELETION_FIELD_NAME
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.versions import Names, State, current_state, label_of, states, text_of

THEIRS, MINE, BOTH = "theirs", "mine", "both"
OPTIONS: Mapping[str, str | Promise] = {
    THEIRS: gettext_lazy("theirs"),
    MINE: gettext_lazy("yours"),
    BOTH: gettext_lazy("both lists together"),
}
PREFIX = "merge-"
AGAINST = "merge_against"  # the newest entry that the choices were made against


@dataclass(frozen=True)
class Choice:
    """One field in three versions, as they read, and which of them is kept; empty while that has to be asked."""

    name: str
    label: str
    before: str
    theirs: str
    mine: str
    kinds: Sequence[str]
    chosen: str

    @property
    def input_name(self) -> str:
        return PREFIX + self.name

    @property
    def options(self) -> list[tuple[str, str | Promise]]:
        return [(kind, OPTIONS[kind]) for kind in self.kinds]


@dataclass(frozen=True)
class Side:
    """A field as both have it: whether each changed it, whether they differ, and how it is put into what was sent."""

    field: Any  # the model's
    mine_changed: bool
    theirs_changed: bool
    differ: bool
    mine: Any  # the value, or the text where it cannot be read
    kinds: Sequence[str]
    put: Callable[[Any, str], None]

    @property
    def default(self) -> str:
        """What is kept unless the second chooses otherwise."""
        if not self.mine_changed:
            return THEIRS
        if not self.theirs_changed:
            return MINE
        return BOTH if BOTH in self.kinds else ""


class Merge:
    """The form that was sent, held against the entry it was opened on and the record as it is now."""

    def __init__(self, form: Any, lists: Sequence[Any], opened: Any, latest: Any) -> None:
        """`lists` are the bound formsets of relations to many; `opened` is None where the form names no entry."""
        self.form, self.lists, self.opened, self.latest = form, lists, opened, latest
        self.theirs = current_state(form.instance)
        self.before: State | None = states([opened])[opened.pk] if opened else None

    @cached_property
    def sides(self) -> list[Side]:
        """The fields that can be sent, in the form's order, relations to many last."""
        known = {field.name: field for field in self.form.instance._meta.get_fields() if hasattr(field, "attname")}
        own = [self.side(bound, known[bound.name]) for bound in self.form if bound.name in known]
        return own + [self.list_side(formset) for formset in self.lists]

    def side(self, bound: Any, field: Any) -> Side:
        """A field of the form itself."""
        if field.many_to_many:
            keys = {int(key) for key in bound.data or () if str(key).isdecimal()}
            return self.keys_side(field, keys, lambda data, wanted: data.setlist(bound.html_name, wanted))
        theirs, before = self.theirs[field.name], self.before_of(field)
        differ = bound.field.has_changed(bound.initial, bound.data)
        return Side(
            field,
            mine_changed=self.before is None or bound.field.has_changed(stored(field, before), bound.data),
            theirs_changed=self.before is None or theirs != before,
            differ=differ,
            mine=readable(bound),
            kinds=(THEIRS, MINE),
            put=lambda data, kind: write(data, bound, bound.initial) if kind == THEIRS else None,
        )

    def list_side(self, formset: Any) -> Side:
        """A relation to many that is edited as rows."""
        field = relation_of(formset)
        return self.keys_side(field, sent_keys(formset, field), lambda data, wanted: write_rows(data, formset, wanted))

    def keys_side(self, field: Any, mine: set[int], put: Callable[[Any, list[int]], None]) -> Side:
        theirs, before = set(self.theirs[field.name]), set(self.before_of(field) or ())
        wanted = {THEIRS: theirs, MINE: mine, BOTH: (theirs | (mine - before)) - (before - mine)}
        both = before not in (mine, theirs)
        return Side(
            field,
            mine_changed=mine != before,
            theirs_changed=theirs != before,
            differ=theirs != mine,
            mine=tuple(sorted(mine)),
            kinds=(BOTH, THEIRS, MINE) if both else (THEIRS, MINE),
            put=lambda data, kind: put(data, sorted(wanted[kind])),
        )

    def before_of(self, field: Any) -> Any:
        return self.before[field.name] if self.before is not None else None

    # -- what is asked, and what becomes of it -------------------------------------------------------------

    def chosen(self, side: Side) -> str:
        """What the second chose, where the choice was made against the newest entry; else the default."""
        kind = str(self.form.data.get(PREFIX + side.field.name, ""))
        return kind if self.answered and kind in side.kinds else side.default

    @property
    def answered(self) -> bool:
        return bool(self.form.data.get(AGAINST, "") == str(self.latest.pk))

    @property
    def settled(self) -> bool:
        """Whether it can be saved: nothing differs, or every choice was made."""
        asked = [side for side in self.sides if side.differ]
        return not asked or (self.answered and all(self.chosen(side) for side in asked))

    def choices(self) -> list[Choice]:
        """Every field in which the two differ."""
        asked = [side for side in self.sides if side.differ]
        values = [
            (side.field, value)
            for side in asked
            for value in (self.before_of(side.field), self.theirs[side.field.name], side.mine)
            if value is not None and not isinstance(value, Unreadable)
        ]
        names = Names.of(values)
        return [
            Choice(
                name=side.field.name,
                label=label_of(side.field),
                before=text_of(side.field, self.before_of(side.field), names) if self.before is not None else "",
                theirs=text_of(side.field, self.theirs[side.field.name], names),
                mine=side.mine.text if isinstance(side.mine, Unreadable) else text_of(side.field, side.mine, names),
                kinds=side.kinds,
                chosen=self.chosen(side),
            )
            for side in asked
        ]

    def merged(self, data: Any) -> Any:
        """What was sent, with the choices in it: as if it had been typed into the form opened on the newest entry."""
        data = data.copy()
        for side in self.sides:
            side.put(data, self.chosen(side) if side.differ else THEIRS)
        for name in [name for name in data if name.startswith(PREFIX) or name == AGAINST]:
            del data[name]
        data["version"] = str(self.latest.pk)
        if self.opened and any(side.differ for side in self.sides):
            data["merged"] = str(self.latest.pk)
        return data


@dataclass(frozen=True)
class Unreadable:
    """What was typed into a field that cannot take it."""

    text: str


def readable(bound: Any) -> Any:
    """The value that was typed, as the record would hold it."""
    try:
        value = bound.field.clean(bound.data)
    except ValidationError:
        return Unreadable(str(bound.data))
    return getattr(value, "pk", value)


def typed(bound: Any, field: Any) -> str:
    """What was typed, as people read it."""
    value = readable(bound)
    return value.text if isinstance(value, Unreadable) else text_of(field, value, Names.of([(field, value)]))


def stored(field: Any, value: Any) -> Any:
    """A stored value as a form would show it."""
    record = field.model()
    setattr(record, field.attname, value)
    return field.value_from_object(record)


def write(data: Any, bound: Any, value: Any) -> None:
    """Put a stored value into what was sent, as the browser would send it."""
    if isinstance(bound.field.widget, forms.CheckboxInput):
        data.pop(bound.html_name, None)
        if value:
            data[bound.html_name] = "on"
        return
    text = bound.field.widget.format_value(bound.field.prepare_value(value))
    data[bound.html_name] = (text[0] if text else "") if isinstance(text, list) else text if text is not None else ""


# -- relations to many as rows ---------------------------------------------------------------------------------


def relation_of(formset: Any) -> Any:
    """The relation whose rows a formset edits."""
    relations = formset.instance._meta.many_to_many
    return next(field for field in relations if field.remote_field.through is formset.model)


def sent_keys(formset: Any, field: Any) -> set[int]:
    """The records that the list names as it was sent."""
    data, target = formset.data, field.m2m_reverse_field_name()
    rows = range(formset.total_form_count())
    keys = [
        str(data.get(f"{formset.prefix}-{row}-{target}", ""))
        for row in rows
        if not data.get(f"{formset.prefix}-{row}-{DELETION_FIELD_NAME}")
    ]
    return {int(key) for key in keys if key.isdecimal()}


def write_rows(data: Any, formset: Any, wanted: Sequence[int]) -> None:
    """Put the list into what was sent, as rows of the list that the database has now."""
    field = relation_of(formset)
    owner, target = field.m2m_field_name(), field.m2m_reverse_field_name()
    for name in [
        name for name in data if name.startswith(f"{formset.prefix}-") and name[len(formset.prefix) + 1].isdigit()
    ]:
        del data[name]
    rows = formset.model._default_manager.filter(**{owner: formset.instance.pk}).order_by("pk")
    there = list(rows.values_list("pk", f"{target}_id"))
    fresh = [key for key in wanted if key not in {named for _pk, named in there}]
    data[f"{formset.prefix}-INITIAL_FORMS"] = str(len(there))
    data[f"{formset.prefix}-TOTAL_FORMS"] = str(len(there) + len(fresh))
    for row, (key, named) in enumerate([*there, *(("", named) for named in fresh)]):
        data[f"{formset.prefix}-{row}-id"] = str(key)
        data[f"{formset.prefix}-{row}-{owner}"] = str(formset.instance.pk)
        data[f"{formset.prefix}-{row}-{target}"] = str(named)
        if named not in wanted:
            data[f"{formset.prefix}-{row}-{DELETION_FIELD_NAME}"] = "on"


def merged_reason(when: str) -> str:
    """What the history says of a merge, without a name."""
    return _("Merged with the version of %(when)s.") % {"when": when}
