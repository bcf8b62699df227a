"""Charts, key figures and tables of follow-ups, and the open one beside a light, without calculations of their own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core import charts
from core.http import TrackerRequest
from core.tables import Cell, Chart, Column, Table, make_table, page_columns, record_cell, status_cell
from core.text import (
    format_date,
    format_days,
    is_chinese_active,
    join_clauses,
    join_sentences,
    join_short,
    label_value,
    lang_of,
)
from pilots.analytics.pilot_status import PilotStatus
from pilots.charts.cells import by_hand_text, pilots_url
from pilots.filters import CAUSED, CLEARED, OPEN_STATE, RELAPSED
from pilots.follow_ups.models import VERIFY_PERMISSION
from pilots.follow_ups.services import count_red_lights, share
from pilots.lights import Colour, Light, Subject
from pilots.metrics import RELAPSE_DAYS, FollowUpState
from pilots.models import Cause, FollowUp
from policies.tables import province_cell


def follow_ups_url(**filters: str) -> str:
    """Return the URL of the follow-ups that a number counts."""
    return reverse("follow-up-list", query=filters)


# -- the answer in words and figures ---------------------------------------------------------------------


def follow_ups_headline(numbers: Mapping[str, Any]) -> str:
    """Return the sentence that answers whether what was assigned is done and whether the red lights are gone."""
    total, still_open, red = numbers["total"], numbers["open"], numbers["red"]
    if not total:
        return _("No follow-up was opened by %(day)s.") % {"day": format_date(numbers["as_of"])}
    text = ngettext("%(closed)d of %(n)d follow-up is closed", "%(closed)d of %(n)d follow-ups are closed", total)
    words = _("%(open)d open, %(overdue)d of them overdue") if still_open else _("none is open")
    words %= {"open": still_open, "overdue": numbers["overdue"]["n"]}
    text = join_clauses([text % {"closed": numbers["closed"], "n": total}, words]) + _(".")
    if not red["closed"]:
        return text
    cleared = ngettext(
        "Of %(n)d that was closed after a red light, %(cleared)d cleared it",
        "Of %(n)d that were closed after a red light, %(cleared)d cleared it",
        red["closed"],
    ) % {"n": red["closed"], "cleared": red["cleared"]}
    others = [
        (_("%(n)d still red"), red["still_red"]),
        (_("%(n)d not known"), red["not_rated"]),
        (_("%(n)d red again"), red["relapsed"]),
    ]
    return join_sentences(text, join_clauses([cleared, *(word % {"n": n} for word, n in others if n)]) + _("."))


def follow_up_figures(numbers: Mapping[str, Any]) -> list[dict[str, object]]:
    """Return the five key figures, each with its denominator and day, linked to the follow-ups that it counts; no value
    where nothing can be counted.
    """
    day, days = {"day": format_date(numbers["as_of"])}, {"days": RELAPSE_DAYS}
    unknown, unwatched, on = numbers["red"]["not_rated"], numbers["not_watched_yet"], _("on %(day)s") % day
    in_time = _("reported by the due date; closed by %(day)s") % day
    rated, watched = _("no longer red when closed"), _("red again within %(days)d days") % days
    if unknown:
        rated = ngettext("%(n)d not known, apart", "%(n)d not known, apart", unknown) % {"n": unknown}
    if unwatched:
        watched = _("%(n)d not yet watched for %(days)d days") % {"n": unwatched, **days}
    still_open = share(numbers["open"], numbers["total"])
    closed, cleared = numbers["closed_in_time"], numbers["cleared"]
    figures: list[tuple[str, Mapping[str, Any], str, str, str, dict[str, str]]] = [
        (_("Open"), still_open, _("of %(n)d opened"), on, "follow-up", {"state": OPEN_STATE}),
        (_("Overdue"), numbers["overdue"], _("of %(n)d open"), on, "overdue", {"overdue": "true"}),
        (_("Closed in time"), closed, _("of %(n)d closed"), in_time, "closed-in-time", {"state": "closed"}),
        (_("Red light cleared"), cleared, _("of %(n)d closed and rated"), rated, "cleared", {"result": CLEARED}),
        (_("Relapsed"), numbers["relapsed"], _("of %(n)d cleared"), watched, "relapsed", {"result": RELAPSED}),
    ]
    return [
        {
            "label": label,
            "value": part["n"] if part["of"] else None,
            "of": of % {"n": part["of"]} if part["of"] else "",
            "note": note if part["of"] else _("none to count yet"),
            "url": follow_ups_url(**filters) + "#results" if part["n"] else "",
            "definition": definition,
        }
        for label, part, of, note, definition, filters in figures
    ]


# -- from red to cleared ---------------------------------------------------------------------------------


def flow_chart(numbers: Mapping[str, Any]) -> Chart:
    """Return the chart from red lights to cleared ones: one bar a step, of three parts that say what became of it."""
    pilots, followed, by_hand = count_red_lights(numbers["as_of"])
    red, unwatched, days = numbers["red"], numbers["not_watched_yet"], {"days": RELAPSE_DAYS}
    steps: list[tuple[str, str, list[tuple[str, int]]]] = [
        (
            _("Red pilots on the day"),
            pilots_url(light=Colour.RED.value),
            [(_("with an open follow-up"), followed), ("", 0), (_("without one"), pilots - followed)],
        ),
        (
            _("Opened for a red light"),
            follow_ups_url(result=CAUSED),
            [
                (pgettext("of follow-ups", "closed"), red["closed"]),
                (pgettext("of follow-ups", "open"), red["open"]),
                (pgettext("of follow-ups", "withdrawn"), red["withdrawn"]),
            ],
        ),
        (
            pgettext("step from red to cleared", "Closed"),
            follow_ups_url(result=CLEARED),
            [
                (_("light cleared"), red["cleared"]),
                (_("not known"), red["not_rated"]),
                (_("still red"), red["still_red"]),
            ],
        ),
        (
            pgettext("step from red to cleared", "Cleared"),
            follow_ups_url(result=RELAPSED),
            [
                (_("not red again within %(days)d days") % days, red["cleared"] - red["relapsed"] - unwatched),
                (_("not yet watched for %(days)d days") % days, unwatched),
                (_("red again"), red["relapsed"]),
            ],
        ),
    ]
    rows, bars = [], []
    for label, url, parts in steps:
        whole = sum(n for _name, n in parts)
        rows += [(Cell(label, url=url), name, n, whole) for name, n in parts if name]
        text = _("%(n)d of %(all)d") % {"n": parts[0][1], "all": whole}
        bars.append(charts.Bar(label, [n for _name, n in parts], text, url, [f"{name} {n}" for name, n in parts], text))
    columns: list[Column[tuple[Cell, str, int, int]]] = [
        Column("step", _("Step"), lambda row: row[0]),
        Column("part", _("What became of it"), lambda row: row[1]),
        Column("n", _("Number"), lambda row: row[2], kind="integer"),
        Column("of", _("of"), lambda row: row[3], kind="integer"),
    ]
    scope = _(
        "All pilots in the programme and all follow-ups on record, as of %(day)s; lights of closed ones as on "
        "their closing day"
    )
    return Chart(
        slug="red-to-cleared",
        kind="bars",
        title=flow_title(pilots, followed, numbers["cleared"]),
        subtitle=join_clauses(filter(None, [scope % {"day": format_date(numbers["as_of"])}, by_hand_text(by_hand)])),
        table=make_table(columns, rows),
        api=reverse("api-followup"),
        data=charts.bars(
            bars, [(_("done"), "--accent"), (_("open or not known"), "--s3"), (_("not done"), "--second")]
        ),
        legend=[
            ("swatch series0", _("followed up, closed, cleared, kept")),
            ("swatch series1", _("open, not known, or not watched long enough")),
            ("swatch second", _("without a follow-up, withdrawn, still red, red again")),
        ],
        note=_(
            "The first bar counts pilots, the others follow-ups that a red light caused. Grey on the closing day is "
            "not known, and a light set by hand changes nothing: neither is counted as cleared."
        ),
    )


def flow_title(red: int, followed: int, cleared: Mapping[str, Any]) -> str:
    """Return the headline: red pilots with an open follow-up, and how many were cleared."""
    if not red:
        first = _("No pilot is red")
    else:
        first = ngettext(
            "%(n)d of %(red)d red pilot has an open follow-up",
            "%(n)d of %(red)d red pilots have an open follow-up",
            red,
        ) % {"n": followed, "red": red}
    if not cleared["of"]:
        return first
    second = _("%(n)d of %(all)d closed ones cleared the light")
    return join_clauses([first, second % {"n": cleared["n"], "all": cleared["of"]}])


# -- tables ----------------------------------------------------------------------------------------------

RELATED = (
    *("pilot__batch", "province", "policy", "practice", "owner_agency"),
    *("cause_target__indicator", "cause_milestone"),
)
"""What a table of follow-ups shows of other records."""


def cause_url(follow_up: FollowUp) -> str:
    """Return the URL of the item on the pilot's page whose light is the cause."""
    page = follow_up.pilot.get_absolute_url() if follow_up.pilot else ""
    item: Any = follow_up.cause_target or follow_up.cause_milestone
    return f"{page}{item.anchor}" if item else page


