"""Batches and pilots of a synthesized programme: the cast of the demonstration, as often as its size asks for.

The course and the values of a pilot are made as those of the demonstration are, in its own years. A batch that is
`back` years older is moved there afterwards: so one programme serves for all years.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import cycle
from math import isqrt
from random import Random
from typing import TypeVar

from pilots.demo import words
from pilots.demo.cast import (
    CHILDREN,
    CITY_INDUSTRIES,
    CITY_TYPES,
    NATIONAL_DECK,
    PARK_INDUSTRIES,
    PARKS,
    PROVINCIAL_DECK,
    SECOND_INDUSTRIES,
    Deck,
    Plot,
    Role,
    Trend,
    deal,
)
from pilots.models import Batch, Pilot
from policies.models import Industry, Level, Policy, Province, Source

Item = TypeVar("Item")
OLDEST = 3  # batches are listed in so many years
NATIONAL_TERM = date(2024, 1, 1), date(2026, 12, 31)
PROVINCIAL_TERM = date(2024, 10, 1), date(2027, 12, 31)


@dataclass(frozen=True)
class Size:
    """How much to invent: pilots by kind, the batches they come in, and all their readings."""

    cities: int
    parks: int
    provincial_cities: int
    provincial_parks: int
    batches: int
    provincial_batches: int
    readings: int

    @property
    def pilots(self) -> int:
        return self.cities + self.parks + self.provincial_cities + self.provincial_parks


def size_of(scale: int) -> Size:
    """So many times the nation: 125 pilots and 12,000 readings. The batches grow in number and in size, both alike."""
    root = isqrt(scale - 1) + 1
    return Size(21 * scale, 43 * scale, 20 * scale, 41 * scale, root, 5 * root, 12_000 * scale)


def moved(day: date, years: int) -> date:
    """The day so many years later, or earlier; the 29th of February becomes the 28th."""
    last = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year + years, day=28 if last else day.day)


@dataclass
class Part(Role):
    """A pilot's part, played in the years of the demonstration, `back` years after it took place."""

    back: int = 0

    @property
    def national(self) -> bool:
        return self.pilot.batch.level == Level.NATIONAL


@dataclass(frozen=True)
class Announced:
    """A batch that is to be filled with so many cities and parks."""

    batch: Batch
    cities: int
    parks: int
    back: int


