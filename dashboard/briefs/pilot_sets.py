"""Briefs of a set of pilots: the nation with the lead policy, a batch, a province with its plans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.text.formatting import join_clauses, join_sentences, label_value, no_data
from dashboard.analytics.overview import build_overview, plan_sources
from dashboard.briefs.blocks import Days, Line, fact, facts, line, lines
from dashboard.briefs.parts import (
    NAMES_ASKED,
    Lights,
    about_overdue,
    about_reports,
    about_unattended,
    by_urgency,
    changes_block,
    names_text,
    on_path_fact,
    plans_fact,
    questions_block,
    red_detail,
    replanned_text,
    reported_fact,
    share_fact,
    values_changed,
)
from dashboard.charts.due import on_track_headline
from pilots.analytics.pilot_status import OutstandingReports, Progress, build_progress, colour_on
from pilots.analytics.reconciliation import BatchCount, PilotSet, Reconciliation, build_reconciliation, term_days_left
from pilots.analytics.synergy import classes_of
from pilots.charts.cells import class_text, distinct_names_of
from pilots.charts.follow_ups import RELATED
from pilots.charts.reconciliation import recorded_pilots_text
from pilots.lights import Colour
from pilots.metrics.stages import Stage, StageFunnel
from pilots.models import Batch, FollowUp, Pilot, Reading
from policies.models import PlanStatus, Province, ProvincialPlan, Source
from policies.rollout import Rollout, build_province_plans


def nation_title() -> str:
    return _("National brief on the synergy pilots")


def nation_content(_slug: str, days: Days) -> dict[str, Any]:
    """Return the content of the nation's brief: the latest national batch, and the rollout of the lead policy."""
    value = build_overview(days.as_of)
    rollout, national = value.rollout, [value.national] if value.national else []
    entered, corrected, sources = "", "", []
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
        "subtitle": value.chosen.name_with_count(len(value.progress.pilots)),
        **set_content(
            value.progress,
            FollowUp.objects,
            days,
            [recorded_fact(value.all_kinds), plans_fact(rollout)],
            changes=(entered, corrected),
            questions=[about_missing_pilots(national), about_plans(rollout)],
            days_left=value.days_left,
            sources=sources,
        ),
    }


