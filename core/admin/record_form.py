"""Form of a record in the admin: a reason for the change, the rights of the user, and optimistic locking.

A form carries the version of the record that it was opened on: the key of its newest history entry. Where another user
saved since then, fields that only they changed are taken over, and of a list each addition and each removal counts. A
field that both changed keeps what was typed, with their value beside it. Saving is rejected once, so that the user sees
this; saving again keeps the form as it stands. Rows on the form of their parent are not merged: core/admin/inlines.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.http import QueryDict
from django.utils.html import format_html
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
from core.history.recording import MAX_REASON
from core.history.revert import last_version_url
from core.http.request import parse_key
from core.permissions import OUT_OF_SCOPE, owner_field
from core.records import writing
from core.records.constraints import constraint_fields
from core.text.formatting import join_clauses, join_sentences, label_value

VERSION_FIELD = "version"


class VersionField(forms.CharField):
    """Hidden field with the version of the record that the form was opened on; never itself an edit."""

    def __init__(self) -> None:
        super().__init__(label=gettext_lazy("version"), required=False, widget=forms.HiddenInput)

    def has_changed(self, initial: object, data: object) -> bool:
        return False


class RecordForm(forms.ModelForm):
    """Form of a record.

    `user` is the user who fills it in: the saved record has to lie within that user's scope.
    """

    user: Any = None
    version = VersionField()
    change_reason = forms.CharField(
        label=gettext_lazy("Reason for change"),
        max_length=MAX_REASON,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy(
            "Kept in the history beside your name, for example “Day of issue corrected after the original was found”."
        ),
    )
    data: QueryDict
    latest: Any = None  # newest history entry of the record
    input_errors: frozenset[str] = frozenset()  # fields whose input is wrong in itself
    conflicts: Sequence[tuple[str | None, str]] = ()  # where others saved since: what to say, by field

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.latest = self.instance.history.order_by("-history_id").first()
        self.deleted_meanwhile = self.latest is not None and self.latest.history_type == "-"
        self.initial[VERSION_FIELD] = str(self.latest.pk) if self.latest else ""
        if self.is_bound and self.latest is not None and not self.deleted_meanwhile:
            opened, changes = changes_since(self.latest, self.data.get(VERSION_FIELD))
            if changes is not None:
                self.data = self.data.copy()
                self.conflicts = self.take_over(changes, entry_state(opened) if opened is not None else {})

    # -- what others changed ---------------------------------------------------------------------------

    def take_over(
        self, changes: Sequence[FieldDifference], before: Mapping[str, Any]
    ) -> Sequence[tuple[str | None, str]]:
        """Put what only others changed into the posted data, as if it had been typed into the newest version.

        Return the conflict in words: who saved meanwhile, what the form took over, what saving again will do; at the
        fields that both changed, both values.
        """
        taken, lists, disputed = [], [], []
        at_field = _("You both changed this. %(user)s: %(old)s → %(new)s. Yours stands here; save again to keep it.")
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
                values = {"user": author_name(self.latest), "old": change.old, "new": change.new}
                disputed.append((change.name, at_field % values))
        said = changes_message(self.latest, changes)
        if taken:
            text = _("Taken over, because you had left it alone: %(fields)s.") % {"fields": join_clauses(taken)}
            said = join_sentences(said, text)
        if lists:
            text = _("What either of you added or removed counts: %(fields)s.") % {"fields": join_clauses(lists)}
            said = join_sentences(said, text)
        return [(None, join_sentences(said, _("Check it, then save again to keep it as it stands here."))), *disputed]

    def reject_deleted(self) -> None:
        """Say who deleted the record, and how to keep what was typed. It is held against no other rules."""
        text = _(
            "{user} deleted this record on {when}, after you had opened it. Nothing of yours is saved yet. To keep it, "
            '<a href="{url}" target="_blank" rel="noopener">open its last version in a new window</a> and restore it '
            "there; then save again here."
        )
        message = format_html(
            text,
            user=author_name(self.latest),
            when=format_datetime(self.latest.history_date),
            url=last_version_url(self._meta.model, self.latest.id),
        )
        self.errors.clear()
        self.add_error(None, ValidationError(message, code="conflict"))

    # -- validation ------------------------------------------------------------------------------------

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        self.input_errors = frozenset(self.errors)  # before the record itself is validated
        return cleaned

    def full_clean(self) -> None:
        """Validate; reject a form that others overtook, once; report one mistake once, and what the user may not do."""
        super().full_clean()
        if not self.is_bound:
            return
        if self.deleted_meanwhile:
            self.reject_deleted()
            return
        if self.conflicts:
            known = {field.name for field in self.instance._meta.get_fields()}  # a reason for change is none
            if not known.isdisjoint(self.changed_data):  # a form that changes nothing itself is in no conflict
                for name, text in self.conflicts:
                    self.add_error(name, ValidationError(text, code="conflict"))
            # The user knows the newest version now, and saves again deliberately.
            self.data[VERSION_FIELD] = str(self.latest.pk)
        self.drop_derived_errors()
        if self.user is not None:
            self.check_rights()

    def drop_derived_errors(self) -> None:
        """Drop errors of fields that the record derives from a field with an error, and of constraints on them."""
        derived: Mapping[str, Sequence[str]] = getattr(self._meta.model, "DERIVED_FROM", {})
        for name, sources in derived.items():
            if name in self.input_errors or not any(source in self.errors for source in sources):
                continue
            self.errors.pop(name, None)
            rules = [rule for rule in self._meta.model._meta.constraints if constraint_fields(rule) == (name,)]
            messages = {rule.get_violation_error_message() for rule in rules}
            general = [error for error in self.non_field_errors().as_data() if set(error.messages) - messages]
            self.errors.pop(NON_FIELD_ERRORS, None)
            for error in general:
                self.add_error(None, error)

    def check_rights(self) -> None:
        """Report what `records` would refuse: scope, restricted fields, a missing reason."""
        adding, owner = self.instance.pk is None, owner_field(self._meta.model)
        stored = None if adding else type(self.instance)._base_manager.get(pk=self.instance.pk)
        lists = {field.name: self.cleaned_data[field.name] for field in self.own_lists()}
        refused: list[tuple[Any, ValidationError]] = []
        try:
            writing.check_fields(self.instance, stored, lists, self.user)
        except ValidationError as exc:
            refused += [(name, error) for name, errors in exc.error_dict.items() for error in errors]
        try:
            if owner not in self.errors:
                writing.check_scope(self.user, writing.ADD if adding else writing.CHANGE, self.instance)
        except (PermissionDenied, ValidationError):
            # At the field that decides the scope here: one that the owner field is derived from, else itself.
            derived: Mapping[str, Sequence[str]] = getattr(self._meta.model, "DERIVED_FROM", {})
            sources = [source for source in derived.get(owner, ()) if self.cleaned_data.get(source)]
            shown = next((field for field in [*sources, owner] if field in self.fields), None)
            refused.append((shown, ValidationError(OUT_OF_SCOPE, code=writing.NOT_YOURS)))
        for name, error in refused:
            self.add_error(name if name in self.fields else None, error)
        for field in self.instance._meta.concrete_fields if refused and stored else ():  # it is shown as it was
            setattr(self.instance, field.attname, getattr(stored, field.attname))
        missing = "" if self.cleaned_data.get("change_reason") else self.instance.missing_reason(stored)
        if missing and "change_reason" not in self.errors:
            self.add_error("change_reason", ValidationError(missing, code="required"))

    def own_lists(self) -> list[Any]:
        """Return the many-to-many fields that are on the form, and filled in rightly."""
        return [field for field in self._meta.model._meta.many_to_many if field.name in self.cleaned_data]


def changes_since(
    latest: HistoricalRecord, version: str | None
) -> tuple[HistoricalRecord | None, Sequence[FieldDifference] | None]:
    """Return the entry of the version that a form was opened on, and what others changed since; None: nothing.

    Of a form that names no version nothing is known: the changes are empty then.
    """
    if version == str(latest.pk):
        return latest, None
    opened = latest.instance_type.history.filter(pk=parse_key(version or ""), id=latest.id).first()
    changes = diff_entries(latest, opened)
    return opened, changes if changes or opened is None else None


def changes_message(latest: HistoricalRecord, changes: Sequence[FieldDifference]) -> str:
    """Return who saved meanwhile, when, why and what."""
    message = _(
        "%(user)s saved this record on %(when)s, after you had opened the page. Nothing of yours is saved yet. "
        "What was changed: %(changes)s."
    )
    reason = translate_reason(latest.history_change_reason)
    parts = [label_value(item.label, f"{item.old} → {item.new}") for item in changes]
    parts = [*(parts or ["–"]), *([label_value(_("Reason"), reason)] if reason else [])]
    return message % {
        "user": author_name(latest),
        "when": format_datetime(latest.history_date),
        "changes": join_clauses(parts),
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