def shares(total: int, parts: int) -> list[int]:
    """The total in parts as equal as can be, which together are the total."""
    return [total * (part + 1) // parts - total * part // parts for part in range(parts)]


# -- batches -------------------------------------------------------------------------------------------


def announced(size: Size, policies: dict[str, Policy], provinces: list[Province]) -> Iterator[Announced]:
    """Every batch with its size, not stored: first the national ones, then those of one province after another."""
    filled = zip(shares(size.cities, size.batches), shares(size.parks, size.batches), strict=True)
    for number, (cities, parks) in enumerate(filled, 1):
        back = (number - 1) % OLDEST
        yield Announced(national_batch(number, back, cities, parks, policies), cities, parks, back)
    count = size.provincial_batches
    filled = zip(shares(size.provincial_cities, count), shares(size.provincial_parks, count), strict=True)
    for number, ((cities, parks), home) in enumerate(zip(filled, cycle(provinces)), 1):  # a cycle has no end
        back = (number - 1) % OLDEST
        yield Announced(provincial_batch(number, back, cities, parks, home), cities, parks, back)


def national_batch(number: int, back: int, cities: int, parks: int, policies: dict[str, Policy]) -> Batch:
    """One national batch, announced by the list where that is not younger."""
    listed = moved(words.LISTED_ON, -back)
    known = [policies[slug] for slug in ("example-pilot-list", words.MAIN_POLICY, "example-guiding-opinions")]
    policy = next(one for one in known if one.known_issued_by and one.known_issued_by <= listed)
    batch = new_batch(f"example-batch-{number}", listed, cities, parks, NATIONAL_TERM, back)
    batch.title_zh, batch.title_en, batch.policy = (
        f"示例第{number}批全国试点",
        f"Example National Batch {number}",
        policy,
    )
    batch.short_name_zh, batch.short_name_en = f"国家第{number}批", f"national batch {number}"
    return batch


def provincial_batch(number: int, back: int, cities: int, parks: int, home: Province) -> Batch:
    """One batch of a province."""
    listed = moved(words.PROVINCIAL_LISTED_ON, -back)
    batch = new_batch(f"example-provincial-batch-{number}", listed, cities, parks, PROVINCIAL_TERM, back)
    batch.level, batch.province = Level.PROVINCIAL, home
    batch.title_zh = f"示例{home.short_zh}省级试点第{number}号"
    batch.title_en = f"Example Provincial Batch {number}, {home.short_en}"
    batch.short_name_zh, batch.short_name_en = f"{home.short_zh}第{number}号", f"{home.short_en} batch {number}"
    return batch


def new_batch(slug: str, listed: date, cities: int, parks: int, term: tuple[date, date], back: int) -> Batch:
    start, end = (moved(day, -back) for day in term)
    return Batch(
        slug=slug,
        announced_on=listed,
        term_start=start,
        term_end=end,
        city_count=cities,
        county_count=0,
        park_count=parks,
        **words.INVENTED,
    )


# -- pilots --------------------------------------------------------------------------------------------


@dataclass
class Casting:
    """What pilots are drawn from; each deck is dealt to its end before it is shuffled anew."""

    provinces: list[Province]
    industries: dict[str, Industry]
    rng: Random

    def __post_init__(self) -> None:
        """Lay out the decks."""
        self.cards = {True: self.dealt(NATIONAL_DECK), False: self.dealt(PROVINCIAL_DECK)}
        self.types = self.drawn(CITY_TYPES)
        self.sectors = self.drawn([*PARK_INDUSTRIES, *[""] * PARKS][:PARKS])
        self.homes = self.drawn([province for province in self.provinces if province.slug != "xpcc"])

    def dealt(self, deck: Deck) -> Iterator[tuple[Plot, Trend]]:
        while True:
            yield from deal(deck, self.rng)

    def drawn(self, items: Sequence[Item]) -> Iterator[Item]:
        while True:
            yield from self.rng.sample(items, len(items))


def cities_of(one: Announced, casting: Casting) -> list[Part]:
    """The cities of a batch, spread evenly over the provinces unless it is of one."""
    parts, rng = [], casting.rng
    for number in range(1, one.cities + 1):
        home = one.batch.province or next(casting.homes)
        pilot = new_pilot("city", number, one.batch, home)
        pilot.city_type = next(casting.types)
        pilot.prefecture_zh = pilot.name_zh
        parts.append(new_part(pilot, one, casting, rng.sample(CITY_INDUSTRIES, rng.randint(0, 2))))
    return parts


def parks_of(one: Announced, cities: list[Part], casting: Casting) -> list[Part]:
    """The parks of a batch: one in seven inside one of its cities, the others crowded in some provinces."""
    parts, rng = [], casting.rng
    crowding = [rng.gammavariate(1.5, 1) for _ in casting.provinces]
    inside = min(len(cities), one.parks * CHILDREN // PARKS)
    parents: list[Part | None] = [*rng.sample(cities, inside), *[None] * (one.parks - inside)]
    for number, parent in enumerate(parents, 1):
        city = parent.pilot if parent else None
        home = city.province if city else one.batch.province or rng.choices(casting.provinces, crowding)[0]
        pilot = new_pilot("park", number, one.batch, home)
        pilot.parent, pilot.prefecture_zh = city, city.name_zh if city else ""
        sector = next(casting.sectors)
        slugs = [sector, *rng.sample(SECOND_INDUSTRIES, rng.choice([0, 0, 1]))] if sector else []
        part = new_part(pilot, one, casting, slugs)
        if parent:
            part.size, parent.size = min(part.size, 0.3), max(parent.size, 0.6)
        parts.append(part)
    return parts


def new_part(pilot: Pilot, one: Announced, casting: Casting, slugs: Iterable[str]) -> Part:
    """The part of a pilot, in the years of the demonstration."""
    national = one.batch.level == Level.NATIONAL
    plot, trend = next(casting.cards[national])
    listed_on = words.LISTED_ON if national else words.PROVINCIAL_LISTED_ON
    industries = [casting.industries[slug] for slug in dict.fromkeys(slugs)]
    return Part(pilot, plot, trend, casting.rng.betavariate(2, 2), listed_on, industries, one.back)


def new_pilot(kind: str, number: int, batch: Batch, province: Province) -> Pilot:
    """An invented pilot, named so that nobody takes it for a real one."""
    zh, en = {"city": ("市", "City"), "park": ("园区", "Park")}[kind]
    slug = batch.slug.replace("-batch", "")
    return Pilot(
        slug=f"{slug}-{kind}-{number:03}",
        kind=kind,
        name_zh=f"示例{province.short_zh}{zh}{number:03}",
        name_en=f"Example {province.short_en} {en} {number:03}",
        batch=batch,
        province=province,
        **words.INVENTED,
    )


def end(part: Part, as_of: date) -> None:
    """Say of a withdrawn pilot when it left, where that is known on the day."""
    left = moved(words.WITHDRAWN_ON, -part.back)
    if part.plot == Plot.WITHDRAWN and left <= as_of:
        part.pilot.withdrawn_on = left


def cite_of(batch: Batch, sources: dict[str, Source]) -> Source:
    return sources["national" if batch.level == Level.NATIONAL else "provincial"]
