"""What is amiss in one kind of record, and which records count on a day: conditions that a database can ask."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import CharField, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat, ExtractYear, Left, Length, StrIndex
from django.db.models.lookups import Exact, GreaterThan, LessThan, LessThanOrEqual

from pilots.metrics import Direction, Stage, TargetKind, year_due
from pilots.metrics.checks import ALLOWED_JUMP
from pilots.models import Pilot, PilotKind, Reading, ReadingState, StageEntry, ValueStatus
from pilots.quality.shape import Condition
from pilots.readings import newest_accepted, newest_reported
from policies.metrics import dated, issued, known
from policies.models import Confidence, Figure, PlanStatus, PolicyKind, ProvinceKind, ProvincialPlan, Source

WAIT_DAYS = 30
"""How long a reported value may wait for its verdict."""
SEARCH_DAYS = 180
"""After how many days a search that found nothing is repeated."""
FINAL_YEARS = 2
"""A value of so many years ago should be final."""

# -- which records count ---------------------------------------------------------------------------------------


def document(as_of: date) -> Q:
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
    """What belongs to a pilot of the day: nobody chases one that has withdrawn."""
    return Q(pilot__in=Pilot.objects.listed(as_of).order_by().values("pk"))


def due_milestone(as_of: date) -> Q:
    return of_pilot(as_of) & Q(planned_on__lt=as_of)


def done_milestone(as_of: date) -> Q:
    return of_pilot(as_of) & Q(completed_on__lte=as_of)


def planned_stage(as_of: date) -> Q:
    return of_pilot(as_of) & Q(planned_on__lt=as_of)


def due_task(as_of: date) -> Q:
    return of_pilot(as_of) & Q(kind=TargetKind.TEXT, target_year__lt=as_of.year)


def owed_value(as_of: date) -> Q:
    """A target in numbers, of a pilot whose term has begun, for which the value of the last year is due."""
    year = year_due(as_of)
    begins = Coalesce("pilot__term_start", "pilot__batch__term_start", "pilot__batch__known_by")
    begun = Q(LessThanOrEqual(begins, Value(date(year, 12, 31))))
    after_base = Q(base_year__isnull=True) | Q(base_year__lt=year)
    return of_pilot(as_of) & ~Q(kind=TargetKind.TEXT) & Q(target_year__gte=year) & after_base & begun


def reported(as_of: date) -> Q:
    return of_pilot(as_of) & Q(reported_on__lte=as_of) & newest_reported(as_of)


def with_sources(model: Any, among: Condition) -> Condition:
    return lambda as_of: among(as_of) & Q(cites(model))


def both(among: Condition, condition: Q) -> Condition:
    return lambda as_of: among(as_of) & condition


# -- texts, dates and sources ------------------------------------------------------------------------------------


def blank(*names: str) -> Condition:
    """At least one of these texts is empty."""
    return lambda as_of: any_of(Q(**{name: ""}) for name in names)


def unknown(*names: str) -> Condition:
    """At least one of these values is not known."""
    return lambda as_of: any_of(Q(**{f"{name}__isnull": True}) for name in names)


def any_of(conditions: Any) -> Q:
    found = Q()
    for condition in conditions:
        found |= condition
    return found


def only(name: str, other: str) -> Condition:
    """One of two names is there alone."""
    return lambda as_of: ~Q(**{name: ""}) & Q(**{other: ""})


def no_title(as_of: date) -> Q:
    return Q(title_zh="", title_en="")


def partly_dated(as_of: date) -> Q:
    return Q(issued_on__isnull=False) & ~dated()


def cites(model: Any, condition: Q = Q()) -> Exists:  # noqa: B008  # a condition never changes
    """Whether a fact cites a source, of a certain sort where a condition is given."""
    return Exists(model.sources.through.objects.filter(condition, **{model._meta.model_name: OuterRef("pk")}))


def cites_none(model: Any) -> Condition:
    return lambda as_of: ~Q(cites(model))


def inferred(as_of: date) -> Q:
    return Q(confidence=Confidence.INFERRED)


def surer_than_its_sources(model: Any) -> Condition:
    """It claims more than the most reliable source that it cites may carry."""
    official = Q(source__reliability=Confidence.OFFICIAL)
    press = Q(source__reliability=Confidence.MEDIA)

    def fault(as_of: date) -> Q:
        too_sure = Q(confidence=Confidence.OFFICIAL) & ~Q(cites(model, official))
        return Q(cites(model)) & (too_sure | (Q(confidence=Confidence.MEDIA) & ~Q(cites(model, official | press))))

    return fault


def sources_older(model: Any, day: str) -> Condition:
    """Every source it cites was published before the day that it names."""

    def fault(as_of: date) -> Q:
        may = Q(source__published_on__isnull=True) | Q(source__published_on__gte=OuterRef(day))
        return Q(**{f"{day}__isnull": False}) & Q(cites(model)) & ~Q(cites(model, may))

    return fault


def without(model: Any, name: str) -> Condition:
    """Nothing of a kind is on record for it."""
    return lambda as_of: ~Q(Exists(model.objects.filter(**{name: OuterRef("pk")})))


# -- documents -------------------------------------------------------------------------------------------------


def not_looked_for(as_of: date) -> Q:
    return Q(status=PlanStatus.UNKNOWN)


def searched_long_ago(as_of: date) -> Q:
    """A search that did not find it, or found it in the making, is old; so is one without a day."""
    old = Q(searched_on__isnull=True) | Q(searched_on__lt=as_of - timedelta(SEARCH_DAYS))
    return Q(status__in=[PlanStatus.NOT_FOUND, PlanStatus.DRAFTING]) & old


def known_after_publication(as_of: date) -> Q:
    return Q(known_issued_by__gt=F("published_on"))


def before_its_policy(above: str) -> Condition:
    """It was known to exist before the policy that it carries out was issued."""
    return lambda as_of: Q(known_issued_by__lt=F(f"{above}__issued_on"))


def number_of_another_year(as_of: date) -> Q:
    """The year in the brackets of its number is not that of its day of issue."""
    year = Concat(Value("〔"), Cast(ExtractYear("issued_on"), CharField()), Value("〕"))
    return Q(doc_number__contains="〔", issued_on__isnull=False) & Q(Exact(StrIndex(F("doc_number"), year), 0))


def number_of_another_plan(as_of: date) -> Q:
    others = ProvincialPlan.objects.filter(doc_number=OuterRef("doc_number")).exclude(pk=OuterRef("pk"))
    return ~Q(doc_number="") & Q(Exists(others))


def address_of_another_source(as_of: date) -> Q:
    return ~Q(url="") & Q(Exists(Source.objects.filter(url=OuterRef("url")).exclude(pk=OuterRef("pk"))))


def printed_otherwise(as_of: date) -> Q:
    """A source prints something else than the value. Figures are few: they are compared one by one."""
    printed = Figure.objects.exclude(as_printed="").only("value", "as_printed")
    return Q(pk__in=[figure.pk for figure in printed if number_in(figure.as_printed) != figure.value])


def number_in(text: str) -> Decimal | None:
    """The number that a text consists of, with or without a sign of percent; None where it says more."""
    try:
        return Decimal(re.sub(r"[\s,%％]", "", text))
    except InvalidOperation:
        return None


# -- places ----------------------------------------------------------------------------------------------------


def no_code_of_its_own(name: str) -> Condition:
    """A province without its code; the corps has none."""
    return lambda as_of: Q(**{name: ""}) & ~Q(kind=ProvinceKind.CORPS)


def code_of_another_province(as_of: date) -> Q:
    """A GB/T 2260 code begins with the two digits of its province."""
    wrong = [
        ~Q(**{name: ""}) & ~Q(Exact(Left(name, 2), Left("province__gb_code", 2)))
        for name in ("prefecture_code", "county_code")
    ]
    return ~Q(province__gb_code="") & any_of(wrong)


def outside_its_city(as_of: date) -> Q:
    """It lies in another province than the pilot city it is said to lie in, or its codes say another city."""
    coded = ~Q(prefecture_code="") & ~Q(parent__prefecture_code="")
    elsewhere = coded & ~Q(Exact(Left("prefecture_code", 4), Left("parent__prefecture_code", 4)))
    return Q(parent__isnull=False) & (~Q(province=F("parent__province")) | elsewhere)


def same_name(as_of: date) -> Q:
    """Another pilot of the day has its name, in the same province and in a batch of the same level."""
    name = Q(name_zh=OuterRef("name_zh")) | (~Q(name_en="") & Q(name_en=OuterRef("name_en")))
    others = Pilot.objects.listed(as_of).filter(
        name, province=OuterRef("province"), batch__level=OuterRef("batch__level")
    )
    return Q(Exists(others.exclude(pk=OuterRef("pk"))))


def same_code(as_of: date) -> Q:
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


def withdrawal_told_twice(as_of: date) -> Q:
    """The pilot's day of withdrawal and its stage entry disagree, or one of them is missing."""
    entries = StageEntry.objects.filter(pilot=OuterRef("pk"), stage=Stage.WITHDRAWN, entered_on__isnull=False)
    agrees = Q(Exists(entries.filter(entered_on=OuterRef("withdrawn_on"))))
    return (Q(withdrawn_on__isnull=False) & ~agrees) | (Q(withdrawn_on__isnull=True) & Q(Exists(entries)))


