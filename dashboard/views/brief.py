"""Briefs: the page of one, and the page where a subject is chosen."""

from datetime import timedelta

from django import forms
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.http import TrackerRequest
from core.pages import page
from core.tables import MAX_SEARCH_LENGTH, ChoiceFormField, FilterBar, url_with
from dashboard.briefs.build import SINCE, BriefKind, requested_brief, subject_groups
from dashboard.briefs.writers import brief_fields, brief_file, offered_files

# -- which brief -------------------------------------------------------------------------------------------


class BriefForm(forms.Form):
    """Filter of the subjects: by kind and by name."""

    q = forms.CharField(label=gettext_lazy("Search"), max_length=MAX_SEARCH_LENGTH, required=False)
    kind = ChoiceFormField(
        label=gettext_lazy("Kind"), choices=BriefKind.choices, required=False, empty_label=gettext_lazy("all")
    )


@page(*BriefForm.base_fields)
def brief_index(request: TrackerRequest) -> HttpResponseBase:
    """List the subjects of briefs by kind."""
    bar = FilterBar(request, BriefForm(request.GET))
    given = bar.form.cleaned_data
    groups = [
        group
        for group in subject_groups(request.as_of, given["q"])
        if group["subjects"] and given["kind"] in ("", group["kind"])
    ]
    count = sum(len(group["subjects"]) for group in groups)
    headline = ngettext("%(n)d brief of one page.", "%(n)d briefs of one page each.", count) % {"n": count}
    context = {"title": _("Briefs"), "finding": headline, "bar": bar, "groups": groups}
    return render(request, "dashboard/briefs/index.html", context)


# -- one brief ---------------------------------------------------------------------------------------------


@page(SINCE)
def brief_page(request: TrackerRequest, kind: str, slug: str = "") -> HttpResponseBase:
    """Show a brief, or send it as a file."""
    brief = requested_brief(request, kind, slug)
    export = request.GET.get("export")
    if export is not None:
        return brief_file(request, brief, export)
    return render(
        request,
        "dashboard/briefs/brief.html",
        {
            "title": brief["title"],
            "finding": brief["headline"] or brief["subtitle"],
            "brief": brief_fields(brief),
            "files": [
                {"label": label, "url": url_with(request, export=code)} for code, label in offered_files().items()
            ],
            "record": reverse(f"{kind}-detail", args=[slug]) if slug else reverse("overview"),
            "last_since": request.as_of - timedelta(1),
        },
    )
