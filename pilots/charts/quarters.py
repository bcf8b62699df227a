"""Quarterly chart of an indicator: the year so far against the same quarters of the year before.

Quarters are never drawn on the line of the years. Amounts of a period are summed from the beginning of the year;
cumulative totals, shares, intensities and concentrations are not sums of their quarters and are shown as they are.
After a quarter without a value there is no year to date, since the sum would be too small.
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

from core.text.amounts import format_alike, format_amount, number_with_unit
from core.text.formatting import format_share
from core.text.joining import join_sentences
from core.web.tables import Cell, Chart, Column, Table, make_table
from pilots.analytics.pilot_status import IndicatorStatus, PilotStatus
from pilots.charts.status import (
    drawn_readings,
    indicator_slug,
    reading_columns,
    strip_idle_zeros,
)
from pilots.models import Indicator, Reading, ReadingState
from pilots.models.indicator import Accumulation, RollUp
from pilots.readings import is_accepted_on, is_yearly
from pilots.target_kinds.base import unit_of_change
from policies.charts.rollout import format_day
from policies.models import Source

QUARTERS = (1, 2, 3, 4)


@dataclass(frozen=True)
class QuarterValue:
    """Value drawn for a quarter: its own or the year to date; `accepted` if all values in it are."""

    value: Decimal
    accepted: bool


QuarterValues = Mapping[tuple[int, int], QuarterValue]  # by year and quarter


def is_summable(indicator: Indicator) -> bool:
    """Return whether the quarters of a year add up to the year: amounts of a period, which may be summed."""
    return indicator.accumulation == Accumulation.FLOW and indicator.rollup == RollUp.SUM


def quarters_chart(status: PilotStatus, item: IndicatorStatus, sources: Sequence[Source]) -> Chart | None:
    """Return the chart of the latest year with quarters, against the year before; None without any."""
    readings = [reading for reading in drawn_readings(status, item) if not is_yearly(reading.period)]
    if not readings:
        return None
    own = quarter_values(readings, status.as_of)
    cumulated = is_summable(item.target.indicator)
    values = cumulate_quarters(own) if cumulated else own
    year = max(quarter_key(reading)[0] for reading in readings)
    return Chart(
        slug=f"quarters-{indicator_slug(item)}",
        kind="quarters",
        title=quarters_title(item, values, year),
        subtitle=quarters_scope(status, item, readings),
        table=quarters_table(item, readings, values, status.as_of),
        data=quarters_data(item, values, year),
        sources=sources,
        note=quarters_note(cumulated),
        api=f"{reverse('api-reading-list')}?{urlencode({'indicator': item.code, 'pilot': status.pilot.slug})}",
    )


def quarter_key(reading: Reading) -> tuple[int, int]:
    """Return the year and the quarter of a quarterly reading."""
    year, _dash, quarter = reading.period.partition("-Q")
    return int(year), int(quarter)


def quarter_values(readings: Sequence[Reading], as_of: date) -> dict[tuple[int, int], QuarterValue]:
    """Return the value of each quarter: the accepted one, else one waiting for acceptance, never a disputed one."""
    found: dict[tuple[int, int], QuarterValue] = {}
    for reading in readings:  # by version
        accepted = is_accepted_on(reading, as_of)
        if accepted or (reading.state != ReadingState.DISPUTED and not found.get(quarter_key(reading))):
            found[quarter_key(reading)] = QuarterValue(reading.value, accepted)
    return found


def cumulate_quarters(own: QuarterValues) -> dict[tuple[int, int], QuarterValue]:
    """Return the sums from the beginning of each year, up to the first gap."""
    found: dict[tuple[int, int], QuarterValue] = {}
    for year in {year for year, _quarter in own}:
        total, accepted = Decimal(0), True
        for quarter in QUARTERS:
            part = own.get((year, quarter))
            if part is None:
                break
            total, accepted = total + part.value, accepted and part.accepted
            found[year, quarter] = QuarterValue(total, accepted)
    return found


# -- in words ------------------------------------------------------------------------------------------


def bar_labels(cumulated: bool) -> list[str]:
    """Return the labels of the four bars."""
    if cumulated:
        return [_("Q1"), _("Q1–Q2"), _("Q1–Q3"), _("Q1–Q4")]
    return [_("Q1"), _("Q2"), _("Q3"), _("Q4")]


def quarters_title(item: IndicatorStatus, values: QuarterValues, year: int) -> str:
    """Return the headline: the latest accepted value against the same quarters of the year before."""
    indicator = item.target.indicator
    known = [quarter for quarter in QUARTERS if (year, quarter) in values and values[year, quarter].accepted]
    if not known:
        return _("%(name)s: no accepted value of the quarters of %(year)d") % {"name": indicator.name, "year": year}
    span = bar_labels(is_summable(indicator))[known[-1] - 1]
    now, then = values[year, known[-1]], values.get((year - 1, known[-1]))
    text = _("%(name)s, %(span)s of %(year)d: %(value)s") % {
        "name": indicator.name,
        "span": span,
        "year": year,
        "value": number_with_unit(format_amount(now.value), indicator.unit_text),
    }
    if then is None or not then.accepted:
        rest = _("%(text)s; no accepted value of the same quarters of %(before)d")
        return rest % {"text": text, "before": year - 1}
    change = quarter_change_text(item, now.value, then.value)
    return _("%(text)s, %(change)s %(before)d") % {"text": text, "change": change, "before": year - 1}


def quarter_change_text(item: IndicatorStatus, now: Decimal, then: Decimal) -> str:
    """Return the change as text; of percentages in percentage points, from a 0 in its unit."""
    if now == then:
        return _("as much as in the same quarters of")
    indicator = item.target.indicator
    if indicator.unit == "%" or then == 0:
        difference = number_with_unit(format_alike([abs(now - then)])[0], unit_of_change(indicator))
    else:
        difference = format_share(abs(now - then) / then, 1)
    more = _("%(difference)s more than in the same quarters of")
    less = _("%(difference)s less than in the same quarters of")
    return (more if now > then else less) % {"difference": difference}


def quarters_scope(status: PilotStatus, item: IndicatorStatus, readings: Sequence[Reading]) -> str:
    """Return the subtitle: number of values and day."""
    what = (
        _("cumulated from the beginning of the year")
        if is_summable(item.target.indicator)
        else _("each quarter by itself")
    )
    return _("%(unit)s · quarters, %(what)s · %(accepted)d of %(n)d values accepted, as of %(day)s") % {
        "unit": item.target.indicator.unit_text,
        "what": what,
        "accepted": sum(is_accepted_on(reading, status.as_of) for reading in readings),
        "n": len(readings),
        "day": format_day(status.as_of),
    }


def quarters_note(cumulated: bool) -> str:
    apart = _("Quarters are shown apart from whole years, and the light is judged by whole years alone.")
    if cumulated:
        return join_sentences(apart, _("After a quarter without a value there is no sum of the year so far."))
    return join_sentences(apart, _("These values do not add up to that of a year, so they are not cumulated."))


# -- what is drawn, and the table ----------------------------------------------------------------------


def quarters_data(item: IndicatorStatus, values: QuarterValues, year: int) -> dict[str, object]:
    years = [year - 1, year] if any(one == year - 1 for one, _quarter in values) else [year]
    series = [quarters_series(item, values, one) for one in years]
    waiting = any(part is False for one in series for part in one["accepted"])
    return {
        "labels": bar_labels(is_summable(item.target.indicator)),
        "series": series,
        "legend": [
            *([{"key": "swatch before", "label": str(year - 1)}] if len(years) > 1 else []),
            {"key": "swatch now", "label": str(year)},
            *([{"key": "swatch open", "label": _("not accepted")}] if waiting else []),
        ],
    }


def quarters_series(item: IndicatorStatus, values: QuarterValues, year: int) -> dict[str, Any]:
    found = [values.get((year, quarter)) for quarter in QUARTERS]
    unit, open_word = item.target.indicator.unit_text, _("not accepted")
    texts = [number_with_unit(format_amount(one.value), unit) if one else _("no data") for one in found]
    return {
        "label": str(year),
        "values": [float(one.value) if one else None for one in found],
        "accepted": [one.accepted if one else None for one in found],
        "short": [format_amount(one.value) if one else "" for one in found],
        "texts": [
            f"{text} · {open_word}" if one and not one.accepted else text
            for one, text in zip(found, texts, strict=True)
        ],
    }


def quarters_table(item: IndicatorStatus, readings: Sequence[Reading], values: QuarterValues, as_of: date) -> Table:
    """Return the table of quarters from the first on record to the last, also those without a value."""
    cumulated = is_summable(item.target.indicator)
    columns: list[Column[QuarterRow]] = [
        Column("period", _("Period")),
        Column(
            "value",
            _("Value"),
            lambda row: strip_idle_zeros(row.reading.value if row.reading else None),
            kind="decimal",
        ),
        *([to_date_column()] if cumulated else []),
        Column(
            "before",
            _("Same quarters of the year before"),
            lambda row: strip_idle_zeros(row.then.value if row.then else None),
            kind="decimal",
        ),
        Column("change", pgettext("on the year before", "Change"), kind="share"),
        Column("unit", _("Unit"), lambda _row: item.target.indicator.unit_text),
        *map(if_reported, reading_columns(as_of)),
    ]
    rows = []
    for at in quarters_between(readings):
        own: list[Reading | None] = [reading for reading in readings if quarter_key(reading) == at]
        rows += [QuarterRow(at, reading, values.get(at), values.get((at[0] - 1, at[1]))) for reading in own or [None]]
    return make_table(columns, rows)


@dataclass(frozen=True)
class QuarterRow:
    """Row of a quarter: a reading of it, None where there is none, its value and that of the year before."""

    at: tuple[int, int]
    reading: Reading | None
    now: QuarterValue | None
    then: QuarterValue | None

    @property
    def period(self) -> str:
        return f"{self.at[0]}-Q{self.at[1]}"

    @property
    def change(self) -> Decimal | None:
        """The change on the year before as a fraction; None without both values, or from 0."""
        if not (self.now and self.then and self.then.value):
            return None
        return (self.now.value - self.then.value) / self.then.value


def to_date_column() -> Column[QuarterRow]:
    return Column(
        "to_date", _("Year to date"), lambda row: strip_idle_zeros(row.now.value if row.now else None), kind="decimal"
    )


def if_reported(column: Column[Reading]) -> Column[QuarterRow]:
    """Return a column of readings for quarters; empty where there is no reading."""

    def accessor(row: QuarterRow) -> Cell:
        return column.cell(row.reading) if row.reading else Cell("")

    return Column(column.key, column.label, accessor, column.kind)


def quarters_between(readings: Sequence[Reading]) -> list[tuple[int, int]]:
    """Return all quarters from the first to the last of these."""
    places = [quarter_key(reading) for reading in readings]
    (first, begin), (last, end) = min(places), max(places)
    return [
        (year, quarter)
        for year in range(first, last + 1)
        for quarter in QUARTERS
        if (first, begin) <= (year, quarter) <= (last, end)
    ]
