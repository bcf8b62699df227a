"""Overview page."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Exists, OuterRef
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.errors import choice_error
from core.http import TrackerRequest
from core.pages import Export, Exports, chart_exports, export_response, figures_export, page
from core.tables import Chart, Column, make_table
from core.text import format_date, format_days, join_clauses, join_sentences, join_short, join_statements, label_value
from dashboard.briefs.build import (
    BY_HAND_MOVED,
    CLEARED,
    NEWLY_RED,
    NO_LONGER_RATED,
    classes_statement,
    held_up,
    moves_since,
    names_text,
    red_statement,
)
from dashboard.overview.services import (
    Overview,
    attention_table,
    overview_figures,
    overview_map,
    plan_sources,
    without_plan,
)
from pilots.analytics.coverage import Coverage
from pilots.analytics.progress import ATTENTION, BY_BATCH, BY_HAND, Progress, count_lights, quarter_end_before
from pilots.analytics.synergy import Synergy
from pilots.charts.cells import (
    arrow,
    by_hand_text,
    class_of,
    class_parts,
    class_text,
    name_beside,
    percent,
    pilot_column,
    pilots_url,
    reported_text,
    waiting_text,
)
from pilots.charts.coverage import coverage_chart, coverage_title
from pilots.charts.status import light_summary_chart
from pilots.follow_ups.tables import beside_pilot, follow_ups_url, may_open_follow_ups
from pilots.lights import Colour, ReportState
from pilots.metrics import CoControl
from pilots.models import FollowUp, Pilot, Reading
from pilots.models.reading import newest_accepted
from policies.charts import adoption_chart, certainty_text, months_after
from policies.models import Province, Source
from policies.rollout import POLICY_PARAMETER
from policies.tables import province_cell

SINCE = "since"
PERIODS = {"week": gettext_lazy("Week"), "month": gettext_lazy("Month"), "quarter": gettext_lazy("Quarter")}
ATTENTION_SHOWN, NAMED, OTHERS_SHOWN, OVERDUE_SHOWN, RISING_SHOWN = 6, 6, 6, 5, 30
RISING = (CoControl.POLLUTION_DOWN_CARBON_UP, CoControl.BOTH_UP)  # the classes of pilots whose carbon rises
Row = dict[str, Any]


@page(POLICY_PARAMETER, SINCE)
def overview(request: TrackerRequest) -> HttpResponseBase:
    """Show the overview of the programme; the lights only where enough pilots are rated."""
    value = Overview(request.as_of, request.GET.get(POLICY_PARAMETER))
    (period, since), charts, figures = compared_with(request), overview_charts(value), overview_figures(value)
    tables = {**figures_export(figures), **chart_exports(charts), **overview_tables(value, since, charts)}
    overdue = value.follow_ups.filter(is_overdue=True).order_by("current_due_on", "-opened_on", "-pk")
    title, headline = _("Overview"), overview_headline(value)
    return export_response(request, tables, title, headline) or render(
        request,
        "dashboard/overview.html",
        {
            "title": title,
            "finding": headline,
            "overview": value,
            "choice": value.choice,
            "figures": figures,
            "charts": charts,
            "periods": PERIODS,
            "period": period,
            "changes": changes_context(value, since),
            "attention": attention_context(value, may_open_follow_ups(request)),
            "reduced": reduced_context(value),
            "plans": without_plan(request, value.rollout),
            "industries": industry_bars(value.national_coverage),
            "outstanding": held_up(value.progress.outstanding, value.shared, NAMED),
            "overdue": {"rows": overdue[:OVERDUE_SHOWN], "url": follow_ups_url(overdue="true")},
        },
    )


# -- the finding -----------------------------------------------------------------------------------------


def overview_headline(value: Overview) -> str:
    """Return the headline: red lights and their change, pollution against carbon, the rollout, the days left.

    Where too few pilots are recorded, that comes first; where few are rated, it replaces the lights. A database without
    provinces has no records at all.
    """
    if not value.provinces:
        return _("No province, policy or pilot is on record yet.")
    text = entered_headline(value) if value.sparse or value.few_rated else ""
    if not value.few_rated:
        parts = filter(None, [red_statement(value.progress.strip), classes_statement(value.synergy)])
        text = join_sentences(text, join_clauses(parts) + _("."))
    rollout = value.rollout
    if rollout is None or rollout.issued is None:
        return text
    issued = ngettext(
        "%(issued)d of %(roster)d provinces has issued a plan",
        "%(issued)d of %(roster)d provinces have issued a plan",
        rollout.issued,
    ) % {"issued": rollout.issued, "roster": rollout.roster}
    issued = join_clauses(filter(None, [issued, certainty_text(rollout)]))
    return join_sentences(text, label_value(rollout.policy.short, issued) + _("."))


def entered_headline(value: Overview) -> str:
    """Return the sentence on announced pilots entered, those that report values, and what is missing."""
    entered, reports = value.all_kinds, value.progress.outstanding
    reported, waiting = reports.reported, waiting_text(reports)
    if entered.announced is None:
        text = ngettext("%(n)d pilot entered", "%(n)d pilots entered", entered.entered) % {"n": entered.entered}
    else:
        text = _("%(n)d of %(all)d pilots entered") % {"n": entered.entered, "all": entered.announced}
    reporting = ngettext("%(n)d reports values", "%(n)d report values", reported) % {"n": reported}
    told = [*([reporting] if reported else []), *([waiting] if waiting else [])]
    none = _("none reports values") if reports.owing else reported_text(reports)
    text = join_statements(text, join_short(told) or none)
    cities, parks = value.cities.to_enter or 0, value.parks.to_enter or 0
    missing = [
        *([ngettext("%(n)d city", "%(n)d cities", cities) % {"n": cities}] if cities else []),
        *([ngettext("%(n)d park", "%(n)d parks", parks) % {"n": parks}] if parks else []),
    ]
    if missing:
        text = join_clauses([text, label_value(_("missing"), join_short(missing))])
    return text + _(".")


# -- charts and tables -----------------------------------------------------------------------------------


def overview_charts(value: Overview) -> dict[str, Chart]:
    """Return the charts of the overview with their sources; lights and industries are of the latest batch."""
    outside = list(Province.objects.filter(in_roster=False))
    cited = Pilot.sources.through.objects.filter(pilot__batch__known_by__lte=value.as_of)
    sources = list(Source.objects.filter(pk__in=cited.values("source")))
    of_plans: list[Source] = []
    if value.rollout:
        own = Source.objects.filter(policy=value.rollout.policy)
        of_plans = list(dict.fromkeys([*own, *plan_sources(value.rollout.provinces)]))
    return {
        "map": overview_map(value, outside, list(dict.fromkeys([*of_plans, *sources]))),
        **({"adoption": adoption_chart(value.rollout, of_plans)} if value.rollout else {}),
        "coverage": coverage_chart(value.national_coverage, sources),
        "lights": light_summary_chart(value.progress, value.scope_text, sources, value.quarters, **value.batch_filter),
    }


def overview_tables(value: Overview, since: date, charts: Mapping[str, Chart]) -> Exports:
    """Return the lists in full: what changed, pilots that need attention, and those whose values are outstanding."""
    reports, sources = value.progress.outstanding, charts["lights"].sources
    changes: list[Column[Row]] = [
        Column("what", _("What happened"), itemgetter("label")),
        Column("n", _("Number"), itemgetter("n"), kind="integer"),
        Column("which", _("Which"), lambda row: join_short(row["names"]) or None),
        Column("more", _("Note"), lambda row: row["note"] or None),
    ]
    columns: list[Column[Any]] = [
        pilot_column(value.shared, lambda pilot: pilot),
        Column("kind", _("Kind"), lambda pilot: pilot.get_kind_display()),
        Column("province", _("Province"), lambda pilot: province_cell(pilot.province)),
        Column("year", _("Year"), lambda _pilot: str(reports.year)),
        Column("where", _("Held up"), lambda pilot: str(ReportState(pilot.light_outstanding).label)),
    ]
    scope = label_value(value.scope_text, reported_text(reports))
    if reports.owing:
        text = _("%(scope)s: values for %(year)d not accepted, first due on %(due)s, %(days)s ago")
        days = {"due": format_date(reports.due_on), "days": format_days(reports.days_late)}
        scope = text % {"scope": value.scope_text, "year": reports.year, **days}
    rows = reports.rows.select_related("batch", "province")
    title, changed, needed = changes_title(since), changes_scope_text(value), attention_headline(value.progress)
    return {
        "changes": Export(title, lambda: make_table(changes, changes_since(value, since)), (), changed, sources),
        "attention": Export(_("What needs attention"), lambda: attention_table(value), (), needed, sources),
        "outstanding": Export(_("Values outstanding"), lambda: make_table(columns, rows), (), scope, sources),
    }


# -- what needs attention --------------------------------------------------------------------------------


def attention_headline(progress: Progress) -> str:
    """Return the sentence on how many pilots need attention, or that nothing is known yet."""
    if count := progress.needing_attention:
        red, yellow = (progress.now.lights[colour] for colour in ATTENTION)
        numbers = {"n": count, "all": progress.n, "red": red, "yellow": yellow}
        return _("%(n)d of %(all)d pilots need attention: %(red)d red, %(yellow)d yellow") % numbers
    if not progress.now.rated:
        return _("Nothing to judge by yet: no pilot can be rated")
    return _("No pilot needs attention")


def attention_context(value: Overview, may_open: bool) -> Row:
    """Return the first pilots that need attention, with the class, and where the reader may open a follow-up."""
    rows = [
        {
            "status": status,
            "name": name_beside(value.shared, status.pilot),
            "arrows": [arrow(own.pollution_rate), arrow(own.carbon_rate)] if own else [],
            "class": class_text(own) if own else "",
            "open": None if status.open_follow_ups else beside_pilot(status, may_open),
            "days": (status.as_of - status.since).days if status.since else None,
        }
        for status in value.progress.attention(ATTENTION_SHOWN)
        for own in [class_of(status)]
    ]
    url = pilots_url(**value.batch_filter, sort="light")
    return {"rows": rows, "finding": attention_headline(value.progress), "url": url}


def reduced_context(value: Overview) -> Row:
    """Return how far pollution and carbon fall together, and the green pilots whose carbon rises."""
    green, by_hand = value.progress.lit.filter(light_colour=Colour.GREEN.value), dict[str, int]()
    if any(value.progress.now.by_hand.values()):
        by_hand = dict(green.filter(BY_HAND).values_list("light_computed").annotate(n=Count("pk")))
    n = sum(value.green_by_class[kind] for kind in RISING)
    rising = Synergy(green, value.as_of).classed(*RISING).order_by(*BY_BATCH).only("name_en", "name_zh") if n else ()
    return {
        "classes": class_parts(value.synergy.kinds),
        "green": value.progress.now.lights[Colour.GREEN],
        "by_hand": by_hand_text({colour: by_hand.get(colour.value, 0) for colour in Colour}),
        "n": n,
        "rising": rising[:RISING_SHOWN],
        "url": f"{reverse('synergy')}?{urlencode(value.batch_filter)}".removesuffix("?"),
    }


# -- what changed ----------------------------------------------------------------------------------------


def compared_with(request: TrackerRequest) -> tuple[str, date]:
    """Return the period of `?since=` and the day on which it began: a week, a month, or by default the time since the
    last quarter ended.
    """
    period, as_of = request.GET.get(SINCE, "quarter"), request.as_of
    if period not in PERIODS:
        raise choice_error(period, PERIODS, SINCE)
    if period == "quarter":
        return period, quarter_end_before(as_of)
    return period, as_of - timedelta(7) if period == "week" else months_after(as_of, -1)


def changes_scope_text(value: Overview) -> str:
    """Return of what the changes are: of the pilots and the plans that the overview counts, and of all follow-ups."""
    parts = [label_value(_("Pilots"), value.scope_text)]
    if value.rollout:
        parts.append(label_value(_("Plans"), value.rollout.policy.short))
    if value.follow_up_counts["all"]:
        parts.append(label_value(_("Follow-ups"), _("all")))
    return join_clauses(parts)


def changes_title(since: date) -> str:
    return _("What changed since %(day)s") % {"day": format_date(since, short=True)}


def changes_context(value: Overview, since: date) -> Row:
    """Return what changed since a day, and in one line what did not."""
    rows = changes_since(value, since, NAMED)
    return {
        "title": changes_title(since),
        "scope": changes_scope_text(value),
        "rows": [row for row in rows if row["n"] or row["note"]],
        "unchanged": join_clauses(row["label"] for row in rows if not (row["n"] or row["note"])),
    }


def changes_since(value: Overview, since: date, most: int | None = None) -> list[Row]:
    """Return what changed since a day, each with its number and the first names; pilots are those of the overview.

    The lights of both days are computed from the records as they stand. Of the newly red ones a note says how many are
    so because a value was accepted since: the others passed a day.
    """
    progress, period = value.progress, (since + timedelta(1), value.as_of)

    def of_pilots(label: str, keys: Sequence[int], note: str = "") -> Row:
        shown = [(pilots[key], name_beside(value.shared, pilots[key])) for key in keys[:most]]
        names = [name for _pilot, name in shown]
        return {"label": label, "n": len(keys), "names": names, "pilots": shown, "note": note}

    def of_others(label: str, names: Sequence[str], note: str = "", n: int = 0) -> Row:
        n, text = n or len(names), names_text(names, NAMED, n)
        return {"label": label, "n": n, "names": names, "text": text, "note": note}

    rows: list[Row] = []
    if not (value.few_rated and not progress.now.rated and not count_lights(progress.rows, since)[0].rated):
        moves, by_value = moves_since(progress, since)
        own = value.follow_ups.filter(pilot__in=progress.rows.values("pk")).with_cause(value.as_of)
        moves["again"] = list(own.filter(relapsed_on__gt=since).values_list("pilot", flat=True))
        pilots = Pilot.objects.select_related("batch").in_bulk({key for keys in moves.values() for key in keys[:most]})
        note = _("%(n)d of them by values accepted since") % {"n": by_value} if by_value else ""
        rows += [of_pilots(_("Newly red"), moves[NEWLY_RED], note), of_pilots(_("Red light cleared"), moves[CLEARED])]
        rare = {_("Red, now not rated"): NO_LONGER_RATED, _("Set by hand, or no longer"): BY_HAND_MOVED}
        rows += [of_pilots(label, moves[move]) for label, move in rare.items() if moves[move]]
        rows.append(of_pilots(_("Red again after clearing"), moves["again"]))
    if value.follow_up_counts["all"]:
        opened = FollowUp.objects.filter(opened_on__range=period).count()
        note = ngettext("%(n)d opened", "%(n)d opened", opened) % {"n": opened} if opened else ""
        closed = list(value.follow_ups.filter(closed_on__gt=since).values_list("number", flat=True))
        rows.append(of_others(_("Follow-ups closed"), closed, note))
    if value.rollout:
        rows.append(of_others(_("Plans issued"), [item.province.short for item in value.rollout.known_since(since)]))
        if repealed := [item.province.short for item in value.rollout.repealed_since(since)]:
            rows.append(of_others(_("Plans repealed, none in force"), repealed))
    # of quarters too, which lights do not read
    accepted = newest_accepted(value.as_of, Reading.objects.filter(accepted_on__range=period, pilot=OuterRef("pk")))
    reported = progress.rows.filter(Exists(accepted)).order_by(*BY_BATCH).select_related("batch")
    names = [name_beside(value.shared, pilot) for pilot in reported[:most]]
    rows.append(of_others(_("Pilots with values accepted"), names, n=reported.count()))
    return rows


# -- rollout and coverage --------------------------------------------------------------------------------


def coverage_finding(coverage: Coverage) -> str:
    """Return the title of the industries: the gaps by name, or why none is claimed."""
    names = [row.industry.name for row in coverage.gaps]
    if not (coverage.gap_judged and names):
        return coverage_title(coverage)
    text = ngettext("%(names)s has no pilot", "%(names)s have no pilot", len(names))
    return text % {"names": names_text(names)}


def industry_bars(coverage: Coverage) -> Row:
    """Return the priority industries, gaps first, and the others with most pilots, with what to say of them.

    Without a claim of gaps, an industry that no pilot names is left out.
    """
    most = max((row.pilots for row in coverage.industries), default=0) or 1
    shown = [row for row in coverage.industries if row.gap or row.pilots]
    first = sorted((row for row in shown if row.industry.priority), key=lambda row: (row.pilots, row.industry.pk))
    others = sorted((row for row in shown if not row.industry.priority), key=lambda row: (-row.pilots, row.industry.pk))
    bars = [{"row": row, "width": percent(row.pilots, most)} for row in [*first, *others[:OTHERS_SHOWN]]]
    return {"bars": bars, "finding": coverage_finding(coverage)}
