"""Briefs: one page about the nation, a batch, a province or a pilot on a day; their subjects and addresses.

A brief is the dictionary that its JSON file holds, independent of how it is written (page, PDF, DOCX, JSON), and so are
its blocks: `facts`, `lines` and `table` by their `type`. Every value is text, formatted in the brief's language: a
writer only sets it out. The numbers of lines below are those that fit on one page of A4. Numbers are those of the
analytics that pages and API use.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import chain, zip_longest
from typing import Any, NamedTuple
from urllib.parse import urlencode

import django_filters
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet, TextChoices
from django.db.models.functions import RowNumber
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext as _

from core.days import holds_demonstration, today
from core.errors import Problem
from core.http import TrackerRequest, parse_day
from core.text import (
    format_date,
    format_days,
    format_number,
    join_clauses,
    join_sentences,
    join_short,
    join_statements,
    label_value,
    no_data,
)
from dashboard.overview.services import Overview, plan_sources, plans_figure
from pilots.amendments import changes_of
from pilots.analytics.pilot_status import PilotStatus, build_statuses, pilot_status, prefetch_for_status
from pilots.analytics.progress import (
    BY_BATCH,
    BY_HAND,
    WORST_FIRST,
    LightCounts,
    LightSummary,
    OnTrack,
    OutstandingReports,
    Progress,
    count_lights,
    quarter_end_before,
)
from pilots.analytics.reconciliation import BatchCount, PilotSet, Reconciliation, build_reconciliation, term_days_left
from pilots.analytics.synergy import Synergy
from pilots.charts.cells import (
    by_hand_text,
    class_of,
    class_text,
    name_beside,
    reported_text,
    shared_names,
    waiting_text,
)
from pilots.charts.stages import stage_label, time_in_stage
from pilots.charts.synergy import recorded_pilots_text
from pilots.filters import BatchFilter, PilotFilter
from pilots.follow_ups.tables import RELATED, open_link
from pilots.lights import (
    ENTRY_DAYS,
    OF_VALUE,
    Colour,
    Light,
    LightReason,
    ReportState,
    Subject,
    count_by_colour,
    item_lights,
)
from pilots.metrics import CoControl, Stage, StageFunnel
from pilots.models import Amendment, Batch, Completion, FollowUp, Pilot, Reading
from pilots.models.light import on_day
from pilots.models.reading import VALUE_KEY_FIELDS, newest_accepted
from pilots.tables import sources_of
from policies.filters import ProvinceFilter
from policies.models import PlanStatus, Province, ProvincialPlan, Source
from policies.rollout import Rollout, build_province_plans

SINCE = "since"


class BriefKind(TextChoices):
    """Kinds of subject of a brief, in the order in which they are offered."""

    NATION = "nation", pgettext_lazy("kind of brief", "Nation")
    BATCH = "batch", pgettext_lazy("kind of brief", "Batch")
    PROVINCE = "province", pgettext_lazy("kind of brief", "Province")
    PILOT = "pilot", pgettext_lazy("kind of brief", "Pilot")


Brief = dict[str, Any]
Block = dict[str, Any]
Line = dict[str, str]
MAX_LINES, MAX_SOURCES = 5, 4
MAX_QUESTIONS = 3
NAMES_ASKED, NAMES_TOLD = 3, 4  # on one line


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


def lines(title: str, items: Sequence[Line], empty: str = "", n: int = 0) -> Block:
    """Return a list of lines, the first of `n`; `more` is the number left out, `empty` what is said without any."""
    shown = list(items[:MAX_LINES])
    return {"type": "lines", "title": title, "items": shown, "more": (n or len(items)) - len(shown), "empty": empty}


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Block:
    """Return a table whose rows have a text for each column; `more` is the number of rows left out."""
    return {"type": "table", "title": title, "columns": list(columns), "rows": [list(row) for row in rows], "more": 0}


# -- the nation, a batch, a province ------------------------------------------------------------------------


def nation_title() -> str:
    return _("National brief on the synergy pilots")


def nation_content(_slug: str, days: Days) -> dict[str, Any]:
    """Return the content of the nation's brief: the latest national batch, and the rollout of the lead policy."""
    value = Overview(days.as_of)
    rollout, national = value.rollout, [value.national] if value.national else []
    entered, corrected, sources = "", "", []
    plans = fact(_("Provincial plans issued"), no_data(), "", _("no policy calls for them yet"))
    if rollout and rollout.issued is not None:
        figure = plans_figure(rollout)
        plans = fact(figure["label"], format_number(figure["value"]), figure["of"], figure["note"])
    if rollout:
        names = [row.province.short for row in rollout.known_since(days.since)]
        if names:
            text = ngettext("%(n)d provincial plan", "%(n)d provincial plans", len(names)) % {"n": len(names)}
            entered = _("%(text)s (%(more)s)") % {"text": text, "more": names_text(names)}
        corrected = plans_corrected(days, policy_id=rollout.policy.pk)
        sources += [Source.objects.filter(policy=rollout.policy)]
    sources += [Source.objects.filter(batch=value.national.batch)] if value.national else []
    sources += [plan_sources(rollout.provinces)] if rollout else []
    return {
        "title": nation_title(),
        "subtitle": value.chosen.name_with_count(value.progress.n),
        **set_content(
            value.progress,
            FollowUp.objects,
            days,
            [recorded_fact(value.all_kinds), plans],
            changes=(entered, corrected),
            questions=[about_missing_pilots(national), about_plans(rollout)],
            days_left=value.days_left,
            classes=classes_statement(value.synergy),
            sources=sources,
        ),
    }


