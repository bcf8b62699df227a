"""Charts, cells and tables of practices, effects and copies, without calculations of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from core.text.bilingual import lang_of
from core.text.formatting import (
    format_amount,
    format_date,
    format_days,
    format_percent,
    join_clauses,
    join_short,
    label_value,
    number_with_unit,
)
from core.web.tables import Cell, Chart, Column, Subject, Table, make_table, record_cell, status_cell
from pilots.charts.cells import distinct_pilot_names, without_zeros
from pilots.metrics.practice_states import AdoptionState, GiveUpReason, PracticeState, Trust
from pilots.metrics.reconciliation import colour_step
from pilots.models import EffectBasis, Practice
from pilots.practices.analytics import (
    AdoptionStatus,
    Copies,
    Diffusion,
    EffectStatus,
    PracticeMatch,
    PracticeStatus,
    ProvinceCopies,
)
from policies.charts.rollout import format_day, map_note, months_after
from policies.charts.tile_map import DRAWING_SIZE, Tile, outside_tile
from policies.metrics import whole_days
from policies.models import Province, Source
from policies.tables import confidence_cell, province_cell, source_cell

MAX_NAMES = 8  # of provinces in a sentence

# -- texts of one practice -----------------------------------------------------------------------------


def origin_cell(status: PracticeStatus) -> Cell:
    """Return the names of the origins; a single one is linked to its page."""
    origins = list(status.practice.origins.all())
    names = distinct_pilot_names(origins)
    url = origins[0].get_absolute_url() if len(origins) == 1 else ""
    return Cell(join_short(names.values()) or None, url=url, lang=origins[0].name_lang if len(origins) == 1 else "")


def cost_text(practice: Practice) -> str | None:
    """Return the cost with its kind and year; None where it is not known."""
    if practice.cost_amount is None:
        return None
    text = _("%(cost)s (%(kind)s, prices of %(year)s)")
    cost = number_with_unit(format_amount(practice.cost_amount), _("10⁴ yuan"))
    return text % {"cost": cost, "kind": practice.get_cost_kind_display(), "year": str(practice.cost_year)}


def result_cell(status: PracticeStatus) -> Cell:
    """Return the main result, marked as measured or stated; measured ones at the origin come first."""
    for effects in (status.measured, [item for item in status.all_effects if item.is_measured], status.stated):
        if effects:
            return effect_cell(effects[0])
    return Cell(None)


def effect_cell(item: EffectStatus) -> Cell:
    """Return an effect in words, marked as measured or stated."""
    if item.is_stated:
        statement = item.effect.statement
        return Cell(label_value(pgettext("an effect", "stated"), statement), lang=lang_of(statement))
    if item.effect.basis == EffectBasis.INTENSITY:
        label = _("change of the pilot’s value per unit of output in the same years")
        return Cell(label_value(label, measured_text(item)))
    return Cell(
        label_value(pgettext("an effect", "change of the pilot’s total in the same years"), measured_text(item))
    )


def measured_text(item: EffectStatus) -> str:
    """Return a measured change: indicator, change in percent and in its unit, and the two periods."""
    change, indicator, periods = item.change, item.indicator, item.periods
    if change is None or indicator is None or periods is None:
        return _("no data")
    amounts = join_clauses([*([signed_percent(change.rate)] if change.rate is not None else []), unit_change(item)])
    return _("%(indicator)s %(change)s, %(before)s to %(after)s") % {
        "indicator": indicator.name,
        "change": amounts,
        "before": periods[0],
        "after": periods[1],
    }


def unit_change(item: EffectStatus) -> str:
    """Return the measured change in the unit of the indicator, with its sign."""
    if item.change is None or item.indicator is None:
        return _("no data")
    return number_with_unit(signed(item.change.difference), item.indicator.unit_text)


def signed(value: Decimal) -> str:
    """Return a number with its sign; 0 has none."""
    text = format_amount(value)
    return f"+{text}" if value > 0 else text


def signed_percent(rate: Decimal) -> str:
    """Return a fraction as a percentage with its sign."""
    sign = "+" if rate > 0 else "−" if rate < 0 else ""
    return _("%(sign)s%(percent)s %%") % {"sign": sign, "percent": format_percent(rate)}


def adopter_cell_of(adoption: Any, anchor: str = "") -> Cell:
    """Return who copies: a pilot linked to its page, a place, or a province."""
    if adoption.pilot_id:
        pilot = adoption.pilot
        return Cell(pilot.name, url=pilot.get_absolute_url(), lang=pilot.name_lang, anchor=anchor)
    if adoption.place:
        return Cell(adoption.place, lang=lang_of(adoption.place), anchor=anchor)
    return Cell(adoption.province.name, url=adoption.province.get_absolute_url(), anchor=anchor)


# -- tables of one practice ----------------------------------------------------------------------------


def measured_table(status: PracticeStatus) -> Table:
    """Return the table of effects that rest on readings, of the origin and of the copies."""
    columns: list[Column[EffectStatus]] = [
        Column("where", _("Where"), lambda item: effect_place_cell(item, status)),
        Column("indicator", _("Indicator"), lambda item: item.indicator.name if item.indicator else None),
        Column("basis", _("Basis"), lambda item: item.effect.get_basis_display()),
        Column("periods", _("Periods"), period_range),
        Column("before", _("Before"), lambda item: reading_value(item, 0), kind="decimal"),
        Column("after", pgettext("a value", "After"), lambda item: reading_value(item, 1), kind="decimal"),
        Column("unit", _("Unit"), lambda item: item.indicator.unit_text if item.indicator else None),
        Column(
            "difference",
            pgettext("a value", "Change"),
            lambda item: without_zeros(item.change.difference) if item.change else None,
            kind="decimal",
        ),
        Column("rate", _("Change in percent"), lambda item: item.change.rate if item.change else None, kind="share"),
        Column("counts", _("Counts since"), counts_cell),
    ]
    return make_table(columns, [item for item in status.all_effects if not item.is_stated])


def counts_cell(item: EffectStatus) -> Cell:
    """Return the day from which an effect counts as measured, or why it does not."""
    if item.is_measured:
        return Cell(item.measured_on, kind="date")
    if item.corrected_on:
        text = _("no longer: reading corrected since %(day)s")
        return Cell(text % {"day": format_date(item.corrected_on)})
    return Cell(_("not yet: a reading is not accepted on this day"))


def reading_value(item: EffectStatus, place: int) -> Decimal | None:
    return without_zeros(item.readings[place].value) if item.readings else None


def period_range(item: EffectStatus) -> str | None:
    return (
        _("%(before)s to %(after)s") % dict(zip(("before", "after"), item.periods, strict=True))
        if item.periods
        else None
    )


def effect_place_cell(item: EffectStatus, status: PracticeStatus) -> Cell:
    """Return where an effect was seen, with the anchor of its row."""
    anchor = f"effect-{item.effect.pk}"
    for copy in status.copies.adoptions:
        if copy.adoption.pk == item.effect.adoption_id:
            return adopter_cell_of(copy.adoption, anchor)
    return Cell(_("origin"), anchor=anchor)


def stated_table(status: PracticeStatus) -> Table:
    """Return the table of stated effects, each with value, unit, period and source."""
    columns: list[Column[EffectStatus]] = [
        Column("where", _("Where"), lambda item: effect_place_cell(item, status)),
        Column(
            "statement",
            _("As stated"),
            lambda item: Cell(item.effect.statement, lang=lang_of(item.effect.statement)),
        ),
        Column(
            "value",
            _("Stated value"),
            lambda item: without_zeros(item.effect.stated_value),
            kind="decimal",
        ),
        Column("unit", _("Unit"), lambda item: data_cell(item.effect.stated_unit)),
        Column("period", _("Period"), lambda item: stated_period_cell(item.effect.stated_period)),
        Column("known_on", _("Known since"), lambda item: item.effect.known_on, kind="date"),
        Column("confidence", _("Confidence"), lambda item: confidence_cell(item.effect)),
        Column("source", _("Source"), lambda item: source_cell(item.effect)),
        Column("note", _("Note"), lambda item: data_cell(item.effect.note)),
    ]
    return make_table(columns, [item for item in status.all_effects if item.is_stated])


def stated_period_cell(text: str) -> Cell:
    """Return the period of a stated value: the usual ones in the reader's language, others as on record."""
    usual = {"a year": _("a year"), "expected a year": _("expected a year")}
    return Cell(usual[text]) if text in usual else data_cell(text)