def cause_text(follow_up: FollowUp) -> str:
    """Return what caused it: nothing, or the light of the pilot, of a milestone, or of a target with kind and year."""
    label, target, milestone = follow_up.get_cause_display(), follow_up.cause_target, follow_up.cause_milestone
    if target:
        words = [target.indicator.name, str(target.get_kind_display()).lower(), str(target.target_year)]
        return label_value(label, join_short(words))
    return label_value(label, milestone.name) if milestone else label


def result_text(follow_up: FollowUp) -> str:
    """Return what became of the red light that was the cause; empty while it is open or without one."""
    if not follow_up.closed_on or follow_up.cause_colour != Colour.RED:
        return ""
    if follow_up.cleared is None:
        return _("not known when closed")
    if not follow_up.cleared:
        return _("still red when closed")
    if follow_up.relapsed_on:
        return _("cleared, red again on %(day)s") % {"day": format_date(follow_up.relapsed_on)}
    return _("red light cleared")


def state_cell(follow_up: FollowUp) -> Cell:
    """Return the state with its colour; red and named where it is overdue."""
    if not follow_up.is_overdue:
        return status_cell(follow_up.current_state)
    return Cell(_("%(state)s, overdue") % {"state": follow_up.current_state.label}, tag=Colour.RED.colour)


