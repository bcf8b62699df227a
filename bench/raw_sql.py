"""The floor: raw SQL behind a plain WSGI function. No framework can be faster.

One statement a question, written by hand, prepared once on the connection of each thread, with its answer as JSON. It
answers the requests of bench/run.py alone, with the product's own values of the fields that it gives, and does without
validation, permissions, limits, conditional requests and log.
"""

import json
import os
import re
import threading
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import parse_qsl

import psycopg2.extras

DATABASE = os.environ["DATABASE_URL"].replace("postgres://", "postgresql://", 1)
DAY = date.fromisoformat(os.environ["BENCH_DAY"])
YEAR_DUE = DAY.year - (2 if (DAY.month, DAY.day) <= (3, 31) else 1)
ALWAYS = {"day": DAY, "due": YEAR_DUE, "years": [str(YEAR_DUE + n) for n in range(10)], "site": "http://127.0.0.1"}
THREAD = threading.local()
psycopg2.extras.register_default_json(globally=True, loads=lambda text: text)  # JSON leaves as the database made it
PARAMETER = re.compile(r"%\((\w+)\)s")
TYPES: dict[type, str] = {date: "date", int: "int", list: "text[]"}

STAGES = ("recommended", "reviewed", "listed", "tasked", "plan_draft", "plan_issued", "implementing", "midterm")
STAGES += ("final_eval", "promoted", "rectifying", "withdrawn")
STAGE_ORDER_SQL = f"array_position(ARRAY{[*STAGES]}::varchar[], stage)"
LISTED_SQL = "b.known_by <= %(day)s AND (p.withdrawn_on IS NULL OR p.withdrawn_on > %(day)s)"


def link_json(row: str, kind: str, name: str = "name") -> str:
    """Return a related record as JSON: code, English name (else the Chinese), URL."""
    names = f"coalesce(nullif({row}.{name}_en, ''), {row}.{name}_zh)"
    address = f"concat(%(site)s, '/api/v1/{kind}/', {row}.slug, '/')"
    return f"json_build_object('slug', {row}.slug, 'name', {names}, 'url', {address})"


CHOSEN_SQL = f"""SELECT p.*, b.slug AS batch_slug, extract(year FROM coalesce(p.term_start, b.term_start, b.known_by)) AS
 first_year FROM pilots_pilot p JOIN pilots_batch b ON b.id = p.batch_id WHERE {LISTED_SQL}
 ORDER BY b.slug, p.id LIMIT 50"""

# Current stage of each pilot, and since when without a break.
CURRENT_STAGE_SQL = f"""SELECT DISTINCT ON (pilot_id) pilot_id, stage,
 min(entered_on) OVER (PARTITION BY pilot_id, stage, island) AS since FROM (
 SELECT s.pilot_id, stage, entered_on, {STAGE_ORDER_SQL} AS place,
  row_number() OVER (PARTITION BY s.pilot_id ORDER BY entered_on, {STAGE_ORDER_SQL})
  - row_number() OVER (PARTITION BY s.pilot_id, stage ORDER BY entered_on) AS island
 FROM pilots_stageentry s JOIN chosen c ON c.id = s.pilot_id WHERE entered_on <= %(day)s) AS entered
 ORDER BY pilot_id, entered_on DESC, place DESC"""