def batch_content(slug: str, days: Days) -> dict[str, Any]:
    """Return the content of a batch's brief. Raises Batch.DoesNotExist."""
    batch = Batch.objects.known(days.as_of).get(slug=slug)
    progress = Progress(Pilot.objects.listed(days.as_of).filter(batch=batch), days.as_of)
    count = build_reconciliation(days.as_of, pk=batch.pk)[0]
    return {
        "title": batch.label,
        "subtitle": PilotSet(batch=batch).name_with_count(progress.n),
        **set_content(
            progress,
            FollowUp.objects.filter(pilot__batch=batch),
            days,
            [recorded_fact(count.total), stage_fact(progress.funnel())],
            questions=[about_missing_pilots([count])],
            days_left=term_days_left(batch.term_end, days.as_of),
            sources=[batch.sources.all()],
        ),
    }


def province_content(slug: str, days: Days) -> dict[str, Any]:
    """Return the content of a province's brief. Raises Province.DoesNotExist for one outside the programme."""
    province = Province.objects.roster().get(slug=slug)
    progress = Progress(Pilot.objects.listed(days.as_of).filter(province=province), days.as_of)
    plans = build_province_plans(province, days.as_of)
    owed = [(policy, row) for policy, row in plans if policy.calls_for_provincial_plan]
    label = _("Plans issued for national policies")
    if owed:
        missing = [label_value(policy.short, row.status_text) for policy, row in owed if not row.plan]
        issued, noun = len(owed) - len(missing), _("of %(n)s called for")
        plans_owed = share_fact(label, issued, len(owed), noun, join_clauses(missing))
    else:
        plans_owed = fact(label, no_data(), "", _("no policy calls for one"))
    new = [policy.short for policy, row in plans if row.plan and (row.plan.known_issued_by or days.since) > days.since]
    text = _("Plan of the province: %(status)s. When will it be issued?")
    asked = [
        line(policy.short, text % {"status": row.status_text})
        for policy, row in owed
        if row.status not in {PlanStatus.ISSUED, PlanStatus.NOT_REQUIRED}
    ]
    return {
        "title": province.name,
        "subtitle": recorded_pilots_text(progress.n),
        **set_content(
            progress,
            province.follow_ups,
            days,
            [plans_owed, stage_fact(progress.funnel())],
            changes=(
                label_value(_("plan issued"), join_clauses(new)) if new else "",
                plans_corrected(days, province_id=province.pk),
            ),
            questions=[asked],
            sources=[plan_sources(row for _policy, row in plans)],
            last_sources=province.sources.all(),
        ),
    }


def set_content(
    progress: Progress,
    follow_ups: Any,
    days: Days,
    numbers: Sequence[Line],
    *,
    changes: tuple[str, str] = ("", ""),
    questions: Sequence[Sequence[Line]],
    days_left: int | None = None,
    classes: str = "",
    sources: Sequence[Iterable[Source]],
    last_sources: Iterable[Source] = (),
) -> dict[str, Any]:
    """Return headline, blocks and sources of a set of pilots: lights, facts, changes, red pilots and questions.

    `follow_ups` are those of the pilots and of what contains them; `numbers`, `changes` (entered, corrected),
    `questions` and `sources` are added to those of the pilots.
    """
    outstanding, keys, lights = progress.outstanding, progress.rows.values("pk"), pilot_lights(progress, days.since)
    sentence = lights.sentence(classes)
    headline = join_sentences(sentence, on_track_headline(progress, days_left) + _(".")) if progress.n else sentence
    listed = progress.rows.filter(batch__known_by__gt=days.since).count()
    listed_text = ngettext("%(n)d pilot", "%(n)d pilots", listed) % {"n": listed} if listed else ""
    entered, corrected = values_changed(Reading.objects.filter(pilot__in=keys), days)
    told, replanned = [listed_text, entered, changes[0]], replanned_text(replanned_since(progress, days.since), days)
    (reds, unattended), none = red_pilots(progress), sentence if lights.is_unrated else _("No pilot is red.")
    return {
        "headline": headline,
        "light": None,
        "blocks": [
            *([] if lights.is_unrated else [lights.table(_("Lights"))]),  # the headline says that none is rated
            facts(*numbers, reported_fact(outstanding), on_path_fact(progress.on_track)),
            changes_block(days, (told, [corrected, replanned, changes[1]]), lights),
            lines(_("Red pilots"), reds, none, progress.now.lights[Colour.RED]),
            questions_block(about_overdue(follow_ups, days), unattended, about_reports(outstanding), *questions),
        ],
        "sources": [
            *(source for some in sources for source in some),
            *Source.objects.filter(pilot__in=keys).distinct(),
            *last_sources,
        ],
    }


