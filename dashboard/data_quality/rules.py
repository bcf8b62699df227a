"""Data quality rules: meaning, severity, condition and remedy.

A new rule is one more entry here. Contradictions (severity ERROR) block the approval of an edition; the others stay
only where somebody acts on them:

- `not-entered`: announced pilots are in no number until they are entered;
- `plan-not-recorded`, `plan-unknown`, `plan-search-old`: whether a province has its plan is the question of the
  programme, and only a search answers it;
- `no-day`: without its day a document enters no lag;
- `stage-not-entered`, `milestone-late`, `task-late`, `value-due`: the pilot owes it, and is asked;
- `pilot-no-stage`, `pilot-no-target`: without them a pilot is not rated;
- `pilot-no-industry`: without it an industry looks untried;
- `no-source`: nobody can check the fact;
- `reading-waits`, `reading-disputed`: the value stands for nothing until somebody decides;
- `pilot-twice`: one entered twice counts twice;
- `wrong-way`: such a target gives a wrong light.

Editions approved before name warnings of rules that are gone: they keep names and counts of their own.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Left
from django.db.models.lookups import Exact, LessThan, LessThanOrEqual
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dashboard.data_quality import cross_checks
from dashboard.data_quality.findings import (
    EDIT_CORRECTION,
    EDIT_READINGS,
    EDIT_SOURCES,
    Check,
    Condition,
    Rule,
    Severity,
    of_pilot,
)
from pilots.metrics.progress import Direction, year_due
from pilots.metrics.reconciliation import listed_condition
from pilots.metrics.stages import Stage
from pilots.models import Batch, Milestone, Pilot, PilotKind, Reading, ReadingState, StageEntry, Target, TargetKind
from pilots.models.indicator import format_exact
from pilots.models.replan import planned_day
from pilots.readings import newest_accepted, newest_reported
from policies.metrics import issued, known
from policies.models import (
    Confidence,
    Figure,
    Industry,
    Measure,
    PlanStatus,
    Policy,
    PolicyKind,
    Province,
    ProvincialPlan,
)

WAIT_DAYS = 30
"""How long a reported value may wait for its verdict."""
SEARCH_DAYS = 180
"""After how many days a search that found nothing is repeated."""

# -- which records count ---------------------------------------------------------------------------------------


def holds(**lookups: object) -> Condition:
    """Whatever the day."""
    return lambda as_of: Q(**lookups)


def by_the_day(name: str) -> Condition:
    return lambda as_of: Q(**{f"{name}__lte": as_of})


def not_by_the_day(name: str) -> Condition:
    """It has not happened, or happened later."""
    return lambda as_of: Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__gt": as_of})


def known_document(as_of: date) -> Q:
    return known(as_of) & Q(kind=PolicyKind.DOCUMENT)


def issued_plan(as_of: date) -> Q:
    return issued(as_of) & Q(province__in_roster=True)


def plan_of_roster(as_of: date) -> Q:
    return Q(province__in_roster=True, policy__known_issued_by__lte=as_of)


def due_milestone(as_of: date) -> Q:
    return of_pilot(as_of) & Q(LessThan(planned_day(Milestone, as_of), as_of))


def planned_stage(as_of: date) -> Q:
    return of_pilot(as_of) & Q(LessThan(planned_day(StageEntry, as_of), as_of))


def due_task(as_of: date) -> Q:
    return of_pilot(as_of) & Q(kind=TargetKind.TEXT, target_year__lt=as_of.year)


def value_due(as_of: date) -> Q:
    """Numeric targets, of pilots whose term has begun, for which the value of the last year is due."""
    year = year_due(as_of)
    begins = Coalesce("pilot__term_start", "pilot__batch__term_start", "pilot__batch__known_by")
    begun = Q(LessThanOrEqual(begins, Value(date(year, 12, 31))))
    after_base = Q(base_year__isnull=True) | Q(base_year__lt=year)
    measured = ~Q(kind=TargetKind.TEXT)
    return of_pilot(as_of) & measured & Q(target_year__gte=year) & after_base & begun


def reported(as_of: date) -> Q:
    return of_pilot(as_of) & Q(reported_on__lte=as_of) & newest_reported(as_of)


def with_sources(model: Any, among: Condition) -> Condition:
    return lambda as_of: among(as_of) & Q(cites_source(model))


def both_conditions(among: Condition, condition: Q) -> Condition:
    return lambda as_of: among(as_of) & condition


# -- days and sources ---------------------------------------------------------------------------------------------


def cites_source(model: Any, condition: Q = Q()) -> Exists:  # noqa: B008  # a condition never changes
    """The fact cites a source, optionally one that meets a condition."""
    return Exists(model.sources.through.objects.filter(condition, **{model._meta.model_name: OuterRef("pk")}))


def cites_no_source(model: Any) -> Condition:
    return lambda as_of: ~Q(cites_source(model))


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


def has_no_related(model: Any, name: str) -> Condition:
    """No record of the related model exists for it."""
    return lambda as_of: ~Q(Exists(model.objects.filter(**{name: OuterRef("pk")})))


# -- documents -------------------------------------------------------------------------------------------------


def search_outdated(as_of: date) -> Q:
    """The search that did not find it, or found a draft, is old or has no date."""
    old = Q(searched_on__isnull=True) | Q(searched_on__lt=as_of - timedelta(SEARCH_DAYS))
    return Q(status__in=[PlanStatus.NOT_FOUND, PlanStatus.DRAFTING]) & old


def known_after_publication(as_of: date) -> Q:
    return Q(known_issued_by__gt=F("published_on"))


def known_before_policy(above: str) -> Condition:
    """It is known to exist before its policy was issued."""
    return lambda as_of: Q(known_issued_by__lt=F(f"{above}__issued_on"))


def number_used_twice(as_of: date) -> Q:
    others = ProvincialPlan.objects.filter(doc_number=OuterRef("doc_number")).exclude(pk=OuterRef("pk"))
    return ~Q(doc_number="") & Q(Exists(others))


# -- places ----------------------------------------------------------------------------------------------------


def code_outside_province(as_of: date) -> Q:
    """A GB/T 2260 code begins with the two digits of its province."""
    prefecture, county = (
        ~Q(**{name: ""}) & ~Q(Exact(Left(name, 2), Left("province__gb_code", 2)))
        for name in ("prefecture_code", "county_code")
    )
    return ~Q(province__gb_code="") & (prefecture | county)


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


def not_entered(as_of: date) -> Q:
    """It is only planned, and no other entry says that the pilot has entered the stage."""
    same = {name: OuterRef(name) for name in ("pilot", "stage")}
    return Q(entered_on__isnull=True) & ~Q(Exists(StageEntry.objects.filter(**same, entered_on__lte=as_of)))


def withdrawal_inconsistent(as_of: date) -> Q:
    """The pilot's withdrawal date and its stage entry disagree, or one is missing."""
    entries = StageEntry.objects.filter(pilot=OuterRef("pk"), stage=Stage.WITHDRAWN, entered_on__isnull=False)
    agrees = Q(Exists(entries.filter(entered_on=OuterRef("withdrawn_on"))))
    return (Q(withdrawn_on__isnull=False) & ~agrees) | (Q(withdrawn_on__isnull=True) & Q(Exists(entries)))


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
    return Q(kind=TargetKind.REACH) & (up | down)


