"""Baseline ("floor"): raw SQL behind a plain WSGI function, with the same responses as the product.

No framework can be faster: one persistent connection per thread, statements written by hand, JSON built where that is
cheaper (records in the database, small aggregates in Python). It supports only the requests of bench/run.py, without
validation of parameters, rate limits or logging.
"""

import hashlib
import json
import os
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime
from itertools import groupby
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlencode
from zoneinfo import ZoneInfo

import psycopg2

DATABASE = os.environ["DATABASE_URL"].replace("postgres://", "postgresql://", 1)
ZONE = ZoneInfo("Asia/Shanghai")
THREAD_STATE = threading.local()
PARAMETER = re.compile(r"%\((\w+)\)s")
TYPES: dict[type, str] = {date: "date", int: "int", list: "text[]"}
Row = dict[str, Any]

REGIONS = {"north": "North", "northeast": "Northeast", "east": "East", "central-south": "Central and South"}
REGIONS |= {"southwest": "Southwest", "northwest": "Northwest"}
FIELDS = ("energy", "industry", "transport", "buildings", "agriculture", "ecology")
KINDS = {"city": "city", "county": "county", "park": "industrial park", "enterprise": "enterprise"}
COLOURS = ("red", "yellow", "blue", "green", "grey")
STAGES = ("recommended", "reviewed", "listed", "tasked", "plan_draft", "plan_issued", "implementing", "midterm")
STAGES += ("final_eval", "promoted")
STAGE_ORDER_SQL = f"array_position(ARRAY{[*STAGES, 'rectifying', 'withdrawn']}::varchar[], stage)"

# -- records --------------------------------------------------------------------------------------------

LISTED_SQL = "b.known_by <= %(day)s AND (p.withdrawn_on IS NULL OR p.withdrawn_on > %(day)s)"
COUNT_SQL = f"SELECT count(*) FROM pilots_pilot p JOIN pilots_batch b ON b.id = p.batch_id WHERE {LISTED_SQL}"


def link_json(row: str, kind: str, name: str = "name") -> str:
    """Return a related record as JSON: code, English name (else the Chinese), URL."""
    names = f"coalesce(nullif({row}.{name}_en, ''), {row}.{name}_zh)"
    address = f"concat(%(site)s, '/api/v1/{kind}/', {row}.slug, '/')"
    return f"json_build_object('slug', {row}.slug, 'name', {names}, 'url', {address})"


def named_json(head: str, row: str, table: str, order: str) -> str:
    """Return the related records of a pilot of `chosen c` in one of its many-to-many fields, as a JSON array."""
    many = {"industry": "industries", "source": "sources"}[row]
    join = f"pilots_pilot_{many} t JOIN {table} {row} ON {row}.id = t.{row}_id WHERE t.pilot_id = c.id"
    return f"coalesce((SELECT json_agg({head} ORDER BY {order}) FROM {join}), '[]'::json)"


SOURCE = """json_build_object('id', source.id, 'title', source.title,
 'url', concat(%(site)s, '/api/v1/sources/', source.id, '/'), 'address', nullif(source.url, ''))"""
NEWEST_SOURCE = "coalesce(source.published_on, '0001-01-01') DESC, source.title, source.id"
SOURCES = named_json(SOURCE, "source", "policies_source", NEWEST_SOURCE)

CHOSEN_SQL = f"""SELECT p.*, b.slug AS batch_slug, extract(year FROM coalesce(p.term_start, b.term_start, b.known_by)) AS
 first_year FROM pilots_pilot p JOIN pilots_batch b ON b.id = p.batch_id WHERE {LISTED_SQL}"""
PAGE_SQL = f"{CHOSEN_SQL} ORDER BY b.slug, p.id LIMIT %(size)s OFFSET %(skip)s"