def red_pilots(progress: Progress) -> tuple[list[Line], list[Line]]:
    """Return a line on the first red pilots, longest red first, and a question on the first without a follow-up."""
    reds, told = progress.lit.filter(light_colour=Colour.RED.value).order_by(*WORST_FIRST), list[Line]()
    followed: Any = FollowUp.objects.filter(pilot=OuterRef("pk")).with_state(progress.as_of)
    first, unattended = reds[:MAX_LINES], reds.exclude(Exists(followed.open()))[:MAX_QUESTIONS]
    keys, asked = (list(rows.values_list("pk", flat=True)) for rows in (first, unattended))
    statuses = {status.pilot.pk: status for status in build_statuses({*keys, *asked}, progress.as_of)}
    shared = shared_names(progress.rows) if keys else ()
    names = {key: name_beside(shared, status.pilot) for key, status in statuses.items()}
    for status in map(statuses.__getitem__, keys):
        synergy = class_text(own) if (own := class_of(status)) else ""
        detail = red_detail(status.owner, status.since, status.open_follow_ups, synergy)
        told.append(line(names[status.pilot.pk], status.sentence, detail, Colour.RED.value))
    return told, [about_unattended(names[key], statuses[key].owner, statuses[key].since) for key in asked]


# -- a pilot ----------------------------------------------------------------------------------------------


def pilot_content(slug: str, days: Days) -> dict[str, Any]:
    """Return the content of a pilot's brief. Raises Pilot.DoesNotExist."""
    pilot = Pilot.objects.known(days.as_of).get(slug=slug)
    status, progress = pilot_status(pilot, days.as_of), Progress(Pilot.objects.filter(pk=pilot.pk), days.as_of)
    lights = promise_lights(status, days.since)
    entered, corrected = values_changed(Reading.objects.filter(pilot=pilot), days)
    blocks = [changes_block(days, ([entered], [corrected, replanned_text([status.pilot], days)]), lights)]
    if not pilot.withdrawn_by(days.as_of):
        behind, unattended = behind_lines(status)
        if not lights.counts.now.n:
            empty = _("No target and no milestone is recorded.")
        elif lights.is_unrated:
            empty = _("No target and no milestone can be rated yet.")
        else:
            empty = _("No target and no milestone is behind.")
        no_plan, span = [], status.list_to_plan
        if span and not span.done:
            text = _("%(days)s since it was listed, and no plan on record: when will it be issued?")
            no_plan = [line(status.pilot.name, text % {"days": format_days(span.days)})]
        about = [about_overdue(pilot.follow_ups, days), unattended, about_reports(progress.outstanding), no_plan]
        tables = [] if lights.is_unrated else [lights.table(_("Targets and milestones"))]
        blocks = [*tables, facts_block(status), *blocks, lines(_("What is behind"), behind, empty)]
        blocks.append(questions_block(*about))
    why = [status.sentence, *([class_text(own)] if (own := class_of(status)) else [])]
    place = [status.pilot.get_kind_display().capitalize(), status.pilot.province.name, status.pilot.batch.label]
    return {
        "title": status.pilot.name,
        "subtitle": " · ".join(place),
        "headline": "",
        "light": {"status": status.colour.value, "label": light_text(status.colour), "reason": join_clauses(why)},
        "blocks": blocks,
        "sources": [*pilot.sources.all(), *sources_of([pilot.pk])],
    }


def promise_lights(status: PilotStatus, since: date) -> Lights:
    """Return the lights of the pilot's targets and milestones on both days, without those in force on neither."""
    pairs = zip(item_lights(status.records, since), [*status.indicators, *status.milestones], strict=False)
    in_force = [(item, before) for before, item in pairs if before.in_force or item.in_force]
    moved: dict[str, list[str]] = defaultdict(list)
    for item, before in in_force:
        if move := move_of(before.colour, item.colour):
            moved[move].append(light_name(item))
    now, then = (count_by_colour(pair[n].colour for pair in in_force) for n in (0, 1))
    counts = LightSummary(LightCounts(status.as_of, now, {}), LightCounts(since, then, {}))
    return Lights(counts, {move: (len(names), names) for move, names in moved.items()})


