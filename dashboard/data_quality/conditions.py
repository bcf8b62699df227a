"""Conditions of data quality rules as query expressions: violations in one model, and which records count on a date."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import CharField, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat, ExtractYear, Left, Length, StrIndex
from django.db.models.lookups import Exact, GreaterThan, In, LessThan, LessThanOrEqual

from dashboard.data_quality.types import Condition
from pilots.metrics.follow_up_states import OWNER_STATES
from pilots.metrics.plausibility import MAX_PLAUSIBLE_CHANGE
from pilots.metrics.progress import Direction, year_due
from pilots.metrics.stages import Stage
from pilots.models import (
    Effect,
    FollowUpStep,
    Pilot,
    PilotKind,
    Practice,
    Reading,
    ReadingState,
    StageEntry,
    ValueStatus,
)
from pilots.practices.analytics import corrections, first_correction, measured_effects
from pilots.readings import newest_accepted, newest_reported
from pilots.target_kinds.registry import codes_where
from policies.metrics import dated, issued, known
from policies.models import Confidence, Figure, PlanStatus, PolicyKind, ProvinceKind, ProvincialPlan, Source

WAIT_DAYS = 30
"""How long a reported value may wait for its verdict."""
SEARCH_DAYS = 180
"""After how many days a search that found nothing is repeated."""
FINAL_YEARS = 2
"""A value of so many years ago should be final."""
STEP_DAYS = 30
"""How long an overdue follow-up may be without a step."""
CLAIM_DAYS = 365
"""How long a copy in use may stay without confirmation."""

# -- which records count ---------------------------------------------------------------------------------------


def known_document(as_of: date) -> Q:
    return known(as_of) & Q(kind=PolicyKind.DOCUMENT)


def issued_plan(as_of: date) -> Q:
    return issued(as_of) & Q(province__in_roster=True)


def plan_of_roster(as_of: date) -> Q:
    return Q(province__in_roster=True, policy__known_issued_by__lte=as_of)


def known_batch(as_of: date) -> Q:
    return Q(known_by__lte=as_of)


def ever_a_pilot(as_of: date) -> Q:
    return Q(batch__known_by__lte=as_of)


def in_roster(as_of: date) -> Q:
    return Q(in_roster=True)


def of_pilot(as_of: date) -> Q:
    """Records of pilots on the date; those of withdrawn pilots are not checked."""
    return Q(pilot__in=Pilot.objects.listed(as_of).order_by().values("pk"))


def due_milestone(as_of: date) -> Q:
    return of_pilot(as_of) & Q(planned_on__lt=as_of)


def done_milestone(as_of: date) -> Q:
    return of_pilot(as_of) & Q(completed_on__lte=as_of)


def planned_stage(as_of: date) -> Q:
    return of_pilot(as_of) & Q(planned_on__lt=as_of)


def due_task(as_of: date) -> Q:
    return of_pilot(as_of) & Q(kind__in=codes_where(lambda kind: not kind.measured), target_year__lt=as_of.year)


def value_due(as_of: date) -> Q:
    """Numeric targets, of pilots whose term has begun, for which the value of the last year is due."""
    year = year_due(as_of)
    begins = Coalesce("pilot__term_start", "pilot__batch__term_start", "pilot__batch__known_by")
    begun = Q(LessThanOrEqual(begins, Value(date(year, 12, 31))))
    after_base = Q(base_year__isnull=True) | Q(base_year__lt=year)
    measured = Q(kind__in=codes_where(lambda kind: kind.measured))
    return of_pilot(as_of) & measured & Q(target_year__gte=year) & after_base & begun


def reported(as_of: date) -> Q:
    return of_pilot(as_of) & Q(reported_on__lte=as_of) & newest_reported(as_of)


def with_sources(model: Any, among: Condition) -> Condition:
    return lambda as_of: among(as_of) & Q(cites_source(model))


def both_conditions(among: Condition, condition: Q) -> Condition:
    return lambda as_of: among(as_of) & condition


# -- texts, dates and sources ------------------------------------------------------------------------------------


def any_blank(*names: str) -> Condition:
    """At least one of these texts is empty."""
    return lambda as_of: any_of(Q(**{name: ""}) for name in names)


def any_unknown(*names: str) -> Condition:
    """At least one of these values is missing."""
    return lambda as_of: any_of(Q(**{f"{name}__isnull": True}) for name in names)


def any_of(conditions: Any) -> Q:
    found = Q()
    for condition in conditions:
        found |= condition
    return found


def only_one_filled(name: str, other: str) -> Condition:
    """Only one of two names is filled in."""
    return lambda as_of: ~Q(**{name: ""}) & Q(**{other: ""})


def missing_title(as_of: date) -> Q:
    return Q(title_zh="", title_en="")


def has_partial_date(as_of: date) -> Q:
    return Q(issued_on__isnull=False) & ~dated()


def cites_source(model: Any, condition: Q = Q()) -> Exists:  # noqa: B008  # a condition never changes
    """The fact cites a source, optionally one that meets a condition."""
    return Exists(model.sources.through.objects.filter(condition, **{model._meta.model_name: OuterRef("pk")}))


def cites_no_source(model: Any) -> Condition:
    return lambda as_of: ~Q(cites_source(model))


def inferred(as_of: date) -> Q:
    return Q(confidence=Confidence.INFERRED)


def confidence_above_sources(model: Any) -> Condition:
    """Its confidence is higher than its most reliable source allows."""
    official = Q(source__reliability=Confidence.OFFICIAL)
    press = Q(source__reliability=Confidence.MEDIA)

    def fault(as_of: date) -> Q:
        too_sure = Q(confidence=Confidence.OFFICIAL) & ~Q(cites_source(model, official))
        return Q(cites_source(model)) & (
            too_sure | (Q(confidence=Confidence.MEDIA) & ~Q(cites_source(model, official | press)))
        )

    return fault


def sources_older(model: Any, day: str) -> Condition:
    """All its sources were published before the date that it names."""

    def fault(as_of: date) -> Q:
        may = Q(source__published_on__isnull=True) | Q(source__published_on__gte=OuterRef(day))
        return Q(**{f"{day}__isnull": False}) & Q(cites_source(model)) & ~Q(cites_source(model, may))

    return fault


def has_no_related(model: Any, name: str) -> Condition:
    """No record of the related model exists for it."""
    return lambda as_of: ~Q(Exists(model.objects.filter(**{name: OuterRef("pk")})))


# -- documents -------------------------------------------------------------------------------------------------


def never_searched(as_of: date) -> Q:
    return Q(status=PlanStatus.UNKNOWN)


def search_outdated(as_of: date) -> Q:
    """The search that did not find it, or found a draft, is old or has no date."""
    old = Q(searched_on__isnull=True) | Q(searched_on__lt=as_of - timedelta(SEARCH_DAYS))
    return Q(status__in=[PlanStatus.NOT_FOUND, PlanStatus.DRAFTING]) & old


def known_after_publication(as_of: date) -> Q:
    return Q(known_issued_by__gt=F("published_on"))


def known_before_policy(above: str) -> Condition:
    """It is known to exist before its policy was issued."""
    return lambda as_of: Q(known_issued_by__lt=F(f"{above}__issued_on"))


def number_year_differs(as_of: date) -> Q:
    """The year in the brackets of its number differs from that of its date of issue."""
    year = Concat(Value("〔"), Cast(ExtractYear("issued_on"), CharField()), Value("〕"))
    return Q(doc_number__contains="〔", issued_on__isnull=False) & Q(Exact(StrIndex(F("doc_number"), year), 0))


def number_used_twice(as_of: date) -> Q:
    others = ProvincialPlan.objects.filter(doc_number=OuterRef("doc_number")).exclude(pk=OuterRef("pk"))
    return ~Q(doc_number="") & Q(Exists(others))


def url_used_twice(as_of: date) -> Q:
    return ~Q(url="") & Q(Exists(Source.objects.filter(url=OuterRef("url")).exclude(pk=OuterRef("pk"))))


def differs_from_print(as_of: date) -> Q:
    """A source prints another value. Figures are few: they are compared one by one."""
    printed = Figure.objects.exclude(as_printed="").only("value", "as_printed")
    return Q(pk__in=[figure.pk for figure in printed if number_in(figure.as_printed) != figure.value])


def number_in(text: str) -> Decimal | None:
    """Return the number that a text consists of, with or without %; None if it says more."""
    try:
        return Decimal(re.sub(r"[\s,%％]", "", text))
    except InvalidOperation:
        return None


# -- places ----------------------------------------------------------------------------------------------------


def missing_code(name: str) -> Condition:
    """A province without its code; the corps has none."""
    return lambda as_of: Q(**{name: ""}) & ~Q(kind=ProvinceKind.CORPS)


def code_outside_province(as_of: date) -> Q:
    """A GB/T 2260 code begins with the two digits of its province."""
    wrong = [
        ~Q(**{name: ""}) & ~Q(Exact(Left(name, 2), Left("province__gb_code", 2)))
        for name in ("prefecture_code", "county_code")
    ]
    return ~Q(province__gb_code="") & any_of(wrong)


def outside_its_city(as_of: date) -> Q:
    """It lies in another province than its parent city, or its codes name another city."""
    coded = ~Q(prefecture_code="") & ~Q(parent__prefecture_code="")
    elsewhere = coded & ~Q(Exact(Left("prefecture_code", 4), Left("parent__prefecture_code", 4)))
    return Q(parent__isnull=False) & (~Q(province=F("parent__province")) | elsewhere)


def name_used_twice(as_of: date) -> Q:
    """Another pilot on the date has its name, in the same province and a batch of the same level."""
    name = Q(name_zh=OuterRef("name_zh")) | (~Q(name_en="") & Q(name_en=OuterRef("name_en")))
    others = Pilot.objects.listed(as_of).filter(
        name, province=OuterRef("province"), batch__level=OuterRef("batch__level")
    )
    return Q(Exists(others.exclude(pk=OuterRef("pk"))))


def code_used_twice(as_of: date) -> Q:
    """Another pilot city of its batch has its code."""
    others = Pilot.objects.listed(as_of).filter(
        kind=PilotKind.CITY, batch=OuterRef("batch"), prefecture_code=OuterRef("prefecture_code")
    )
    return Q(kind=PilotKind.CITY) & ~Q(prefecture_code="") & Q(Exists(others.exclude(pk=OuterRef("pk"))))


# -- the way of a pilot ------------------------------------------------------------------------------------------


def not_done(as_of: date) -> Q:
    return Q(completed_on__isnull=True) | Q(completed_on__gt=as_of)


def task_not_done(as_of: date) -> Q:
    return Q(done_on__isnull=True) | Q(done_on__gt=as_of)


def not_entered(as_of: date) -> Q:
    """It is only planned, and no other entry says that the pilot has entered the stage."""
    same = {name: OuterRef(name) for name in ("pilot", "stage")}
    return Q(entered_on__isnull=True) & ~Q(Exists(StageEntry.objects.filter(**same, entered_on__lte=as_of)))


def withdrawal_inconsistent(as_of: date) -> Q:
    """The pilot's withdrawal date and its stage entry disagree, or one is missing."""
    entries = StageEntry.objects.filter(pilot=OuterRef("pk"), stage=Stage.WITHDRAWN, entered_on__isnull=False)
    agrees = Q(Exists(entries.filter(entered_on=OuterRef("withdrawn_on"))))
    return (Q(withdrawn_on__isnull=False) & ~agrees) | (Q(withdrawn_on__isnull=True) & Q(Exists(entries)))


