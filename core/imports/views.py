"""Import pages: upload and dry run, confirmation, undo, templates and exports, and the list of imports."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import translation
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from core.days import demo_notice_rows, download_stem, today
from core.history.recording import MAX_REASON, REASON_HELP
from core.http import check_request
from core.imports import apply, files
from core.imports.columns import reading_rules
from core.imports.dry_run import make_dry_run
from core.imports.importer import KINDS, Importer, allowed_importers
from core.imports.models import Import, ImportState
from core.jobs.queue import BUSY, job_about
from core.permissions import can_access, editor_province, in_scope
from core.records.writing import Conflict
from core.spreadsheets.cells import UnreadableFile
from core.spreadsheets.reader import unpacked_size
from core.spreadsheets.writer import xlsx_response
from core.text import check_text, join_long, join_short, label_value


class ImportForm(forms.Form):
    kind = forms.ChoiceField(label=gettext_lazy("Kind of records"), widget=forms.RadioSelect, required=False)
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy(
            "A workbook (.xlsx) or CSV in UTF-8 or GB18030; at most 20 MB and 50,000 rows. "
            "Nothing is written before you have seen what it would do."
        ),
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv,.txt"}),
        error_messages={
            "required": gettext_lazy("Choose a file."),
            "empty": gettext_lazy("The file is empty. Choose one that holds rows."),
        },
    )

    def __init__(self, *args: Any, kinds: Mapping[str, Importer], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(name, capfirst(kind.label)) for name, kind in kinds.items()]
        self.fields["kind"].choices = [("", _("recognised by the headings")), *named]  # type: ignore[attr-defined]


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON,
        required=False,
        validators=[check_text],
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=REASON_HELP,
    )


ROWS_PER_PAGE, IMPORTS_PER_PAGE = 100, 20  # on a page
MAX_CELLS = 12  # named of an error that many cells have
ACTION_LABELS = {
    "error": pgettext_lazy("import", "error"),
    "create": pgettext_lazy("import", "new"),
    "update": pgettext_lazy("import", "changed"),
    "unchanged": pgettext_lazy("import", "unchanged"),
}


def import_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorator: an admin page for users who may import something."""

    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not request.user.has_perm("core.add_import") or not allowed_importers(request.user):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    guarded.__name__ = view.__name__
    return admin.site.admin_view(guarded)


def show_page(request: HttpRequest, name: str, title: str, status: int = 200, **more: object) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, "subtitle": None, **more}
    return TemplateResponse(request, f"admin/imports/{name}.html", context, status=status)


def paginate(request: HttpRequest, items: Any, size: int, word: str = "page") -> Page[Any]:
    return Paginator(items, size).get_page(request.GET.get(word))


# -- pages ---------------------------------------------------------------------------------------------


@import_page
def import_list(request: HttpRequest) -> HttpResponseBase:
    """Upload a file for a dry run; below, list all imports."""
    kinds = allowed_importers(request.user)
    form = ImportForm(request.POST or None, request.FILES or None, kinds=kinds)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(check_upload(request, form, kinds))
        except UnreadableFile as exc:
            form.add_error("file", str(exc.message))
    every = Import.objects.select_related("uploaded_by")
    own = every.filter(uploaded_by=request.user.pk) if editor_province(request.user) else every
    imports = paginate(request, own, IMPORTS_PER_PAGE)
    for record in imports:
        record.kind_label = capfirst(KINDS[record.kind].label) if record.kind in KINDS else record.kind
    title, rules = _("Import records"), reading_rules()
    return show_page(request, "list", title, form=form, kinds=kinds.values(), page=imports, rules=rules)


def check_upload(request: HttpRequest, form: ImportForm, kinds: Mapping[str, Importer]) -> Import:
    """Make and store the dry run of the uploaded file; of a long one a worker does."""
    kind, sheet, upload = kinds.get(form.cleaned_data["kind"]), None, form.cleaned_data["file"]
    content = upload.read()
    about: dict[str, Any] = {"name": upload.name, "content": content, "by": request.user}
    if unpacked_size(upload.name, content) <= apply.MOST_BYTES:
        if kind:
            sheet = files.select_sheet(kind, upload.name, content, None)
        else:
            kind, sheet = files.detect_importer(kinds.values(), upload.name, content)
        if len(sheet.rows) <= apply.MOST_ROWS:
            return files.save_dry_run(make_dry_run(kind, sheet, by=request.user), **about)
    with transaction.atomic():
        record = files.store_file(kind, sheet, **about)
        apply.ask(record, "check", by=request.user)
    return record