def data_cell(text: str) -> Cell:
    """Return a text of a record in its own language; no data where it is empty."""
    return Cell(text or None, lang=lang_of(text) if text else "")


def copies_table(status: PracticeStatus, more: Sequence[Column[AdoptionStatus]] = ()) -> Table:
    """Return the table of the copies of a practice; `more` are columns for who may change them."""
    columns: list[Column[AdoptionStatus]] = [
        Column("adopter", _("Copied by"), lambda item: adopter_cell_of(item.adoption, f"adoption-{item.adoption.pk}")),
        Column("province", _("Province"), lambda item: province_cell(item.province)),
        Column("state", _("State"), lambda item: status_cell(item.state)),
        Column("since", pgettext("a state", "Since"), kind="date"),
        Column(
            "trust",
            _("Trust"),
            lambda item: Cell("") if item.state == AdoptionState.GIVEN_UP else status_cell(item.trust),
        ),
        Column("confirmed", _("Confirmed on"), "confirmed_on", kind="date"),
        Column("verified", _("Verified since"), "verified_on", kind="date"),
        Column("effect", _("Effect"), copy_effect_cell),
        Column("changed", _("What was changed"), lambda item: data_cell(item.adoption.changed)),
        Column("why_not", _("Why it was given up"), why_not_cell),
        *more,
    ]
    rows = sorted(
        status.copies.adoptions, key=lambda item: (STATE_ORDER.index(item.state), item.since, item.adoption.pk)
    )
    return make_table(columns, rows)