def light_name(light: Light) -> str:
    """Return the name of the target or milestone whose light it is, or of rectifying."""
    if light.of == Subject.STAGE:
        return str(light.record.get_stage_display())
    return str(light.record.indicator.name if light.of == Subject.TARGET else light.record.name)


def facts_block(status: PilotStatus) -> Block:
    """Return the stage, the milestones, the targets and the term, as on the page of the pilot."""

    def in_all(n: int) -> str:
        return _("%(n)d in all") % {"n": n}

    stage, since = stage_label(status), status.current_stage.since if status.current_stage else None
    note = " · ".join(filter(None, [stage, _("since %(day)s") % {"day": format_date(since)} if since else ""]))
    lines = [fact(_("Days in stage"), format_number(time_in_stage(status)), "", note or _("no stage on record"))]
    counts, label = status.counts, _("Milestones done")
    if counts.total:
        done, note = counts.due - counts.late, in_all(counts.total)
        lines.append(share_fact(label, done, counts.due, _("of %(n)s due"), note))
    else:
        lines.append(fact(label, no_data(), "", _("none recorded")))
    targets = [item for item in status.indicators if item.in_force and item.why != LightReason.PAST]
    rated, label = [item for item in targets if item.colour != Colour.GREY], _("Targets on schedule")
    note = in_all(len(targets)) if targets else _("no target in force")
    if rated:
        green = sum(item.colour == Colour.GREEN for item in rated)
        lines.append(share_fact(label, green, len(rated), _("of %(n)s rated"), note))
    else:
        lines.append(fact(label, no_data(), "", note))
    left, end = term_days_left(status.pilot.ends_on, status.as_of), status.pilot.ends_on
    note = _("to %(day)s") % {"day": format_date(end)} if end else _("term not known")
    days = format_number(max(0, left)) if left is not None else no_data()
    return facts(*lines, fact(_("Days of the term left"), days, "", note))


def behind_lines(status: PilotStatus) -> tuple[list[Line], list[Line]]:
    """Return a line on each target and milestone, or rectifying, that turns the light red or yellow, worst first; and a
    question about each red one that has no open follow-up.

    A follow-up of the pilot as a whole is about each of them.
    """
    behind, unattended = [], []
    for reason in status.reasons:
        if reason.effect not in (Colour.RED, Colour.YELLOW):
            continue
        causes = {(None, None), reason.cause}
        own = [f for f in status.open_follow_ups if (f.cause_target_id, f.cause_milestone_id) in causes]
        colour, owner = reason.colour, status.owner_of(reason)
        behind.append(line(str(colour.label), status.text_of(reason), red_detail(owner, None, own), colour.value))
        if reason.effect == Colour.RED and not own:
            unattended.append(about_unattended(light_name(reason), owner, None))
    return behind, unattended


# -- facts -------------------------------------------------------------------------------------------------


def share_fact(label: str, n: int | None, of: int | None, noun: str, note: str = "") -> Line:
    """Return a number with its whole, such as `of 64 pilots`; the whole is left out where it is not known."""
    return fact(label, format_number(n), "" if of is None else noun % {"n": format_number(of)}, note)


def reported_fact(reports: OutstandingReports) -> Line:
    """Return the pilots of which all values for the year due are accepted, of those that owe any."""
    label = _("Reported for %(year)d") % {"year": reports.year}
    if not reports.owing:
        return fact(label, no_data(), "", reported_text(reports))
    noun, waiting = _("of %(n)s that owe values"), waiting_text(reports)
    return share_fact(label, reports.reported, reports.owing, noun, waiting)


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


def recorded_fact(numbers: Reconciliation) -> Line:
    """Return the pilots recorded, of those announced, with the withdrawn ones."""
    withdrawn = _("%(n)d withdrawn") % {"n": numbers.withdrawn} if numbers.withdrawn else ""
    return share_fact(_("Pilots recorded"), numbers.recorded, numbers.announced, _("of %(n)s announced"), withdrawn)


def stage_fact(funnel: StageFunnel) -> Line:
    """Return the pilots at or past the stage of an issued plan, of those in the programme."""
    stage = Stage.PLAN_ISSUED
    label = _("At or past: %(stage)s") % {"stage": stage.label}
    unknown = ngettext("%(n)d without a stage on record", "%(n)d without a stage on record", funnel.unknown)
    note = unknown % {"n": funnel.unknown} if funnel.unknown else ""
    return share_fact(label, funnel.reached[stage], funnel.n, _("of %(n)s pilots"), note)


