"""The rules of lights a second time, as pure functions of plain data: what the product's own are held against.

A pilot is a dictionary as in `tests/pilots/light_cases.json`; dates are ISO texts there and dates here.
"""

# ruff: noqa: C901, FURB192, PLR0912  # laid out like the rules, one branch for each

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

Row = dict[str, Any]

RED, YELLOW, BLUE, GREEN, GREY = "red", "yellow", "blue", "green", "grey"
WORST = [RED, YELLOW, GREY, BLUE, GREEN]
TENTH, FLAT, TINY = Decimal("0.10"), Decimal("0.005"), Decimal("1e-9")
LONG, ENTRY = 90, 30  # days: overdue turns red after 90; an entry up to 30 days late counts from its own date


def day(text: Any) -> Any:
    return text if isinstance(text, date) or text is None else date.fromisoformat(text)


def by(text: Any, on: date) -> Any:
    """Whether something dated has happened by the date."""
    return text is not None and day(text) <= on


def counts_from(happened: Any, entered: Any) -> Any:
    """Return the date from which a fact counts: its own if it was entered within 30 days, else that of its entry."""
    happened, entered = day(happened), day(entered or happened)
    return happened if (entered - happened).days <= ENTRY else max(happened, entered)


# -- years: which are asked for, and by when -----------------------------------------------------------------


def in_term(pilot: Row, year: int) -> Any:
    """Whether at least 183 days of the year lie in the term; without a term, from the date the batch is known by."""
    start, end = day(pilot["term"][0]) or day(pilot.get("known_by", "2024-01-01")), day(pilot["term"][1])
    first, last = max(start, date(year, 1, 1)), min(end or date(year, 12, 31), date(year, 12, 31))
    return (last - first).days + 1 >= 183


def touches(pilot: Row, year: int) -> Any:
    """Whether the year has a day in the term: its values count. Due is only a year with at least 183 of them."""
    start, end = day(pilot["term"][0]) or day(pilot.get("known_by", "2024-01-01")), day(pilot["term"][1])
    return start.year <= year and (end is None or year <= end.year)


def due_day(pilot: Row, indicator: str, year: int, on: date) -> Any:
    """Return the date by which values of a year are due, as decided by the date; None if the year is not asked for.

    That of the indicator, if its statistics come later, else that of the batch. A deadline of the batch moves no
    indicator to an earlier date than its own.
    """
    if pilot.get("asked_from") is None or year < pilot["asked_from"] or not in_term(pilot, year):
        return None
    own = pilot.get("due_of", {}).get(indicator)
    usual = answer = day(f"{year + 1}-{own or pilot.get('due', '03-31')}")
    for row in sorted(pilot.get("deadlines", []), key=lambda d: d["decided_on"]):
        if row["year"] == year and by(row["decided_on"], on) and row.get("indicator") in (None, indicator):
            answer = day(row["due_on"])
            if answer and own and not row.get("indicator"):
                answer = max(answer, usual)
    return answer


def answer_day(pilot: Row, indicator: str, year: int, on: date) -> Any:
    """The same for one indicator: a returned value has a date of its own by which it must be answered."""
    due = due_day(pilot, indicator, year, on)
    if due is None or any(by(row.get("accepted_on"), on) for row in missing(pilot, indicator, year)):
        return due
    began = None  # the first hand-in since the last return: it decides what was on time
    for row in handed_in(pilot, indicator, year):
        began = began or day(row["reported_on"])
        if by(row.get("returned_on"), on):
            if row.get("answer_by") and began <= due:
                due = max(due, day(row["answer_by"]))
            began = None
    return due


def handed_in(pilot: Row, indicator: str, year: int) -> Any:
    """Values and reasons of the year, in the order of their hand-in."""
    rows = [*values(pilot, indicator, year), *missing(pilot, indicator, year)]
    return sorted((r for r in rows if r.get("reported_on")), key=lambda r: r["reported_on"])


def values(pilot: Row, indicator: str, year: int) -> Any:
    rows = [r for r in pilot.get("readings", []) if r["indicator"] == indicator and r["year"] == year]
    return sorted(rows, key=lambda r: r["version"])