STATE_ORDER = [AdoptionState.IN_USE, AdoptionState.UNDER_WAY, AdoptionState.PLANNED, AdoptionState.GIVEN_UP]


def copy_effect_cell(item: AdoptionStatus) -> Cell:
    measured = [effect for effect in item.effects if effect.is_measured]
    shown = measured or [effect for effect in item.effects if effect.is_stated]
    return effect_cell(shown[0]) if shown else Cell(None)


def why_not_cell(item: AdoptionStatus) -> Cell:
    """Return the reason for giving up with its text; nothing for other copies."""
    if item.give_up_reason is None:
        return Cell("")
    text = item.adoption.give_up_text
    label = str(item.give_up_reason.label)
    return Cell(label_value(label, text) if text else label, lang=lang_of(text) if text else "")


# -- findings ------------------------------------------------------------------------------------------


def practices_headline(diffusion: Diffusion) -> str:
    """Return the sentence that answers "which practices can be copied, and how far have they come?"."""
    states, total = diffusion.by_state, diffusion.total
    if total == 0:
        return _("No practice is on record by %(day)s.") % {"day": format_day(diffusion.as_of)}
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


def copies_clause(copies: Copies) -> str:
    """Return the clause on copies: provinces reached, and copies in use by trust, which are not added."""
    if copies.total == 0:
        return _("no copy on record")
    if not copies.in_use:
        return ngettext("%(n)d copy on record, not in use", "%(n)d copies on record, none in use", copies.total) % {
            "n": copies.total
        }
    adopters = copies.adopters
    text = _(
        "%(reached)d of %(roster)d provinces reached; in use: %(verified)d verified, %(confirmed)d confirmed, "
        "%(claimed)d only claimed"
    )
    return text % {
        "reached": len(copies.reached),
        "roster": len(copies.roster),
        "verified": adopters[Trust.VERIFIED],
        "confirmed": adopters[Trust.CONFIRMED],
        "claimed": adopters[Trust.CLAIMED],
    }


def practice_headline(status: PracticeStatus) -> str:
    """Return the headline of a practice: its state, and its copies."""
    state = _("%(state)s since %(day)s") % {"state": status.state.label, "day": format_day(status.since)}
    return capfirst(join_clauses([state, copies_clause(status.copies)])) + _(".")


# -- key figures ---------------------------------------------------------------------------------------


def diffusion_figures(diffusion: Diffusion) -> list[dict[str, object]]:
    """Return the key figures of all practices, each with its denominator."""
    states = diffusion.by_state
    rest = [
        _("%(n)d in the library") % {"n": states[PracticeState.IN_LIBRARY]},
        _("%(n)d passed") % {"n": states[PracticeState.PASSED]},
        _("%(n)d proposed") % {"n": states[PracticeState.PROPOSED]},
        _("%(n)d retired") % {"n": states[PracticeState.RETIRED]},
    ]
    recommended = {
        "label": _("Recommended practices"),
        "value": states[PracticeState.RECOMMENDED],
        "of": _("of %(n)d on record") % {"n": diffusion.total},
        "note": join_short(rest),
        "definition": "practice-state",
    }
    return [recommended, *copies_figures(diffusion.copies)]


