"""Data quality: rules that find what is missing, unverified or contradictory; quality.*.md say what each means.

A new rule is one more line here and a section of both files. Contradictions (severity ERROR) block the approval of
an edition; the others stay only where somebody acts on them. Editions approved before name warnings of rules that are
gone: they keep names and counts of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import (
    CharField,
    Count,
    Exists,
    F,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    prefetch_related_objects,
)
from django.db.models.functions import Cast, Coalesce, Left
from django.db.models.lookups import Exact, LessThan, LessThanOrEqual
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.text import StatusChoices, join_short, label_value
from dashboard.glossary import GlossaryEntry, glossary
from pilots.analytics.reconciliation import BatchCount, build_reconciliation
from pilots.metrics import Direction, Stage, year_due
from pilots.models import Batch, Milestone, Pilot, PilotKind, Reading, ReadingState, StageEntry, Target, TargetKind
from pilots.models.indicator import format_exact
from pilots.models.pilot import listed_condition
from pilots.models.planned import PlannedDayModel, planned_day, stage_order_faults, with_planned_day
from pilots.models.reading import newest_accepted, newest_reported
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
    issued_by,
)

WAIT_DAYS = 30
"""How long a reported value may wait for its verdict."""
SEARCH_DAYS = 180
"""After how many days a search that found nothing is repeated."""
PROVINCE_PATHS: Mapping[type[Model], str] = {
    Province: "pk",
    **dict.fromkeys((Policy, ProvincialPlan, Figure, Batch, Pilot), "province"),
    **dict.fromkeys((StageEntry, Milestone, Target, Reading), "pilot__province"),
}
"""Where a record's province stands: itself, its own, or its pilot's."""
RELATED_FIELDS: Mapping[type[Model], Sequence[str]] = {
    **dict.fromkeys((ProvincialPlan, Batch), ("policy",)),
    Pilot: ["batch", "parent__province"],
    StageEntry: ["pilot__batch"],
    **dict.fromkeys((Target, Reading), ("indicator",)),
}
"""What a finding names of a record beside its province."""
RELATED_LISTS: Mapping[type[Model], Sequence[str]] = {Policy: ["agencies"], Batch: ["policy__agencies"]}
EDIT_READINGS, EDIT_CORRECTION = "readings", "correction"
"""Places to mend that are no field of the record: the page on which readings are entered, and the form for the next
version of a reading."""


class Severity(StatusChoices):
    """Severity: a contradiction, something missing, or something to verify."""

    ERROR = "error", "red", pgettext_lazy("severity", "error")
    GAP = "gap", "yellow", pgettext_lazy("severity", "gap")
    VERIFY = "verify", "blue", _("to verify")


ERROR, GAP, VERIFY = Severity.ERROR, Severity.GAP, Severity.VERIFY
Fault = tuple[Any, str, str, date | None]
"""A record that violates a rule, its field or the address to mend it, what is particular to it, and since when."""


@dataclass
class Check:
    """The condition of a rule in one model on a day, and how many records it looked at and found.

    `population` selects the records that are checked (the denominator), `condition` the violations. `place` is the
    field to correct, `since` the date from which it is violated, by default the day on which the record was entered,
    and `detail` what is particular to the record: both are a dotted path or a function of the record. `annotations` are
    query annotations that these need.
    """

    model: Any
    condition: Q
    population: Q
    place: str
    since: str | Callable[[Any], date] = ""
    detail: str | Callable[[Any], str] = ""
    annotations: Mapping[str, object] = field(default_factory=dict)
    of: int = 0
    count: int = 0


class Explained:
    """What has a section in quality.*.md: a rule, or another line of the checklist of an edition."""

    code: str

    @property
    def text(self) -> GlossaryEntry:
        return next(entry for entry in glossary("quality") if entry.code == self.code)

    @property
    def name(self) -> str:
        return self.text.name

    @property
    def meaning(self) -> str:
        return self.text.meaning.partition("\n\n")[0]

    @property
    def remedy(self) -> str:
        return self.text.meaning.partition("\n\n")[2]


class Rule(Explained):
    """A rule on a day, and of how many records how many violate it.

    `checks` are conditions on single models; `run` computes what no such condition can: how many things it looked at in
    the models that it `reads`, and the faults. It was not `checked` where the user may view none of its models.
    """

    def __init__(
        self,
        code: str,
        severity: Severity,
        *checks: Check,
        run: Callable[[DataQuality], tuple[int, list[Fault]]] | None = None,
        reads: Sequence[type[Model]] = (),
    ) -> None:
        self.code, self.severity, self.checks, self.run, self.reads = code, severity, checks, run, reads
        self.checked, self.of, self.count = False, 0, 0
        self.faults: list[Fault] = []  # of `run`; those of checks are read where they are shown


class Finding(NamedTuple):
    """One open issue: what is missing or wrong, since when, whom to ask, and where to correct it."""

    rule: Rule
    row: Any
    place: str
    detail: str
    since: date | None

    @property
    def what(self) -> str:
        """What is missing or wrong, with the detail of the record."""
        return label_value(self.rule.name, self.detail) if self.detail else self.rule.name

    @property
    def of_pilot(self) -> bool:
        return getattr(self.row, "pilot_id", None) is not None

    @property
    def province(self) -> Province | None:
        if isinstance(self.row, Province):
            return self.row
        province: Province | None = getattr(self.row.pilot if self.of_pilot else self.row, "province", None)
        return province

    @property
    def kind(self) -> str:
        return str(capfirst(self.row._meta.verbose_name))

    @property
    def record(self) -> str:
        named = self.of_pilot and not isinstance(self.row, Target)
        return f"{self.row.pilot} · {self.row}" if named else str(self.row)

    @property
    def owner(self) -> str:
        asked = self.row.policy if isinstance(self.row, Batch) else self.row
        if isinstance(asked, Policy):
            return join_short(asked.agencies.all())
        return asked.owner if isinstance(asked, Milestone) else ""

    @property
    def url(self) -> str:
        """The URL of the edit page, at the field; the place may be an address itself."""
        row, place = self.row, self.place
        if place.startswith("/"):
            return place
        if place == EDIT_READINGS:
            return f"{reverse('readings-enter', args=[row.pilot.slug])}?{urlencode({'period': row.due})}"
        if place == EDIT_CORRECTION:
            return f"{reverse('admin:pilots_reading_add')}?{urlencode({'corrects': row.pk})}"
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
        return f"{reverse(name, args=[row.pk])}#{place if '-' in place else f'id_{place}'}"


class DataQuality:
    """What the rules find on a day, in all provinces or one, and in the models that the user may view, None for all.

    `rules` holds every rule, also those without findings, by severity. A province leaves out models without one. One
    query per model and a few more, whatever the number of rows, and one per check where findings are read.
    """

    def __init__(
        self, as_of: date, province: Province | None = None, kinds: Iterable[type[Model]] | None = None
    ) -> None:
        self.as_of, self.province, self.kinds = as_of, province, None if kinds is None else set(kinds)
        counts = [item for item in build_reconciliation(as_of) if province is None or item.batch.province == province]
        prefetch_related_objects([item.batch for item in counts], "policy__agencies")
        self.batches: Sequence[BatchCount] = counts if self.includes(Batch) and self.includes(Pilot) else []
        worst = list(Severity)
        self.rules = sorted(rules_on(as_of), key=lambda rule: worst.index(rule.severity))
        self.count_checks()
        for rule in self.rules:
            if rule.run and all(self.includes(model) for model in rule.reads):
                rule.checked = True
                rule.of, rule.faults = rule.run(self)
                rule.count = len(rule.faults)

    def includes(self, model: type[Model]) -> bool:
        """Whether a model is checked; with a province only if its records have one."""
        return (self.kinds is None or model in self.kinds) and (self.province is None or model in PROVINCE_PATHS)

    def rows(self, model: type[Model]) -> QuerySet[Any]:
        """Return the records of a model that are checked."""
        rows: QuerySet[Any] = model._default_manager.order_by()
        if issubclass(model, PlannedDayModel):
            rows = with_planned_day(rows, self.as_of)
        return rows.filter(**{PROVINCE_PATHS[model]: self.province.pk}) if self.province else rows

    def count_checks(self) -> None:
        """Count the records that each check looks at, and the violations. One query per model."""
        asked: dict[Any, list[tuple[Rule, Check]]] = defaultdict(list)
        for rule in self.rules:
            for check in rule.checks:
                if self.includes(check.model):
                    asked[check.model].append((rule, check))
        for model, pairs in asked.items():
            counts = {}
            for n, (_rule, check) in enumerate(pairs):
                counts[f"of_{n}"] = Count("pk", filter=check.population or None)
                counts[f"amiss_{n}"] = Count("pk", filter=check.population & check.condition)
            counted = self.rows(model).aggregate(**counts)
            for n, (rule, check) in enumerate(pairs):
                check.of, check.count = counted[f"of_{n}"], counted[f"amiss_{n}"]
                rule.checked, rule.of, rule.count = True, rule.of + check.of, rule.count + check.count

    def count(self, severity: str) -> int:
        """Return the number of findings of a severity."""
        return sum(rule.count for rule in self.rules if rule.severity == severity)

    def findings(self, *, rule: str = "", severity: str = "") -> list[Finding]:
        """Return the findings by severity; of one rule or severity if given."""
        return [
            Finding(one, *fault)
            for one in self.rules
            if rule in ("", one.code) and severity in ("", one.severity)
            for fault in [*one.faults, *(fault for check in one.checks if check.count for fault in self.faults(check))]
        ]

    def faults(self, check: Check) -> list[Fault]:
        """Return the violations of a check, by province. One query, and one more where agencies are named."""
        model = check.model
        entries = model.history.filter(id=OuterRef("pk")).order_by("history_id").values("history_date")[:1]
        rows = self.rows(model).filter(check.population & check.condition)
        rows = rows.annotate(first_entry=Subquery(entries), **check.annotations)
        place = [path] if (path := PROVINCE_PATHS.get(model, "pk")) != "pk" else []
        order: list[object] = [F(path).asc(nulls_last=True) for path in place]
        rows = rows.select_related(*place, *RELATED_FIELDS.get(model, ()))
        rows = rows.prefetch_related(*RELATED_LISTS.get(model, ()))
        by_rule = []
        for row in rows.order_by(*order, "pk"):
            entered = row.first_entry and timezone.localdate(row.first_entry)
            since = read_value(row, check.since) if check.since else entered
            by_rule.append((row, check.place, str(read_value(row, check.detail)) if check.detail else "", since))
        return by_rule


def read_value(row: Any, source: str | Callable[[Any], Any]) -> Any:
    """Return what a function or a dotted path says of a record."""
    value = source(row) if callable(source) else attrgetter(source)(row)
    return value() if callable(value) else value


def rules_on(day: date) -> list[Rule]:
    """Return every rule, with its conditions on a day."""
    return [*document_rules(day), *pilot_rules(day), *target_rules(day), *source_rules(day)]


# -- documents and what was announced --------------------------------------------------------------------------


def document_rules(day: date) -> list[Rule]:
    known_by, undated = "known_issued_by", Q(issued_on__isnull=True)
    plan_of_roster = Q(province__in_roster=True, policy__known_issued_by__lte=day)
    # the search that did not find it, or found a draft, is old or has no date
    searched = Q(searched_on__isnull=True) | Q(searched_on__lt=day - timedelta(SEARCH_DAYS))
    outdated = Q(status__in=[PlanStatus.NOT_FOUND, PlanStatus.DRAFTING]) & searched
    same_number = ProvincialPlan.objects.filter(doc_number=OuterRef("doc_number")).exclude(pk=OuterRef("pk"))
    late = Q(known_issued_by__gt=F("published_on"))
    policies, plans = Q(known_issued_by__lte=day), issued_plan(day)
    plan = partial(Check, ProvincialPlan)
    return [
        Rule("not-entered", GAP, run=partial(wrongly_entered, number="to_enter"), reads=(Batch, Pilot)),
        Rule("beyond-announced", ERROR, run=partial(wrongly_entered, number="surplus"), reads=(Batch, Pilot)),
        Rule("plan-not-recorded", GAP, run=plan_not_recorded, reads=(Policy, Province, ProvincialPlan)),
        Rule("plan-unknown", GAP, plan(Q(status=PlanStatus.UNKNOWN), plan_of_roster, "status")),
        Rule(
            "plan-search-old",
            VERIFY,
            plan(outdated, plan_of_roster, "searched_on", "searched_on", "get_status_display"),
        ),
        Rule(
            "no-day",
            GAP,
            Check(Policy, undated, policies & Q(kind=PolicyKind.DOCUMENT), "issued_on", known_by),
            plan(undated, plans, "issued_on", known_by),
        ),
        Rule(
            "known-after-publication",
            ERROR,
            Check(Policy, late, policies, known_by, known_by),
            plan(late, plans, known_by, known_by),
        ),
        Rule(
            "before-its-policy",
            ERROR,
            plan(Q(known_issued_by__lt=F("policy__issued_on")), plans, "issued_on", known_by),
            Check(Policy, Q(known_issued_by__lt=F("parent__issued_on")), policies, "parent", known_by),
        ),
        Rule(
            "number-twice",
            ERROR,
            plan(~Q(doc_number="") & Q(Exists(same_number)), plans, "doc_number", known_by, "doc_number"),
        ),
    ]


def issued_plan(day: date) -> Q:
    return issued_by(day) & Q(province__in_roster=True)


def wrongly_entered(report: DataQuality, number: str) -> tuple[int, list[Fault]]:
    """Find kinds of pilots of which a batch announced more (`to_enter`) or fewer (`surplus`) than are recorded or
    withdrawn."""
    announced = [(item.batch, kind) for item in report.batches for kind in item.kinds]
    announced = [(batch, kind) for batch, kind in announced if kind.numbers.announced is not None]
    faults: list[Fault] = []
    for batch, kind in announced:
        if getattr(kind.numbers, number):
            text = gettext("%(announced)d announced, %(recorded)d recorded")
            if kind.numbers.withdrawn:
                text = gettext("%(announced)d announced, %(recorded)d recorded, %(withdrawn)d withdrawn")
            target = add_pilot_url(batch, kind.kind) if number == "to_enter" else f"{kind.kind}_count"
            faults.append((batch, target, label_value(kind.label, text % vars(kind.numbers)), batch.known_by))
    return len(announced), faults


def add_pilot_url(batch: Batch, kind: str) -> str:
    """Return the URL of the form for a new pilot of the batch and kind."""
    values = {"batch": batch.pk, "kind": kind, **({"province": batch.province_id} if batch.province_id else {})}
    return f"{reverse('admin:pilots_pilot_add')}?{urlencode(values)}"


def plan_not_recorded(report: DataQuality) -> tuple[int, list[Fault]]:
    """Find provinces of the roster without a record for a policy that calls for plans."""
    policies = Policy.objects.known(report.as_of).filter(calls_for_provincial_plan=True)
    roster = report.rows(Province).filter(in_roster=True).order_by("pk")
    pairs = [(policy, province) for policy in policies for province in roster]
    recorded = set(ProvincialPlan.objects.order_by().values_list("policy", "province"))
    faults: list[Fault] = []
    for policy, province in pairs:
        if (policy.pk, province.pk) not in recorded:
            query = urlencode({"policy": policy.pk, "province": province.pk})
            target = f"{reverse('admin:policies_provincialplan_add')}?{query}"
            faults.append((ProvincialPlan(policy=policy, province=province), target, "", policy.known_issued_by))
    return len(pairs), faults


# -- pilots and their way ----------------------------------------------------------------------------------------


def pilot_rules(day: date) -> list[Rule]:
    listed, batch_known = listed_condition(day), "batch.known_by"
    of_pilot = of_listed_pilot(day)
    stage, milestone = (of_pilot & Q(LessThan(planned_day(model, day), day)) for model in (StageEntry, Milestone))
    same_stage = StageEntry.objects.filter(pilot=OuterRef("pilot"), stage=OuterRef("stage"), entered_on__lte=day)
    no_industry = listed & Q(kind__in=[PilotKind.PARK, PilotKind.ENTERPRISE])
    name = Q(name_zh=OuterRef("name_zh")) | (~Q(name_en="") & Q(name_en=OuterRef("name_en")))
    namesake = another_pilot(day, "province", "batch__level").filter(name)
    same_code = another_pilot(day, "batch", "prefecture_code").filter(kind=PilotKind.CITY)
    code_twice = Q(kind=PilotKind.CITY) & ~Q(prefecture_code="") & Q(Exists(same_code))
    outside = [another_code(code, 2, "province__gb_code") for code in ("prefecture_code", "county_code")]
    elsewhere = ~Q(province=F("parent__province")) | another_code("prefecture_code", 4, "parent__prefecture_code")
    # the pilot's withdrawal date and its stage entry disagree, or one is missing
    left = StageEntry.objects.filter(pilot=OuterRef("pk"), stage=Stage.WITHDRAWN, entered_on__isnull=False)
    agrees = Q(Exists(left.filter(entered_on=OuterRef("withdrawn_on"))))
    withdrawal = (Q(withdrawn_on__isnull=False) & ~agrees) | (Q(withdrawn_on__isnull=True) & Q(Exists(left)))
    in_batch = Q(batch__known_by__lte=day)

    pilot = partial(Check, Pilot)
    return [
        Rule(
            "stage-not-entered",
            GAP,
            Check(StageEntry, Q(entered_on=None) & ~Q(Exists(same_stage)), stage, "entered_on", "planned_then"),
        ),
        Rule(
            "milestone-late",
            GAP,
            Check(Milestone, not_by("completed_on", day), milestone, "completed_on", "planned_then"),
        ),
        Rule("pilot-no-stage", GAP, pilot(has_no(StageEntry), listed, "stages-group", batch_known, "batch")),
        Rule("pilot-no-target", GAP, pilot(has_no(Target), listed, "targets-group", batch_known, "batch")),
        Rule(
            "pilot-no-industry",
            GAP,
            pilot(has_no(Pilot.industries.through), no_industry, "industries", batch_known),
        ),
        Rule("pilot-twice", VERIFY, pilot(Q(Exists(namesake)), listed, "name_zh", batch_known, "batch")),
        Rule("city-code-twice", ERROR, pilot(code_twice, listed, "prefecture_code", batch_known, codes)),
        Rule(
            "code-of-another-province",
            ERROR,
            pilot(outside[0] | outside[1], listed, "prefecture_code", detail=codes),
        ),
        Rule("outside-its-city", ERROR, pilot(elsewhere, listed & Q(parent__isnull=False), "parent", detail=city)),
        Rule("withdrawal", ERROR, pilot(withdrawal, in_batch, "withdrawn_on", "withdrawn_on")),
        Rule("stage-order", ERROR, run=out_of_order, reads=(StageEntry, Pilot)),
    ]


def of_listed_pilot(day: date) -> Q:
    """Records of pilots on the date; those of withdrawn pilots are not checked."""
    return Q(pilot__in=Pilot.objects.listed(day).order_by().values("pk"))


def not_by(name: str, day: date) -> Q:
    """It has not happened, or happened later."""
    return Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__gt": day})


def has_no(related: Any) -> Q:
    """No record of the related model exists for the pilot."""
    return ~Q(Exists(related.objects.filter(pilot=OuterRef("pk"))))


def another_pilot(day: date, *same: str) -> QuerySet[Pilot]:
    """Other pilots on the date that have the same values."""
    return Pilot.objects.listed(day).filter(**{name: OuterRef(name) for name in same}).exclude(pk=OuterRef("pk"))


def another_code(name: str, digits: int, home: str) -> Q:
    """Both have a GB/T 2260 code, and the codes begin with other digits; the first two are those of the province."""
    return ~Q(**{name: ""}) & ~Q(**{home: ""}) & ~Q(Exact(Left(name, digits), Left(home, digits)))


def codes(row: Any) -> str:
    given = " / ".join(code for code in (row.prefecture_code, row.county_code) if code)
    return gettext("%(code)s in %(province)s") % {"code": given, "province": row.province}


def city(row: Any) -> str:
    values = {"province": row.province, "city": row.parent, "other": row.parent.province}
    return gettext("lies in %(province)s, its city %(city)s in %(other)s") % values


def out_of_order(report: DataQuality) -> tuple[int, list[Fault]]:
    """Find stage entries that contradict the pilot's others."""
    rows = report.rows(StageEntry).filter(of_listed_pilot(report.as_of), entered_on__lte=report.as_of)
    by_pilot: dict[int, list[Any]] = defaultdict(list)
    for row in rows.select_related("pilot__province").order_by("pk"):
        by_pilot[row.pilot_id].append(row)
    faults = [fault for own in by_pilot.values() for fault in stage_order_faults(own, as_of=report.as_of)]
    return sum(map(len, by_pilot.values())), [(row, field, text, row.entered_on) for row, field, text in faults]