def batch_content(slug: str, days: Days) -> dict[str, Any]:
    """Return the content of a batch's brief. Raises Batch.DoesNotExist."""
    batch = Batch.objects.known(days.as_of).get(slug=slug)
    progress = build_progress(Pilot.objects.listed(days.as_of).filter(batch=batch), days.as_of)
    count = next(item for item in build_reconciliation(days.as_of) if item.batch.pk == batch.pk)
    return {
        "title": batch.label,
        "subtitle": PilotSet(batch=batch).name_with_count(len(progress.pilots)),
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
    progress = build_progress(Pilot.objects.listed(days.as_of).filter(province=province), days.as_of)
    plans = build_province_plans(province, days.as_of)
    owed = [(policy, row) for policy, row in plans if policy.calls_for_provincial_plan]
    label = _("Plans issued for national policies")
    if owed:
        missing = [label_value(policy.short, row.status.label) for policy, row in owed if not row.plan]
        issued, noun = len(owed) - len(missing), _("of %(n)s called for")
        plans_owed = share_fact(label, issued, len(owed), noun, join_clauses(missing))
    else:
        plans_owed = fact(label, no_data(), "", _("no policy calls for one"))
    new = [policy.short for policy, row in plans if row.known_by and row.known_by > days.since]
    text = _("Plan of the province: %(status)s. When will it be issued?")
    asked = [
        line(policy.short, text % {"status": row.status.label})
        for policy, row in owed
        if row.status not in {PlanStatus.ISSUED, PlanStatus.NOT_REQUIRED}
    ]
    return {
        "title": province.name,
        "subtitle": recorded_pilots_text(len(progress.pilots)),
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
    sources: Sequence[Iterable[Source]],
    last_sources: Iterable[Source] = (),
) -> dict[str, Any]:
    """Return headline, blocks and sources of a set of pilots: lights, facts, changes, red pilots and questions.

    `follow_ups` are those of the pilots and of what contains them. `numbers`, `changes` (entered, corrected),
    `questions` and `sources` are added to those of the pilots. Five queries.
    """
    assigned = list(follow_ups.with_state(days.as_of).select_related(*RELATED))
    outstanding, pilots = OutstandingReports(progress), progress.pilots
    keys = [status.pilot.pk for status in pilots]
    names = distinct_names_of(progress)
    lights = Lights(days, [(names[item.pilot.pk], colour_on(item.pilot, days.since), item.colour) for item in pilots])
    sentence = lights.sentence()
    headline = join_sentences(sentence, on_track_headline(progress, days_left) + _(".")) if pilots else sentence
    listed = sum(status.pilot.batch.known_by > days.since for status in pilots)
    listed_text = ngettext("%(n)d pilot", "%(n)d pilots", listed) % {"n": listed} if listed else ""
    entered, corrected = values_changed(Reading.objects.filter(pilot__in=keys), days)
    reds, unattended = red_pilots(progress, assigned)
    return {
        "headline": headline,
        "light": None,
        "blocks": [
            *([] if lights.is_unrated else [lights.table(_("Lights"))]),  # the headline says that none is rated
            facts(*numbers, reported_fact(outstanding), on_path_fact(progress.on_track)),
            changes_block(
                days,
                [listed_text, entered, changes[0]],
                [corrected, replanned_text(pilots, days), changes[1]],
                lights,
            ),
            lines(_("Red pilots"), reds, sentence if lights.is_unrated else _("No pilot is red.")),
            questions_block(about_overdue(assigned), unattended, about_reports(outstanding), *questions),
        ],
        "sources": [
            *(source for some in sources for source in some),
            *Source.objects.filter(pilot__in=keys).distinct(),
            *last_sources,
        ],
    }


def red_pilots(progress: Progress, follow_ups: Sequence[FollowUp]) -> tuple[list[Line], list[Line]]:
    """Return a line on each red pilot, longest red first, and a question about each that has no open follow-up.

    One query, for their synergy.
    """
    names, classes = distinct_names_of(progress), classes_of(progress.pilots, progress.as_of)
    found: list[Line] = []
    unattended: list[Line] = []
    count = sum(status.colour == Colour.RED for status in progress.pilots)
    for status in progress.attention(count):  # red ones come before yellow ones
        key, owner = status.pilot.pk, status.owner
        own = by_urgency(item for item in follow_ups if item.pilot_id == key)
        detail = red_detail(owner, status.since, own, class_text(classes[key]) if key in classes else "")
        found.append(line(names[key], status.sentence, detail, Colour.RED.value))
        if not own:
            unattended.append(about_unattended(names[key], owner, status.since))
    return found, unattended


# -- facts -------------------------------------------------------------------------------------------------


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
    """Return the number of plans whose record was changed or deleted after the day of comparison. One query.

    `of` says which plans: `policy_id`, `province_id`.
    """
    entries = ProvincialPlan.history.filter(**of, history_type__in="~-", history_date__date__gt=days.since)
    n = entries.filter(history_date__date__lte=days.known).order_by().values("id").distinct().count()
    return ngettext("record of %(n)d provincial plan", "records of %(n)d provincial plans", n) % {"n": n} if n else ""


# -- questions ---------------------------------------------------------------------------------------------


def about_plans(rollout: Rollout | None) -> list[Line]:
    """Return one question for each status other than issued or not required, about the provinces that have it."""
    if rollout is None or rollout.issued is None:
        return []
    texts = {
        PlanStatus.DRAFTING: _("The plan for “%(policy)s” is being drafted: when will it be issued?"),
        PlanStatus.NOT_FOUND: _("No plan for “%(policy)s” was found: is there one?"),
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
