"""Scenarios of the demonstration's pilots. Their counts are fixed, so that every status occurs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, auto
from itertools import count, zip_longest
from random import Random
from typing import TypeVar

from pilots.demo.texts import names
from pilots.models import Batch, CityType, Pilot
from policies.models import Industry, Level, Province

Item = TypeVar("Item")


class Scenario(Enum):
    """Scenario of a pilot: decides its light and the reason."""

    ON_SCHEDULE = auto()
    BEHIND = auto()  # a binding target by up to 10 %
    FAR_BEHIND = auto()
    REVERSED = auto()  # pollution above its base
    CARBON_REVERSED = auto()  # an expected target, so only yellow
    LATE = auto()  # a milestone by up to 90 days
    LONG_LATE = auto()  # one that is no key milestone
    KEY_LATE = auto()
    SILENT = auto()  # no report of the last year
    NOT_ACCEPTED = auto()
    DISPUTED = auto()
    NO_PLAN_KEY_LATE = auto()
    NO_PLAN_LATE = auto()
    NO_PLAN_SILENT = auto()
    WITHDRAWN = auto()

    @property
    def has_plan(self) -> bool:
        return not self.name.startswith("NO_PLAN") and self is not Scenario.WITHDRAWN


class EmissionTrend(Enum):
    """Trend of pollution and carbon, both as totals unless `INTENSITY`."""

    BOTH_DOWN = auto()
    CARBON_UP = auto()
    CARBON_FLAT = auto()
    POLLUTION_UP = auto()
    BOTH_UP = auto()
    INTENSITY = auto()  # reports carbon per GDP alone


ScenarioMix = list[tuple[Scenario, EmissionTrend, int]]

NATIONAL_SCENARIOS: ScenarioMix = [
    (Scenario.ON_SCHEDULE, EmissionTrend.BOTH_DOWN, 12),
    (Scenario.ON_SCHEDULE, EmissionTrend.CARBON_UP, 7),
    (Scenario.ON_SCHEDULE, EmissionTrend.CARBON_FLAT, 1),
    (Scenario.ON_SCHEDULE, EmissionTrend.INTENSITY, 4),
    (Scenario.BEHIND, EmissionTrend.BOTH_DOWN, 3),
    (Scenario.BEHIND, EmissionTrend.CARBON_UP, 2),
    (Scenario.BEHIND, EmissionTrend.CARBON_FLAT, 1),
    (Scenario.BEHIND, EmissionTrend.INTENSITY, 2),
    (Scenario.LATE, EmissionTrend.BOTH_DOWN, 2),
    (Scenario.LATE, EmissionTrend.CARBON_UP, 2),
    (Scenario.LONG_LATE, EmissionTrend.BOTH_DOWN, 1),
    (Scenario.LONG_LATE, EmissionTrend.CARBON_FLAT, 1),
    (Scenario.CARBON_REVERSED, EmissionTrend.CARBON_UP, 2),
    (Scenario.FAR_BEHIND, EmissionTrend.BOTH_DOWN, 1),
    (Scenario.FAR_BEHIND, EmissionTrend.CARBON_UP, 2),
    (Scenario.FAR_BEHIND, EmissionTrend.CARBON_FLAT, 1),
    (Scenario.REVERSED, EmissionTrend.BOTH_UP, 2),
    (Scenario.REVERSED, EmissionTrend.POLLUTION_UP, 2),
    (Scenario.KEY_LATE, EmissionTrend.BOTH_DOWN, 1),
    (Scenario.SILENT, EmissionTrend.BOTH_DOWN, 2),
    (Scenario.SILENT, EmissionTrend.CARBON_UP, 2),
    (Scenario.NOT_ACCEPTED, EmissionTrend.BOTH_DOWN, 1),
    (Scenario.NOT_ACCEPTED, EmissionTrend.CARBON_UP, 1),
    (Scenario.DISPUTED, EmissionTrend.CARBON_UP, 1),
    (Scenario.NO_PLAN_KEY_LATE, EmissionTrend.BOTH_DOWN, 1),
    (Scenario.NO_PLAN_KEY_LATE, EmissionTrend.CARBON_UP, 1),
    (Scenario.NO_PLAN_KEY_LATE, EmissionTrend.CARBON_FLAT, 1),
    (Scenario.NO_PLAN_LATE, EmissionTrend.BOTH_DOWN, 1),
    (Scenario.NO_PLAN_LATE, EmissionTrend.CARBON_UP, 1),
    (Scenario.NO_PLAN_SILENT, EmissionTrend.BOTH_DOWN, 1),
    (Scenario.NO_PLAN_SILENT, EmissionTrend.CARBON_UP, 1),
    (Scenario.WITHDRAWN, EmissionTrend.CARBON_UP, 1),
]
PROVINCIAL_SCENARIOS: ScenarioMix = [
    (Scenario.ON_SCHEDULE, EmissionTrend.BOTH_DOWN, 3),
    (Scenario.ON_SCHEDULE, EmissionTrend.CARBON_UP, 2),
    (Scenario.BEHIND, EmissionTrend.BOTH_DOWN, 1),
    (Scenario.LATE, EmissionTrend.CARBON_UP, 1),
    (Scenario.FAR_BEHIND, EmissionTrend.CARBON_UP, 1),
    (Scenario.KEY_LATE, EmissionTrend.BOTH_DOWN, 1),
    (Scenario.SILENT, EmissionTrend.CARBON_UP, 1),
    (Scenario.NO_PLAN_LATE, EmissionTrend.BOTH_DOWN, 1),
    (Scenario.NO_PLAN_SILENT, EmissionTrend.CARBON_UP, 1),
]
CITY_TYPES = [
    *[CityType.RESOURCE] * 6,
    *[CityType.INDUSTRIAL] * 6,
    *[CityType.COMPREHENSIVE] * 5,
    *[CityType.ECOLOGICAL] * 4,
]
PARK_COUNT, PARKS_IN_CITIES = 43, 6
# One industry per park, none for three; no park names coking, which is the gap.
PARK_INDUSTRIES = [
    *["steel"] * 7,
    *["nonferrous-metals"] * 5,
    *["petrochemicals"] * 6,
    *["chemicals"] * 4,
    *["automobiles"] * 4,
    *["equipment-manufacturing"] * 6,
    *["new-energy"] * 5,
    "cement",
    "electronics",
    "pharmaceuticals",
]
PARK_SECTORS = [*PARK_INDUSTRIES, *[""] * (PARK_COUNT - len(PARK_INDUSTRIES))]
SECOND_INDUSTRIES = ["power", "building-materials", "logistics", "new-energy", "equipment-manufacturing"]
CITY_INDUSTRIES = [
    "steel",
    "automobiles",
    "power",
    "transport",
    "buildings",
    "petrochemicals",
    "new-energy",
    "papermaking",
]


@dataclass
class DemoPilot:
    """Pilot with its scenario. `size` from 0 to 1 sets its emissions between small and large."""

    pilot: Pilot
    plot: Scenario
    trend: EmissionTrend
    size: float
    listed_on: date
    industries: list[Industry] = field(default_factory=list)

    @property
    def is_city(self) -> bool:
        return self.pilot.kind == "city"

    @property
    def national(self) -> bool:
        return self.pilot.batch.level == Level.NATIONAL

    @property
    def target_year(self) -> int:
        """The last year of the batch's term."""
        return 2026 if self.national else 2027


