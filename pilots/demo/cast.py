"""Who plays what: each pilot's part in the demonstration is dealt from a deck, so that the mix is known beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, auto
from random import Random

from pilots.demo import words
from pilots.models import Batch, CityType, Pilot
from policies.models import Industry, Province


class Plot(Enum):
    """What becomes of a pilot, and so which light it shows and why."""

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
        return not self.name.startswith("NO_PLAN") and self is not Plot.WITHDRAWN


class Trend(Enum):
    """Where pollution and carbon go, both as totals unless `INTENSITY`."""

    BOTH_DOWN = auto()
    CARBON_UP = auto()
    CARBON_FLAT = auto()
    POLLUTION_UP = auto()
    BOTH_UP = auto()
    INTENSITY = auto()  # reports carbon per GDP alone


Deck = list[tuple[Plot, Trend, int]]

NATIONAL_DECK: Deck = [
    (Plot.ON_SCHEDULE, Trend.BOTH_DOWN, 12),
    (Plot.ON_SCHEDULE, Trend.CARBON_UP, 7),
    (Plot.ON_SCHEDULE, Trend.CARBON_FLAT, 1),
    (Plot.ON_SCHEDULE, Trend.INTENSITY, 4),
    (Plot.BEHIND, Trend.BOTH_DOWN, 3),
    (Plot.BEHIND, Trend.CARBON_UP, 2),
    (Plot.BEHIND, Trend.CARBON_FLAT, 1),
    (Plot.BEHIND, Trend.INTENSITY, 2),
    (Plot.LATE, Trend.BOTH_DOWN, 2),
    (Plot.LATE, Trend.CARBON_UP, 2),
    (Plot.LONG_LATE, Trend.BOTH_DOWN, 1),
    (Plot.LONG_LATE, Trend.CARBON_FLAT, 1),
    (Plot.CARBON_REVERSED, Trend.CARBON_UP, 2),
    (Plot.FAR_BEHIND, Trend.BOTH_DOWN, 1),
    (Plot.FAR_BEHIND, Trend.CARBON_UP, 2),
    (Plot.FAR_BEHIND, Trend.CARBON_FLAT, 1),
    (Plot.REVERSED, Trend.BOTH_UP, 2),
    (Plot.REVERSED, Trend.POLLUTION_UP, 2),
    (Plot.KEY_LATE, Trend.BOTH_DOWN, 1),
    (Plot.SILENT, Trend.BOTH_DOWN, 2),
    (Plot.SILENT, Trend.CARBON_UP, 2),
    (Plot.NOT_ACCEPTED, Trend.BOTH_DOWN, 1),
    (Plot.NOT_ACCEPTED, Trend.CARBON_UP, 1),
    (Plot.DISPUTED, Trend.CARBON_UP, 1),
    (Plot.NO_PLAN_KEY_LATE, Trend.BOTH_DOWN, 1),
    (Plot.NO_PLAN_KEY_LATE, Trend.CARBON_UP, 1),
    (Plot.NO_PLAN_KEY_LATE, Trend.CARBON_FLAT, 1),
    (Plot.NO_PLAN_LATE, Trend.BOTH_DOWN, 1),
    (Plot.NO_PLAN_LATE, Trend.CARBON_UP, 1),
    (Plot.NO_PLAN_SILENT, Trend.BOTH_DOWN, 1),
    (Plot.NO_PLAN_SILENT, Trend.CARBON_UP, 1),
    (Plot.WITHDRAWN, Trend.CARBON_UP, 1),
]
PROVINCIAL_DECK: Deck = [
    (Plot.ON_SCHEDULE, Trend.BOTH_DOWN, 3),
    (Plot.ON_SCHEDULE, Trend.CARBON_UP, 2),
    (Plot.BEHIND, Trend.BOTH_DOWN, 1),
    (Plot.LATE, Trend.CARBON_UP, 1),
    (Plot.FAR_BEHIND, Trend.CARBON_UP, 1),
    (Plot.KEY_LATE, Trend.BOTH_DOWN, 1),
    (Plot.SILENT, Trend.CARBON_UP, 1),
    (Plot.NO_PLAN_LATE, Trend.BOTH_DOWN, 1),
    (Plot.NO_PLAN_SILENT, Trend.CARBON_UP, 1),
]
CITIES, PARKS, CHILDREN = 21, 43, 6
PROVINCIAL_CITIES, PROVINCIAL_PARKS = 4, 8
CITY_TYPES = [
    *[CityType.RESOURCE] * 6,
    *[CityType.INDUSTRIAL] * 6,
    *[CityType.COMPREHENSIVE] * 5,
    *[CityType.ECOLOGICAL] * 4,
]
# One word per park that names its industry; coking stays without any and is the gap.
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
class Role:
    """A pilot with its part. `size` from 0 to 1 places its emissions between small and large."""

    pilot: Pilot
    plot: Plot
    trend: Trend
    size: float
    listed_on: date
    industries: list[Industry] = field(default_factory=list)

    @property
    def is_city(self) -> bool:
        return self.pilot.kind == "city"

    @property
    def national(self) -> bool:
        return self.pilot.batch.slug == words.NATIONAL

    @property
    def target_year(self) -> int:
        """The last year of the batch's term."""
        return 2026 if self.national else 2027


