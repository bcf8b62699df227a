"""Archive of briefs: one ZIP file of those of all provinces or all pilots, made with a progress bar."""

from __future__ import annotations

import re

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from core.http.demo_mode import download_stem
from core.http.problems import error_response
from core.http.progress import Progress, no_progress, progress_response, wants_progress
from core.http.request import TrackerRequest
from core.pages import Page, page_view
from core.spreadsheets.file_responses import content_disposition
from dashboard.briefs.blocks import Brief
from dashboard.briefs.build import BriefKind, build_brief
from dashboard.briefs.writers.archive import open_archive, save_archive
from dashboard.briefs.writers.files import WRITERS, offered_writers
from pilots.models import Pilot
from policies.models import Province

ARCHIVE_NAME = re.compile(r"[0-9a-f]{32}\.zip")


class ArchiveForm(forms.Form):
    """Which briefs, as which files."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Briefs of"),
        choices=[
            (BriefKind.PROVINCE.value, gettext_lazy("all provinces")),
            (BriefKind.PILOT.value, gettext_lazy("all pilots")),
        ],
        widget=forms.RadioSelect,
    )
    file = forms.ChoiceField(label=gettext_lazy("File"), widget=forms.RadioSelect)

    def __init__(self, data: object = None) -> None:
        codes = [code for code in offered_writers() if code != "json"]
        super().__init__(data, initial={"kind": BriefKind.PROVINCE.value, "file": codes[0]})  # type: ignore[arg-type]
        self.fields["file"].choices = [(code, WRITERS[code].label) for code in codes]  # type: ignore[attr-defined]


@login_required
@page_view("briefs/archive.html", {"as_of", "lang"}, cached=False)
def archive_page(request: TrackerRequest) -> Page | HttpResponseBase:
    """Show the form, or make the archive of the day and language of the address."""
    form = ArchiveForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return Page(
            _("Briefs of all in one file"),
            context=lambda: {"form": form, "pdf": "pdf" in offered_writers()},
        )
    kind, as_of, known = form.cleaned_data["kind"], request.as_of, request.known
    language, site = get_language() or settings.LANGUAGE_CODE, request.build_absolute_uri("/").removesuffix("/")

    def work(progress: Progress) -> dict[str, object]:
        def build(slug: str) -> Brief:
            return build_brief(kind, slug, as_of, known, None, language, site)

        rows = Province.objects.roster() if kind == BriefKind.PROVINCE else Pilot.objects.known(as_of)
        name = save_archive([record.slug for record in rows], form.cleaned_data["file"], build, progress)
        return {"file": reverse("brief-archive-file", args=[f"briefs-{kind}-{as_of}", name])}

    if wants_progress(request):
        return progress_response(work)
    return HttpResponseRedirect(str(work(no_progress)["file"]))


@require_safe
@login_required
def archive_file(request: TrackerRequest, stem: str, name: str) -> HttpResponseBase:
    """Send an archive that was made within the last hour."""
    if not ARCHIVE_NAME.fullmatch(name):
        raise Http404
    try:
        file = open_archive(name)
    except FileNotFoundError:
        return error_response(request, 404, _("This file is kept for an hour only. Make it again."))
    response = FileResponse(file, content_type="application/zip")
    response["Content-Disposition"] = content_disposition(download_stem(request, stem), "zip")
    return response
