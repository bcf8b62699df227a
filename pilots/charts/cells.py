"""Cells of pilots that tables and charts share: links to the lists behind numbers, names, class of synergy."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.tables import Cell, Column, Item, status_cell
from core.text import (
    CHANGE_DIGITS,
    format_alike,
    format_change,
    format_number,
    format_plain,
    is_chinese_active,
    join_clauses,
    join_short,
    label_value,
    lang_of,
)
from pilots.analytics.pilot_status import PilotStatus
from pilots.analytics.progress import OutstandingReports
from pilots.filters import ProgressFilter
from pilots.lights import Colour, ReportState
from pilots.metrics import CoControl, Ratio, is_flat
from pilots.models import Pilot, PilotClass


def pilots_url(**filters: str) -> str:
    """Return the URL of the pilots that a number counts."""
    return reverse("pilot-list", query=filters)


def pilot_count_cell(n: int | None, **filters: str) -> Cell:
    """Return a number of pilots linked to their list; 0 has no link."""
    return Cell(n, url=pilots_url(**filters) if n else "")


def by_hand_text(counts: Mapping[Colour, int]) -> str:
    """Return how many lights are set by hand and what colours are computed: `1 set by hand (computed: 1 red)`.

    Empty for none.
    """
    colours = (_("%(n)d %(colour)s") % {"n": n, "colour": str(c.label).lower()} for c, n in counts.items() if n)
    n = sum(counts.values())
    return _("%(n)d set by hand (computed: %(colours)s)") % {"n": n, "colours": join_short(colours)} if n else ""


def reported_text(reports: OutstandingReports) -> str:
    """Return of how many of the pilots that owe values of the last year due all are accepted, and how many wait."""
    numbers = {"reported": reports.reported, "n": reports.owing, "year": reports.year}
    if not reports.owing:
        return _("no pilot owes values for %(year)d yet") % numbers
    text = ngettext(
        "%(reported)d of %(n)d pilot that owes values for %(year)d has all of them accepted",
        "%(reported)d of %(n)d pilots that owe values for %(year)d have all of them accepted",
        reports.owing,
    )
    return join_clauses(filter(None, [text % numbers, waiting_text(reports)]))


def waiting_text(reports: OutstandingReports) -> str:
    """Return how many of them wait for the ministry; empty for none."""
    n = reports.waiting
    return ngettext("%(n)d waits for review", "%(n)d wait for review", n) % {"n": n} if n else ""


def report_cell(status: PilotStatus) -> Cell:
    """Return whether all that a pilot owes for the last year due is accepted, or who has to act; empty where it owes
    nothing.
    """
    words = {
        ReportState.WAITING: _("waits for review"),
        ReportState.RETURNED: _("returned"),
        ReportState.DISPUTED: _("disputed"),
    }
    if status.reported:
        return Cell(_("yes"))
    return Cell(words.get(status.outstanding, _("no")) if status.outstanding else "")


def progress_api_url(filters: dict[str, str]) -> str:
    """Return the API URL of the progress of the same pilots; empty where the API has no such filter."""
    if not filters.keys() <= ProgressFilter.base_filters.keys():
        return ""
    return reverse("api-progress", query=filters)


def colour_step(value: int, highest: int) -> int:
    """Return the step of the colour scale for a count: 0 for none, 1 to 5 up to the highest count."""
    return 0 if value == 0 or highest == 0 else max(1, -(-value * 5 // highest))


def shared_names(pilots: QuerySet[Pilot]) -> set[str]:
    """Return the names that several of these pilots have. One query."""
    first, second = ("name_zh", "name_en") if is_chinese_active() else ("name_en", "name_zh")
    names = pilots.order_by().values_list(Coalesce(NullIf(first, Value("")), second)).annotate(n=Count("pk"))
    return {name for name, _n in names.filter(n__gt=1)}


def name_beside(shared: Collection[str], pilot: Pilot) -> str:
    """Return a pilot's name, with its batch where others have that name: it is one of `shared`."""
    return pilot.label if pilot.name in shared else pilot.name


def pilot_cell(pilot: Pilot, shared: Collection[str] = ()) -> Cell:
    """Return a pilot's name linked to its page, with its batch where the name is one of `shared`."""
    return Cell(name_beside(shared, pilot), url=pilot.get_absolute_url(), lang=pilot.name_lang)


def pilot_column(shared: Collection[str], pilot_of: Callable[[Item], Pilot]) -> Column[Item]:
    """Return the column of a pilot's name, with its batch where the name is one of `shared`."""
    return Column("pilot", _("Pilot"), lambda item: pilot_cell(pilot_of(item), shared))


def text_cell(text: str) -> Cell:
    """Return a text of a record in its own language; no data where it is empty."""
    return Cell(text or None, lang=lang_of(text) if text else "")


def industries_text(record: Any) -> str | None:
    """Return the names of a record's industries, None without any."""
    return join_short(industry.name for industry in record.industries.all()) or None


