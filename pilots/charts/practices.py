"""Charts, cells, tables and findings of practices, effects and copies, without calculations of their own.

Practices and copies are those of `read_practices`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core import charts
from core.tables import Cell, Chart, Column, Subject, Table, make_table, record_cell, status_cell
from core.text import (
    format_amount,
    format_change,
    format_date,
    join_clauses,
    join_short,
    label_value,
    lang_of,
    number_with_unit,
)
from pilots.analytics.pilot_status import PilotStatus
from pilots.charts.cells import colour_step, distinct_pilot_names, strip_idle_zeros, text_cell
from pilots.metrics import AdoptionState, GiveUpReason, PracticeState, Trust
from pilots.models import EffectBasis, Practice
from pilots.practices import Copies, Diffusion, ProvinceCopies, curve_day, practices_for
from policies.charts import Tile, legend_row, map_note, months_after, outside_tile
from policies.models import Province, Source
from policies.tables import confidence_cell, province_cell, source_cell

MAX_NAMES = 8  # of provinces in a sentence

# -- cells ---------------------------------------------------------------------------------------------


def origin_cell(practice: Practice) -> Cell:
    """Return the names of the origins; a single one is linked to its page."""
    origins = list(practice.origins.all())
    if len(origins) == 1:
        return record_cell(origins[0])
    return Cell(join_short(distinct_pilot_names(origins).values()) or None)


def cost_text(practice: Practice) -> str | None:
    """Return the cost with its kind and year; None where it is not known."""
    if practice.cost_amount is None:
        return None
    text = _("%(cost)s (%(kind)s, prices of %(year)s)")
    cost = number_with_unit(format_amount(practice.cost_amount), _("10⁴ yuan"))
    return text % {"cost": cost, "kind": practice.get_cost_kind_display(), "year": str(practice.cost_year)}


def result_cell(practice: Any) -> Cell:
    """Return the main result, of a copy only where it is measured."""
    return effect_cell(item for item in practice.known_effects if item.measured_then or item.adoption_id is None)


def effect_cell(known: Iterable[Any]) -> Cell:
    """Return the first of these effects in words, marked as measured, which come first, or stated; no data without."""
    effects = [effect for effect in known if effect.measured_then or not effect.is_measured]
    if not effects:
        return Cell(None)
    effect = min(effects, key=lambda effect: not effect.measured_then)
    if not effect.is_measured:
        statement = effect.statement
        return Cell(label_value(pgettext("an effect", "stated"), statement), lang=lang_of(statement))
    before, after = effect.reading_before, effect.reading_after
    sign = "+" if effect.change > 0 else ""
    amounts = [number_with_unit(sign + format_amount(effect.change), after.indicator.unit_text)]
    if effect.rate is not None:
        amounts.insert(0, format_change(effect.rate))
    text = _("%(indicator)s %(change)s, %(before)s to %(after)s") % {
        "indicator": after.indicator.name,
        "change": join_clauses(amounts),
        "before": before.period,
        "after": after.period,
    }
    if effect.basis == EffectBasis.INTENSITY:
        label = _("change of the pilot’s value per unit of output in the same years")
    else:
        label = pgettext("an effect", "change of the pilot’s total in the same years")
    return Cell(label_value(label, text))


def adopter_cell(adoption: Any, anchor: str = "") -> Cell:
    """Return who copies: a pilot linked to its page, a place, or a province."""
    if adoption.pilot_id:
        return replace(record_cell(adoption.pilot), anchor=anchor)
    if adoption.place:
        return text_cell(adoption.place, anchor)
    return Cell(adoption.province.name, url=adoption.province.get_absolute_url(), anchor=anchor)


# -- tables of one practice ----------------------------------------------------------------------------


def measured_table(practice: Any) -> Table:
    """Return the table of effects that rest on readings, of the origin and of the copies."""
    period_range = _("%(before)s to %(after)s")
    columns: list[Column[Any]] = [
        Column("where", _("Where"), effect_place_cell),
        Column("indicator", _("Indicator"), "reading_after.indicator.name"),
        Column("basis", _("Basis"), lambda item: item.get_basis_display()),
        Column(
            "periods",
            _("Periods"),
            lambda item: period_range % {"before": item.reading_before.period, "after": item.reading_after.period},
        ),
        Column("before", _("Before"), lambda item: strip_idle_zeros(item.reading_before.value), kind="decimal"),
        Column(
            "after",
            pgettext("a value", "After"),
            lambda item: strip_idle_zeros(item.reading_after.value),
            kind="decimal",
        ),
        Column("unit", _("Unit"), "reading_after.indicator.unit_text"),
        Column("difference", pgettext("a value", "Change"), lambda item: strip_idle_zeros(item.change), kind="decimal"),
        Column("rate", _("Change in percent"), kind="share"),
        Column("counts", _("Counts since"), counts_cell),
    ]
    return make_table(columns, [item for item in practice.known_effects if item.is_measured])


def counts_cell(effect: Any) -> Cell:
    """Return the day from which an effect counts as measured, or why it does not."""
    if effect.measured_then:
        return Cell(effect.counts_on, kind="date")
    if effect.corrected_then:
        text = _("no longer: reading corrected since %(day)s")
        return Cell(text % {"day": format_date(effect.corrected_then)})
    return Cell(_("not yet: a reading is not accepted on this day"))


def effect_place_cell(effect: Any) -> Cell:
    """Return where an effect was seen, with the anchor of its row."""
    anchor = f"effect-{effect.pk}"
    return adopter_cell(effect.adoption, anchor) if effect.adoption_id else Cell(_("origin"), anchor=anchor)


def stated_table(practice: Any) -> Table:
    """Return the table of stated effects, each with value, unit, period and source."""
    usual = {"a year": _("a year"), "expected a year": _("expected a year")}  # other periods stand as on record
    columns: list[Column[Any]] = [
        Column("where", _("Where"), effect_place_cell),
        Column("statement", _("As stated"), lambda item: text_cell(item.statement)),
        Column("value", _("Stated value"), lambda item: strip_idle_zeros(item.stated_value), kind="decimal"),
        Column("unit", _("Unit"), lambda item: text_cell(item.stated_unit)),
        Column(
            "period",
            _("Period"),
            lambda item: (
                Cell(usual.get(item.stated_period)) if item.stated_period in usual else text_cell(item.stated_period)
            ),
        ),
        Column("known_on", _("Known since"), kind="date"),
        Column("confidence", _("Confidence"), confidence_cell),
        Column("source", _("Source"), source_cell),
        Column("note", _("Note"), lambda item: text_cell(item.note)),
    ]
    return make_table(columns, [item for item in practice.known_effects if not item.is_measured])


def copies_table(practice: Any, more: Sequence[Column[Any]] = ()) -> Table:
    """Return the table of the copies of a practice; `more` are columns for who may change them."""

    def why_not(item: Any) -> Cell:
        if item.state != AdoptionState.GIVEN_UP:
            return Cell("")
        text, label = item.give_up_text, item.get_give_up_reason_display()
        return Cell(label_value(label, text) if text else label, lang=lang_of(text) if text else "")

    columns: list[Column[Any]] = [
        Column("adopter", _("Copied by"), lambda item: adopter_cell(item, f"adoption-{item.pk}")),
        Column("province", _("Province"), lambda item: province_cell(item.province)),
        Column("state", _("State"), lambda item: status_cell(item.state)),
        Column("since", pgettext("a state", "Since"), "since_then", kind="date"),
        Column(
            "trust",
            _("Trust"),
            lambda item: Cell("") if item.state == AdoptionState.GIVEN_UP else status_cell(item.trust),
        ),
        Column("confirmed", _("Confirmed on"), "confirmed_then", kind="date"),
        Column("verified", _("Verified since"), "verified_then", kind="date"),
        Column("effect", _("Effect"), lambda item: effect_cell(item.known_effects)),
        Column("changed", _("What was changed"), lambda item: text_cell(item.changed)),
        Column("why_not", _("Why it was given up"), why_not),
        *more,
    ]
    order = [AdoptionState.IN_USE, AdoptionState.UNDER_WAY, AdoptionState.PLANNED, AdoptionState.GIVEN_UP]
    rows = sorted(practice.known_copies, key=lambda item: (order.index(item.state), item.since_then, item.pk))
    return make_table(columns, rows)


# -- findings and key figures ----------------------------------------------------------------------------


def practices_headline(diffusion: Diffusion) -> str:
    """Return the sentence that answers "which practices can be copied, and how far have they come?"."""
    states, total = diffusion.by_state, diffusion.total
    if total == 0:
        return _("No practice is on record by %(day)s.") % {"day": format_date(diffusion.as_of)}
    if states[PracticeState.PROPOSED] == total:
        text = ngettext(
            "%(n)d practice proposed by pilots, not reviewed yet",
            "%(n)d practices proposed by pilots, none reviewed yet",
            total,
        ) % {"n": total}
    else:
        text = _("%(recommended)d of %(n)d practices recommended, %(library)d more in the library") % {
            "recommended": states[PracticeState.RECOMMENDED],
            "library": states[PracticeState.IN_LIBRARY],
            "n": total,
        }
    return join_clauses([text, copies_clause(diffusion.copies)]) + _(".")


def match_rows(status: PilotStatus, most: int | None = None) -> list[dict[str, object]]:
    """Return what the lines of practices for a pilot show, up to `most`."""
    return [
        {"practice": practice, "shared": shared, "result": result_cell(practice)}
        for practice, shared in practices_for(status)[:most]
    ]


def copies_clause(copies: Copies) -> str:
    """Return the clause on copies: provinces reached, and copies in use by trust, which are not added."""
    if copies.total == 0:
        return _("no copy on record")
    if not copies.in_use:
        return ngettext("%(n)d copy on record, not in use", "%(n)d copies on record, none in use", copies.total) % {
            "n": copies.total
        }
    text = _(
        "%(reached)d of %(roster)d provinces reached; in use: %(verified)d verified, %(confirmed)d confirmed, "
        "%(claimed)d only claimed"
    )
    adopters = {trust.value: n for trust, n in copies.adopters.items()}
    return text % {"reached": len(copies.reached), "roster": len(copies.roster), **adopters}


def diffusion_figures(diffusion: Diffusion) -> list[dict[str, object]]:
    """Return the key figures of all practices, each with its denominator."""
    states = diffusion.by_state
    rest = {
        _("%(n)d in the library"): PracticeState.IN_LIBRARY,
        _("%(n)d passed"): PracticeState.PASSED,
        _("%(n)d proposed"): PracticeState.PROPOSED,
        _("%(n)d retired"): PracticeState.RETIRED,
    }
    recommended = {
        "label": _("Recommended practices"),
        "value": states[PracticeState.RECOMMENDED],
        "of": _("of %(n)d on record") % {"n": diffusion.total},
        "note": join_short(text % {"n": states[state]} for text, state in rest.items()),
        "definition": "practice-state",
    }
    return [recommended, *copies_figures(diffusion.copies)]


def practice_figures(practice: Any) -> list[dict[str, object]]:
    """Return the key figures of one practice."""
    days = practice.days_to_first_copy
    first: dict[str, object] = {
        "label": _("Days to the first copy elsewhere"),
        "value": days,
        "of": _("days") if days is not None else "",
        "note": _("since it entered the library") if practice.library_then else _("not in the library"),
        "definition": "first-copy",
    }
    return [*copies_figures(practice.copies), first]


def copies_figures(copies: Copies) -> list[dict[str, object]]:
    """Return the key figures of copies; the levels of trust stand apart and are not added."""
    names = [province.short for province in copies.only_claimed]
    if len(names) > MAX_NAMES:
        more = pgettext("after a list of names", "%(n)d more") % {"n": len(names) - MAX_NAMES}
        names = [*names[:MAX_NAMES], more]
    reached: dict[str, object] = {
        "label": _("Provinces reached"),
        "value": len(copies.reached),
        "of": _("of %(roster)d provinces") % {"roster": len(copies.roster)},
        "note": label_value(_("only claimed"), join_short(names)) if names else _("confirmed or verified"),
        "definition": "provinces-reached",
    }
    by_confirming = _("by a province or the ministry, without a change of the pilot’s total")
    levels = (
        (Trust.VERIFIED, _("Copies in use, verified"), _("by the change of the pilot’s total there")),
        (Trust.CONFIRMED, _("Copies in use, confirmed"), by_confirming),
        (Trust.CLAIMED, _("Copies in use, only claimed"), _("by the adopter itself")),
    )
    of = _("of %(n)d copies on record") % {"n": copies.total}
    return [
        reached,
        *(
            {"label": label, "value": copies.adopters[trust], "of": of, "note": note, "definition": "trust"}
            for trust, label, note in levels
        ),
    ]


# -- charts --------------------------------------------------------------------------------------------


def frame(copies: Copies, sources: Sequence[Source], about: Practice | None = None) -> dict[str, Any]:
    """Return what the charts of copies have in common: of one practice, or of all."""
    text = _(
        "%(n)d of %(all)d copies on record are in use; planned, under way and given up are left out; as of %(day)s"
    )
    return {
        "subtitle": text % {"n": len(copies.in_use), "all": copies.total, "day": format_date(copies.as_of)},
        "sources": sources,
        "api": reverse("api-diffusion", query={"practice": about.slug} if about else None),
        "about": Subject(_("Practice"), about.slug, about.name) if about else None,
    }


def spread_chart(
    copies: Copies,
    sources: Sequence[Source],
    flags: Sequence[Mapping[str, Any]] = (),
    about: Practice | None = None,
) -> Chart:
    """Return the adoption curve of confirmed or verified copies."""
    attested = sorted(copies.attested, key=lambda item: (curve_day(item), item.pk))
    came = {day: [item.adopter_name for item in some] for day, some in groupby(attested, curve_day)}
    start, last = min(came, default=copies.as_of), max(came, default=copies.as_of)
    end = min(copies.as_of, months_after(last, 3))
    flags = [flag for flag in flags if start <= flag["on"] <= end]
    text = ngettext(
        "%(n)d copy in use is confirmed or verified, %(claimed)d only claimed",
        "%(n)d copies in use are confirmed or verified, %(claimed)d only claimed",
        len(attested),
    )
    columns: list[Column[Any]] = [
        Column("day", _("Day"), curve_day, kind="date"),
        Column("adopter", _("Copied by"), adopter_cell),
        Column("practice", _("Practice"), lambda item: record_cell(item.practice)),
        Column("trust", _("Trust"), lambda item: status_cell(item.trust)),
        Column("in_use", _("In use since"), "since_then", kind="date"),
    ]
    label = _("confirmed or verified")
    curve = [(step.date, step.issued, came[step.date]) for step in copies.attested_curve]
    return Chart(
        **frame(copies, sources, about),
        slug="spread",
        kind="steps",
        title=text % {"n": len(attested), "claimed": copies.adopters[Trust.CLAIMED]},
        table=make_table(columns, attested),
        data=charts.steps(
            [(label, curve)],
            (start, end),
            max(1, len(attested)),
            of=_("copies in use"),
            flags=flags,
        ),
        legend=[("line", label)],
        flags=flags,
        note=_(
            "A copy counts from the day on which it was both in use and confirmed or verified; those only claimed "
            "are left out."
        ),
    )


def reasons_chart(copies: Copies, sources: Sequence[Source]) -> Chart:
    """Return the bars of the reasons for giving up, most frequent first; the title names it unless several share it."""
    counts = sorted(copies.given_up_by_reason.items(), key=lambda item: -item[1])
    shown = [(reason, n) for reason, n in counts if n]
    given_up = len(copies.given_up)
    numbers = {"n": given_up, "all": copies.total, "day": format_date(copies.as_of)}
    title = ngettext("%(n)d of %(all)d copies was given up", "%(n)d of %(all)d copies were given up", given_up)
    title %= numbers
    if len(shown) == 1 or shown[0][1] > shown[1][1]:
        most = _("most often: %(reason)s (%(n)d)") % {"reason": shown[0][0].label, "n": shown[0][1]}
        title = join_clauses([title, most])
    columns: list[Column[tuple[GiveUpReason, int]]] = [
        Column("reason", _("Reason"), lambda row: str(row[0].label)),
        Column("copies", _("Copies given up"), lambda row: row[1], kind="integer"),
    ]
    bars = [
        charts.Bar(str(reason.label), [n], ngettext("%(n)d copy", "%(n)d copies", n) % {"n": n}) for reason, n in shown
    ]
    scope = _("Copies given up: %(n)d of %(all)d on record, as of %(day)s") % numbers
    return Chart(
        **frame(copies, sources) | {"subtitle": scope},
        slug="reasons",
        kind="bars",
        title=title,
        table=make_table(columns, counts),
        data=charts.bars(bars, [(_("Copies given up"), "--accent")]),
    )


# -- the tile map --------------------------------------------------------------------------------------


def reach_chart(
    copies: Copies, outside: Iterable[Province], sources: Sequence[Source], about: Practice | None = None
) -> Chart:
    """Return the tile map of provinces: copies in use that are confirmed or verified, or else only claimed."""
    columns: list[Column[ProvinceCopies]] = [
        Column("province", _("Province"), lambda row: province_cell(row.province)),
        Column("region", _("Region"), lambda row: row.province.get_region_display()),
        Column("reached", pgettext("a province", "Reached"), "is_reached", kind="flag"),
        *trust_columns(lambda trust, row: row.trust[trust]),
        Column("under_way", _("Under way"), lambda row: row.states[AdoptionState.UNDER_WAY], kind="integer"),
        Column("planned", _("Planned"), lambda row: row.states[AdoptionState.PLANNED], kind="integer"),
        Column("given_up", _("Given up"), lambda row: row.states[AdoptionState.GIVEN_UP], kind="integer"),
    ]
    claimed = len(copies.only_claimed)
    title = _("%(n)d of %(roster)d provinces reached") % {"n": len(copies.reached), "roster": len(copies.roster)}
    if claimed:
        more = ngettext("%(n)d more is only claimed", "%(n)d more are only claimed", claimed) % {"n": claimed}
        title = join_clauses([title, more])
    return Chart(
        **frame(copies, sources, about),
        slug="reach",
        kind="tiles",
        title=title,
        table=make_table(columns, sorted(copies.provinces, key=lambda row: (-row.attested, -row.trust[Trust.CLAIMED]))),
        data={"grids": [reach_grid(copies, outside)]},
        note=map_note(),
    )


def trust_columns(count: Callable[[Trust, Any], int]) -> list[Column[Any]]:
    """Return the columns of copies in use by trust, the best attested first."""
    labels = {
        Trust.VERIFIED: pgettext("copies in use", "Verified"),
        Trust.CONFIRMED: pgettext("copies in use", "Confirmed"),
        Trust.CLAIMED: pgettext("copies in use", "Claimed only"),
    }
    return [Column(key.value, labels[key], partial(count, key), kind="integer") for key in labels]


def reach_grid(copies: Copies, outside: Iterable[Province]) -> dict[str, object]:
    """Return the layer of the map: shaded by the number of copies, hatched where all are only claimed."""
    highest = max((row.attested for row in copies.provinces), default=0)
    tiles = [reach_tile(row, highest) for row in copies.provinces]
    looks: dict[tuple[bool, str], list[Tile]] = {}  # the hatched ones behind the plain ones
    for tile in tiles:
        looks.setdefault((tile.hatched, tile.look), []).append(tile)
    words = {"coming": _("planned or under way"), "s0": _("no copy in use")}
    legend = []
    for (hatched, look), own in sorted(looks.items(), key=lambda item: (item[0][1] in words, item[0])):
        values = sorted(int(tile.value) for tile in own if look not in words)
        span = f"{values[0]}–{values[-1]}" if values and values[0] != values[-1] else str(*values[:1])
        label = label_value(_("only claimed"), span) if hatched else words.get(look, span)
        legend.append(legend_row(look, hatched, label, len(own)))
    return {
        "key": "reach",
        "label": _("Copies in use"),
        "caption": _("Copies in use in each province"),
        "tiles": [*tiles, *map(outside_tile, outside)],
        "legend": legend,
    }


def reach_tile(row: ProvinceCopies, highest: int) -> Tile:
    """Return a province's tile; what is planned or under way is a word, never a colour."""
    counts: list[tuple[object, int]] = [
        *[(trust.label, row.trust[trust]) for trust in (Trust.VERIFIED, Trust.CONFIRMED)],
        (_("only claimed"), row.trust[Trust.CLAIMED]),
        *[(state.label, row.states[state]) for state in AdoptionState if state != AdoptionState.IN_USE],
    ]
    parts = [_("%(what)s %(n)d") % {"what": what, "n": n} for what, n in counts if n]
    text = label_value(row.province.name, join_short(parts) or _("no copy on record"))
    if row.is_reached:
        return Tile(row.province, f"s{colour_step(row.attested, highest)}", str(row.attested), text)
    if row.is_only_claimed:  # by stripes strong enough to be seen
        return Tile(row.province, "s4", str(row.trust[Trust.CLAIMED]), text, hatched=True)
    if row.states[AdoptionState.UNDER_WAY] or row.states[AdoptionState.PLANNED]:
        return Tile(row.province, "coming", pgettext("on a tile", "coming"), text, is_word=True)
    return Tile(row.province, "s0", "", text)
