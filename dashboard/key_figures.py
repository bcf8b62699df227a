"""Key figures of the programme, for the overview, the brief of the nation, and editions.

Each has `code`, `label`, `value` (None is no data), the `whole` that it is part of and the `scope` that is counted; for
pages also `of` (the whole in words), `note`, `url` and `definition`. Nothing is counted here.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text import format_date, join_clauses, join_short, join_statements
from dashboard.analytics.overview import Overview
from pilots.charts.cells import pilots_url
from pilots.lights import Colour, count_by_colour
from policies.charts import certainty_text
from policies.rollout import Rollout

Figure = dict[str, Any]


def figure(code: str, label: str, value: int | None, whole: int | None, scope: str, **shown: object) -> Figure:
    return {"code": code, "label": label, "value": value, "whole": whole, "scope": scope, **shown}


def overview_figures(value: Overview) -> list[Figure]:
    """Return the four figures beside the lights, each with its policy or batch and a link to its records.

    Where too few pilots are rated to draw lights, it is the recorded pilots that count.
    """
    found = [plans_figure(value.rollout)] if value.rollout else []
    if value.few_rated:
        if value.national:
            found += [recorded_figure(value, kind) for kind in ("city", "park")]
    elif value.progress.on_track.total:
        found.append(on_track_figure(value))
    if value.outstanding.owing and not value.few_rated:
        label = _("Reported for %(year)d") % {"year": value.outstanding.year}
        found.append({**reported_figure(value), "label": label})
    batch = value.national.batch if value.national else None
    if batch and batch.term_end:
        note = _("%(batch)s, to %(day)s") % {"batch": batch.label, "day": format_date(batch.term_end)}
        end = _("to %(day)s") % {"day": format_date(batch.term_end, short=True)}
        shown = {"of": _("days"), "note": note, "short": end, "url": batch.get_absolute_url()}
        left = max(0, value.days_left or 0)
        found.append(figure("days-left", _("Days of the term left"), left, None, batch.label, **shown))
    return found


def edition_figures(value: Overview) -> list[Figure]:
    """Return the figures that an edition freezes."""
    scope, every = value.scope_text, _("all provinces")
    progress, summary = value.progress, value.follow_up_summary
    lights = count_by_colour(item.colour for item in progress.pilots)
    labels = {
        Colour.GREEN: _("Pilots with a green light"),
        Colour.YELLOW: _("Pilots with a yellow light"),
        Colour.RED: _("Pilots with a red light"),
        Colour.GREY: _("Pilots that cannot be rated"),
    }
    return [
        *([plans_figure(value.rollout)] if value.rollout else []),
        *(recorded_figure(value, kind) for kind in ("city", "park")),
        *(figure(f"light-{c}", label, lights[c], len(progress.pilots), scope) for c, label in labels.items()),
        on_track_figure(value),
        reported_figure(value),
        figure("follow-ups-open", _("Follow-ups still open"), summary.open, summary.total, every),
        figure("follow-ups-overdue", _("Follow-ups overdue, of the open ones"), summary.overdue.n, summary.open, every),
        figure("practices", _("Practices in the library"), value.in_library, sum(value.practices.values()), every),
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
    """Return the pilots with an accepted value for the year due, of those that owe one."""
    owed = value.outstanding
    due = _("due on %(day)s") % {"day": format_date(owed.due_on, short=True)}
    return figure(
        "reported",
        _("Pilots that reported values for %(year)d") % {"year": owed.year},
        owed.owing - owed.count,
        owed.owing,
        value.scope_text,
        of=_("of %(n)s pilots") % {"n": owed.owing},
        note=join_statements(value.scope_text, due),
        short=due,
        url="#not-reported" if owed.count else "",
    )


def on_track_figure(value: Overview) -> Figure:
    """Return the binding targets on the path, of the rated ones; no value where too few are rated to say."""
    found = value.progress.on_track
    unrated = ngettext("%(n)d not rated", "%(n)d not rated", found.unrated) % {"n": found.unrated}
    if found.few and found.total:
        unrated = _("%(rated)d of %(n)d rated: too few to say") % {"rated": found.rated, "n": found.total}
    return figure(
        "on-track",
        _("Binding targets on the path"),
        None if found.few else found.on_path,
        found.rated,
        value.scope_text,
        of=_("of %(n)d rated") % {"n": found.rated},
        note=join_statements(value.scope_text, unrated),
        short=unrated,
        url=f"{value.national.batch.get_absolute_url()}#on-track" if value.national else pilots_url(),
        definition="on-track",
    )