def listed_on_another_day(as_of: date) -> Q:
    announced = Q(entered_on__isnull=False, pilot__batch__announced_on__isnull=False)
    return announced & ~Q(entered_on=F("pilot__batch__announced_on"))


# -- targets and readings ----------------------------------------------------------------------------------------


def value_not_reported(as_of: date) -> Q:
    """No value of the year that is due has been reported, accepted or not."""
    same = {name: OuterRef(name) for name in ("pilot", "indicator")}
    values = Reading.objects.filter(**same, period=str(year_due(as_of)), reported_on__lte=as_of)
    return ~Q(Exists(values))


def due_year(as_of: date) -> dict[str, object]:
    return {"due": Value(str(year_due(as_of)), CharField())}


def base_readings(as_of: date) -> QuerySet[Reading]:
    """The reading that counts for a target's base year on a date."""
    same = {name: OuterRef(name) for name in ("pilot", "indicator")}
    return newest_accepted(as_of, Reading.objects.filter(**same, period=Cast(OuterRef("base_year"), CharField())))


def base_differs_from_reading(as_of: date) -> Q:
    return Q(base_value__isnull=False) & Q(Exists(base_readings(as_of).exclude(value=OuterRef("base_value"))))


def accepted_value(as_of: date) -> dict[str, object]:
    return {"value_read": Subquery(base_readings(as_of).values("value")[:1])}