def plans_corrected(days: Days, **of: int) -> str:
    """Return the number of plans whose record was changed or deleted between the two days. One query.

    `of` says which plans: `policy_id`, `province_id`.
    """
    entries = ProvincialPlan.history.filter(**of, history_type__in="~-", history_date__date__gt=days.since)
    until = min(days.as_of, days.known)
    if until < today():  # which has no end: in a demonstration the clock runs past it
        entries = entries.filter(history_date__date__lte=until)
    n = entries.order_by().values("id").distinct().count()
    return ngettext("record of %(n)d provincial plan", "records of %(n)d provincial plans", n) % {"n": n} if n else ""


# -- lights of two days ------------------------------------------------------------------------------------


NEWLY_RED, CLEARED, NO_LONGER_RATED, BY_HAND_MOVED = "newly_red", "cleared", "no_longer_rated", "by_hand"
"""How a light moved. What is cleared was red and is rated now; one set by hand on either day is told apart."""


class Lights(NamedTuple):
    """Lights of the same pilots, or promises of one, on two days; by how they moved how many, and first names."""

    counts: LightSummary
    moved: Mapping[str, tuple[int, Sequence[str]]]

    @property
    def is_unrated(self) -> bool:
        """Whether none of them is rated on either day."""
        return not any(counts.rated for counts in self.counts)

    def table(self, title: str) -> Block:
        """Return the counts by colour on the day and on the day of comparison, of the same records."""
        # Only milestones are ever blue.
        shown = [c for c in Colour if c != Colour.BLUE or any(counts.lights[c] for counts in self.counts)]
        hand, columns = [sum(counts.by_hand.values()) for counts in self.counts], [_("Day"), *map(light_text, shown)]
        rows = [[counts.lights[colour] for colour in shown] + [counts.n] for counts in self.counts]
        columns.append(_("All together"))
        if any(hand):
            columns.append(_("Set by hand"))
            rows = [[*row, n] for row, n in zip(rows, hand, strict=True)]
        days = [format_date(counts.on) for counts in self.counts]
        return table(title, columns, [[day, *map(format_number, row)] for day, row in zip(days, rows, strict=True)])

    def sentence(self, more: str = "") -> str:
        """Return the sentence on red pilots and whether they are more than on the day of comparison, and `more`."""
        if not self.counts.now.n:
            return _("No pilot is recorded.")
        if self.is_unrated:
            return _("No pilot can be rated yet.")
        return join_clauses(filter(None, [red_statement(self.counts), more])) + _(".")


def moves_since(progress: Progress, since: date) -> tuple[dict[str, list[int]], int]:
    """Return the keys of the pilots by how their light moved since a day, and how many are newly red by a value
    accepted since. One query.
    """
    before, red = models.FilteredRelation("lights", condition=on_day(since, "lights__")), Colour.RED.value
    rows = progress.lit.annotate(light_then=before, then=F("light_then__colour"), why_then=F("light_then__why"))
    rows = rows.filter(BY_HAND | Q(why_then=LightReason.BY_HAND.value) | Q(light_colour=red) | Q(then=red))
    new = Q(light_why__in=OF_VALUE, light__reading__accepted_on__range=(since + timedelta(1), progress.as_of))
    columns = (
        "pk",
        "light_why",
        "why_then",
        "then",
        "light_colour",
        models.Case(models.When(new, then=models.Value(1)), default=models.Value(0)),
    )
    moves, by_value = defaultdict[str, list[int]](list), 0
    for key, *whys, then, now, n in rows.exclude(then=F("light_colour")).order_by(*BY_BATCH).values_list(*columns):
        if move := BY_HAND_MOVED if LightReason.BY_HAND in whys else move_of(then, now):
            moves[move].append(key)
            by_value += n * (move == NEWLY_RED)
    return moves, by_value


def move_of(then: str, now: str) -> str:
    """Return how a light moved; empty where it neither was nor is red."""
    if now == Colour.RED != then:
        return NEWLY_RED
    if then == Colour.RED != now:
        return NO_LONGER_RATED if now == Colour.GREY else CLEARED
    return ""


def pilot_lights(progress: Progress, since: date) -> Lights:
    """Return the lights of the pilots on both days."""
    moves, _by_value = moves_since(progress, since)
    shown = Pilot.objects.select_related("batch").in_bulk({key for keys in moves.values() for key in keys[:NAMES_TOLD]})
    shared = shared_names(progress.rows) if shown else ()
    names = {key: name_beside(shared, pilot) for key, pilot in shown.items()}
    moved = {move: (len(keys), [names[key] for key in keys[:NAMES_TOLD]]) for move, keys in moves.items()}
    return Lights(LightSummary(progress.now, count_lights(progress.rows, since)[0]), moved)


