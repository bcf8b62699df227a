"""Charts, key figures and headline of follow-ups, without calculations of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core.text.joining import join_clauses, join_sentences
from core.web.tables import Cell, Chart, Column, make_table
from pilots.charts.links import pilots_url
from pilots.follow_ups.analytics import FollowUpSummary, RedLights
from pilots.follow_ups.status_filter import CAUSED, CLEARED, OPEN_STATE, RELAPSED
from pilots.metrics.follow_up_states import RELAPSE_DAYS
from pilots.metrics.follow_ups import AgeBand, Share
from pilots.metrics.lights import Colour
from policies.charts.rollout import format_day
from policies.models import Source


def follow_ups_url(**filters: str) -> str:
    """Return the URL of the follow-ups that a number counts."""
    return f"{reverse('action-list')}?{urlencode(filters)}" if filters else reverse("action-list")


# -- the answer in words and figures ---------------------------------------------------------------------


def follow_ups_headline(summary: FollowUpSummary) -> str:
    """Return the sentence that answers whether what was assigned is done and whether the red lights are gone."""
    if not summary.total:
        return _("No follow-up was opened by %(day)s.") % {"day": format_day(summary.as_of)}
    text = ngettext(
        "%(closed)d of %(n)d follow-up is closed", "%(closed)d of %(n)d follow-ups are closed", summary.total
    ) % {"closed": summary.closed, "n": summary.total}
    still_open = _("%(open)d open, %(overdue)d of them overdue") % {"open": summary.open, "overdue": summary.overdue.n}
    text = join_clauses([text, still_open] if summary.open else [text, _("none is open")]) + _(".")
    return join_sentences(text, cleared_sentence(summary))


def cleared_sentence(summary: FollowUpSummary) -> str:
    """Return the sentence on the red lights behind the closed ones; empty without any."""
    red = summary.red
    if not red.closed:
        return ""
    text = ngettext(
        "Of %(n)d that was closed after a red light, %(cleared)d cleared it",
        "Of %(n)d that were closed after a red light, %(cleared)d cleared it",
        red.closed,
    ) % {"n": red.closed, "cleared": red.cleared}
    parts = [text]
    if red.still_red:
        parts.append(_("%(n)d still red") % {"n": red.still_red})
    if red.not_rated:
        parts.append(_("%(n)d not known") % {"n": red.not_rated})
    if red.relapsed:
        parts.append(_("%(n)d red again") % {"n": red.relapsed})
    return join_clauses(parts) + _(".")


def follow_up_figures(summary: FollowUpSummary) -> list[dict[str, object]]:
    """Return the five key figures, each with its denominator and day."""
    red, day = summary.red, _("on %(day)s") % {"day": format_day(summary.as_of)}
    not_known = ngettext("%(n)d not known, apart", "%(n)d not known, apart", red.not_rated) % {"n": red.not_rated}
    watched = _("%(n)d not yet watched for %(days)d days") % {"n": summary.not_watched_yet, "days": RELAPSE_DAYS}
    return [
        figure(_("Open"), Share(summary.open, summary.total), _("of %(n)d opened"), day, "follow-up", state=OPEN_STATE),
        figure(_("Overdue"), summary.overdue, _("of %(n)d open"), day, "overdue", overdue="true"),
        figure(
            _("Closed in time"),
            summary.closed_in_time,
            _("of %(n)d closed"),
            _("reported by the due date; closed by %(day)s") % {"day": format_day(summary.as_of)},
            "closed-in-time",
            state="closed",
        ),
        figure(
            _("Red light cleared"),
            summary.cleared,
            _("of %(n)d closed and rated"),
            not_known if red.not_rated else _("no longer red when closed"),
            "cleared",
            result=CLEARED,
        ),
        figure(
            _("Relapsed"),
            summary.relapsed,
            _("of %(n)d cleared"),
            watched if summary.not_watched_yet else _("red again within %(days)d days") % {"days": RELAPSE_DAYS},
            "relapsed",
            result=RELAPSED,
        ),
    ]


def to_verify_text(summary: FollowUpSummary) -> str:
    """Return the sentence on open follow-ups that are reported as done; empty without any."""
    if not summary.to_verify:
        return ""
    text = ngettext(
        "%(n)d of %(open)d open ones is reported as done and waits to be verified",
        "%(n)d of %(open)d open ones are reported as done and wait to be verified",
        summary.to_verify,
    )
    return text % {"n": summary.to_verify, "open": summary.open}


def figure(label: str, share: Share, of: str, note: str, definition: str, **filters: str) -> dict[str, object]:
    """Return one key figure, linked to the follow-ups that it counts; no value where nothing can be counted."""
    return {
        "label": label,
        "value": share.n if share.of else None,
        "of": of % {"n": share.of} if share.of else "",
        "note": note if share.of else _("none to count yet"),
        "url": follow_ups_url(**filters) + "#results" if share.n else "",
        "definition": definition,
    }


# -- from red to cleared ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class FlowStep:
    """One step of the flow: how many there are, and what they are made up of: three parts."""

    key: str
    label: str
    parts: Sequence[int]
    names: Sequence[str]
    text: str
    url: str = ""


def flow_steps(lights: RedLights, summary: FollowUpSummary) -> list[FlowStep]:
    """Return the steps from red lights to follow-ups, closed ones, and cleared ones."""
    red = summary.red
    kept = red.cleared - red.relapsed - summary.not_watched_yet
    of_all = _("%(n)d of %(all)d")
    return [
        FlowStep(
            "red",
            _("Red pilots on the day"),
            [lights.followed, 0, lights.red - lights.followed],
            [_("with an open follow-up"), "", _("without one")],
            of_all % {"n": lights.followed, "all": lights.red},
            pilots_url(light=Colour.RED.value),
        ),
        FlowStep(
            "opened",
            _("Opened for a red light"),
            [red.closed, red.open, red.withdrawn],
            [
                pgettext("of follow-ups", "closed"),
                pgettext("of follow-ups", "open"),
                pgettext("of follow-ups", "withdrawn"),
            ],
            of_all % {"n": red.closed, "all": red.opened},
            follow_ups_url(result=CAUSED),
        ),
        FlowStep(
            "closed",
            pgettext("step from red to cleared", "Closed"),
            [red.cleared, red.not_rated, red.still_red],
            [_("light cleared"), _("not known"), _("still red")],
            of_all % {"n": red.cleared, "all": red.closed},
            follow_ups_url(result=CLEARED),
        ),
        FlowStep(
            "cleared",
            pgettext("step from red to cleared", "Cleared"),
            [kept, summary.not_watched_yet, red.relapsed],
            [
                _("not red again within %(days)d days") % {"days": RELAPSE_DAYS},
                _("not yet watched for %(days)d days") % {"days": RELAPSE_DAYS},
                _("red again"),
            ],
            of_all % {"n": kept, "all": red.cleared},
            follow_ups_url(result=RELAPSED),
        ),
    ]


def flow_chart(lights: RedLights, summary: FollowUpSummary, sources: Sequence[Source] = ()) -> Chart:
    """Return the chart from red lights to cleared ones: one bar a step, each with what became of it."""
    steps = flow_steps(lights, summary)
    columns: list[Column[tuple[FlowStep, int]]] = [
        Column("step", _("Step"), lambda row: Cell(row[0].label, url=row[0].url)),
        Column("part", _("What became of it"), lambda row: row[0].names[row[1]]),
        Column("n", _("Number"), lambda row: row[0].parts[row[1]], kind="integer"),
        Column("of", _("of"), lambda row: sum(row[0].parts), kind="integer"),
    ]
    rows = [(step, at) for step in steps for at, name in enumerate(step.names) if name]
    return Chart(
        slug="red-to-cleared",
        kind="funnel",
        title=flow_title(lights, summary),
        subtitle=_(
            "All pilots in the programme and all follow-ups on record, as of %(day)s; lights of closed ones as on "
            "their closing day"
        )
        % {"day": format_day(summary.as_of)},
        table=make_table(columns, rows),
        api=reverse("api-followup"),
        data={
            "bars": [
                {
                    "label": step.label,
                    "parts": step.parts,
                    "texts": part_texts(step),
                    "text": step.text,
                    "url": step.url,
                }
                for step in steps
            ],
            "series": [_("done"), _("open or not known"), _("not done")],
            "stacked": True,
            "max": max(sum(step.parts) for step in steps),
            "labels": {"value": _("number of red pilots or follow-ups")},
            "legend": [
                {"key": "swatch series0", "label": _("followed up, closed, cleared, kept")},
                {"key": "swatch series1", "label": _("open, not known, or not watched long enough")},
                {"key": "swatch second", "label": _("without a follow-up, withdrawn, still red, red again")},
            ],
        },
        sources=sources,
        note=_(
            "The first bar counts pilots, the others follow-ups that a red light caused. Grey on the closing day is "
            "not known, and never counted as cleared."
        ),
    )


def part_texts(step: FlowStep) -> list[str]:
    """Return the text of each part, shown at the pointer."""
    return [f"{name} {n}" if name else str(n) for name, n in zip(step.names, step.parts, strict=True)]


def flow_title(lights: RedLights, summary: FollowUpSummary) -> str:
    """Return the headline: red pilots with an open follow-up, and how many were cleared."""
    if not lights.red:
        first = _("No pilot is red")
    else:
        first = ngettext(
            "%(n)d of %(red)d red pilot has an open follow-up",
            "%(n)d of %(red)d red pilots have an open follow-up",
            lights.red,
        ) % {"n": lights.followed, "red": lights.red}
    if not summary.cleared.of:
        return first
    second = _("%(n)d of %(all)d closed ones cleared the light")
    return join_clauses([first, second % {"n": summary.cleared.n, "all": summary.cleared.of}])


# -- ageing ----------------------------------------------------------------------------------------------


def ages_chart(summary: FollowUpSummary, sources: Sequence[Source] = ()) -> Chart:
    """Return the chart of open follow-ups by the days since they were opened, overdue ones set apart."""
    columns: list[Column[AgeBand]] = [
        Column("age", _("Days since the opening"), age_label),
        Column("open", _("Open"), "n", kind="integer"),
        Column("overdue", _("Overdue"), kind="integer"),
        Column("of", _("of all open"), lambda _band: summary.open, kind="integer"),
    ]
    old = sum(band.n for band in summary.ages if band.first > OLD_AFTER)
    return Chart(
        slug="ages",
        kind="funnel",
        title=_("%(n)d of %(all)d open follow-ups are older than %(days)d days")
        % {"n": old, "all": summary.open, "days": OLD_AFTER}
        if summary.open
        else _("No follow-up is open"),
        subtitle=_("Open follow-ups by days since the opening, as of %(day)s") % {"day": format_day(summary.as_of)},
        table=make_table(columns, summary.ages),
        api=reverse("api-followup"),
        data={
            "bars": [
                {
                    "label": age_label(band),
                    "parts": [band.n - band.overdue, band.overdue],
                    "text": _("%(n)d, %(overdue)d overdue") % {"n": band.n, "overdue": band.overdue},
                    "url": follow_ups_url(state=OPEN_STATE, sort="opened"),
                }
                for band in summary.ages
            ],
            "series": [_("not overdue"), _("overdue")],
            "stacked": True,
            "max": max((band.n for band in summary.ages), default=0),
            "labels": {"value": _("open follow-ups")},
            "legend": [
                {"key": "swatch series0", "label": _("not overdue, or reported and waiting to be verified")},
                {"key": "swatch second", "label": _("overdue")},
            ],
        },
        sources=sources,
        note=_("A follow-up that is reported as done waits to be verified, and is not overdue."),
    )


OLD_AFTER = 90  # days


def age_label(band: AgeBand) -> str:
    if band.last is None:
        return _("over %(days)d days") % {"days": band.first - 1}
    return _("%(first)d–%(last)d days") % {"first": band.first, "last": band.last}


def charts_of_follow_ups(lights: RedLights, summary: FollowUpSummary) -> Mapping[str, Chart]:
    """Return the charts of the page, by key of the template."""
    return {"flow": flow_chart(lights, summary), "ages": ages_chart(summary)}