def target_against_direction(as_of: date) -> Q:
    """The target value lies on the wrong side of its base."""
    up = Q(indicator__direction=Direction.LOWER) & Q(target_value__gt=F("base_value"))
    down = Q(indicator__direction=Direction.HIGHER) & Q(target_value__lt=F("base_value"))
    return Q(kind__in=codes_where(lambda kind: kind.has_path)) & (up | down)


def awaits_acceptance(as_of: date) -> Q:
    return Q(state=ReadingState.REPORTED, reported_on__lt=as_of - timedelta(WAIT_DAYS))


def in_dispute(as_of: date) -> Q:
    return Q(state=ReadingState.DISPUTED)


def whole_year() -> Q:
    return Q(Exact(Length("period"), 4))


def not_final(as_of: date) -> Q:
    return Q(period__lte=str(as_of.year - FINAL_YEARS)) & whole_year() & ~Q(value_status=ValueStatus.FINAL)


def previous_year_value(as_of: date) -> QuerySet[Reading]:
    """The newest value of the previous year that was reported by the date and is not disputed.

    Accepted or not: a reported value is compared with the last one that the pilot reported.
    """
    year = Cast(Cast(Left(OuterRef("period"), 4), IntegerField()) - 1, CharField())
    same = {name: OuterRef(name) for name in ("pilot", "indicator")}
    values = Reading.objects.filter(newest_reported(as_of), **same, period=year, reported_on__lte=as_of)
    return values.exclude(state=ReadingState.DISPUTED)