# Current stage of each pilot, and since when without a break.
CURRENT_STAGE_SQL = f"""SELECT DISTINCT ON (pilot_id) pilot_id, stage,
 min(entered_on) OVER (PARTITION BY pilot_id, stage, island) AS since,
 max(place) FILTER (WHERE place <= 10) OVER (PARTITION BY pilot_id) AS furthest FROM (
 SELECT s.pilot_id, stage, entered_on, {STAGE_ORDER_SQL} AS place,
  row_number() OVER (PARTITION BY s.pilot_id ORDER BY entered_on, {STAGE_ORDER_SQL})
  - row_number() OVER (PARTITION BY s.pilot_id, stage ORDER BY entered_on) AS island
 FROM pilots_stageentry s JOIN chosen c ON c.id = s.pilot_id WHERE entered_on <= %(day)s) AS entered
 ORDER BY pilot_id, entered_on DESC, place DESC"""


def lights(day: str, due: str, years: str) -> str:
    """Return the CTEs that end in `shown`: colour of each of the `chosen` on the day, and whether it has reported."""
    return f"""
newest AS (SELECT DISTINCT ON (r.pilot_id, indicator_id, period) r.pilot_id, indicator_id, period, value, state
 FROM pilots_reading r JOIN chosen c ON c.id = r.pilot_id
 WHERE accepted_on <= {day} AND period = ANY({years})
 ORDER BY r.pilot_id, indicator_id, period, version DESC),
actual AS (SELECT DISTINCT ON (pilot_id, indicator_id) pilot_id, indicator_id, period::int AS year, value FROM newest
 WHERE state = 'accepted' ORDER BY pilot_id, indicator_id, period DESC),
target AS (SELECT t.*, a.value AS actual, CASE direction WHEN 'lower' THEN 1 ELSE -1 END AS worse,
 t.kind = 'reach' AND base_year < target_year AND base_value <> target_value AS path,
 t.kind = 'keep' OR (t.kind = 'reach' AND base_value = target_value) AS keeps,
 least(greatest(coalesce(a.year, {due}), base_year), target_year) AS place
 FROM pilots_target t JOIN chosen c ON c.id = t.pilot_id JOIN pilots_indicator i ON i.id = t.indicator_id
 LEFT JOIN actual a ON a.pilot_id = t.pilot_id AND a.indicator_id = t.indicator_id),
point AS (SELECT id, base_year AS year, base_value AS value FROM target WHERE path
 UNION ALL SELECT id, target_year, target_value FROM target WHERE path
 UNION ALL SELECT t.id, s.key::int, s.value::numeric FROM target t, jsonb_each_text(t.steps) s WHERE path
  AND s.key::int > base_year AND s.key::int < target_year),
segment AS (SELECT *, lead(year) OVER own AS next_year, lead(value) OVER own AS next_value FROM point
 WINDOW own AS (PARTITION BY id ORDER BY year)),
due AS (SELECT t.*, least(greatest((g.value + (next_value - g.value) * (place - g.year) / (next_year - g.year)
 - base_value) / nullif(target_value - base_value, 0), 0), 1) AS share FROM target t LEFT JOIN segment g
 ON g.id = t.id AND ((place > g.year AND place <= next_year) OR (place = base_year AND g.year = base_year))),
bound AS (SELECT *, CASE WHEN kind = 'limit' THEN target_value WHEN keeps THEN base_value
 WHEN (target_value - base_value) * worse > 0 AND share >= 0.1 THEN base_value + (target_value - base_value) * share
 END AS bound FROM due),
gap AS (SELECT *, CASE WHEN actual IS NULL THEN NULL
 WHEN bound IS NOT NULL THEN CASE WHEN bound > 0 THEN (actual - bound) * worse / bound
  WHEN (actual - bound) * worse <= 0 THEN 0 ELSE 1 END
 WHEN kind = 'reach' AND NOT keeps AND share >= 0.1
  THEN 1 - (base_value - actual) / (base_value - target_value) / share END AS gap FROM bound),
milestone AS (SELECT m.*, coalesce((SELECT day FROM pilots_replan r WHERE r.milestone_id = m.id AND accepted
  AND decided_on <= {day} ORDER BY decided_on DESC, r.id DESC LIMIT 1), planned_on) AS planned FROM pilots_milestone m),
planned_stage AS (SELECT s.*, coalesce((SELECT day FROM pilots_replan r WHERE r.stage_entry_id = s.id AND accepted
  AND decided_on <= {day} ORDER BY decided_on DESC, r.id DESC LIMIT 1), planned_on) AS planned FROM pilots_stageentry s),
graded AS (SELECT 'target' AS source, pilot_id, binding, CASE WHEN kind = 'text' THEN CASE WHEN done_on <= {day} THEN 0
 WHEN {day} > make_date(target_year, 12, 31) THEN 2 END
 WHEN gap <= 1e-9 THEN 0 WHEN gap <= 0.1 + 1e-9 THEN 1 WHEN gap IS NOT NULL THEN 2 END AS grade FROM gap
 UNION ALL SELECT 'milestone', m.pilot_id, is_key OR {day} - planned <= 90, CASE WHEN completed_on <= {day} THEN 0
 WHEN {day} - planned > 90 THEN 2 WHEN {day} > planned THEN 1 END
 FROM milestone m JOIN chosen c ON c.id = m.pilot_id
 UNION ALL SELECT 'stage', pilot_id, true, CASE WHEN {day} - planned > 90 THEN 2 ELSE 1 END FROM (
  SELECT s.pilot_id, planned, entered_on, {STAGE_ORDER_SQL} AS place, max(CASE WHEN entered_on <= {day} THEN
   {STAGE_ORDER_SQL} END) OVER (PARTITION BY s.pilot_id) AS reached FROM planned_stage s
  JOIN chosen c ON c.id = s.pilot_id WHERE {STAGE_ORDER_SQL} <= 10) AS stages
 WHERE planned < {day} AND (entered_on IS NULL OR entered_on > {day}) AND place > coalesce(reached, 0)),
earned AS (SELECT pilot_id FROM graded WHERE binding AND grade IS NOT NULL AND source = 'target'
 UNION SELECT pilot_id FROM milestone WHERE is_key AND (completed_on <= {day} OR planned <= {day})),
worst AS (SELECT pilot_id, max(CASE WHEN grade = 2 AND binding THEN 2
 WHEN grade = 2 OR (grade = 1 AND binding) THEN 1 ELSE 0 END) AS worst FROM graded GROUP BY pilot_id),
begun AS (SELECT DISTINCT pilot_id FROM milestone WHERE completed_on <= {day} OR planned <= {day}),
reporting AS (SELECT DISTINCT pilot_id FROM actual),
shown AS (SELECT c.id, c.kind, reporting.pilot_id IS NOT NULL AS reported, coalesce(
 (SELECT colour FROM pilots_lightoverride o WHERE o.pilot_id = c.id AND set_on <= {day} AND expires_on > {day}
  ORDER BY set_on DESC, id DESC LIMIT 1),
 CASE worst WHEN 2 THEN 'red' WHEN 1 THEN 'yellow' ELSE CASE WHEN (reporting.pilot_id IS NOT NULL
  OR ({due} < c.first_year AND begun.pilot_id IS NOT NULL)) AND c.id IN (SELECT pilot_id FROM earned)
  THEN 'green' ELSE 'grey' END END) AS colour
 FROM chosen c LEFT JOIN worst w ON w.pilot_id = c.id LEFT JOIN reporting ON reporting.pilot_id = c.id
 LEFT JOIN begun ON begun.pilot_id = c.id)"""


