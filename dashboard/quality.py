"""Data quality: rules that find what is missing, unverified or contradictory; quality.*.md say what each means.

A new rule is one more line here and a section of both files. Contradictions (severity ERROR) block the approval of
an edition; the others stay only where somebody acts on them. Editions approved before name warnings of rules that are
gone: they keep names and counts of their own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, partial
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import (
    Count,
    Exists,
    F,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    prefetch_related_objects,
)
from django.db.models.functions import Coalesce, Left
from django.db.models.lookups import Exact, LessThan
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.history.recording import batched
from core.text import StatusChoices, join_short, label_value
from dashboard.glossary import GlossaryEntry, glossary
from pilots.analytics.progress import Progress
from pilots.analytics.reconciliation import BatchCount, build_reconciliation
from pilots.lights import (
    NOT_IN_FORCE,
    Colour,
    LightReason,
    Promise,
    ReportState,
    excess_over,
    promises_of,
    report_state,
    values_owed,
)
from pilots.metrics import year_due
from pilots.models import (
    Amendment,
    Batch,
    ItemLight,
    LightOverride,
    Milestone,
    NotGiven,
    Pilot,
    PilotKind,
    Reading,
    StageEntry,
    Target,
    TargetKind,
)
from pilots.models.indicator import format_exact
from pilots.models.light import on_day
from pilots.models.pilot import listed_condition
from pilots.models.planned import MOST_DAYS_BY_HAND, planned_day, stage_order_faults
from pilots.models.reading import newest_reported
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
    **dict.fromkeys((StageEntry, Milestone, Target, Reading, NotGiven, LightOverride), "pilot__province"),
}
"""Where a record's province stands: itself, its own, or its pilot's."""
RELATED_FIELDS: Mapping[type[Model], Sequence[str]] = {
    **dict.fromkeys((ProvincialPlan, Batch), ("policy",)),
    Pilot: ["batch", "parent__province"],
    StageEntry: ["pilot__batch"],
    **dict.fromkeys((Target, Reading, NotGiven), ("indicator",)),
    LightOverride: ["pilot__batch"],
}
"""What a finding names of a record beside its province."""
RELATED_LISTS: Mapping[Any, list[str]] = {Policy: ["agencies"], Batch: ["policy__agencies"], Milestone: ["amendments"]}
EDIT_CORRECTION, EDIT_PROMISE, EDIT_DONE = "correction", "amendment", "done"
"""Places to mend that are no field of the record: the forms for the next version of a reading, for an amendment of a
target, and for what completes a milestone."""


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
    and `detail` what is particular to the record: both are a dotted path or a function of the record.
    """

    model: Any
    condition: Q
    population: Q
    place: str
    since: str | Callable[[Any], date] = ""
    detail: str | Callable[[Any], str] = ""
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
        """The URL of the edit page, at the field if one is named; the place may be an address itself."""
        row, place = self.row, self.place
        if place.startswith("/"):
            return place
        if place == EDIT_CORRECTION:
            return f"{reverse('admin:pilots_reading_add')}?{urlencode({'corrects': row.pk})}"
        if place == EDIT_PROMISE:
            return str(row.entry_url())
        if place == EDIT_DONE:
            keys = [row.pilot.slug] if row.stage else [row.pilot.slug, row.pk]
            return reverse("stage-enter" if row.stage else "milestone-done", args=keys)
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
        anchor = f"#{place if '-' in place else f'id_{place}'}" if place else ""
        return f"{reverse(name, args=[row.pk])}{anchor}"


