"""Records from spreadsheets: upload and dry run, confirmation, undo, the files to fill in, and all imports so far."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import get_language, ngettext, pgettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from config.asof import today
from config.demonstration import file_stem
from config.exports import XLSX, disposition
from config.reach import within
from config.sheets.grid import Unreadable
from config.words import labelled, listed, listed_long
from pilots.forms import ImportForm, ReasonForm
from pilots.imports import KINDS
from policies.imports.books import export_csv, export_workbook, template
from policies.imports.columns import READING_RULES
from policies.imports.files import findings, keep, keep_again, plan_again, read_plan, recognise, returned
from policies.imports.kinds import Kind
from policies.imports.plan import Plan, Work, finish, make_plan
from policies.imports.write import Overtaken, confirm, undo
from policies.models import Import, ImportState, home_of, reaches

ROWS, IMPORTS = 100, 20  # on a page
CELLS = 12  # named of an error that many cells have
LINES = "application/x-ndjson"
ACTIONS = {
    "error": pgettext_lazy("import", "error"),
    "create": pgettext_lazy("import", "new"),
    "update": pgettext_lazy("import", "changed"),
    "unchanged": pgettext_lazy("import", "unchanged"),
}


def steward(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A page of the admin for those who may import something."""

    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm("policies.add_import") or not kinds_of(request):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    guarded.__name__ = view.__name__
    return admin.site.admin_view(guarded)


def kinds_of(request: HttpRequest) -> dict[str, Kind]:
    """The kinds of records that this person may import."""
    return {name: kind for name, kind in KINDS.items() if kind.may_import(request.user)}


def page_context(request: HttpRequest, title: str, **more: Any) -> dict[str, Any]:
    return {**admin.site.each_context(request), "title": title, "subtitle": None, **more}


# -- long work -----------------------------------------------------------------------------------------


def answered(request: HttpRequest, work: Work[str], refused: Callable[[str], HttpResponse]) -> HttpResponseBase:
    """The answer to something long, whose result is an address.

    A script that asks for lines is told how far it is while it waits; any other browser waits for the page. Should the
    reader go away in the middle, the transaction ends with the request, and nothing is half done.
    """
    if request.accepts(LINES) and request.headers.get("Accept") == LINES:
        lines = StreamingHttpResponse(progress(work), content_type=LINES)
        lines["Content-Encoding"] = "identity"  # compressed, the lines would wait for one another
        lines["X-Accel-Buffering"] = "no"
        return lines
    try:
        return HttpResponseRedirect(finish(work))
    except Overtaken as exc:
        return refused("\n".join(exc.what))
    except Unreadable as exc:
        return refused(str(exc.message))


def progress(work: Work[str]) -> Iterator[str]:
    """One line each time something is done, and a last one that says where to go on, or why nothing happened."""
    try:
        while True:
            done, of = next(work)
            yield json.dumps({"done": done, "of": of}) + "\n"
    except StopIteration as end:
        yield json.dumps({"url": end.value}) + "\n"
    except Overtaken as exc:
        yield json.dumps({"refused": exc.what}) + "\n"
    except Unreadable as exc:
        yield json.dumps({"refused": [str(exc.message)]}) + "\n"


# -- pages ---------------------------------------------------------------------------------------------


@steward
def import_list(request: HttpRequest) -> HttpResponseBase:
    """Upload a file for its dry run; below, all imports so far."""
    kinds = kinds_of(request)
    form = ImportForm(request.POST or None, request.FILES or None, kinds=kinds)
    if request.method == "POST" and form.is_valid():

        def refused(message: str) -> HttpResponse:
            form.add_error("file", message)
            return list_page(request, form, kinds)

        return answered(request, checking(request, form), refused)
    return list_page(request, form, kinds)


def checking(request: HttpRequest, form: ImportForm) -> Work[str]:
    """The dry run of what was uploaded, kept; hands back its address."""
    chosen, upload = KINDS.get(form.cleaned_data["kind"]), form.cleaned_data["file"]
    content = upload.read()
    if chosen:
        plan = yield from read_plan(chosen, upload.name, content, by=request.user)
    else:
        kind, sheet = recognise(kinds_of(request).values(), upload.name, content)
        plan = yield from make_plan(kind, sheet, by=request.user)
    return keep(plan, name=upload.name, content=content, by=request.user).get_absolute_url()