def awaits_acceptance(as_of: date) -> Q:
    return Q(state=ReadingState.REPORTED, reported_on__lt=as_of - timedelta(WAIT_DAYS))


# -- the rules -------------------------------------------------------------------------------------------------------


FACTS: dict[object, Condition] = {
    Province: holds(),
    Policy: known,
    ProvincialPlan: issued_plan,
    Measure: holds(),
    Figure: holds(),
    Industry: holds(),
    Batch: by_the_day("known_by"),
    Pilot: listed_condition,
    StageEntry: of_pilot,
    Milestone: of_pilot,
    Target: of_pilot,
    Reading: of_pilot,
}
"""Kinds of records that cite sources, and which of them are facts on a day."""


# -- what is particular to a record ------------------------------------------------------------------------------


def codes(row: Any) -> str:
    given = " / ".join(code for code in (row.prefecture_code, row.county_code) if code)
    return gettext("%(code)s in %(province)s") % {"code": given, "province": row.province}


def city(row: Any) -> str:
    return gettext("lies in %(province)s, its city %(city)s in %(other)s") % {
        "province": row.province,
        "city": row.parent,
        "other": row.parent.province,
    }


def base(row: Any) -> str:
    values = {"year": row.base_year, "base": format_exact(row.base_value), "read": format_exact(row.value_read)}
    return gettext("base of %(year)d %(base)s, reading %(read)s") % values


