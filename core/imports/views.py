"""Import pages: upload and dry run, confirmation, undo, templates and exports, and the list of imports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import get_language, ngettext, pgettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from core.http.as_of import today
from core.http.demo_mode import demo_notice_rows, download_stem
from core.http.progress import Progress, no_progress, progress_response, wants_progress
from core.imports import jobs
from core.imports.apply import ConflictError, confirm
from core.imports.dry_run import make_dry_run
from core.imports.files import (
    annotated_file,
    detect_importer,
    dry_run_report,
    repeat_dry_run,
    save_dry_run,
    select_sheet,
    update_dry_run,
)
from core.imports.forms import ImportForm, ReasonForm
from core.imports.importer import Importer
from core.imports.models import Import, ImportState
from core.imports.registry import KINDS
from core.imports.sheet.columns import READING_RULES
from core.imports.undo import undo
from core.imports.workbooks import export_csv, export_workbook, template_workbook
from core.permissions import can_access, editor_province, in_scope
from core.spreadsheets.file_responses import XLSX_MEDIA_TYPE, content_disposition
from core.spreadsheets.reading.cells import UnreadableFile
from core.text.joining import join_long, join_short, label_value

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


# -- long work -----------------------------------------------------------------------------------------


def run_with_progress(
    request: HttpRequest, work: Callable[[Progress], str], rejected: Callable[[str], HttpResponse]
) -> HttpResponseBase:
    """Run long work and redirect to the address that it returns; a script that asks for it gets lines of progress.

    If the client disconnects, the transaction is rolled back, and nothing is half done.
    """

    def last_line(progress: Progress) -> dict[str, object]:
        try:
            return {"url": work(progress)}
        except ConflictError as exc:
            return {"refused": exc.messages}
        except UnreadableFile as exc:
            return {"refused": [str(exc.message)]}

    if wants_progress(request):
        return progress_response(last_line)
    try:
        return HttpResponseRedirect(work(no_progress))
    except ConflictError as exc:
        return rejected("\n".join(exc.messages))
    except UnreadableFile as exc:
        return rejected(str(exc.message))


# -- pages ---------------------------------------------------------------------------------------------


@import_page
def import_list(request: HttpRequest) -> HttpResponseBase:
    """Upload a file for a dry run; below, list all imports."""
    kinds = allowed_importers(request)
    form = ImportForm(request.POST or None, request.FILES or None, kinds=kinds)
    if request.method == "POST" and form.is_valid():

        def rejected(message: str) -> HttpResponse:
            form.add_error("file", message)
            return list_page(request, form, kinds)

        return run_with_progress(request, partial(check_upload, request, form), rejected)
    return list_page(request, form, kinds)


def check_upload(request: HttpRequest, form: ImportForm, progress: Progress) -> str:
    """Make and store the dry run of the uploaded file; return its address, or that of the job which makes it."""
    chosen, upload = KINDS.get(form.cleaned_data["kind"]), form.cleaned_data["file"]
    content = upload.read()
    if chosen:
        kind, sheet = chosen, select_sheet(chosen, upload.name, content, None)
    else:
        kind, sheet = detect_importer(allowed_importers(request).values(), upload.name, content)
    if len(sheet.rows) > jobs.MOST_ROWS:
        return jobs.enqueue_check(kind, upload.name, content, sheet.name, by=request.user).get_absolute_url()
    plan = make_dry_run(kind, sheet, by=request.user, progress=progress)
    return save_dry_run(plan, name=upload.name, content=content, by=request.user).get_absolute_url()


def list_page(request: HttpRequest, form: ImportForm, kinds: dict[str, Importer]) -> HttpResponse:
    every = Import.objects.select_related("uploaded_by")
    own = every.filter(uploaded_by=request.user.pk) if editor_province(request.user) else every
    page = paginate(request, own, IMPORTS_PER_PAGE)
    for record in page:
        record.kind_label = capfirst(KINDS[record.kind].label)
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
    found = localized_report(request, record, kind)
    show = request.GET.get("show", "")
    page = paginate(request, shown_rows(found, show), ROWS_PER_PAGE)
    for row in page:
        row["word"] = ACTION_LABELS[row["action"]]
    context = page_context(
        request,
        str(record),
        record=record,
        kind=kind,
        found=found,
        verdict=state_summary(record),
        others=join_long(found["others"]),
        filled=join_short(found["filled"]),
        headings=join_short(heading for _place, heading in found["headings"]),
        actions=action_counts(found),
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


def action_counts(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the number of rows by action, each with the parameter that shows only these."""
    count = Counter(row["action"] for row in found["rows"])
    return [{"code": code, "label": label, "count": count[code]} for code, label in ACTION_LABELS.items()]