def unexplained_jump(as_of: date) -> Q:
    """A yearly value that differs from the last by more than is allowed without a note, and has no note."""
    high, low = F("value") * (1 + MAX_PLAUSIBLE_CHANGE), F("value") * (1 - MAX_PLAUSIBLE_CHANGE)
    far = Q(LessThan(high, OuterRef("value"))) | Q(GreaterThan(low, OuterRef("value")))
    return Q(note_en="", note_zh="") & whole_year() & Q(Exists(previous_year_value(as_of).filter(far, value__gt=0)))


def last_value(as_of: date) -> dict[str, object]:
    return {"last_value": Subquery(previous_year_value(as_of).values("value")[:1])}


# -- follow-ups and practices ------------------------------------------------------------------------------------


def opened(as_of: date) -> Q:
    return Q(opened_on__lte=as_of)


def newest_step(as_of: date) -> QuerySet[FollowUpStep]:
    """Return a subquery of the steps of the outer follow-up by the day, newest first."""
    return FollowUpStep.objects.filter(follow_up=OuterRef("pk"), taken_on__lte=as_of).order_by("-seq")


def due_in_force(as_of: date) -> Coalesce:
    """Return the due date of a follow-up on the day: that of the newest step that sets one, else the first."""
    dated_steps = newest_step(as_of).filter(new_due_on__isnull=False)
    return Coalesce(Subquery(dated_steps.values("new_due_on")[:1]), F("due_on"))


def due_annotation(as_of: date) -> dict[str, object]:
    return {"due_now": due_in_force(as_of)}


def overdue_without_step(as_of: date) -> Q:
    """The owner has to act, the due date in force is past, and the newest step is more than STEP_DAYS ago."""
    state = Subquery(newest_step(as_of).values("state")[:1])
    day = Subquery(newest_step(as_of).values("taken_on")[:1])
    waits = Q(In(state, list(OWNER_STATES)))
    return waits & Q(LessThan(due_in_force(as_of), as_of)) & Q(LessThan(day, as_of - timedelta(STEP_DAYS)))


def offered_practice(as_of: date) -> Q:
    """Practices in the library or recommended on the day."""
    return Q(library_on__lte=as_of) & (Q(retired_on__isnull=True) | Q(retired_on__gt=as_of))


def has_no_effect(as_of: date) -> Q:
    return ~Q(Exists(Effect.objects.filter(practice=OuterRef("pk"), known_on__lte=as_of)))


def lacks_text(as_of: date) -> Q:
    """The problem, what was done or the conditions are missing in both languages."""
    without = [Q(**{f"{name}_en": "", f"{name}_zh": ""}) for name in Practice.TEXTS]
    return without[0] | without[1] | without[2]


def copy_in_use(as_of: date) -> Q:
    return Q(in_use_on__lte=as_of) & (Q(given_up_on__isnull=True) | Q(given_up_on__gt=as_of))


def long_only_claimed(as_of: date) -> Q:
    """In use for more than CLAIM_DAYS, and neither confirmed nor verified by a measured effect."""
    measured = measured_effects(as_of).filter(adoption=OuterRef("pk"))
    unconfirmed = Q(confirmed_on__isnull=True) | Q(confirmed_on__gt=as_of)
    return Q(in_use_on__lt=as_of - timedelta(CLAIM_DAYS)) & unconfirmed & ~Q(Exists(measured))


def measured_by_readings(as_of: date) -> Q:
    return Q(reading_after__isnull=False, known_on__lte=as_of)


def reading_corrected(as_of: date) -> Q:
    """A later version of one of its readings, with another value, was accepted by the day."""
    return Q(Exists(corrections().filter(accepted_on__lte=as_of)))


def correction_annotation(_as_of: date) -> dict[str, Subquery]:
    return {"corrected_on": first_correction()}
