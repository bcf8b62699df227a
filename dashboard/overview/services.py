"""The programme on one day, for pages, API, briefs and editions: its numbers, the key figures and map that they share,
the provinces without a plan, and the pilots that need attention.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from functools import cached_property, partial
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.http import TrackerRequest
from core.tables import Cell, Chart, Column, Table, in_chunks, make_table
from core.text import format_date, format_days, in_reader_language, join_clauses, join_short, join_statements
from pilots.analytics.coverage import Coverage
from pilots.analytics.pilot_status import PilotStatus
from pilots.analytics.progress import ATTENTION, WORST_FIRST, LightCounts, Progress
from pilots.analytics.reconciliation import (
    PilotSet,
    ProvincePilots,
    Reconciliation,
    build_reconciliation,
    pilots_by_province,
    term_days_left,
)
from pilots.analytics.synergy import Synergy
from pilots.charts.cells import (
    class_of,
    light_cell,
    pilot_column,
    pilots_url,
    reported_text,
    shared_names,
    waiting_text,
)
from pilots.charts.status import reason_cell
from pilots.charts.synergy import pilot_count_layer
from pilots.lights import Colour
from pilots.metrics import OPEN_STATES, CoControl
from pilots.models import FollowUp, Pilot
from pilots.tables import read_pilots
from policies.charts import certainty_text, chart_frame, map_note, plans_grid
from policies.metrics import whole_days
from policies.models import PlanStatus, Province, ProvincialPlan, Source
from policies.rollout import PolicyChoice, ProvinceRollout, Rollout, build_rollout
from policies.tables import place_columns

QUARTERS_SHOWN = 5  # number of quarter ends before the day whose lights are shown
MIN_ENTERED_SHARE = 0.8  # share of the announced pilots entered, from which the records describe the batch
MIN_RATED_SHARE = 0.2  # share of the pilots rated, up to which lights and stages of the batch are not drawn


class Overview:
    """The programme on one day. `rollout` is None before any policy calls for provincial plans, and counts those of the
    lead policy, or of the one with the code: raises Problem unless that calls for them.

    `progress` is of the pilots of the latest `national` batch, or of all before there is one.
    """

    def __init__(self, as_of: date, policy: str | None = None) -> None:
        self.as_of, self.choice = as_of, PolicyChoice(as_of, policy)
        self.rollout = build_rollout(self.choice.policy, as_of) if self.choice.policy else None
        self.batches = build_reconciliation(as_of)
        self.national = next((row for row in reversed(self.batches) if row.batch.level == "national"), None)
        national, listed, unknown = self.national, Pilot.objects.listed(as_of), Reconciliation(None, 0, 0)
        self.chosen = PilotSet(batch=national.batch) if national else PilotSet()
        self.batch_filter = {"batch": national.batch.slug} if national else {}
        self.cities = national.for_kind("city") if national else unknown
        self.parks = national.for_kind("park") if national else unknown
        self.all_kinds = national.total if national else unknown
        self.days_left = term_days_left(national.batch.term_end if national else None, as_of)
        self.progress = Progress(listed.filter(batch=national.batch) if national else listed, as_of)

    @property
    def scope_text(self) -> str:
        """Name of the set of its pilots."""
        return self.national.batch.label if self.national else _("All pilots")

    @cached_property
    def provinces(self) -> list[ProvincePilots]:
        return pilots_by_province(self.as_of)

    @cached_property
    def coverage(self) -> Coverage:
        """Coverage of industries by all recorded pilots."""
        return Coverage(Pilot.objects.listed(self.as_of), self.as_of, counts=self.batches)

    @cached_property
    def national_coverage(self) -> Coverage:
        """Coverage of industries by its own pilots."""
        if self.national is None:
            return self.coverage
        return Coverage(self.progress.rows, self.as_of, chosen=self.chosen, counts=self.batches)

    @cached_property
    def shared(self) -> set[str]:
        """Names that several of its pilots have."""
        return shared_names(self.progress.rows)

    @property
    def sparse(self) -> bool:
        """Whether too few of the announced pilots are entered to describe the batch."""
        announced = self.all_kinds.announced
        return announced is not None and self.all_kinds.entered < MIN_ENTERED_SHARE * announced

    @cached_property
    def few_rated(self) -> bool:
        """Whether so few pilots have a light other than grey that missing values replace their charts."""
        return self.progress.now.rated <= MIN_RATED_SHARE * self.progress.n

    @cached_property
    def synergy(self) -> Synergy:
        """Joint reductions of these pilots."""
        return Synergy(self.progress.rows, self.as_of)

    @cached_property
    def green_by_class(self) -> dict[CoControl, int]:
        """Green ones of these pilots by class of their synergy, all classes included."""
        return Synergy(self.progress.lit.filter(light_colour=Colour.GREEN.value), self.as_of).kinds

    @cached_property
    def quarters(self) -> list[LightCounts]:
        """Lights of the same pilots at the ends of the last quarters, oldest first."""
        return self.progress.quarters(QUARTERS_SHOWN)

    @cached_property
    def follow_ups(self) -> Any:
        """All follow-ups, of these pilots and of others, as a queryset `with_state`."""
        return FollowUp.objects.with_state(self.as_of)

    @cached_property
    def follow_up_counts(self) -> dict[str, int]:
        """Number of follow-ups: `all`, open ones, and those of them that are overdue. One query."""
        conditions = {"all": Q(), "open": Q(state__in=OPEN_STATES), "overdue": Q(is_overdue=True)}
        counts = {name: Count("pk", filter=condition) for name, condition in conditions.items()}
        return self.follow_ups.order_by().aggregate(**counts)  # type: ignore[no-any-return]


def plan_sources(rows: Iterable[ProvinceRollout]) -> QuerySet[Source]:
    """Return the sources of the plans issued by the day, repealed ones included."""
    plans = [plan.pk for row in rows for plan in row.past]
    return Source.objects.filter(provincialplan__in=plans).distinct()


# -- key figures -------------------------------------------------------------------------------------------

Figure = dict[str, Any]
"""`code`, `label`, `value` (None is no data), the `whole` that it is part of and the `scope` that is counted; for pages
also `of` (the whole in words), `note`, `url` and `definition`. Nothing is counted here."""


def figure(code: str, label: str, value: int | None, whole: int | None, scope: str, **shown: object) -> Figure:
    return {"code": code, "label": label, "value": value, "whole": whole, "scope": scope, **shown}


def overview_figures(value: Overview) -> list[Figure]:
    """Return the four figures beside the lights, each with its policy or batch and a link to its records.

    Where too few pilots are rated to draw lights, it is the recorded pilots that count.
    """
    figures = [plans_figure(value.rollout)] if value.rollout else []
    if value.few_rated:
        if value.national:
            figures += [recorded_figure(value, kind) for kind in ("city", "park")]
    elif value.progress.on_track.total:
        figures.append(on_track_figure(value))
    if not value.few_rated:
        label = _("Reported for %(year)d") % {"year": value.progress.outstanding.year}
        figures.append({**reported_figure(value), "label": label})
    batch = value.national.batch if value.national else None
    if batch and batch.term_end:
        note = _("%(batch)s, to %(day)s") % {"batch": batch.label, "day": format_date(batch.term_end)}
        end = _("to %(day)s") % {"day": format_date(batch.term_end, short=True)}
        shown = {"of": _("days"), "note": note, "short": end, "url": batch.get_absolute_url()}
        left = max(0, value.days_left or 0)
        figures.append(figure("days-left", _("Days of the term left"), left, None, batch.label, **shown))
    return figures


def edition_figures(value: Overview) -> list[Figure]:
    """Return the figures that an edition freezes."""
    scope, every = value.scope_text, _("all provinces")
    now, follow_ups, by_hand = value.progress.now, value.follow_up_counts, sum(value.progress.now.by_hand.values())
    labels = {
        Colour.GREEN: _("Pilots with a green light"),
        Colour.YELLOW: _("Pilots with a yellow light"),
        Colour.RED: _("Pilots with a red light"),
        Colour.GREY: _("Pilots that cannot be rated"),
    }
    return [
        *([plans_figure(value.rollout)] if value.rollout else []),
        *(recorded_figure(value, kind) for kind in ("city", "park")),
        *(figure(f"light-{c}", label, now.lights[c], now.n, scope) for c, label in labels.items()),
        *([figure("lights-by-hand", _("Lights set by hand"), by_hand, now.n, scope)] if by_hand else []),
        on_track_figure(value),
        reported_figure(value),
        figure("follow-ups-open", _("Follow-ups still open"), follow_ups["open"], follow_ups["all"], every),
        figure(
            "follow-ups-overdue",
            _("Follow-ups overdue, of the open ones"),
            follow_ups["overdue"],
            follow_ups["open"],
            every,
        ),
    ]


def plans_figure(rollout: Rollout) -> Figure:
    """Return the provincial plans issued, of the provinces of the roster."""
    return figure(
        "plans",
        _("Provincial plans issued"),
        rollout.issued,
        rollout.roster,
        rollout.policy.short,
        of=_("of %(roster)d provinces") % {"roster": rollout.roster},
        note=join_clauses(filter(None, [rollout.policy.short, certainty_text(rollout)])),
        short=certainty_text(rollout),
        url=rollout.policy.get_absolute_url(),
        definition="rollout",
    )


def recorded_figure(value: Overview, kind: str) -> Figure:
    """Return the cities or parks recorded, of those announced."""
    city, scope = kind == "city", value.scope_text
    numbers = value.cities if city else value.parks
    withdrawn = ""  # without withdrawn ones the difference to the announced is clear
    if numbers.withdrawn and numbers.to_enter is not None:
        withdrawn = _("%(withdrawn)d withdrawn, %(to_enter)d to enter")
        withdrawn %= {"withdrawn": numbers.withdrawn, "to_enter": numbers.to_enter}
    inferred = _("%(n)d only inferred") % {"n": numbers.unverified} if numbers.unverified else ""
    return figure(
        "cities" if city else "parks",
        _("Pilot cities recorded") if city else _("Pilot parks recorded"),
        numbers.recorded,
        numbers.announced,
        scope,
        of=_("of %(n)d announced") % {"n": numbers.announced} if numbers.announced is not None else "",
        note=join_short(filter(None, [scope, withdrawn, inferred])),
        url=pilots_url(**value.batch_filter, kind=kind),
        definition="recorded",
    )


def reported_figure(value: Overview) -> Figure:
    """Return the pilots of which all values for the year due are accepted, of those that owe any; no value where none
    does, for nobody was asked or nothing was due yet.
    """
    owed = value.progress.outstanding
    if owed.owing:
        due = _("due on %(day)s") % {"day": format_date(owed.due_on, short=True)}
        due = join_clauses(filter(None, [due, waiting_text(owed)]))
    else:
        due = reported_text(owed)
    return figure(
        "reported",
        _("Pilots that reported values for %(year)d") % {"year": owed.year},
        owed.reported if owed.owing else None,
        owed.owing or None,
        value.scope_text,
        of=_("of %(n)s that owe values") % {"n": owed.owing},
        note=join_statements(value.scope_text, due),
        short=due,
        url="#outstanding" if owed.count else "",
    )


def on_track_figure(value: Overview) -> Figure:
    """Return the binding targets on the path, of the rated ones; no value where too few are rated to say."""
    on_track = value.progress.on_track
    unrated = ngettext("%(n)d not rated", "%(n)d not rated", on_track.unrated) % {"n": on_track.unrated}
    if on_track.few and on_track.total:
        unrated = _("%(rated)d of %(n)d rated: too few to say") % {"rated": on_track.rated, "n": on_track.total}
    return figure(
        "on-track",
        _("Binding targets on the path"),
        None if on_track.few else on_track.on_path,
        on_track.rated,
        value.scope_text,
        of=_("of %(n)d rated") % {"n": on_track.rated},
        note=join_statements(value.scope_text, unrated),
        short=unrated,
        url=f"{value.national.batch.get_absolute_url()}#on-track" if value.national else pilots_url(),
        definition="on-track",
    )


# -- map, provinces without a plan, pilots that need attention --------------------------------------------


def overview_map(overview: Overview, outside: Sequence[Province], sources: Sequence[Source]) -> Chart:
    """Return the tile map of the overview, with layers for plans, if they are counted, and pilots."""
    rollout, pilots = overview.rollout, pilot_count_layer(overview.provinces, outside)
    count: Column[ProvincePilots] = Column("pilots", _("Pilots"), kind="integer")
    if rollout is None:
        scope = _("Recorded pilots, as of %(day)s") % {"day": format_date(overview.as_of)}
        frame: dict[str, Any] = {"subtitle": scope, "sources": sources}
        table, grids = make_table([*place_columns(), count], overview.provinces), [pilots]
    else:
        plans = {row.province.pk: row for row in rollout.provinces}
        of_plans: list[Column[ProvinceRollout]] = [
            Column("status", _("Plan"), "status_text"),
            Column("issued_on", _("Issued"), "issued", kind="date"),
            Column("known_by", _("Latest date"), kind="date"),
        ]
        columns = [*place_columns(), *(c.of(lambda row: plans[row.province.pk]) for c in of_plans), count]
        frame, table = chart_frame(rollout, sources), make_table(columns, overview.provinces)
        grids = [plans_grid(rollout, outside), pilots]
    with_pilots = sum(row.pilots > 0 for row in overview.provinces)
    told: dict[str, Any] = {"pilots": with_pilots, "roster": len(overview.provinces)}
    title = _("%(pilots)d of %(roster)d provinces have a recorded pilot")
    if rollout and rollout.issued is not None:
        told |= {"policy": rollout.policy.short, "plans": rollout.issued, "certainty": certainty_text(rollout)}
        title = _("“%(policy)s”: %(plans)d of %(roster)d provinces have a plan, %(pilots)d have a recorded pilot")
        if told["certainty"]:
            title = _(
                "“%(policy)s”: %(plans)d of %(roster)d provinces have a plan (%(certainty)s), %(pilots)d have a "
                "recorded pilot"
            )
    return Chart(
        slug="map",
        kind="tiles",
        title=title % told,
        table=table,
        data={"grids": grids},
        note=map_note(),
        **frame,
    )


def without_plan(request: TrackerRequest, rollout: Rollout | None) -> dict[str, Any]:
    """Return the provinces that owe a plan and have none on record, those that are furthest first.

    `no_plan` is how many they are, `lag_note` for how long they have been waited for, and how long those took that are
    dated to the day. Each of `without_plan` has the form in which a reader who may enters who is responsible.
    """
    if rollout is None:
        return {}
    order, form = list(PlanStatus), admin.site.get_model_admin(ProvincialPlan)
    owing = [row for row in rollout.provinces if row.plan is None and row.status != PlanStatus.NOT_REQUIRED]
    rows: list[dict[str, Any]] = []
    for row in sorted(owing, key=lambda row: order.index(row.status)):
        address = ""
        record = None if row.status == PlanStatus.REPEALED else row.record  # the next plan is a new record
        if record and form.has_change_permission(request, record):
            address = reverse("admin:policies_provincialplan_change", args=[record.pk])
        elif not record and form.has_add_permission(request):
            query = urlencode({"policy": rollout.policy.pk, "province": row.province.pk})
            address = f"{reverse('admin:policies_provincialplan_add')}?{query}"
        rows.append({"row": row, "form": address})
    notes, text = [], _("All %(roster)d provinces have a plan") % {"roster": rollout.roster}
    if rows:
        text = ngettext(
            "%(n)d of %(roster)d provinces has no plan on record",
            "%(n)d of %(roster)d provinces have no plan on record",
            len(rows),
        )
        if any(row.repealed_on for row in owing):
            text = ngettext(
                "%(n)d of %(roster)d provinces has no plan in force",
                "%(n)d of %(roster)d provinces have no plan in force",
                len(rows),
            )
        text %= {"n": len(rows), "roster": rollout.roster}
        if rollout.days_since_policy is not None:
            days = format_days(rollout.days_since_policy)
            notes.append(_("%(days)s since the national plan") % {"days": days})
    elif certainty := certainty_text(rollout):
        text = _("%(text)s (%(more)s)") % {"text": text, "more": certainty}
    if rollout.median_lag_days is not None:
        days = format_days(whole_days(rollout.median_lag_days))
        notes.append(_("median of the %(n)d dated ones: %(days)s") % {"n": len(rollout.lags), "days": days})
    return {"without_plan": rows, "no_plan": text, "lag_note": join_clauses(notes)}


def attention_columns(shared: Collection[str]) -> list[Column[PilotStatus]]:
    """Return the columns of pilots that need attention; `shared` are names that several have."""
    return [
        pilot_column(shared, attrgetter("pilot")),
        Column("light", _("Light"), light_cell),
        Column("why", _("Why"), reason_cell),
        Column(
            "owner", _("Responsible"), lambda status: Cell(status.owner, page_text=in_reader_language(status.owner))
        ),
        Column(
            "days",
            _("Days in this colour"),
            lambda status: (status.as_of - status.since).days if status.since else None,
            kind="integer",
        ),
        Column("since", _("Since"), kind="date"),
        Column(
            "synergy",
            _("Class of synergy"),
            lambda status: found.get_kind_display() if (found := class_of(status)) else None,
            file_only=True,
        ),
    ]


def attention_table(value: Overview) -> Table:
    """Return the table of these pilots that need attention, worst first, for a file."""
    keys = value.progress.lit.filter(light_colour__in=ATTENTION).order_by(*WORST_FIRST).values_list("pk", flat=True)
    rows = in_chunks(keys, partial(read_pilots, value.as_of))
    return make_table(attention_columns(value.shared), rows, count=value.progress.needing_attention)