NAME_SQL = "coalesce(nullif(c.name_en, ''), c.name_zh)"
FIELDS_SQL = f"""'slug', c.slug, 'name', {NAME_SQL}, 'name_en', nullif(c.name_en, ''), 'name_zh', c.name_zh, 'kind', c.kind,
 'batch', {link_json("b", "batches", "title")}, 'province', {link_json("v", "provinces")},
 'prefecture_code', nullif(c.prefecture_code, ''), 'prefecture_zh', nullif(c.prefecture_zh, ''),
 'county_code', nullif(c.county_code, ''), 'parent', CASE WHEN u.id IS NOT NULL THEN {link_json("u", "pilots")} END,
 'city_type', nullif(c.city_type, ''), 'industries',
 {named_json(link_json("industry", "industries"), "industry", "policies_industry", "industry.id")},
 'term_start', c.term_start, 'term_end', c.term_end, 'withdrawn_on', c.withdrawn_on,
 'stage', s.stage, 'days_in_stage', %(day)s - s.since, 'light', l.colour, 'confidence', c.confidence, 'unverified', c.confidence = 'inferred',
 'note', coalesce(nullif(c.note_en, ''), nullif(c.note_zh, '')),
 'note_en', nullif(c.note_en, ''), 'note_zh', nullif(c.note_zh, ''),
 'sources', {SOURCES}, 'url', concat(%(site)s, '/api/v1/pilots/', c.slug, '/'),
 'page', concat(%(site)s, '/pilots/', c.slug, '/'),
 'revision', (SELECT count(*) FROM pilots_historicalpilot h WHERE h.id = c.id)"""
