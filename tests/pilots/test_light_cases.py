"""The rules of lights: every named case through the models, and random pilots against a second computation.

The cases are plain data, a pilot with the colours that it must have on some days. The second computation
(tests/support/lights_twin.py) shares no line with the product's.
"""

import json
from bisect import bisect
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils.translation import override

from pilots.analytics.pilot_status import pilot_status, prefetch_for_status
from pilots.lights import LightReason, Records, change_days, pilot_light
from pilots.models import Amendment, Completion, Deadline, Indicator, NotGiven, Pilot, Reading, Target
from pilots.periods import judged_items, pilot_periods
from policies.models import Province
from tests import factories
from tests.support import lights_twin
from tests.support.random_pilots import random_day, random_pilot

CASES = json.loads((Path(__file__).parent / "light_cases.json").read_text(encoding="utf-8"))
Rows = Mapping[str, Any]


def numbers_of(change: Rows) -> dict[str, Any]:
    """The columns of a target or of an amendment of one that a case gives."""
    base_value, base_year = change.get("base") or (None, None)
    return {"base_value": base_value, "base_year": base_year}


def dates(row: Rows, *names: str) -> dict[str, Any]:
    return {name: row.get(name) for name in names}


class Built:
    """A case as records, in the order of the case."""

    def __init__(self, case: Rows) -> None:
        start, end = case["term"]
        known_by = date.fromisoformat(case.get("known_by", "2024-01-01"))
        batch = factories.batch(
            announced_on=known_by, asked_from=case.get("asked_from"), report_due=case.get("due", "03-31")
        )
        self.case = case
        self.pilot: Any = factories.pilot(
            batch,
            Province.objects.first() or factories.province(),
            term_start=start,
            term_end=end,
            **dates(case, "withdrawn_on", "withdrawn_recorded_on"),
        )
        for row in case.get("targets", []):
            self.add_target(row)
        for row in case.get("milestones", []):
            self.add_milestone(row)
        for row in case.get("readings", []):
            days = dates(row, "accepted_on", "returned_on", "answer_by", "disputed_on")
            Reading.objects.create(
                pilot=self.pilot,
                indicator=self.indicator(row["indicator"]),
                period=str(row["year"]),
                version=row["version"],
                value=row["value"],
                reported_on=row.get("reported_on") or row["accepted_on"],
                **days,
            )
        for row in case.get("missing", []):
            days = dates(row, "accepted_on", "returned_on", "answer_by")
            indicator = self.indicator(row["indicator"])
            days["reported_on"] = row.get("reported_on") or row["accepted_on"]
            NotGiven.objects.create(pilot=self.pilot, indicator=indicator, year=row["year"], text="asked", **days)
        for row in case.get("deadlines", []):
            indicator = self.indicator(row["indicator"]) if row.get("indicator") else None
            days = dates(row, "due_on", "decided_on")
            Deadline.objects.create(pilot=self.pilot, year=row["year"], indicator=indicator, reason="late", **days)
        for row in case.get("stages", []):
            factories.stage(self.pilot, row["stage"], row["entered_on"], recorded_on=row.get("recorded_on"))
        for row in case.get("overrides", []):
            author = User.objects.get_or_create(username="ministry")[0]
            factories.override(self.pilot, row["colour"], author, **dates(row, "set_on", "expires_on"))

    def indicator(self, code: str) -> Indicator:
        directions = [row["direction"] for row in self.case.get("targets", []) if row["indicator"] == code]
        due = self.case.get("due_of", {}).get(code, "")
        values = {"direction": (directions or ["lower"])[0], "signed": True, "report_due": due}
        return Indicator.objects.filter(code=code).first() or factories.indicator(code, **values)

    def add_target(self, row: Rows) -> None:
        target = Target.objects.create(
            pilot=self.pilot,
            indicator=self.indicator(row["indicator"]),
            kind=row["kind"],
            target_value=row.get("value"),
            target_year=row["year"],
            steps={year: str(value) for year, value in row.get("steps", {}).items()},
            binding=row["binding"],
            promised_on=row.get("promised_on", "1949-10-01"),
            **numbers_of(row),
        )
        for change in row.get("amendments", []):
            steps = change.get("steps")
            self.amend(
                change,
                target=target,
                value=change.get("value"),
                year=change.get("year"),
                steps={year: str(value) for year, value in steps.items()} if steps else None,
                **numbers_of(change),
            )

    def add_milestone(self, row: Rows) -> None:
        milestone = factories.milestone(
            self.pilot,
            row["planned_on"],
            is_key=row["key"],
            stage=row.get("stage", ""),
            promised_on=row.get("promised_on", "1949-10-01"),
        )
        for change in row.get("amendments", []):
            self.amend(change, milestone=milestone, day=change.get("day"))
        for done in row.get("completions", []):
            Completion.objects.create(
                pilot=self.pilot,
                milestone=milestone,
                completed_on=done["completed_on"],
                entered_on=done.get("entered_on") or done["completed_on"],
                evidence="minutes",
                objected_on=done.get("objected_on"),
                objection="no" if done.get("objected_on") else "",
            )

    def amend(self, change: Rows, **fields: Any) -> None:
        Amendment.objects.create(
            pilot=self.pilot,
            reason_en="the site",
            asked_on=change["decided_on"],
            decided_on=change["decided_on"],
            accepted=change.get("accepted", True),
            remark="" if change.get("accepted", True) else "no",
            drop=change.get("drop", False),
            **fields,
        )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case_through_the_models(case: Rows, empty: None) -> None:
    pilot = prefetch_for_status(Pilot.objects.filter(pk=Built(case["pilot"]).pilot.pk)).get()
    judged = [(on, pilot_status(pilot, date.fromisoformat(on))) for on, _colour, _why in case["expect"]]
    told = [[on, status.colour.value, status.shown_reasons[0].why.value] for on, status in judged]
    if one_decides(case["pilot"]):
        assert told == case["expect"]
    assert [row[:2] for row in told] == [row[:2] for row in case["expect"]]


