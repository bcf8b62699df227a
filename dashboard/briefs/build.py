"""Briefs: one page about the nation, a batch, a province or a pilot on a day; their subjects and addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

import django_filters
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet, TextChoices
from django.http import Http404
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import get_language, ngettext, pgettext_lazy
from django.utils.translation import gettext as _

from core.http import BadRequest, ErrorDetail, TrackerRequest, holds_demonstration, parse_day
from core.text import format_date, format_days, format_number, join_clauses, join_sentences, label_value, no_data
from dashboard.briefs.parts import (
    NAMES_ASKED,
    Block,
    Brief,
    Days,
    Lights,
    Line,
    about_overdue,
    about_reports,
    about_unattended,
    by_urgency,
    changes_block,
    cited,
    fact,
    facts,
    light_text,
    line,
    lines,
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
from dashboard.overview import build_overview, plan_sources
from pilots.analytics.pilot_status import (
    OutstandingReports,
    PilotStatus,
    Progress,
    build_progress,
    colour_on,
    pilot_status,
    quarter_end_before,
)
from pilots.analytics.reconciliation import BatchCount, PilotSet, Reconciliation, build_reconciliation, term_days_left
from pilots.analytics.synergy import classes_of
from pilots.charts.cells import class_text, distinct_names_of
from pilots.charts.follow_ups import RELATED
from pilots.charts.stages import stage_label, time_in_stage
from pilots.charts.synergy import recorded_pilots_text
from pilots.filters import BatchFilter, PilotFilter
from pilots.lights import Colour, StageLight, TargetLight
from pilots.metrics import Stage, StageFunnel
from pilots.models import Batch, FollowUp, Pilot, Reading
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


# -- the nation, a batch, a province ------------------------------------------------------------------------


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
    lines: list[Line] = []
    unattended: list[Line] = []
    count = sum(status.colour == Colour.RED for status in progress.pilots)
    for status in progress.attention(count):  # red ones come before yellow ones
        key, owner = status.pilot.pk, status.owner
        own = by_urgency(item for item in follow_ups if item.pilot_id == key)
        detail = red_detail(owner, status.since, own, class_text(classes[key]) if key in classes else "")
        lines.append(line(names[key], status.sentence, detail, Colour.RED.value))
        if not own:
            unattended.append(about_unattended(names[key], owner, status.since))
    return lines, unattended


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


# -- a pilot ----------------------------------------------------------------------------------------------


def pilot_content(slug: str, days: Days) -> dict[str, Any]:
    """Return the content of a pilot's brief. Raises Pilot.DoesNotExist."""
    pilot = Pilot.objects.known(days.as_of).get(slug=slug)
    progress = build_progress(Pilot.objects.filter(pk=pilot.pk), days.as_of)
    status, lights = progress.pilots[0], item_lights(progress.pilots[0], days)
    entered, corrected = values_changed(Reading.objects.filter(pilot=pilot), days)
    blocks = [changes_block(days, [entered], [corrected, replanned_text([status], days)], lights)]
    if not pilot.withdrawn_by(days.as_of):
        follow_ups = list(pilot.follow_ups.with_state(days.as_of).select_related(*RELATED))
        behind, unattended = behind_lines(status, follow_ups)
        if not lights.items:
            empty = _("No target and no milestone is recorded.")
        elif lights.is_unrated:
            empty = _("No target and no milestone can be rated yet.")
        else:
            empty = _("No target and no milestone is behind.")
        no_plan, span = [], status.list_to_plan
        if span and not span.done:
            text = _("%(days)s since it was listed, and no plan on record: when will it be issued?")
            no_plan = [line(status.pilot.name, text % {"days": format_days(span.days)})]
        about = [about_overdue(follow_ups), unattended, about_reports(OutstandingReports(progress)), no_plan]
        tables = [] if lights.is_unrated else [lights.table(_("Targets and milestones"))]
        blocks = [*tables, facts_block(status), *blocks, lines(_("What is behind"), behind, empty)]
        blocks.append(questions_block(*about))
    why = [status.sentence, *map(class_text, classes_of([status], days.as_of).values())]
    place = [status.pilot.get_kind_display().capitalize(), status.pilot.province.name, status.pilot.batch.label]
    return {
        "title": status.pilot.name,
        "subtitle": " · ".join(place),
        "headline": "",
        "light": {"status": status.colour.value, "label": light_text(status.colour), "reason": join_clauses(why)},
        "blocks": blocks,
        "sources": [*pilot.sources.all(), *sources_of([pilot.pk])],
    }


