"""Pages of editions: the list, one edition with its files, and the steps that editors take on it."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from types import SimpleNamespace
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from core.errors import choice_error
from core.http import TrackerRequest
from core.jobs.queue import BUSY, enqueue, job_about
from core.pages import Export, Exports, export_response, page
from core.permissions import can_see_authors, can_view
from core.tables import Cell, Column, Table, make_table, status_cell
from core.text import format_date, format_number, format_part, join_clauses
from dashboard.editions import services
from dashboard.editions.services import (
    CheckItem,
    Item,
    build_checklist,
    content_of,
    difference_sentences,
    edition_title,
    figure_text,
)
from dashboard.jobs import approve_edition, subject
from dashboard.models import Edition, EditionState
from pilots.documents import file_response
from pilots.lights import RULE_PILOT


class NotesForm(forms.ModelForm):
    """Release notes of a draft."""

    class Meta:
        model = Edition
        fields = ["release_note_en", "release_note_zh"]
        widgets = {name: forms.Textarea(attrs={"rows": 5}) for name in fields}


# -- the list ------------------------------------------------------------------------------------------


@page(cached=False)
def edition_list(request: TrackerRequest) -> HttpResponseBase:
    """List the approved editions; editors see drafts and make new ones."""
    approved = list(Edition.objects.filter(state=EditionState.APPROVED))
    drafts = list(Edition.objects.exclude(state=EditionState.APPROVED)) if can_view(request.user, Edition) else []
    if approved:
        text = ngettext("%(n)d edition is approved", "%(n)d editions are approved", len(approved))
        newest = _("the newest is that of %(quarter)s") % {"quarter": approved[0].quarter}
        headline = join_clauses([text % {"n": len(approved)}, newest]) + _(".")
    else:
        headline = _("No edition is approved yet. An edition is what the records said at the end of a quarter, frozen.")
    tables: Exports = {"editions": Export(_("Editions"), lambda: editions_table(approved))} if approved else {}
    title = _("Editions")
    return export_response(request, tables, title, headline) or render(
        request,
        "dashboard/editions/list.html",
        {
            "title": title,
            "finding": headline,
            "table": editions_table(approved),
            "drafts": editions_table(drafts, drafts=True) if drafts else None,
            "quarters": services.offered_quarters() if services.may_edit(request.user) else [],
        },
    )


def editions_table(rows: Sequence[Edition], *, drafts: bool = False) -> Table:
    """Table of approved editions (day, approval, key numbers, package, checksum), or of drafts with their state."""

    def figure_of(edition: Edition, code: str) -> str:
        matching = next((figure for figure in edition.content["figures"] if figure["code"] == code), None)
        return figure_text(matching) if matching else _("no data")

    def package(edition: Edition) -> Cell:
        file = edition.files[0]
        return Cell(_("ZIP, %(size)s") % {"size": size_text(file["size"])}, url=file_url(edition, file["path"]))

    quarter: Column[Edition] = Column(
        "quarter", _("Quarter"), lambda item: Cell(item.quarter, url=item.get_absolute_url())
    )
    state: Column[Edition] = Column("state", _("State"), lambda item: status_cell(EditionState(item.state)))
    columns: list[Column[Edition]] = [
        Column("day", _("As of"), "as_of", kind="date"),
        Column("approved", _("Approved"), "approved_on", kind="date"),
        Column("plans", _("Provincial plans issued"), lambda item: figure_of(item, "plans")),
        Column("red", _("Red lights"), lambda item: figure_of(item, "light-red")),
        Column("package", _("Package"), package),
        Column("sha256", _("SHA-256 of the package")),
    ]
    return make_table([quarter, state] if drafts else [quarter, *columns], rows)


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
    try:
        return redirect(services.make_edition(request.POST.get("quarter", ""), by=request.user))
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


def approved_page(request: TrackerRequest, edition: Edition) -> HttpResponseBase:
    """Return the page of an approved edition."""
    content, day, approved = content_of(edition), format_date(edition.as_of), format_date(edition.approved_on)
    figures = {"label": _("Figure"), "value": _("Value"), "of": _("Out of"), "scope": _("Set")}
    changes = {"title": _("Table"), "before": _("Records before"), "now": _("Records now")}
    changes |= {"added": _("Added"), "removed": _("Removed"), "changed": _("Changed")}
    tables: Exports = {
        "figures": Export(_("Key figures"), lambda: item_table(content["figures"], figures)),
        "differences": Export(_("Difference to the edition before"), lambda: item_table(content["changes"], changes)),
        "files": Export(_("Files"), lambda: files_table(edition, content["files"])),
    }
    headline = _("What the records said of %(day)s, as known when it was approved on %(approved)s.") % {
        "day": day,
        "approved": approved,
    }
    data = [file for file in content["files"] if file["path"].startswith("data/")]
    warnings: list[Column[Item]] = [
        Column("label", _("Warning"), itemgetter("label")),
        Column("found", _("Found"), lambda item: format_part(item["count"], item["of"])),
    ]
    title = _("Edition %(quarter)s") % {"quarter": edition.quarter}
    return export_response(request, tables, title, headline) or render(
        request,
        "dashboard/editions/detail.html",
        {
            "title": title,
            "finding": headline,
            "edition": edition,
            "content": content,
            "figures": [
                {
                    "label": figure["label"],
                    "value": figure["value"],
                    "of": "" if figure["of"] is None else _("of %(n)d") % {"n": figure["of"]},
                    "note": figure["scope"],
                }
                for figure in content["figures"]
            ],
            "differences": difference_sentences(content),
            "files": files_table(edition, [file for file in content["files"] if file not in data]),
            "data_files": files_table(edition, data),
            "warnings": make_table(warnings, content["warnings"]) if content["warnings"] else None,
            "name": edition_title(edition),
            "other_rules": content.get("rules") != RULE_PILOT,
            "address": request.build_absolute_uri(edition.get_absolute_url()),
            "approved": approved,
            "people": can_see_authors(request.user, edition),
        },
    )


def item_table(items: Sequence[Item], labels: Mapping[str, str]) -> Table:
    """Return a table of items of an edition's content: numbers, but for what they are of."""
    texts = ("label", "scope", "title")
    columns: list[Column[Item]] = [
        Column(key, label, itemgetter(key), kind="text" if key in texts else "integer") for key, label in labels.items()
    ]
    return make_table(columns, items)


