"""Import pages: upload and dry run, confirmation, undo, templates and exports, and the list of imports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import translation
from django.utils.text import capfirst
from django.utils.translation import get_language, get_language_info, gettext_lazy, ngettext, pgettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_tasks.base import Task

from core.history.recording import MAX_REASON
from core.http.as_of import today
from core.http.request import demo_notice_rows, download_stem
from core.imports import jobs
from core.imports.apply import confirm, undo
from core.imports.dry_run import make_dry_run
from core.imports.files import (
    annotated_file,
    detect_importer,
    repeat_dry_run,
    save_dry_run,
    select_sheet,
    update_dry_run,
)
from core.imports.importer import KINDS, Importer
from core.imports.models import Import, ImportState
from core.imports.sheet.columns import READING_RULES
from core.imports.workbooks import export_csv, export_workbook, template_workbook
from core.jobs.queue import enqueue
from core.permissions import can_access, editor_province, in_scope
from core.records.writing import Conflict
from core.spreadsheets.cells import UnreadableFile
from core.spreadsheets.writer import XLSX_MEDIA_TYPE, content_disposition, xlsx_response
from core.text.bilingual import check_text
from core.text.formatting import join_long, join_short, label_value


class ImportForm(forms.Form):
    """Upload form of an import."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind of records"), widget=forms.RadioSelect, required=False)
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy(
            "A workbook (.xlsx, .xls, .ods) or CSV in UTF-8, UTF-16 or GB18030; at most 20 MB and 50,000 rows. "
            "Nothing is written before you have seen what it would do."
        ),
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.xls,.et,.ods,.csv,.txt"}),
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
    """Form for the reason of a bulk change."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON,
        required=False,
        validators=[check_text],
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=gettext_lazy("Kept in the history of every record beside your name and the import."),
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
        if not request.user.has_perm("config.add_import") or not allowed_importers(request):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    guarded.__name__ = view.__name__
    return admin.site.admin_view(guarded)


def allowed_importers(request: HttpRequest) -> dict[str, Importer]:
    """Return the importers that the user may use."""
    return {name: kind for name, kind in KINDS.items() if kind.can_import(request.user)}


def page_context(request: HttpRequest, title: str, **more: object) -> dict[str, object]:
    return {**admin.site.each_context(request), "title": title, "subtitle": None, **more}


# -- pages ---------------------------------------------------------------------------------------------


@import_page
def import_list(request: HttpRequest) -> HttpResponseBase:
    """Upload a file for a dry run; below, list all imports."""
    kinds = allowed_importers(request)
    form = ImportForm(request.POST or None, request.FILES or None, kinds=kinds)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(check_upload(request, form))
        except UnreadableFile as exc:
            form.add_error("file", str(exc.message))
    return list_page(request, form, kinds)


def check_upload(request: HttpRequest, form: ImportForm) -> Import:
    """Make and store the dry run of the uploaded file; of a long one a worker does."""
    chosen, upload = KINDS.get(form.cleaned_data["kind"]), form.cleaned_data["file"]
    content = upload.read()
    if chosen:
        kind, sheet = chosen, select_sheet(chosen, upload.name, content, None)
    else:
        kind, sheet = detect_importer(allowed_importers(request).values(), upload.name, content)
    if len(sheet.rows) > jobs.MOST_ROWS:
        return jobs.check_later(kind, sheet, upload.name, content, by=request.user)
    plan = make_dry_run(kind, sheet, by=request.user)
    return save_dry_run(plan, name=upload.name, content=content, by=request.user)


def list_page(request: HttpRequest, form: ImportForm, kinds: dict[str, Importer]) -> HttpResponse:
    every = Import.objects.select_related("uploaded_by")
    own = every.filter(uploaded_by=request.user.pk) if editor_province(request.user) else every
    page = paginate(request, own, IMPORTS_PER_PAGE)
    for record in page:
        record.kind_label = capfirst(KINDS[record.kind].label) if record.kind in KINDS else record.kind
    context = page_context(
        request, _("Import records"), form=form, kinds=kinds.values(), page=page, rules=READING_RULES
    )
    return TemplateResponse(request, "admin/imports/list.html", context)


def paginate(request: HttpRequest, items: Any, size: int, word: str = "page") -> Page[Any]:
    return Paginator(items, size).get_page(request.GET.get(word))


@import_page
@require_safe
def import_detail(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show a dry run: what was read, every error, and what each valid row would do."""
    record, kind = get_import(request, pk)
    found = stored_report(record)
    show = request.GET.get("show", "")
    shown = {show} if show in ACTION_LABELS else {"create", "update"}  # else what changes something
    page = paginate(request, [row for row in found["rows"] if row["action"] in shown], ROWS_PER_PAGE)
    for row in page:
        row["word"] = ACTION_LABELS[row["action"]]
    count = Counter(row["action"] for row in found["rows"])
    job = jobs.job_of(record)
    context = page_context(
        request,
        str(record),
        record=record,
        job=job,
        in_hand=job is not None and job["open"] and not job["silent"],
        kind=kind,
        found=found,
        verdict=state_summary(record),
        other_language=get_language_info(found["language"])["name_local"]
        if found.get("language", get_language()) != get_language()
        else "",
        others=join_long(found["others"]),
        filled=join_short(found["filled"]),
        headings=join_short(heading for _place, heading in found["headings"]),
        actions=[{"code": code, "label": label, "count": count[code]} for code, label in ACTION_LABELS.items()],
        show=show,
        faults=paginate(request, group_errors(found["faults"]), ROWS_PER_PAGE, "errors") if found["faults"] else None,
        page=page,
        form=ReasonForm(),
        may_undo=can_undo(request, record),
        written=record.created + record.updated,
    )
    return TemplateResponse(request, "admin/imports/detail.html", context)


