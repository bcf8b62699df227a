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

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Left
from django.db.models.lookups import Exact, LessThan, LessThanOrEqual
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.text.formatting import label_value
from dashboard.data_quality.findings import (
    EDIT_CORRECTION,
    EDIT_READINGS,
    EDIT_SOURCES,
    Check,
    CheckResult,
    Condition,
    Finding,
    Rule,
    Scope,
    Severity,
    condition_on,
    record_finding,
)
from pilots.analytics.reconciliation import KindCount
from pilots.metrics.progress import Direction, year_due
from pilots.metrics.reconciliation import listed_condition
from pilots.metrics.stages import Stage
from pilots.models import Batch, Milestone, Pilot, PilotKind, Reading, ReadingState, StageEntry, Target, TargetKind
from pilots.models.indicator import format_exact
from pilots.models.replan import planned_day
from pilots.models.stage_entry import stage_order_faults
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
ERROR, GAP, VERIFY = Severity.ERROR, Severity.GAP, Severity.VERIFY

# -- which records count ---------------------------------------------------------------------------------------


def of_pilot(as_of: date) -> Q:
    """Records of pilots on the date; those of withdrawn pilots are not checked."""
    return Q(pilot__in=Pilot.objects.listed(as_of).order_by().values("pk"))


def known_document(as_of: date) -> Q:
    return known(as_of) & Q(kind=PolicyKind.DOCUMENT)


def plan_of_roster(as_of: date) -> Q:
    return Q(province__in_roster=True, policy__known_issued_by__lte=as_of)


def task_due(as_of: date) -> Q:
    return of_pilot(as_of) & Q(kind=TargetKind.TEXT, target_year__lt=as_of.year)


def listed_with(**lookups: object) -> Condition:
    return lambda as_of: listed_condition(as_of) & Q(**lookups)


def of_pilot_with(**lookups: object) -> Condition:
    return lambda as_of: of_pilot(as_of) & Q(**lookups)


def issued_plan(as_of: date) -> Q:
    return issued(as_of) & Q(province__in_roster=True)


def value_due(as_of: date) -> Q:
    """Numeric targets, of pilots whose term has begun, for which the value of the last year is due."""
    year = year_due(as_of)
    begins = Coalesce("pilot__term_start", "pilot__batch__term_start", "pilot__batch__known_by")
    begun = Q(LessThanOrEqual(begins, Value(date(year, 12, 31))))
    after_base = Q(base_year__isnull=True) | Q(base_year__lt=year)
    return of_pilot(as_of) & ~Q(kind=TargetKind.TEXT) & Q(target_year__gte=year) & after_base & begun


def reported(as_of: date) -> Q:
    return of_pilot(as_of) & Q(reported_on__lte=as_of) & newest_reported(as_of)


FACTS: dict[Any, Condition] = {
    Province: Q(),
    Policy: known,
    ProvincialPlan: issued_plan,
    Measure: Q(),
    Figure: Q(),
    Industry: Q(),
    Batch: lambda as_of: Q(known_by__lte=as_of),
    Pilot: listed_condition,
    StageEntry: of_pilot,
    Milestone: of_pilot,
    Target: of_pilot,
    Reading: of_pilot,
}
"""Kinds of records that cite sources, and which of them are facts on a day."""


# -- days and sources ---------------------------------------------------------------------------------------------


def not_by_the_day(name: str) -> Condition:
    """It has not happened, or happened later."""
    return lambda as_of: Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__gt": as_of})


def cites_source(model: Any, *reliability: Confidence) -> Q:
    """The fact cites a source, of these kinds if any are given."""
    kinds = Q(source__reliability__in=reliability) if reliability else Q()
    return Q(Exists(model.sources.through.objects.filter(kinds, **{model._meta.model_name: OuterRef("pk")})))