def list_page(request: HttpRequest, form: ImportForm, kinds: dict[str, Kind]) -> HttpResponse:
    every = Import.objects.select_related("uploaded_by")
    own = every.filter(uploaded_by=request.user.pk) if home_of(request.user) else every
    page = paged(request, own, IMPORTS)
    for record in page:
        record.kind_label = capfirst(KINDS[record.kind].label)
    context = page_context(
        request, _("Import records"), form=form, kinds=kinds.values(), page=page, rules=READING_RULES
    )
    return TemplateResponse(request, "admin/imports/list.html", context)


def paged(request: HttpRequest, items: Any, size: int, word: str = "page") -> Page[Any]:
    return Paginator(items, size).get_page(request.GET.get(word))


@steward
@require_safe
def import_detail(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What the dry run found: what was read, every error, and what each good row would do."""
    record, kind = import_of(request, pk)
    found = report_in_words(request, record, kind)
    show = request.GET.get("show", "")
    page = paged(request, shown_rows(found, show), ROWS)
    for row in page:
        row["word"] = ACTIONS[row["action"]]
    context = page_context(
        request,
        str(record),
        record=record,
        kind=kind,
        found=found,
        verdict=verdict(record),
        others=listed_long(found["others"]),
        filled=listed(found["filled"]),
        headings=listed(heading for _place, heading in found["headings"]),
        actions=actions(found),
        show=show,
        faults=paged(request, grouped(found["faults"]), ROWS, "errors") if found["faults"] else None,
        page=page,
        form=ReasonForm(),
        may_undo=may_undo(request, record),
        written=record.created + record.updated,
    )
    return TemplateResponse(request, "admin/imports/detail.html", context)


def grouped(faults: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The errors, those that say the same of the same value in one column as one, with all their cells."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for fault in faults:
        groups.setdefault((fault["column"], fault["value"], fault["message"]), []).append(fault["cell"])
    return [
        {"column": column, "value": value, "message": message, "cells": cells[:CELLS], "more": len(cells[CELLS:])}
        for (column, value, message), cells in groups.items()
    ]


def verdict(record: Import) -> str:
    """In one sentence how the import stands."""
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


def actions(found: dict[str, Any]) -> list[dict[str, Any]]:
    """How many rows do what, each with the word that shows only these."""
    count = Counter(row["action"] for row in found["rows"])
    return [{"code": code, "label": label, "count": count[code]} for code, label in ACTIONS.items()]


def import_of(request: HttpRequest, pk: int) -> tuple[Import, Kind]:
    """The import, with its kind. Raises Http404 where it is not theirs, or of a kind that they may not import."""
    record = get_object_or_404(Import.objects.select_related("file"), pk=pk)
    kind = kinds_of(request).get(record.kind)
    if kind is None or not reaches(request.user, record):
        raise Http404
    return record, kind


def report_in_words(request: HttpRequest, record: Import, kind: Kind) -> dict[str, Any]:
    """The findings in the reader's language; written in another one, they are found anew."""
    if not hasattr(record, "file"):
        return {"rows": [], "faults": [], "others": [], "filled": [], "headings": [], "expired": True}
    found: dict[str, Any] = record.file.report
    waiting = record.state in {ImportState.FAULTY, ImportState.CHECKED}
    if waiting and found["language"] != get_language():
        return findings(finish(plan_again(kind, record, by=request.user)))
    return found


def shown_rows(found: dict[str, Any], show: str) -> list[dict[str, Any]]:
    """The rows of one action, or those that do something."""
    if show in ACTIONS:
        return [row for row in found["rows"] if row["action"] == show]
    return [row for row in found["rows"] if row["action"] in {"create", "update"}]


def may_undo(request: HttpRequest, record: Import) -> bool:
    """Who brought it in may undo it, and whoever has the right to undo what others did.

    Undoing takes away what was created: where the reach ends at a province it is a right of its own.
    """
    if home_of(request.user):
        return bool(request.user.has_perm("policies.undo_import", record))
    return record.confirmed_by_id == request.user.pk or request.user.has_perm("policies.undo_import")


# -- what is done --------------------------------------------------------------------------------------


@steward
@require_POST
def import_confirm(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Write it all, or nothing."""
    record, kind = import_of(request, pk)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return refusal(request, record, wrong_reason(form))
    reason = form.cleaned_data["reason"]

    def work() -> Work[str]:
        def replan(kept: Import) -> Work[Plan]:
            return (yield from plan_again(kind, kept, by=request.user))

        done = yield from confirm(record, replan, by=request.user, reason=reason)
        count = done.created + done.updated
        text = ngettext("Confirmed: %(count)d record written.", "Confirmed: %(count)d records written.", count)
        messages.success(request, text % {"count": count})
        return done.get_absolute_url()

    return answered(request, work(), lambda text: refusal(request, record, text))


@steward
@require_POST
def import_undo(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Set back every record that it wrote, or none."""
    record, _kind = import_of(request, pk)
    if not may_undo(request, record):
        raise PermissionDenied
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return refusal(request, record, wrong_reason(form))
    reason = form.cleaned_data["reason"]

    def work() -> Work[str]:
        done = yield from undo(record, by=request.user, reason=reason)
        messages.success(request, _("Undone: every record stands as it stood before the import."))
        return done.get_absolute_url()

    return answered(request, work(), lambda text: refusal(request, record, text))


def wrong_reason(form: ReasonForm) -> str:
    return labelled(form["reason"].label, " ".join(map(str, form.errors["reason"])))


def refusal(request: HttpRequest, record: Import, text: str) -> HttpResponse:
    """Why nothing happened, on a page of its own that leads back."""
    context = page_context(request, _("Nothing was changed"), record=record, what=text.split("\n"))
    return TemplateResponse(request, "admin/imports/refused.html", context, status=409)


@steward
@require_POST
def import_again(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The same file checked against the records as they are now."""
    record, kind = import_of(request, pk)
    if record.state not in {ImportState.FAULTY, ImportState.CHECKED} or not hasattr(record, "file"):
        return refusal(request, record, _("Only an import that is not confirmed can be checked again."))

    def work() -> Work[str]:
        plan = yield from plan_again(kind, record, by=request.user)
        keep_again(record, plan)
        return record.get_absolute_url()

    return answered(request, work(), lambda text: refusal(request, record, text))


# -- files ---------------------------------------------------------------------------------------------


@steward
@require_safe
def import_workbook(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The reader's own file with what became of each row, to be corrected and uploaded again."""
    record, kind = import_of(request, pk)
    if not hasattr(record, "file"):
        raise Http404
    content = returned(record, report_in_words(request, record, kind))
    stem = record.file_name.rpartition(".")[0] or record.file_name
    return attached(content, _("%(file)s checked") % {"file": stem}, "xlsx" if record.form == "xlsx" else "csv")


@steward
@require_safe
def import_template(request: HttpRequest, kind: str) -> HttpResponseBase:
    """An empty workbook of a kind to fill in."""
    wanted = kinds_of(request).get(kind)
    if wanted is None:
        raise Http404
    stem = file_stem(request, _("%(kind)s template") % {"kind": capfirst(wanted.label)})
    return attached(template(wanted), stem, "xlsx")


@steward
@require_safe
def import_export(request: HttpRequest, kind: str, suffix: str) -> HttpResponseBase:
    """The records of a kind that this person may change, in the form in which they can be edited and imported again."""
    wanted = kinds_of(request).get(kind)
    if wanted is None or suffix not in {"xlsx", "csv"}:
        raise Http404
    records: QuerySet[Any] = within(request.user, wanted.records()).order_by("pk")
    make = export_workbook if suffix == "xlsx" else export_csv
    return make(wanted, records, stem=file_stem(request, f"{capfirst(wanted.label)}-{today()}"))


def attached(content: bytes, stem: str, suffix: str) -> HttpResponse:
    kind = XLSX if suffix == "xlsx" else "text/csv"
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = disposition(stem, suffix)
    return response