def copies_figures(copies: Copies) -> list[dict[str, object]]:
    """Return the key figures of copies; the levels of trust stand apart and are not added."""
    labels = {
        Trust.VERIFIED: (_("Copies in use, verified"), _("by the change of the pilot’s total there")),
        Trust.CONFIRMED: (
            _("Copies in use, confirmed"),
            _("by a province or the ministry, without a change of the pilot’s total"),
        ),
        Trust.CLAIMED: (_("Copies in use, only claimed"), _("by the adopter itself")),
    }
    of = _("of %(n)d copies on record") % {"n": copies.total}
    claimed = [province.short for province in copies.only_claimed]
    reached = {
        "label": _("Provinces reached"),
        "value": len(copies.reached),
        "of": _("of %(roster)d provinces") % {"roster": len(copies.roster)},
        "note": label_value(_("only claimed"), short_names(claimed)) if claimed else _("confirmed or verified"),
        "definition": "provinces-reached",
    }
    in_use: list[dict[str, object]] = [
        {"label": label, "value": copies.adopters[trust], "of": of, "note": note, "definition": "trust"}
        for trust, (label, note) in labels.items()
    ]
    return [reached, *in_use]


def other_copies_sentence(copies: Copies) -> str:
    """Return the sentence on the copies that are not in use: under way, planned, given up, of all on record."""
    numbers = {
        "n": copies.total,
        "in_use": len(copies.in_use),
        "under_way": copies.by_state[AdoptionState.UNDER_WAY],
        "planned": copies.by_state[AdoptionState.PLANNED],
        "given_up": len(copies.given_up),
        "day": format_day(copies.as_of),
    }
    text = ngettext(
        "Of %(n)d copy on record on %(day)s, %(in_use)d is in use, %(under_way)d under way, %(planned)d planned, "
        "%(given_up)d given up.",
        "Of %(n)d copies on record on %(day)s, %(in_use)d are in use, %(under_way)d under way, %(planned)d planned, "
        "%(given_up)d given up.",
        copies.total,
    )
    return text % numbers


def short_names(names: Sequence[str]) -> str:
    """Return up to MAX_NAMES names, and how many more there are."""
    if len(names) <= MAX_NAMES:
        return join_short(names)
    more = pgettext("after a list of names", "%(n)d more") % {"n": len(names) - MAX_NAMES}
    return join_short([*names[:MAX_NAMES], more])


def first_copy_sentence(diffusion: Diffusion) -> str:
    """Return the sentence on practices copied in another province, and the median of days from the library to that."""
    n, whole = len(diffusion.first_copy_days), len(diffusion.entered_library)
    if not whole:
        return ""
    text = ngettext(
        "%(n)d of %(all)d practice that entered the library was copied in another province",
        "%(n)d of %(all)d practices that entered the library were copied in another province",
        whole,
    ) % {"n": n, "all": whole}
    if diffusion.median_first_copy_days is not None and diffusion.has_enough_first_copies:
        days = format_days(whole_days(diffusion.median_first_copy_days))
        text = join_clauses([text, _("median until the first such copy: %(days)s") % {"days": days}])
    return text + _(".")


def practice_figures(status: PracticeStatus) -> list[dict[str, object]]:
    """Return the key figures of one practice."""
    days = status.days_to_first_copy
    first: dict[str, object] = {
        "label": _("Days to the first copy elsewhere"),
        "value": days,
        "of": _("days") if days is not None else "",
        "note": _("since it entered the library") if status.library_on else _("not in the library"),
        "definition": "first-copy",
    }
    return [*copies_figures(status.copies), first]


# -- charts --------------------------------------------------------------------------------------------


def copies_scope(copies: Copies) -> str:
    """Return the subtitle of charts of copies: how many, of how many, on which day."""
    text = _(
        "%(n)d of %(all)d copies on record are in use; planned, under way and given up are left out; as of %(day)s"
    )
    return text % {"n": len(copies.in_use), "all": copies.total, "day": format_day(copies.as_of)}


def subject_of(status: PracticeStatus | None) -> Subject | None:
    return Subject(_("Practice"), status.practice.slug, status.practice.name) if status else None


def diffusion_api_url(about: PracticeStatus | None = None) -> str:
    """Return the API URL of how far practices have spread: all of them, or one."""
    url = reverse("api-diffusion")
    return f"{url}?{urlencode({'practice': about.practice.slug})}" if about else url


