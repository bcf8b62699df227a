"""The overview: what a director opens on Monday."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.charts import Cell, Chart, Column, Table
from config.kept import kept_page
from config.lists import PAGE_WORDS, Export, Exports, chart_exports, check_words, exported, figures_export
from config.words import clauses, labelled, listed, sentences
from pilots.changes import Group, recent_changes
from pilots.charts import coverage_chart, overview_map, pilots_url, reconciliation_table
from pilots.charts.attention import attention_finding, attention_rows, attention_table
from pilots.charts.due import (
    on_track_finding,
    on_track_rows,
    on_track_table,
    outstanding_finding,
    outstanding_groups,
    outstanding_scope,
    outstanding_table,
)
from pilots.charts.names import names_in
from pilots.charts.progress import light_strip
from pilots.charts.stages import funnel_chart, longest_table, plan_lag_chart
from pilots.metrics import Colour, Reconciliation
from pilots.models import Batch
from pilots.overview import Overview, build_overview
from pilots.sentences import amount, carbon_text
from policies.charts import adoption_chart, day
from policies.models import Province, Source
from policies.rollout import POLICY_PARAMETER

ATTENTION_SHOWN = 8
CHANGES_IN_FILE = 50


@kept_page
def overview(request: HttpRequest) -> HttpResponseBase:
    """The whole programme on one page."""
    check_words(request, {*PAGE_WORDS, POLICY_PARAMETER})
    value = build_overview(request.as_of, request.GET.get(POLICY_PARAMETER))  # type: ignore[attr-defined]
    charts = overview_charts(value)
    finding, figures = overview_finding(value), overview_figures(value)
    file = exported(request, overview_exports(value, charts, figures), _("Overview"), finding)
    if file is not None:
        return file
    context = {
        "title": _("Overview"),
        "finding": finding,
        "overview": value,
        "choice": value.choice,
        "figures": figures,
        "charts": charts,
        "reconciliation": reconciliation_table(value.batches),
        "changes": recent_changes(value.as_of),
        **reasons_of(value),
        **({} if value.few_rated else this_week(value)),
    }
    return render(request, "overview.html", context)


def reasons_of(value: Overview) -> dict[str, Any]:
    """Who needs attention and why, the worst first."""
    progress = value.progress
    return {
        "reasons": attention_rows(attention_table(progress, most=ATTENTION_SHOWN)),
        "reasons_rest": max(0, progress.needing_attention - ATTENTION_SHOWN),
        "reasons_url": pilots_url(**filters_of(batch_of(value)), sort="light"),
        "attention_finding": attention_finding(progress),
    }


def this_week(value: Overview) -> dict[str, Any]:
    """Who is stuck, what is due and what was reduced: all that speaks of rated pilots."""
    progress, batch = value.progress, batch_of(value)
    return {
        "longest": longest_table(progress),
        "longest_url": pilots_url(**filters_of(batch), sort="-days"),
        "on_track": on_track_rows(progress),
        "on_track_finding": on_track_finding(progress, value.days_left),
        "outstanding": outstanding_groups(value.outstanding, names_in(progress)),
        "outstanding_finding": outstanding_finding(value.outstanding),
        "outstanding_scope": outstanding_scope(value.outstanding, scope_of(value)),
        "reduced": reduced_figures(value),
        "reduced_url": f"{reverse('synergy')}?batch={batch.slug}" if batch else reverse("synergy"),
        "scope": scope_of(value),
    }


def batch_of(value: Overview) -> Batch | None:
    """The batch that the lights and figures speak of."""
    return value.national.batch if value.national else None


def filters_of(batch: Batch | None) -> dict[str, str]:
    return {"batch": batch.slug} if batch else {}


def scope_of(value: Overview) -> str:
    batch = batch_of(value)
    return batch.label if batch else _("All pilots")


def overview_exports(value: Overview, charts: Mapping[str, Chart], figures: Sequence[Mapping[str, Any]]) -> Exports:
    """Everything the overview shows, for its files; what is ranked on it in full."""
    scope, sources = charts["lights"].subtitle, charts["lights"].sources
    progress = value.progress
    return {
        **figures_export(figures),
        **chart_exports(charts),
        "attention": Export(
            _("What needs attention"), lambda: attention_table(progress), (), attention_finding(progress), sources
        ),
        "longest": Export(_("Longest in one stage"), lambda: longest_table(progress), (), scope, sources),
        "on-track": Export(
            _("Binding targets by indicator"),
            lambda: on_track_table(progress),
            (),
            on_track_finding(progress, value.days_left),
            sources,
        ),
        "not-reported": Export(
            _("Who has not reported"),
            lambda: outstanding_table(value.outstanding, names_in(progress)),
            (),
            outstanding_scope(value.outstanding, scope_of(value)),
            sources,
        ),
        "reconciliation": Export(
            _("Announced against recorded"), lambda: reconciliation_table(value.batches), sources=sources
        ),
        "changes": Export(
            _("Recent changes to the records"), lambda: changes_table(recent_changes(value.as_of, CHANGES_IN_FILE))
        ),
    }


def changes_table(changes: Sequence[Group]) -> Table:
    """The groups of recent changes, one a row."""
    columns = [
        Column("when", _("When"), "date"),
        Column("what", _("Which")),
        Column("kind", _("Record")),
        Column("light", _("Light")),
        Column("told", _("What happened")),
    ]
    return Table(
        columns,
        [
            [
                Cell(change.when),
                Cell(change.what, url=change.url),
                Cell(change.kind or ""),
                Cell(" → ".join(str(colour.label) for colour in change.light or ())),
                Cell(change.text),
            ]
            for change in changes
        ],
    )


# -- the finding -----------------------------------------------------------------------------------------


def overview_finding(value: Overview) -> str:
    """What a director asks first: what is red and more than before, what is on the path; then the rollout.

    Where too little is recorded that comes first, and where few are rated it stands in place of the lights.
    """
    text = entered_finding(value) if value.sparse or value.few_rated else ""
    if not value.few_rated:
        text = sentences(
            text, sentences(lights_finding(value), on_track_finding(value.progress, value.days_left) + _("."))
        )
    return sentences(text, rollout_sentence(value))


def comma(first: str, second: str) -> str:
    """Two statements that belong together; the second may be empty."""
    return _("%(first)s, %(second)s") % {"first": first, "second": second} if second else first


def rollout_sentence(value: Overview) -> str:
    """How many provinces have issued a plan for the policy, which is named."""
    rollout = value.rollout
    if rollout is None or rollout.issued is None:
        return ""
    text = ngettext(
        "%(issued)d of %(roster)d provinces has issued a plan",
        "%(issued)d of %(roster)d provinces have issued a plan",
        rollout.issued,
    ) % {"issued": rollout.issued, "roster": rollout.roster}
    return labelled(rollout.policy.short, text) + _(".")


def entered_finding(value: Overview) -> str:
    """How many of the announced pilots are entered, how many of them report values, and what is missing."""
    entered, progress = value.all_kinds, value.progress
    if entered.announced is None:
        text = ngettext("%(n)d pilot entered", "%(n)d pilots entered", entered.entered) % {"n": entered.entered}
    else:
        text = _("%(n)d of %(all)d pilots entered") % {"n": entered.entered, "all": entered.announced}
    reporting = ngettext("%(n)d reports values", "%(n)d report values", progress.reported) % {"n": progress.reported}
    text = comma(text, reporting if progress.reported else _("none reports values"))
    missing = [
        ngettext("%(n)d city", "%(n)d cities", value.cities.to_enter or 0) % {"n": value.cities.to_enter or 0},
        ngettext("%(n)d park", "%(n)d parks", value.parks.to_enter or 0) % {"n": value.parks.to_enter or 0},
    ]
    absent = [words for words, numbers in zip(missing, (value.cities, value.parks), strict=True) if numbers.to_enter]
    if absent:
        text = clauses([text, labelled(_("missing"), listed(absent))])
    return text + _(".")


def lights_finding(value: Overview) -> str:
    """How many are red, whether that is more than at the end of the last quarter, and who has been for longest."""
    strip = value.progress.strip
    red, change = strip.now[Colour.RED], strip.change(Colour.RED)
    text = ngettext("%(red)d of %(n)d pilot is red", "%(red)d of %(n)d pilots are red", strip.n) % {
        "red": red,
        "n": strip.n,
    }
    numbers = {"n": abs(change), "day": day(strip.then_on)}
    if change > 0:
        than = _("%(n)d more than on %(day)s") % numbers
    elif change < 0:
        than = _("%(n)d fewer than on %(day)s") % numbers
    else:
        than = _("as many as on %(day)s") % numbers
    parts = [comma(text, than)]
    if red:
        worst = value.progress.attention(1)[0]
        parts.append(labelled(_("red for longest"), names_in(value.progress)[worst.pilot.pk]))
    return clauses(parts) + _(".")


# -- charts and figures ----------------------------------------------------------------------------------


def overview_charts(value: Overview) -> dict[str, Any]:
    """The charts of the overview with the sources of each."""
    outside = list(Province.objects.filter(in_roster=False))
    pilot_sources = list(Source.objects.filter(pilot__batch__known_by__lte=value.as_of).distinct())
    plan_sources: list[Source] = []
    if value.rollout:
        plans = [row.plan.pk for row in value.rollout.provinces if row.plan and row.counts]
        own = Source.objects.filter(policy=value.rollout.policy)
        plan_sources = list(dict.fromkeys([*own, *Source.objects.filter(provincialplan__in=plans).distinct()]))
    charts = {"map": overview_map(value, outside, list(dict.fromkeys([*plan_sources, *pilot_sources])))}
    if value.rollout:
        charts["adoption"] = adoption_chart(value.rollout, plan_sources)
    charts["coverage"] = coverage_chart(value.national_coverage, pilot_sources)
    return charts | progress_charts(value, pilot_sources)


def progress_charts(value: Overview, sources: list[Source]) -> dict[str, Any]:
    """Stages, lights and the way from list to plan, of the latest national batch."""
    scope, filters = scope_of(value), filters_of(batch_of(value))
    return {
        "lights": light_strip(value.progress, scope, sources, value.quarters, **filters),
        "funnel": funnel_chart(value.progress, scope, sources, **filters),
        "plan_lag": plan_lag_chart(value.progress, scope, sources, **filters),
    }


def overview_figures(value: Overview) -> list[dict[str, Any]]:
    """The five key figures, each with its denominator, the policy or batch it speaks of and the records behind it."""
    figures = [on_track_figure(value)] if value.progress.on_track.total else []
    batch = batch_of(value)
    if batch is not None:
        figures += [count_figure(value, batch, "city"), count_figure(value, batch, "park")]
    if value.rollout:
        figures.append(
            {
                "label": _("Provincial plans issued"),
                "value": value.rollout.issued,
                "of": _("of %(roster)d provinces") % {"roster": value.rollout.roster},
                "note": value.rollout.policy.short,
                "url": value.rollout.policy.get_absolute_url(),
                "definition": "rollout",
            }
        )
    if batch is not None and batch.term_end:
        figures.append(
            {
                "label": _("Days of the term left"),
                "value": max(0, value.days_left or 0),
                "of": _("days"),
                "note": _("%(batch)s, to %(day)s") % {"batch": batch.label, "day": day(batch.term_end)},
                "url": batch.get_absolute_url(),
            }
        )
    return figures


def on_track_figure(value: Overview) -> dict[str, Any]:
    found = value.progress.on_track
    unrated = ngettext("%(n)d not rated", "%(n)d not rated", found.unrated) % {"n": found.unrated}
    if found.few and found.total:
        unrated = _("%(rated)d of %(n)d rated: too few to say") % {"rated": found.rated, "n": found.total}
    return {
        "label": _("Binding targets on the path"),
        "value": None if found.few else found.on_path,
        "of": _("of %(n)d rated") % {"n": found.rated},
        "note": comma(scope_of(value), unrated),
        "url": "#on-track" if found.rated else pilots_url(**filters_of(batch_of(value))),
        "definition": "on-track",
    }


def count_figure(value: Overview, batch: Batch, kind: str) -> dict[str, Any]:
    """Pilots of a kind: recorded, of those announced."""
    numbers = value.cities if kind == "city" else value.parks
    inferred = _("%(n)d only inferred") % {"n": numbers.unverified} if numbers.unverified else ""
    return {
        "label": _("Pilot cities recorded") if kind == "city" else _("Pilot parks recorded"),
        "value": numbers.recorded,
        "of": _("of %(n)d announced") % {"n": numbers.announced} if numbers.announced is not None else "",
        "note": listed(part for part in (batch.label, left_text(numbers), inferred) if part),
        "url": pilots_url(batch=batch.slug, kind=kind),
        "definition": "recorded",
    }


def left_text(numbers: Reconciliation) -> str:
    """What separates recorded from announced where pilots have withdrawn; without one the difference says it."""
    if not numbers.withdrawn or numbers.to_enter is None:
        return ""
    return _("%(withdrawn)d withdrawn, %(to_enter)d to enter") % {
        "withdrawn": numbers.withdrawn,
        "to_enter": numbers.to_enter,
    }


def reduced_figures(value: Overview) -> list[dict[str, Any]]:
    """What the pilots have reduced together, each over how many of them."""
    carbon, air = value.synergy.carbon_total, value.synergy.apeq_total
    over = _("%(used)d of %(n)d pilots counted")
    return [
        {
            "label": _("CO₂ reduced"),
            "value": None if carbon.value is None else carbon_text(carbon.value),
            "of": "",
            "note": over % {"used": carbon.used, "n": carbon.possible},
        },
        {
            "label": _("Air pollutants reduced"),
            "value": None if air.value is None else amount(air.value),
            "of": _("thousand equivalents"),
            "note": over % {"used": air.used, "n": air.possible},
        },
    ]