def surer_than_sources(model: Any) -> Q:
    """It cites sources, and its confidence is higher than the most reliable of them allows."""
    by_issuer, by_press = (
        cites_source(model, Confidence.OFFICIAL),
        cites_source(model, Confidence.OFFICIAL, Confidence.MEDIA),
    )
    too_sure = Q(confidence=Confidence.OFFICIAL) & ~by_issuer | Q(confidence=Confidence.MEDIA) & ~by_press
    return cites_source(model) & too_sure


def search_outdated(as_of: date) -> Q:
    """The search that did not find it, or found a draft, is old or has no date."""
    old = Q(searched_on__isnull=True) | Q(searched_on__lt=as_of - timedelta(SEARCH_DAYS))
    return Q(status__in=[PlanStatus.NOT_FOUND, PlanStatus.DRAFTING]) & old


def number_used_twice(as_of: date) -> Q:
    others = ProvincialPlan.objects.filter(doc_number=OuterRef("doc_number")).exclude(pk=OuterRef("pk"))
    return ~Q(doc_number="") & Q(Exists(others))


# -- pilots and where they lie -----------------------------------------------------------------------------------


def has_no(related: Any) -> Q:
    """No record of the related model exists for the pilot."""
    return ~Q(Exists(related.objects.filter(pilot=OuterRef("pk"))))


def code_outside_province(as_of: date) -> Q:
    """A GB/T 2260 code begins with the two digits of its province."""
    home = Left("province__gb_code", 2)
    prefecture = ~Q(prefecture_code="") & ~Q(Exact(Left("prefecture_code", 2), home))
    county = ~Q(county_code="") & ~Q(Exact(Left("county_code", 2), home))
    return ~Q(province__gb_code="") & (prefecture | county)


def outside_its_city(as_of: date) -> Q:
    """It lies in another province than its parent city, or its codes name another city."""
    coded = ~Q(prefecture_code="") & ~Q(parent__prefecture_code="")
    elsewhere = coded & ~Q(Exact(Left("prefecture_code", 4), Left("parent__prefecture_code", 4)))
    return Q(parent__isnull=False) & (~Q(province=F("parent__province")) | elsewhere)


def name_used_twice(as_of: date) -> Q:
    """Another pilot on the date has its name, in the same province and a batch of the same level."""
    name = Q(name_zh=OuterRef("name_zh")) | (~Q(name_en="") & Q(name_en=OuterRef("name_en")))
    same = {"province": OuterRef("province"), "batch__level": OuterRef("batch__level")}
    return Q(Exists(Pilot.objects.listed(as_of).filter(name, **same).exclude(pk=OuterRef("pk"))))


def code_used_twice(as_of: date) -> Q:
    """Another pilot city of its batch has its code."""
    same = {name: OuterRef(name) for name in ("batch", "prefecture_code")}
    others = Pilot.objects.listed(as_of).filter(kind=PilotKind.CITY, **same).exclude(pk=OuterRef("pk"))
    return Q(kind=PilotKind.CITY) & ~Q(prefecture_code="") & Q(Exists(others))


def codes(row: Any) -> str:
    given = " / ".join(code for code in (row.prefecture_code, row.county_code) if code)
    return gettext("%(code)s in %(province)s") % {"code": given, "province": row.province}


def city(row: Any) -> str:
    values = {"province": row.province, "city": row.parent, "other": row.parent.province}
    return gettext("lies in %(province)s, its city %(city)s in %(other)s") % values


# -- the way of a pilot ------------------------------------------------------------------------------------------


def not_entered(as_of: date) -> Q:
    """It is only planned, and no other entry says that the pilot has entered the stage."""
    same = {name: OuterRef(name) for name in ("pilot", "stage")}
    return Q(entered_on__isnull=True) & ~Q(Exists(StageEntry.objects.filter(**same, entered_on__lte=as_of)))


def planned_before(model: Any) -> Condition:
    """The day in force for which it is planned is past."""
    return lambda as_of: of_pilot(as_of) & Q(LessThan(planned_day(model, as_of), as_of))


