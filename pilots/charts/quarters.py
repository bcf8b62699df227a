"""The quarters of an indicator as a chart of their own: the year so far against the same quarters of the year before.

Part of a year is not a year, so quarters never stand on the line of the years. Amounts that come about in a period add
up and are cumulated from the beginning of the year; what was amassed since a start, shares, intensities and
concentrations are no sums of their quarters and are shown as they are. After a quarter without a value there is no
year to date: a smaller sum would be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from config.charts import Cell, Chart, Column, Table
from config.templatetags.site import share as share_text
from config.words import sentences
from pilots.charts.progress import counts, is_year, readings_of, settled, slug_of, state_then
from pilots.models import Indicator, Reading, ReadingState
from pilots.models.indicators import Accumulation, RollUp
from pilots.progress import IndicatorStatus, PilotStatus
from pilots.sentences import alike, amount, quantity, unit_of_change
from policies.charts import day
from policies.models import Source

QUARTERS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Quarter:
    """What is drawn for a quarter: its own value or the year to date; `accepted` if every value in it is."""

    value: Decimal
    accepted: bool


Values = Mapping[tuple[int, int], Quarter]  # by year and quarter


def adds_up(indicator: Indicator) -> bool:
    """Whether the quarters of a year make up the year: amounts of the period, which may be summed."""
    return indicator.accumulation == Accumulation.FLOW and indicator.rollup == RollUp.SUM


def quarters_chart(status: PilotStatus, item: IndicatorStatus, sources: Sequence[Source]) -> Chart | None:
    """The quarters of the latest year that has any, against those of the year before; None without any."""
    readings = [reading for reading in readings_of(status, item) if not is_year(reading)]
    if not readings:
        return None
    own = standing(readings, status.as_of)
    cumulated = adds_up(item.target.indicator)
    values = to_date(own) if cumulated else own
    year = max(place(reading)[0] for reading in readings)
    return Chart(
        slug=f"quarters-{slug_of(item)}",
        kind="quarters",
        title=quarters_title(item, values, year),
        subtitle=quarters_scope(status, item, readings),
        table=quarters_table(item, readings, values, status.as_of),
        data=quarters_data(item, values, year),
        sources=sources,
        note=quarters_note(cumulated),
        api=f"{reverse('api-reading-list')}?{urlencode({'indicator': item.code, 'pilot': status.pilot.slug})}",
    )


def place(reading: Reading) -> tuple[int, int]:
    """The year and the quarter of a quarterly reading."""
    year, _dash, quarter = reading.period.partition("-Q")
    return int(year), int(quarter)


def standing(readings: Sequence[Reading], as_of: date) -> dict[tuple[int, int], Quarter]:
    """The value of each quarter: the accepted one, else one that waits for acceptance; a disputed one is no value."""
    found: dict[tuple[int, int], Quarter] = {}
    for reading in readings:  # by version
        accepted = counts(reading, as_of)
        if accepted or (reading.state != ReadingState.DISPUTED and not found.get(place(reading))):
            found[place(reading)] = Quarter(reading.value, accepted)
    return found


def to_date(own: Values) -> dict[tuple[int, int], Quarter]:
    """Cumulated from the beginning of each year, as far as there is no gap."""
    found: dict[tuple[int, int], Quarter] = {}
    for year in {year for year, _quarter in own}:
        total, accepted = Decimal(0), True
        for quarter in QUARTERS:
            part = own.get((year, quarter))
            if part is None:
                break
            total, accepted = total + part.value, accepted and part.accepted
            found[year, quarter] = Quarter(total, accepted)
    return found


# -- in words ------------------------------------------------------------------------------------------


def span_words(cumulated: bool) -> list[str]:
    """What each of the four bars covers."""
    if cumulated:
        return [_("Q1"), _("Q1–Q2"), _("Q1–Q3"), _("Q1–Q4")]
    return [_("Q1"), _("Q2"), _("Q3"), _("Q4")]


def quarters_title(item: IndicatorStatus, values: Values, year: int) -> str:
    """The finding: the latest accepted value, against that of the same quarters of the year before."""
    indicator = item.target.indicator
    known = [quarter for quarter in QUARTERS if (year, quarter) in values and values[year, quarter].accepted]
    if not known:
        return _("%(name)s: no accepted value of the quarters of %(year)d") % {"name": indicator.name, "year": year}
    span = span_words(adds_up(indicator))[known[-1] - 1]
    now, then = values[year, known[-1]], values.get((year - 1, known[-1]))
    text = _("%(name)s, %(span)s of %(year)d: %(value)s") % {
        "name": indicator.name,
        "span": span,
        "year": year,
        "value": quantity(amount(now.value), indicator.unit_text),
    }
    if then is None or not then.accepted:
        rest = _("%(text)s; no accepted value of the same quarters of %(before)d")
        return rest % {"text": text, "before": year - 1}
    change = change_words(item, now.value, then.value)
    return _("%(text)s, %(change)s %(before)d") % {"text": text, "change": change, "before": year - 1}


def change_words(item: IndicatorStatus, now: Decimal, then: Decimal) -> str:
    """How much more or less; of percentages in percentage points, of a 0 in its unit."""
    if now == then:
        return _("as much as in the same quarters of")
    if item.target.indicator.unit == "%" or then == 0:
        difference = quantity(alike([abs(now - then)])[0], unit_of_change(item))
    else:
        difference = share_text(abs(now - then) / then, 1)
    more = _("%(difference)s more than in the same quarters of")
    less = _("%(difference)s less than in the same quarters of")
    return (more if now > then else less) % {"difference": difference}


def quarters_scope(status: PilotStatus, item: IndicatorStatus, readings: Sequence[Reading]) -> str:
    """What is drawn, of how many values, on which day."""
    what = (
        _("cumulated from the beginning of the year") if adds_up(item.target.indicator) else _("each quarter by itself")
    )
    return _("%(unit)s · quarters, %(what)s · %(accepted)d of %(n)d values accepted, as of %(day)s") % {
        "unit": item.target.indicator.unit_text,
        "what": what,
        "accepted": sum(counts(reading, status.as_of) for reading in readings),
        "n": len(readings),
        "day": day(status.as_of),
    }


def quarters_note(cumulated: bool) -> str:
    apart = _("Quarters are shown apart from whole years, and the light is judged by whole years alone.")
    if cumulated:
        return sentences(apart, _("After a quarter without a value there is no sum of the year so far."))
    return sentences(apart, _("These values do not add up to that of a year, so they are not cumulated."))


# -- what is drawn, and the table ----------------------------------------------------------------------


def quarters_data(item: IndicatorStatus, values: Values, year: int) -> dict[str, Any]:
    years = [year - 1, year] if any(one == year - 1 for one, _quarter in values) else [year]
    series = [quarters_series(item, values, one) for one in years]
    waiting = any(part is False for one in series for part in one["accepted"])
    return {
        "labels": span_words(adds_up(item.target.indicator)),
        "series": series,
        "legend": [
            *([{"key": "swatch before", "label": str(year - 1)}] if len(years) > 1 else []),
            {"key": "swatch now", "label": str(year)},
            *([{"key": "swatch open", "label": _("not accepted")}] if waiting else []),
        ],
    }


def quarters_series(item: IndicatorStatus, values: Values, year: int) -> dict[str, Any]:
    found = [values.get((year, quarter)) for quarter in QUARTERS]
    unit, open_word = item.target.indicator.unit_text, _("not accepted")
    texts = [quantity(amount(one.value), unit) if one else _("no data") for one in found]
    return {
        "label": str(year),
        "values": [float(one.value) if one else None for one in found],
        "accepted": [one.accepted if one else None for one in found],
        "short": [amount(one.value) if one else "" for one in found],
        "texts": [
            f"{text} · {open_word}" if one and not one.accepted else text
            for one, text in zip(found, texts, strict=True)
        ],
    }


def quarters_table(item: IndicatorStatus, readings: Sequence[Reading], values: Values, as_of: date) -> Table:
    """Every quarter from the first on record to the last, those without a value included."""
    cumulated = adds_up(item.target.indicator)
    columns = [
        Column("period", _("Period")),
        Column("value", _("Value"), "decimal"),
        *([Column("to_date", _("Year to date"), "decimal")] if cumulated else []),
        Column("before", _("Same quarters of the year before"), "decimal"),
        Column("change", pgettext("on the year before", "Change"), "share"),
        Column("unit", _("Unit")),
        Column("status", _("Value status")),
        Column("state", _("State")),
        Column("version", _("Version"), "integer"),
        Column("reported_on", _("Reported"), "date"),
        Column("accepted_on", _("Accepted"), "date"),
    ]
    rows = []
    for at in span_of(readings):
        own: list[Reading | None] = [reading for reading in readings if place(reading) == at]
        rows += [quarter_cells(item, at, reading, values, as_of) for reading in own or [None]]
    return Table(columns, rows)


def span_of(readings: Sequence[Reading]) -> list[tuple[int, int]]:
    """All quarters from the first to the last of these."""
    places = [place(reading) for reading in readings]
    (first, begin), (last, end) = min(places), max(places)
    return [
        (year, quarter)
        for year in range(first, last + 1)
        for quarter in QUARTERS
        if (first, begin) <= (year, quarter) <= (last, end)
    ]


def quarter_cells(
    item: IndicatorStatus, at: tuple[int, int], reading: Reading | None, values: Values, as_of: date
) -> list[Cell]:
    cumulated = adds_up(item.target.indicator)
    now, then = values.get(at), values.get((at[0] - 1, at[1]))
    change = (now.value - then.value) / then.value if now and then and then.value else None
    sums = [Cell(settled(now.value) if now else None)] if cumulated else []
    beside = [*sums, Cell(settled(then.value) if then else None), Cell(change), Cell(item.target.indicator.unit_text)]
    period = f"{at[0]}-Q{at[1]}"
    if reading is None:
        return [Cell(period), Cell(None), *beside, *(Cell("") for _column in range(5))]
    return [
        Cell(period),
        Cell(settled(reading.value)),
        *beside,
        Cell(reading.get_value_status_display()),
        Cell(state_then(reading, as_of), tag="green" if counts(reading, as_of) else "yellow"),
        Cell(reading.version),
        Cell(reading.reported_on),
        Cell(reading.accepted_on if counts(reading, as_of) else ""),
    ]