class DataQuality:
    """What the rules find on a day, in all provinces or one, and in the models that the user may view, None for all.

    `rules` holds every rule, also those without findings, by severity. A province leaves out models without one. One
    query per model and a few more, whatever the number of rows, and one per check where findings are read.
    """

    def __init__(
        self, as_of: date, province: Province | None = None, kinds: Iterable[type[Model]] | None = None
    ) -> None:
        self.as_of, self.province, self.kinds = as_of, province, None if kinds is None else set(kinds)
        counts = build_reconciliation(as_of, **({"province": province} if province else {}))
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
        return rows.filter(**{PROVINCE_PATHS[model]: self.province.pk}) if self.province else rows

    @cached_property
    def progress(self) -> Progress:
        """Progress of the pilots on the day that are checked."""
        return Progress(self.rows(Pilot).filter(listed_condition(self.as_of)), self.as_of)

    @cached_property
    def promises(self) -> Mapping[str, tuple[int, list[Fault]]]:
        """What the rules on targets in force on the day, as amended by then, looked at and found. Four queries."""
        changes: dict[int, list[Any]] = defaultdict(list)
        accepted = Amendment.objects.filter(accepted=True, decided_on__lte=self.as_of, milestone=None)
        for row in accepted.order_by("decided_on", "pk"):
            changes[row.target_id].append(row)  # type: ignore[index]
        targets = self.rows(Target).filter(of_listed_pilot(self.as_of)).select_related("indicator", "pilot__province")
        looked_at, faults = Counter[str](), defaultdict[str, list[Fault]](list)
        for target in targets.order_by("pilot__province", "pilot", "indicator", "target_year", "pk").iterator():
            terms = [promise for since, promise in promises_of(target, changes[target.pk]) if since <= self.as_of]
            if not (terms and (promise := terms[-1])):
                continue
            for code, check in PROMISE_RULES.items():
                detail = check(self, target, promise)
                looked_at[code] += detail is not None
                if detail:
                    faults[code].append((target, EDIT_PROMISE, detail, promise.since))
        return {code: (looked_at[code], faults[code]) for code in PROMISE_RULES}

    @cached_property
    def base_values(self) -> Mapping[tuple[int, int, str], Any]:
        """The accepted values of the years that are bases, by pilot, indicator and year."""
        years: set[Any] = set()
        for model in (Target, Amendment):
            years.update(model._default_manager.order_by().values_list("base_year", flat=True).distinct())
        rows = self.rows(Reading).filter(period__in=map(str, years), accepted_on__lte=self.as_of).order_by("version")
        columns = ("pilot", "indicator", "period", "value")
        return {row[:3]: row[3] for row in rows.values_list(*columns)}

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
        rows = rows.annotate(first_entry=Subquery(entries))
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
    no_industry = listed & Q(kind__in=[PilotKind.PARK, PilotKind.ENTERPRISE])
    name = Q(name_zh=OuterRef("name_zh")) | (~Q(name_en="") & Q(name_en=OuterRef("name_en")))
    namesake = another_pilot(day, "province", "batch__level").filter(name)
    same_code = another_pilot(day, "batch", "prefecture_code").filter(kind=PilotKind.CITY)
    code_twice = Q(kind=PilotKind.CITY) & ~Q(prefecture_code="") & Q(Exists(same_code))
    outside = [another_code(code, 2, "province__gb_code") for code in ("prefecture_code", "county_code")]
    elsewhere = ~Q(province=F("parent__province")) | another_code("prefecture_code", 4, "parent__prefecture_code")
    light = ItemLight.objects.filter(on_day(day), milestone=OuterRef("pk"))
    is_late = Q(Exists(light.filter(why=LightReason.LATE)))
    due = Q(Exists(light.exclude(why__in=NOT_IN_FORCE)), LessThan(planned_day(day), day)) & of_listed_pilot(day)
    pilot = partial(Check, Pilot)
    return [
        Rule("milestone-late", GAP, Check(Milestone, is_late, due, EDIT_DONE, lambda row: row.planned_by(day))),
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
    of_pilot = of_listed_pilot(day)
    handed_in = of_pilot & Q(reported_on__lte=day)
    unread = not_by("accepted_on", day) & not_by("returned_on", day) & Q(reported_on__lt=day - timedelta(WAIT_DAYS))
    negative = Q(indicator__signed=False)
    half = Q(base_value=None, base_year__isnull=False) | Q(base_value__isnull=False, base_year=None)
    end = Coalesce("pilot__term_end", "pilot__batch__term_end")
    lasting = Q(expires_on__gt=F("set_on") + timedelta(MOST_DAYS_BY_HAND)) | Q(expires_on__gt=end + timedelta(1))
    by_hand = of_pilot & Q(set_on__lte=day, expires_on__gt=day)
    promised = of_pilot & Q(promised_on__lte=day)
    target = partial(Check, Target)
    return [
        Rule("value-due", GAP, run=values_due, reads=(Target, Reading, NotGiven)),
        Rule("base-differs", ERROR, run=lambda report: report.promises["base-differs"], reads=(Target, Reading)),
        Rule("wrong-way", VERIFY, run=lambda report: report.promises["wrong-way"], reads=(Target,)),
        Rule("target-no-base", GAP, run=lambda report: report.promises["target-no-base"], reads=(Target,)),
        Rule(
            "reading-waits",
            VERIFY,
            Check(Reading, unread, handed_in & newest_reported(day), "", "reported_on"),
            Check(NotGiven, unread, handed_in, "", "reported_on"),
        ),
        Rule(
            "reading-disputed",
            VERIFY,
            Check(Reading, Q(disputed_on__lte=day), handed_in & newest_reported(day), EDIT_CORRECTION, "disputed_on"),
        ),
        Rule(
            "against-rules",
            VERIFY,
            target(half, promised, EDIT_PROMISE, "promised_on", lambda _row: gettext("half a base")),
            target(
                negative & (Q(base_value__lt=0) | Q(target_value__lt=0)),
                promised,
                EDIT_PROMISE,
                "promised_on",
                below_zero,
            ),
            Check(
                Reading, negative & Q(value__lt=0), handed_in & newest_reported(day), EDIT_CORRECTION, "", below_zero
            ),
            Check(LightOverride, lasting | Q(colour=Colour.GREY), by_hand, "expires_on", "set_on", lasts),
        ),
    ]


def values_due(report: DataQuality) -> tuple[int, list[Fault]]:
    """Find what pilots owe for the last year due, and nothing was handed in for: neither a value nor a reason."""
    faults, year, lit = list[Fault](), year_due(report.as_of), report.progress.lit.order_by("province", "pk")
    for keys in batched(lit.filter(light_outstanding=ReportState.NOTHING).values_list("pk", flat=True)):
        for status in report.progress.statuses(lit.filter(pk__in=list(keys))):
            address = reverse("readings-enter", args=[status.pilot.slug], query={"period": year})
            of_indicator = {target.indicator_id: target for target in reversed(status.records.targets)}
            for indicator, due in values_owed(status.records, report.as_of).items():
                if report_state(status.records, indicator, year, report.as_of) == ReportState.NOTHING:
                    faults.append((of_indicator[indicator], address, str(year), due + timedelta(1)))
    return lit.order_by().aggregate(n=Sum("light_values_due", default=0))["n"], faults


def base_differs(report: DataQuality, target: Target, promise: Promise) -> str | None:
    """Say that the base in force is not the accepted value of its year."""
    if promise.base_value is None:
        return None
    value = report.base_values.get((target.pilot_id, target.indicator_id, str(promise.base_year)))
    if value in (None, promise.base_value):
        return ""
    numbers = {"base": format_exact(promise.base_value), "read": format_exact(value)}
    return gettext("base of %(year)d %(base)s, reading %(read)s") % {"year": promise.base_year, **numbers}


def wrong_way(_report: DataQuality, target: Target, promise: Promise) -> str | None:
    """Say that the value in force lies on the worse side of the base."""
    if promise.base_value is None or promise.value is None:
        return None
    if promise.kind != TargetKind.REACH or excess_over(promise.value, promise.base_value, lower=promise.lower) <= 0:
        return ""
    values = f"{format_exact(promise.base_value)} → {format_exact(promise.value)}"
    return f"{values} ({target.indicator.get_direction_display()})"


def without_base(_report: DataQuality, _target: Target, promise: Promise) -> str | None:
    """Say of a binding target to reach a value that it has no base, or half of one."""
    if not promise.binding or promise.kind != TargetKind.REACH:
        return None
    return str(promise.year) if promise.base is None else ""


PROMISE_RULES = {"base-differs": base_differs, "wrong-way": wrong_way, "target-no-base": without_base}
"""What is wrong with a target in force by these rules: a text, or empty; None where they do not look at it."""


def below_zero(row: Any) -> str:
    values = [row.value] if isinstance(row, Reading) else [row.base_value, row.target_value]
    below = join_short(format_exact(value) for value in values if value is not None and value < 0)
    return label_value(gettext("below zero"), below)


def lasts(row: LightOverride) -> str:
    """Return how a light is set by hand against the rules: to grey, for too long, or beyond the term."""
    days, end = (row.expires_on - row.set_on).days, row.pilot.ends_on
    faults = {
        gettext("set to grey"): row.colour == Colour.GREY,
        gettext("for %(n)d days") % {"n": days}: days > MOST_DAYS_BY_HAND,
        gettext("beyond the term"): end is not None and row.expires_on > end + timedelta(1),
    }
    return join_short(text for text, amiss in faults.items() if amiss)


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
