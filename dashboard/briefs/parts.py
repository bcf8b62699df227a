"""Parts of briefs: blocks, facts, lights of two days, what changed, what is red, what to ask, and sources.

A brief is the dictionary that its JSON file holds, independent of how it is written (page, PDF, DOCX, JSON), and so are
its blocks: `facts`, `lines` and `table` by their `type`. Every value is text, formatted in the brief's language: a
writer only sets it out. The numbers of lines below are those that fit on one page of A4. Numbers are those of the
analytics that pages and API use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, zip_longest
from typing import Any, Generic, NamedTuple

from django.db.models import QuerySet
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core.tables import Item
from core.text import (
    format_date,
    format_days,
    format_number,
    join_clauses,
    join_short,
    join_statements,
    label_value,
    no_data,
)
from dashboard.overview import plans_figure
from pilots.analytics.pilot_status import OnTrack, OutstandingReports, PilotStatus, ReportState
from pilots.charts.cells import distinct_pilot_names
from pilots.charts.follow_ups import open_link
from pilots.lights import Colour, count_by_colour
from pilots.models import FollowUp, Reading
from pilots.models.reading import VALUE_KEY_FIELDS, newest_accepted
from policies.models import Source
from policies.rollout import Rollout

Brief = dict[str, Any]
Block = dict[str, Any]
Line = dict[str, str]
MAX_LINES, MAX_SOURCES = 5, 4


class Days(NamedTuple):
    """Day that a brief describes, the day whose records it is made from, and the day with which it compares."""

    as_of: date
    known: date
    since: date


def fact(label: str, value: str, of: str = "", note: str = "") -> Line:
    """Return one number: `Pilots with a plan`, `41`, `of 64 pilots`, and a note such as the policy that it is about."""
    return {"label": label, "value": value, "of": of, "note": note}


def line(label: str, text: str = "", detail: str = "", status: str = "") -> Line:
    """Return one line of a list: what it is about, what is said of it, and detail such as the owner.

    `status` is the code of a light (red, yellow, green, grey) for a coloured mark beside the line, or empty. The mark
    repeats what the text says and is no text of its own.
    """
    return {"label": label, "text": text, "detail": detail, "status": status}


def facts(*items: Line) -> Block:
    """Return a row of facts."""
    return {"type": "facts", "title": "", "items": list(items)}


def lines(title: str, items: Sequence[Line], empty: str = "", most: int = MAX_LINES) -> Block:
    """Return a list of lines; `more` is the number left out, `empty` what is said where there is no line."""
    shown = list(items[:most])
    return {"type": "lines", "title": title, "items": shown, "more": len(items) - len(shown), "empty": empty}


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Block:
    """Return a table whose rows have a text for each column; `more` is the number of rows left out."""
    return {"type": "table", "title": title, "columns": list(columns), "rows": [list(row) for row in rows], "more": 0}


def shortened(brief: Brief, most: int) -> Brief:
    """Return the brief with at most so many lines or rows in each list, and sources; they say how many are left out."""
    blocks = []
    for block in brief["blocks"]:
        name = {"lines": "items", "table": "rows"}.get(block["type"])
        if name:
            left_out = max(0, len(block[name]) - most)
            block = {**block, name: block[name][:most], "more": block["more"] + left_out}  # noqa: PLW2901
        blocks.append(block)
    sources = brief["sources"]
    more = brief["more_sources"] + max(0, len(sources) - most)
    return {**brief, "blocks": blocks, "sources": sources[:most], "more_sources": more}


# -- texts beside the values -----------------------------------------------------------------------------


def brief_fields(brief: Brief) -> dict[str, Any]:
    """Return a brief for writers that fill a template: `more`, `more_sources` and the sources as texts, and the foot.

    The words beside the values (`and 7 more`, the heading of the sources, the foot) are in the brief's language.
    """
    with translation.override(brief["language"]):
        made = timezone.localtime(datetime.fromisoformat(brief["made_at"]))
        days = {_("As of"): brief["as_of"], _("As known on"): brief["known"], _("Compared with"): brief["since"]}
        foot = [
            *(label_value(label, format_date(date.fromisoformat(day))) for label, day in days.items() if day),
            label_value(_("Made on"), date_format(made, "DATETIME_FORMAT")),
            brief["address"],
            label_value(_("Demonstration data"), _("invented, not the real programme")) * brief["demonstration"],
        ]
        return {
            **brief,
            "blocks": [{**block, "more": more_text(block.get("more", 0))} for block in brief["blocks"]],
            "sources": [
                {"text": f"[{source['number']}] {source['text']}", "url": source["url"]} for source in brief["sources"]
            ],
            "more_sources": more_text(brief["more_sources"]),
            "sources_title": _("Sources"),
            "foot": [text for text in foot if text],
        }


def more_text(number: int) -> str:
    """Return `and 7 more` in the active language; empty for none."""
    return pgettext("lines left out", "and %(n)s more") % {"n": format_number(number)} if number else ""


MAX_QUESTIONS = 3
NAMES_ASKED, NAMES_TOLD = 3, 4  # on one line

# -- facts -------------------------------------------------------------------------------------------------


def share_fact(label: str, n: int | None, of: int | None, noun: str, note: str = "") -> Line:
    """Return a number with its whole, such as `of 64 pilots`; the whole is left out where it is not known."""
    return fact(label, format_number(n), "" if of is None else noun % {"n": format_number(of)}, note)


def reported_fact(reports: OutstandingReports) -> Line:
    """Return the pilots with an accepted value for the year due, of those that owe values."""
    label = _("Reported for %(year)d") % {"year": reports.year}
    if not reports.owing:
        return fact(label, no_data(), "", _("no pilot owes values yet"))
    return share_fact(label, reports.owing - reports.count, reports.owing, _("of %(n)s pilots"))


def on_path_fact(on_track: OnTrack) -> Line:
    """Return the binding targets on the path, of the rated ones; no value where too few are rated to say."""
    label = _("Binding targets on the path")
    if not on_track.total:
        return fact(label, no_data(), "", _("no binding target recorded"))
    if on_track.few:
        few = _("%(rated)d of %(n)d rated: too few to say") % {"rated": on_track.rated, "n": on_track.total}
        return fact(label, no_data(), "", few)
    unrated = ngettext("%(n)d not rated", "%(n)d not rated", on_track.unrated) % {"n": on_track.unrated}
    return share_fact(label, on_track.on_path, on_track.rated, _("of %(n)s rated"), unrated if on_track.unrated else "")


def plans_fact(rollout: Rollout | None) -> Line:
    """Return the provincial plans issued, of the provinces of the roster."""
    if rollout is None or rollout.issued is None:
        return fact(_("Provincial plans issued"), no_data(), "", _("no policy calls for them yet"))
    figure = plans_figure(rollout)
    return fact(figure["label"], format_number(figure["value"]), figure["of"], figure["note"])


# -- lights of two days ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lights(Generic[Item]):
    """Each pilot or item (in a brief its name), its colour on the day of comparison, and its colour on the day."""

    days: Days
    items: Sequence[tuple[Item, Colour, Colour]]

    @property
    def newly_red(self) -> list[Item]:
        return [name for name, then, now in self.items if now == Colour.RED != then]

    @property
    def cleared(self) -> list[Item]:
        """Those that were red then, and are rated now and no longer red."""
        return [name for name, then, now in self.items if then == Colour.RED and now not in {then, Colour.GREY}]

    @property
    def no_longer_rated(self) -> list[Item]:
        """Those that were red then and cannot be rated now."""
        return [name for name, then, now in self.items if then == Colour.RED and now == Colour.GREY]

    @property
    def is_unrated(self) -> bool:
        """Whether none of them is rated on either day."""
        return all(then == now == Colour.GREY for _name, then, now in self.items)

    def table(self, title: str) -> Block:
        """Return the counts by colour on the day and on the day of comparison, of the same records."""
        counts = {
            self.days.as_of: count_by_colour(now for _name, _then, now in self.items),
            self.days.since: count_by_colour(then for _name, then, _now in self.items),
        }
        # Only milestones are ever blue.
        shown = [colour for colour in Colour if colour != Colour.BLUE or any(n[colour] for n in counts.values())]
        columns = [_("Day"), *map(light_text, shown), _("All together")]
        rows = [
            [format_date(day), *(format_number(n[colour]) for colour in shown), format_number(len(self.items))]
            for day, n in counts.items()
        ]
        return table(title, columns, rows)

    def sentence(self) -> str:
        """Return the sentence on red pilots and whether they are more than on the day of comparison."""
        if not self.items:
            return _("No pilot is recorded.")
        if self.is_unrated:
            return _("No pilot can be rated yet.")
        red = sum(now == Colour.RED for _name, _then, now in self.items)
        red_then = sum(then == Colour.RED for _name, then, _now in self.items)
        return red_statement(red, len(self.items), red - red_then, self.days.since) + _(".")


def red_statement(red: int, n: int, change: int, since: date) -> str:
    """Return the statement on red pilots and whether they are more than on the day of comparison."""
    text = ngettext("%(red)d of %(n)d pilot is red", "%(red)d of %(n)d pilots are red", n) % {"red": red, "n": n}
    numbers = {"n": abs(change), "day": format_date(since)}
    if change > 0:
        than = _("%(n)d more than on %(day)s") % numbers
    elif change < 0:
        than = _("%(n)d fewer than on %(day)s") % numbers
    else:
        than = _("as many as on %(day)s") % numbers
    return join_statements(text, than)


def light_text(colour: Colour) -> str:
    """Return a colour with its meaning: `Red (far behind)`."""
    return _("%(text)s (%(more)s)") % {"text": colour.label, "more": colour.meaning}


# -- what changed ------------------------------------------------------------------------------------------


def changes_block(days: Days, entered: Iterable[str], corrected: Iterable[str], lights: Lights[str]) -> Block:
    """Return the block of changes; one sentence in place of the lines where nothing changed."""
    title = _("What changed since %(day)s") % {"day": format_date(days.since)}
    told = [join_clauses(filter(None, texts)) for texts in (entered, corrected)]
    if not (any(told) or lights.newly_red or lights.cleared or lights.no_longer_rated):
        nothing = _("Nothing was entered or corrected.")
        if lights.items and lights.is_unrated:
            nothing = _(
                "Nothing was entered or corrected; no light can be compared, since none is rated on either day."
            )
        elif lights.items:
            nothing = _("Nothing was entered, cleared or corrected, and nothing is newly red.")
        return lines(title, [], nothing)
    changed = [line(pgettext("change", "Entered"), told[0] or _("none"))]
    if lights.items and lights.is_unrated:
        changed.append(line(_("Lights"), _("none can be rated on either day")))
    elif lights.items:
        changed.append(line(pgettext("change", "Cleared"), counted_names(lights.cleared)))
        changed.append(line(_("Newly red"), counted_names(lights.newly_red)))
        if lights.no_longer_rated:
            changed.append(line(_("Red, now not rated"), counted_names(lights.no_longer_rated)))
    return lines(title, [*changed, line(pgettext("change", "Corrected"), told[1] or _("none"))])


def names_text(names: Sequence[str], most: int = NAMES_TOLD) -> str:
    """Return some names: `Hebei, Shanxi and 3 more`."""
    shown, rest = join_short(names[:most]), len(names) - most
    return _("%(names)s and %(rest)d more") % {"names": shown, "rest": rest} if rest > 0 else shown


def counted_names(names: Sequence[str]) -> str:
    """Return the number of these names, and the first of them; `none` without any."""
    return label_value(len(names), names_text(names)) if names else _("none")


def values_changed(readings: QuerySet[Reading], days: Days) -> tuple[str, str]:
    """Return how many values were entered and corrected between the two days, as texts that may be empty. Two queries.

    A value is that of a pilot, an indicator and a period. Entered: it counts on the day and did not on the day of
    comparison. Corrected: it counted on both and reads otherwise.
    """
    now, then = (
        {row[:-1]: row[-1] for row in newest_accepted(day, readings).order_by().values_list(*VALUE_KEY_FIELDS, "value")}
        for day in (days.as_of, days.since)
    )
    numbers = len(now.keys() - then.keys()), sum(then[key] != value for key, value in now.items() if key in then)
    entered, corrected = (ngettext("%(n)d value", "%(n)d values", n) % {"n": n} if n else "" for n in numbers)
    return entered, corrected


def replanned_text(statuses: Iterable[PilotStatus], days: Days) -> str:
    """Return the milestones and targets that were changed after entry since then, and of which pilots."""
    counts = [(status.pilot.name, sum(item.on > days.since for item in status.replanned)) for status in statuses]
    n = sum(count for _name, count in counts)
    text = ngettext("%(n)d milestone or target", "%(n)d milestones and targets", n) % {"n": n}
    names = names_text([name for name, count in counts if count])
    return _("%(text)s (%(more)s)") % {"text": text, "more": names} if n else ""


# -- what is red -------------------------------------------------------------------------------------------


def by_urgency(follow_ups: Iterable[FollowUp]) -> list[FollowUp]:
    """Return the open ones of these follow-ups: overdue ones first, then the one due next."""
    still_open = [item for item in follow_ups if item.current_state.is_open]
    return sorted(still_open, key=lambda item: (not item.is_overdue, item.current_due_on, item.pk))


def red_detail(owner: str, since: date | None, follow_ups: Sequence[FollowUp], synergy: str = "") -> str:
    """Return the class, who is responsible, since when it is red, and its open follow-up, or that there is none."""
    parts = [
        synergy,
        label_value(_("Responsible"), owner) if owner else "",
        _("red since %(day)s") % {"day": format_date(since)} if since else "",
        open_link(follow_ups).value if follow_ups else _("no open follow-up"),
    ]
    return " · ".join(filter(None, parts))


# -- what to ask: questions that follow by rule from the records -------------------------------------------


def questions_block(*rules: Sequence[Line]) -> Block:
    """Return the block of up to three questions: the first of each rule in order, then the second of each."""
    asked = [question for question in chain.from_iterable(zip_longest(*rules)) if question is not None]
    return lines(_("What to ask"), asked[:MAX_QUESTIONS], _("No question follows from the records."))


def about_overdue(follow_ups: Iterable[FollowUp]) -> list[Line]:
    """Return a question about each overdue follow-up, latest first."""
    text = _("Overdue by %(days)s: what is still missing, and by when is it done?")
    asked = []
    for item in sorted(follow_ups, key=lambda item: item.days_late or 0, reverse=True):
        if item.is_overdue:
            subject: Any = item.subject
            about = " · ".join(filter(None, [subject.name if subject else "", item.owner_agency.name]))
            asked.append(line(str(item), text % {"days": format_days(item.days_late)}, about))
    return asked


def about_unattended(name: str, owner: str, since: date | None) -> Line:
    """Return the question about a red light without an open follow-up."""
    if since is None:
        return line(name, _("Red, and no follow-up is open: who acts, and by when?"), owner)
    text = _("Red since %(day)s, and no follow-up is open: who acts, and by when?")
    return line(name, text % {"day": format_date(since)}, owner)


def about_reports(reports: OutstandingReports) -> list[Line]:
    """Return a question about the pilots without an accepted value for the year due, by where values are held up."""
    names = distinct_pilot_names(status.pilot for _place, status in reports.pilots)
    text = _("No accepted value for %(year)d, due on %(due)s: %(state)s. When will there be one?")
    values = {"year": reports.year, "due": format_date(reports.due_on)}
    return [
        line(
            names_text([names[status.pilot.pk] for status in statuses], NAMES_ASKED),
            text % {**values, "state": ReportState(place).label},
        )
        for place, statuses in reports.by_place.items()
        if statuses
    ]


# -- sources -----------------------------------------------------------------------------------------------


def cited(listed: Iterable[Source]) -> dict[str, Any]:
    """Return the first of these sources, each once, with their numbers from 1, and how many are left out.

    A source is cited by title, publisher and day; its `url` may be empty.
    """
    sources = list(dict.fromkeys(listed))
    shown = []
    for number, source in enumerate(sources[:MAX_SOURCES], 1):
        text = f"{source.publisher} · {source.title}" if source.publisher else source.title
        text = join_statements(text, format_date(source.published_on)) if source.published_on else text
        shown.append({"number": number, "text": text, "url": source.url})
    return {"sources": shown, "more_sources": max(0, len(sources) - MAX_SOURCES)}