# -- targets and readings ----------------------------------------------------------------------------------------


def target_rules(day: date) -> list[Rule]:
    of_pilot, year = of_listed_pilot(day), year_due(day)
    tasks = of_pilot & Q(kind=TargetKind.TEXT, target_year__lt=day.year)
    # numeric targets, of pilots whose term has begun, for which the value of the last year is due
    begins = Coalesce("pilot__term_start", "pilot__batch__term_start", "pilot__batch__known_by")
    begun = Q(LessThanOrEqual(begins, Value(date(year, 12, 31))))
    after_base = Q(base_year__isnull=True) | Q(base_year__lt=year)
    due = of_pilot & ~Q(kind=TargetKind.TEXT) & Q(target_year__gte=year) & after_base & begun
    same = {name: OuterRef(name) for name in ("pilot", "indicator")}
    told = Reading.objects.filter(**same, period=str(year), reported_on__lte=day)  # accepted or not
    based = of_pilot & Q(base_value__isnull=False)
    aimed = based & Q(target_value__isnull=False)
    worse = Q(kind=TargetKind.REACH) & (
        Q(indicator__direction=Direction.LOWER, target_value__gt=F("base_value"))
        | Q(indicator__direction=Direction.HIGHER, target_value__lt=F("base_value"))
    )
    reported = of_pilot & Q(reported_on__lte=day) & newest_reported(day)
    waits = Q(state=ReadingState.REPORTED, reported_on__lt=day - timedelta(WAIT_DAYS))
    disputed = Q(state=ReadingState.DISPUTED)
    due_year: Mapping[str, object] = {"due": Value(str(year), CharField())}
    accepted: Mapping[str, object] = {"value_read": Subquery(base_readings(day).values("value")[:1])}
    target = partial(Check, Target)

    def year_over(row: Any) -> date:
        return date(row.target_year + 1, 1, 1)

    return [
        Rule("task-late", GAP, target(not_by("done_on", day), tasks, "done_on", year_over, "target_text")),
        Rule(
            "value-due",
            GAP,
            target(~Q(Exists(told)), due, EDIT_READINGS, lambda _row: date(year + 1, 4, 1), "due", due_year),
        ),
        Rule(
            "base-differs",
            ERROR,
            target(base_differs_from_reading(day), based, "base_value", detail=base, annotations=accepted),
        ),
        Rule("wrong-way", VERIFY, target(worse, aimed, "target_value", detail=direction)),
        Rule("reading-waits", VERIFY, Check(Reading, waits, reported, "state", "reported_on")),
        Rule("reading-disputed", VERIFY, Check(Reading, disputed, reported, EDIT_CORRECTION, "reported_on")),
    ]


