"""Conflict of edits in the admin: two users edit one record, or one inline row, at once. Optimistic locking by form.

A form carries the version of the record that it was opened on: the key of its newest history entry. Where another user
saved since then, fields that only they changed are taken over, and of a list each addition and each removal counts. A
field that both changed keeps what was typed, with their value beside it. Saving is rejected once, so that the user sees
this; saving again keeps the form as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.history.diffs import (
    FieldDifference,
    HistoricalRecord,
    author_name,
    diff_entries,
    entry_state,
    format_datetime,
    translate_reason,
)
from core.http.request import parse_key
from core.text.formatting import join_clauses, join_sentences, label_value

VERSION_FIELD = "version"


class VersionField(forms.CharField):
    """Hidden field with the version of the record that the form was opened on; never itself an edit."""

    def __init__(self) -> None:
        super().__init__(label=gettext_lazy("version"), required=False, widget=forms.HiddenInput)

    def has_changed(self, initial: object, data: object) -> bool:
        return False


class VersionedForm(forms.ModelForm):
    """ModelForm with optimistic locking: call `compare_with` once its fields are complete."""

    version = VersionField()
    data: QueryDict
    latest: Any = None  # newest history entry of the record
    changes: Sequence[FieldDifference] | None = None  # what others changed since the form was opened; None: nothing
    taken_over: tuple[str, ...] = ()  # labels of the fields that only others changed
    merged_lists: tuple[str, ...] = ()  # labels of the lists that others changed
    disputed: tuple[FieldDifference, ...] = ()  # fields that both changed
    deleted_meanwhile = False

    @property
    def opened_version(self) -> str:
        """Version that the form was opened on, as posted."""
        return str(self.data.get(self.add_prefix(VERSION_FIELD), ""))

    def compare_with(self, latest: HistoricalRecord | None) -> None:
        """Compare the form with the newest history entry of its record; take over what others changed since."""
        self.latest = latest
        self.initial[VERSION_FIELD] = str(latest.pk) if latest else ""
        if not self.is_bound or self.deleted_meanwhile or latest is None or self.opened_version == str(latest.pk):
            return
        history = latest.instance_type.history
        opened: HistoricalRecord | None = history.filter(pk=parse_key(self.opened_version), id=latest.id).first()
        changes = diff_entries(latest, opened)
        if changes or opened is None:
            self.changes, self.data = changes, self.data.copy()
        if changes and opened is not None:
            self.take_over(changes, opened)

    def take_over(self, changes: Sequence[FieldDifference], opened: HistoricalRecord) -> None:
        """Put what only others changed into the posted data, as if it had been typed into the newest version."""
        before = entry_state(opened)
        taken, lists, disputed = [], [], []
        for change in changes:
            field: Any = self.instance._meta.get_field(change.name)
            bound = self[change.name] if change.name in self.fields else None
            if field.many_to_many:
                lists.append(change.label)
                if bound is not None:
                    mine = {key for text in bound.data or () if (key := parse_key(str(text)))}
                    theirs, was = {record.pk for record in bound.initial or ()}, set(before[change.name])
                    keys = (theirs | (mine - was)) - (was - mine)  # both additions, and both removals
                    self.data.setlist(bound.html_name, [str(key) for key in sorted(keys)])
            elif bound is not None and not bound.field.has_changed(before[change.name], bound.data):
                set_posted_value(self.data, bound, bound.initial)
                taken.append(change.label)
            elif bound is not None and bound.field.has_changed(bound.initial, bound.data):
                disputed.append(change)
        self.taken_over, self.merged_lists, self.disputed = tuple(taken), tuple(lists), tuple(disputed)

    def full_clean(self) -> None:
        """Validate, then reject a form that others overtook, once. A deleted record is held against no rules."""
        super().full_clean()
        if self.is_bound and self.deleted_meanwhile:
            self.errors.clear()
            self.reject_deleted()
        elif self.is_bound and self.changes is not None:
            known = {field.name for field in self.instance._meta.get_fields()}  # a reason for change is none
            # A form that changes nothing itself is in no conflict; a list may be edited as rows beside the form.
            if self.merged_lists or not known.isdisjoint(self.changed_data):
                self.reject_overtaken()
            self.set_version()

    def reject_overtaken(self) -> None:
        """Add the conflict to the errors: who saved meanwhile, what the form took over, what saving again will do; at
        the fields that both changed, both values.
        """
        taken, lists = join_clauses(self.taken_over), join_clauses(self.merged_lists)
        first = _("Taken over, because you had left it alone: %(fields)s.") % {"fields": taken} if taken else ""
        second = _("What either of you added or removed counts: %(fields)s.") % {"fields": lists} if lists else ""
        last = _("Check it, then save again to keep it as it stands here.")
        text = join_sentences(self.changes_message(), join_sentences(join_sentences(first, second), last))
        self.add_error(None, ValidationError(text, code="conflict"))
        text = _("You both changed this. %(user)s: %(old)s → %(new)s. Yours stands here; save again to keep it.")
        for change in self.disputed:
            values = {"user": author_name(self.latest), "old": change.old, "new": change.new}
            self.add_error(change.name, ValidationError(text % values, code="conflict"))

    def reject_deleted(self) -> None:
        """Add to the errors that another user deleted the record."""
        raise NotImplementedError

    def set_version(self) -> None:
        """Put the newest version into the posted data: the user knows it now, and saves again deliberately."""
        self.data = self.data.copy()
        self.data[self.add_prefix(VERSION_FIELD)] = str(self.latest.pk)

    def changes_message(self) -> str:
        """Return who saved meanwhile, when, why and what."""
        message = _(
            "%(user)s saved this record on %(when)s, after you had opened the page. Nothing of yours is saved yet. "
            "What was changed: %(changes)s."
        )
        reason = translate_reason(self.latest.history_change_reason)
        parts = [label_value(item.label, f"{item.old} → {item.new}") for item in self.changes or ()]
        changes = [*(parts or ["–"]), *([label_value(_("Reason"), reason)] if reason else [])]
        return message % {
            "user": author_name(self.latest),
            "when": format_datetime(self.latest.history_date),
            "changes": join_clauses(changes),
        }


def set_posted_value(data: QueryDict, bound: forms.BoundField, value: object) -> None:
    """Put a stored value into the posted data, as the browser would send it."""
    if isinstance(bound.field.widget, forms.CheckboxInput):
        data.pop(bound.html_name, None)
        if value:
            data[bound.html_name] = "on"
        return
    text: Any = bound.field.widget.format_value(bound.field.prepare_value(value))
    data[bound.html_name] = (text[0] if text else "") if isinstance(text, list) else text if text is not None else ""