def get_import(request: HttpRequest, pk: int) -> tuple[Import, Importer]:
    """Return the import and its importer. Raises Http404 if the user may not see it, or may not import this kind."""
    record = get_object_or_404(Import.objects.select_related("file"), pk=pk)
    kind = allowed_importers(request).get(record.kind)
    if kind is None or not can_access(request.user, record):
        raise Http404
    return record, kind


def localized_report(request: HttpRequest, record: Import, kind: Importer) -> dict[str, Any]:
    """Return the report in the current language; a report in another language is made anew."""
    if not hasattr(record, "file"):
        return {"rows": [], "faults": [], "others": [], "filled": [], "headings": [], "expired": True}
    found: dict[str, object] = record.file.report
    waiting = record.state in {ImportState.FAULTY, ImportState.CHECKED}
    if waiting and found["language"] != get_language():
        return dry_run_report(repeat_dry_run(kind, record, by=request.user))
    return found


def shown_rows(found: dict[str, Any], show: str) -> list[dict[str, Any]]:
    """Return the rows of one action, or those that change something."""
    if show in ACTION_LABELS:
        return [row for row in found["rows"] if row["action"] == show]
    return [row for row in found["rows"] if row["action"] in {"create", "update"}]


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

    def work(reason: str, progress: Progress) -> str:
        if record.rows_read > jobs.MOST_ROWS:
            return jobs.enqueue_change("import-confirm", record, reason, by=request.user).get_absolute_url()
        done = confirm(kind, record, by=request.user, reason=reason, progress=progress)
        count = done.created + done.updated
        text = ngettext("Confirmed: %(count)d record written.", "Confirmed: %(count)d records written.", count)
        messages.success(request, text % {"count": count})
        return done.get_absolute_url()

    return run_with_reason(request, record, work)


@import_page
@require_POST
def import_undo(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Undo the import: restore every record or none."""
    record, _kind = get_import(request, pk)
    if not can_undo(request, record):
        raise PermissionDenied

    def work(reason: str, progress: Progress) -> str:
        if record.rows_read > jobs.MOST_ROWS:
            return jobs.enqueue_change("import-undo", record, reason, by=request.user).get_absolute_url()
        done = undo(record, by=request.user, reason=reason, progress=progress)
        messages.success(request, _("Undone: every record stands as it stood before the import."))
        return done.get_absolute_url()

    return run_with_reason(request, record, work)


def run_with_reason(request: HttpRequest, record: Import, work: Callable[[str, Progress], str]) -> HttpResponseBase:
    """Run long work with the reason of the form, or say why nothing was changed."""
    form, rejected = ReasonForm(request.POST), partial(rejection_page, request, record)
    if not form.is_valid():
        return rejected(label_value(form["reason"].label, " ".join(map(str, form.errors["reason"]))))
    return run_with_progress(request, partial(work, form.cleaned_data["reason"]), rejected)


def rejection_page(request: HttpRequest, record: Import, text: str) -> HttpResponse:
    """Return a page that says why nothing happened, with a link back."""
    context = page_context(request, _("Nothing was changed"), record=record, what=text.split("\n"))
    return TemplateResponse(request, "admin/imports/rejected.html", context, status=409)


@import_page
@require_POST
def import_again(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Check the same file again, against the current records."""
    record, kind = get_import(request, pk)
    if record.state not in {ImportState.FAULTY, ImportState.CHECKED} or not hasattr(record, "file"):
        return rejection_page(request, record, _("Only an import that is not confirmed can be checked again."))

    def work(progress: Progress) -> str:
        update_dry_run(record, repeat_dry_run(kind, record, by=request.user, progress=progress))
        return record.get_absolute_url()

    return run_with_progress(request, work, partial(rejection_page, request, record))


# -- files ---------------------------------------------------------------------------------------------


@import_page
@require_safe
def import_workbook(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Return the user's own file with the result of each row, to be corrected and uploaded again."""
    record, kind = get_import(request, pk)
    if not hasattr(record, "file"):
        raise Http404
    content = annotated_file(record, localized_report(request, record, kind))
    stem = record.file_name.rpartition(".")[0] or record.file_name
    return attachment_response(
        content, _("%(file)s checked") % {"file": stem}, "csv" if record.form == "csv" else "xlsx"
    )


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