def one_decides(pilot: Rows) -> bool:
    """Whether the pilot has one item: of several the product names the worst, and the cases the first."""
    return len(pilot.get("targets", [])) + len(pilot.get("milestones", [])) + bool(pilot.get("stages")) <= 1


def test_every_reason_has_a_case_and_a_sentence_in_both_languages(empty: None) -> None:
    sentences: dict[str, tuple[str, str]] = {}
    for case in CASES:
        pilot = prefetch_for_status(Pilot.objects.filter(pk=Built(case["pilot"]).pilot.pk)).get()
        for on, _colour, _why in case["expect"]:
            status = pilot_status(pilot, date.fromisoformat(on))
            for light in (*status.shown_reasons, *status.indicators, *status.milestones):
                if light.why.value not in sentences:
                    with override("zh-hans"):
                        in_chinese = light.sentence
                    sentences[light.why.value] = (light.sentence, in_chinese)
    assert sentences.keys() == set(LightReason.values)
    translated = {why for why, (english, chinese) in sentences.items() if english and chinese not in ("", english)}
    assert translated == sentences.keys()


# -- random pilots -----------------------------------------------------------------------------------------


ANSWERS = dict.fromkeys(("accepted_on", "returned_on", "answer_by", "disputed_on"))


def parse(name: str, value: Any) -> Any:
    """Return a date for the text of one, and an amount for a number of a column of amounts."""
    if isinstance(value, str) and value[4:5] == "-":
        return date.fromisoformat(value)
    return Decimal(value) if name in ("value", "target_value", "base_value") and value is not None else value


def plain(rows: list[Any], row: Rows, **columns: Any) -> Any:
    """Add a row, with the next number as its key, and return it."""
    values = {name: parse(name, value) for name, value in {**row, **columns}.items()}
    rows.append(SimpleNamespace(pk=len(rows) + 1, **values))
    return rows[-1]


