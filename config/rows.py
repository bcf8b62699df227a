"""Rows of a form that are records with a history of their own, edited on the page of what they hang on.

Of a row that a colleague changed meanwhile, a field that only they changed is taken from them; of one that both
changed the editor's stays, and is refused once so that the editor sees both.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.formsets import DELETION_FIELD_NAME
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.dates import WRITTEN_DATES
from config.history import delete_whole
from config.merge import stored, typed, write
from config.reach import guarded, permission
from config.versions import author, differences, label_of, moment
from config.words import clauses, labelled, sentences

GONE = "gone"  # the version of a row that a colleague took away, once the editor has been told


class Version(forms.CharField):
    """Which version of a row the page was opened on; never itself an edit."""

    def __init__(self) -> None:
        super().__init__(label=gettext_lazy("version"), required=False, widget=forms.HiddenInput)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class RowSelect(AutocompleteSelect):
    """A search that knows the record chosen so far, so that a row costs no query of its own."""

    chosen: models.Model | None = None

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        if self.chosen is None or value != [str(self.chosen.pk)]:
            return super().optgroups(name, value, attr)
        options = [] if self.is_required else [self.create_option(name, "", "", False, 0)]
        label = self.choices.field.label_from_instance(self.chosen)
        options.append(self.create_option(name, self.chosen.pk, label, True, len(options)))
        return [(None, options, 0)]


class RowForm(forms.ModelForm):
    """One row, which remembers the version of its record that the page was opened on."""

    version = Version()
    latest: Any = None  # the newest entry of the row's history
    gone = False  # somebody else deleted it meanwhile
    by: Any = None  # the user, where the inline knows it
    taken: tuple[str, ...] = ()  # fields that only a colleague changed meanwhile
    disputed: tuple[str, ...] = ()  # fields that both changed

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.disable_guarded()
        for name, field in self.fields.items():
            if not field.widget.is_hidden:  # a row has no label but its column's heading
                field.widget.attrs["aria-label"] = capfirst(str(field.label or name))
            if isinstance(field.widget, RowSelect) and getattr(self.instance, f"{name}_id"):
                field.widget.chosen = getattr(self.instance, name)

    def disable_guarded(self) -> None:
        """Show what takes a further permission without asking it: what is sent for a disabled field is not read."""
        names = guarded(self.by, self._meta.model, recorded=self.instance.pk is not None) if self.by else ()
        for name in names:
            if name in self.fields:
                self.fields[name].disabled = True

    def _post_clean(self) -> None:
        """What is gone is not held against the rules any more."""
        if not self.gone:
            super()._post_clean()  # type: ignore[misc]  # the stubs leave it out

    @property
    def opened(self) -> str:
        """The version that the page was opened on, as it was sent back."""
        return str(self.data.get(self.add_prefix("version"), ""))

    def take_theirs(self, before: Any) -> None:
        """Put into what was sent what only a colleague changed since the entry before, and note what both changed.

        A row that the editor left alone then says what is stored, and is no change.
        """
        taken, disputed = [], []
        for field in self.instance._meta.concrete_fields:
            if field.name not in self.fields or field.primary_key:
                continue
            bound, old = self[field.name], getattr(before, field.attname)
            if old == getattr(self.instance, field.attname):
                continue
            if not bound.field.has_changed(stored(field, old), bound.data):
                write(self.data, bound, bound.initial)
                taken.append(field.name)
            elif bound.field.has_changed(bound.initial, bound.data):
                disputed.append(field.name)
        self.taken, self.disputed = tuple(taken), tuple(disputed)

    def reopen(self, version: str) -> None:
        """The editor is told of this version now: saving again is meant."""
        self.data[self.add_prefix("version")] = version  # type: ignore[index]  # the admin hands on a copy


class RowFormSet(forms.BaseInlineFormSet):
    """The rows. One that a colleague changed or deleted meanwhile is refused once, and saved when sent again."""

    reason = ""  # why, as typed on the form around the rows
    same: tuple[str, ...] = ()  # no two rows agree in all of these fields

    @cached_property
    def latest(self) -> dict[Any, Any]:
        """The newest entry of each row's history. One query, whatever the number of rows."""
        keys = [record.pk for record in self.get_queryset()]
        model: Any = self.model
        history = model.history
        newest = history.filter(id__in=keys).order_by().values("id").annotate(last=models.Max("history_id"))
        return {entry.id: entry for entry in history.filter(history_id__in=newest.values("last"))}

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if index is None or index >= self.initial_form_count():
            return
        form.latest = self.latest.get(form.instance.pk)
        form.fields["version"].initial = str(form.latest.pk) if form.latest else ""
        if self.is_bound and form.instance.pk is None:
            form.gone = True
            form.fields["id"] = forms.CharField(required=False, widget=forms.HiddenInput)
        elif self.is_bound and (before := opened_entry(form)) is not None:
            form.take_theirs(before)

    def stored(self) -> list[Any]:
        """The rows as the database has them: those of the forms hold what was typed already."""
        return list(self.get_queryset().all())

    @property
    def live_forms(self) -> list[Any]:
        """The rows that will be there after saving; empty ones and those taken away left out."""
        rows: list[Any] = [*self.initial_forms, *(form for form in self.extra_forms if form.has_changed())]
        return [form for form in rows if not form.gone and not is_deleted(form)]

    def clean(self) -> None:
        """Refuse what was overtaken, at its row; of a row to be deleted, above the rows."""
        above = []
        rows: list[Any] = self.initial_forms
        for form in rows:
            deleted, message = is_deleted(form), overtaken(form)
            if message and deleted and not form.gone:
                above.append(labelled(form.instance, message))
            elif message and not deleted and (form.gone or form.has_changed()):
                form.add_error(None, ValidationError(message, code="overtaken"))
            if message:
                form.reopen(GONE if form.gone else str(form.latest.pk))
        if above:
            raise ValidationError(above, code="overtaken")
        super().clean()

    def validate_unique(self) -> None:
        """Refuse a row that says the same as another, shown or stored, at the last field by which it does.

        The rows' own rules cannot: a row of a form knows what it hangs on only when it is saved.
        """
        rows = self.stored()
        stored = {row.pk: said(self.same, {name: getattr(row, name) for name in self.same}) for row in rows}
        shown = {form.instance.pk for form in self.initial_forms}
        unseen = {says for key, says in stored.items() if key not in shown}
        above: set[Any] = set()
        for form in self.live_forms:
            says = said(self.same, form.cleaned_data)
            held = {other for key, other in stored.items() if key != form.instance.pk}
            text = ""
            if says in above:
                text = _("This row says the same as one above it.")
            elif says in unseen:
                text = _("Somebody entered this after you had opened the page. Leave this row out, and change theirs.")
            elif form.instance.pk and says in held:
                text = _("Another row says this until it is saved. Save that change first, then this one.")
            if says and text:
                form.add_error(says[-1][0], ValidationError(text, code="twice"))
            above.add(says)

    # -- one entry in the history for each row that is written -------------------------------------------

    def because(self, record: Any) -> None:
        record._change_reason = self.reason or None

    def save_new(self, form: Any, commit: bool = True) -> Any:
        self.because(form.instance)
        return super().save_new(form, commit)

    def save_existing(self, form: Any, obj: Any, commit: bool = True) -> Any:
        self.because(obj)
        return super().save_existing(form, obj, commit)

    def delete_existing(self, obj: Any, commit: bool = True) -> None:
        """With the rows that hang on it in turn."""
        if commit:
            delete_whole(obj, reason=self.reason)