def item_lights(status: PilotStatus, days: Days) -> Lights:
    """Return the lights of the pilot's targets, milestones and overdue stages on both days. No query.

    A stage that was overdue and is not any more has been answered, so it is green, unless another day was accepted; one
    that was not yet is grey.
    """
    before = pilot_status(status.pilot, days.since)
    lights = []
    for then, now in zip(before.indicators, status.indicators, strict=True):
        lights.append((now.record.indicator.name, then.colour, now.colour))
    for earlier, item in zip(before.milestones, status.milestones, strict=True):
        lights.append((item.record.name, earlier.colour, item.colour))
    overdue_then = {late.record.pk: late for late in before.overdue_stages}
    overdue = {late.record.pk: late for late in status.overdue_stages}
    for key, late in {**overdue_then, **overdue}.items():
        answered = (late.record.planned_by(status.as_of) or status.as_of) < status.as_of
        colour = overdue[key].colour if key in overdue else Colour.GREEN if answered else Colour.GREY
        colour_then = overdue_then[key].colour if key in overdue_then else Colour.GREY
        lights.append((late.record.get_stage_display(), colour_then, colour))
    return Lights(days, lights)


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
    rated, label = [item for item in status.indicators if item.colour != Colour.GREY], _("Indicators on schedule")
    note = in_all(len(status.indicators)) if status.indicators else _("no target recorded")
    if rated:
        green = sum(item.colour == Colour.GREEN for item in rated)
        lines.append(share_fact(label, green, len(rated), _("of %(n)s rated"), note))
    else:
        lines.append(fact(label, no_data(), "", note))
    left, end = term_days_left(status.pilot.ends_on, status.as_of), status.pilot.ends_on
    note = _("to %(day)s") % {"day": format_date(end)} if end else _("term not known")
    days = format_number(max(0, left)) if left is not None else no_data()
    return facts(*lines, fact(_("Days of the term left"), days, "", note))


def behind_lines(status: PilotStatus, follow_ups: list[FollowUp]) -> tuple[list[Line], list[Line]]:
    """Return a line on each target, milestone and stage that lowers the light, worst first; and a question about each
    red one that has no open follow-up.

    A follow-up of the pilot as a whole is about each of them.
    """
    behind, unattended = [], []
    for reason in status.reasons:
        if reason.record == status.pilot:
            continue
        record = None
        if isinstance(reason, StageLight):
            name = reason.record.get_stage_display()
        else:
            record = reason.record.indicator if isinstance(reason, TargetLight) else reason.record
            name = record.name
        own = []
        for item in follow_ups:
            cause = item.cause_indicator or item.cause_milestone
            if cause is None or cause == record:
                own.append(item)
        own = by_urgency(own)
        colour = reason.effect or reason.colour
        behind.append(line(str(colour.label), reason.text, red_detail(reason.owner, None, own), colour.value))
        if colour == Colour.RED and not own:
            unattended.append(about_unattended(name, reason.owner, None))
    return behind, unattended


# -- any ---------------------------------------------------------------------------------------------------

CONTENTS: Mapping[str, Callable[[str, Days], dict[str, Any]]] = {
    BriefKind.NATION: nation_content,
    BriefKind.BATCH: batch_content,
    BriefKind.PROVINCE: province_content,
    BriefKind.PILOT: pilot_content,
}