def years(pilot: Row, on: date) -> Any:
    starts = [day(pilot["term"][0]) or day(pilot.get("known_by", "2024-01-01"))]
    return range(starts[0].year, on.year + 1)


def current(pilot: Row, indicator: str, on: date, last: int = 9999) -> Any:
    """Return (year, value, day of the dispute) of the value that counts, or None.

    Per year, the newest version accepted by the date counts, even while it is disputed: an objection never improves a
    light. "Right after all" is a next version with the same value. Of the years of the term the latest one counts.
    """
    for year in reversed([y for y in years(pilot, on) if y <= last and touches(pilot, y)]):
        accepted = [r for r in values(pilot, indicator, year) if by(r.get("accepted_on"), on)]
        if accepted:
            row = accepted[-1]
            return year, Decimal(str(row["value"])), day(row["disputed_on"]) if by(row.get("disputed_on"), on) else None
    return None


def pending(rows: Any, due: date, on: date) -> Any:
    """Return the days since the first unread row that was handed in on time, or None.

    Unread: neither accepted nor returned. A correction on top of it does not make it late.
    """
    rows = [r for r in rows if by(r.get("reported_on"), on)]
    while any(by(r.get("returned_on"), on) for r in rows):  # what came before the last return is answered
        rows = rows[1:]
    if not rows or by(rows[-1].get("accepted_on"), on):
        return None
    return (on - day(rows[0]["reported_on"])).days if day(rows[0]["reported_on"]) <= due else None


# -- targets -------------------------------------------------------------------------------------------------


def in_force(target: Row, on: date) -> Any:
    """Return the target as amended by the date, or None if it is not promised yet or dropped.

    An amendment holds from the date of its decision. One of value or base gives the steps anew, or clears them.
    """
    if not by(target.get("promised_on", "1949-10-01"), on):
        return None
    now = dict(target)
    for change in sorted(target.get("amendments", []), key=lambda c: c["decided_on"]):
        if by(change["decided_on"], on) and change.get("accepted", True):
            if change.get("drop"):
                return None
            if "value" in change or "base" in change:
                now["steps"] = {}
            now.update({name: change[name] for name in ("value", "base", "steps", "year") if name in change})
    return now


def grade(gap: Any) -> Any:
    return GREEN if gap <= TINY else YELLOW if gap <= TENTH + TINY else RED


def excess(value: Any, limit: Any, lower: bool) -> Any:
    return value - limit if lower else limit - value


def bound(value: Any, limit: Any, lower: bool) -> Any:
    """A value against a bound: beyond it by up to a tenth of it yellow, by more red; beyond a bound of 0 always red."""
    over = excess(value, limit, lower)
    if limit == 0:
        return GREEN if over <= 0 else RED
    return grade(over / abs(limit))


def verdict(target: Row, year: int, value: Any) -> Any:
    """Return (colour, why) of a value of a year."""
    lower = target["direction"] == "lower"
    goal = None if target.get("value") is None else Decimal(str(target["value"]))
    base = target.get("base")
    base_value, base_year = (Decimal(str(base[0])), base[1]) if base else (None, None)
    if target["kind"] == "limit":
        return (GREY, "no_target") if goal is None else (bound(value, goal, lower), "limit")
    if target["kind"] == "keep":
        if base_value is None:
            return GREY, "no_base"
        return (GREY, "not_due") if year <= base_year else (bound(value, base_value, lower), "keep")
    if goal is None:
        return GREY, "no_target"
    if base_value is None or base_year >= target["year"]:  # without a base only the bound can be asked for
        if year >= target["year"]:
            return bound(value, goal, lower), "limit"
        return (GREEN, "reached") if excess(value, goal, lower) <= 0 else (GREY, "no_base")
    if year <= base_year:
        return GREY, "not_due"
    if base_value == goal:
        return bound(value, base_value, lower), "keep"
    steps = [(int(y), Decimal(str(v))) for y, v in sorted(target.get("steps", {}).items())]
    path = [(base_year, base_value), *(s for s in steps if base_year < s[0] < target["year"]), (target["year"], goal)]
    at = min(year, target["year"])  # from its year on the whole change is due: a miss does not fade with age
    (y0, v0), (y1, v1) = next(pair for pair in pairwise(path) if at <= pair[1][0])
    due = v0 + (v1 - v0) * (at - y0) / (y1 - y0)
    share = min(max((due - base_value) / (goal - base_value), Decimal(0)), Decimal(1))
    wrong_way = excess(value, base_value, lower) > FLAT * abs(base_value)
    if (goal > base_value) == lower:  # a capped rise: the path is a limit
        return bound(value, due, lower), "limit"
    if share < TENTH:  # too early to ask for the change, never too early to see the wrong way
        return (YELLOW, "reversed") if wrong_way else (GREY, "too_early")
    done = (base_value - value) / (base_value - goal)
    return grade(1 - done / share), "reversed" if done < 0 and wrong_way else "path"


