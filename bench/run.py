"""Speed of the product beside raw SQL and stock DRF: `make bench [SCALES=1,10] [SECONDS=2]`.

Five servers of two workers each run at once and get requests in turn: the product, the product without its response
cache (every response computed anew), raw_sql.py (raw SQL), stock_drf.py (stock DRF) and the same behind Django's cache
middleware. All are asked for gzip, which the raw SQL does without, as costs it less. Before timing, the
responses of raw SQL are compared with the product's, value by value. var/performance.md is written from the measured
figures: no figure and no verdict in it is typed by hand.
"""

import argparse
import base64
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench import report
from bench.databases import database_for_scale, query_first
from bench.load_client import CONNECTIONS, Summary, measure_peak, request_once, run_round
from bench.mixed_load import measure_mixed_load
from bench.servers import BenchServer

ALL_SERVERS = ("product", "uncached", "floor", "naive", "cached")
PRODUCT_SERVERS = ("product", "uncached")
PROGRESS_PATH = "/api/v1/progress/?page_size=1"
EXPORT_PATH = "/api/v1/readings/?format=csv"
SLOW, VERY_SLOW = 1.0, 10.0  # seconds for one response, from which fewer requests are sent
COLD_PATHS = {"page": "/", "list": "/api/v1/pilots/", "progress": PROGRESS_PATH}
WARM_UP_PATH = "/api/v1/sources/?page_size=1"  # loads the code without a timed request
POLICY_SQL = """SELECT slug FROM policies_policy p JOIN policies_provincialplan n ON p.id = n.policy_id
 GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"""
LAST_READING_SQL = "SELECT id FROM pilots_reading ORDER BY id DESC OFFSET 50 LIMIT 1"


@dataclass(frozen=True)
class BenchCase:
    """One request to benchmark on these servers; `tag` says which ETag is sent for a 304."""

    name: str
    path: str
    of: tuple[str, ...] = ALL_SERVERS
    tag: str = ""


@dataclass
class ScaleResults:
    """Results of one scale."""

    scale: int
    rows: dict[str, int]
    trend: str = ""
    cases: dict[str, dict[str, Summary]] = field(default_factory=dict)
    cold: dict[str, tuple[float, float]] = field(default_factory=dict)  # seconds: of a new process, with loaded code
    export: tuple[float, int, int] | None = None


def build_cases(database: str, trend: str) -> list[BenchCase]:
    (policy,) = query_first(database, POLICY_SQL)
    (last,) = query_first(database, LAST_READING_SQL)
    cursor = base64.urlsafe_b64encode(f"r.{last}".encode()).decode().rstrip("=")
    listed = "/api/v1/readings/?page_size=50"
    return [
        BenchCase("list", "/api/v1/pilots/"),
        BenchCase("rollout", f"/api/v1/rollout/?policy={policy}"),
        BenchCase("coverage", "/api/v1/coverage/"),
        BenchCase("progress", PROGRESS_PATH),
        BenchCase("trend", trend, PRODUCT_SERVERS),
        BenchCase("overview page", "/", PRODUCT_SERVERS),
        BenchCase("304 of the list", "/api/v1/pilots/", (*PRODUCT_SERVERS, "floor", "cached"), tag="version"),
        BenchCase("first page by cursor", f"{listed}&cursor=first", ("uncached",)),
        BenchCase("last page by cursor", f"{listed}&cursor={cursor}", ("uncached",)),
    ]


# -- measuring ------------------------------------------------------------------------------------------