def red_statement(counts: LightSummary) -> str:
    """Return the statement on red pilots, on whether they are more than then, and on lights set by hand."""
    n, red, change = counts.now.n, counts.now.lights[Colour.RED], counts.change(Colour.RED)
    text = ngettext("%(red)d of %(n)d pilot is red", "%(red)d of %(n)d pilots are red", n) % {"red": red, "n": n}
    numbers = {"n": abs(change), "day": format_date(counts.then.on)}
    if change > 0:
        than = _("%(n)d more than on %(day)s") % numbers
    elif change < 0:
        than = _("%(n)d fewer than on %(day)s") % numbers
    else:
        than = _("as many as on %(day)s") % numbers
    return join_clauses(filter(None, [join_statements(text, than), by_hand_text(counts.now.by_hand)]))


def classes_statement(synergy: Synergy) -> str:
    """Return the statement on pollution and carbon together; empty where no pilot can be judged."""
    text = ngettext(
        "in %(up)d of the %(n)d that can be judged, pollution falls while carbon rises",
        "in %(up)d of the %(n)d that can be judged, pollution falls while carbon rises",
        synergy.judged,
    )
    numbers = {"up": synergy.kinds[CoControl.POLLUTION_DOWN_CARBON_UP], "n": synergy.judged}
    return text % numbers if synergy.judged else ""


def light_text(colour: Colour) -> str:
    """Return a colour with its meaning: `Red (far behind)`."""
    return _("%(text)s (%(more)s)") % {"text": colour.label, "more": colour.meaning}


# -- what changed ------------------------------------------------------------------------------------------


def changes_block(days: Days, told: Sequence[Iterable[str]], lights: Lights) -> Block:
    """Return the block of changes: `told` is what was entered, and what was corrected. One sentence in place of the
    lines where nothing changed.
    """
    title = _("What changed since %(day)s") % {"day": format_date(days.since)}
    entered, corrected = (join_clauses(filter(None, texts)) for texts in told)
    moved = {pgettext("change", "Cleared"): CLEARED, _("Newly red"): NEWLY_RED}
    rare = {_("Red, now not rated"): NO_LONGER_RATED, _("Set by hand, or no longer"): BY_HAND_MOVED}
    moved |= {label: move for label, move in rare.items() if move in lights.moved}
    nothing, changed = _("Nothing was entered or corrected."), list[Line]()
    if lights.counts.now.n and lights.is_unrated:
        nothing = _("Nothing was entered or corrected; no light can be compared, since none is rated on either day.")
        changed = [line(_("Lights"), _("none can be rated on either day"))]
    elif lights.counts.now.n:
        nothing = _("Nothing was entered, cleared or corrected, and nothing is newly red.")
        changed = [line(label, counted_names(*lights.moved.get(move, (0, ())))) for label, move in moved.items()]
    if not (entered or corrected or lights.moved):
        return lines(title, [], nothing)
    first, last = pgettext("change", "Entered"), pgettext("change", "Corrected")
    return lines(title, [line(first, entered or _("none")), *changed, line(last, corrected or _("none"))])


def names_text(names: Sequence[str], most: int = NAMES_TOLD, n: int = 0) -> str:
    """Return some names, the first of `n`: `Hebei, Shanxi and 3 more`."""
    shown, rest = join_short(names[:most]), (n or len(names)) - most
    return _("%(names)s and %(rest)d more") % {"names": shown, "rest": rest} if rest > 0 else shown


def counted_names(n: int, names: Sequence[str]) -> str:
    """Return a number of names, and the first of them; `none` without any."""
    return label_value(n, names_text(names, n=n)) if n else _("none")


def values_changed(readings: QuerySet[Reading], days: Days) -> tuple[str, str]:
    """Return how many values were entered and corrected between the two days, as texts that may be empty. One query.

    A value is that of a pilot, an indicator and a period. Entered: it counts on the day and did not on the day of
    comparison. Corrected: it counted on both and reads otherwise.
    """
    same = Reading.objects.filter(**{name: OuterRef(name) for name in VALUE_KEY_FIELDS}, accepted_on__lte=days.since)
    new = newest_accepted(days.as_of, readings.filter(accepted_on__gt=days.since)).order_by()
    new = new.annotate(before=models.Subquery(same.order_by("-version").values("value")[:1]))
    of = {"entered": Q(before=None), "corrected": Q(before__isnull=False) & ~Q(before=F("value"))}
    numbers = new.aggregate(**{name: models.Count("pk", filter=condition) for name, condition in of.items()}).values()
    entered, corrected = (ngettext("%(n)d value", "%(n)d values", n) % {"n": n} if n else "" for n in numbers)
    return entered, corrected


