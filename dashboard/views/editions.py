"""Pages of editions: the list, one edition with its files, and the steps that editors take on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from core.http.errors import BadRequest, ErrorDetail, truncate
from core.http.request import TrackerRequest, is_demonstration
from core.jobs.queue import enqueue, job_about
from core.pages import Export, Exports, export_response, page
from core.permissions import can_see_authors, can_view
from core.text.formatting import format_date, format_number, format_part, join_clauses
from core.web.tables import Cell, Column, Table, make_table, status_cell
from dashboard.editions import services
from dashboard.editions.checklist import CheckItem, build_checklist
from dashboard.editions.content import EditionContent, EditionFile, TableChange, content_of
from dashboard.editions.differences import difference_sentences, figure_text
from dashboard.editions.figures import EditionFigure
from dashboard.editions.package import edition_title
from dashboard.forms import NewEditionForm, NotesForm
from dashboard.jobs import approve_edition, subject
from dashboard.models import Edition, EditionState
from pilots.documents.files import file_response

# -- the list ------------------------------------------------------------------------------------------


@page(cached=False)
def edition_list(request: TrackerRequest) -> HttpResponseBase:
    """List the approved editions; editors see drafts and make new ones."""
    approved = list(Edition.objects.filter(state=EditionState.APPROVED))
    drafts = Edition.objects.exclude(state=EditionState.APPROVED) if can_view(request.user, Edition) else []
    form = NewEditionForm() if services.may_edit(request.user) else None

    tables: Exports = {"editions": Export(_("Editions"), lambda: editions_table(approved))} if approved else {}
    title, headline = _("Editions"), editions_headline(approved)
    return export_response(request, tables, title, headline) or render(
        request,
        "editions/list.html",
        {
            "title": title,
            "finding": headline,
            "table": editions_table(approved),
            "drafts": drafts_table(list(drafts)),
            "form": form,
        },
    )


def editions_headline(approved: list[Edition]) -> str:
    if not approved:
        return _("No edition is approved yet. An edition is what the records said at the end of a quarter, frozen.")
    text = ngettext("%(n)d edition is approved", "%(n)d editions are approved", len(approved)) % {"n": len(approved)}
    newest = _("the newest is that of %(quarter)s") % {"quarter": approved[0].quarter}
    return join_clauses([text, newest]) + _(".")


def editions_table(editions: list[Edition]) -> Table:
    """Table of approved editions: day, approval, three key numbers, package and checksum."""
    contents = {edition.pk: content_of(edition) for edition in editions}

    def figure_of(edition: Edition, code: str) -> str:
        found = next((figure for figure in contents[edition.pk].figures if figure.code == code), None)
        return figure_text(found) if found else _("no data")

    columns: list[Column[Edition]] = [
        Column("quarter", _("Quarter"), lambda item: Cell(item.quarter, url=item.get_absolute_url())),
        Column("day", _("As of"), "as_of", kind="date"),
        Column("approved", _("Approved"), approval_day, kind="date"),
        Column("plans", _("Provincial plans issued"), lambda item: figure_of(item, "plans")),
        Column("red", _("Red lights"), lambda item: figure_of(item, "light-red")),
        Column(
            "package",
            _("Package"),
            lambda item: Cell(
                _("ZIP, %(size)s") % {"size": size_text(contents[item.pk].package.size)},
                url=file_url(item, contents[item.pk].package.path),
            ),
        ),
        Column("sha256", _("SHA-256 of the package")),
    ]
    return make_table(columns, editions)


def approval_day(edition: Edition) -> Any:
    return timezone.localdate(edition.approved_at) if edition.approved_at else None


def drafts_table(drafts: list[Edition]) -> Table | None:
    columns: list[Column[Edition]] = [
        Column("quarter", _("Quarter"), lambda item: Cell(item.quarter, url=item.get_absolute_url())),
        Column("state", _("State"), lambda item: status_cell(EditionState(item.state))),
    ]
    return make_table(columns, drafts) if drafts else None


def size_text(size: int) -> str:
    """Return a size in kB or MB."""
    if size < 1_000_000:
        return _("%(n)s kB") % {"n": format_number(max(1, round(size / 1000)))}
    return _("%(n)s MB") % {"n": format_number(round(size / 1_000_000, 1))}


def file_url(edition: Edition, path: str) -> str:
    return reverse("edition-file", args=[edition.quarter, path])


@login_required
@require_POST
def edition_new(request: TrackerRequest) -> HttpResponseBase:
    """Make the draft of a quarter."""
    form = NewEditionForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError([text for texts in form.errors.values() for text in texts])
        return redirect(services.make_edition(form.cleaned_data["quarter"], by=request.user))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("edition-list")


# -- one edition ---------------------------------------------------------------------------------------


def edition_or_404(request: TrackerRequest, quarter: str) -> Edition:
    """Return an edition that the reader may see: approved, or with the permission to view editions."""
    rows = Edition.objects.select_related("made_by", "submitted_by", "approved_by")
    edition = rows.filter(quarter=quarter).first()
    if edition is None or not (edition.is_approved or can_view(request.user, Edition)):
        raise Http404
    return edition


@page(cached=False)
def edition_detail(request: TrackerRequest, quarter: str) -> HttpResponseBase:
    """Show one edition; a draft with its checklist and steps, to editors alone. A POST takes a step."""
    edition = edition_or_404(request, quarter)
    if request.method == "POST":
        return take_step(request, edition)
    return approved_page(request, edition) if edition.is_approved else draft_page(request, edition)


def page_address(request: TrackerRequest, edition: Edition) -> str:
    return request.build_absolute_uri(edition.get_absolute_url())


def approved_page(request: TrackerRequest, edition: Edition) -> HttpResponseBase:
    """Return the page of an approved edition."""
    content = content_of(edition)
    tables: Exports = {
        "figures": Export(_("Key figures"), lambda: figures_table(content.figures)),
        "differences": Export(_("Difference to the edition before"), lambda: changes_table(content)),
        "files": Export(_("Files"), lambda: files_table(edition, content.files)),
    }

    headline = _("What the records said of %(day)s, as known when it was approved on %(approved)s.") % {
        "day": format_date(edition.as_of),
        "approved": format_date(approval_day(edition)),
    }
    title = _("Edition %(quarter)s") % {"quarter": edition.quarter}
    return export_response(request, tables, title, headline) or render(
        request,
        "editions/detail.html",
        {
            "title": title,
            "finding": headline,
            "edition": edition,
            "content": content,
            "figures": [
                {
                    "label": figure.label,
                    "value": figure.value,
                    "of": "" if figure.of is None else _("of %(n)d") % {"n": figure.of},
                    "note": figure.scope,
                }
                for figure in content.figures
            ],
            "differences": difference_sentences(content),
            "changes": changes_table(content) if content.changes else None,
            "files": files_table(edition, content.main_files),
            "data_files": files_table(edition, content.data_files),
            "warnings": warnings_table(content) if content.warnings else None,
            "citation": citation_text(request, edition),
            "people": can_see_authors(request.user, edition),
        },
    )


def citation_text(request: TrackerRequest, edition: Edition) -> str:
    """Return the citation in a sentence of the active language."""
    text = _("%(title)s, as of %(day)s. Approved on %(approved)s. %(address)s. SHA-256 of the package: %(sha256)s.")
    return text % {
        "title": edition_title(edition, demonstration=is_demonstration(request)),
        "day": format_date(edition.as_of),
        "approved": format_date(approval_day(edition)),
        "address": page_address(request, edition),
        "sha256": edition.sha256,
    }


def figures_table(figures: Any) -> Table:
    columns: list[Column[EditionFigure]] = [
        Column("figure", _("Figure"), "label"),
        Column("value", _("Value"), kind="integer"),
        Column("of", _("Out of"), kind="integer"),
        Column("scope", _("Set")),
    ]
    return make_table(columns, figures)


def changes_table(content: EditionContent) -> Table:
    columns: list[Column[TableChange]] = [
        Column("title", _("Table")),
        Column("before", _("Records before"), kind="integer"),
        Column("now", _("Records now"), kind="integer"),
        Column("added", _("Added"), kind="integer"),
        Column("removed", _("Removed"), kind="integer"),
        Column("changed", _("Changed"), kind="integer"),
    ]
    return make_table(columns, content.changes)


def files_table(edition: Edition, files: Any) -> Table:
    columns: list[Column[EditionFile]] = [
        Column("path", _("File"), lambda item: Cell(item.path, url=file_url(edition, item.path))),
        Column("size", _("Size"), lambda item: size_text(item.size)),
        Column("sha256", _("SHA-256")),
    ]
    return make_table(columns, files)


def warnings_table(content: EditionContent) -> Table:
    columns: list[Column[Any]] = [
        Column("label", _("Warning")),
        Column("found", _("Found"), lambda item: format_part(item.count, item.of)),
    ]
    return make_table(columns, content.warnings)


# -- a draft -------------------------------------------------------------------------------------------


def draft_page(request: TrackerRequest, edition: Edition, notes: NotesForm | None = None) -> HttpResponseBase:
    """Return the page of an edition that is not approved: checklist, notes and the steps that the user may take.

    Its status is 400 with faulty notes.
    """
    checklist, state = build_checklist(edition), EditionState(edition.state)
    edits = services.may_edit(request.user)
    errors, warnings = (sum(item.count for item in items) for items in (checklist.errors, checklist.warnings))
    headline = join_clauses(
        [
            _("Not public"),
            ngettext("%(n)s error", "%(n)s errors", errors) % {"n": format_number(errors)},
            ngettext("%(n)s warning", "%(n)s warnings", warnings) % {"n": format_number(warnings)},
            _("as of %(day)s") % {"day": format_date(edition.as_of)},
        ]
    )
    title = _("Edition %(quarter)s") % {"quarter": edition.quarter}
    return render(
        request,
        "editions/detail.html",
        {
            "title": title,
            "finding": headline,
            "edition": edition,
            "job": job_about(subject(edition)) if edits and state == EditionState.IN_REVIEW else None,
            "state": state,
            "checklist": checklist,
            "errors": checklist_table(checklist.errors),
            "warnings": checklist_table(checklist.warnings),
            "notes": notes or (NotesForm(instance=edition) if edits and state == EditionState.DRAFT else None),
            "may_edit": edits,
            "may_approve": state == EditionState.IN_REVIEW and services.may_approve(request.user, edition),
            "own": edits and state == EditionState.IN_REVIEW and not services.may_approve(request.user, edition),
            "people": can_see_authors(request.user, edition),
        },
        status=400 if notes else 200,
    )


def checklist_table(items: list[CheckItem]) -> Table | None:
    columns: list[Column[CheckItem]] = [
        Column("label", _("What"), lambda item: Cell(str(item.label), url=item.url)),
        Column("found", _("Found"), lambda item: format_part(item.count, item.of)),
        Column("remedy", _("What to do"), lambda item: str(item.remedy)),
    ]
    return make_table(columns, items) if items else None


STEPS: Mapping[str, tuple[Callable[..., object], Any]] = {
    "submit": (services.submit, gettext_lazy("The edition is submitted. Somebody else approves it.")),
    "return": (services.send_back, gettext_lazy("The edition is a draft again.")),
    "discard": (services.discard, gettext_lazy("The draft is deleted.")),
}
"""The steps of an edition: what takes each, and what is said when it is taken."""


def take_step(request: TrackerRequest, edition: Edition) -> HttpResponseBase:
    """Take the step that was sent; what is against it is said on the page, and nothing is changed."""
    if not services.may_edit(request.user):
        raise PermissionDenied
    name = request.POST.get("step", "")
    if name == "notes":
        return save_notes(request, edition)
    if name == "approve":
        return enqueue_approval(request, edition)
    if name not in STEPS:
        text = _("There is no “%(value)s” here. Use one of: %(names)s.")
        names = ", ".join([*STEPS, "approve"])
        raise BadRequest(ErrorDetail("step", "invalid_choice", text % {"value": truncate(name), "names": names}))
    take, done = STEPS[name]
    reason = {"reason": request.POST.get("reason", "")} if name == "return" else {}
    try:
        take(edition, by=request.user, **reason)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect(edition)
    messages.success(request, done)
    return redirect("edition-list") if name == "discard" else redirect(edition)


def enqueue_approval(request: TrackerRequest, edition: Edition) -> HttpResponseBase:
    """Let the edition be approved as a job, which builds its package; what is against it now is said at once."""
    seen = request.POST.get("acknowledged", "")
    try:
        services.check_approver(edition, request.user)
        services.check_approvable(edition, build_checklist(edition), seen)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect(edition)
    told = {"quarter": edition.quarter, "seen": seen, "address": page_address(request, edition)}
    enqueue(approve_edition, about=subject(edition), by=request.user, **told)
    return redirect(edition)


def save_notes(request: TrackerRequest, edition: Edition) -> HttpResponseBase:
    """Save the release notes; with an error at a field the page shows again what was typed."""
    form = NotesForm(request.POST, instance=Edition(pk=edition.pk, quarter=edition.quarter))
    if edition.state == EditionState.DRAFT and not form.is_valid():
        return draft_page(request, edition, form)
    en, zh = (request.POST.get(name, "") for name in NotesForm.Meta.fields)
    try:
        services.write_notes(edition, by=request.user, en=en, zh=zh)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect(edition)
    messages.success(request, _("The release notes are saved."))
    return HttpResponseRedirect(f"{edition.get_absolute_url()}#notes")


# -- files ---------------------------------------------------------------------------------------------


@require_safe
def edition_file(request: TrackerRequest, quarter: str, path: str) -> HttpResponseBase:
    """Return a file of an approved edition, with the bytes that it was approved with."""
    edition = edition_or_404(request, quarter)
    files = content_of(edition).files if edition.is_approved else []
    found = next((file for file in files if file.path == path), None)
    if found is None:
        raise Http404
    name = found.path.rpartition("/")[2]
    if quarter not in name:
        name = f"{quarter}-{name}"
    sent: Any = SimpleNamespace(pk=edition.pk, file_name=name, file_size=found.size, is_public=True)
    sent.media_type, sent.sha256 = found.media_type, found.sha256
    return file_response(request, sent)
