"""Change log page of the admin: who changed which record, when and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.core.validators import MinValueValidator
from django.db.models import Model, QuerySet
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from core.feeds import FEED_LISTS, Entry, FeedList, atom_response
from core.history.entries import HistoryEntry, differences_text, entry_columns
from core.history.models import ChangeEvent
from core.http.errors import BadRequest
from core.http.request import TrackerRequest
from core.imports.models import Import, ImportState
from core.pages import Export, Feeds, export_response
from core.permissions import editor_province, in_scope
from core.text.formatting import label_value
from core.web.filters import ChoiceFormField, RelatedFormField
from core.web.list_pages import (
    POSITION_PARAMETERS,
    FilterBar,
    drop_unknown_params,
    export_links,
    form_errors,
    requested_page,
)
from core.web.tables import Table, make_table
from dashboard.analytics.change_log import (
    SYSTEM,
    ChangeLogQuery,
    find_changes,
    history_models,
    iterate_change_log,
    load_change_log,
)
from policies.models import Province

FIRST_DAY = date(2000, 1, 1)
ModelsByName = Mapping[str, type[Model]]


def viewable_models(user: Any) -> dict[str, type[Model]]:
    """Return the models that the user may view. Raises PermissionDenied if there is none."""
    kinds = {
        name: model
        for name, model in history_models().items()
        if any(user.has_perm(f"{model._meta.app_label}.{action}_{name}") for action in ("view", "change"))
    }
    if not kinds:
        raise PermissionDenied
    return kinds


# -- every change ----------------------------------------------------------------------------------------------------


class DayField(forms.DateField):
    """Date field in ISO format with the browser's date picker."""

    def __init__(self, label: Any) -> None:
        super().__init__(
            label=label,
            required=False,
            input_formats=["%Y-%m-%d"],
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            validators=[MinValueValidator(FIRST_DAY)],
            error_messages={"invalid": gettext_lazy("Write one day as 2024-01-30.")},
        )


class ChangeLogForm(forms.Form):
    """Filters of the change log: author, model, province, dates and import."""

    def __init__(self, data: Any, kinds: ModelsByName, *, reader: Any) -> None:
        super().__init__(data)
        self.home, self.reader = editor_province(reader), reader
        everybody = get_user_model().objects.order_by("username")
        if self.home or not reader.has_perm("auth.view_user"):
            signed = find_changes(kinds, ChangeLogQuery(reader, own_province=self.home))
            everybody = everybody.filter(pk__in=signed.order_by().values("user"))
        people = [(person.get_username(), str(person)) for person in everybody]
        named = [(name, str(capfirst(model._meta.verbose_name))) for name, model in kinds.items()]
        self.fields["person"] = ChoiceFormField(
            label=pgettext_lazy("who made a change", "Person"),
            required=False,
            choices=[(SYSTEM, _("the system")), *people],
            empty_label=gettext_lazy("all"),
        )
        self.fields["kind"] = ChoiceFormField(
            label=gettext_lazy("Record"), required=False, choices=named, empty_label=gettext_lazy("all")
        )
        self.fields["province"] = province_field(reader)
        self.fields["from"] = DayField(pgettext_lazy("a span of days", "From"))
        self.fields["to"] = DayField(pgettext_lazy("a span of days", "To"))
        if reader.has_perm("core.view_import"):
            written = visible_imports(reader).filter(state__in=[ImportState.CONFIRMED, ImportState.UNDONE])
            self.fields["import"] = RelatedFormField(
                written, label=gettext_lazy("Import"), required=False, empty_label=gettext_lazy("all")
            )

    def clean(self) -> dict[str, object] | None:
        cleaned = super().clean()
        first, last = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        if first and last and last < first:
            self.add_error("to", _("It lies before the first day. Turn the two round."))
        return cleaned

    @property
    def query(self) -> ChangeLogQuery:
        given = self.cleaned_data
        return ChangeLogQuery(
            self.reader,
            person=given["person"],
            province=given["province"],
            since=given["from"],
            until=given["to"],
            import_record=given.get("import"),
            own_province=self.home,
        )


def visible_imports(reader: Any) -> QuerySet[Import]:
    """Return the imports that the user may see: all, or the own ones if limited to a province."""
    return Import.objects.filter(uploaded_by=reader) if editor_province(reader) else Import.objects.all()


def province_field(reader: object) -> RelatedFormField:
    return RelatedFormField(
        in_scope(reader, Province.objects.roster()),
        to_field_name="slug",
        label=gettext_lazy("Province"),
        required=False,
        empty_label=gettext_lazy("all"),
    )


CHANGE_PARAMS = ("person", "kind", "province", "from", "to", "import", "lang", "page")
CHANGES_ON_A_PAGE = 50


def read_change_log(request: TrackerRequest, user: Any) -> tuple[ChangeLogForm, QuerySet[ChangeEvent], Page[Any]]:
    """Return the filters of a user, the changes that they leave, and one page of these with what they say. Raises
    BadRequest, and PermissionDenied for who may view none.
    """
    kinds = viewable_models(user)
    form = ChangeLogForm(request.GET, kinds, reader=user)
    drop_unknown_params(request, {*form.fields, "lang", "page", "export"})
    if not form.is_valid():
        raise BadRequest(*form_errors(form))
    chosen = form.cleaned_data["kind"]
    rows = find_changes({chosen: kinds[chosen]} if chosen else kinds, form.query)
    pages = Paginator(rows.values_list("pk", flat=True), CHANGES_ON_A_PAGE)
    page = pages.get_page(requested_page(request, pages))
    page.object_list = load_change_log(list(page.object_list), user)  # type: ignore[assignment]  # a list counts
    return form, rows, page


def change_feeds(_request: TrackerRequest, user: Any) -> Feeds:
    """Return the feed of changes; authors are named where the page names them."""

    def atom(request: TrackerRequest) -> HttpResponseBase:
        _form, _rows, page = read_change_log(request, user)
        following = {"page": str(page.next_page_number())} if page.has_next() else None
        return atom_response(request, _("Changes of the records"), map(change_entry, page), following)

    return {"atom": atom}


FEED_LISTS["changes"] = FeedList(
    "changes", gettext_lazy("Changes of the records"), ["atom"], change_feeds, CHANGE_PARAMS, staff_only=True
)


def changes(request: TrackerRequest) -> HttpResponseBase:
    """Show the change log of the models that the user may view, newest first."""
    form, rows, page = read_change_log(request, request.user)
    bar, title = FilterBar(request, form), _("Changes of the records")

    def table() -> Table:
        entries = iterate_change_log(rows, request.user)
        return make_table(entry_columns(authors=True), entries, count=page.paginator.count)

    tables = {"changes": Export(title, table, bar.chips)}
    file = export_response(request, tables, title, feeds=change_feeds(request, request.user))
    if file is not None:
        return file
    context = {
        **admin.site.each_context(request),
        "title": title,
        "home": form.home,
        "bar": bar,
        "page": page,
        "exports": [*export_links(request, "changes", **dict.fromkeys(POSITION_PARAMETERS)), *request.feeds],
    }
    return TemplateResponse(request, "admin/reports/changes.html", context)


def change_entry(entry: HistoryEntry) -> Entry:
    return Entry(
        key=f"change-{entry.key}",
        title=f"{label_value(entry.kind, entry.what)} – {entry.action}",
        url=entry.url or entry.version or reverse("changes"),
        changed_at=entry.when,
        lines=[differences_text(entry), label_value(_("Why"), entry.reason) if entry.reason else ""],
        author=entry.who,
    )