FROM_SQL = """FROM chosen c JOIN pilots_batch b ON b.id = c.batch_id JOIN policies_province v ON v.id = c.province_id
 LEFT JOIN pilots_pilot u ON u.id = c.parent_id"""
ORDER_BY_SQL = "ORDER BY c.batch_slug, c.id"

PILOTS_SQL = f"""WITH chosen AS MATERIALIZED ({PAGE_SQL}), {lights("%(day)s", "%(due)s", "%(years)s")}, standing AS ({CURRENT_STAGE_SQL})
SELECT json_agg(json_build_object({FIELDS_SQL}) {ORDER_BY_SQL})::text {FROM_SQL}
 JOIN shown l ON l.id = c.id LEFT JOIN standing s ON s.pilot_id = c.id"""


def pilots(ask: "FloorRequest") -> str:
    """Return a page of the list, built in the database; only the pagination envelope is added here."""
    number, size = int(ask.of("page", "1")), int(ask.of("page_size", "50"))
    count = ask.one(COUNT_SQL)[0]
    results = ask.one(PILOTS_SQL, size=size, skip=(number - 1) * size)[0]
    around = {"count": count, "next": ask.page(number + 1) if number * size < count else None}
    around["previous"] = ask.page(number - 1) if number > 1 else None
    return f'{json.dumps({**ask.mark(), **around})[:-1]}, "results": {results}}}'


# -- aggregates -----------------------------------------------------------------------------------------

LIGHTS_NOW_SQL = f"""WITH chosen AS MATERIALIZED ({CHOSEN_SQL}), {lights("%(day)s", "%(due)s", "%(years)s")}, standing AS ({CURRENT_STAGE_SQL})
SELECT l.kind, l.colour, l.reported, s.stage, s.furthest, count(*) FROM shown l
 LEFT JOIN standing s ON s.pilot_id = l.id GROUP BY 1, 2, 3, 4, 5"""
LIGHTS_BEFORE_SQL = f"""WITH chosen AS MATERIALIZED ({CHOSEN_SQL}), {lights("%(then)s", "%(then_due)s", "%(then_years)s")}
SELECT colour, count(*) FROM shown GROUP BY 1"""


def progress(ask: "FloorRequest") -> Row:
    """Return the funnel and the lights of all pilots, without the list of pilots."""
    then = quarter_end(ask.day)
    rows, then_rows = (
        ask.rows(LIGHTS_NOW_SQL),
        dict(ask.rows(LIGHTS_BEFORE_SQL, then=then, then_due=year_due(then), then_years=from_year(year_due(then)))),
    )
    now: Counter[str] = Counter()
    for _kind, colour, _reported, _stage, _furthest, n in rows:
        now[colour] += n
    kinds = [kind for kind in KINDS if any(row[0] == kind for row in rows)]
    return {
        "as_of": ask.day,
        "known": ask.day,
        "funnel": funnel(rows),
        "by_kind": [{"kind": kind, "funnel": funnel(row for row in rows if row[0] == kind)} for kind in kinds],
        "strip": {
            "now": {colour: now[colour] for colour in COLOURS},
            "then": {colour: then_rows.get(colour, 0) for colour in COLOURS},
            "then_on": then,
        },
        "reported": sum(row[5] for row in rows if row[2]),
    }


def funnel(rows: Iterable[Any]) -> list[Row]:
    within = [(furthest or 0, n) for *_, stage, furthest, n in rows if stage != "withdrawn"]
    of = sum(n for _furthest, n in within)
    return [
        {"stage": stage, "reached": sum(n for furthest, n in within if furthest >= place), "of": of}
        for place, stage in enumerate(STAGES, 1)
    ]