@import_page
@require_safe
def import_detail(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show a dry run: what was read, every error, and what each valid row would do."""
    record, kind = get_import(request, pk)
    report = stored_report(record)
    show = request.GET.get("show", "")
    shown = {show} if show in ACTION_LABELS else {"create", "update"}  # else what changes something
    rows = paginate(request, [row for row in report["rows"] if row["action"] in shown], ROWS_PER_PAGE)
    for row in rows:
        row["word"] = ACTION_LABELS[row["action"]]
    count = Counter(row["action"] for row in report["rows"])
    job = job_about(apply.subject(record))
    return show_page(
        request,
        "detail",
        str(record),
        record=record,
        job=job,
        in_hand=job is not None and job["open"] and not job["silent"],
        kind=kind,
        report=report,
        others=join_long(report["others"]),
        filled=join_short(report["filled"]),
        headings=join_short(heading for _place, heading in report["headings"]),
        actions=[{"code": code, "label": label, "count": count[code]} for code, label in ACTION_LABELS.items()],
        show=show,
        faults=paginate(request, group_errors(report["faults"]), ROWS_PER_PAGE, "errors") if report["faults"] else None,
        page=rows,
        form=ReasonForm(),
        may_undo=can_undo(request, record),
        written=record.created + record.updated,
    )


def group_errors(faults: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Merge errors of the same column, value and message into one, with all their cells."""
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    names = ("column", "value", "message")
    for fault in faults:
        groups[tuple(fault[name] for name in names)].append(fault["cell"])
    return [
        {**dict(zip(names, texts, strict=True)), "cells": cells[:MAX_CELLS], "more": len(cells[MAX_CELLS:])}
        for texts, cells in groups.items()
    ]


def get_import(request: HttpRequest, pk: int) -> tuple[Import, Importer | None]:
    """Return the import and its importer, None where that is not known yet. Raises Http404 if the user may not see it,
    or may not import this kind.
    """
    record = get_object_or_404(Import.objects.select_related("file").defer("file__content"), pk=pk)
    kinds = allowed_importers(request.user)
    if record.kind not in {*kinds, ""} or not can_access(request.user, record):
        raise Http404
    return record, kinds.get(record.kind)


def stored_report(record: Import) -> dict[str, Any]:
    """Return the report of the dry run, in the language in which the file was checked."""
    kept = hasattr(record, "file")
    report: dict[str, Any] = record.file.report if kept else {}
    return report or {"rows": [], "faults": [], "others": [], "filled": [], "headings": [], "expired": not kept}


def can_undo(request: HttpRequest, record: Import) -> bool:
    """Whether the user may undo the import: its uploader, or a user with the permission to undo those of others.

    Undoing deletes what was created: a provincial editor needs that permission as well.
    """
    if editor_province(request.user):
        return bool(request.user.has_perm("core.undo_import", record))
    return record.confirmed_by_id == request.user.pk or request.user.has_perm("core.undo_import")


# -- what is done --------------------------------------------------------------------------------------


@import_page
@require_POST
def import_change(request: HttpRequest, pk: int, action: str) -> HttpResponseBase:
    """Check an import again, confirm it or undo it, a long one by a worker; or say why nothing was changed."""
    record, kind = get_import(request, pk)
    form = ReasonForm(request.POST)
    if action == "undo" and not can_undo(request, record):
        raise PermissionDenied
    if not form.is_valid():
        text = label_value(form["reason"].label, " ".join(map(str, form.errors["reason"])))
        return rejection_page(request, record, [text])
    is_long = record.rows_read > apply.MOST_ROWS or record.state == ImportState.CHECKING
    if is_long and (action != "check" or record.can_be_checked_again):
        if not apply.ask(record, action, by=request.user, reason=form.cleaned_data["reason"]):
            messages.warning(request, BUSY)
        return redirect(record)
    try:
        done = apply.change(kind, record, action, by=request.user, reason=form.cleaned_data["reason"])
    except Conflict as exc:
        return rejection_page(request, record, exc.messages)
    except UnreadableFile as exc:
        return rejection_page(request, record, [str(exc.message)])
    if action == "confirm":
        count = done.created + done.updated
        text = ngettext("Confirmed: %(count)d record written.", "Confirmed: %(count)d records written.", count)
        messages.success(request, text % {"count": count})
    elif action == "undo":
        messages.success(request, _("Undone: every record stands as it stood before the import."))
    return redirect(record)


def rejection_page(request: HttpRequest, record: Import, what: Sequence[str]) -> HttpResponse:
    """Return a page that says why nothing happened, with a link back."""
    return show_page(request, "rejected", _("Nothing was changed"), 409, record=record, what=what)


# -- files ---------------------------------------------------------------------------------------------


@import_page
@require_safe
def import_workbook(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Return a workbook of the file's rows that says what is wrong, to be corrected and uploaded again."""
    record, _kind = get_import(request, pk)
    report = stored_report(record)
    if "language" not in report:  # not checked yet, or no longer kept
        raise Http404
    with translation.override(report["language"]):
        content = files.annotated_file(record, report)
    stem = record.file_name.rpartition(".")[0] or record.file_name
    return xlsx_response(content, _("%(file)s checked") % {"file": stem})


@import_page
@require_safe
def import_export(request: HttpRequest, kind: str, suffix: str, *, empty: bool = False) -> HttpResponseBase:
    """Export the records of a kind that the user may change, to be edited and imported again; or an empty template."""
    wanted = allowed_importers(request.user).get(kind)
    if wanted is None or suffix not in {"xlsx", "csv"}:
        raise Http404
    check_request(request, request.user, "files")
    records = in_scope(request.user, wanted.export_queryset()).order_by("pk")
    stem = f"{capfirst(wanted.label)}-{today()}"
    if empty:
        records, stem = records.none(), _("%(kind)s template") % {"kind": capfirst(wanted.label)}
    named = download_stem(request, stem)
    return files.export_response(wanted, records, suffix, stem=named, notice=demo_notice_rows(request))