def group_errors(faults: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Merge errors of the same column, value and message into one, with all their cells."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for fault in faults:
        groups.setdefault((fault["column"], fault["value"], fault["message"]), []).append(fault["cell"])
    return [
        {
            "column": column,
            "value": value,
            "message": message,
            "cells": cells[:MAX_CELLS],
            "more": len(cells[MAX_CELLS:]),
        }
        for (column, value, message), cells in groups.items()
    ]


def state_summary(record: Import) -> str:
    """Return the state of the import in one sentence."""
    if record.state == ImportState.CHECKING:
        return _("Nothing is written: the file is not checked yet.")
    if record.state == ImportState.FAULTY:
        count = record.faults
        text = ngettext(
            "Nothing is written: %(count)d error in %(rows)d rows.",
            "Nothing is written: %(count)d errors in %(rows)d rows.",
            count,
        )
        return text % {"count": count, "rows": record.rows_read}
    numbers = {"new": record.created, "changed": record.updated, "same": record.unchanged}
    texts = {
        ImportState.CHECKED: _("Not written yet: %(new)d new, %(changed)d changed, %(same)d unchanged."),
        ImportState.CONFIRMED: _("Written: %(new)d new, %(changed)d changed, %(same)d unchanged."),
        ImportState.UNDONE: _("Undone. It had written %(new)d new and %(changed)d changed records."),
    }
    return texts[ImportState(record.state)] % numbers


def get_import(request: HttpRequest, pk: int) -> tuple[Import, Importer]:
    """Return the import and its importer. Raises Http404 if the user may not see it, or may not import this kind."""
    record = get_object_or_404(Import.objects.select_related("file").defer("file__content"), pk=pk)
    kind = allowed_importers(request).get(record.kind)
    if kind is None or not can_access(request.user, record):
        raise Http404
    return record, kind


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
        return bool(request.user.has_perm("config.undo_import", record))
    return record.confirmed_by_id == request.user.pk or request.user.has_perm("config.undo_import")


# -- what is done --------------------------------------------------------------------------------------


@import_page
@require_POST
def import_confirm(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Confirm the import: write everything or nothing."""
    record, kind = get_import(request, pk)

    def work(reason: str) -> None:
        done = confirm(kind, record, by=request.user, reason=reason)
        count = done.created + done.updated
        text = ngettext("Confirmed: %(count)d record written.", "Confirmed: %(count)d records written.", count)
        messages.success(request, text % {"count": count})

    return change_with_reason(request, record, work, jobs.confirm_import)


@import_page
@require_POST
def import_undo(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Undo the import: restore every record or none."""
    record, _kind = get_import(request, pk)
    if not can_undo(request, record):
        raise PermissionDenied

    def work(reason: str) -> None:
        undo(record, by=request.user, reason=reason)
        messages.success(request, _("Undone: every record stands as it stood before the import."))

    return change_with_reason(request, record, work, jobs.undo_import)


def change_with_reason(
    request: HttpRequest, record: Import, work: Callable[[str], None], job: Task[..., None]
) -> HttpResponseBase:
    """Do the work with the reason of the form, a long one by a job, or say why nothing was changed."""
    form = ReasonForm(request.POST)
    if not form.is_valid():
        text = label_value(form["reason"].label, " ".join(map(str, form.errors["reason"])))
        return rejection_page(request, record, [text])
    reason = form.cleaned_data["reason"]
    if record.rows_read > jobs.MOST_ROWS:
        enqueue(job, about=jobs.subject(record), by=request.user, record=record.pk, reason=reason)
        return redirect(record)
    try:
        work(reason)
    except Conflict as exc:
        return rejection_page(request, record, exc.messages)
    except UnreadableFile as exc:
        return rejection_page(request, record, [str(exc.message)])
    return redirect(record)


def rejection_page(request: HttpRequest, record: Import, what: Sequence[str]) -> HttpResponse:
    """Return a page that says why nothing happened, with a link back."""
    context = page_context(request, _("Nothing was changed"), record=record, what=what)
    return TemplateResponse(request, "admin/imports/rejected.html", context, status=409)


@import_page
@require_POST
def import_again(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Check the same file again, against the current records."""
    record, kind = get_import(request, pk)
    if not record.can_be_checked_again:
        return rejection_page(request, record, [_("Only an import that is not confirmed can be checked again.")])
    if record.rows_read > jobs.MOST_ROWS:
        enqueue(jobs.check_file, about=jobs.subject(record), by=request.user, record=record.pk)
        return redirect(record)
    try:
        update_dry_run(record, repeat_dry_run(kind, record, by=request.user))
    except UnreadableFile as exc:
        return rejection_page(request, record, [str(exc.message)])
    return redirect(record)


# -- files ---------------------------------------------------------------------------------------------


@import_page
@require_safe
def import_workbook(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Return a workbook of the file's rows that says what is wrong, to be corrected and uploaded again."""
    record, _kind = get_import(request, pk)
    if not hasattr(record, "file"):
        raise Http404
    report = stored_report(record)
    with translation.override(report["language"]):
        content = annotated_file(record, report)
    stem = record.file_name.rpartition(".")[0] or record.file_name
    return xlsx_response(content, _("%(file)s checked") % {"file": stem})


@import_page
@require_safe
def import_template(request: HttpRequest, kind: str) -> HttpResponseBase:
    """Return an empty workbook of an importer."""
    wanted = allowed_importers(request).get(kind)
    if wanted is None:
        raise Http404
    stem = download_stem(request, _("%(kind)s template") % {"kind": capfirst(wanted.label)})
    return attachment_response(template_workbook(wanted, demo_notice_rows(request)), stem, "xlsx")


@import_page
@require_safe
def import_export(request: HttpRequest, kind: str, suffix: str) -> HttpResponseBase:
    """Export the records of a kind that the user may change, to be edited and imported again."""
    wanted = allowed_importers(request).get(kind)
    if wanted is None or suffix not in {"xlsx", "csv"}:
        raise Http404
    records: QuerySet[Model] = in_scope(request.user, wanted.export_queryset()).order_by("pk")
    make = export_workbook if suffix == "xlsx" else export_csv
    stem = download_stem(request, f"{capfirst(wanted.label)}-{today()}")
    return make(wanted, records, stem=stem, notice=demo_notice_rows(request))


def attachment_response(content: bytes, stem: str, suffix: str) -> HttpResponse:
    kind = XLSX_MEDIA_TYPE if suffix == "xlsx" else "text/csv"
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = content_disposition(stem, suffix)
    return response