# The light of each pilot: its worst binding target, milestone or planned stage, as pilots/lights.py has it.
LIGHTS_SQL = f"""newest AS (SELECT DISTINCT ON (r.pilot_id, indicator_id, period) r.pilot_id, indicator_id, period, value, state
 FROM pilots_reading r JOIN chosen c ON c.id = r.pilot_id
 WHERE accepted_on <= %(day)s AND period = ANY(%(years)s)
 ORDER BY r.pilot_id, indicator_id, period, version DESC),
actual AS (SELECT DISTINCT ON (pilot_id, indicator_id) pilot_id, indicator_id, period::int AS year, value FROM newest
 WHERE state = 'accepted' ORDER BY pilot_id, indicator_id, period DESC),
target AS (SELECT t.*, a.value AS actual, CASE direction WHEN 'lower' THEN 1 ELSE -1 END AS worse,
 t.kind = 'reach' AND base_year < target_year AND base_value <> target_value AS path,
 t.kind = 'keep' OR (t.kind = 'reach' AND base_value = target_value) AS keeps,
 least(greatest(coalesce(a.year, %(due)s), base_year), target_year) AS place
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
  AND decided_on <= %(day)s ORDER BY decided_on DESC, r.id DESC LIMIT 1), planned_on) AS planned
 FROM pilots_milestone m JOIN chosen c ON c.id = m.pilot_id),
planned_stage AS (SELECT s.*, coalesce((SELECT day FROM pilots_replan r WHERE r.stage_entry_id = s.id AND accepted
  AND decided_on <= %(day)s ORDER BY decided_on DESC, r.id DESC LIMIT 1), planned_on) AS planned
 FROM pilots_stageentry s JOIN chosen c ON c.id = s.pilot_id),
graded AS (SELECT 'target' AS source, pilot_id, binding, CASE WHEN kind = 'text' THEN CASE WHEN done_on <= %(day)s THEN 0
 WHEN %(day)s > make_date(target_year, 12, 31) THEN 2 END
 WHEN gap <= 1e-9 THEN 0 WHEN gap <= 0.1 + 1e-9 THEN 1 WHEN gap IS NOT NULL THEN 2 END AS grade FROM gap
 UNION ALL SELECT 'milestone', m.pilot_id, is_key OR %(day)s - planned <= 90, CASE WHEN completed_on <= %(day)s THEN 0
 WHEN %(day)s - planned > 90 THEN 2 WHEN %(day)s > planned THEN 1 END
 FROM milestone m JOIN chosen c ON c.id = m.pilot_id
 UNION ALL SELECT 'stage', pilot_id, true, CASE WHEN %(day)s - planned > 90 THEN 2 ELSE 1 END FROM (
  SELECT s.pilot_id, planned, entered_on, {STAGE_ORDER_SQL} AS place, max(CASE WHEN entered_on <= %(day)s THEN
   {STAGE_ORDER_SQL} END) OVER (PARTITION BY s.pilot_id) AS reached FROM planned_stage s
  JOIN chosen c ON c.id = s.pilot_id WHERE {STAGE_ORDER_SQL} <= 10) AS stages
 WHERE planned < %(day)s AND (entered_on IS NULL OR entered_on > %(day)s) AND place > coalesce(reached, 0)),
earned AS (SELECT pilot_id FROM graded WHERE binding AND grade IS NOT NULL AND source = 'target'
 UNION SELECT pilot_id FROM milestone WHERE is_key AND (completed_on <= %(day)s OR planned <= %(day)s)),
worst AS (SELECT pilot_id, max(CASE WHEN grade = 2 AND binding THEN 2
 WHEN grade = 2 OR (grade = 1 AND binding) THEN 1 ELSE 0 END) AS worst FROM graded GROUP BY pilot_id),
begun AS (SELECT DISTINCT pilot_id FROM milestone WHERE completed_on <= %(day)s OR planned <= %(day)s),
reporting AS (SELECT DISTINCT pilot_id FROM actual),
shown AS (SELECT c.id, coalesce(
 (SELECT colour FROM pilots_lightoverride o WHERE o.pilot_id = c.id AND set_on <= %(day)s AND expires_on > %(day)s
  ORDER BY set_on DESC, id DESC LIMIT 1),
 CASE worst WHEN 2 THEN 'red' WHEN 1 THEN 'yellow' ELSE CASE WHEN (reporting.pilot_id IS NOT NULL
  OR (%(due)s < c.first_year AND begun.pilot_id IS NOT NULL)) AND c.id IN (SELECT pilot_id FROM earned)
  THEN 'green' ELSE 'grey' END END) AS colour
 FROM chosen c LEFT JOIN worst w ON w.pilot_id = c.id LEFT JOIN reporting ON reporting.pilot_id = c.id
 LEFT JOIN begun ON begun.pilot_id = c.id)"""

NAME_SQL = "coalesce(nullif(c.name_en, ''), c.name_zh)"
FIELDS_SQL = f"""'slug', c.slug, 'name', {NAME_SQL}, 'name_en', nullif(c.name_en, ''), 'name_zh', c.name_zh, 'kind', c.kind,
 'batch', {link_json("b", "batches", "title")}, 'province', {link_json("v", "provinces")},
 'prefecture_code', nullif(c.prefecture_code, ''), 'prefecture_zh', nullif(c.prefecture_zh, ''),
 'county_code', nullif(c.county_code, ''), 'parent', CASE WHEN u.id IS NOT NULL THEN {link_json("u", "pilots")} END,
 'city_type', nullif(c.city_type, ''), 'industries',
 coalesce((SELECT json_agg({link_json("i", "industries")} ORDER BY i.id) FROM pilots_pilot_industries t
  JOIN policies_industry i ON i.id = t.industry_id WHERE t.pilot_id = c.id), '[]'::json),
 'term_start', c.term_start, 'term_end', c.term_end, 'withdrawn_on', c.withdrawn_on,
 'stage', s.stage, 'days_in_stage', %(day)s - s.since, 'light', l.colour, 'confidence', c.confidence, 'unverified', c.confidence = 'inferred',
 'note', coalesce(nullif(c.note_en, ''), nullif(c.note_zh, '')),
 'note_en', nullif(c.note_en, ''), 'note_zh', nullif(c.note_zh, ''),
 'url', concat(%(site)s, '/api/v1/pilots/', c.slug, '/'),
 'page', concat(%(site)s, '/pilots/', c.slug, '/'),
 'revision', (SELECT count(*) FROM pilots_historicalpilot h WHERE h.id = c.id)"""