def withdrawal_inconsistent(as_of: date) -> Q:
    """The pilot's withdrawal date and its stage entry disagree, or one is missing."""
    entries = StageEntry.objects.filter(pilot=OuterRef("pk"), stage=Stage.WITHDRAWN, entered_on__isnull=False)
    agrees = Q(Exists(entries.filter(entered_on=OuterRef("withdrawn_on"))))
    return (Q(withdrawn_on__isnull=False) & ~agrees) | (Q(withdrawn_on__isnull=True) & Q(Exists(entries)))


# -- targets and readings ----------------------------------------------------------------------------------------


def value_not_reported(as_of: date) -> Q:
    """No value of the year that is due has been reported, accepted or not."""
    same = {name: OuterRef(name) for name in ("pilot", "indicator")}
    return ~Q(Exists(Reading.objects.filter(**same, period=str(year_due(as_of)), reported_on__lte=as_of)))


def awaits_acceptance(as_of: date) -> Q:
    return Q(state=ReadingState.REPORTED, reported_on__lt=as_of - timedelta(WAIT_DAYS))


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


def base(row: Any) -> str:
    values = {"year": row.base_year, "base": format_exact(row.base_value), "read": format_exact(row.value_read)}
    return gettext("base of %(year)d %(base)s, reading %(read)s") % values


WORSE_THAN_BASE = Q(kind=TargetKind.REACH) & (
    Q(indicator__direction=Direction.LOWER, target_value__gt=F("base_value"))
    | Q(indicator__direction=Direction.HIGHER, target_value__lt=F("base_value"))
)
"""The target value lies on the wrong side of its base."""


def direction(row: Any) -> str:
    values = f"{format_exact(row.base_value)} → {format_exact(row.target_value)}"
    return f"{values} ({row.indicator.get_direction_display()})"


# -- rules over several models -------------------------------------------------------------------------------------


def announced_kinds(scope: Scope) -> list[tuple[Batch, KindCount]]:
    every = [(item.batch, kind) for item in scope.batches for kind in item.kinds]
    return [(batch, kind) for batch, kind in every if kind.numbers.announced is not None]


def kind_finding(rule: Rule, batch: Batch, kind: KindCount) -> dict[str, Any]:
    """Return the finding on the pilots of a kind of a batch, as values."""
    text = gettext("%(announced)d announced, %(recorded)d recorded")
    if kind.numbers.withdrawn:
        text = gettext("%(announced)d announced, %(recorded)d recorded, %(withdrawn)d withdrawn")
    detail = label_value(kind.label, text % vars(kind.numbers))
    return vars(record_finding(rule, batch, f"{kind.kind}_count", detail=detail, since=batch.known_by))


def too_few_entered(rule: Rule, scope: Scope) -> CheckResult:
    """Find kinds of pilots of which a batch announced more than are recorded or withdrawn."""
    kinds = announced_kinds(scope)
    amiss = [(batch, kind) for batch, kind in kinds if kind.numbers.to_enter]
    return len(kinds), [
        Finding(**{**kind_finding(rule, batch, kind), "url": add_pilot_url(batch, kind.kind)}) for batch, kind in amiss
    ]


def too_many_entered(rule: Rule, scope: Scope) -> CheckResult:
    """Find kinds of pilots of which a batch announced fewer than are recorded or withdrawn."""
    kinds = announced_kinds(scope)
    return len(kinds), [Finding(**kind_finding(rule, *item)) for item in kinds if item[1].numbers.surplus]


def add_pilot_url(batch: Batch, kind: str) -> str:
    """Return the URL of the form for a new pilot of the batch and kind."""
    values = {"batch": batch.pk, "kind": kind, **({"province": batch.province_id} if batch.province_id else {})}
    return f"{reverse('admin:pilots_pilot_add')}?{urlencode(values)}"