def said(names: Iterable[str], values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """What these fields say, those left empty apart."""
    return tuple((name, values[name]) for name in names if values.get(name))


def is_deleted(form: Any) -> bool:
    """Whether the editor takes the row away."""
    return bool(form.cleaned_data.get(DELETION_FIELD_NAME))


def opened_entry(form: Any) -> Any:
    """The entry that the page was opened on, where a newer one stands; else None."""
    if form.latest is None or form.opened == str(form.latest.pk) or not form.opened.isdecimal():
        return None
    return form.instance.history.filter(pk=form.opened).first()


def overtaken(form: Any) -> str:
    """Who wrote the row after it was opened, when and what; empty when nobody did."""
    if form.gone:
        return "" if form.opened == GONE else taken_away(form)
    if form.latest is None or form.opened == str(form.latest.pk):
        return ""
    changes = differences(form.latest, opened_entry(form))
    message = _(
        "%(user)s saved this row on %(when)s, after you had opened the page. Nothing of yours is saved yet. "
        "What was changed: %(changes)s."
    )
    said = message % {
        "user": author(form.latest),
        "when": moment(form.latest.history_date),
        "changes": clauses(labelled(item.label, f"{item.old} → {item.new}") for item in changes) or "–",
    }
    return sentences(said, _("Save again to delete it nevertheless.") if is_deleted(form) else what_becomes(form))


def what_becomes(form: Any) -> str:
    """What stands in the row now, and what saving again will do."""
    known = {field.name: field for field in form.instance._meta.concrete_fields}
    taken = clauses(label_of(known[name]) for name in form.taken)
    both = clauses(labelled(label_of(known[name]), typed(form[name], known[name])) for name in form.disputed)
    first = _("Taken over, because you had left it alone: %(fields)s.") % {"fields": taken} if taken else ""
    second = _("You both changed it, and yours stands here: %(fields)s.") % {"fields": both} if both else ""
    last = _("Check the row, then save again to keep it as it stands here.")
    return sentences(sentences(first, second), last)


def taken_away(form: Any) -> str:
    """Who deleted the row, and when."""
    key = str(form.data.get(form.add_prefix("id"), ""))
    history = type(form.instance).history
    entry = history.filter(id=key, history_type="-").order_by("-history_id").first() if key.isdecimal() else None
    message = _(
        "%(user)s deleted this row on %(when)s, after you had opened the page. Nothing of yours is saved yet. Save "
        "again to leave it deleted; to have it back, enter it as a new row below."
    )
    return message % {"user": author(entry), "when": moment(entry.history_date)} if entry else ""


class RowInline(admin.TabularInline):
    """Records edited as rows on the page of what they hang on; the rest of each is on its own page."""

    form = RowForm
    formset = RowFormSet
    extra = 1
    show_change_link = True
    formfield_overrides = WRITTEN_DATES
    known: tuple[str, ...] = ()  # relations that a row's own name is made of

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return super().get_queryset(request).select_related(*self.known, *self.autocomplete_fields)

    # A row belongs to whom its parent belongs to: whoever does not reach that only looks at the rows.

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(permission(self.model, "add"), obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(permission(self.model, "change"), obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(permission(self.model, "delete"), obj))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The version goes with rows that can be written."""
        may = self.has_change_permission(request, obj) or self.has_add_permission(request, obj)
        return [*super().get_fields(request, obj), *(["version"] if may else [])]

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.form.by = request.user  # the class is made for this request alone
        return formset

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.autocomplete_fields:
            kwargs["widget"] = RowSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A search without the links to add or change what is searched: rows are narrow."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field