FROM_SQL = """FROM chosen c JOIN pilots_batch b ON b.id = c.batch_id JOIN policies_province v ON v.id = c.province_id
 LEFT JOIN pilots_pilot u ON u.id = c.parent_id"""
LIST_SQL = f"""WITH chosen AS MATERIALIZED ({CHOSEN_SQL}), {LIGHTS_SQL}, standing AS ({CURRENT_STAGE_SQL})
SELECT json_build_object('count', (SELECT count(*) FROM pilots_pilot p JOIN pilots_batch b ON b.id = p.batch_id
 WHERE {LISTED_SQL}), 'results', json_agg(json_build_object({FIELDS_SQL}) ORDER BY c.batch_slug, c.id)) {FROM_SQL}
 JOIN shown l ON l.id = c.id LEFT JOIN standing s ON s.pilot_id = c.id"""

ROLLOUT_SQL = f"""WITH policy AS (SELECT id, CASE WHEN issued_on IS NULL OR issued_precision <> 'day' THEN published_on
  ELSE issued_on END AS origin FROM policies_policy WHERE slug = %(policy)s),
 plan AS (SELECT v.id, v.region, {link_json("v", "provinces")} AS province, origin, n.confidence, n.issued_on,
  n.issued_precision, n.known_issued_by, CASE WHEN n.status IS NULL THEN 'unknown'
   WHEN n.status = 'issued' AND known_issued_by <= %(day)s THEN 'issued'
   WHEN n.status = 'issued' OR searched_on > %(day)s THEN 'unknown' ELSE n.status END AS status
  FROM policies_province v CROSS JOIN policy LEFT JOIN policies_provincialplan n
   ON n.province_id = v.id AND n.policy_id = policy.id WHERE v.in_roster),
 line AS (SELECT *, CASE WHEN status = 'issued' AND issued_precision = 'day' THEN issued_on - origin END AS lag FROM plan)
SELECT json_build_object('roster', count(*), 'issued', count(*) FILTER (WHERE status = 'issued'),
 'share', count(*) FILTER (WHERE status = 'issued')::float / count(*), 'dated', count(lag), 'lag_from', min(origin),
 'inferred', count(*) FILTER (WHERE status = 'issued' AND confidence = 'inferred'),
 'median_lag_days', percentile_cont(0.5) WITHIN GROUP (ORDER BY lag), 'provinces', json_agg(json_build_object(
  'province', province, 'region', region, 'status', status, 'lag_days', lag,
  'issued_on', CASE WHEN status = 'issued' THEN issued_on END,
  'precision', CASE WHEN status = 'issued' AND issued_on IS NOT NULL THEN issued_precision END,
  'known_by', CASE WHEN status = 'issued' THEN known_issued_by END) ORDER BY id)) FROM line"""

COVERAGE_SQL = f"""WITH named AS MATERIALIZED (SELECT p.id, industry_id, p.province_id, region, in_roster
  FROM pilots_pilot_industries t JOIN pilots_pilot p ON p.id = t.pilot_id JOIN pilots_batch b ON b.id = p.batch_id
  JOIN policies_province v ON v.id = p.province_id WHERE {LISTED_SQL}),
 counted AS (SELECT i.id, {link_json("i", "industries")} AS industry, count(n.id) AS pilots,
  count(DISTINCT n.province_id) FILTER (WHERE in_roster) AS provinces, (SELECT json_agg(coalesce(cell, 0) ORDER BY place)
   FROM unnest(ARRAY['north', 'northeast', 'east', 'central-south', 'southwest', 'northwest']) WITH ORDINALITY r(code, place)
   LEFT JOIN LATERAL (SELECT count(*) AS cell FROM named c WHERE c.industry_id = i.id AND in_roster AND region = code) c
   ON true) AS cells FROM policies_industry i LEFT JOIN named n ON n.industry_id = i.id GROUP BY i.id),
 roster AS (SELECT count(*) AS n FROM policies_province WHERE in_roster)
SELECT json_build_object('pilots', (SELECT count(*) FROM pilots_pilot p JOIN pilots_batch b ON b.id = p.batch_id
  WHERE {LISTED_SQL}), 'naming', (SELECT count(DISTINCT id) FROM named), 'roster', min(n),
 'covered', count(*) FILTER (WHERE pilots > 0), 'industries', json_agg(json_build_object('industry', industry,
  'pilots', pilots, 'provinces', provinces, 'roster', n, 'share', provinces::float / n) ORDER BY id),
 'matrix', json_build_object('cells', json_agg(cells ORDER BY id))) FROM counted CROSS JOIN roster"""