def plan_not_recorded(rule: Rule, scope: Scope) -> CheckResult:
    """Find provinces of the roster without a record for a policy that calls for plans."""
    policies = Policy.objects.filter(known(scope.as_of), calls_for_provincial_plan=True)
    pairs = [(policy, row) for policy in policies for row in scope.rows(Province).filter(in_roster=True).order_by("pk")]
    recorded = set(ProvincialPlan.objects.order_by().values_list("policy", "province"))
    add = reverse("admin:policies_provincialplan_add")
    return len(pairs), [
        Finding(
            rule=rule,
            province=province,
            kind=str(capfirst(ProvincialPlan._meta.verbose_name)),
            record=f"{province.short} · {policy.name}",
            detail="",
            since=policy.known_issued_by,
            owner="",
            url=f"{add}?{urlencode({'policy': policy.pk, 'province': province.pk})}",
        )
        for policy, province in pairs
        if (policy.pk, province.pk) not in recorded
    ]


def out_of_order(rule: Rule, scope: Scope) -> CheckResult:
    """Find stage entries that contradict the pilot's others."""
    rows = scope.rows(StageEntry).filter(of_pilot(scope.as_of), entered_on__lte=scope.as_of)
    by_pilot: dict[int, list[Any]] = defaultdict(list)
    for row in rows.select_related("pilot__province").order_by("pk"):
        by_pilot[row.pilot_id].append(row)
    faults = [fault for own in by_pilot.values() for fault in stage_order_faults(own, as_of=scope.as_of)]
    found = [record_finding(rule, row, field, detail=text, since=row.entered_on) for row, field, text in faults]
    return sum(map(len, by_pilot.values())), found


def of_each_fact(make: Any) -> Sequence[Check]:
    """Return a check for each kind of fact."""
    return [make(model, among) for model, among in FACTS.items()]