def build_brief(
    kind: str, slug: str, as_of: date, known: date, since: date | None, language: str, site: str = ""
) -> Brief:
    """Return the brief of a subject; `slug` is the record's slug, empty for the nation.

    It compares with `since`, by default the end of the last quarter before the day. `known` is the day whose records
    the request reads. `site` is put before the path of the address, such as `https://example.org`.

    Raises ObjectDoesNotExist for an unknown kind or subject, or one not known on the day.
    """
    if kind not in CONTENTS or (kind == BriefKind.NATION) != (slug == ""):
        raise ObjectDoesNotExist
    days = Days(as_of, known, since or quarter_end_before(as_of))
    query = {"as_of": as_of, "known": known, "since": days.since, "lang": language}  # finds the same brief again
    with translation.override(language):
        content = CONTENTS[kind](slug, days)
        return {
            "kind": kind,
            "slug": slug,
            "language": language,
            **content,
            "subtitle": f"{_('Brief')} · {content['subtitle']}",
            **cited(content["sources"]),
            "as_of": as_of.isoformat(),
            "known": known.isoformat(),
            "since": days.since.isoformat(),
            "made_at": timezone.now().isoformat(),
            "address": f"{site}{brief_path(kind, slug)}?{urlencode(query)}",
            "demonstration": holds_demonstration(),
        }


# -- addresses ---------------------------------------------------------------------------------------------


def brief_path(kind: str, slug: str) -> str:
    return reverse("brief", args=[kind, slug]) if slug else reverse("brief-nation")


def requested_brief(request: TrackerRequest, kind: str, slug: str) -> Brief:
    """Return the brief that a request asks for, compared with the day `since` if it names one.

    Raises Http404 for an unknown subject, BadRequest for a value that is not an ISO date or not before the day of the
    brief.
    """
    since = parse_day(request.GET, SINCE) if SINCE in request.GET else None
    if since and since >= request.as_of:
        message = _("%(name)s: %(value)s is not before %(day)s, the day of the brief. Give an earlier day.")
        values = {"name": SINCE, "value": since, "day": request.as_of}
        raise BadRequest(ErrorDetail(SINCE, "not_before", message % values))
    language = get_language() or settings.LANGUAGE_CODE
    site = request.build_absolute_uri("/").removesuffix("/")
    try:
        return build_brief(kind, slug, request.as_of, request.known, since, language, site)
    except ObjectDoesNotExist:
        raise Http404 from None


# -- subjects ----------------------------------------------------------------------------------------------


def subject_groups(as_of: date, words: str) -> list[dict[str, Any]]:
    """Return the subjects known on the day that the words find, by `kind` with its `label`. Three queries.

    Each has `name`, a `note` that tells it from one of the same name, the `url` of its brief, `kind` and `slug`.
    """

    def subject(kind: BriefKind, slug: str, name: str, note: str = "") -> dict[str, Any]:
        return {"name": name, "note": note, "url": brief_path(kind, slug), "kind": kind, "slug": slug}

    nation, title = BriefKind.NATION, nation_title()
    matches = all(word.casefold() in title.casefold() for word in words.split())
    groups = [{"kind": nation, "label": str(nation.label), "subjects": [subject(nation, "", title)] if matches else []}]
    kinds: list[tuple[BriefKind, type[django_filters.FilterSet], QuerySet[Any]]] = [
        (BriefKind.BATCH, BatchFilter, Batch.objects.known(as_of)),
        (BriefKind.PROVINCE, ProvinceFilter, Province.objects.roster()),
        (BriefKind.PILOT, PilotFilter, Pilot.objects.known(as_of).select_related("batch")),
    ]
    for kind, filterset, rows in kinds:
        records = filterset({"q": words}, queryset=rows).qs
        subjects = [
            subject(kind, record.slug, record.name, record.batch.short)
            if kind == BriefKind.PILOT
            else subject(kind, record.slug, record.label if kind == BriefKind.BATCH else record.name)
            for record in records
        ]
        label = str(rows.model._meta.verbose_name_plural).capitalize()
        groups.append({"kind": kind, "label": label, "subjects": subjects})
    return groups