# A park beside its city is in no sum, and a pilot without a value still counts among those that could have one.
TREND_SQL = f"""WITH chosen AS MATERIALIZED (SELECT p.id, p.parent_id FROM pilots_pilot p JOIN pilots_batch b
  ON b.id = p.batch_id WHERE {LISTED_SQL}),
 newest AS (SELECT DISTINCT ON (r.pilot_id, period) r.pilot_id, period, value, state FROM pilots_reading r
  JOIN chosen c ON c.id = r.pilot_id JOIN pilots_indicator i ON i.id = r.indicator_id WHERE i.code = %(indicator)s
  AND length(period) = 4 AND accepted_on <= %(day)s ORDER BY r.pilot_id, period, version DESC),
 outer_pilot AS (SELECT id FROM chosen c WHERE NOT EXISTS (SELECT FROM chosen o WHERE o.id = c.parent_id)),
 year AS (SELECT period::int AS year, count(*) AS n, (SELECT count(*) FROM outer_pilot) AS of, sum(value)::float AS total
  FROM newest JOIN outer_pilot ON id = pilot_id WHERE state = 'accepted' GROUP BY 1)
SELECT json_build_object('years', json_agg(row_to_json(y) ORDER BY y.year)) FROM year y"""

WRITE_SQL = """WITH changed AS (UPDATE pilots_pilot SET note_en = %(note_en)s WHERE slug = %(slug)s RETURNING *)
INSERT INTO pilots_historicalpilot (COLUMNS, history_date, history_type) SELECT COLUMNS, now(), '~' FROM changed
RETURNING json_build_object('note_en', note_en)"""
COLUMNS_SQL = """SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns p
 JOIN information_schema.columns h USING (table_schema, column_name)
 WHERE p.table_name = 'pilots_pilot' AND h.table_name = 'pilots_historicalpilot'"""

STATEMENTS = {
    "/api/v1/pilots/": LIST_SQL,
    "/api/v1/rollout/": ROLLOUT_SQL,
    "/api/v1/coverage/": COVERAGE_SQL,
    "/api/v1/trend/": TREND_SQL,
}


def one_value(statement: str, values: dict[str, Any]) -> Any:
    """Run a statement, which is prepared once per connection, and return its one value."""
    if not hasattr(THREAD, "cursor"):
        connection = psycopg2.connect(DATABASE)
        connection.autocommit = True
        THREAD.cursor, THREAD.plans = connection.cursor(), {}
    names = list(dict.fromkeys(PARAMETER.findall(statement)))
    if statement not in THREAD.plans:
        THREAD.plans[statement] = f"p{len(THREAD.plans)}"
        THREAD.cursor.execute(COLUMNS_SQL)
        numbered = statement.replace("COLUMNS", THREAD.cursor.fetchone()[0])
        numbered = PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", numbered)
        types = ", ".join(TYPES.get(type(values[name]), "text") for name in names)
        THREAD.cursor.execute(f"PREPARE {THREAD.plans[statement]} ({types}) AS {numbered}")
    places = ", ".join(["%s"] * len(names))
    THREAD.cursor.execute(f"EXECUTE {THREAD.plans[statement]} ({places})", [values[name] for name in names])
    return THREAD.cursor.fetchone()[0]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Serve the requests of bench/run.py."""
    path, values = environ["PATH_INFO"], {**ALWAYS, **dict(parse_qsl(environ["QUERY_STRING"]))}
    if environ["REQUEST_METHOD"] == "PATCH":
        sent = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        answer = one_value(WRITE_SQL, {"slug": path.split("/")[-2], **sent})
    else:
        answer = one_value(STATEMENTS[path], values) if path in STATEMENTS else "{}"
    body = answer.encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