RULES: tuple[Rule, ...] = (
    # -- announced against recorded
    Rule(
        "not-entered",
        GAP,
        _("Announced pilots not entered"),
        _("The announcement names more pilots of a kind than are on record."),
        _("Add them one by one, or import the list with the template for pilots."),
        run=too_few_entered,
        required_models=(Batch, Pilot),
    ),
    Rule(
        "beyond-announced",
        ERROR,
        _("More pilots than announced"),
        _("More pilots of a kind are on record than the announcement names."),
        _("Look for a pilot entered twice or in the wrong batch, and check the announced number."),
        run=too_many_entered,
        required_models=(Batch, Pilot),
    ),
    Rule(
        "plan-not-recorded",
        GAP,
        _("Province without a record for the policy"),
        _("The policy calls for provincial plans, and nothing says whether this province has one."),
        _("Add the record with what is known: issued, being drafted, not found, or unknown."),
        run=plan_not_recorded,
        required_models=(Policy, Province, ProvincialPlan),
    ),
    Rule(
        "plan-unknown",
        GAP,
        _("Nobody has looked for the plan"),
        _("The record of the province says “unknown”."),
        _("Search, then record what was found, or on which day and where it was searched."),
        [Check(ProvincialPlan, Q(status=PlanStatus.UNKNOWN), plan_of_roster, "status")],
    ),
    Rule(
        "plan-search-old",
        VERIFY,
        _("Search for the plan is old"),
        _("Not found or being drafted, and not looked for in the last 180 days."),
        _("Search again and record the day."),
        [Check(ProvincialPlan, search_outdated, plan_of_roster, "searched_on", "searched_on", "get_status_display")],
    ),
    Rule(
        "no-day",
        GAP,
        _("Day of issue missing"),
        _("The document is known to exist, but not when it was issued: it enters no lag."),
        _("Find the original or its entry in a policy library, and enter the day as printed."),
        [
            Check(Policy, Q(issued_on__isnull=True), known_document, "issued_on", "known_issued_by"),
            Check(ProvincialPlan, Q(issued_on__isnull=True), issued_plan, "issued_on", "known_issued_by"),
        ],
    ),
    # -- what is due
    Rule(
        "stage-not-entered",
        GAP,
        _("Stage planned and not entered"),
        _("The day for which the stage was planned is past, and no entry says that it was reached."),
        _("Ask the pilot; enter the day it happened, or the new plan."),
        [Check(StageEntry, not_entered, planned_before(StageEntry), "entered_on", "planned_then")],
    ),
    Rule(
        "milestone-late",
        GAP,
        _("Milestone past its day"),
        _("The day by which it was to be done is past, and it is not recorded as done."),
        _("Ask who is responsible; enter the day it was done."),
        [Check(Milestone, not_by_the_day("completed_on"), planned_before(Milestone), "completed_on", "planned_then")],
    ),
    Rule(
        "task-late",
        GAP,
        _("Task past its year"),
        _("The year by whose end it was to be done is over, and it is not recorded as done."),
        _("Ask the pilot; enter the day it was done."),
        [
            Check(
                Target,
                not_by_the_day("done_on"),
                task_due,
                "done_on",
                lambda row: date(row.target_year + 1, 1, 1),
                "target_text",
            )
        ],
    ),
    Rule(
        "value-due",
        GAP,
        _("Value of the last year not reported"),
        _("A year’s values are due by 31 March of the next; the pilot has a target for this indicator."),
        _("Ask the pilot for the value; enter it, or import it with the template for readings."),
        [
            Check(
                Target,
                value_not_reported,
                value_due,
                EDIT_READINGS,
                lambda row: date(int(row.due) + 1, 4, 1),
                "due",
                annotations=due_year,
            )
        ],
    ),
    Rule(
        "pilot-no-stage",
        GAP,
        _("Pilot without any stage"),
        _("Nothing says how far the pilot has come."),
        _("Enter the stages that are known, beginning with the day it was listed."),
        [Check(Pilot, has_no(StageEntry), listed_condition, "stages-group", "batch.known_by", "batch")],
    ),
    Rule(
        "pilot-no-target",
        GAP,
        _("Pilot without any target"),
        _("Nothing says what the pilot has promised, so its progress cannot be judged."),
        _("Enter the targets of its implementation plan."),
        [Check(Pilot, has_no(Target), listed_condition, "targets-group", "batch.known_by", "batch")],
    ),
    Rule(
        "pilot-no-industry",
        GAP,
        _("Park or enterprise without an industry"),
        _("It counts for no industry, so an industry may look untried that it tries."),
        _("Enter the industries that its own documents name."),
        [
            Check(
                Pilot,
                has_no(Pilot.industries.through),
                listed_with(kind__in=[PilotKind.PARK, PilotKind.ENTERPRISE]),
                "industries",
                "batch.known_by",
            )
        ],
    ),
    # -- sources
    Rule(
        "no-source",
        GAP,
        _("Fact without a source"),
        _("Nothing says where it was read."),
        _("Cite the document it was read in, or enter the document as a source first."),
        of_each_fact(lambda model, among: Check(model, ~cites_source(model), among, EDIT_SOURCES)),
    ),
    # -- what waits
    Rule(
        "reading-waits",
        VERIFY,
        _("Value waits for its verdict"),
        _("Reported more than 30 days ago, and neither accepted nor disputed: it feeds no number."),
        _("Check the value, then accept or dispute it."),
        [
            Check(
                Reading,
                awaits_acceptance,
                reported,
                "state",
                "reported_on",
            )
        ],
    ),
    # -- contradictions
    Rule(
        "too-sure",
        ERROR,
        _("Surer than its sources"),
        _("The fact claims more confidence than the most reliable source that it cites may carry."),
        _("Cite a source that is reliable enough, or lower the confidence."),
        of_each_fact(
            lambda model, among: Check(
                model,
                surer_than_sources(model),
                lambda as_of: condition_on(as_of, among, cites_source(model)),
                "confidence",
                detail="get_confidence_display",
            )
        ),
    ),
    Rule(
        "known-after-publication",
        ERROR,
        _("Known later than published"),
        _("The day by which it is known to exist lies after the day on which it was made public."),
        _("Check both days: from its publication on it is known."),
        [
            Check(model, Q(known_issued_by__gt=F("published_on")), FACTS[model], "known_issued_by", "known_issued_by")
            for model in (Policy, ProvincialPlan)
        ],
    ),
    Rule(
        "before-its-policy",
        ERROR,
        _("Older than what it carries out"),
        _("It was known to exist before the policy was issued that it is said to carry out."),
        _("Check its day and the policy it is tied to."),
        [
            Check(
                ProvincialPlan,
                Q(known_issued_by__lt=F("policy__issued_on")),
                issued_plan,
                "issued_on",
                "known_issued_by",
            ),
            Check(Policy, Q(known_issued_by__lt=F("parent__issued_on")), known, "parent", "known_issued_by"),
        ],
    ),
    Rule(
        "number-twice",
        ERROR,
        _("Two plans with one document number"),
        _("A document number belongs to one document."),
        _("Check both plans against their documents."),
        [Check(ProvincialPlan, number_used_twice, issued_plan, "doc_number", "known_issued_by", "doc_number")],
    ),
    Rule(
        "pilot-twice",
        VERIFY,
        _("Two pilots of one name"),
        _("Two pilots of a province have one name in batches of the same level: perhaps one entered twice."),
        _("Compare the two; delete one, or tell them apart by their names."),
        [Check(Pilot, name_used_twice, listed_condition, "name_zh", "batch.known_by", detail="batch")],
    ),
    Rule(
        "city-code-twice",
        ERROR,
        _("Two pilot cities with one code"),
        _("Two cities of a batch have the same GB/T 2260 code."),
        _("Check the codes, or delete the city that was entered twice."),
        [Check(Pilot, code_used_twice, listed_condition, "prefecture_code", "batch.known_by", codes)],
    ),
    Rule(
        "code-of-another-province",
        ERROR,
        _("Code of another province"),
        _("A GB/T 2260 code begins with the two digits of its province; this one does not."),
        _("Check the code and the province."),
        [Check(Pilot, code_outside_province, listed_condition, "prefecture_code", detail=codes)],
    ),
    Rule(
        "outside-its-city",
        ERROR,
        _("Park outside its pilot city"),
        _("The province or the code says that the park does not lie in the pilot city it is tied to."),
        _("Check the city, the province and the codes of both."),
        [
            Check(
                Pilot,
                outside_its_city,
                listed_with(parent__isnull=False),
                "parent",
                detail=city,
            )
        ],
    ),
    Rule(
        "withdrawal",
        ERROR,
        _("Withdrawal recorded in two ways"),
        _("The day of withdrawal and the stage “withdrawn” disagree, or one of them is missing."),
        _("Enter the same day in both."),
        [
            Check(
                Pilot,
                withdrawal_inconsistent,
                lambda as_of: Q(batch__known_by__lte=as_of),
                "withdrawn_on",
                "withdrawn_on",
            )
        ],
    ),
    Rule(
        "stage-order",
        ERROR,
        _("Stages out of order"),
        _("A stage entry cannot be true beside the pilot’s others."),
        _("Check the days of the pilot’s stages; say why a stage was passed over."),
        run=out_of_order,
        required_models=(StageEntry, Pilot),
    ),
    Rule(
        "base-differs",
        ERROR,
        _("Base differs from the reading"),
        _("The base value of a target is not the accepted value of its base year."),
        _("Check both against the pilot’s plan and its statistics; correct the target, or the reading."),
        [
            Check(
                Target,
                base_differs_from_reading,
                of_pilot_with(base_value__isnull=False),
                "base_value",
                detail=base,
                annotations=accepted_value,
            )
        ],
    ),
    Rule(
        "wrong-way",
        VERIFY,
        _("Target worse than its base"),
        _("The value to be reached lies on the wrong side of the base."),
        _("Check both values, their unit and the indicator."),
        [
            Check(
                Target,
                WORSE_THAN_BASE,
                of_pilot_with(base_value__isnull=False, target_value__isnull=False),
                "target_value",
                detail=direction,
            )
        ],
    ),
    Rule(
        "reading-disputed",
        VERIFY,
        _("Value in dispute"),
        _("The value is disputed and no later version has replaced it: it stands for nothing."),
        _("Ask the pilot for a correction, and enter it as the next version; or accept the value."),
        [Check(Reading, Q(state=ReadingState.DISPUTED), reported, EDIT_CORRECTION, "reported_on")],
    ),
)