@contextmanager
def running_servers(names: tuple[str, ...], database: str) -> Iterator[dict[str, BenchServer]]:
    """Run these servers on a database, each with its own empty cache."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield {name: stack.enter_context(BenchServer(name, database, folder / name)) for name in names}


def check_responses(case: BenchCase, servers: dict[str, BenchServer]) -> None:
    """Raise SystemExit unless every server gives the product's response (stock DRF: the same records).

    The floor and stock DRF answer the progress without its page of pilots.
    """
    if "floor" not in case.of or case.tag:
        return
    unlisted = ("pilots", "count", "next", "previous") if case.path == PROGRESS_PATH else ()

    def body_of(name: str) -> Any:
        body = json.loads(request_once(servers[name], case.path).body)
        return {key: value for key, value in body.items() if key not in unlisted}

    ours = body_of("product")
    for name in ("uncached", "floor"):
        if body_of(name) != ours:
            raise SystemExit(f"{name} answers otherwise than the product: {case.path}")
    twin = body_of("naive")
    if isinstance(ours.get("results"), list):
        same = [[row["slug"] for row in one["results"]] for one in (ours, twin)]
    else:
        same = [[one.get(key) for key in ("pilots", "naming", "issued", "reported")] for one in (ours, twin)]
    if same[0] != same[1]:
        raise SystemExit(f"naive answers with other records than the product: {case.path}")


def measure_case(case: BenchCase, servers: dict[str, BenchServer], seconds: float, rounds: int) -> dict[str, Summary]:
    """Run rounds in turn: one round of each server, then the next of each."""
    tags = {name: etag_of(servers[name], case) if case.tag else "" for name in case.of}
    took = {name: measure_warm(servers[name], case.path, tag) for name, tag in tags.items()}
    summaries = {name: Summary() for name in case.of}
    for number in range(rounds):
        for name in case.of:
            if number < rounds_for(took[name], rounds):
                lines = 2 if took[name] > VERY_SLOW else CONNECTIONS
                status, server = 304 if case.tag else 200, servers[name]
                found = run_round(server, case.path, status, tag=tags[name], seconds=seconds, connections=lines)
                summaries[name].rounds.append(found)
    return summaries


def rounds_for(took: float, rounds: int) -> int:
    """Return the number of rounds for a server that takes so many seconds for a response."""
    return 1 if took > VERY_SLOW else min(2, rounds) if took > SLOW else rounds


def measure_warm(server: BenchServer, path: str, tag: str) -> float:
    """Return the seconds of a warm response (both workers have given it before, unless too slow)."""
    seconds = request_once(server, path, tag).seconds
    for _ in range(4 if seconds < SLOW else 0):
        seconds = request_once(server, path, tag).seconds
    return seconds


def etag_of(server: BenchServer, case: BenchCase) -> str:
    """Return the ETag to send: of the response, or of the data version of raw SQL."""
    if server.name == "floor" and case.tag == "version":
        return f'"{request_once(server, "/version/").body.decode()}"'
    return request_once(server, case.path).tag


def measure_cold_start(database: str, path: str, times: int) -> tuple[float, float]:
    """Return the seconds of the first response with an empty cache: of a new process, and with loaded code."""
    found: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(times):
        for loaded, seconds in found.items():
            with running_servers(("product",), database) as servers:
                for _each in range(8 if loaded else 0):
                    request_once(servers["product"], WARM_UP_PATH)
                seconds.append(request_once(servers["product"], path).seconds)
    return median(found[False]), median(found[True])


def measure_export(database: str) -> tuple[float, int, int]:
    """Export all readings from a warm server; return seconds, bytes and growth of memory."""
    with running_servers(("uncached",), database) as servers:
        for _ in range(8):
            request_once(servers["uncached"], f"{EXPORT_PATH}&page_size=50")
        return measure_peak(servers["uncached"], EXPORT_PATH)


def trend_path(database: str) -> str:
    """Return the path of an indicator's national trend; without such a path that of synergy."""
    with running_servers(("product",), database) as servers:
        root = json.loads(request_once(servers["product"], "/api/v1/").body)
    return "/api/v1/trend/?indicator=CO2_TOT" if "trend" in root else "/api/v1/synergy/?page_size=1"


def measure_scale(scale: int, seconds: float, rounds: int, only: str) -> ScaleResults:
    """Measure everything at one scale."""
    database = database_for_scale(scale)
    rows = {table: query_first(database, f"SELECT count(*) FROM pilots_{table}")[0] for table in ("pilot", "reading")}
    figures = ScaleResults(scale, rows, trend_path(database))
    asked = [case for case in build_cases(database, figures.trend) if only in case.name]
    with running_servers(ALL_SERVERS, database) as servers:
        for case in asked:
            check_responses(case, servers)
            figures.cases[case.name] = measure_case(case, servers, seconds, rounds)
            for row in report.result_rows(scale, case.name, figures.cases[case.name]):
                print(report.table_line(row), flush=True)
    if not only:
        figures.cold = {name: measure_cold_start(database, path, 3) for name, path in COLD_PATHS.items()}
        figures.export = measure_export(database)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scales", default="1,10", help="which databases, as times the national size")
    parser.add_argument("--seconds", type=float, default=2, help="how long a round asks one server")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mixed", type=float, default=120, help="how long people read and write at once")
    parser.add_argument("--only", default="", help="cases with this in their name; nothing is written then")
    options: Any = parser.parse_args()
    load = os.getloadavg()[0]
    mixed = measure_mixed_load(options.mixed) if not options.only else None
    found = [
        measure_scale(int(scale), options.seconds, options.rounds, options.only) for scale in options.scales.split(",")
    ]
    if mixed:
        text = report.build_document(found, mixed, options, load)
        print(text)
        report.REPORT_PATH.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
