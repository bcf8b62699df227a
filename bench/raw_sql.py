"""The floor: raw SQL behind a plain WSGI function. No framework can be faster.

One statement a question, written by hand, prepared once on the connection of each thread, with its answer as JSON. It
answers the requests of bench/run.py alone, with the product's own values of the fields that it gives, all but the light,
and does without validation, permissions, limits, conditional requests and log.
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
ALWAYS = {"day": DAY, "site": "http://127.0.0.1"}
THREAD = threading.local()
psycopg2.extras.register_default_json(globally=True, loads=lambda text: text)  # JSON leaves as the database made it
PARAMETER = re.compile(r"%\((\w+)\)s")
TYPES: dict[type, str] = {date: "date", int: "int", list: "text[]"}

STAGES = ("recommended", "reviewed", "listed", "tasked", "plan_draft", "plan_issued", "implementing", "midterm")
STAGES += ("final_eval", "promoted", "rectifying")
STAGE_ORDER_SQL = f"array_position(ARRAY{[*STAGES]}::varchar[], stage)"
LISTED_SQL = """b.known_by <= %(day)s AND (p.withdrawn_on IS NULL OR p.withdrawn_on > %(day)s
 OR (p.withdrawn_recorded_on > %(day)s AND p.withdrawn_recorded_on > p.withdrawn_on + 30))"""


def link_json(row: str, kind: str, name: str = "name") -> str:
    """Return a related record as JSON: code, English name (else the Chinese), URL."""
    names = f"coalesce(nullif({row}.{name}_en, ''), {row}.{name}_zh)"
    address = f"concat(%(site)s, '/api/v1/{kind}/', {row}.slug, '/')"
    return f"json_build_object('slug', {row}.slug, 'name', {names}, 'url', {address})"


CHOSEN_SQL = f"""SELECT p.*, b.slug AS batch_slug FROM pilots_pilot p JOIN pilots_batch b ON b.id = p.batch_id
 WHERE {LISTED_SQL} ORDER BY b.slug, p.id LIMIT 50"""

# Current stage of each pilot, and since when without a break.
CURRENT_STAGE_SQL = f"""SELECT DISTINCT ON (pilot_id) pilot_id, stage,
 min(entered_on) OVER (PARTITION BY pilot_id, stage, island) AS since FROM (
 SELECT s.pilot_id, stage, entered_on, {STAGE_ORDER_SQL} AS place,
  row_number() OVER (PARTITION BY s.pilot_id ORDER BY entered_on, {STAGE_ORDER_SQL})
  - row_number() OVER (PARTITION BY s.pilot_id, stage ORDER BY entered_on) AS island
 FROM pilots_stageentry s JOIN chosen c ON c.id = s.pilot_id WHERE entered_on <= %(day)s) AS entered
 ORDER BY pilot_id, entered_on DESC, place DESC"""

NAME_SQL = "coalesce(nullif(c.name_en, ''), c.name_zh)"
FIELDS_SQL = f"""'slug', c.slug, 'name', {NAME_SQL}, 'name_en', nullif(c.name_en, ''), 'name_zh', c.name_zh, 'kind', c.kind,
 'batch', {link_json("b", "batches", "title")}, 'province', {link_json("v", "provinces")},
 'prefecture_code', nullif(c.prefecture_code, ''), 'prefecture_zh', nullif(c.prefecture_zh, ''),
 'county_code', nullif(c.county_code, ''), 'parent', CASE WHEN u.id IS NOT NULL THEN {link_json("u", "pilots")} END,
 'city_type', nullif(c.city_type, ''), 'industries',
 coalesce((SELECT json_agg({link_json("i", "industries")} ORDER BY i.id) FROM pilots_pilot_industries t
  JOIN policies_industry i ON i.id = t.industry_id WHERE t.pilot_id = c.id), '[]'::json),
 'term_start', c.term_start, 'term_end', c.term_end, 'withdrawn_on', c.withdrawn_on,
 'stage', s.stage, 'days_in_stage', %(day)s - s.since, 'confidence', c.confidence, 'unverified', c.confidence = 'inferred',
 'note', coalesce(nullif(c.note_en, ''), nullif(c.note_zh, '')),
 'note_en', nullif(c.note_en, ''), 'note_zh', nullif(c.note_zh, ''),
 'url', concat(%(site)s, '/api/v1/pilots/', c.slug, '/'),
 'page', concat(%(site)s, '/pilots/', c.slug, '/'),
 'revision', (SELECT count(*) FROM pilots_historicalpilot h WHERE h.id = c.id)"""
FROM_SQL = """FROM chosen c JOIN pilots_batch b ON b.id = c.batch_id JOIN policies_province v ON v.id = c.province_id
 LEFT JOIN pilots_pilot u ON u.id = c.parent_id"""
LIST_SQL = f"""WITH chosen AS MATERIALIZED ({CHOSEN_SQL}), standing AS ({CURRENT_STAGE_SQL})
SELECT json_build_object('count', (SELECT count(*) FROM pilots_pilot p JOIN pilots_batch b ON b.id = p.batch_id
 WHERE {LISTED_SQL}), 'results', json_agg(json_build_object({FIELDS_SQL}) ORDER BY c.batch_slug, c.id)) {FROM_SQL}
 LEFT JOIN standing s ON s.pilot_id = c.id"""

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
 newest AS (SELECT DISTINCT ON (r.pilot_id, period) r.pilot_id, period, value FROM pilots_reading r
  JOIN chosen c ON c.id = r.pilot_id JOIN pilots_indicator i ON i.id = r.indicator_id WHERE i.code = %(indicator)s
  AND length(period) = 4 AND accepted_on <= %(day)s ORDER BY r.pilot_id, period, version DESC),
 outer_pilot AS (SELECT id FROM chosen c WHERE NOT EXISTS (SELECT FROM chosen o WHERE o.id = c.parent_id)),
 year AS (SELECT period::int AS year, count(*) AS n, (SELECT count(*) FROM outer_pilot) AS of, sum(value)::float AS total
  FROM newest JOIN outer_pilot ON id = pilot_id GROUP BY 1)
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
