"""Generator of the demonstration, an invented programme, in an empty database and one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import Any

from django.db import transaction
from django.db.models import Model

from core.http.as_of import today
from core.seed.loader import load_seed
from core.seed.models import SeedRecord
from pilots.demo.bulk_save import bulk_save_with_history, save_checked
from pilots.demo.follow_ups import FollowUpGenerator
from pilots.demo.practices import PracticeGenerator
from pilots.demo.scenarios import DemoPilot, PilotSampler, Scenario
from pilots.demo.texts import names
from pilots.demo.timelines import build_milestones, build_stage_entries, build_timelines
from pilots.demo.users import demo_editor
from pilots.demo.values import IndicatorSeries, build_readings, build_series
from pilots.models import (
    Adoption,
    Batch,
    Colour,
    FollowUp,
    Indicator,
    LightOverride,
    Milestone,
    Pilot,
    Practice,
    Reading,
    StageEntry,
    Target,
)
from pilots.seed import SEED_FILES, check_not_mixed
from policies.models import Agency, Figure, Industry, Level, Measure, Policy, Province, ProvincialPlan, Source

SEED = 20240115
REFERENCE_KINDS = ("sources", "provinces", "divisions", "industries", "indicators")
STANDARDS = frozenset({"standard-undated", "standard-undated-2"})  # sources of provinces and industries


@dataclass(frozen=True)
class ProgrammeSize:
    """Cities and parks of the national and of the provincial batch. With `files`, key follow-ups are reported with
    evidence files.
    """

    cities: int
    parks: int
    provincial_cities: int
    provincial_parks: int
    files: bool = False


DEMONSTRATION = ProgrammeSize(21, 43, 4, 8, files=True)


def load_demo(as_of: date | None = None) -> dict[str, int]:
    """Load the demonstration as of a day, by default today; return the number of records by kind."""
    return generate(DEMONSTRATION, as_of)


def generate(size: ProgrammeSize, as_of: date | None = None) -> dict[str, int]:
    """Generate a programme as of a day, by default today; return the number of records by kind.

    The same size and day give the same records. Raises MixedDataError, and changes nothing, when the database holds any
    record; ValueError for a future day, or one on which not all pilots were listed.
    """
    as_of = as_of or today()
    if not names.PROVINCIAL_LISTED_ON <= as_of <= today():
        raise ValueError(f"{as_of}: give a day from {names.PROVINCIAL_LISTED_ON} up to today, {today()}")
    check_not_mixed(demonstration=True)
    with transaction.atomic():
        SeedRecord.objects.mark_demonstration()
        load_reference()
        Generator(size, as_of).load()
        return count_records()


def load_reference() -> None:
    """Load the reference data of the seed, with only the sources that they cite."""
    files = [file for file in SEED_FILES if file.name in REFERENCE_KINDS]
    load_seed([replace(file, only=STANDARDS) if file.name == "sources" else file for file in files])


def count_records() -> dict[str, int]:
    """Count the records by kind."""
    kinds: Sequence[type[Model]] = (
        Policy,
        ProvincialPlan,
        Batch,
        Pilot,
        StageEntry,
        Milestone,
        Target,
        Reading,
        Practice,
        Adoption,
        FollowUp,
    )
    return {str(kind._meta.verbose_name_plural): kind._default_manager.count() for kind in kinds}


# -- the policies and their way into the provinces -----------------------------------------------------


def load_policies(sources: dict[str, Source], as_of: date) -> dict[str, Policy]:
    """Load agencies, policies, measures and figures; return the policies by code."""
    agencies = {
        slug: save_checked(Agency(slug=slug, name_zh=zh, name_en=en, **names.INVENTED_NOTES))
        for slug, (zh, en) in names.AGENCIES.items()
    }
    found: dict[str, Policy] = {}
    for written in names.POLICIES:
        if written["issued_on"] <= as_of:
            found[written["slug"]] = load_policy(written, found, agencies, sources)
    for slug, field, zh, en, industries in names.MEASURES:
        measure = Measure(slug=slug, field=field, title_zh=zh, title_en=en, **names.INVENTED_NOTES)
        named = Industry.objects.filter(slug__in=industries)
        save_checked(measure, sources=[sources["national"]], industries=named, policies=[found[names.LEAD_POLICY]])
    for slug, zh, en, value, unit, start, end, kind in names.FIGURES:
        figure = Figure(slug=slug, name_zh=zh, name_en=en, value=value, unit=unit, kind=kind, **names.INVENTED_NOTES)
        figure.period_from, figure.period_to = start, end
        save_checked(figure, sources=[sources["national"]])
    return found


def load_policy(
    written: dict[str, Any], found: dict[str, Policy], agencies: dict[str, Agency], sources: dict[str, Source]
) -> Policy:
    """Load one policy; policies that it references come before it."""
    values = {**written, **names.INVENTED_NOTES}
    issuers = [agencies[slug] for slug in values.pop("agencies", [])]
    values["parent"] = found.get(values.get("parent", ""))
    province = values.pop("province", None)
    if province:
        values["province"] = Province.objects.get(slug=province)
    source = sources["provincial" if province else "national"]
    return save_checked(Policy(**values), agencies=issuers, sources=[source])


def load_plans(policy: Policy, source: Source, as_of: date, rng: Random) -> None:
    """Load a plan for each province of the roster: most issued over twenty months, some drafting, some not found."""
    provinces = list(Province.objects.roster())
    cards = ["day"] * 19 + ["month"] * 5 + ["known"] * 3 + ["drafting"] * 2 + ["not_found"] * 2
    cards += ["unknown"] * (len(provinces) - len(cards))
    rng.shuffle(cards)
    for number, (province, card) in enumerate(zip(provinces, cards, strict=True), 1):
        day = names.LEAD_POLICY_ISSUED_ON + timedelta(rng.randint(110, 600))
        plan = ProvincialPlan(policy=policy, province=province, status="drafting", **names.INVENTED_NOTES)
        plan.title_zh, plan.title_en = f"示例省级方案{number:02}", f"Example Provincial Plan {number:02}"
        if card in {"day", "month", "known"} and day <= as_of:
            plan.status, plan.issuing_bodies_count = "issued", rng.randint(1, 9)
            set_issue_day(plan, card, day)
        elif card == "not_found":
            plan.status, plan.title_zh, plan.title_en = "not_found", "", ""
            plan.searched_on, plan.searched_where = date(2026, 1, 15), "示例网站 / Example website"
        elif card == "unknown":
            plan.status, plan.title_zh, plan.title_en = "unknown", "", ""
        if plan.searched_on and plan.searched_on > as_of:
            plan.searched_on = as_of
        save_checked(plan, sources=[source])


def set_issue_day(plan: ProvincialPlan, card: str, day: date) -> None:
    """Set the date of issue with its precision."""
    if card == "known":
        plan.known_issued_by = day
    else:
        plan.issued_on = day if card == "day" else day.replace(day=1)
        plan.issued_precision = card


# -- the pilots ---------------------------------------------------------------------------------------


class Generator:
    """Generator of a programme of one size for one day."""

    def __init__(self, size: ProgrammeSize, as_of: date) -> None:
        self.size, self.as_of = size, as_of
        self.rng = Random(SEED)  # noqa: S311 - the same numbers each time are the point
        self.sources = {
            key: save_checked(Source(title=title, **names.INVENTED_NOTES)) for key, title in names.SOURCES.items()
        }
        self.policies = load_policies(self.sources, as_of)
        self.indicators = {indicator.code: indicator for indicator in Indicator.objects.all()}
        self.industries = {industry.slug: industry for industry in Industry.objects.all()}
        self.provinces = list(Province.objects.roster())
        self.sampler = PilotSampler(self.provinces, self.industries, self.rng)
        self.practices = PracticeGenerator(self.sources["case"], self.provinces, as_of)
        self.follow_ups = FollowUpGenerator(self.sources["minutes"], self.policies, as_of, files=size.files)

    def load(self) -> None:
        """Load all invented records, in order of their dependencies."""
        load_plans(self.policies[names.LEAD_POLICY], self.sources["provincial"], self.as_of, self.rng)
        batches = (self.national_batch(), self.provincial_batch())
        self.load_records([role for batch in batches for role in self.load_pilots(batch)])
        self.follow_ups.save_numbers()

    def national_batch(self) -> Batch:
        """Return the unsaved national batch."""
        batch = build_batch(Level.NATIONAL, self.size.cities, self.size.parks)
        batch.policy = self.policies.get("example-pilot-list")
        batch.announced_on = names.LISTED_ON
        batch.term_start, batch.term_end = date(2024, 1, 1), date(2026, 12, 31)
        return batch

    def provincial_batch(self) -> Batch:
        """Return the unsaved provincial batch."""
        batch = build_batch(Level.PROVINCIAL, self.size.provincial_cities, self.size.provincial_parks)
        batch.province = next(one for one in self.provinces if one.slug == names.PROVINCE_OF_BATCH)
        batch.policy = self.policies.get("example-provincial-pilot-plan")
        batch.announced_on = names.PROVINCIAL_LISTED_ON
        batch.term_start, batch.term_end = date(2024, 10, 1), date(2027, 12, 31)
        return batch

    def load_pilots(self, batch: Batch) -> list[DemoPilot]:
        """Load a batch with its pilots; return the pilots with their scenarios."""
        national = batch.level == Level.NATIONAL
        source = self.sources["national" if national else "provincial"]
        named = [self.industries[slug] for slug in names.INDUSTRIES_ANNOUNCED if national]
        save_checked(batch, industries_announced=named, sources=[source])
        roles = self.sampler.national_pilots(batch) if national else self.sampler.provincial_pilots(batch)
        for role in roles:
            if role.plot == Scenario.WITHDRAWN and self.as_of >= names.WITHDRAWN_ON:
                role.pilot.withdrawn_on = names.WITHDRAWN_ON
        industries = {role.pilot.slug: role.industries for role in roles}
        for kind in ("city", "park"):
            pilots = [role.pilot for role in roles if role.pilot.kind == kind]
            for pilot in pilots:
                pilot.parent = pilot.parent  # again, now that it has a number
            bulk_save_with_history(pilots, source, industries=lambda pilot: industries[pilot.slug])
        return roles

    def load_records(self, roles: Sequence[DemoPilot]) -> None:
        """Load stages, milestones, targets and readings of pilots."""
        ways = list(zip(roles, build_timelines(roles, self.rng), strict=True))
        plan, as_of, rng = self.sources["plan"], self.as_of, self.rng
        bulk_save_with_history((entry for way in ways for entry in build_stage_entries(*way, as_of)), plan)
        bulk_save_with_history((one for way in ways for one in build_milestones(*way, as_of, rng)), plan)
        lines = self.load_targets(roles)
        readings = (one for line in lines for one in build_readings(line, as_of, rng))
        bulk_save_with_history(readings, self.sources["report"])
        set_override(roles, as_of)
        self.follow_ups.load(roles, self.practices.load(roles))

    def load_targets(self, roles: Iterable[DemoPilot]) -> list[IndicatorSeries]:
        """Load targets with steps; return the series of each pilot's indicators."""
        lines = [line for role in roles for line in build_series(role, self.indicators, self.rng)]
        for line in lines:
            if line.target and line.target.done_on and line.target.done_on > self.as_of:
                line.target.done_on = None
        bulk_save_with_history((line.target for line in lines if line.target), self.sources["plan"])
        for line in lines:
            for step in line.steps:
                step.target = line.target  # type: ignore[assignment]  # again, now that it has a number
        bulk_save_with_history(step for line in lines for step in line.steps)
        return lines


def build_batch(level: Level, cities: int, parks: int) -> Batch:
    """Return an unsaved batch, recognisable as invented by its name."""
    if level == Level.NATIONAL:
        slug, zh, short_zh, en = "example-batch-1", "全国", "国家", "National"
    else:
        slug, zh, short_zh, en = "example-provincial-batch-1", "省级", "省级", "Provincial"
    return Batch(
        slug=slug,
        level=level,
        title_zh=f"示例第一批{zh}试点",
        title_en=f"Example First {en} Batch",
        short_name_zh=f"{short_zh}首批",
        short_name_en=f"first {en.lower()} batch",
        city_count=cities,
        county_count=0,
        park_count=parks,
        **names.INVENTED_NOTES,
    )


def set_override(roles: Iterable[DemoPilot], as_of: date) -> None:
    """Load an override of the second pilot that is far behind, by a user without a usable password."""
    steward = demo_editor()
    for role in [role for role in roles if role.plot == Scenario.FAR_BEHIND][1:2]:
        override = LightOverride(pilot=role.pilot, colour=Colour.YELLOW, reason=names.OVERRIDE_REASON, author=steward)
        override.set_on, override.expires_on = as_of - timedelta(12), as_of + timedelta(48)
        save_checked(override)
