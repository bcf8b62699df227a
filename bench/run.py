"""How fast the product is, beside a floor and a naive twin: `make bench [SCALES=1,100] [SECONDS=2]`.

Four servers of two workers each run at once and are asked in turn: the product, the product with ANSWERS=0 (every
answer computed anew), bench/floor.py (raw SQL) and bench/naive.py (stock DRF). Before anything is timed the floor's
answers are compared with the product's, value by value. docs/performance.md is written from what was measured: no
figure and no verdict in it is typed by hand.
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
from bench.client import CONNECTIONS, Summary, once, peak_of, run
from bench.databases import ask, synthesized
from bench.servers import Server

ALL = ("product", "uncached", "floor", "naive")
OURS = ("product", "uncached")
STORED = "/api/v1/pilots/?page_size=50&omit=stage,days_in_stage,light"
FILE = "/api/v1/readings/?format=csv"
SLOW, VERY_SLOW = 1.0, 10.0  # seconds for one answer: then it is asked less often
COLD = {"page": "/", "list": "/api/v1/pilots/", "progress": "/api/v1/progress/?omit=pilots"}
WARMED_BY = "/api/v1/sources/?page_size=1"  # loads the code, and asks for nothing that is timed
POLICY = """SELECT slug FROM policies_policy p JOIN policies_provincialplan n ON p.id = n.policy_id
 GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"""
LAST = "SELECT id FROM pilots_reading ORDER BY id DESC OFFSET 50 LIMIT 1"


@dataclass(frozen=True)
class Case:
    """One thing to ask, of these servers; `tag` says which version the reader names for a 304."""

    name: str
    path: str
    of: tuple[str, ...] = ALL
    tag: str = ""


@dataclass
class Figures:
    """What was measured at one scale."""

    scale: int
    rows: dict[str, int]
    trend: str = ""
    cases: dict[str, dict[str, Summary]] = field(default_factory=dict)
    cold: dict[str, tuple[float, float]] = field(default_factory=dict)  # seconds: of a fresh process, of loaded code
    export: tuple[float, int, int] | None = None


def cases(database: str, trend: str) -> list[Case]:
    (policy,) = ask(database, POLICY)
    readings = ask(database, "SELECT count(*) FROM pilots_reading")[0]
    (last,) = ask(database, LAST)
    cursor = base64.urlsafe_b64encode(f"r.{last}".encode()).decode().rstrip("=")
    listed = "/api/v1/readings/?page_size=50"
    return [
        Case("list, stored fields", STORED),
        Case("list", "/api/v1/pilots/"),
        Case("rollout", f"/api/v1/rollout/?policy={policy}"),
        Case("coverage", "/api/v1/coverage/"),
        Case("progress", "/api/v1/progress/?omit=pilots"),
        Case("trend", trend, OURS),
        Case("overview page", "/", OURS),
        Case("304 of the list", STORED, (*OURS, "floor"), tag="version"),
        Case("304, answer made anew", STORED, ("floor",), tag="answer"),
        Case("first page by cursor", f"{listed}&cursor=first", ("uncached",)),
        Case("last page by cursor", f"{listed}&cursor={cursor}", ("uncached",)),
        Case("first page by number", f"{listed}&page=1", ("uncached",)),
        Case("last page by number", f"{listed}&page={-(-readings // 50)}", ("uncached",)),
    ]


# -- measuring ------------------------------------------------------------------------------------------


@contextmanager
def served(names: tuple[str, ...], database: str) -> Iterator[dict[str, Server]]:
    """These servers on a database, each with an empty store of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield {name: stack.enter_context(Server(name, database, folder / name)) for name in names}


def check(case: Case, servers: dict[str, Server]) -> None:
    """Raises SystemExit unless every server gives the product's answer; the naive twin, the same records."""
    if "floor" not in case.of or case.tag:
        return
    ours = json.loads(once(servers["product"], case.path).body)
    for name in ("uncached", "floor"):
        if json.loads(once(servers[name], case.path).body) != ours:
            raise SystemExit(f"{name} answers otherwise than the product: {case.path}")
    twin = json.loads(once(servers["naive"], case.path).body)
    if isinstance(ours.get("results"), list):
        same = [[row["slug"] for row in one["results"]] for one in (ours, twin)]
    else:
        same = [[one.get(key) for key in ("pilots", "naming", "issued", "reported")] for one in (ours, twin)]
    if same[0] != same[1]:
        raise SystemExit(f"naive answers with other records than the product: {case.path}")


