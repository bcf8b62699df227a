"""Data quality rules: meaning, severity, condition and remedy.

A new rule is one more entry here.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.text.formatting import format_date
from dashboard.data_quality import conditions, cross_checks
from dashboard.data_quality.types import (
    EDIT_CORRECTION,
    EDIT_READINGS,
    EDIT_SOURCES,
    Check,
    Condition,
    Rule,
    Severity,
    always,
)
from pilots.metrics.reconciliation import listed_condition
from pilots.metrics.stages import Stage
from pilots.models import (
    Adoption,
    Batch,
    Effect,
    FollowUp,
    Indicator,
    Milestone,
    Pilot,
    PilotKind,
    Practice,
    Reading,
    StageEntry,
    Target,
)
from pilots.models.indicator import format_exact
from policies.metrics import known
from policies.models import (
    Agency,
    Figure,
    FigureState,
    Industry,
    Measure,
    Policy,
    Province,
    ProvincialPlan,
    Source,
    Unit,
)

FACTS: dict[object, Condition] = {
    Province: always,
    Policy: known,
    ProvincialPlan: conditions.issued_plan,
    Measure: always,
    Figure: always,
    Industry: always,
    Batch: conditions.known_batch,
    Pilot: listed_condition,
    StageEntry: conditions.of_pilot,
    Milestone: conditions.of_pilot,
    Target: conditions.of_pilot,
    Reading: conditions.of_pilot,
}
"""Kinds of records that cite sources, and which of them are facts on a day."""
NAMED: dict[Any, Condition] = {
    **dict.fromkeys((Province, Agency, Industry, Figure, Indicator, Measure), always),
    **{model: FACTS[model] for model in (Policy, ProvincialPlan, Batch, Pilot, Milestone)},
}
"""Kinds of records that have a name in both languages."""
TITLED = (Policy, ProvincialPlan, Batch, Milestone)
ENTERED_ON: dict[object, str] = {
    Policy: "issued_on",
    ProvincialPlan: "issued_on",
    StageEntry: "entered_on",
    Milestone: "completed_on",
}
"""The day on which a fact came about that a source then tells."""


# -- what is particular to a record ------------------------------------------------------------------------------


def chinese(row: Any) -> str:
    return str(getattr(row, row.ZH))


def note(row: Any) -> str:
    return str(row.note)


def state(row: Any) -> str:
    return str(row.get_status_display())


def partial_day(row: Any) -> str:
    return format_date(row.issued)


def number(row: Any) -> str:
    return str(row.doc_number)


def figure_text(row: Any) -> str:
    value = format_exact(row.value)
    return value if row.unit == Unit.COUNT else f"{value} {row.get_unit_display()}"


def printed_value(row: Any) -> str:
    return _("%(value)s, printed as “%(printed)s”") % {"value": figure_text(row), "printed": row.as_printed}


def confidence_text(row: Any) -> str:
    return str(row.get_confidence_display())


def address(row: Any) -> str:
    return str(row.url)


def batch_of(row: Any) -> str:
    return str(row.batch)


def codes(row: Any) -> str:
    given = " / ".join(code for code in (row.prefecture_code, row.county_code) if code)
    return _("%(code)s in %(province)s") % {"code": given, "province": row.province}


def city(row: Any) -> str:
    return _("lies in %(province)s, its city %(city)s in %(other)s") % {
        "province": row.province,
        "city": row.parent,
        "other": row.parent.province,
    }


def base(row: Any) -> str:
    values = {"year": row.base_year, "base": format_exact(row.base_value), "read": format_exact(row.value_read)}
    return _("base of %(year)d %(base)s, reading %(read)s") % values


def direction(row: Any) -> str:
    return (
        f"{format_exact(row.base_value)} → {format_exact(row.target_value)} ({row.indicator.get_direction_display()})"
    )


def jump_text(row: Any) -> str:
    return f"{format_exact(row.last_value)} → {format_exact(row.value)}"


def task(row: Any) -> str:
    return str(row.target_text)


def listed_day(row: Any) -> str:
    return _("listed on %(day)s, announced on %(announced)s") % {
        "day": format_date(row.entered_on),
        "announced": format_date(row.pilot.batch.announced_on),
    }


# -- since when ----------------------------------------------------------------------------------------------------


def known_by(row: Any) -> date | None:
    day: date | None = row.known_issued_by if hasattr(row, "known_issued_by") else row.known_by
    return day


def announced(row: Any) -> date | None:
    day: date | None = row.batch.known_by
    return day


def planned(row: Any) -> date | None:
    day: date | None = row.planned_on
    return day


def entered(row: object) -> date | None:
    day: date | None = getattr(row, ENTERED_ON[type(row)])
    return day


def reported(row: Any) -> date | None:
    day: date | None = row.reported_on
    return day


def searched(row: Any) -> date | None:
    day: date | None = row.searched_on
    return day


def withdrawn(row: Any) -> date | None:
    day: date | None = row.withdrawn_on
    return day


def end_of_year(row: Any) -> date:
    return date(row.target_year + 1, 1, 1)


def value_late_since(row: Any) -> date:
    """The day after the one on which the value was due."""
    return date(int(row.due) + 1, 4, 1)


def due_now(row: Any) -> date | None:
    day: date | None = row.due_now
    return day


def library_day(row: Any) -> date | None:
    day: date | None = row.library_on
    return day


def corrected_on(row: Any) -> date | None:
    day: date | None = row.corrected_on
    return day


def in_use_since(row: Any) -> date | None:
    day: date | None = row.in_use_on
    return day


# -- where -----------------------------------------------------------------------------------------------------------


def missing_text(row: Any) -> str:
    """Return the field of the first text that is missing in both languages."""
    empty = (name for name in Practice.TEXTS if not getattr(row, f"{name}_en") and not getattr(row, f"{name}_zh"))
    return f"{next(empty)}_zh"


def first_blank(*names: str) -> Any:
    """Return a function that names the first of these fields that is empty."""
    return lambda row: next((name for name in names if getattr(row, name) in ("", None)), names[0])


RULES: tuple[Rule, ...] = (
    # -- announced against recorded
    Rule(
        "not-entered",
        Severity.GAP,
        gettext_lazy("Announced pilots not entered"),
        gettext_lazy("The announcement names more pilots of a kind than are on record."),
        gettext_lazy("Add them one by one, or import the list with the template for pilots."),
        run=cross_checks.not_entered,
        required_models=(Batch, Pilot),
    ),
    Rule(
        "beyond-announced",
        Severity.ERROR,
        gettext_lazy("More pilots than announced"),
        gettext_lazy("More pilots of a kind are on record than the announcement names."),
        gettext_lazy("Look for a pilot entered twice or in the wrong batch, and check the announced number."),
        run=cross_checks.beyond_announced,
        required_models=(Batch, Pilot),
    ),
    Rule(
        "number-unknown",
        Severity.GAP,
        gettext_lazy("Announced number not recorded"),
        gettext_lazy("Pilots of a kind are on record, but not how many of it were announced."),
        gettext_lazy("Enter the number that the announcement gives; 0 says that it names none."),
        run=cross_checks.number_unknown,
        required_models=(Batch, Pilot),
    ),
    Rule(
        "plan-not-recorded",
        Severity.GAP,
        gettext_lazy("Province without a record for the policy"),
        gettext_lazy("The policy calls for provincial plans, and nothing says whether this province has one."),
        gettext_lazy("Add the record with what is known: issued, being drafted, not found, or unknown."),
        run=cross_checks.plan_not_recorded,
        required_models=(Policy, Province, ProvincialPlan),
    ),
    Rule(
        "plan-unknown",
        Severity.GAP,
        gettext_lazy("Nobody has looked for the plan"),
        gettext_lazy("The record of the province says “unknown”."),
        gettext_lazy("Search, then record what was found, or on which day and where it was searched."),
        [Check(ProvincialPlan, conditions.never_searched, conditions.plan_of_roster, "status")],
    ),
    Rule(
        "plan-search-old",
        Severity.VERIFY,
        gettext_lazy("Search for the plan is old"),
        gettext_lazy("Not found or being drafted, and not looked for in the last 180 days."),
        gettext_lazy("Search again and record the day."),
        [
            Check(
                ProvincialPlan,
                conditions.search_outdated,
                conditions.plan_of_roster,
                "searched_on",
                since=searched,
                detail=state,
            )
        ],
    ),
    # -- dates
    Rule(
        "no-day",
        Severity.GAP,
        gettext_lazy("Day of issue missing"),
        gettext_lazy("The document is known to exist, but not when it was issued: it enters no lag."),
        gettext_lazy("Find the original or its entry in a policy library, and enter the day as printed."),
        [
            Check(Policy, conditions.any_unknown("issued_on"), conditions.known_document, "issued_on", since=known_by),
            Check(
                ProvincialPlan, conditions.any_unknown("issued_on"), conditions.issued_plan, "issued_on", since=known_by
            ),
        ],
    ),
    Rule(
        "partial-day",
        Severity.GAP,
        gettext_lazy("Day of issue known only in part"),
        gettext_lazy("Only the month or the year is known: it enters no lag."),
        gettext_lazy("Find the original or its entry in a policy library, and enter the day as printed."),
        [
            Check(model, conditions.has_partial_date, among, "issued_on", since=known_by, detail=partial_day)
            for model, among in ((Policy, conditions.known_document), (ProvincialPlan, conditions.issued_plan))
        ],
    ),
    Rule(
        "no-announcement-day",
        Severity.GAP,
        gettext_lazy("Day of announcement missing"),
        gettext_lazy("The batch is only known to exist by a day."),
        gettext_lazy("Find the announcement and enter its day."),
        [Check(Batch, conditions.any_unknown("announced_on"), conditions.known_batch, "announced_on", since=known_by)],
    ),
    Rule(
        "no-term",
        Severity.GAP,
        gettext_lazy("Term missing"),
        gettext_lazy("The first or the last day of the trial is not known: no one can say how much time is left."),
        gettext_lazy("Enter both days as the announcement sets them."),
        [
            Check(
                Batch,
                conditions.any_unknown("term_start", "term_end"),
                conditions.known_batch,
                first_blank("term_start", "term_end"),
                since=known_by,
            )
        ],
    ),
    Rule(
        "source-no-day",
        Severity.GAP,
        gettext_lazy("Source without a day"),
        gettext_lazy("The day on which the source was published is not recorded."),
        gettext_lazy("Enter the day it carries; if it carries none, say so in its note."),
        [Check(Source, lambda as_of: Q(published_on__isnull=True, note_en="", note_zh=""), field="published_on")],
    ),
    # -- what is due
    Rule(
        "stage-not-entered",
        Severity.GAP,
        gettext_lazy("Stage planned and not entered"),
        gettext_lazy("The day for which the stage was planned is past, and no entry says that it was reached."),
        gettext_lazy("Ask the pilot; enter the day it happened, or the new plan."),
        [Check(StageEntry, conditions.not_entered, conditions.planned_stage, "entered_on", since=planned)],
    ),
    Rule(
        "milestone-late",
        Severity.GAP,
        gettext_lazy("Milestone past its day"),
        gettext_lazy("The day by which it was to be done is past, and it is not recorded as done."),
        gettext_lazy("Ask who is responsible; enter the day it was done."),
        [Check(Milestone, conditions.not_done, conditions.due_milestone, "completed_on", since=planned)],
    ),
    Rule(
        "milestone-no-evidence",
        Severity.GAP,
        gettext_lazy("Milestone done without evidence"),
        gettext_lazy("It is recorded as done, and nothing says by what that is shown."),
        gettext_lazy("Ask who is responsible for the document, and enter its title and number."),
        [Check(Milestone, conditions.any_blank("evidence"), conditions.done_milestone, "evidence", since=entered)],
    ),
    Rule(
        "task-late",
        Severity.GAP,
        gettext_lazy("Task past its year"),
        gettext_lazy("The year by whose end it was to be done is over, and it is not recorded as done."),
        gettext_lazy("Ask the pilot; enter the day it was done."),
        [Check(Target, conditions.task_not_done, conditions.due_task, "done_on", since=end_of_year, detail=task)],
    ),
    Rule(
        "value-due",
        Severity.GAP,
        gettext_lazy("Value of the last year not reported"),
        gettext_lazy("A year’s values are due by 31 March of the next; the pilot has a target for this indicator."),
        gettext_lazy("Ask the pilot for the value; enter it, or import it with the template for readings."),
        [
            Check(
                Target,
                conditions.value_not_reported,
                conditions.value_due,
                EDIT_READINGS,
                since=value_late_since,
                detail=lambda row: str(row.due),
                annotations=conditions.due_year,
            )
        ],
    ),
    Rule(
        "pilot-no-stage",
        Severity.GAP,
        gettext_lazy("Pilot without any stage"),
        gettext_lazy("Nothing says how far the pilot has come."),
        gettext_lazy("Enter the stages that are known, beginning with the day it was listed."),
        [
            Check(
                Pilot,
                conditions.has_no_related(StageEntry, "pilot"),
                listed_condition,
                "stages-group",
                since=announced,
                detail=batch_of,
            )
        ],
    ),
    Rule(
        "pilot-no-target",
        Severity.GAP,
        gettext_lazy("Pilot without any target"),
        gettext_lazy("Nothing says what the pilot has promised, so its progress cannot be judged."),
        gettext_lazy("Enter the targets of its implementation plan."),
        [
            Check(
                Pilot,
                conditions.has_no_related(Target, "pilot"),
                listed_condition,
                "targets-group",
                since=announced,
                detail=batch_of,
            )
        ],
    ),
    Rule(
        "pilot-no-industry",
        Severity.GAP,
        gettext_lazy("Park or enterprise without an industry"),
        gettext_lazy("It counts for no industry, so an industry may look untried that it tries."),
        gettext_lazy("Enter the industries that its own documents name."),
        [
            Check(
                Pilot,
                conditions.has_no_related(Pilot.industries.through, "pilot"),
                conditions.both_conditions(listed_condition, Q(kind__in=[PilotKind.PARK, PilotKind.ENTERPRISE])),
                "industries",
                since=announced,
            )
        ],
    ),
    # -- sources
    Rule(
        "no-source",
        Severity.GAP,
        gettext_lazy("Fact without a source"),
        gettext_lazy("Nothing says where it was read."),
        gettext_lazy("Cite the document it was read in, or enter the document as a source first."),
        [Check(model, conditions.cites_no_source(model), among, EDIT_SOURCES) for model, among in FACTS.items()],
    ),
    Rule(
        "source-no-address",
        Severity.GAP,
        gettext_lazy("Source without an address"),
        gettext_lazy("A reader cannot look it up."),
        gettext_lazy("Enter its web address; if it has no lasting one, say so in its note."),
        [Check(Source, conditions.any_blank("url"), lambda as_of: Q(note_en="", note_zh=""), "url")],
    ),
    # -- names
    Rule(
        "no-english",
        Severity.GAP,
        gettext_lazy("English name missing"),
        gettext_lazy("Readers of English see the Chinese name."),
        gettext_lazy("Enter the official translation where there is one, else your own."),
        [
            Check(model, conditions.only_one_filled(model.ZH, model.EN), among, model.EN, detail=chinese)
            for model, among in NAMED.items()
        ],
    ),
    Rule(
        "no-chinese",
        Severity.GAP,
        gettext_lazy("Chinese title missing"),
        gettext_lazy("Readers of Chinese see the English title."),
        gettext_lazy("Enter the title as printed."),
        [Check(model, conditions.only_one_filled(model.EN, model.ZH), NAMED[model], model.ZH) for model in TITLED],
    ),
    Rule(
        "no-title",
        Severity.GAP,
        gettext_lazy("Title of the plan missing"),
        gettext_lazy("The plan is known to exist, but not how it is called."),
        gettext_lazy("Find the plan and enter its title as printed."),
        [Check(ProvincialPlan, conditions.missing_title, conditions.issued_plan, "title_zh", since=known_by)],
    ),
    # -- codes and belonging
    Rule(
        "no-number",
        Severity.GAP,
        gettext_lazy("Document number missing"),
        gettext_lazy("A document without its number cannot be cited in an official paper."),
        gettext_lazy("Enter the number as printed on the document."),
        [
            Check(Policy, conditions.any_blank("doc_number"), conditions.known_document, "doc_number", since=known_by),
            Check(
                ProvincialPlan, conditions.any_blank("doc_number"), conditions.issued_plan, "doc_number", since=known_by
            ),
        ],
    ),
    Rule(
        "no-code",
        Severity.GAP,
        gettext_lazy("Code of the place missing"),
        gettext_lazy("Without its code it cannot be matched with other statistics. The Xinjiang corps has none."),
        gettext_lazy("Enter the code of GB/T 2260 or ISO 3166-2."),
        [
            Check(Province, conditions.missing_code("gb_code"), conditions.in_roster, "gb_code"),
            Check(Province, conditions.missing_code("iso_code"), conditions.in_roster, "iso_code"),
            Check(Pilot, conditions.any_blank("prefecture_code"), listed_condition, "prefecture_code"),
            Check(
                Pilot,
                conditions.any_blank("county_code"),
                conditions.both_conditions(listed_condition, Q(kind=PilotKind.COUNTY)),
                "county_code",
            ),
        ],
    ),
    Rule(
        "no-agency",
        Severity.GAP,
        gettext_lazy("Issuing body missing"),
        gettext_lazy("The document is recorded without any body that issued it."),
        gettext_lazy("Enter all bodies that issued it together."),
        [
            Check(
                Policy,
                conditions.has_no_related(Policy.agencies.through, "policy"),
                conditions.known_document,
                "agencies",
                since=known_by,
            )
        ],
    ),
    Rule(
        "measure-no-policy",
        Severity.GAP,
        gettext_lazy("Measure that no policy prescribes"),
        gettext_lazy("The measure is recorded without the policy in which it stands."),
        gettext_lazy("Enter the policies that prescribe it."),
        [Check(Measure, conditions.has_no_related(Measure.policies.through, "measure"), field="policies")],
    ),
    # -- unverified
    Rule(
        "figure-unverified",
        Severity.VERIFY,
        gettext_lazy("Figure not verified"),
        gettext_lazy("Nobody has held the figure against the issuer’s own text."),
        gettext_lazy("Compare it with the issuer’s text, then set its state to verified or disputed."),
        [Check(Figure, lambda as_of: Q(state=FigureState.UNVERIFIED), field="state", detail=figure_text)],
    ),
    Rule(
        "inferred",
        Severity.VERIFY,
        gettext_lazy("Fact only inferred"),
        gettext_lazy("It was read from other documents, not in a text that says it."),
        gettext_lazy("Find a text that says it, cite it and raise the confidence; or correct the fact."),
        [Check(model, conditions.inferred, among, "confidence", detail=note) for model, among in FACTS.items()],
    ),
    Rule(
        "reading-waits",
        Severity.VERIFY,
        gettext_lazy("Value waits for its verdict"),
        gettext_lazy("Reported more than 30 days ago, and neither accepted nor disputed: it feeds no number."),
        gettext_lazy("Check the value, then accept or dispute it."),
        [Check(Reading, conditions.awaits_acceptance, conditions.reported, "state", since=reported)],
    ),
    Rule(
        "reading-not-final",
        Severity.VERIFY,
        gettext_lazy("Value never made final"),
        gettext_lazy("The value of a year long past is still flash or preliminary."),
        gettext_lazy("Ask the pilot for the final value, and enter it as the next version."),
        [Check(Reading, conditions.not_final, conditions.reported, EDIT_CORRECTION, since=reported)],
    ),
    # -- contradictions
    Rule(
        "figure-printed",
        Severity.VERIFY,
        gettext_lazy("A source prints another value"),
        gettext_lazy("What a source prints differs from the value that is recorded."),
        gettext_lazy("Hold both against the issuer’s own text; correct the value, or say in the note which is right."),
        [Check(Figure, conditions.differs_from_print, field="as_printed", detail=printed_value)],
    ),
    Rule(
        "figure-disputed",
        Severity.VERIFY,
        gettext_lazy("Sources disagree on a figure"),
        gettext_lazy("The figure is marked as disputed."),
        gettext_lazy("Ask the issuer which is right, then set its state to verified."),
        [Check(Figure, lambda as_of: Q(state=FigureState.DISPUTED), field="state", detail=figure_text)],
    ),
    Rule(
        "too-sure",
        Severity.ERROR,
        gettext_lazy("Surer than its sources"),
        gettext_lazy("The fact claims more confidence than the most reliable source that it cites may carry."),
        gettext_lazy("Cite a source that is reliable enough, or lower the confidence."),
        [
            Check(
                model,
                conditions.confidence_above_sources(model),
                conditions.with_sources(model, among),
                "confidence",
                detail=confidence_text,
            )
            for model, among in FACTS.items()
        ],
    ),
    Rule(
        "source-older",
        Severity.VERIFY,
        gettext_lazy("Sources older than the fact"),
        gettext_lazy("Every source that it cites was published before the day on which it is said to have happened."),
        gettext_lazy("Check the day, or cite the source in which it was read."),
        [
            Check(
                model,
                conditions.sources_older(model, day),
                conditions.with_sources(model, FACTS[model]),
                day,
                since=entered,
            )
            for model, day in ENTERED_ON.items()
        ],
    ),
    Rule(
        "known-after-publication",
        Severity.ERROR,
        gettext_lazy("Known later than published"),
        gettext_lazy("The day by which it is known to exist lies after the day on which it was made public."),
        gettext_lazy("Check both days: from its publication on it is known."),
        [
            Check(model, conditions.known_after_publication, FACTS[model], "known_issued_by", since=known_by)
            for model in (Policy, ProvincialPlan)
        ],
    ),
    Rule(
        "before-its-policy",
        Severity.ERROR,
        gettext_lazy("Older than what it carries out"),
        gettext_lazy("It was known to exist before the policy was issued that it is said to carry out."),
        gettext_lazy("Check its day and the policy it is tied to."),
        [
            Check(
                ProvincialPlan,
                conditions.known_before_policy("policy"),
                conditions.issued_plan,
                "issued_on",
                since=known_by,
            ),
            Check(Policy, conditions.known_before_policy("parent"), known, "parent", since=known_by),
        ],
    ),
    Rule(
        "number-of-another-year",
        Severity.VERIFY,
        gettext_lazy("Number and day of issue disagree"),
        gettext_lazy("The year in the document number is not the year of issue."),
        gettext_lazy("Check the number and the day against the document."),
        [
            Check(model, conditions.number_year_differs, FACTS[model], "doc_number", since=known_by, detail=number)
            for model in (Policy, ProvincialPlan)
        ],
    ),
    Rule(
        "number-twice",
        Severity.ERROR,
        gettext_lazy("Two plans with one document number"),
        gettext_lazy("A document number belongs to one document."),
        gettext_lazy("Check both plans against their documents."),
        [
            Check(
                ProvincialPlan,
                conditions.number_used_twice,
                conditions.issued_plan,
                "doc_number",
                since=known_by,
                detail=number,
            )
        ],
    ),
    Rule(
        "address-twice",
        Severity.VERIFY,
        gettext_lazy("Two sources with one address"),
        gettext_lazy("The same page is recorded as two sources, perhaps with different reliability."),
        gettext_lazy("Let the facts cite one of them, and delete the other."),
        [Check(Source, conditions.url_used_twice, field="url", detail=address)],
    ),
    Rule(
        "pilot-twice",
        Severity.VERIFY,
        gettext_lazy("Two pilots of one name"),
        gettext_lazy("Two pilots of a province have one name in batches of the same level: perhaps one entered twice."),
        gettext_lazy("Compare the two; delete one, or tell them apart by their names."),
        [Check(Pilot, conditions.name_used_twice, listed_condition, "name_zh", since=announced, detail=batch_of)],
    ),
    Rule(
        "city-code-twice",
        Severity.ERROR,
        gettext_lazy("Two pilot cities with one code"),
        gettext_lazy("Two cities of a batch have the same GB/T 2260 code."),
        gettext_lazy("Check the codes, or delete the city that was entered twice."),
        [Check(Pilot, conditions.code_used_twice, listed_condition, "prefecture_code", since=announced, detail=codes)],
    ),
    Rule(
        "code-of-another-province",
        Severity.ERROR,
        gettext_lazy("Code of another province"),
        gettext_lazy("A GB/T 2260 code begins with the two digits of its province; this one does not."),
        gettext_lazy("Check the code and the province."),
        [Check(Pilot, conditions.code_outside_province, listed_condition, "prefecture_code", detail=codes)],
    ),
    Rule(
        "outside-its-city",
        Severity.ERROR,
        gettext_lazy("Park outside its pilot city"),
        gettext_lazy("The province or the code says that the park does not lie in the pilot city it is tied to."),
        gettext_lazy("Check the city, the province and the codes of both."),
        [
            Check(
                Pilot,
                conditions.outside_its_city,
                conditions.both_conditions(listed_condition, Q(parent__isnull=False)),
                "parent",
                detail=city,
            )
        ],
    ),
    Rule(
        "withdrawal",
        Severity.ERROR,
        gettext_lazy("Withdrawal recorded in two ways"),
        gettext_lazy("The day of withdrawal and the stage “withdrawn” disagree, or one of them is missing."),
        gettext_lazy("Enter the same day in both."),
        [Check(Pilot, conditions.withdrawal_inconsistent, conditions.ever_a_pilot, "withdrawn_on", since=withdrawn)],
    ),
    Rule(
        "listed-on-another-day",
        Severity.VERIFY,
        gettext_lazy("Listed on another day than announced"),
        gettext_lazy("The pilot’s stage “listed” has another day than the announcement of its batch."),
        gettext_lazy("Check both days against the announcement."),
        [
            Check(
                StageEntry,
                conditions.listed_on_another_day,
                conditions.both_conditions(conditions.of_pilot, Q(stage=Stage.LISTED)),
                "entered_on",
                since=entered,
                detail=listed_day,
            )
        ],
    ),
    Rule(
        "stage-order",
        Severity.ERROR,
        gettext_lazy("Stages out of order"),
        gettext_lazy("A stage entry cannot be true beside the pilot’s others."),
        gettext_lazy("Check the days of the pilot’s stages; say why a stage was passed over."),
        run=cross_checks.out_of_order,
        required_models=(StageEntry, Pilot),
    ),
    Rule(
        "base-differs",
        Severity.ERROR,
        gettext_lazy("Base differs from the reading"),
        gettext_lazy("The base value of a target is not the accepted value of its base year."),
        gettext_lazy("Check both against the pilot’s plan and its statistics; correct the target, or the reading."),
        [
            Check(
                Target,
                conditions.base_differs_from_reading,
                conditions.both_conditions(conditions.of_pilot, Q(base_value__isnull=False)),
                "base_value",
                detail=base,
                annotations=conditions.accepted_value,
            )
        ],
    ),
    Rule(
        "wrong-way",
        Severity.VERIFY,
        gettext_lazy("Target worse than its base"),
        gettext_lazy("The value to be reached lies on the wrong side of the base."),
        gettext_lazy("Check both values, their unit and the indicator."),
        [
            Check(
                Target,
                conditions.target_against_direction,
                conditions.both_conditions(
                    conditions.of_pilot, Q(base_value__isnull=False, target_value__isnull=False)
                ),
                "target_value",
                detail=direction,
            )
        ],
    ),
    Rule(
        "jump",
        Severity.VERIFY,
        gettext_lazy("Value far from the year before"),
        gettext_lazy("It differs by more than 30 % from the year before, and no note says why: perhaps a wrong unit."),
        gettext_lazy("Check the value and its unit; correct it, or say in the note why it is right."),
        [
            Check(
                Reading,
                conditions.unexplained_jump,
                conditions.reported,
                "note_zh",
                since=reported,
                detail=jump_text,
                annotations=conditions.last_value,
            )
        ],
    ),
    Rule(
        "reading-disputed",
        Severity.VERIFY,
        gettext_lazy("Value in dispute"),
        gettext_lazy("The value is disputed and no later version has replaced it: it stands for nothing."),
        gettext_lazy("Ask the pilot for a correction, and enter it as the next version; or accept the value."),
        [Check(Reading, conditions.in_dispute, conditions.reported, EDIT_CORRECTION, since=reported)],
    ),
    # -- follow-ups and practices
    Rule(
        "follow-up-stalled",
        Severity.GAP,
        gettext_lazy("Follow-up overdue without a step"),
        gettext_lazy("It is overdue, and no step was taken in the last 30 days."),
        gettext_lazy("Ask the responsible agency; enter its report, or extend or withdraw the follow-up."),
        [
            Check(
                FollowUp,
                conditions.overdue_without_step,
                conditions.opened,
                since=due_now,
                annotations=conditions.due_annotation,
            )
        ],
    ),
    Rule(
        "practice-no-effect",
        Severity.GAP,
        gettext_lazy("Practice in the library without an effect"),
        gettext_lazy("It is offered for copying, and no effect of it is on record, measured or stated."),
        gettext_lazy("Enter its effect: two accepted readings, or the result that a source states."),
        [Check(Practice, conditions.has_no_effect, conditions.offered_practice, since=library_day)],
    ),
    Rule(
        "effect-corrected",
        Severity.VERIFY,
        gettext_lazy("Effect on a reading that was corrected"),
        gettext_lazy("A reading that it rests on was corrected since: it no longer counts as measured."),
        gettext_lazy("Enter the effect anew with the newer reading, if it still holds."),
        [
            Check(
                Effect,
                conditions.reading_corrected,
                conditions.measured_by_readings,
                since=corrected_on,
                annotations=conditions.correction_annotation,
            )
        ],
    ),
    Rule(
        "practice-incomplete",
        Severity.GAP,
        gettext_lazy("Practice in the library without a text that others need"),
        gettext_lazy(
            "Without the problem that it solves, what was done and what it needs, nobody can tell whether to copy it, "
            "and how."
        ),
        gettext_lazy("Ask the province that proposed it, and enter the text."),
        [Check(Practice, conditions.lacks_text, conditions.offered_practice, missing_text, since=library_day)],
    ),
    Rule(
        "adoption-unconfirmed",
        Severity.VERIFY,
        gettext_lazy("Adoption claimed for a year"),
        gettext_lazy("In use for more than a year by its own claim, and neither confirmed nor measured."),
        gettext_lazy("Confirm it after a look on site or at its papers; or enter that it was given up."),
        [Check(Adoption, conditions.long_only_claimed, conditions.copy_in_use, since=in_use_since)],
    ),
)