@dataclass
class PilotSampler:
    """Random source of the pilots of batches of any size, numbered through by kind and level.

    Each mix is used up before it is shuffled again.
    """

    provinces: Sequence[Province]
    industries: dict[str, Industry]
    rng: Random
    numbers: dict[tuple[str, str], Iterator[int]] = field(default_factory=lambda: defaultdict(lambda: count(1)))

    def national_pilots(self, batch: Batch) -> list[DemoPilot]:
        """Return the cities and parks of a national batch, about one park in seven inside one of the cities."""
        rng, cities, parks = self.rng, batch.city_count or 0, batch.park_count or 0
        cards = iter(shuffled(expand_mix(NATIONAL_SCENARIOS), cities + parks, rng))
        types = drawn(CITY_TYPES, cities, rng)
        homes = drawn([province for province in self.provinces if province.slug != "xpcc"], cities, rng)
        roles = []
        for home, city_type in zip(homes, types, strict=True):
            pilot = self.build_pilot("city", batch, home, city_type=city_type)
            roles.append(self.build_demo_pilot(pilot, next(cards), rng.sample(CITY_INDUSTRIES, rng.randint(0, 2))))
        parents = rng.sample(roles, min(cities, parks * PARKS_IN_CITIES // PARK_COUNT))
        for parent in parents:
            parent.size = max(parent.size, 0.6)
        sectors = shuffled(PARK_SECTORS, parks, rng)
        crowding = [rng.gammavariate(1.5, 1) for _ in self.provinces]  # parks are unevenly distributed
        for sector, parent_role in zip_longest(sectors, parents):
            home = parent_role.pilot.province if parent_role else rng.choices(self.provinces, crowding)[0]
            park = self.build_pilot("park", batch, home, parent=parent_role.pilot if parent_role else None)
            slugs = [sector, *rng.sample(SECOND_INDUSTRIES, rng.choice([0, 0, 1]))] if sector else []
            role = self.build_demo_pilot(park, next(cards), slugs)
            role.size = min(role.size, 0.3) if parent_role else role.size
            roles.append(role)
        return roles

    def provincial_pilots(self, batch: Batch) -> list[DemoPilot]:
        """Return the pilots of a later batch of one province."""
        kinds = ["city"] * (batch.city_count or 0) + ["park"] * (batch.park_count or 0)
        roles = []
        for kind, card in zip(kinds, shuffled(expand_mix(PROVINCIAL_SCENARIOS), len(kinds), self.rng), strict=True):
            slugs = [self.rng.choice(PARK_INDUSTRIES)] if kind == "park" else []
            roles.append(self.build_demo_pilot(self.build_pilot(kind, batch, batch.province), card, slugs))
        return roles

    def build_demo_pilot(self, pilot: Pilot, card: tuple[Scenario, EmissionTrend], slugs: list[str]) -> DemoPilot:
        """Return a pilot with its scenario; its industries are set after it is saved."""
        size, listed_on = self.rng.betavariate(2, 2), pilot.batch.known_by
        return DemoPilot(pilot, *card, size, listed_on, [self.industries[slug] for slug in dict.fromkeys(slugs)])

    def build_pilot(
        self, kind: str, batch: Batch, province: Province | None, parent: Pilot | None = None, city_type: str = ""
    ) -> Pilot:
        """Return an unsaved invented pilot, recognisable as such by its name."""
        zh, en = {"city": ("市", "City"), "park": ("园区", "Park")}[kind]
        level_zh, level_en = ("", "") if batch.level == Level.NATIONAL else ("省级", "Provincial ")
        number = f"{next(self.numbers[batch.level, kind]):02}"
        name_zh = f"示例{level_zh}{zh}{number}"
        return Pilot(
            slug=f"example-{level_en.lower().replace(' ', '-')}{kind}-{number}",
            kind=kind,
            name_zh=name_zh,
            name_en=f"Example {level_en}{en} {number}",
            batch=batch,
            province=province,
            parent=parent,
            prefecture_zh=parent.name_zh if parent else name_zh if kind == "city" else "",
            city_type=city_type,
            **names.INVENTED_NOTES,
        )


def expand_mix(mix: ScenarioMix) -> list[tuple[Scenario, EmissionTrend]]:
    """Return the scenarios of a mix, each as often as it occurs."""
    return [(plot, trend) for plot, trend, number in mix for _ in range(number)]


def shuffled(items: Sequence[Item], number: int, rng: Random) -> list[Item]:
    """Return so many items in random order; all are used before one is used again."""
    found: list[Item] = []
    while len(found) < number:
        more = [*items]
        rng.shuffle(more)
        found += more
    return found[:number]


def drawn(items: Sequence[Item], number: int, rng: Random) -> list[Item]:
    """Return so many items drawn at random; all are drawn before one is drawn again."""
    found: list[Item] = []
    while len(found) < number:
        found += rng.sample(items, min(len(items), number - len(found)))
    return found