def replanned_since(progress: Progress, since: date) -> QuerySet[Pilot]:
    """Return the pilots of which a promise was amended, or completed by a late entry, since then; with what changed."""
    own, period = {"pilot": OuterRef("pk")}, (since + timedelta(1), progress.as_of)
    amended = Amendment.objects.filter(**own, accepted=True, decided_on__range=period)
    entered_late = {"entered_on__range": period, "entered_on__gt": F("completed_on") + timedelta(ENTRY_DAYS)}
    late = Completion.objects.filter(**own, **entered_late)
    rows = progress.rows.filter(Exists(amended) | Exists(late)).order_by(*BY_BATCH)
    return prefetch_for_status(rows, without=("stages", "readings", "overrides", "not_given", "deadlines"))


def replanned_text(pilots: Iterable[Pilot], days: Days) -> str:
    """Return the milestones and targets amended or completed by a late entry since then, and of which pilots."""
    changes = ((pilot.name, changes_of(pilot, days.as_of)) for pilot in pilots)
    counts = [(name, sum(item.on > days.since for item in found)) for name, found in changes]
    n = sum(count for _name, count in counts)
    text = ngettext("%(n)d milestone or target", "%(n)d milestones and targets", n) % {"n": n}
    names = names_text([name for name, count in counts if count])
    return _("%(text)s (%(more)s)") % {"text": text, "more": names} if n else ""


# -- what is red -------------------------------------------------------------------------------------------


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


def about_overdue(follow_ups: Any, days: Days) -> list[Line]:
    """Return a question about each overdue follow-up, latest first. One query."""
    text = _("Overdue by %(days)s: what is still missing, and by when is it done?")
    asked = []
    rows = follow_ups.with_state(days.as_of).filter(is_overdue=True).select_related(*RELATED)
    for item in rows.order_by("current_due_on", "-opened_on", "-pk")[:MAX_QUESTIONS]:
        about = f"{item.subject.name} · {item.owner_agency.name}"
        asked.append(line(str(item), text % {"days": format_days(item.days_late)}, about))
    return asked


def about_unattended(name: str, owner: str, since: date | None) -> Line:
    """Return the question about a red light without an open follow-up."""
    if since is None:
        return line(name, _("Red, and no follow-up is open: who acts, and by when?"), owner)
    text = _("Red since %(day)s, and no follow-up is open: who acts, and by when?")
    return line(name, text % {"day": format_date(since)}, owner)


def about_reports(reports: OutstandingReports) -> list[Line]:
    """Return a question about the pilots that owe values for the year due, by where these are held up."""
    text = _("Values for %(year)d, due on %(due)s: %(state)s. When will they be accepted?")
    asked = []
    for state, names in held_up(reports, shared_names(reports.rows) if reports.count else (), NAMES_ASKED).items():
        words = {"year": reports.year, "due": format_date(reports.due[state]), "state": state.label}
        asked.append(line(names, text % words))
    return asked


def held_up(reports: OutstandingReports, shared: Collection[str], most: int) -> dict[ReportState, str]:
    """Return where values are held up, with the names of the first pilots of each. One query."""
    place = models.Window(RowNumber(), partition_by="light_outstanding", order_by=BY_BATCH)
    rows, names = reports.rows.annotate(nth=place).filter(nth__lte=most), defaultdict[str, list[str]](list)
    for pilot in rows.select_related("batch") if reports.count else ():
        names[pilot.light_outstanding].append(name_beside(shared, pilot))
    return {state: names_text(names[state.value], most, reports.counts[state]) for state in reports.due}


def about_plans(rollout: Rollout | None) -> list[Line]:
    """Return one question for each status other than issued or not required, about the provinces that have it."""
    if rollout is None or rollout.issued is None:
        return []
    texts = {
        PlanStatus.DRAFTING: _("The plan for “%(policy)s” is being drafted: when will it be issued?"),
        PlanStatus.NOT_FOUND: _("No plan for “%(policy)s” was found: is there one?"),
        PlanStatus.REPEALED: _("The plan for “%(policy)s” is repealed: is there a new one?"),
        PlanStatus.UNKNOWN: _("It is not on record whether a plan for “%(policy)s” is issued: is there one?"),
    }
    asked = []
    for status, text in texts.items():
        names = [row.province.short for row in rollout.provinces if row.status == status]
        if names:
            asked.append(line(names_text(names, NAMES_ASKED), text % {"policy": rollout.policy.short}))
    return asked