def deal(deck: Deck, rng: Random) -> Iterator[tuple[Plot, Trend]]:
    """The cards of a deck in random order."""
    cards = [(plot, trend) for plot, trend, count in deck for _ in range(count)]
    rng.shuffle(cards)
    return iter(cards)


def national_roles(batch: Batch, provinces: list[Province], industries: dict[str, Industry], rng: Random) -> list[Role]:
    """The 21 cities and 43 parks of the national batch, six of the parks inside one of the cities."""
    cards, types = deal(NATIONAL_DECK, rng), rng.sample(CITY_TYPES, len(CITY_TYPES))
    homes = rng.sample([province for province in provinces if province.slug != "xpcc"], CITIES)
    roles = []
    for number, home in enumerate(homes, 1):
        pilot = new_pilot("city", f"{number:02}", batch, home, city_type=types[number - 1])
        roles.append(new_role(pilot, next(cards), rng, rng.sample(CITY_INDUSTRIES, rng.randint(0, 2)), industries))
    parents = rng.sample(roles, CHILDREN)
    for parent in parents:
        parent.size = max(parent.size, 0.6)
    sectors = [*PARK_INDUSTRIES, *[""] * PARKS][:PARKS]
    rng.shuffle(sectors)
    crowding = [rng.gammavariate(1.5, 1) for _ in provinces]  # parks crowd in some provinces and leave others out
    for number, sector in enumerate(sectors, 1):
        parent_role = parents[number - 1] if number <= CHILDREN else None
        home = parent_role.pilot.province if parent_role else rng.choices(provinces, crowding)[0]
        park = new_pilot("park", f"{number:02}", batch, home, parent=parent_role.pilot if parent_role else None)
        slugs = [sector, *rng.sample(SECOND_INDUSTRIES, rng.choice([0, 0, 1]))] if sector else []
        role = new_role(park, next(cards), rng, slugs, industries)
        role.size = min(role.size, 0.3) if parent_role else role.size
        roles.append(role)
    return roles


def provincial_roles(batch: Batch, province: Province, industries: dict[str, Industry], rng: Random) -> list[Role]:
    """The later batch of one province, so that batches can be compared at the same age."""
    cards = deal(PROVINCIAL_DECK, rng)
    kinds = ["city"] * PROVINCIAL_CITIES + ["park"] * PROVINCIAL_PARKS
    roles = []
    for place, kind in enumerate(kinds):
        number = place + 1 if kind == "city" else place + 1 - PROVINCIAL_CITIES
        pilot = new_pilot(kind, f"{number:02}", batch, province, provincial=True)
        slugs = [rng.choice(PARK_INDUSTRIES)] if kind == "park" else []
        roles.append(new_role(pilot, next(cards), rng, slugs, industries))
    return roles


def new_role(
    pilot: Pilot, card: tuple[Plot, Trend], rng: Random, slugs: list[str], industries: dict[str, Industry]
) -> Role:
    """The role of a pilot; the industries are set once it is stored."""
    size = rng.betavariate(2, 2)
    listed_on = pilot.batch.known_by
    return Role(pilot, *card, size, listed_on, [industries[slug] for slug in dict.fromkeys(slugs)])


def new_pilot(
    kind: str,
    number: str,
    batch: Batch,
    province: Province,
    *,
    provincial: bool = False,
    parent: Pilot | None = None,
    city_type: str = "",
) -> Pilot:
    """An invented pilot, named so that nobody takes it for a real one."""
    zh = {"city": "市", "park": "园区"}[kind]
    en = {"city": "City", "park": "Park"}[kind]
    name_zh = f"示例省级{zh}{number}" if provincial else f"示例{zh}{number}"
    return Pilot(
        slug=f"example-{'provincial-' if provincial else ''}{kind}-{number}",
        kind=kind,
        name_zh=name_zh,
        name_en=f"Example {'Provincial ' if provincial else ''}{en} {number}",
        batch=batch,
        province=province,
        parent=parent,
        prefecture_zh=parent.name_zh if parent else name_zh if kind == "city" else "",
        city_type=city_type,
        **words.INVENTED,
    )
