"""Issued sheets: issuing one, and checking one by the number printed on it."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import Resolver404, resolve
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from core.history.entries import entry_columns
from core.http.request import TrackerRequest
from core.pages import Page, page_view
from core.web.list_pages import url_with
from core.web.tables import Column, make_table
from dashboard.briefs.addresses import record_path, requested_since
from dashboard.briefs.build import brief_path, build_brief
from dashboard.briefs.sheets import Difference, SheetCheck, issue_sheet, normal_id
from dashboard.briefs.writers.fields import brief_fields
from dashboard.briefs.writers.files import brief_file, offered_writers
from dashboard.briefs.writers.qr import qr_data_uri
from dashboard.models import IssuedSheet


@login_required
@require_POST
def issue(request: TrackerRequest) -> HttpResponseBase:
    """Issue the brief whose path the form names, for the days and the language of the address."""
    try:
        match = resolve(request.POST.get("path", ""))
    except Resolver404:
        raise Http404 from None
    if match.url_name not in {"brief", "brief-nation"}:
        raise Http404
    site = request.build_absolute_uri("/").removesuffix("/")
    language = get_language() or settings.LANGUAGE_CODE
    kind, slug = match.kwargs["kind"], match.kwargs.get("slug", "")
    try:
        brief = build_brief(kind, slug, request.as_of, request.known, requested_since(request), language, site)
    except ObjectDoesNotExist:
        raise Http404 from None
    return HttpResponseRedirect(issue_sheet(brief, request.user, site).get_absolute_url())


@page_view("check/index.html", {"id", "as_of", "lang"}, cached=False)
def check_index(request: TrackerRequest) -> Page | HttpResponseBase:
    """Ask for the number of a sheet, and lead to its page."""
    given = request.GET.get("id", "").strip()
    sheet = IssuedSheet.objects.filter(pk=normal_id(given)).first() if given else None
    if sheet:
        return HttpResponseRedirect(sheet.get_absolute_url())
    return Page(
        _("Check a printed sheet"),
        _("The number stands in the address beside the QR code of an issued sheet: ten letters and figures."),
        context=lambda: {"given": given[:40]},
    )


@page_view("check/sheet.html", {"export", "as_of", "lang"}, cached=False)
def sheet_page(request: TrackerRequest, number: str) -> Page | HttpResponseBase:
    """Show a sheet as issued, whether it is unchanged, and what of it would read otherwise today."""
    sheet = get_object_or_404(IssuedSheet.objects.select_related("issued_by"), pk=normal_id(number))
    if number != sheet.pk:
        return HttpResponseRedirect(sheet.get_absolute_url())
    check = SheetCheck(sheet, request.user)
    export = request.GET.get("export")
    if export is not None:
        if check.brief is None:
            raise Http404
        return brief_file(request, check.brief, export, sheet.pk)

    def context() -> dict[str, object]:
        return {
            "check": check,
            "sheet": sheet,
            "brief": brief_fields(check.brief) if check.brief else None,
            "qr": qr_data_uri(check.brief.address) if check.brief else "",
            "issuer": sheet.issued_by if check.shows_issuer else None,
            "files": [
                {"label": writer.label, "url": url_with(request, export=code)}
                for code, writer in offered_writers().items()
            ],
            "today_url": today_url(sheet),
            "record": record_path(sheet.kind, sheet.slug),
            "differences": make_table(difference_columns(), check.differences),
            "changes": make_table(entry_columns(authors=False), check.changes if check.differences else []),
        }

    return Page(_("Sheet %(number)s") % {"number": sheet.pk}, check_headline(check), context=context)


def today_url(sheet: IssuedSheet) -> str:
    """Return the address of the same brief for the same days, as made today."""
    days = {"as_of": sheet.as_of, "since": sheet.since, "lang": sheet.language}
    return f"{brief_path(sheet.kind, sheet.slug)}?{urlencode({key: value for key, value in days.items() if value})}"


def difference_columns() -> list[Column[Difference]]:
    return [
        Column("block", _("Part"), lambda item: item.block or _("Head")),
        Column("label", _("Text")),
        Column("old", _("On the sheet"), lambda item: item.old or _("not on it")),
        Column("new", _("Today"), lambda item: item.new or _("no longer")),
    ]


def check_headline(check: SheetCheck) -> str:
    """Return the result in one sentence: whether it is unchanged, and how many texts would read otherwise today."""
    if not check.intact:
        return _("The checksum does not match: what is stored is not what was issued. Do not rely on it.")
    if check.brief_today is None:
        return _("Unchanged since it was issued. Its subject is no longer on record for that day.")
    count = len(check.differences)
    if not count:
        return _("Unchanged since it was issued, and it would read the same today.")
    text = ngettext(
        "Unchanged since it was issued; %(n)d of its %(of)d texts would read otherwise today.",
        "Unchanged since it was issued; %(n)d of its %(of)d texts would read otherwise today.",
        count,
    )
    return text % {"n": count, "of": check.count}