def follow_up_columns() -> list[Column[FollowUp]]:
    """Return the columns of a list of follow-ups, which are `with_state` and `with_cause`."""

    def number_and_title(item: FollowUp) -> Cell:
        return Cell(str(item), url=item.get_absolute_url(), lang=item.name_lang)

    def agency(item: FollowUp) -> Cell:
        return Cell(item.owner_agency.name, lang=item.owner_agency.name_lang)

    def light_now(item: FollowUp) -> Cell:
        return status_cell(Colour(item.cause_colour_now), cause_url(item)) if item.cause_colour_now else Cell("")

    def light_then(item: FollowUp) -> Cell:
        return status_cell(Colour(item.cause_colour)) if item.cause_colour else Cell("")

    def province(item: FollowUp) -> Cell:
        return province_cell(item.province) if item.province else Cell("")

    by_province = "province_id" if is_chinese_active() else "province__slug"
    columns: list[Column[FollowUp]] = [
        Column("follow_up", _("Follow-up"), number_and_title, sort="number", sort_fields=["opened_on", "number"]),
        Column("status", _("State"), state_cell, sort="state", sort_fields=["state_order"]),
        Column(
            "late",
            _("Days late"),
            lambda item: item.days_late or "",
            kind="integer",
            sort="late",
            sort_fields=["urgency", "urgent_days"],
        ),
        Column("due", _("Due"), "current_due_on", kind="date", sort="due", sort_fields=["current_due_on"]),
        Column("subject", _("Subject"), lambda item: record_cell(item.subject) if item.subject else None),
        Column("agency", _("Responsible"), agency, sort="agency", sort_fields=["owner_agency__slug"]),
        Column("light", _("Light of the cause"), light_now),
        Column("result", _("What became of the light"), result_text),
        Column("opened", _("Opened"), "opened_on", kind="date", sort="opened", sort_fields=["opened_on"]),
        Column("kind", _("Kind"), lambda item: item.get_kind_display(), sort="kind", sort_fields=["kind"]),
        Column("province", _("Province"), province, sort="province", sort_fields=[by_province]),
    ]
    in_files: list[Column[FollowUp]] = [
        Column("meeting", _("Meeting"), lambda item: Cell(item.meeting, lang=lang_of(item.meeting))),
        Column("key", _("Key follow-up"), "is_key", kind="flag"),
        Column("cause", _("Cause"), cause_text),
        Column("light_then", _("Light at the opening"), light_then),
        Column("reason", _("Reason at the opening"), "cause_reason"),
        Column("first_due", _("First due on"), "due_on", kind="date"),
        Column("extended", _("Times extended"), "times_extended", kind="integer"),
        Column("signed", _("Signed for on"), "signed_on", kind="date"),
        Column("reported", _("Reported on"), "reported_on", kind="date"),
        Column("returned", _("Times returned"), "times_returned", kind="integer"),
        Column("closed", _("Closed on"), "closed_on", kind="date"),
        Column("in_time", _("Closed in time"), "closed_in_time", kind="flag"),
        Column("relapsed", _("Red again on"), "relapsed_on", kind="date"),
    ]
    return [*columns, *[replace(column, file_only=True) for column in in_files]]


