"""Processor time of pages, API lists, files and writes, computed: `make bench ARGS='--pages LABEL'`.

bench/run.py runs this in `manage.py shell`, in one process per scale for what is read and one for what is written. It
asks through Django's test client, in one thread. The time is the processor's, of this process and of its process in the
database, so that another load of the machine hardly matters.
"""

import csv
import gzip
import io
import json
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from accounts.models import create_token
from core.days import today
from core.imports.apply import confirm
from core.imports.files import dry_run_of_file, save_dry_run
from core.imports.importer import KINDS
from core.snapshots import Snapshot

CLIENT = Client(SERVER_NAME="127.0.0.1", headers={"Accept-Language": "en", "Accept-Encoding": "gzip"})
RUNS, SLOW, LIMIT = 5, 5_000, 60_000  # ms: what is SLOW is run once, other cases twice before their runs count
WORKBOOK = "/pilots/?export=pilots.xlsx"
CASES = [
    *("/", "/pilots/", "/pilots/?light=red", "/pilots/?sort=stage", "/provinces/", "/batches/", "/industries/"),
    *("/actions/", "/synergy/", "/compare/", "/pilots/example-city-01/", "/provinces/ningxia/"),
    *("/batches/example-batch-1/", "/api/v1/pilots/", "/api/v1/pilots/?light=red", "/api/v1/progress/"),
    *("/api/v1/provinces/", "/api/v1/readings/", "/api/v1/actions/", WORKBOOK),
]
signal.signal(signal.SIGPROF, signal.default_int_handler)  # no handler of errors catches KeyboardInterrupt
# Values of 2025 that are due, of one pilot each.
WRITE_SQL = """SELECT DISTINCT ON (p.id) p.slug, i.code, '2025', t.base_value::float, '2026-11-20', 'Bench'
FROM pilots_target t JOIN pilots_pilot p ON p.id = t.pilot_id JOIN pilots_indicator i ON i.id = t.indicator_id
WHERE binding AND base_value IS NOT NULL AND base_year < 2025 AND NOT EXISTS (SELECT FROM pilots_reading r
 WHERE r.pilot_id = p.id AND r.indicator_id = i.id AND r.period LIKE '2025%') ORDER BY p.id"""
IMPORT_COLUMNS = ["pilot", "indicator", "period", "value", "reported_on", "note_en"]
IMPORT_SQL = """SELECT p.slug, i.code, own, value::text, '2026-11-20', 'Bench' FROM pilots_reading r
JOIN pilots_pilot p ON p.id = r.pilot_id JOIN pilots_indicator i ON i.id = r.indicator_id
CROSS JOIN unnest(ARRAY['2021', '2022', '2026-Q1', '2026-Q2', '2026-Q3']) AS own
WHERE r.period = '2024' AND version = 1 AND NOT EXISTS (SELECT FROM pilots_reading o
 WHERE o.pilot_id = p.id AND o.indicator_id = i.id AND o.period = own) ORDER BY p.id, i.id, own LIMIT 4000"""


def rows_of(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def processor_ms() -> list[float]:
    """Return the processor time so far of this process, and of its process in the database."""
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")  # a worker's time would not be counted
    connection.close_at = None  # a later connection would count from zero
    pid = connection.connection.info.backend_pid
    return [time.process_time() * 1000, int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6]


def report(name: str, work: Callable[[], float], *, once: bool = False) -> None:
    """Print the median ms of both processes for a piece of work, and the kB that it returns."""

    def run() -> list[float]:
        before = processor_ms()
        signal.setitimer(signal.ITIMER_PROF, LIMIT / 1000)
        try:
            size = work()
        except KeyboardInterrupt:
            connection.close()
            return [LIMIT, 0.0, 0.0]
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return [*(now - then for now, then in zip(processor_ms(), before, strict=True)), size]

    runs = [run()]
    if sum(runs[0][:2]) < SLOW and not once:
        run()
        runs = [run() for _ in range(RUNS)]
    print(json.dumps([name, *map(median, zip(*runs, strict=True))]), flush=True)


def ask(path: str, method: str = "get", *, begin: bool = False, **options: Any) -> float:
    """Return the kB of an answer, unpacked, or of what is sent when it begins."""
    CLIENT.cookies.clear()
    response: Any = getattr(CLIENT, method)(path, **options)
    chunks = iter(response)
    body = next(chunks) if begin else b"".join(chunks)
    response.close()
    if response.get("Content-Encoding") == "gzip" and not begin:
        body = gzip.decompress(body)
    if response.status_code not in {200, 201}:
        raise SystemExit(f"{path}: {response.status_code} {body[:1000]!r}")
    return len(body) / 1000


def measure_reads(*, known: bool) -> None:
    """Measure what is read, and, if `known`, a day of `?known=` built."""
    for path in CASES:
        report(path, partial(ask, path))
    report(f"{WORKBOOK}, its beginning", partial(ask, WORKBOOK, begin=True))

    def build() -> float:
        snapshot = Snapshot(today() - timedelta(1))
        snapshot.path.unlink(missing_ok=True)
        snapshot.write()
        return snapshot.path.stat().st_size / 1000

    if known:
        report("?known= built", build, once=True)


def measure_writes() -> None:
    """Measure a value sent to the API, and an import of 4,000, which its confirmation checks again."""
    user, _made = User.objects.get_or_create(username="bench", is_superuser=True)
    headers = {"Authorization": f"Bearer {create_token(user=user, name='bench', may_write=True)[1]}"}
    values, file, kind, imports = iter(rows_of(WRITE_SQL)), io.StringIO(), KINDS["readings"], []
    csv.writer(file).writerows([IMPORT_COLUMNS, *rows_of(IMPORT_SQL)])
    content = file.getvalue().encode()

    def write() -> float:
        sent = dict(zip(IMPORT_COLUMNS, next(values), strict=True))
        return ask("/api/v1/readings/", "post", data=sent, content_type="application/json", headers=headers)

    def check() -> float:
        plan = dry_run_of_file(kind, "bench.csv", content, by=user)
        if plan.errors or len(plan.rows) != 4000:
            raise SystemExit(f"{len(plan.rows)} rows, {plan.errors[:3]}")
        imports.append(save_dry_run(plan, name="bench.csv", content=content, by=user))
        return len(content) / 1000

    def write_all() -> float:
        confirm(kind, imports[0], by=user, reason="Bench")
        return len(content) / 1000

    report("one reading written", write)
    report("4,000 readings checked", check, once=True)
    report("4,000 readings confirmed", write_all, once=True)