def spread_chart(
    copies: Copies,
    sources: Sequence[Source],
    flags: Sequence[Mapping[str, str]] = (),
    about: PracticeStatus | None = None,
) -> Chart:
    """Return the adoption curve of confirmed or verified copies."""
    steps = copies.attested_curve
    days = [step.date for step in steps]
    start, end = min(days, default=copies.as_of), min(copies.as_of, months_after(max(days, default=copies.as_of), 3))
    attested = len(copies.attested)
    text = ngettext(
        "%(n)d copy in use is confirmed or verified, %(claimed)d only claimed",
        "%(n)d copies in use are confirmed or verified, %(claimed)d only claimed",
        attested,
    )
    columns: list[Column[AdoptionStatus]] = [
        Column("day", _("Day"), "curve_day", kind="date"),
        Column("adopter", _("Copied by"), lambda item: adopter_cell_of(item.adoption)),
        Column("practice", _("Practice"), lambda item: record_cell(item.adoption.practice)),
        Column("trust", _("Trust"), lambda item: status_cell(item.trust)),
        Column("in_use", _("In use since"), "since", kind="date"),
    ]
    return Chart(
        slug="spread",
        kind="steps",
        title=text % {"n": attested, "claimed": copies.adopters[Trust.CLAIMED]},
        subtitle=copies_scope(copies),
        table=make_table(columns, sorted(copies.attested, key=lambda item: (item.curve_day, item.adoption.pk))),
        data={
            "start": start.isoformat(),
            "end": end.isoformat(),
            "max": max((step.issued for step in steps), default=1),
            "points": [
                {
                    "date": step.date.isoformat(),
                    "n": step.issued,
                    "names": [item.adoption.adopter_name for item in copies.attested if item.curve_day == step.date],
                }
                for step in steps
            ],
            "dated": [],
            "flags": [flag for flag in flags if start.isoformat() <= flag["date"] <= end.isoformat()],
            "labels": {
                "issued": _("confirmed or verified"),
                "of": _("copies in use"),
                "y": _("copies in use"),
            },
        },
        sources=sources,
        api=diffusion_api_url(about),
        note=_(
            "A copy counts from the day on which it was both in use and confirmed or verified; those only claimed "
            "are left out."
        ),
        about=subject_of(about),
    )


def reasons_chart(copies: Copies, sources: Sequence[Source]) -> Chart:
    """Return the bars of the reasons for giving up, most frequent first."""
    counts = sorted(copies.given_up_by_reason.items(), key=lambda item: -item[1])
    shown = [(reason, n) for reason, n in counts if n]
    columns: list[Column[tuple[GiveUpReason, int]]] = [
        Column("reason", _("Reason"), lambda row: str(row[0].label)),
        Column("copies", _("Copies given up"), lambda row: row[1], kind="integer"),
    ]
    return Chart(
        slug="reasons",
        kind="bars",
        title=reasons_title(copies, shown),
        subtitle=_("Copies given up: %(n)d of %(all)d on record, as of %(day)s")
        % {"n": len(copies.given_up), "all": copies.total, "day": format_day(copies.as_of)},
        table=make_table(columns, counts),
        data={
            "bars": [
                {"label": str(reason.label), "value": n, "url": "", "mark": "", "text": copies_text(n)}
                for reason, n in shown
            ],
            "max": max((n for _reason, n in shown), default=0),
            "labels": {"value": _("copies"), "mark": ""},
        },
        sources=sources,
        api=diffusion_api_url(),
    )


def copies_text(n: int) -> str:
    return ngettext("%(n)d copy", "%(n)d copies", n) % {"n": n}


def reasons_title(copies: Copies, shown: Sequence[tuple[GiveUpReason, int]]) -> str:
    """Return the title: the most frequent reason, unless several share the first place."""
    given_up = len(copies.given_up)
    text = ngettext("%(n)d of %(all)d copies was given up", "%(n)d of %(all)d copies were given up", given_up)
    text %= {"n": given_up, "all": copies.total}
    if len(shown) > 1 and shown[0][1] == shown[1][1]:
        return text
    most = _("most often: %(reason)s (%(n)d)") % {"reason": shown[0][0].label, "n": shown[0][1]}
    return join_clauses([text, most])


# -- the tile map --------------------------------------------------------------------------------------


