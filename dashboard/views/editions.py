"""Pages of editions: the list, one edition with its files, and the steps that editors take on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from core.http.demo_mode import is_demonstration
from core.http.errors import BadRequest, ErrorDetail, truncate
from core.http.request import TrackerRequest
from core.jobs.queue import enqueue
from core.pages import Page, page_response, page_view
from core.permissions import can_see_authors, can_view
from core.spreadsheets.file_responses import content_disposition
from core.spreadsheets.page_exports import Export, Exports
from core.text.formatting import format_date, format_number
from core.text.joining import join_clauses
from core.web.list_pages import PAGE_PARAMETERS
from core.web.tables import Cell, Column, Table, make_table, status_cell
from dashboard.editions import services
from dashboard.editions.checklist import CheckItem, build_checklist
from dashboard.editions.citations import CITATIONS, citation_text, publication_of
from dashboard.editions.content import EditionContent, EditionFile, TableChange, content_of
from dashboard.editions.differences import difference_sentences, figure_text
from dashboard.editions.figures import EditionFigure
from dashboard.forms import NewEditionForm, NotesForm
from dashboard.models import Edition, EditionState
from pilots.documents.files import file_response

# -- the list ------------------------------------------------------------------------------------------


@page_view("editions/list.html", cached=False)
def edition_list(request: TrackerRequest) -> Page:
    """List the approved editions; editors see drafts and make new ones."""
    approved = list(Edition.objects.filter(state=EditionState.APPROVED))
    drafts = Edition.objects.exclude(state=EditionState.APPROVED) if can_view(request.user, Edition) else []
    form = NewEditionForm() if services.may_edit(request.user) else None

    def context() -> dict[str, object]:
        return {"table": editions_table(approved), "drafts": drafts_table(list(drafts)), "form": form}

    tables: Exports = {"editions": Export(_("Editions"), lambda: editions_table(approved))} if approved else {}
    return Page(_("Editions"), editions_headline(approved), tables, context)


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
        Column("day", _("As of"), lambda item: item.as_of, kind="date"),
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
        Column("sha256", _("SHA-256 of the package"), lambda item: item.sha256),
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


@page_view("editions/detail.html", {*PAGE_PARAMETERS}, cached=False)
def edition_detail(request: TrackerRequest, quarter: str) -> Page | HttpResponseBase:
    """Show one edition; a draft with its checklist and steps, to editors alone. A POST takes a step."""
    edition = edition_or_404(request, quarter)
    if request.method == "POST":
        return take_step(request, edition)
    return approved_page(request, edition) if edition.is_approved else draft_page(request, edition)


def page_address(request: TrackerRequest, edition: Edition) -> str:
    return request.build_absolute_uri(edition.get_absolute_url())


def approved_page(request: TrackerRequest, edition: Edition) -> Page | HttpResponseBase:
    """Return the page of an approved edition, or its citation as a file."""
    address, content = page_address(request, edition), content_of(edition)
    publication = publication_of(edition, address, demonstration=is_demonstration(request))
    asked = request.GET.get("export", "")
    if asked in CITATIONS:
        write, media_type = CITATIONS[asked]
        stem, _dot, suffix = asked.partition(".")
        disposition = content_disposition(f"{publication.stem}-{stem}", suffix)
        return HttpResponse(write(publication), content_type=media_type, headers={"Content-Disposition": disposition})
    tables: Exports = {
        "figures": Export(_("Key figures"), lambda: figures_table(content.figures)),
        "differences": Export(_("Difference to the edition before"), lambda: changes_table(content)),
        "files": Export(_("Files"), lambda: files_table(edition, content.files)),
    }

    def context() -> dict[str, object]:
        return {
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
            "citation": citation_text(publication),
            "citations": list(CITATIONS),
            "people": can_see_authors(request.user, edition),
        }

    described = request.build_absolute_uri(file_url(edition, "datapackage.json"))
    links = f'<{address}>; rel="cite-as", <{described}>; rel="describedby"; type="application/json"'
    headline = _("What the records said of %(day)s, as known when it was approved on %(approved)s.") % {
        "day": format_date(edition.as_of),
        "approved": format_date(approval_day(edition)),
    }
    title = _("Edition %(quarter)s") % {"quarter": edition.quarter}
    return Page(title, headline, tables, context, headers={"Link": links})


def figures_table(figures: Any) -> Table:
    columns: list[Column[EditionFigure]] = [
        Column("figure", _("Figure"), lambda item: item.label),
        Column("value", _("Value"), lambda item: item.value, kind="integer"),
        Column("of", _("Out of"), lambda item: item.of, kind="integer"),
        Column("scope", _("Set"), lambda item: item.scope),
    ]
    return make_table(columns, figures)


def changes_table(content: EditionContent) -> Table:
    columns: list[Column[TableChange]] = [
        Column("title", _("Table"), lambda item: item.title),
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
        Column("label", _("Warning"), lambda item: item.label),
        Column("found", _("Found"), found_text),
    ]
    return make_table(columns, content.warnings)


def found_text(item: Any) -> str:
    return _("%(n)s of %(all)s") % {"n": format_number(item.count), "all": format_number(item.of)}


# -- a draft -------------------------------------------------------------------------------------------


def draft_page(request: TrackerRequest, edition: Edition, notes: NotesForm | None = None) -> Page:
    """Return the page of an edition that is not approved: checklist, notes and the steps that the user may take."""
    checklist, state = build_checklist(edition), EditionState(edition.state)
    edits = services.may_edit(request.user)

    def context() -> dict[str, object]:
        return {
            "edition": edition,
            "state": state,
            "checklist": checklist,
            "errors": checklist_table(checklist.errors),
            "warnings": checklist_table(checklist.warnings),
            "notes": notes or (NotesForm(instance=edition) if edits and state == EditionState.DRAFT else None),
            "may_edit": edits,
            "may_approve": state == EditionState.IN_REVIEW and services.may_approve(request.user, edition),
            "own": edits and state == EditionState.IN_REVIEW and not services.may_approve(request.user, edition),
            "people": can_see_authors(request.user, edition),
        }

    errors, warnings = (sum(item.count for item in items) for items in (checklist.errors, checklist.warnings))
    headline = join_clauses(
        [
            _("Not public"),
            ngettext("%(n)s error", "%(n)s errors", errors) % {"n": format_number(errors)},
            ngettext("%(n)s warning", "%(n)s warnings", warnings) % {"n": format_number(warnings)},
            _("as of %(day)s") % {"day": format_date(edition.as_of)},
        ]
    )
    return Page(_("Edition %(quarter)s") % {"quarter": edition.quarter}, headline, context=context)


def checklist_table(items: list[CheckItem]) -> Table | None:
    columns: list[Column[CheckItem]] = [
        Column("label", _("What"), lambda item: Cell(str(item.label), url=item.url)),
        Column("found", _("Found"), found_text),
        Column("remedy", _("What to do"), lambda item: str(item.remedy)),
    ]
    return make_table(columns, items) if items else None


@dataclass(frozen=True)
class Step:
    """A step of an edition: what takes it, and what is said when it is taken."""

    take: Callable[[TrackerRequest, Edition], object]
    done: Callable[[], str]


STEPS: Mapping[str, Step] = {
    "submit": Step(
        lambda request, edition: services.submit(edition, by=request.user),
        lambda: _("The edition is submitted. Somebody else approves it."),
    ),
    "return": Step(
        lambda request, edition: services.send_back(edition, by=request.user, reason=request.POST.get("reason", "")),
        lambda: _("The edition is a draft again."),
    ),
    "discard": Step(
        lambda request, edition: services.discard(edition, by=request.user), lambda: _("The draft is deleted.")
    ),
}


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
    try:
        STEPS[name].take(request, edition)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect(edition)
    messages.success(request, STEPS[name].done())
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
    address = page_address(request, edition)
    key = f"{request.user.pk}-{edition.quarter}"
    return redirect(
        enqueue("edition", owner=request.user, key=key, quarter=edition.quarter, seen=seen, address=address)
    )


def save_notes(request: TrackerRequest, edition: Edition) -> HttpResponseBase:
    """Save the release notes; with an error at a field the page shows again what was typed."""
    form = NotesForm(request.POST, instance=Edition(pk=edition.pk, quarter=edition.quarter))
    if edition.state == EditionState.DRAFT and not form.is_valid():
        response = page_response(request, "editions/detail.html", draft_page(request, edition, form))
        response.status_code = 400
        return response
    en, zh = (request.POST.get(name, "") for name in NotesForm.Meta.fields)
    try:
        services.write_notes(edition, by=request.user, en=en, zh=zh)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect(edition)
    messages.success(request, _("The release notes are saved."))
    return HttpResponseRedirect(f"{edition.get_absolute_url()}#notes")


# -- files ---------------------------------------------------------------------------------------------


@dataclass
class DownloadFile:
    """File of an approved edition, as a response sends it."""

    pk: int
    file_name: str
    file_size: int
    media_type: str
    sha256: str
    is_public: bool = True


@require_safe
def edition_file(request: TrackerRequest, quarter: str, path: str) -> HttpResponseBase:
    """Return a file of an approved edition, with the bytes that it was approved with."""
    edition = edition_or_404(request, quarter)
    found = (
        next((file for file in content_of(edition).files if file.path == path), None) if edition.is_approved else None
    )
    if found is None:
        raise Http404
    name = found.path.rpartition("/")[2]
    if not name.startswith(quarter) and quarter not in name:
        name = f"{quarter}-{name}"
    return file_response(request, DownloadFile(edition.pk, name, found.size, found.media_type, found.sha256))
