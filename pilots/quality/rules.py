"""Every rule of data quality: what it means, how bad it is, which question it asks, and how it is mended.

A new rule is one more entry here.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.templatetags.site import showdate
from pilots.metrics import Stage, listed
from pilots.models import Batch, Indicator, Milestone, Pilot, PilotKind, Reading, StageEntry, Target
from pilots.models.indicators import exact_text
from pilots.quality import faults, told
from pilots.quality.shape import CORRECTION, READINGS, SOURCES, Check, Condition, Rule, Severity, always
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

FACTS: dict[Any, Condition] = {
    Province: always,
    Policy: known,
    ProvincialPlan: faults.issued_plan,
    Measure: always,
    Figure: always,
    Industry: always,
    Batch: faults.known_batch,
    Pilot: listed,
    StageEntry: faults.of_pilot,
    Milestone: faults.of_pilot,
    Target: faults.of_pilot,
    Reading: faults.of_pilot,
}
"""Kinds of records that cite sources, and which of them are facts on a day."""
NAMED: dict[Any, Condition] = {
    **dict.fromkeys((Province, Agency, Industry, Figure, Indicator, Measure), always),
    **{model: FACTS[model] for model in (Policy, ProvincialPlan, Batch, Pilot, Milestone)},
}
"""Kinds of records that have a name in both languages."""
TITLED = (Policy, ProvincialPlan, Batch, Milestone)
ENTERED_ON: dict[Any, str] = {
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
    return showdate(row.issued)


def number(row: Any) -> str:
    return str(row.doc_number)


def figure_text(row: Any) -> str:
    value = exact_text(row.value)
    return value if row.unit == Unit.COUNT else f"{value} {row.get_unit_display()}"


def printed(row: Any) -> str:
    return _("%(value)s, printed as “%(printed)s”") % {"value": figure_text(row), "printed": row.as_printed}


def claim(row: Any) -> str:
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
    values = {"year": row.base_year, "base": exact_text(row.base_value), "read": exact_text(row.value_read)}
    return _("base of %(year)d %(base)s, reading %(read)s") % values


def direction(row: Any) -> str:
    return f"{exact_text(row.base_value)} → {exact_text(row.target_value)} ({row.indicator.get_direction_display()})"


def leap(row: Any) -> str:
    return f"{exact_text(row.last_value)} → {exact_text(row.value)}"


def task(row: Any) -> str:
    return str(row.target_text)


def listed_day(row: Any) -> str:
    return _("listed on %(day)s, announced on %(announced)s") % {
        "day": showdate(row.entered_on),
        "announced": showdate(row.pilot.batch.announced_on),
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


def entered(row: Any) -> date | None:
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


def year_over(row: Any) -> date:
    return date(row.target_year + 1, 1, 1)


def value_late(row: Any) -> date:
    """The day after the one by which the value should have come."""
    return date(int(row.due) + 1, 4, 1)


# -- where -----------------------------------------------------------------------------------------------------------


def first_blank(*names: str) -> Any:
    """The first of these fields that is empty."""
    return lambda row: next((name for name in names if getattr(row, name) in ("", None)), names[0])


RULES: tuple[Rule, ...] = (
    # -- announced against recorded
    Rule(
        "not-entered",
        Severity.GAP,
        gettext_lazy("Announced pilots not entered"),
        gettext_lazy("The announcement names more pilots of a kind than are on record."),
        gettext_lazy("Add them one by one, or import the list with the template for pilots."),
        tell=told.not_entered,
        needs=(Batch, Pilot),
    ),
    Rule(
        "beyond-announced",
        Severity.ERROR,
        gettext_lazy("More pilots than announced"),
        gettext_lazy("More pilots of a kind are on record than the announcement names."),
        gettext_lazy("Look for a pilot entered twice or in the wrong batch, and check the announced number."),
        tell=told.beyond_announced,
        needs=(Batch, Pilot),
    ),
    Rule(
        "number-unknown",
        Severity.GAP,
        gettext_lazy("Announced number not recorded"),
        gettext_lazy("Pilots of a kind are on record, but not how many of it were announced."),
        gettext_lazy("Enter the number that the announcement gives; 0 says that it names none."),
        tell=told.number_unknown,
        needs=(Batch, Pilot),
    ),
    Rule(
        "plan-not-recorded",
        Severity.GAP,
        gettext_lazy("Province without a record for the policy"),
        gettext_lazy("The policy calls for provincial plans, and nothing says whether this province has one."),
        gettext_lazy("Add the record with what is known: issued, being drafted, not found, or unknown."),
        tell=told.plan_not_recorded,
        needs=(Policy, Province, ProvincialPlan),
    ),
    Rule(
        "plan-unknown",
        Severity.GAP,
        gettext_lazy("Nobody has looked for the plan"),
        gettext_lazy("The record of the province says “unknown”."),
        gettext_lazy("Search, then record what was found, or on which day and where it was searched."),
        [Check(ProvincialPlan, faults.not_looked_for, faults.plan_of_roster, "status")],
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
                faults.searched_long_ago,
                faults.plan_of_roster,
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
            Check(Policy, faults.unknown("issued_on"), faults.document, "issued_on", since=known_by),
            Check(ProvincialPlan, faults.unknown("issued_on"), faults.issued_plan, "issued_on", since=known_by),
        ],
    ),
    Rule(
        "partial-day",
        Severity.GAP,
        gettext_lazy("Day of issue known only in part"),
        gettext_lazy("Only the month or the year is known: it enters no lag."),
        gettext_lazy("Find the original or its entry in a policy library, and enter the day as printed."),
        [
            Check(model, faults.partly_dated, among, "issued_on", since=known_by, detail=partial_day)
            for model, among in ((Policy, faults.document), (ProvincialPlan, faults.issued_plan))
        ],
    ),
    Rule(
        "no-announcement-day",
        Severity.GAP,
        gettext_lazy("Day of announcement missing"),
        gettext_lazy("The batch is only known to exist by a day."),
        gettext_lazy("Find the announcement and enter its day."),
        [Check(Batch, faults.unknown("announced_on"), faults.known_batch, "announced_on", since=known_by)],
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
                faults.unknown("term_start", "term_end"),
                faults.known_batch,
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
        [Check(Source, lambda as_of: Q(published_on__isnull=True, note_en="", note_zh=""), place="published_on")],
    ),
    # -- what is due
    Rule(
        "stage-not-entered",
        Severity.GAP,
        gettext_lazy("Stage planned and not entered"),
        gettext_lazy("The day for which the stage was planned is past, and no entry says that it was reached."),
        gettext_lazy("Ask the pilot; enter the day it happened, or the new plan."),
        [Check(StageEntry, faults.not_entered, faults.planned_stage, "entered_on", since=planned)],
    ),
    Rule(
        "milestone-late",
        Severity.GAP,
        gettext_lazy("Milestone past its day"),
        gettext_lazy("The day by which it was to be done is past, and it is not recorded as done."),
        gettext_lazy("Ask who is responsible; enter the day it was done."),
        [Check(Milestone, faults.not_done, faults.due_milestone, "completed_on", since=planned)],
    ),
    Rule(
        "milestone-no-evidence",
        Severity.GAP,
        gettext_lazy("Milestone done without evidence"),
        gettext_lazy("It is recorded as done, and nothing says by what that is shown."),
        gettext_lazy("Ask who is responsible for the document, and enter its title and number."),
        [Check(Milestone, faults.blank("evidence"), faults.done_milestone, "evidence", since=entered)],
    ),
    Rule(
        "task-late",
        Severity.GAP,
        gettext_lazy("Task past its year"),
        gettext_lazy("The year by whose end it was to be done is over, and it is not recorded as done."),
        gettext_lazy("Ask the pilot; enter the day it was done."),
        [Check(Target, faults.task_not_done, faults.due_task, "done_on", since=year_over, detail=task)],
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
                faults.value_not_in,
                faults.owed_value,
                READINGS,
                since=value_late,
                detail=lambda row: str(row.due),
                notes=faults.due_year,
            )
        ],
    ),
    Rule(
        "pilot-no-stage",
        Severity.GAP,
        gettext_lazy("Pilot without any stage"),
        gettext_lazy("Nothing says how far the pilot has come."),
        gettext_lazy("Enter the stages that are known, beginning with the day it was listed."),
        [Check(Pilot, faults.without(StageEntry, "pilot"), listed, "stages-group", since=announced, detail=batch_of)],
    ),
    Rule(
        "pilot-no-target",
        Severity.GAP,
        gettext_lazy("Pilot without any target"),
        gettext_lazy("Nothing says what the pilot has promised, so its progress cannot be judged."),
        gettext_lazy("Enter the targets of its implementation plan."),
        [Check(Pilot, faults.without(Target, "pilot"), listed, "targets-group", since=announced, detail=batch_of)],
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
                faults.without(Pilot.industries.through, "pilot"),
                faults.both(listed, Q(kind__in=[PilotKind.PARK, PilotKind.ENTERPRISE])),
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
        [Check(model, faults.cites_none(model), among, SOURCES) for model, among in FACTS.items()],
    ),
    Rule(
        "source-no-address",
        Severity.GAP,
        gettext_lazy("Source without an address"),
        gettext_lazy("A reader cannot look it up."),
        gettext_lazy("Enter its web address; if it has no lasting one, say so in its note."),
        [Check(Source, faults.blank("url"), lambda as_of: Q(note_en="", note_zh=""), "url")],
    ),
    # -- names
    Rule(
        "no-english",
        Severity.GAP,
        gettext_lazy("English name missing"),
        gettext_lazy("Readers of English see the Chinese name."),
        gettext_lazy("Enter the official translation where there is one, else your own."),
        [
            Check(model, faults.only(model.ZH, model.EN), among, model.EN, detail=chinese)
            for model, among in NAMED.items()
        ],
    ),
    Rule(
        "no-chinese",
        Severity.GAP,
        gettext_lazy("Chinese title missing"),
        gettext_lazy("Readers of Chinese see the English title."),
        gettext_lazy("Enter the title as printed."),
        [Check(model, faults.only(model.EN, model.ZH), NAMED[model], model.ZH) for model in TITLED],
    ),
    Rule(
        "no-title",
        Severity.GAP,
        gettext_lazy("Title of the plan missing"),
        gettext_lazy("The plan is known to exist, but not how it is called."),
        gettext_lazy("Find the plan and enter its title as printed."),
        [Check(ProvincialPlan, faults.no_title, faults.issued_plan, "title_zh", since=known_by)],
    ),
    # -- codes and belonging
    Rule(
        "no-number",
        Severity.GAP,
        gettext_lazy("Document number missing"),
        gettext_lazy("A document without its number cannot be cited in an official paper."),
        gettext_lazy("Enter the number as printed on the document."),
        [
            Check(Policy, faults.blank("doc_number"), faults.document, "doc_number", since=known_by),
            Check(ProvincialPlan, faults.blank("doc_number"), faults.issued_plan, "doc_number", since=known_by),
        ],
    ),
    Rule(
        "no-code",
        Severity.GAP,
        gettext_lazy("Code of the place missing"),
        gettext_lazy("Without its code it cannot be matched with other statistics. The Xinjiang corps has none."),
        gettext_lazy("Enter the code of GB/T 2260 or ISO 3166-2."),
        [
            Check(Province, faults.no_code_of_its_own("gb_code"), faults.in_roster, "gb_code"),
            Check(Province, faults.no_code_of_its_own("iso_code"), faults.in_roster, "iso_code"),
            Check(Pilot, faults.blank("prefecture_code"), listed, "prefecture_code"),
            Check(Pilot, faults.blank("county_code"), faults.both(listed, Q(kind=PilotKind.COUNTY)), "county_code"),
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
                faults.without(Policy.agencies.through, "policy"),
                faults.document,
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
        [Check(Measure, faults.without(Measure.policies.through, "measure"), place="policies")],
    ),
    # -- unverified
    Rule(
        "figure-unverified",
        Severity.VERIFY,
        gettext_lazy("Figure not verified"),
        gettext_lazy("Nobody has held the figure against the issuer’s own text."),
        gettext_lazy("Compare it with the issuer’s text, then set its state to verified or disputed."),
        [Check(Figure, lambda as_of: Q(state=FigureState.UNVERIFIED), place="state", detail=figure_text)],
    ),
    Rule(
        "inferred",
        Severity.VERIFY,
        gettext_lazy("Fact only inferred"),
        gettext_lazy("It was read from other documents, not in a text that says it."),
        gettext_lazy("Find a text that says it, cite it and raise the confidence; or correct the fact."),
        [Check(model, faults.inferred, among, "confidence", detail=note) for model, among in FACTS.items()],
    ),
    Rule(
        "reading-waits",
        Severity.VERIFY,
        gettext_lazy("Value waits for its verdict"),
        gettext_lazy("Reported more than 30 days ago, and neither accepted nor disputed: it feeds no number."),
        gettext_lazy("Check the value, then accept or dispute it."),
        [Check(Reading, faults.waits, faults.reported, "state", since=reported)],
    ),
    Rule(
        "reading-not-final",
        Severity.VERIFY,
        gettext_lazy("Value never made final"),
        gettext_lazy("The value of a year long past is still flash or preliminary."),
        gettext_lazy("Ask the pilot for the final value, and enter it as the next version."),
        [Check(Reading, faults.not_final, faults.reported, CORRECTION, since=reported)],
    ),
    # -- contradictions
    Rule(
        "figure-printed",
        Severity.VERIFY,
        gettext_lazy("A source prints another value"),
        gettext_lazy("What a source prints differs from the value that is recorded."),
        gettext_lazy("Hold both against the issuer’s own text; correct the value, or say in the note which is right."),
        [Check(Figure, faults.printed_otherwise, place="as_printed", detail=printed)],
    ),
    Rule(
        "figure-disputed",
        Severity.VERIFY,
        gettext_lazy("Sources disagree on a figure"),
        gettext_lazy("The figure is marked as disputed."),
        gettext_lazy("Ask the issuer which is right, then set its state to verified."),
        [Check(Figure, lambda as_of: Q(state=FigureState.DISPUTED), place="state", detail=figure_text)],
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
                faults.surer_than_its_sources(model),
                faults.with_sources(model, among),
                "confidence",
                detail=claim,
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
            Check(model, faults.sources_older(model, day), faults.with_sources(model, FACTS[model]), day, since=entered)
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
            Check(model, faults.known_after_publication, FACTS[model], "known_issued_by", since=known_by)
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
            Check(ProvincialPlan, faults.before_its_policy("policy"), faults.issued_plan, "issued_on", since=known_by),
            Check(Policy, faults.before_its_policy("parent"), known, "parent", since=known_by),
        ],
    ),
    Rule(
        "number-of-another-year",
        Severity.VERIFY,
        gettext_lazy("Number and day of issue disagree"),
        gettext_lazy("The year in the document number is not the year of issue."),
        gettext_lazy("Check the number and the day against the document."),
        [
            Check(model, faults.number_of_another_year, FACTS[model], "doc_number", since=known_by, detail=number)
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
                faults.number_of_another_plan,
                faults.issued_plan,
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
        [Check(Source, faults.address_of_another_source, place="url", detail=address)],
    ),
    Rule(
        "pilot-twice",
        Severity.VERIFY,
        gettext_lazy("Two pilots of one name"),
        gettext_lazy("Two pilots of a province have one name in batches of the same level: perhaps one entered twice."),
        gettext_lazy("Compare the two; delete one, or tell them apart by their names."),
        [Check(Pilot, faults.same_name, listed, "name_zh", since=announced, detail=batch_of)],
    ),
    Rule(
        "city-code-twice",
        Severity.ERROR,
        gettext_lazy("Two pilot cities with one code"),
        gettext_lazy("Two cities of a batch have the same GB/T 2260 code."),
        gettext_lazy("Check the codes, or delete the city that was entered twice."),
        [Check(Pilot, faults.same_code, listed, "prefecture_code", since=announced, detail=codes)],
    ),
    Rule(
        "code-of-another-province",
        Severity.ERROR,
        gettext_lazy("Code of another province"),
        gettext_lazy("A GB/T 2260 code begins with the two digits of its province; this one does not."),
        gettext_lazy("Check the code and the province."),
        [Check(Pilot, faults.code_of_another_province, listed, "prefecture_code", detail=codes)],
    ),
    Rule(
        "outside-its-city",
        Severity.ERROR,
        gettext_lazy("Park outside its pilot city"),
        gettext_lazy("The province or the code says that the park does not lie in the pilot city it is tied to."),
        gettext_lazy("Check the city, the province and the codes of both."),
        [Check(Pilot, faults.outside_its_city, faults.both(listed, Q(parent__isnull=False)), "parent", detail=city)],
    ),
    Rule(
        "withdrawal",
        Severity.ERROR,
        gettext_lazy("Withdrawal told in two ways"),
        gettext_lazy("The day of withdrawal and the stage “withdrawn” disagree, or one of them is missing."),
        gettext_lazy("Enter the same day in both."),
        [Check(Pilot, faults.withdrawal_told_twice, faults.ever_a_pilot, "withdrawn_on", since=withdrawn)],
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
                faults.listed_on_another_day,
                faults.both(faults.of_pilot, Q(stage=Stage.LISTED)),
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
        tell=told.out_of_order,
        needs=(StageEntry, Pilot),
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
                faults.base_read_otherwise,
                faults.both(faults.of_pilot, Q(base_value__isnull=False)),
                "base_value",
                detail=base,
                notes=faults.value_read,
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
                faults.wrong_way,
                faults.both(faults.of_pilot, Q(base_value__isnull=False, target_value__isnull=False)),
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
                Reading, faults.jumps, faults.reported, "note_zh", since=reported, detail=leap, notes=faults.last_value
            )
        ],
    ),
    Rule(
        "reading-disputed",
        Severity.VERIFY,
        gettext_lazy("Value in dispute"),
        gettext_lazy("The value is disputed and no later version has replaced it: it stands for nothing."),
        gettext_lazy("Ask the pilot for a correction, and enter it as the next version; or accept the value."),
        [Check(Reading, faults.in_dispute, faults.reported, CORRECTION, since=reported)],
    ),
)