def listed_on_another_day(as_of: date) -> Q:
    announced = Q(entered_on__isnull=False, pilot__batch__announced_on__isnull=False)
    return announced & ~Q(entered_on=F("pilot__batch__announced_on"))


# -- targets and readings ----------------------------------------------------------------------------------------


def value_not_in(as_of: date) -> Q:
    """No value of the year that is due has been reported, accepted or not."""
    same = {name: OuterRef(name) for name in ("pilot", "indicator")}
    values = Reading.objects.filter(**same, period=str(year_due(as_of)), reported_on__lte=as_of)
    return ~Q(Exists(values))


def due_year(as_of: date) -> dict[str, Any]:
    return {"due": Value(str(year_due(as_of)), CharField())}


def base_readings(as_of: date) -> QuerySet[Reading]:
    """The reading that counts for a target's base year on a day."""
    same = {name: OuterRef(name) for name in ("pilot", "indicator")}
    return newest_accepted(as_of, Reading.objects.filter(**same, period=Cast(OuterRef("base_year"), CharField())))


def base_read_otherwise(as_of: date) -> Q:
    return Q(base_value__isnull=False) & Q(Exists(base_readings(as_of).exclude(value=OuterRef("base_value"))))


def value_read(as_of: date) -> dict[str, Any]:
    return {"value_read": Subquery(base_readings(as_of).values("value")[:1])}


