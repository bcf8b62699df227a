"""Random pilots as plain data, like the cases of lights: whatever can be on record, in any order."""

from datetime import date, timedelta
from random import Random
from typing import Any

Row = dict[str, Any]


def random_day(rng: Random, first: int = 2024, last: int = 2028) -> date:
    return date(first, 1, 1) + timedelta(rng.randrange(365 * (last - first + 1)))


def amendment(rng: Random, decided_on: date, change: Row) -> Row:
    return {"decided_on": str(decided_on), "accepted": rng.random() < 0.8, **change}


def target(rng: Random, code: str, direction: str) -> Row:
    year, kind = rng.randint(2024, 2027), rng.choice(["reach", "reach", "limit", "keep"])
    base = [rng.choice([0, 100, 120]), rng.randint(2020, 2025)] if kind == "keep" or rng.random() < 0.7 else None
    made: Row = {
        "indicator": code,
        "kind": kind,
        "direction": direction,
        "value": rng.choice([None, 60, 70, 80, 90, 100, 110]) if kind != "keep" else None,
        "year": year,
        "base": base,
        "steps": {str(year - 1): rng.choice([85, 95])} if rng.random() < 0.3 else {},
        "binding": rng.random() < 0.7,
    }
    if rng.random() < 0.3:
        made["promised_on"] = str(random_day(rng, 2024, 2026))
    changes: list[Row] = [{"value": 75}, {"year": year + 1}, {"base": [110, 2021]}, {"drop": True}]
    amended = [random_day(rng, 2025, 2027) for _ in range(rng.choice([0, 0, 1, 2]))]
    return {**made, "amendments": [amendment(rng, on, rng.choice(changes)) for on in amended]}


def completion(rng: Random) -> Row:
    done = random_day(rng, 2024, 2027)
    entered = done + timedelta(rng.choice([0, 5, 30, 31, 100]))
    row: Row = {"completed_on": str(done), "entered_on": str(entered)}
    if rng.random() < 0.3:
        row["objected_on"] = str(entered + timedelta(rng.randint(0, 200)))
    return row


def milestone(rng: Random) -> Row:
    planned = random_day(rng, 2024, 2027)
    made: Row = {"planned_on": str(planned), "key": rng.random() < 0.6, "amendments": []}
    if rng.random() < 0.3:
        made["stage"] = rng.choice(["implementing", "midterm"])
    if rng.random() < 0.3:
        made["promised_on"] = str(planned - timedelta(rng.randint(0, 300)))
    if rng.random() < 0.3:
        decided = random_day(rng, 2024, 2027)
        another: Row = {"day": str(decided + timedelta(rng.randint(0, 200)))}
        made["amendments"] = [amendment(rng, decided, {"drop": True} if rng.random() < 0.3 else another)]
    return {**made, "completions": [completion(rng) for _ in range(rng.choice([0, 1, 1, 2]))]}


def handed_in(rng: Random, code: str, year: int, version: int) -> Row:
    """Return a value or a reason that was handed in, and accepted, returned or not read yet."""
    reported = date(year + 1, 1, 10) + timedelta(rng.choice([0, 40, 79, 80, 100, 200]) + 40 * (version - 1))
    answered, fate = reported + timedelta(rng.choice([0, 10, 60, 120])), rng.random()
    row: Row = {"indicator": code, "year": year, "reported_on": str(reported)}
    if fate < 0.55:
        row["accepted_on"] = str(answered)
    elif fate < 0.75:
        row |= {"returned_on": str(answered), "answer_by": str(answered + timedelta(rng.choice([10, 30])))}
    return row


def value(rng: Random, code: str, year: int, version: int) -> Row:
    row = handed_in(rng, code, year, version)
    row |= {"version": version, "value": rng.choice([50, 70, 80, 88, 95, 100, 101, 115])}
    if "accepted_on" in row and rng.random() < 0.2:
        row["disputed_on"] = str(date.fromisoformat(row["accepted_on"]) + timedelta(rng.choice([0, 30, 200])))
    return row


def deadline(rng: Random, codes: list[str]) -> Row:
    decided = random_day(rng, 2025, 2027)
    due = str(decided + timedelta(rng.randint(0, 90))) if rng.random() < 0.7 else None
    row: Row = {"year": rng.randint(2024, 2026), "decided_on": str(decided), "due_on": due}
    return {**row, "indicator": rng.choice(codes)} if rng.random() < 0.3 else row


def withdrawal(rng: Random) -> Row:
    on = random_day(rng, 2026, 2027)
    return {"withdrawn_on": str(on), "withdrawn_recorded_on": str(on + timedelta(rng.choice([0, 60])))}


def light_by_hand(rng: Random) -> Row:
    on = random_day(rng, 2025, 2027)
    return {"colour": "yellow", "set_on": str(on), "expires_on": str(on + timedelta(60))}


def entry(rng: Random, stage: str, year: int) -> Row:
    on = random_day(rng, year, year)
    return {"stage": stage, "entered_on": str(on), "recorded_on": str(on + timedelta(rng.choice([0, 31])))}


STAGES = [("implementing", 2024), ("rectifying", 2025), ("implementing", 2026), ("midterm", 2026)]


def random_pilot(rng: Random) -> Row:
    codes = rng.sample(["AIR_NOX", "AIR_SO2", "CO2", "ENE_GDP"], rng.randint(1, 3))
    directions = {code: rng.choice(["lower", "lower", "higher"]) for code in codes}
    chosen = [rng.choice(codes) for _ in range(rng.randint(0, 4))]
    keys = [(code, year) for code in codes for year in range(2023, 2028)]
    versions = [(*key, version) for key in keys for version in range(1, rng.choice([0, 1, 1, 2, 3]) + 1)]
    return {
        "term": [rng.choice([None, "2024-01-01", "2024-08-01"]), rng.choice([None, "2026-12-31", "2027-03-31"])],
        "asked_from": rng.choice([None, 2023, 2024, 2025]),
        "due_of": {codes[0]: "10-31"} if rng.random() < 0.2 else {},
        "targets": [target(rng, code, directions[code]) for code in chosen],
        "milestones": [milestone(rng) for _ in range(rng.randint(0, 3))],
        "readings": [value(rng, *key) for key in versions],
        "missing": [handed_in(rng, *key, 1) for key in keys if rng.random() < 0.2],
        "deadlines": [deadline(rng, codes) for _ in range(rng.choice([0, 0, 1, 2]))],
        "stages": [entry(rng, stage, year) for stage, year in STAGES if rng.random() < 0.4],
        "overrides": [light_by_hand(rng)] if rng.random() < 0.2 else [],
        **(withdrawal(rng) if rng.random() < 0.1 else {}),
    }
