"""Brief of an indicator over all pilots of the programme."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.amounts import format_amount
from core.text.formatting import format_number, format_share, no_data
from core.text.joining import label_value
from dashboard.briefs.blocks import Fact, Facts, Line, Table
from dashboard.briefs.parts.changes import changes_block, names_text, value_changes, values_text
from dashboard.briefs.parts.content import Content, Days
from dashboard.briefs.parts.facts import on_path_fact, share_fact
from dashboard.briefs.parts.lights import LightsOfTwoDays, lights_table
from dashboard.briefs.parts.questions import about_overdue, about_unattended, questions_block
from dashboard.briefs.parts.reds import RedLight, open_follow_ups, reds_block
from dashboard.briefs.parts.sources import cite
from pilots.analytics.explanations import responsible_office
from pilots.analytics.pilot_set import PilotSet
from pilots.analytics.pilot_status import (
    IndicatorStatus,
    OnTrack,
    build_progress,
    indicator_status,
    latest_yearly_readings,
)
from pilots.analytics.trend import Trend, build_trend, combined_value
from pilots.charts.follow_up_tables import RELATED
from pilots.charts.names import distinct_names_of
from pilots.charts.trends import trend_title
from pilots.follow_ups.analytics import build_follow_ups
from pilots.metrics.lights import Colour, count_by_colour
from pilots.metrics.progress import year_due
from pilots.models import FollowUp, Indicator, Pilot, Reading, RollUp
from policies.models import Source

MAX_YEARS = 4
Target = tuple[str, IndicatorStatus]
"""Name of a pilot, and the status of its target for the indicator."""


def indicator_content(code: str, days: Days) -> Content:
    """Return the content of an indicator's brief. Raises Indicator.DoesNotExist."""
    indicator = Indicator.objects.get(code=code)
    listed = Pilot.objects.listed(days.as_of)
    progress, trend = build_progress(listed, days.as_of), build_trend(listed, indicator, days.as_of)
    names = distinct_names_of(progress)
    targets = [
        (names[status.pilot.pk], item)
        for status in progress.pilots
        for item in status.indicators
        if item.target.indicator_id == indicator.pk
    ]
    # A follow-up of a pilot as a whole stands beside its red target; overdue ones are only the indicator's own.
    about_any = Q(cause_indicator=indicator) | Q(cause_indicator=None, cause_milestone=None, pilot__isnull=False)
    rows = FollowUp.objects.known(days.as_of).filter(about_any).select_related(*RELATED)
    follow_ups = build_follow_ups(rows, days.as_of)
    own = [status for status in follow_ups if status.follow_up.cause_indicator_id == indicator.pk]
    lights = target_lights(targets, days)
    reds = [
        RedLight(
            name,
            item.sentence,
            responsible_office(item.target.pilot),
            None,
            open_follow_ups(follow_ups)[item.target.pilot_id],
        )
        for name, item in targets
        if item.light.colour == Colour.RED
    ]
    values = value_changes(Reading.objects.filter(indicator=indicator, pilot__in=listed), days)
    return Content(
        title=indicator.with_unit,
        subtitle=PilotSet().name_with_count(len(progress.pilots)),
        headline=trend_title(trend) + _("."),
        blocks=(
            *([lights_table(lights, _("Targets for this indicator"))] if targets else []),
            Facts("", facts(trend, targets)),
            *([years_table(trend)] if trend.years else []),
            changes_block(days, [values_text(values.entered)], [values_text(values.corrected)], lights),
            reds_block(_("Red targets"), reds, no_red_text(targets)),
            questions_block(about_overdue(own), about_unattended(reds), about_values(targets, days)),
        ),
        sources=cite(
            Source.objects.filter(reading__indicator=indicator, reading__pilot__in=listed).distinct(),
            Source.objects.filter(target__indicator=indicator, target__pilot__in=listed).distinct(),
        ),
    )


def target_lights(targets: Sequence[Target], days: Days) -> LightsOfTwoDays:
    """Return the lights of these targets on both days. No query."""
    now: dict[Hashable, Colour] = {item.target.pk: item.light.colour for _name, item in targets}
    then: dict[Hashable, Colour] = {
        item.target.pk: indicator_status(
            item.target, latest_yearly_readings(item.target.pilot, days.since), days.since
        ).light.colour
        for _name, item in targets
    }
    return LightsOfTwoDays(days, now, then, {item.target.pk: name for name, item in targets})


def facts(trend: Trend, targets: Sequence[Target]) -> tuple[Fact, ...]:
    """Return the pilots with a target, the targets on the path, the pilots with a value, and the change."""
    year = year_due(trend.as_of)
    values = next((item for item in trend.years if item.year == year), None)
    binding = [item.light.colour for _name, item in targets if item.target.binding]
    change = _("Change of the same pilots")
    return (
        share_fact(_("Pilots with a target"), len(targets), trend.pilots, _("of %(n)s pilots")),
        on_path_fact(OnTrack(count_by_colour(binding))),
        share_fact(
            _("Value for %(year)d") % {"year": year},
            values.n if values else 0,
            values.of if values else trend.pilots,
            _("of %(n)s pilots"),
        ),
        Fact(change, no_data(), "", label_value(_("pilots with a value in every year"), format_number(trend.compared)))
        if trend.change is None
        else Fact(change, ("+" if trend.change > 0 else "") + format_share(trend.change), "", compared_text(trend)),
    )


def compared_text(trend: Trend) -> str:
    """Return the pilots and the years that the change compares."""
    pilots = ngettext("%(n)d pilot", "%(n)d pilots", trend.compared) % {"n": trend.compared}
    return f"{pilots} · {trend.same[0].year}–{trend.same[-1].year}"


def years_table(trend: Trend) -> Table:
    """Return the last years: pilots with a value, and their sum or median where it may be made."""
    kept = trend.years[-MAX_YEARS:]
    columns = [_("Year"), _("Pilots with a value"), _("Of")]
    rows = [[str(item.year), format_number(item.n), format_number(item.of)] for item in kept]
    if trend.indicator.rollup != RollUp.NONE:
        label = _("Sum") if trend.indicator.rollup == RollUp.SUM else _("Median")
        columns.append(_("%(text)s (%(more)s)") % {"text": label, "more": trend.indicator.unit_text})
        for row, item in zip(rows, kept, strict=True):
            row.append(format_amount(combined_value(item)))
    return Table(_("Values by year"), tuple(columns), tuple(tuple(row) for row in rows))


def no_red_text(targets: Sequence[Target]) -> str:
    if not targets:
        return _("No pilot has a target for this indicator.")
    if all(item.light.colour == Colour.GREY for _name, item in targets):
        return _("No target can be rated yet.")
    return _("No target is red.")


def about_values(targets: Sequence[Target], days: Days) -> list[Line]:
    """Return one question about the pilots whose target has no accepted value for the year due."""
    names = [name for name, item in targets if item.reading is None]
    text = _("No accepted value of this indicator for %(year)d: when will there be one?")
    return [Line(names_text(names), text % {"year": year_due(days.as_of)})] if names else []