def reach_chart(
    copies: Copies, outside: Iterable[Province], sources: Sequence[Source], about: PracticeStatus | None = None
) -> Chart:
    """Return the tile map of provinces: copies in use that are confirmed or verified, or else only claimed."""
    columns: list[Column[ProvinceCopies]] = [
        Column("province", _("Province"), lambda row: province_cell(row.province)),
        Column("region", _("Region"), lambda row: row.province.get_region_display()),
        Column("reached", pgettext("a province", "Reached"), "is_reached", kind="flag"),
        Column(
            "verified", pgettext("copies in use", "Verified"), lambda row: row.trust[Trust.VERIFIED], kind="integer"
        ),
        Column(
            "confirmed", pgettext("copies in use", "Confirmed"), lambda row: row.trust[Trust.CONFIRMED], kind="integer"
        ),
        Column(
            "claimed", pgettext("copies in use", "Claimed only"), lambda row: row.trust[Trust.CLAIMED], kind="integer"
        ),
        Column("under_way", _("Under way"), lambda row: row.states[AdoptionState.UNDER_WAY], kind="integer"),
        Column("planned", _("Planned"), lambda row: row.states[AdoptionState.PLANNED], kind="integer"),
        Column("given_up", _("Given up"), lambda row: row.states[AdoptionState.GIVEN_UP], kind="integer"),
    ]
    return Chart(
        slug="reach",
        kind="tiles",
        title=reach_title(copies),
        subtitle=copies_scope(copies),
        table=make_table(columns, sorted(copies.provinces, key=lambda row: (-row.attested, -row.trust[Trust.CLAIMED]))),
        data={"grids": [reach_grid(copies, outside)]},
        sources=sources,
        api=diffusion_api_url(about),
        note=map_note(),
        about=subject_of(about),
    )


def reach_title(copies: Copies) -> str:
    text = _("%(n)d of %(roster)d provinces reached") % {"n": len(copies.reached), "roster": len(copies.roster)}
    claimed = len(copies.only_claimed)
    if not claimed:
        return text
    more = ngettext("%(n)d more is only claimed", "%(n)d more are only claimed", claimed) % {"n": claimed}
    return join_clauses([text, more])


def reach_grid(copies: Copies, outside: Iterable[Province]) -> dict[str, object]:
    """Return the layer of the map: shaded by the number of copies, hatched where all are only claimed."""
    highest = max((row.attested for row in copies.provinces), default=0)
    tiles = [reach_tile(row, highest) for row in copies.provinces]
    rows: list[dict[str, object]] = []
    for look in sorted({tile.look for tile in tiles if tile.value and not tile.is_word and not tile.hatched}):
        own = [tile for tile in tiles if tile.look == look and not tile.hatched]
        rows.append({"label": number_span(own), "look": look, "count": len(own), "latest": 0})
    claimed = [tile for tile in tiles if tile.hatched]
    if claimed:
        rows.append({"label": number_span(claimed), "look": CLAIMED_LOOK, "count": 0, "latest": len(claimed)})
    for look, label in (("drafting", _("planned or under way")), ("s0", _("no copy in use"))):
        count = sum(tile.look == look for tile in tiles)
        if count:
            rows.append({"label": label, "look": look, "count": count, "latest": 0})
    return {
        "key": "reach",
        "label": _("Copies in use"),
        "caption": _("Copies in use in each province"),
        "tiles": [*tiles, *map(outside_tile, outside)],
        "heads": [_("Copies in use"), _("confirmed or verified"), _("only claimed")],
        "legend": rows,
        "steps": sorted({tile.look for tile in tiles if tile.hatched}),
        **DRAWING_SIZE,
    }


CLAIMED_LOOK = "s4"  # of the stripes: strong enough to be seen


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
    if row.is_only_claimed:
        return Tile(row.province, CLAIMED_LOOK, str(row.trust[Trust.CLAIMED]), text, hatched=True)
    if row.states[AdoptionState.UNDER_WAY] or row.states[AdoptionState.PLANNED]:
        return Tile(row.province, "drafting", pgettext("on a tile", "coming"), text, is_word=True)
    return Tile(row.province, "s0", "", text)


def number_span(tiles: Sequence[Tile]) -> str:
    """Return the numbers of tiles as text: 2, or 1–6."""
    values = [int(tile.value) for tile in tiles]
    return str(min(values)) if min(values) == max(values) else f"{min(values)}–{max(values)}"


def match_rows(matches: Iterable[PracticeMatch]) -> list[dict[str, object]]:
    """Return what the lines of practices for a pilot show."""
    return [{"match": match, "state": match.status.state, "result": result_cell(match.status)} for match in matches]
