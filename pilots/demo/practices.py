"""Practices of the demonstration with their effects and copies, from the templates; measured by its readings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from django.contrib.auth.models import User

from pilots.demo.bulk_save import bulk_save_with_history, check_record
from pilots.demo.scenarios import DemoPilot, Scenario
from pilots.demo.texts import names
from pilots.demo.texts.practices import (
    CHANGED_TEXTS,
    GIVE_UP_TEXTS,
    PLACES,
    PRACTICES,
    STATED_COPY,
    Adopter,
    CopyTemplate,
    Fate,
    PracticeTemplate,
)
from pilots.demo.users import demo_editor, demo_reporter
from pilots.models import Adoption, CostKind, Effect, EffectBasis, Practice, Reading
from pilots.readings import YEARLY, newest_accepted_in
from policies.models import Industry, Measure, Province, Source

PILOTS_A_SET = 125  # for so many pilots, one practice of each template
MEASURED_YEARS = ("2024", "2025")
REPORTING = {
    Scenario.ON_SCHEDULE,
    Scenario.BEHIND,
    Scenario.FAR_BEHIND,
    Scenario.REVERSED,
    Scenario.CARBON_REVERSED,
    Scenario.LATE,
    Scenario.LONG_LATE,
    Scenario.KEY_LATE,
}
"""Scenarios in which values of the last years are accepted."""
INTENSITIES = {"ENE_IVA", "ENE_GDP", "CO2_GDP"}


@dataclass
class DemoPractice:
    """Practice with its template, the pilot it comes from, and its copies."""

    template: PracticeTemplate
    practice: Practice
    origin: DemoPilot
    copies: list[tuple[CopyTemplate, Adoption]] = field(default_factory=list)


class PracticeGenerator:
    """Generator of the practices of a programme, numbered through over its batches."""

    def __init__(self, source: Source, provinces: Sequence[Province], as_of: date) -> None:
        self.source, self.provinces, self.as_of = source, provinces, as_of
        self.industries = {industry.slug: industry for industry in Industry.objects.all()}
        self.measures = {measure.slug: measure for measure in Measure.objects.all()}
        self.number = 0

    def load(self, roles: Sequence[DemoPilot]) -> list[Practice]:
        """Load the practices of these pilots, with effects and copies; return those in the library on the day."""
        editor, reporter = demo_editor(), demo_reporter()
        found: list[DemoPractice] = []
        for _ in range(max(1, len(roles) // PILOTS_A_SET)):
            found += self.build_set(roles, editor, reporter)
        by_slug = {item.practice.slug: item for item in found}
        bulk_save_with_history(
            (item.practice for item in found),
            self.source,
            validated=False,  # what the library asks for includes an effect
            origins=lambda practice: [by_slug[practice.slug].origin.pilot],
            industries=lambda practice: [self.industries[slug] for slug in by_slug[practice.slug].template.industries],
            measures=lambda practice: self.named_measures(by_slug[practice.slug].template),
        )
        for item in found:
            for _template, adoption in item.copies:
                adoption.practice = item.practice  # again, now that it has a key
        bulk_save_with_history((adoption for item in found for _template, adoption in item.copies), self.source)
        bulk_save_with_history(self.build_effects(found), self.source)
        for item in found:
            check_record(item.practice)
        return [item.practice for item in found if item.practice.library_on and not item.practice.retired_on]

    def named_measures(self, template: PracticeTemplate) -> list[Measure]:
        return [self.measures[template.measure]] if template.measure else []

    # -- practices and copies ------------------------------------------------------------------------------

    def build_set(self, roles: Sequence[DemoPilot], editor: User, reporter: User) -> Iterator[DemoPractice]:
        """Yield a practice of each template that is proposed by the day, with its copies."""
        rng = Random(f"practices {self.number}")  # noqa: S311  # invented records
        pool = shuffled_pilots(roles, rng)
        for template in PRACTICES:
            self.number += 1
            if template.days[0] > self.as_of:
                continue
            origin = choose_origin(template, pool, rng)
            item = DemoPractice(template, self.build_practice(template, origin), origin)
            adopters = AdopterChooser(item, pool, self.provinces, rng)
            for copy in template.copies:
                adoption = self.build_adoption(item, copy, adopters, rng)
                if adoption is None or adoption.planned_on > self.as_of:
                    continue
                adoption.claimed_by = reporter
                adoption.confirmed_by = editor if adoption.confirmed_on else None
                item.copies.append((copy, adoption))
            yield item

    def build_practice(self, template: PracticeTemplate, origin: DemoPilot) -> Practice:
        """Return an unsaved practice as it stands on the day."""
        again = (self.number - 1) // len(PRACTICES) + 1
        practice = Practice(
            slug=f"example-practice-{self.number:02}",
            facet=template.facet,
            field=template.field,
            level=template.level,
            province=origin.pilot.province,
            **names.INVENTED_NOTES,
        )
        for name in ("title", "problem", "action", "conditions", "risks"):
            english, chinese = getattr(template, name)
            setattr(practice, f"{name}_en", english)
            setattr(practice, f"{name}_zh", chinese)
        if again > 1:
            practice.title_en, practice.title_zh = f"{practice.title_en} ({again})", f"{practice.title_zh}（{again}）"
        if template.cost is not None:
            practice.cost_amount, practice.cost_kind, practice.cost_year = template.cost, CostKind.INVESTMENT, 2024
        for name, day in zip(("proposed_on", "passed_on", "library_on", "recommended_on"), template.days, strict=False):
            if day <= self.as_of:
                setattr(practice, name, day)
        if template.retired_on and template.retired_on <= self.as_of:
            practice.retired_on = template.retired_on
            practice.retired_reason_en, practice.retired_reason_zh = template.retired_reason
        return practice

    def build_adoption(
        self, item: DemoPractice, copy: CopyTemplate, adopters: AdopterChooser, rng: Random
    ) -> Adoption | None:
        """Return an unsaved copy as it stands on the day; None where no adopter is left."""
        adoption = adopters.new_adoption(copy)
        if adoption is None:
            return None
        for name, day in copy_days(copy, item.template, self.as_of, rng).items():
            if day <= self.as_of:
                setattr(adoption, name, day)
        if adoption.given_up_on and copy.reason:
            adoption.give_up_reason = copy.reason
            adoption.give_up_text_en, adoption.give_up_text_zh = GIVE_UP_TEXTS[copy.reason]
        if adoption.in_use_on:
            adoption.changed_en, adoption.changed_zh = rng.choice(CHANGED_TEXTS)
        return adoption

    # -- effects -------------------------------------------------------------------------------------------

    def build_effects(self, found: Sequence[DemoPractice]) -> Iterator[Effect]:
        """Yield what each origin states, what some adopters state, and what the readings of both measure."""
        readings = self.measuring_readings(found)
        for item in found:
            yield self.stated_effect(item)
            origin = measured_effect(item, None, readings, self.as_of)
            if origin:
                yield origin
            for copy, adoption in item.copies:
                if copy.fate is Fate.VERIFIED and adoption.in_use_on:
                    measured = measured_effect(item, adoption, readings, self.as_of)
                    if measured:
                        yield measured
                elif copy.fate is Fate.CLAIMED and adoption.in_use_on:
                    yield copy_statement(item, adoption)

    def measuring_readings(self, found: Sequence[DemoPractice]) -> dict[tuple[int, str], dict[str, Reading]]:
        """Return the accepted readings of the years that measure effects, by pilot and indicator, then by year."""
        keys = {item.origin.pilot.pk for item in found}
        keys |= {adoption.pilot_id for item in found for _copy, adoption in item.copies if adoption.pilot_id}
        codes = {item.template.indicator for item in found}
        rows = Reading.objects.filter(YEARLY, pilot__in=keys, indicator__code__in=codes, period__in=MEASURED_YEARS)
        by_pilot: dict[tuple[int, str], dict[str, Reading]] = {}
        for reading in newest_accepted_in(rows.select_related("indicator").order_by("pk"), self.as_of):
            by_pilot.setdefault((reading.pilot_id, reading.indicator.code), {})[reading.period] = reading
        return by_pilot

    def stated_effect(self, item: DemoPractice) -> Effect:
        """Return what the origin stated when it proposed the practice."""
        template = item.template
        effect = Effect(practice=item.practice, known_on=template.days[0], **names.INVENTED_NOTES)
        effect.statement_en, effect.statement_zh = template.stated
        if template.value is not None:
            effect.stated_value, effect.stated_unit = template.value, template.unit
        effect.stated_period = "a year" if template.unit.endswith("/yr") else ""
        effect.province = item.practice.province
        return effect


def measured_effect(
    item: DemoPractice, adoption: Adoption | None, readings: dict[tuple[int, str], dict[str, Reading]], as_of: date
) -> Effect | None:
    """Return the effect that the accepted readings of the origin or the adopter measure; None without both."""
    code = item.template.indicator
    pilot = adoption.pilot_id if adoption else item.origin.pilot.pk
    years = readings.get((pilot, code), {}) if pilot else {}
    if len(years) < len(MEASURED_YEARS):
        return None
    before, after = (years[year] for year in MEASURED_YEARS)
    known_on = max(day for day in (before.accepted_on, after.accepted_on) if day) + timedelta(14)
    if known_on > as_of:
        return None
    return Effect(
        practice=item.practice,
        adoption=adoption,
        province=adoption.province if adoption else item.practice.province,
        basis=EffectBasis.INTENSITY if code in INTENSITIES else EffectBasis.TOTAL,
        reading_before=before,
        reading_after=after,
        known_on=known_on,
        **names.INVENTED_NOTES,
    )


def copy_statement(item: DemoPractice, adoption: Adoption) -> Effect:
    """Return what an adopter states about its own copy, without a number."""
    effect = Effect(practice=item.practice, adoption=adoption, known_on=adoption.in_use_on, **names.INVENTED_NOTES)
    effect.statement_en, effect.statement_zh = STATED_COPY
    effect.province = adoption.province
    return effect


# -- who and when ------------------------------------------------------------------------------------------


def shuffled_pilots(roles: Sequence[DemoPilot], rng: Random) -> list[DemoPilot]:
    """Return the pilots that are still pilots, in random order."""
    pool = [role for role in roles if role.plot is not Scenario.WITHDRAWN]
    rng.shuffle(pool)
    return pool


def choose_origin(template: PracticeTemplate, pool: Sequence[DemoPilot], rng: Random) -> DemoPilot:
    """Return a pilot of the kind, on schedule and of the industry where there is one."""
    wanted = set(template.industries)

    def score(role: DemoPilot) -> tuple[int, int, int]:
        shared = bool(wanted & {industry.slug for industry in role.industries})
        return role.pilot.kind == template.origin, shared, role.plot is Scenario.ON_SCHEDULE

    best = max(map(score, pool))
    return rng.choice([role for role in pool if score(role) == best])


class AdopterChooser:
    """Chooser of the adopters of one practice: none twice, pilots of provinces without a copy first."""

    def __init__(
        self, item: DemoPractice, pool: Iterable[DemoPilot], provinces: Sequence[Province], rng: Random
    ) -> None:
        self.item, self.rng = item, rng
        kind = item.template.origin
        self.pilots = [role for role in pool if role is not item.origin]
        rng.shuffle(self.pilots)
        self.pilots.sort(key=lambda role: role.pilot.kind != kind)
        self.provinces = [province for province in provinces if province.pk != item.practice.province_id]
        self.taken = {item.practice.province_id}

    def new_adoption(self, copy: CopyTemplate) -> Adoption | None:
        """Return an unsaved copy by the next adopter that suits it."""
        adoption = Adoption(practice=self.item.practice, **names.INVENTED_NOTES)
        if copy.adopter is Adopter.PILOT:
            role = self.next_pilot(copy)
            if role is None:
                return None
            adoption.pilot, adoption.province = role.pilot, role.pilot.province
        else:
            free = [province for province in self.provinces if province.pk not in self.taken] or self.provinces
            adoption.province = self.rng.choice(free)
            adoption.place = self.rng.choice(PLACES) if copy.adopter is Adopter.PLACE else ""
        self.taken.add(adoption.province_id)
        return adoption

    def next_pilot(self, copy: CopyTemplate) -> DemoPilot | None:
        """Return the next pilot, one with accepted values where they measure the copy; None where none is left."""
        fit = [role for role in self.pilots if copy.fate is not Fate.VERIFIED or role.plot in REPORTING]
        if not fit:
            return None
        role = next((one for one in fit if one.pilot.province_id not in self.taken), fit[0])
        self.pilots.remove(role)
        return role


def copy_days(copy: CopyTemplate, template: PracticeTemplate, as_of: date, rng: Random) -> dict[str, date]:
    """Return the days of a copy by field, those after the day included."""
    known = template.days[min(2, len(template.days) - 1)]
    if copy.fate is Fate.PLANNED:
        return {"planned_on": max(known, as_of - timedelta(rng.randint(5, 60)))}
    if copy.fate is Fate.UNDER_WAY:
        started = as_of - timedelta(rng.randint(15, 80))
        return {"planned_on": max(known, started - timedelta(rng.randint(30, 90))), "started_on": max(known, started)}
    planned = known + timedelta(rng.randint(10, 60))
    started = planned + timedelta(rng.randint(15, 60))
    in_use = started + timedelta(rng.randint(45, 150))
    days = {"planned_on": planned, "started_on": started}
    if copy.fate is Fate.GIVEN_UP:
        days |= {"in_use_on": in_use} if copy.tried else {}
        return {**days, "given_up_on": max(days.values()) + timedelta(rng.randint(60, 220))}
    days["in_use_on"] = in_use
    if copy.fate in {Fate.CONFIRMED, Fate.VERIFIED}:
        days["confirmed_on"] = in_use + timedelta(rng.randint(15, 75))
    return days