def measure(case: Case, servers: dict[str, Server], seconds: float, rounds: int) -> dict[str, Summary]:
    """Rounds in turn: a round of each server, then the next of each."""
    tags = {name: version_of(servers[name], case) if case.tag else "" for name in case.of}
    took = {name: warmed(servers[name], case.path, tag) for name, tag in tags.items()}
    summaries = {name: Summary() for name in case.of}
    for number in range(rounds):
        for name in case.of:
            if number < rounds_for(took[name], rounds):
                lines = 2 if took[name] > VERY_SLOW else CONNECTIONS
                status, server = 304 if case.tag else 200, servers[name]
                found = run(server, case.path, status, tag=tags[name], seconds=seconds, connections=lines)
                summaries[name].rounds.append(found)
    return summaries


def rounds_for(took: float, rounds: int) -> int:
    """How often a server is asked that takes so many seconds for an answer."""
    return 1 if took > VERY_SLOW else min(2, rounds) if took > SLOW else rounds


def warmed(server: Server, path: str, tag: str) -> float:
    """Seconds of an answer that both workers have given before, unless that takes too long."""
    seconds = once(server, path, tag).seconds
    for _ in range(4 if seconds < SLOW else 0):
        seconds = once(server, path, tag).seconds
    return seconds


def version_of(server: Server, case: Case) -> str:
    """The tag that a reader holds: of its answer, or of the floor's facts."""
    if server.name == "floor" and case.tag == "version":
        return f'"{once(server, "/version/").body.decode()}"'
    return once(server, case.path).tag


def cold(database: str, path: str, times: int) -> tuple[float, float]:
    """Seconds of the first answer after a start with an empty store: at once, and when the code has been loaded."""
    found: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(times):
        for loaded, seconds in found.items():
            with served(("product",), database) as servers:
                for _each in range(8 if loaded else 0):
                    once(servers["product"], WARMED_BY)
                seconds.append(once(servers["product"], path).seconds)
    return median(found[False]), median(found[True])


def export(database: str) -> tuple[float, int, int]:
    """The file of all readings from a server that has made a small one before: (seconds, bytes, growth)."""
    with served(("uncached",), database) as servers:
        for _ in range(8):
            once(servers["uncached"], f"{FILE}&page_size=50")
        return peak_of(servers["uncached"], FILE)


def trend_of(database: str) -> str:
    """Where an indicator's trend is told with the nation's aggregate; without such an address, the nearest: synergy."""
    with served(("product",), database) as servers:
        root = json.loads(once(servers["product"], "/api/v1/").body)
    return "/api/v1/trend/?indicator=CO2_TOT" if "trend" in root else "/api/v1/synergy/?omit=pilots,missing"


def measured(scale: int, seconds: float, rounds: int, only: str) -> Figures:
    """Everything at one scale."""
    database = synthesized(scale)
    rows = {table: ask(database, f"SELECT count(*) FROM pilots_{table}")[0] for table in ("pilot", "reading")}
    figures = Figures(scale, rows, trend_of(database))
    asked = [case for case in cases(database, figures.trend) if only in case.name]
    with served(ALL, database) as servers:
        for case in asked:
            check(case, servers)
            figures.cases[case.name] = measure(case, servers, seconds, rounds)
            for row in report.lines(scale, case.name, figures.cases[case.name]):
                print(report.line(row), flush=True)
    if not only:
        figures.cold = {name: cold(database, path, 3) for name, path in COLD.items()}
        figures.export = export(database)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scales", default="1,100", help="which databases, as times the national size")
    parser.add_argument("--seconds", type=float, default=2, help="how long a round asks one server")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="cases with this in their name; nothing is written then")
    options: Any = parser.parse_args()
    load = os.getloadavg()[0]
    found = [measured(int(scale), options.seconds, options.rounds, options.only) for scale in options.scales.split(",")]
    if not options.only:
        text = report.document(found, options, load) + report.apart()
        print(text)
        report.PLACE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