def base_readings(day: date) -> QuerySet[Reading]:
    """The reading that counts for a target's base year on a date."""
    same = {name: OuterRef(name) for name in ("pilot", "indicator")}
    return newest_accepted(day, Reading.objects.filter(**same, period=Cast(OuterRef("base_year"), CharField())))


def base_differs_from_reading(day: date) -> Q:
    return Q(base_value__isnull=False) & Q(Exists(base_readings(day).exclude(value=OuterRef("base_value"))))


def base(row: Any) -> str:
    values = {"year": row.base_year, "base": format_exact(row.base_value), "read": format_exact(row.value_read)}
    return gettext("base of %(year)d %(base)s, reading %(read)s") % values


def direction(row: Any) -> str:
    values = f"{format_exact(row.base_value)} → {format_exact(row.target_value)}"
    return f"{values} ({row.indicator.get_direction_display()})"


# -- sources -----------------------------------------------------------------------------------------------------


def source_rules(day: date) -> list[Rule]:
    """Return the rules of all kinds of facts, each with those records that are facts on the day."""
    of_pilot = of_listed_pilot(day)
    facts: dict[Any, Q] = {
        Province: Q(),
        Policy: Q(known_issued_by__lte=day),
        ProvincialPlan: issued_plan(day),
        **dict.fromkeys((Measure, Figure, Industry), Q()),
        Batch: Q(known_by__lte=day),
        Pilot: listed_condition(day),
        **dict.fromkeys((StageEntry, Milestone, Target, Reading), of_pilot),
    }
    bare, sure = [], []
    for model, among in facts.items():
        bare.append(Check(model, ~cites_source(model), among, "sources"))
        # its confidence is higher than the most reliable of its sources allows
        by_issuer = cites_source(model, Confidence.OFFICIAL)
        by_press = cites_source(model, Confidence.OFFICIAL, Confidence.MEDIA)
        surer = Q(confidence=Confidence.OFFICIAL) & ~by_issuer | Q(confidence=Confidence.MEDIA) & ~by_press
        sure.append(Check(model, surer, among & cites_source(model), "confidence", "", "get_confidence_display"))
    return [Rule("no-source", GAP, *bare), Rule("too-sure", ERROR, *sure)]


def cites_source(model: Any, *reliability: Confidence) -> Q:
    """The fact cites a source, of these kinds if any are given."""
    kinds = Q(source__reliability__in=reliability) if reliability else Q()
    return Q(Exists(model.sources.through.objects.filter(kinds, **{model._meta.model_name: OuterRef("pk")})))
