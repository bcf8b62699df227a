"""Bring the demonstration into an empty database, all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import zip_longest
from random import Random
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from config.asof import today
from pilots.demo import words
from pilots.demo.cast import Plot, Role, national_roles, provincial_roles
from pilots.demo.course import courses, milestones, stage_entries
from pilots.demo.store import keep, keep_all
from pilots.demo.values import Line, lines_of, readings
from pilots.load import KINDS, keep_apart
from pilots.models import (
    Batch,
    Colour,
    Indicator,
    LightOverride,
    Milestone,
    Pilot,
    Reading,
    StageEntry,
    Target,
)
from policies.load import Load, Refused, Tally, load_row, read_file
from policies.models import (
    Agency,
    Figure,
    Industry,
    Measure,
    Policy,
    Province,
    ProvincialPlan,
    Shipment,
    Source,
)

SEED = 20240115
REFERENCE = ("sources", "provinces", "divisions", "industries", "indicators")
STANDARDS = ("standard-undated", "standard-undated-2")  # what provinces and industries cite


def load_demo(as_of: date | None = None) -> dict[str, int]:
    """Load the programme as it stands on a day, today unless said otherwise; how many records of each kind it has.

    The same day gives the same records. Raises OtherSide, and changes nothing, when the database holds any record;
    ValueError for a day that has not come or on which not all pilots were listed.
    """
    as_of = as_of or today()
    if not words.PROVINCIAL_LISTED_ON <= as_of <= today():
        raise ValueError(f"{as_of}: give a day from {words.PROVINCIAL_LISTED_ON} up to today, {today()}")
    keep_apart(demonstration=True)
    with transaction.atomic():
        Shipment.objects.mark_demonstration()
        load_reference()
        return load_programme(as_of, Random(SEED))  # noqa: S311 - the same numbers each time are the point


def load_reference() -> None:
    """The shipped reference data, as the shipped loader reads them, and of the sources only those they cite."""
    state = Load()
    for kind in (kind for kind in KINDS if kind.name in REFERENCE):
        for row in read_file(kind, state):
            if kind.name != "sources" or row.key in STANDARDS:
                load_row(row, state, Tally())
    if state.complaints:
        raise Refused(state.complaints)


def load_programme(as_of: date, rng: Random) -> dict[str, int]:
    """All that is invented, in the order in which one thing hangs on another."""
    sources = {key: keep(Source(title=title, **words.INVENTED)) for key, title in words.SOURCES.items()}
    policies = load_policies(sources, as_of)
    load_plans(policies[words.MAIN_POLICY], sources["provincial"], as_of, rng)
    roles = load_pilots(policies, sources, as_of, rng)
    ways = courses(roles, rng)
    entries = [stage_entries(role, course, as_of) for role, course in zip(roles, ways, strict=True)]
    for rank in zip_longest(*entries):  # one of each pilot at a time: an entry is checked against those before it
        keep_all((entry for entry in rank if entry), sources["plan"])
    promised = [milestones(role, course, as_of, rng) for role, course in zip(roles, ways, strict=True)]
    keep_all((one for own in promised for one in own), sources["plan"])
    lines = load_targets(roles, sources["plan"], as_of, rng)
    keep_all((reading for line in lines for reading in readings(line, as_of, rng)), sources["report"])
    set_light(roles, as_of)
    return counts()


def counts() -> dict[str, int]:
    """How many records of each kind there are."""
    kinds: Sequence[Any] = (Policy, ProvincialPlan, Batch, Pilot, StageEntry, Milestone, Target, Reading)
    return {str(kind._meta.verbose_name_plural): kind._default_manager.count() for kind in kinds}


# -- the policies and their way into the provinces -----------------------------------------------------


def load_policies(sources: dict[str, Source], as_of: date) -> dict[str, Policy]:
    """Agencies, policies, measures and figures."""
    agencies = {
        slug: keep(Agency(slug=slug, name_zh=zh, name_en=en, **words.INVENTED))
        for slug, (zh, en) in words.AGENCIES.items()
    }
    found: dict[str, Policy] = {}
    for written in words.POLICIES:
        if written["issued_on"] <= as_of:
            found[written["slug"]] = load_policy(written, found, agencies, sources)
    for slug, field, zh, en, industries in words.MEASURES:
        measure = Measure(slug=slug, field=field, title_zh=zh, title_en=en, **words.INVENTED)
        named = Industry.objects.filter(slug__in=industries)
        keep(measure, sources=[sources["national"]], industries=named, policies=[found[words.MAIN_POLICY]])
    for slug, zh, en, value, unit, start, end, kind in words.FIGURES:
        figure = Figure(slug=slug, name_zh=zh, name_en=en, value=value, unit=unit, kind=kind, **words.INVENTED)
        figure.period_from, figure.period_to = start, end
        keep(figure, sources=[sources["national"]])
    return found


def load_policy(
    written: dict[str, Any], found: dict[str, Policy], agencies: dict[str, Agency], sources: dict[str, Source]
) -> Policy:
    """One policy; those it names stand before it."""
    values = {**written, **words.INVENTED}
    issuers = [agencies[slug] for slug in values.pop("agencies", [])]
    values["parent"] = found.get(values.get("parent", ""))
    province = values.pop("province", None)
    if province:
        values["province"] = Province.objects.get(slug=province)
    source = sources["provincial" if province else "national"]
    return keep(Policy(**values), agencies=issuers, sources=[source])


def load_plans(policy: Policy, source: Source, as_of: date, rng: Random) -> None:
    """One record for each province of the roster: most issued over twenty months, some in part, some not at all."""
    provinces = list(Province.objects.roster())
    cards = ["day"] * 19 + ["month"] * 5 + ["known"] * 3 + ["drafting"] * 2 + ["not_found"] * 2
    cards += ["unknown"] * (len(provinces) - len(cards))
    rng.shuffle(cards)
    for number, (province, card) in enumerate(zip(provinces, cards, strict=True), 1):
        day = words.MAIN_POLICY_ON + timedelta(rng.randint(110, 600))
        plan = ProvincialPlan(policy=policy, province=province, status="drafting", **words.INVENTED)
        plan.title_zh, plan.title_en = f"示例省级方案{number:02}", f"Example Provincial Plan {number:02}"
        if card in {"day", "month", "known"} and day <= as_of:
            plan.status, plan.issuing_bodies_count = "issued", rng.randint(1, 9)
            fix_day(plan, card, day)
        elif card == "not_found":
            plan.status, plan.title_zh, plan.title_en = "not_found", "", ""
            plan.searched_on, plan.searched_where = date(2026, 1, 15), "示例网站 / Example website"
        elif card == "unknown":
            plan.status, plan.title_zh, plan.title_en = "unknown", "", ""
        if plan.searched_on and plan.searched_on > as_of:
            plan.searched_on = as_of
        keep(plan, sources=[source])


def fix_day(plan: ProvincialPlan, card: str, day: date) -> None:
    """The day of issue as exactly as it is known."""
    if card == "known":
        plan.known_issued_by = day
    else:
        plan.issued_on = day if card == "day" else day.replace(day=1)
        plan.issued_precision = card


# -- the pilots ----------------------------------------------------------------------------------------


def load_pilots(policies: dict[str, Policy], sources: dict[str, Source], as_of: date, rng: Random) -> list[Role]:
    """Both batches with their pilots; the roles in the order of the pilots."""
    provinces = {province.slug: province for province in Province.objects.roster()}
    industries = {industry.slug: industry for industry in Industry.objects.all()}
    home = provinces[words.PROVINCE_OF_BATCH]
    national = Batch(
        slug=words.NATIONAL,
        title_zh="示例第一批全国试点",
        title_en="Example First National Batch",
        short_name_zh="国家首批",
        short_name_en="first national batch",
        policy=policies.get("example-pilot-list"),
        announced_on=words.LISTED_ON,
        term_start=date(2024, 1, 1),
        term_end=date(2026, 12, 31),
        city_count=21,
        county_count=0,
        park_count=43,
        **words.INVENTED,
    )
    provincial = Batch(
        slug=words.PROVINCIAL,
        level="provincial",
        province=home,
        title_zh="示例第一批省级试点",
        title_en="Example First Provincial Batch",
        short_name_zh="省级首批",
        short_name_en="first provincial batch",
        policy=policies.get("example-provincial-pilot-plan"),
        announced_on=words.PROVINCIAL_LISTED_ON,
        term_start=date(2024, 10, 1),
        term_end=date(2027, 12, 31),
        city_count=4,
        county_count=0,
        park_count=8,
        **words.INVENTED,
    )
    for batch, key in ((national, "national"), (provincial, "provincial")):
        named = [industries[slug] for slug in words.INDUSTRIES_ANNOUNCED if key == "national"]
        keep(batch, industries_announced=named, sources=[sources[key]])
    roles = national_roles(national, list(provinces.values()), industries, rng)
    roles += provincial_roles(provincial, home, industries, rng)
    for role in roles:
        if role.plot == Plot.WITHDRAWN and as_of >= words.WITHDRAWN_ON:
            role.pilot.withdrawn_on = words.WITHDRAWN_ON
        keep(role.pilot, industries=role.industries, sources=[sources["national" if role.national else "provincial"]])
    return roles


def load_targets(roles: Iterable[Role], source: Source, as_of: date, rng: Random) -> list[Line]:
    """What each pilot reports, with its targets and their steps stored."""
    indicators = {indicator.code: indicator for indicator in Indicator.objects.all()}
    lines = [line for role in roles for line in lines_of(role, indicators, rng)]
    for line in lines:
        if line.target and line.target.done_on and line.target.done_on > as_of:
            line.target.done_on = None
    keep_all((line.target for line in lines if line.target), source)
    for line in lines:
        for step in line.steps:
            step.target = line.target  # type: ignore[assignment]  # again, now that it has a number
    keep_all(step for line in lines for step in line.steps)
    return lines


def set_light(roles: Iterable[Role], as_of: date) -> None:
    """One light set by hand, by a user that nobody can sign in as."""
    steward, new = get_user_model()._default_manager.get_or_create(username=words.STEWARD)
    if new:
        steward.set_unusable_password()
        steward.save()
    pilot = [role.pilot for role in roles if role.plot == Plot.FAR_BEHIND][1]
    days = (as_of - timedelta(12), as_of + timedelta(48))
    override = LightOverride(pilot=pilot, colour=Colour.YELLOW, reason=words.OVERRIDE, author=steward)
    override.set_on, override.expires_on = days
    keep(override)
