"""Pages of evidence files: the list, one document, its file, attaching and removing."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from core.http import TrackerRequest
from core.pages import DAY_PARAMETERS, Export, export_response, page, private_page
from core.permissions import can_see_authors
from core.tables import ListPage, reject_unknown_params
from pilots.documents import can_attach, can_read, file_response, may_remove, readable, record_link, remove
from pilots.filters import DocumentFilter
from pilots.forms.documents import AttachForm, RemoveForm
from pilots.models import Attachment, Document
from pilots.models.document import ATTACHABLE
from pilots.tables import document_columns, document_page_columns


@private_page
@page(*DocumentFilter.base_filters, cached=False)
def document_list(request: TrackerRequest) -> HttpResponseBase:
    """List the documents that the editor may read."""
    if not request.user.is_staff:
        raise PermissionDenied
    rows = readable(request.user, Document.objects.select_related("province"))
    live = Count("attachments", filter=Q(attachments__removed_on__isnull=True))
    filterset = DocumentFilter(request.GET, queryset=rows.annotate(uses=live), request=request)
    listing = ListPage(
        request,
        slug="documents",
        filterset=filterset,
        columns=document_columns(),
        page_columns=document_page_columns(),
        visible_filters=("q", "media_type", "is_public"),
        sort="-uploaded",
        total=rows.count(),
        empty=_("No file matches these filters."),
    )
    title = _("Evidence files")
    tables = {"documents": Export(title, listing.whole, listing.chips)}
    headline = _("Each file is kept once, under the checksum of its bytes, and can be attached to many records.")
    return export_response(request, tables, title, headline) or render(
        request, "pilots/documents/list.html", {"title": title, "finding": headline, "listing": listing}
    )


def readable_document(request: TrackerRequest, pk: int) -> Document:
    """Return the document. Raises Http404 for one that does not exist, or that the user may not read."""
    documents = readable(request.user, Document.objects.select_related("province", "uploaded_by"))
    return get_object_or_404(documents, pk=pk)


@cache_control(no_store=True, private=True)
@page(known=DAY_PARAMETERS, cached=False)
def document_detail(request: TrackerRequest, pk: int) -> HttpResponseBase:
    """Show one document: what it is, its checksum, and where it is attached."""
    document, user = readable_document(request, pk), request.user
    parent = [{"url": "document-list", "label": _("Evidence files")}] if user.is_staff else []  # a list for editors
    uses = document.attachments.on(request.as_of).select_related(
        *("reading__pilot", "reading__indicator", "milestone__pilot", "stage_entry__pilot"),
        *("follow_up_step__follow_up", "document", "attached_by"),
    )
    return render(
        request,
        "pilots/documents/detail.html",
        {
            "title": document.title,
            "finding": document.doc_number,
            "document": document,
            "crumbs": [*parent, {"label": document.title}],
            "uses": [
                {
                    "item": item,
                    **record_link(item.target),
                    "author": item.attached_by if can_see_authors(user, item) else None,
                    "may_remove": user.is_staff and may_remove(user, item.target),
                }
                for item in uses
            ],
            "author": document.uploaded_by if can_see_authors(user, document) else None,
        },
    )


@require_safe
def document_download(request: TrackerRequest, pk: int) -> HttpResponseBase:
    """Send the file itself, to be saved and never to be run: as an attachment, sandboxed, with its checksum as ETag."""
    reject_unknown_params(request, {"as_of", "known", "lang"})
    return file_response(request, readable_document(request, pk))


@private_page
def attach_document(request: TrackerRequest) -> HttpResponse:
    """Attach a new file, or one that is here, to a record."""
    # `to` names the record, as reading:12
    name, _colon, key = request.GET.get("to", "").partition(":")
    if name not in ATTACHABLE or not (key.isascii() and key.isdigit() and len(key) < 19):
        raise Http404
    target = get_object_or_404(ATTACHABLE[name], pk=int(key))
    if not can_attach(request.user, target):
        raise Http404
    words = request.GET.get("q", "")
    form = AttachForm(request.POST or None, request.FILES or None, user=request.user, target=target, words=words)
    place = record_link(target)
    if form.enter() and not form.offered:
        messages.success(request, _("The file is attached."))
        return HttpResponseRedirect(place["url"])
    context = {"title": _("Attach a file"), "form": form, "words": words, "crumbs": [place]}
    context |= {"label": place["label"], "back": place["url"]}
    if form.offered and can_read(request.user, form.offered):
        context["same"] = form.offered
    status = 409 if form.offered else 400 if request.method == "POST" else 200
    return render(request, "pilots/documents/attach.html", context, status=status)


@private_page
def remove_attachment(request: TrackerRequest, pk: int) -> HttpResponse:
    """Remove an attachment, with the reason."""
    item = get_object_or_404(Attachment.objects.select_related("document"), pk=pk, removed_on__isnull=True)
    editor: Any = request.user
    if not may_remove(editor, item.target):
        raise Http404
    form = RemoveForm(request.POST or None)
    place = record_link(item.target)
    if request.method == "POST" and form.is_valid():
        remove(item, by=editor, reason=form.cleaned_data["removed_reason"])
        messages.success(request, _("The file is removed here. It stays in the history."))
        return HttpResponseRedirect(place["url"])
    context = {"title": _("Remove a file"), "form": form, "item": item, "label": place["label"], "back": place["url"]}
    return render(request, "pilots/documents/remove.html", context, status=400 if form.errors else 200)