def about_missing_pilots(counts: Iterable[BatchCount]) -> list[Line]:
    """Return a question about each batch of which announced pilots are not entered."""
    asked = []
    for count in counts:
        missing = count.total.to_enter or 0
        if missing:
            text = ngettext(
                "%(n)d of %(all)d announced pilots is not entered: which is it?",
                "%(n)d of %(all)d announced pilots are not entered: which are they?",
                missing,
            )
            asked.append(line(count.batch.label, text % {"n": missing, "all": count.total.announced}))
    return asked


def on_track_headline(progress: Progress, days_left: int | None) -> str:
    """Return the sentence on binding targets on the path, of the rated ones, and the days left."""
    on_track = progress.on_track
    if not on_track.rated:
        return _("No binding target can be rated yet")
    if on_track.few:
        text = _("%(rated)d of %(n)d binding targets are rated: too few to say how many are on the path")
        return text % {"rated": on_track.rated, "n": on_track.total}
    text = ngettext(
        "%(on)d of %(rated)d rated binding target is on the path",
        "%(on)d of %(rated)d rated binding targets are on the path",
        on_track.rated,
    ) % {"on": on_track.on_path, "rated": on_track.rated}
    if days_left is None or days_left < 0:
        return text
    return _("%(text)s, %(days)s left") % {"text": text, "days": format_days(days_left)}


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


# -- any ---------------------------------------------------------------------------------------------------

CONTENTS: Mapping[str, Callable[[str, Days], dict[str, Any]]] = {
    BriefKind.NATION: nation_content,
    BriefKind.BATCH: batch_content,
    BriefKind.PROVINCE: province_content,
    BriefKind.PILOT: pilot_content,
}


def brief_path(kind: str, slug: str) -> str:
    return reverse("brief", args=[kind, slug]) if slug else reverse("brief-nation")


def requested_brief(request: TrackerRequest, kind: str, slug: str) -> Brief:
    """Return the brief that a request asks for; `slug` is the record's slug, empty for the nation.

    It compares with `since`, by default the end of the last quarter before the day. Raises Http404 for an unknown kind
    or subject, or one not known on the day, Problem for a `since` that is no ISO date or not before the day.
    """
    since = parse_day(request.GET, SINCE) if SINCE in request.GET else None
    if since and since >= request.as_of:
        message = _("%(name)s: %(value)s is not before %(day)s, the day of the brief. Give an earlier day.")
        values = {"name": SINCE, "value": since, "day": request.as_of}
        raise Problem(SINCE, "not_before", message % values)
    if kind not in CONTENTS or (kind == BriefKind.NATION) != (slug == ""):
        raise Http404
    language, days = get_language(), Days(request.as_of, request.known, since or quarter_end_before(request.as_of))
    try:
        content = CONTENTS[kind](slug, days)
    except ObjectDoesNotExist:
        raise Http404 from None
    query = {**days._asdict(), "lang": language}  # finds the same brief again
    return {
        "kind": kind,
        "slug": slug,
        "language": language,
        **content,
        "subtitle": f"{_('Brief')} · {content['subtitle']}",
        **cited(content["sources"]),
        **{name: day.isoformat() for name, day in days._asdict().items()},
        "made_at": timezone.now().isoformat(),
        "address": request.build_absolute_uri(f"{brief_path(kind, slug)}?{urlencode(query)}"),
        "demonstration": holds_demonstration(),
    }


# -- subjects ----------------------------------------------------------------------------------------------


def subject_groups(as_of: date, words: str) -> list[dict[str, Any]]:
    """Return the subjects known on the day that the words find, by `kind` with its `label`. Three queries.

    Each has `name`, a `note` that tells it from one of the same name, and the `url` of its brief.
    """
    nation, title = BriefKind.NATION, nation_title()
    matches = all(word.casefold() in title.casefold() for word in words.split())
    own = [{"name": title, "note": "", "url": brief_path(nation, "")}] if matches else []
    groups: list[dict[str, Any]] = [{"kind": nation, "label": str(nation.label), "subjects": own}]
    kinds: list[tuple[BriefKind, type[django_filters.FilterSet], QuerySet[Any]]] = [
        (BriefKind.BATCH, BatchFilter, Batch.objects.known(as_of)),
        (BriefKind.PROVINCE, ProvinceFilter, Province.objects.roster()),
        (BriefKind.PILOT, PilotFilter, Pilot.objects.known(as_of).select_related("batch")),
    ]
    for kind, filterset, rows in kinds:
        subjects = [
            {
                "name": record.label if kind == BriefKind.BATCH else record.name,
                "note": record.batch.short if kind == BriefKind.PILOT else "",
                "url": brief_path(kind, record.slug),
            }
            for record in filterset({"q": words}, queryset=rows).qs
        ]
        label = str(rows.model._meta.verbose_name_plural).capitalize()
        groups.append({"kind": kind, "label": label, "subjects": subjects})
    return groups