def files_table(edition: Edition, files: Any) -> Table:
    columns: list[Column[Item]] = [
        Column("path", _("File"), lambda item: Cell(item["path"], url=file_url(edition, item["path"]))),
        Column("size", _("Size"), lambda item: size_text(item["size"])),
        Column("sha256", _("SHA-256"), itemgetter("sha256")),
    ]
    return make_table(columns, files)


# -- a draft -------------------------------------------------------------------------------------------


def draft_page(request: TrackerRequest, edition: Edition, notes: NotesForm | None = None) -> HttpResponseBase:
    """Return the page of an edition that is not approved: checklist, notes and the steps that the user may take.

    Its status is 400 with faulty notes.
    """
    checklist, state = build_checklist(edition), EditionState(edition.state)
    edits, approves = services.may_edit(request.user), services.may_approve(request.user, edition)
    waits = state == EditionState.IN_REVIEW
    errors, warnings = (sum(item.count for item in items) for items in (checklist.errors, checklist.warnings))
    headline = join_clauses(
        [
            _("Not public"),
            ngettext("%(n)s error", "%(n)s errors", errors) % {"n": format_number(errors)},
            ngettext("%(n)s warning", "%(n)s warnings", warnings) % {"n": format_number(warnings)},
            _("as of %(day)s") % {"day": format_date(edition.as_of)},
        ]
    )
    columns: list[Column[CheckItem]] = [
        Column("label", _("What"), lambda item: Cell(item.name, url=item.url)),
        Column("found", _("Found"), lambda item: format_part(item.count, item.of)),
        Column("remedy", _("What to do")),
    ]
    return render(
        request,
        "dashboard/editions/detail.html",
        {
            "title": _("Edition %(quarter)s") % {"quarter": edition.quarter},
            "finding": headline,
            "edition": edition,
            "job": job_about(subject(edition)) if edits and waits else None,
            "state": state,
            "checklist": checklist,
            "errors": make_table(columns, checklist.errors) if checklist.errors else None,
            "warnings": make_table(columns, checklist.warnings) if checklist.warnings else None,
            "notes": notes or (NotesForm(instance=edition) if edits and state == EditionState.DRAFT else None),
            "may_edit": edits,
            "may_approve": waits and approves,
            "own": edits and waits and not approves,
            "people": can_see_authors(request.user, edition),
        },
        status=400 if notes else 200,
    )


STEPS: Mapping[str, tuple[Callable[..., object], Any]] = {
    "submit": (services.submit, gettext_lazy("The edition is submitted. Somebody else approves it.")),
    "return": (services.send_back, gettext_lazy("The edition is a draft again.")),
    "discard": (services.discard, gettext_lazy("The draft is deleted.")),
}
"""Steps of an edition beside its notes and its approval: what takes each, and what is said when it is taken."""


def take_step(request: TrackerRequest, edition: Edition) -> HttpResponseBase:
    """Take the step that was sent; what is against it is said on the page, and nothing is changed."""
    if not services.may_edit(request.user):
        raise PermissionDenied
    name, address = request.POST.get("step", ""), edition.get_absolute_url()
    try:
        if name == "notes":
            form = NotesForm(request.POST, instance=Edition(pk=edition.pk, quarter=edition.quarter))
            if edition.state == EditionState.DRAFT and not form.is_valid():
                return draft_page(request, edition, form)  # which shows again what was typed
            en, zh = (request.POST.get(field, "") for field in NotesForm.Meta.fields)
            services.write_notes(edition, by=request.user, en=en, zh=zh)
            messages.success(request, _("The release notes are saved."))
            return redirect(f"{address}#notes")
        if name == "approve":
            # Its package is built by a job; what is against it now is said at once.
            seen = request.POST.get("acknowledged", "")
            services.check_approver(edition, request.user)
            services.check_approvable(edition, build_checklist(edition), seen)
            told = {"quarter": edition.quarter, "seen": seen, "address": f"{settings.SITE_URL}{address}"}
            if not enqueue(approve_edition, about=subject(edition), by=request.user, **told):
                messages.warning(request, BUSY)
            return redirect(address)
        if name not in STEPS:
            raise choice_error(name, [*STEPS, "approve"])
        take, done = STEPS[name]
        take(edition, by=request.user, **({"reason": request.POST.get("reason", "")} if name == "return" else {}))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect(address)
    messages.success(request, done)
    return redirect("edition-list" if name == "discard" else address)


# -- files ---------------------------------------------------------------------------------------------


@require_safe
def edition_file(request: TrackerRequest, quarter: str, path: str) -> HttpResponseBase:
    """Return a file of an approved edition, with the bytes that it was approved with."""
    edition = edition_or_404(request, quarter)
    matching = next((file for file in edition.files if file["path"] == path), None)
    if matching is None:
        raise Http404
    name = path.rpartition("/")[2]
    sent: Any = SimpleNamespace(pk=edition.pk, file_size=matching["size"])
    sent.file_name = name if quarter in name else f"{quarter}-{name}"
    sent.media_type, sent.sha256 = matching["media_type"], matching["sha256"]
    return file_response(request, sent)