def year_due(day: date) -> int:
    return day.year - (1 if day > date(day.year, 3, 31) else 2)


def from_year(year: int) -> list[str]:
    """Return the periods of whole years from this one on, listed so that the query planner can estimate them."""
    return [str(number) for number in range(year, year + 10)]


def quarter_end(day: date) -> date:
    return date.fromordinal(date(day.year, 3 * ((day.month - 1) // 3) + 1, 1).toordinal() - 1)


ROSTER_SQL = """SELECT id, slug, coalesce(nullif(name_en, ''), name_zh), region FROM policies_province
 WHERE in_roster ORDER BY id"""
SLUG_AND_TITLE = "slug, coalesce(nullif(title_en, ''), title_zh)"
POLICY_SQL = (
    f"SELECT id, {SLUG_AND_TITLE}, issued_on, issued_precision, published_on FROM policies_policy WHERE slug = %(slug)s"
)
PLANS_SQL = """SELECT province_id, CASE WHEN status = 'issued' AND known_issued_by <= %(day)s THEN 'issued'
 WHEN status = 'issued' OR searched_on > %(day)s THEN 'unknown' ELSE status END, issued_on, issued_precision,
 known_issued_by, confidence FROM policies_provincialplan WHERE policy_id = %(policy)s"""
FOLLOWERS_SQL = f"""SELECT {SLUG_AND_TITLE} FROM policies_policy WHERE parent_id = %(policy)s AND level = 'national'
 AND known_issued_by <= %(day)s ORDER BY known_issued_by, id"""


def rollout(ask: "FloorRequest") -> Row:
    """Return the rollout of one policy over the roster, with its steps and lags."""
    key, slug, name, issued_on, precision, published_on = ask.one(POLICY_SQL, slug=ask.of("policy", ""))
    origin = issued_on if issued_on and precision == "day" else published_on
    plans = {row[0]: row[1:] for row in ask.rows(PLANS_SQL, policy=key)}
    roster = ask.rows(ROSTER_SQL)
    rows = [province_row(ask, row, plans.get(row[0]), origin) for row in roster]
    of_roster = [plans[row[0]] for row in roster if row[0] in plans]
    lags = sorted(row["lag_days"] for row in rows if row["lag_days"] is not None)
    issued = [row for row in rows if row["status"] == "issued"]
    dated = [row for row in issued if row["precision"] == "day"]
    return {
        "policy": ask.link("policies", slug, name),
        "as_of": ask.day,
        "known": ask.day,
        "roster": len(rows),
        "issued": len(issued),
        "share": len(issued) / len(rows),
        "dated": len(dated),
        "known_by": len(issued) - len(dated),
        "inferred": sum(plan[0] == "issued" and plan[-1] == "inferred" for plan in of_roster),
        "lag_from": origin,
        "median_lag_days": median(lags) if lags else None,
        "p90_lag_days": percentile(lags, 0.9) if lags else None,
        "followers": [ask.link("policies", *row) for row in ask.rows(FOLLOWERS_SQL, policy=key)],
        "by_region": [region_row(region, [row for row in rows if row["region"] == region]) for region in REGIONS],
        "series": steps(issued, origin),
        "dated_series": steps(dated, origin),
        "provinces": rows,
    }


def province_row(ask: "FloorRequest", province: Any, plan: Any, origin: date | None) -> Row:
    status, issued_on, precision, known_by, _confidence = plan or ("unknown", None, None, None, None)
    if status != "issued":
        issued_on = precision = known_by = None
    exact = issued_on is not None and precision == "day" and origin is not None
    return {
        "province": ask.link("provinces", *province[1:3]),
        "region": province[3],
        "status": status,
        "issued_on": issued_on,
        "precision": precision if issued_on else None,
        "known_by": known_by,
        "lag_days": (issued_on - origin).days if exact else None,
    }


def region_row(region: str, rows: list[Row]) -> Row:
    lags = [row["lag_days"] for row in rows if row["lag_days"] is not None]
    issued = [row for row in rows if row["status"] == "issued"]
    return {
        "region": region,
        "label": REGIONS[region],
        "roster": len(rows),
        "issued": len(issued),
        "share": len(issued) / len(rows) if rows else None,
        "dated": sum(row["precision"] == "day" for row in issued),
        "median_lag_days": median(lags) if lags else None,
    }


def steps(rows: list[Row], origin: date | None) -> list[Row]:
    found, total = [], 0
    for day, group in groupby(sorted(row["known_by"] for row in rows)):
        total += len(list(group))
        found.append({"date": day, "issued": total})
    if origin and (not found or found[0]["date"] > origin):
        found.insert(0, {"date": origin, "issued": 0})
    return found


def percentile(ordered: list[int], rank: float) -> float:
    place = rank * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (place - below) * (ordered[above] - ordered[below]), 6)


INDUSTRIES_SQL = """SELECT id, slug, coalesce(nullif(name_en, ''), name_zh), named_in_batch_notice OR ultra_low_emission
 FROM policies_industry ORDER BY id"""
CELLS_SQL = f"""SELECT industry_id, p.province_id, count(*) FROM pilots_pilot_industries n JOIN pilots_pilot p ON
 p.id = n.pilot_id JOIN pilots_batch b ON b.id = p.batch_id WHERE {LISTED_SQL} GROUP BY 1, 2"""
NAMING_SQL = f"""SELECT count(DISTINCT p.id) FROM pilots_pilot_industries n JOIN pilots_pilot p ON p.id = n.pilot_id
 JOIN pilots_batch b ON b.id = p.batch_id WHERE {LISTED_SQL}"""
FIELD_COUNTS_SQL = f"""SELECT m.field, count(DISTINCT p.id), array_agg(DISTINCT p.province_id) FROM policies_measure m
 JOIN policies_measure_industries i ON i.measure_id = m.id JOIN pilots_pilot_industries n USING (industry_id)
 JOIN pilots_pilot p ON p.id = n.pilot_id JOIN pilots_batch b ON b.id = p.batch_id WHERE {LISTED_SQL} GROUP BY 1"""
MEASURES_SQL = f"""SELECT field, {SLUG_AND_TITLE}, ARRAY(SELECT industry_id FROM policies_measure_industries i
 WHERE measure_id = m.id ORDER BY industry_id) FROM policies_measure m ORDER BY field, id"""
BATCHES_SQL = f"""SELECT id, {SLUG_AND_TITLE}, level, city_count, county_count, park_count, enterprise_count FROM pilots_batch
 WHERE known_by <= %(day)s ORDER BY level, known_by, id"""
RECORDED_SQL = f"""SELECT batch_id, p.kind, count(*), count(*) FILTER (WHERE p.confidence = 'inferred') FROM pilots_pilot p
 JOIN pilots_batch b ON b.id = p.batch_id WHERE {LISTED_SQL} GROUP BY 1, 2"""

WITHDRAWN_SQL = """SELECT batch_id, p.kind, count(*) FROM pilots_pilot p JOIN pilots_batch b ON b.id = p.batch_id
 WHERE b.known_by <= %(day)s AND p.withdrawn_on <= %(day)s GROUP BY 1, 2"""
NOTICED_SQL = """SELECT DISTINCT industry_id FROM pilots_batch_industries_announced JOIN pilots_batch b ON b.id = batch_id
 WHERE b.known_by <= %(day)s"""
GAP_THRESHOLD = 0.8  # share of the announced pilots that name an industry, from which gaps are claimed


def coverage(ask: "FloorRequest") -> Row:
    """Return the coverage of industries, with its matrix by region."""
    roster, industries = ask.rows(ROSTER_SQL), ask.rows(INDUSTRIES_SQL)
    region, total, inner = {row[0]: row[3] for row in roster}, Counter[int](), Counter[Any]()
    places: dict[int, set[int]] = defaultdict(set)
    for industry, province, n in ask.rows(CELLS_SQL):
        total[industry] += n
        if province in region:
            places[industry].add(province)
            inner[industry, region[province]] += n
    links = {key: ask.link("industries", slug, name) for key, slug, name, _priority in industries}
    noticed, known = {key for (key,) in ask.rows(NOTICED_SQL)}, batches(ask)
    lines = [
        {
            **industry_row(links[row[0]], total[row[0]], len(places[row[0]]), len(roster), row[3]),
            "in_notice": row[0] in noticed,
        }
        for row in industries
    ]
    (naming,) = ask.one(NAMING_SQL)
    totals = [row["total"]["announced"] for row in known]
    announced = None if None in totals else sum(totals)
    return {
        "as_of": ask.day,
        "known": ask.day,
        "pilots": ask.one(COUNT_SQL)[0],
        "naming": naming,
        "announced": announced,
        "gap_judged": announced is not None and naming >= GAP_THRESHOLD * announced,
        "gap_threshold": GAP_THRESHOLD,
        "in_notice": [line["industry"] for line in lines if line["in_notice"]],
        "roster": len(roster),
        "covered": sum(line["pilots"] > 0 for line in lines),
        "priorities": sum(line["priority"] for line in lines),
        "gaps": [line["industry"] for line in lines if line["gap"]],
        "by": "region",
        "batches": known,
        "industries": lines,
        "fields": fields(ask, links, set(region)),
        "matrix": {
            "rows": list(links.values()),
            "columns": [{"code": code, "label": label} for code, label in REGIONS.items()],
            "cells": [[inner[key, code] for code in REGIONS] for key in links],
        },
    }


def industry_row(link: Row, pilots: int, provinces: int, roster: int, priority: bool) -> Row:
    share = provinces / roster if roster else None
    whole = {"industry": link, "pilots": pilots, "provinces": provinces, "roster": roster, "share": share}
    return {**whole, "priority": priority, "gap": priority and not pilots}


def fields(ask: "FloorRequest", links: dict[int, Row], inside: set[int]) -> list[Row]:
    counted = {field: (n, len(inside.intersection(places))) for field, n, places in ask.rows(FIELD_COUNTS_SQL)}
    measures, rows = ask.rows(MEASURES_SQL), []
    for field in FIELDS:
        own = [row for row in measures if row[0] == field]
        pilots, provinces = counted.get(field, (0, 0))
        rows.append(
            {
                "field": field,
                "label": field,
                "measures": [ask.link("measures", row[1], row[2]) for row in own],
                "industries": [links[key] for key in dict.fromkeys(key for row in own for key in row[3])],
                "pilots": pilots,
                "provinces": provinces,
                "roster": len(inside),
                "share": provinces / len(inside) if inside else None,
            }
        )
    return rows


def batches(ask: "FloorRequest") -> list[Row]:
    recorded = {(batch, kind): (n, inferred) for batch, kind, n, inferred in ask.rows(RECORDED_SQL)}
    withdrawn = {(batch, kind): n for batch, kind, n in ask.rows(WITHDRAWN_SQL)}
    rows = []
    for key, slug, name, level, *announced in ask.rows(BATCHES_SQL):
        kinds, names = [], 0
        sums: list[int | None] = [0, 0, 0, 0]
        for (kind, label), number in zip(KINDS.items(), announced, strict=True):
            n, inferred = recorded.get((key, kind), (0, 0))
            gone = withdrawn.get((key, kind), 0)
            if number or n or gone:
                names += 1
                kinds.append({"kind": kind, "label": label, **reconciliation_numbers(number, n, inferred, gone)})
                sums = [
                    None if sums[0] is None or number is None else sums[0] + number,
                    sums[1] + n,
                    sums[2] + inferred,
                    sums[3] + gone,
                ]
        rows.append(
            {
                "batch": ask.link("batches", slug, name),
                "level": level,
                "kinds": kinds,
                "total": reconciliation_numbers(*sums),
            }
        )
    return rows


def reconciliation_numbers(announced: int | None, recorded: int, inferred: int, withdrawn: int) -> Row:
    known = announced is not None
    return {
        "announced": announced,
        "recorded": recorded,
        "firm": recorded - inferred,
        "unverified": inferred,
        "withdrawn": withdrawn,
        "to_enter": max(0, announced - recorded - withdrawn) if known else None,
        "surplus": max(0, recorded + withdrawn - announced) if known else 0,
    }


# -- the server -----------------------------------------------------------------------------------------

DEMONSTRATION_SQL = "SELECT EXISTS (SELECT FROM core_seedrecord WHERE kind = 'demonstration')"
VERSION_SQL = "SELECT max(id) FROM core_changeevent"
RESPONSES: dict[str, Callable[["FloorRequest"], Any]] = {
    "/api/v1/pilots/": pilots,
    "/api/v1/rollout/": rollout,
    "/api/v1/coverage/": coverage,
    "/api/v1/progress/": progress,
    "/version/": lambda ask: f"v{ask.one(VERSION_SQL)[0]}",
}


class FloorRequest:
    """Request with its query parameters, its day, and the connection of its thread."""

    def __init__(self, environ: Row) -> None:
        self.query = parse_qs(environ["QUERY_STRING"])
        self.path = environ["PATH_INFO"]
        self.site = f"http://{environ['HTTP_HOST']}"
        self.day = datetime.now(ZONE).date()
        if not hasattr(THREAD_STATE, "cursor"):
            connection = psycopg2.connect(DATABASE)
            connection.autocommit = True
            THREAD_STATE.cursor, THREAD_STATE.plans = connection.cursor(), {}

    def of(self, name: str, default: str) -> str:
        return self.query.get(name, [default])[0]

    def rows(self, statement: str, **values: Any) -> list[Any]:
        due = year_due(self.day)
        known = {"day": self.day, "due": due, "years": from_year(due), "site": self.site, **values}
        names = list(dict.fromkeys(PARAMETER.findall(statement)))
        if statement not in THREAD_STATE.plans:
            THREAD_STATE.plans[statement] = f"p{len(THREAD_STATE.plans)}"
            numbered = PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", statement)
            types = ", ".join(TYPES.get(type(known[name]), "text") for name in names)
            THREAD_STATE.cursor.execute(
                f"PREPARE {THREAD_STATE.plans[statement]} {f'({types})' if names else ''} AS {numbered}"
            )
        places = ", ".join(["%s"] * len(names))
        THREAD_STATE.cursor.execute(
            f"EXECUTE {THREAD_STATE.plans[statement]} {f'({places})' if names else ''}", [known[name] for name in names]
        )
        found: list[Any] = THREAD_STATE.cursor.fetchall()
        return found

    def one(self, statement: str, **values: Any) -> Any:
        return self.rows(statement, **values)[0]

    def link(self, kind: str, slug: str, name: str) -> Row:
        return {"slug": slug, "name": name, "url": f"{self.site}/api/v1/{kind}/{slug}/"}

    def page(self, number: int) -> str:
        words = {**{name: values[0] for name, values in self.query.items()}, "page": str(number)}
        kept = sorted((name, value) for name, value in words.items() if (name, value) != ("page", "1"))
        return f"{self.site}{self.path}" + (f"?{urlencode(kept)}" if kept else "")

    def mark(self) -> Row:
        """Return the notice that all data are invented: queried once per thread (by the product once per process)."""
        if not hasattr(THREAD_STATE, "mark"):
            THREAD_STATE.mark = {"demonstration": True} if self.one(DEMONSTRATION_SQL)[0] else {}
        mark: Row = THREAD_STATE.mark
        return mark


def application(environ: Row, start_response: Callable[..., Any]) -> list[bytes]:
    """Serve the URLs above. A request with the version of the data as ETag gets 304 after one query; one with the
    digest of a response gets 304 after that response was built again.
    """
    ask = FloorRequest(environ)
    known = environ.get("HTTP_IF_NONE_MATCH", "")
    if known.startswith('"v') and known == (tag := f'"v{ask.one(VERSION_SQL)[0]}"'):
        start_response("304 Not Modified", [("ETag", tag)])
        return []
    answer = RESPONSES[ask.path](ask)
    text = answer if isinstance(answer, str) else json.dumps({**ask.mark(), **answer}, default=str, ensure_ascii=False)
    body = text.encode()
    digest = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    head = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("ETag", digest)]
    if known == digest:
        start_response("304 Not Modified", head[2:])
        return []
    start_response("200 OK", head)
    return [body]