def siblings(pilot: Row, target: Row, on: date) -> Any:
    """The other targets of the indicator in force that are judged in the same way."""
    now = [in_force(t, on) for t in pilot.get("targets", []) if t is not target]
    return [t for t in now if t and t["indicator"] == target["indicator"] and t["kind"] == target["kind"]]


def target_light(pilot: Row, target: Row, on: date) -> Any:
    """Return (colour, why, effect on the pilot)."""
    now = in_force(target, on)
    if now is None:
        return GREY, "dropped" if by(target.get("promised_on", "1949-10-01"), on) else "not_promised", None
    others = siblings(pilot, target, on)
    later = any(t["year"] > now["year"] and (t["binding"] or not now["binding"]) for t in others)
    first = max((t["year"] for t in others if t["kind"] == "limit" and t["year"] < now["year"]), default=0)
    if now["kind"] != "limit" and now.get("base"):
        first = max(first, now["base"][1])  # the base year answers nothing
    at = current(pilot, now["indicator"], on, now["year"] if later or now["kind"] == "keep" else 9999)
    at = at if at and at[0] > first else None
    due_years = [y for y in years(pilot, on) if (d := answer_day(pilot, now["indicator"], y, on)) and d < on]
    newest = current(pilot, now["indicator"], on)
    colour, why = verdict(now, at[0], at[1]) if at else (GREY, "no_value" if due_years else "not_due")
    if later and newest and newest[0] > now["year"]:
        return colour, "past", None  # a later target has taken over: shown with its result, without effect
    late = [y for y in due_years if (at[0] if at else 0) < y <= now["year"] and y > first]
    binding, effect_of = now["binding"], None
    if late:
        words = {y for y in late for r in missing(pilot, now["indicator"], y) if by(r.get("accepted_on"), on)}
        silent = [y for y in late if y not in words]
        excused = None
        if len(silent) == 1 and silent[0] == late[-1] and (silent == late or words):
            year = silent[0]
            due = answer_day(pilot, now["indicator"], year, on)
            excused = pending(handed_in(pilot, now["indicator"], year), due, on)
        if excused is not None and words:
            if WORST.index(colour) > WORST.index(YELLOW):
                colour, why = YELLOW, "not_given"
        elif excused is not None and excused <= LONG:
            colour, why = (colour, why) if at else (GREY, "under_review")
            effect_of = GREY if not at else None
        elif excused is not None:
            if WORST.index(colour) > WORST.index(YELLOW):
                colour, why, effect_of = GREY, "under_review", GREY
        else:
            days = max(((on - answer_day(pilot, now["indicator"], y, on)).days for y in silent), default=0)
            worst, reason = (RED if days > LONG else YELLOW, "overdue") if silent else (YELLOW, "not_given")
            if WORST.index(worst) < WORST.index(colour):
                colour, why = worst, reason
    if at and at[2]:  # unanswered for more than 90 days it is red
        worst = RED if (on - at[2]).days > LONG else YELLOW
        if WORST.index(worst) < WORST.index(colour):
            colour, why = worst, "disputed"
    if not binding:
        if why in ("overdue", "not_given", "disputed", "under_review"):
            return GREY, "no_value", None
        return colour, why, YELLOW if colour == RED else None
    if colour == GREY:
        return colour, why, effect_of or (GREY if why in ("no_base", "no_target") else None)
    return colour, why, colour


def missing(pilot: Row, indicator: str, year: int) -> Any:
    """The office's words why there is no value of the year."""
    return [r for r in pilot.get("missing", []) if r["indicator"] == indicator and r["year"] == year]