def direction(row: Any) -> str:
    return (
        f"{format_exact(row.base_value)} → {format_exact(row.target_value)} ({row.indicator.get_direction_display()})"
    )


# -- since when ----------------------------------------------------------------------------------------------------


def end_of_year(row: Any) -> date:
    return date(row.target_year + 1, 1, 1)


def value_late_since(row: Any) -> date:
    """The day after the one on which the value was due."""
    return date(int(row.due) + 1, 4, 1)


RULES: tuple[Rule, ...] = (
    # -- announced against recorded
    Rule(
        "not-entered",
        Severity.GAP,
        _("Announced pilots not entered"),
        _("The announcement names more pilots of a kind than are on record."),
        _("Add them one by one, or import the list with the template for pilots."),
        run=cross_checks.not_entered,
        required_models=(Batch, Pilot),
    ),
    Rule(
        "beyond-announced",
        Severity.ERROR,
        _("More pilots than announced"),
        _("More pilots of a kind are on record than the announcement names."),
        _("Look for a pilot entered twice or in the wrong batch, and check the announced number."),
        run=cross_checks.beyond_announced,
        required_models=(Batch, Pilot),
    ),
    Rule(
        "plan-not-recorded",
        Severity.GAP,
        _("Province without a record for the policy"),
        _("The policy calls for provincial plans, and nothing says whether this province has one."),
        _("Add the record with what is known: issued, being drafted, not found, or unknown."),
        run=cross_checks.plan_not_recorded,
        required_models=(Policy, Province, ProvincialPlan),
    ),
    Rule(
        "plan-unknown",
        Severity.GAP,
        _("Nobody has looked for the plan"),
        _("The record of the province says “unknown”."),
        _("Search, then record what was found, or on which day and where it was searched."),
        [Check(ProvincialPlan, holds(status=PlanStatus.UNKNOWN), plan_of_roster, "status")],
    ),
    Rule(
        "plan-search-old",
        Severity.VERIFY,
        _("Search for the plan is old"),
        _("Not found or being drafted, and not looked for in the last 180 days."),
        _("Search again and record the day."),
        [Check(ProvincialPlan, search_outdated, plan_of_roster, "searched_on", "searched_on", "get_status_display")],
    ),
    Rule(
        "no-day",
        Severity.GAP,
        _("Day of issue missing"),
        _("The document is known to exist, but not when it was issued: it enters no lag."),
        _("Find the original or its entry in a policy library, and enter the day as printed."),
        [
            Check(Policy, holds(issued_on__isnull=True), known_document, "issued_on", "known_issued_by"),
            Check(ProvincialPlan, holds(issued_on__isnull=True), issued_plan, "issued_on", "known_issued_by"),
        ],
    ),
    # -- what is due
    Rule(
        "stage-not-entered",
        Severity.GAP,
        _("Stage planned and not entered"),
        _("The day for which the stage was planned is past, and no entry says that it was reached."),
        _("Ask the pilot; enter the day it happened, or the new plan."),
        [Check(StageEntry, not_entered, planned_stage, "entered_on", "planned_then")],
    ),
    Rule(
        "milestone-late",
        Severity.GAP,
        _("Milestone past its day"),
        _("The day by which it was to be done is past, and it is not recorded as done."),
        _("Ask who is responsible; enter the day it was done."),
        [Check(Milestone, not_by_the_day("completed_on"), due_milestone, "completed_on", "planned_then")],
    ),
    Rule(
        "task-late",
        Severity.GAP,
        _("Task past its year"),
        _("The year by whose end it was to be done is over, and it is not recorded as done."),
        _("Ask the pilot; enter the day it was done."),
        [Check(Target, not_by_the_day("done_on"), due_task, "done_on", end_of_year, "target_text")],
    ),
    Rule(
        "value-due",
        Severity.GAP,
        _("Value of the last year not reported"),
        _("A year’s values are due by 31 March of the next; the pilot has a target for this indicator."),
        _("Ask the pilot for the value; enter it, or import it with the template for readings."),
        [Check(Target, value_not_reported, value_due, EDIT_READINGS, value_late_since, "due", annotations=due_year)],
    ),
    Rule(
        "pilot-no-stage",
        Severity.GAP,
        _("Pilot without any stage"),
        _("Nothing says how far the pilot has come."),
        _("Enter the stages that are known, beginning with the day it was listed."),
        [
            Check(
                Pilot, has_no_related(StageEntry, "pilot"), listed_condition, "stages-group", "batch.known_by", "batch"
            )
        ],
    ),
    Rule(
        "pilot-no-target",
        Severity.GAP,
        _("Pilot without any target"),
        _("Nothing says what the pilot has promised, so its progress cannot be judged."),
        _("Enter the targets of its implementation plan."),
        [Check(Pilot, has_no_related(Target, "pilot"), listed_condition, "targets-group", "batch.known_by", "batch")],
    ),
    Rule(
        "pilot-no-industry",
        Severity.GAP,
        _("Park or enterprise without an industry"),
        _("It counts for no industry, so an industry may look untried that it tries."),
        _("Enter the industries that its own documents name."),
        [
            Check(
                Pilot,
                has_no_related(Pilot.industries.through, "pilot"),
                both_conditions(listed_condition, Q(kind__in=[PilotKind.PARK, PilotKind.ENTERPRISE])),
                "industries",
                "batch.known_by",
            )
        ],
    ),
    # -- sources
    Rule(
        "no-source",
        Severity.GAP,
        _("Fact without a source"),
        _("Nothing says where it was read."),
        _("Cite the document it was read in, or enter the document as a source first."),
        [Check(model, cites_no_source(model), among, EDIT_SOURCES) for model, among in FACTS.items()],
    ),
    # -- what waits
    Rule(
        "reading-waits",
        Severity.VERIFY,
        _("Value waits for its verdict"),
        _("Reported more than 30 days ago, and neither accepted nor disputed: it feeds no number."),
        _("Check the value, then accept or dispute it."),
        [Check(Reading, awaits_acceptance, reported, "state", "reported_on")],
    ),
    # -- contradictions
    Rule(
        "too-sure",
        Severity.ERROR,
        _("Surer than its sources"),
        _("The fact claims more confidence than the most reliable source that it cites may carry."),
        _("Cite a source that is reliable enough, or lower the confidence."),
        [
            Check(
                model,
                confidence_above_sources(model),
                with_sources(model, among),
                "confidence",
                detail="get_confidence_display",
            )
            for model, among in FACTS.items()
        ],
    ),
    Rule(
        "known-after-publication",
        Severity.ERROR,
        _("Known later than published"),
        _("The day by which it is known to exist lies after the day on which it was made public."),
        _("Check both days: from its publication on it is known."),
        [
            Check(model, known_after_publication, FACTS[model], "known_issued_by", "known_issued_by")
            for model in (Policy, ProvincialPlan)
        ],
    ),
    Rule(
        "before-its-policy",
        Severity.ERROR,
        _("Older than what it carries out"),
        _("It was known to exist before the policy was issued that it is said to carry out."),
        _("Check its day and the policy it is tied to."),
        [
            Check(ProvincialPlan, known_before_policy("policy"), issued_plan, "issued_on", "known_issued_by"),
            Check(Policy, known_before_policy("parent"), known, "parent", "known_issued_by"),
        ],
    ),
    Rule(
        "number-twice",
        Severity.ERROR,
        _("Two plans with one document number"),
        _("A document number belongs to one document."),
        _("Check both plans against their documents."),
        [Check(ProvincialPlan, number_used_twice, issued_plan, "doc_number", "known_issued_by", "doc_number")],
    ),
    Rule(
        "pilot-twice",
        Severity.VERIFY,
        _("Two pilots of one name"),
        _("Two pilots of a province have one name in batches of the same level: perhaps one entered twice."),
        _("Compare the two; delete one, or tell them apart by their names."),
        [Check(Pilot, name_used_twice, listed_condition, "name_zh", "batch.known_by", detail="batch")],
    ),
    Rule(
        "city-code-twice",
        Severity.ERROR,
        _("Two pilot cities with one code"),
        _("Two cities of a batch have the same GB/T 2260 code."),
        _("Check the codes, or delete the city that was entered twice."),
        [Check(Pilot, code_used_twice, listed_condition, "prefecture_code", "batch.known_by", codes)],
    ),
    Rule(
        "code-of-another-province",
        Severity.ERROR,
        _("Code of another province"),
        _("A GB/T 2260 code begins with the two digits of its province; this one does not."),
        _("Check the code and the province."),
        [Check(Pilot, code_outside_province, listed_condition, "prefecture_code", detail=codes)],
    ),
    Rule(
        "outside-its-city",
        Severity.ERROR,
        _("Park outside its pilot city"),
        _("The province or the code says that the park does not lie in the pilot city it is tied to."),
        _("Check the city, the province and the codes of both."),
        [
            Check(
                Pilot,
                outside_its_city,
                both_conditions(listed_condition, Q(parent__isnull=False)),
                "parent",
                detail=city,
            )
        ],
    ),
    Rule(
        "withdrawal",
        Severity.ERROR,
        _("Withdrawal recorded in two ways"),
        _("The day of withdrawal and the stage “withdrawn” disagree, or one of them is missing."),
        _("Enter the same day in both."),
        [Check(Pilot, withdrawal_inconsistent, by_the_day("batch__known_by"), "withdrawn_on", "withdrawn_on")],
    ),
    Rule(
        "stage-order",
        Severity.ERROR,
        _("Stages out of order"),
        _("A stage entry cannot be true beside the pilot’s others."),
        _("Check the days of the pilot’s stages; say why a stage was passed over."),
        run=cross_checks.out_of_order,
        required_models=(StageEntry, Pilot),
    ),
    Rule(
        "base-differs",
        Severity.ERROR,
        _("Base differs from the reading"),
        _("The base value of a target is not the accepted value of its base year."),
        _("Check both against the pilot’s plan and its statistics; correct the target, or the reading."),
        [
            Check(
                Target,
                base_differs_from_reading,
                both_conditions(of_pilot, Q(base_value__isnull=False)),
                "base_value",
                detail=base,
                annotations=accepted_value,
            )
        ],
    ),
    Rule(
        "wrong-way",
        Severity.VERIFY,
        _("Target worse than its base"),
        _("The value to be reached lies on the wrong side of the base."),
        _("Check both values, their unit and the indicator."),
        [
            Check(
                Target,
                target_against_direction,
                both_conditions(of_pilot, Q(base_value__isnull=False, target_value__isnull=False)),
                "target_value",
                detail=direction,
            )
        ],
    ),
    Rule(
        "reading-disputed",
        Severity.VERIFY,
        _("Value in dispute"),
        _("The value is disputed and no later version has replaced it: it stands for nothing."),
        _("Ask the pilot for a correction, and enter it as the next version; or accept the value."),
        [Check(Reading, holds(state=ReadingState.DISPUTED), reported, EDIT_CORRECTION, "reported_on")],
    ),
)