def add_promises(case: Rows, lists: Mapping[str, list[Any]]) -> None:
    """Add targets and milestones with what was decided and done of them."""

    def amend(changes: list[Rows], **item: Any) -> None:
        for change in changes:
            columns = dict.fromkeys(("milestone_id", "target_id", "day", "value", "steps", "year")) | numbers_of(change)
            plain(lists["amendments"], columns | {"drop": False} | change, **item)

    promised: Rows = {"promised_on": "1949-10-01"}
    for row in case["targets"]:
        named = {"target_value": row["value"], "target_year": row["year"], "indicator_id": row["indicator"]}
        target = plain(lists["targets"], {**promised, **row}, **named, **numbers_of(row))
        amend(row["amendments"], target_id=target.pk)
    for row in case["milestones"]:
        milestone = plain(lists["milestones"], {"stage": "", **promised, **row}, is_key=row["key"])
        amend(row["amendments"], milestone_id=milestone.pk)
        for done in row["completions"]:
            plain(lists["completions"], {"objected_on": None, **done}, milestone_id=milestone.pk)


def plain_records(case: Rows) -> Records:
    """Return the rows of a random pilot, as plain as the rules take them."""
    lists = defaultdict[str, list[Any]](list)
    add_promises(case, lists)
    for row in case["readings"]:
        plain(lists["readings"], ANSWERS | row, indicator_id=row["indicator"], period=str(row["year"]))
    for row in case["missing"]:
        plain(lists["not_given"], ANSWERS | row, indicator_id=row["indicator"])
    for row in case["deadlines"]:
        plain(lists["deadlines"], row, indicator_id=row.get("indicator"))
    for name in ("stages", "overrides"):
        for row in case[name]:
            plain(lists[name], row)
    days = {name: case.get(name) for name in ("withdrawn_on", "withdrawn_recorded_on")}
    days |= dict(zip(("starts_on", "ends_on"), case["term"], strict=True))
    pilot = plain([], days, known_by="2024-01-01", report_due="03-31", asked_from=case["asked_from"])
    return Records(pilot, **lists, due_of=case["due_of"])


@pytest.mark.parametrize("seed", range(300))
def test_random_pilot_as_the_second_computation(seed: int) -> None:
    rng = Random(seed)  # noqa: S311  # the same pilot at each run
    case = random_pilot(rng)
    records = plain_records(case)
    turns = {on + timedelta(n) for on in change_days(records) for n in (-1, 0, 1)}
    days = sorted(turns | {random_day(rng, 2024, 2030) for _ in range(50)})
    told = [(str(on), pilot_light(records, on).colour.value) for on in days]
    assert told == [(str(on), lights_twin.light(case, on)[0]) for on in days]
    stored = list(pilot_periods(records, judged_items(records)))
    starts = [period.since for period in stored]
    assert [stored[bisect(starts, on) - 1].facts["colour"] for on in days] == [colour for _on, colour in told]


def acts(case: Rows) -> set[date]:
    """Return the days on which something was accepted, decided, entered or set by hand, or returned by the ministry."""
    found: set[str] = {case.get("withdrawn_on") or "", case.get("withdrawn_recorded_on") or ""}
    for row in (*case["readings"], *case["missing"]):
        found |= {row.get("accepted_on") or "", row.get("returned_on") or ""}
    found |= {row["decided_on"] for row in case["deadlines"]}
    for item in (*case["targets"], *case["milestones"]):
        found |= {item.get("promised_on") or ""} | {change["decided_on"] for change in item["amendments"]}
        for row in item.get("completions", []):
            found |= {row["completed_on"], row["entered_on"], row.get("objected_on") or ""}
    for row in case["stages"]:
        found |= {row["entered_on"], row["recorded_on"]}
    for row in case.get("overrides", []):
        found |= {row["set_on"], row["expires_on"]}
    return {date.fromisoformat(text) for text in found if text}


@pytest.mark.parametrize("block", range(20))
def test_no_light_improves_by_itself(block: int) -> None:
    """On a day without an acceptance, decision, entry or override no light turns green and no red one ends."""
    improved = []
    for seed in range(1000 + 50 * block, 1050 + 50 * block):
        case = random_pilot(Random(seed))  # noqa: S311  # as above
        records, known = plain_records(case), acts(case)
        for on in change_days(records):
            if on not in known:
                before = pilot_light(records, on - timedelta(1)).colour.value
                after = pilot_light(records, on).colour.value
                if (after == "green" != before) or (before == "red" != after):
                    improved.append((seed, on, before, after))
    assert improved == []
