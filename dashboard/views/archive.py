"""Archive of briefs: one ZIP file of those of all provinces or all pilots, made as a background job."""

from __future__ import annotations

from django import forms
from django.contrib.auth.decorators import login_required
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from core.http.demo_mode import download_stem
from core.http.request import TrackerRequest
from core.jobs.queue import enqueue
from core.pages import Page, page_view
from dashboard.briefs.build import BriefKind
from dashboard.briefs.writers.files import WRITERS, offered_writers


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
    """Show the form, or let the archive of the day and language of the address be made."""
    form = ArchiveForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return Page(
            _("Briefs of all in one file"),
            context=lambda: {"form": form, "pdf": "pdf" in offered_writers()},
        )
    kind, export, as_of = form.cleaned_data["kind"], form.cleaned_data["file"], request.as_of
    stem = download_stem(request, f"briefs-{kind}-{as_of}")
    job = enqueue(
        "briefs",
        owner=request.user,
        key=f"{request.user.pk}-{stem}-{export}-{get_language()}",
        kind=kind,
        export=export,
        as_of=str(as_of),
        site=request.build_absolute_uri("/").removesuffix("/"),
        name=f"{stem}.zip",
    )
    return redirect(job)