def class_of(status: PilotStatus) -> PilotClass | None:
    """Return the class of a pilot in the last year due; None without one, and for a withdrawn pilot."""
    if not status.pilot.class_kind or status.is_withdrawn:
        return None
    names = ("kind", "base_year", "year", "carbon_rate", "pollution_rate")
    return PilotClass(**{name: getattr(status.pilot, f"class_{name}") for name in names})


def class_text(item: PilotClass) -> str:
    """Return the class with the years that it compares."""
    return _("%(class)s, %(base)d–%(year)d") % {
        "class": item.get_kind_display(),
        "base": item.base_year,
        "year": item.year,
    }


def class_parts(kinds: Mapping[CoControl, int]) -> list[dict[str, Any]]:
    """Return the classes that have pilots, with their places on a bar in percent."""
    parts: list[dict[str, Any]] = []
    begin, judged = 0, sum(kinds.values())
    for kind, n in kinds.items():
        if n:
            place = {
                "x": percent(begin, judged),
                "width": percent(n, judged),
                "middle": percent(2 * begin + n, 2 * judged),
            }
            parts.append({"kind": kind, "n": n, "wide": n * 25 >= judged, **place})
        begin += n
    return parts


def percent(n: float, whole: float) -> str:
    return f"{100 * n / whole:.2f}%"


def class_mark(item: PilotClass | None, *, with_text: bool = False) -> SafeString:
    """Return the HTML of a class: an arrow of air pollution and one of carbon; empty for a pilot without a class.

    The text stands in the title and for screen readers, or is shown.
    """
    if item is None:
        return SafeString()
    pollution, carbon = arrow(item.pollution_rate), arrow(item.carbon_rate)
    arrows = _("pollution %(pollution)s, carbon %(carbon)s") % {"pollution": pollution, "carbon": carbon}
    return format_html(
        '<span class="class-mark" title="{}"><span aria-hidden="true">{}{}</span> <span class="{}">{}</span></span>',
        label_value(class_text(item), arrows),
        *(format_html("<b>{}</b>" if symbol == "↗" else "{}", symbol) for symbol in (pollution, carbon)),
        "muted" if with_text else "visually-hidden",
        class_text(item),
    )


def arrow(rate: Ratio | None) -> str:
    """Return the arrow of a rate of reduction: down where it is one."""
    if rate is None or is_flat(rate):
        return "→"
    return "↘" if rate > 0 else "↗"


def light_cell(status: PilotStatus) -> Cell:
    """Return the light of a pilot with its class beside it."""
    return replace(status_cell(status.colour), mark=class_mark(class_of(status)))


def class_words_cell(item: PilotClass | None) -> Cell:
    """Return in two lines whether pollution and carbon fall or rise; what rises is marked."""
    if item is None:
        return Cell("", below=_("class not known"))
    lines = []
    rates = (_("pollution"), item.pollution_rate), (_("carbon"), item.carbon_rate)
    for label, rate in rates:
        symbol = arrow(rate)
        text = format_html("{} {}", label, {"↘": "↓", "↗": "↑"}.get(symbol, symbol))
        lines.append(format_html('<b class="rising">{}</b>', text) if symbol == "↗" else text)
    return Cell("", below=format_html("{}<br>{}", *lines), title=class_text(item))


def strip_idle_zeros(value: Decimal | None) -> Decimal | None:
    """Strip trailing zeros; round computed values to some decimals, keep those of entered values."""
    if value is None:
        return None
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -6:
        value = round(value, 2 if abs(value) >= 1 else 4)
    return Decimal(f"{value.normalize():f}")


def change_cell(rate: Decimal | None) -> Cell:
    """Return a relative change with its sign; minus is less."""
    return Cell(rate, page_text="" if rate is None else format_change(rate), kind="share")


def amount_change_cell(amount: Decimal | None) -> Cell:
    """Return a change in some unit, with its sign."""
    amount = strip_idle_zeros(amount)
    return Cell(amount, page_text=f"+{format_number(amount)}" if amount and amount > 0 else "")


def format_carbon(tonnes: Decimal) -> str:
    """Format tonnes of CO₂ in the usual unit of the language: 6.72 Mt, 51.9 kt or 850 t, and 671.88万吨."""
    if is_chinese_active():
        return f"{format_plain(round(tonnes / 10_000, 2))}万吨"
    unit, step = next(((unit, step) for unit, step in (("Mt", 10**6), ("kt", 10**3)) if abs(tonnes) >= step), ("t", 1))
    return f"{format_alike([tonnes / step], CHANGE_DIGITS)[0]}\u00a0{unit}"


def format_co2(tonnes: Decimal | None) -> str:
    """Format tonnes of CO₂ with the name of the gas; “no data” where there is no value."""
    return _("no data") if tonnes is None else _("%(amount)s CO₂") % {"amount": format_carbon(tonnes)}