# -- milestones ----------------------------------------------------------------------------------------------


def planned(milestone: Row, on: date) -> Any:
    """Return the planned date in force on the date; None if it is not promised yet, or dropped."""
    if not by(milestone.get("promised_on", "1949-10-01"), on):
        return None
    answer = day(milestone["planned_on"])
    for change in sorted(milestone.get("amendments", []), key=lambda c: c["decided_on"]):
        if by(change["decided_on"], on) and change.get("accepted", True):
            answer = None if change.get("drop") else day(change["day"])
    return answer


def completed(pilot: Row, milestone: Row, on: date) -> Any:
    """Return the date of completion, if it counts by the date: the newest one that was not objected to.

    A milestone with a stage is completed when the pilot enters exactly that stage, from the promise on.
    """
    if milestone.get("stage"):
        since = day(milestone.get("promised_on", "1949-10-01"))
        rows = [s for s in pilot.get("stages", []) if s["stage"] == milestone["stage"]]
        rows = [s for s in rows if day(s["entered_on"]) >= since]
        done = [day(s["entered_on"]) for s in rows if counts_from(s["entered_on"], s.get("recorded_on")) <= on]
        return min(done, default=None)
    answer, objected = None, None
    for row in sorted(milestone.get("completions", []), key=lambda c: c.get("entered_on") or c["completed_on"]):
        since = counts_from(row["completed_on"], row.get("entered_on"))
        if objected:  # one entered after an objection never takes back the days of the objection
            since = max(since, day(row.get("entered_on") or row["completed_on"]))
        if since <= on and not by(row.get("objected_on"), on):
            answer = day(row["completed_on"])
        objected = objected or row.get("objected_on")
    return answer


def milestone_light(pilot: Row, milestone: Row, on: date) -> Any:
    key, goal = milestone["key"], planned(milestone, on)
    if goal is None:
        return GREY, "dropped" if by(milestone.get("promised_on", "1949-10-01"), on) else "not_promised", None
    done = completed(pilot, milestone, on)
    if done:
        then = planned(milestone, done) or day(milestone["planned_on"])
        colour = BLUE if done > then else GREEN
        own = done <= day(milestone.get("promised_on", "1949-10-01"))
        return colour, "done_late" if colour == BLUE else "done", GREEN if key and not own else None
    late = (on - goal).days
    if late <= 0:
        return GREY, "not_due", None
    colour = RED if late > LONG else YELLOW
    return colour, "late", colour if key else YELLOW


# -- the pilot -----------------------------------------------------------------------------------------------


def light(pilot: Row, on: date) -> Any:
    """Return (colour, why) of a pilot on a date, as shown: set by hand while an override is in force."""
    if pilot.get("withdrawn_on") and counts_from(pilot["withdrawn_on"], pilot.get("withdrawn_recorded_on")) <= on:
        return GREY, "withdrawn"
    own = [o for o in pilot.get("overrides", []) if by(o["set_on"], on) and on < day(o["expires_on"])]
    if own:
        return sorted(own, key=lambda o: o["set_on"])[-1]["colour"], "by_hand"
    return computed(pilot, on)


def computed(pilot: Row, on: date) -> Any:
    items = [target_light(pilot, t, on) for t in pilot.get("targets", [])]
    items += [milestone_light(pilot, m, on) for m in pilot.get("milestones", [])]
    entered = [s for s in pilot.get("stages", []) if counts_from(s["entered_on"], s.get("recorded_on")) <= on]
    if entered and sorted(entered, key=lambda s: s["entered_on"])[-1]["stage"] == "rectifying":
        items.append((YELLOW, "rectifying", YELLOW))
    effects = [(effect, why) for _colour, why, effect in items if effect]
    for colour in (RED, YELLOW, GREY):  # what is not known keeps a pilot from green
        if found := [why for effect, why in effects if effect == colour]:
            return colour, found[0]
    if effects:
        return GREEN, "all_well"
    promised = any(t["binding"] and in_force(t, on) for t in pilot.get("targets", []))
    promised = promised or any(m["key"] and planned(m, on) for m in pilot.get("milestones", []))
    return GREY, "nothing_due" if promised else "nothing_promised"