def wrong_way(as_of: date) -> Q:
    """The target to be reached lies on the wrong side of its base."""
    up = Q(indicator__direction=Direction.LOWER) & Q(target_value__gt=F("base_value"))
    down = Q(indicator__direction=Direction.HIGHER) & Q(target_value__lt=F("base_value"))
    return Q(kind=TargetKind.REACH) & (up | down)


def waits(as_of: date) -> Q:
    return Q(state=ReadingState.REPORTED, reported_on__lt=as_of - timedelta(WAIT_DAYS))


def in_dispute(as_of: date) -> Q:
    return Q(state=ReadingState.DISPUTED)


def whole_year() -> Q:
    return Q(Exact(Length("period"), 4))


def not_final(as_of: date) -> Q:
    return Q(period__lte=str(as_of.year - FINAL_YEARS)) & whole_year() & ~Q(value_status=ValueStatus.FINAL)


def year_before(as_of: date) -> QuerySet[Reading]:
    """The newest value reported by the day, not disputed, of the year before that of a yearly reading.

    Accepted or not: a reported value is held against the last one that the pilot reported.
    """
    year = Cast(Cast(Left(OuterRef("period"), 4), IntegerField()) - 1, CharField())
    same = {name: OuterRef(name) for name in ("pilot", "indicator")}
    values = Reading.objects.filter(newest_reported(as_of), **same, period=year, reported_on__lte=as_of)
    return values.exclude(state=ReadingState.DISPUTED)


def jumps(as_of: date) -> Q:
    """A yearly value farther from the last than passes without a word of why, and there is no word."""
    high, low = F("value") * (1 + ALLOWED_JUMP), F("value") * (1 - ALLOWED_JUMP)
    far = Q(LessThan(high, OuterRef("value"))) | Q(GreaterThan(low, OuterRef("value")))
    return Q(note_en="", note_zh="") & whole_year() & Q(Exists(year_before(as_of).filter(far, value__gt=0)))


def last_value(as_of: date) -> dict[str, Any]:
    return {"last_value": Subquery(year_before(as_of).values("value")[:1])}