def follow_up_page_columns() -> list[Column[FollowUp]]:
    """Return the columns of the page of follow-ups, whose rows have two lines."""

    def about(item: FollowUp) -> str:
        names = [item.subject and item.subject.name, item.province and item.province.short]
        return " · ".join(dict.fromkeys(filter(None, names)))

    def late(item: FollowUp) -> str:
        return _("%(days)s late") % {"days": format_days(item.days_late)} if item.is_overdue else ""

    below = {"follow_up": about, "status": None, "due": late}
    below |= dict.fromkeys(("agency", "light", "result", "opened"))
    return page_columns(follow_up_columns(), below, side="status", line="agency")


def follow_ups_table(rows: Iterable[FollowUp], without: Sequence[str]) -> Table:
    """Return the table of these follow-ups, without the columns that a page has no use for."""
    return make_table([column for column in follow_up_columns() if column.key not in without], rows)


# -- beside a light --------------------------------------------------------------------------------------


def may_open_follow_ups(request: TrackerRequest) -> bool:
    """Return whether a page offers the reader to open follow-ups.

    Pages of readers who are no staff are shared, so nothing on them depends on a permission.
    """
    user = request.user
    return user.is_staff and not request.as_of_past and user.has_perm(VERIFY_PERMISSION)


def beside_pilot(status: PilotStatus, may_open: bool, *, short: bool = False) -> Cell:
    """Return what stands beside the light of a pilot: its open follow-up that is due first, with its due date, or the
    link to open one, which files do not have. `short` is for the second line of a row.
    """
    own = status.open_follow_ups
    return open_link(own, short=short) if own else new_link(status, status.colour, may_open, cause=Cause.PILOT.value)


def beside_light(status: PilotStatus, light: Light, may_open: bool, *, short: bool = False) -> Cell:
    """Return what stands beside the light of a target or milestone, or of rectifying, whose cause is the pilot's."""
    record = light.record
    own = [
        item
        for item in status.open_follow_ups
        if item.cause and (item.cause_target_id, item.cause_milestone_id) == light.cause
    ]
    cause: dict[str, str] = {}
    if light.of == Subject.TARGET:
        cause = {"target": str(record.pk)}
    elif light.of == Subject.STAGE:
        cause = {"cause": Cause.PILOT.value}
    elif light.of == Subject.MILESTONE:
        cause = {"milestone": str(record.pk)}
    if own and cause:
        return open_link(own, short=short)
    return new_link(status, light.colour, may_open and bool(cause), **cause)


def new_link(status: PilotStatus, colour: Colour, may_open: bool, **cause: str) -> Cell:
    """Return the link that opens a follow-up for a red light; an empty cell for others."""
    if colour != Colour.RED or not may_open:
        return Cell("")
    url = reverse("follow-up-new", query={"pilot": status.pilot.slug, **cause})
    return Cell("", url=url, page_text=_("Open a follow-up"))


def open_link(own: Sequence[FollowUp], *, short: bool = False) -> Cell:
    """Return the link to the open follow-up that is due first, `follow-up 2026-017, due 3 December 2026`, and how many
    more there are; short for the second line of a row, where one that is overdue stands out.
    """
    first, more = own[0], len(own) - 1
    days = {"day": format_date(first.current_due_on), "on": format_date(first.current_due_on, short=True)}
    if first.state == FollowUpState.REPORTED:
        text = _("%(number)s, to be verified") if short else _("follow-up %(number)s, to be verified")
    elif first.is_overdue:
        text = _("%(number)s, %(n)d d overdue") if short else _("follow-up %(number)s, overdue since %(day)s")
    else:
        text = _("%(number)s, due %(on)s") if short else _("follow-up %(number)s, due %(day)s")
    text %= {"number": first.number, "n": first.days_late or 0, **days}
    if more:
        text = join_clauses([text, ngettext("%(n)d more", "%(n)d more", more) % {"n": more}])
    if short and first.is_overdue:
        text = format_html('<b class="rising">{}</b>', text)
    return Cell(text, url=first.get_absolute_url())
