"""Reports of the benchmark: progress lines, and var/performance.md from the measured figures."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from bench.databases import POSTGRES_URL
from bench.load_client import CONNECTIONS, Summary
from bench.mixed_load import HEADS as MIXED_HEADS
from bench.mixed_load import MixedResults
from bench.servers import ROOT, describe_machine

REPORT_PATH = ROOT / "var" / "performance.md"
MIB = 2**20
NAMES = {
    "product": "product",
    "uncached": "product, uncached",
    "floor": "floor",
    "naive": "naive twin",
}
NAMES |= {"cached": "cached twin"}


def result_rows(scale: int, case: str, found: Mapping[str, Summary]) -> Iterator[list[str]]:
    """Yield a row of the table for each server."""
    for name, summary in found.items():
        yield [str(scale), case, NAMES[name], *summary_cells(summary)]


def summary_cells(summary: Summary) -> list[str]:
    return [
        f"{summary.rate:,.1f}",
        *(f"{summary.quantile(percent) * 1000:,.1f}" for percent in (50, 95)),
        f"{summary.cpu * 1000:,.2f}",
        f"{summary.database * 1000:,.2f}",
        f"{summary.rss / MIB:,.0f}",
        f"{len(summary.rounds)}",
    ]


# -- targets --------------------------------------------------------------------------------------------


class Results:
    """Figures of all scales, for the targets; KeyError where something was not measured."""

    def __init__(self, found: list[Any]) -> None:
        self.by_scale = {figures.scale: figures for figures in found}
        self.least, self.most = min(self.by_scale), max(self.by_scale)

    def rate(self, scale: int, case: str, name: str) -> float:
        rate: float = self.by_scale[scale].cases[case][name].rate
        return rate

    def against(self, case: str, name: str, other: str) -> Callable[[int], float]:
        """Return the ratio of request rates to another server, by scale."""
        return lambda scale: self.rate(scale, case, name) / self.rate(scale, case, other)

    def growth(self, case: str, name: str) -> float:
        """Return the ratio of response times of the largest to the smallest scale."""
        if self.least == self.most:
            raise KeyError(self.most)
        return self.rate(self.least, case, name) / self.rate(self.most, case, name)

    def of_304(self, floor: str) -> Callable[[int], float]:
        return lambda scale: self.rate(scale, "304 of the list", "product") / self.rate(scale, floor, "floor")

    def cold(self, place: int) -> Callable[[int], float]:
        return lambda scale: float(self.by_scale[scale].cold["page"][place])

    def export_growth(self, scale: int) -> float:
        return float(self.by_scale[scale].export[2] / MIB)

    def depth(self, scale: int) -> float:
        """Return the ratio of response times of the last page by cursor to the first."""
        return self.rate(scale, "first page by cursor", "uncached") / self.rate(
            scale, "last page by cursor", "uncached"
        )


def target_checks(ask: Results) -> Iterator[tuple[str, str, float, float, str]]:
    """Yield (name, scale, figure, bound, "least" or "most") for every performance target."""
    for case in ("list", "rollout", "coverage", "progress"):
        yield from checks_by_scale(ask, f"{case}: uncached / naive", ask.against(case, "uncached", "naive"), 1, "least")
        bound = 2 if case in {"list", "rollout"} else 1
        yield from checks_by_scale(ask, f"{case}: hit / floor", ask.against(case, "product", "floor"), bound, "least")
        yield from checks_by_scale(ask, f"{case}: hit / cached", ask.against(case, "product", "cached"), 1, "least")
    what = "304: product / floor that reads the version alone"
    yield from checks_by_scale(ask, what, ask.of_304("304 of the list"), 0.25, "least")
    if ask.least != ask.most:
        between = f"{ask.most} / {ask.least}"
        yield "overview page, warm", between, ask.growth("overview page", "product"), 1.5, "most"
        yield "trend with the nation's aggregate", between, ask.growth("trend", "product"), 1.5, "most"
        yield "the same without the response cache", between, ask.growth("trend", "uncached"), 1.5, "most"
    for place, what in enumerate(("fresh process", "code loaded")):
        yield from checks_by_scale(ask, f"overview page, cold, {what}: seconds", ask.cold(place), 1, "most")
    yield from checks_by_scale(ask, "last page / first, by cursor", ask.depth, 2, "most")
    yield from checks_by_scale(ask, "CSV of all readings: MiB that a worker grows", ask.export_growth, 16, "most")


def checks_by_scale(
    ask: Results, what: str, figure: Callable[[int], float], bound: float, side: str
) -> Iterator[tuple[str, str, float, float, str]]:
    for scale in ask.by_scale:
        yield what, str(scale), figure(scale), bound, side


def target_verdict(figure: float, bound: float, side: str) -> str:
    return "reached" if (figure >= bound if side == "least" else figure <= bound) else "missed"


# -- the document ---------------------------------------------------------------------------------------


DOCUMENT = """# Performance

Written by `make bench`; `bench/run.py` says what is requested and how. Do not edit.

- {day}, commit {commit}, by `{command}`
- {machine}; load before it began: {load}
- {versions}
- Each server: gunicorn, 2 workers of 4 threads. no rate limits, an anonymous client that asks for
  gzip, as browsers do; the floor does without
- Data of bench/generate.py: {sizes}
- One client process on the same machine, {connections} open connections, as many to each worker; the servers in turn,
  medians of the rounds. A response of more than 1 s is requested in two rounds; of more than 10 s in one, on two
  connections
- The trend is requested at `{trend}`

## Reads while people write

At national size. Readers ask for the overview, lists, pilots, synergy and their API; a writer changes a pilot or a
reading every two seconds. Memory is that of both workers.

{mixed}

First overview after a write: {overview:.0f} ms of processor time.

{mixed_targets}

## Targets

{targets}

## Measured

CPU is processor time of the server's workers for one request, DB that of its PostgreSQL processes; RSS is that of the
larger worker.

{cases}

## Cold

The first response after a start with an empty response cache, in seconds; "code loaded" has answered another address
before.

{cold}

## Export

All readings as CSV, no response cached; growth is that of the worker that grew more.

{export}
"""
CASE_HEADS = ["Scale", "Case", "Server", "Requests/s", "p50 ms", "p95 ms", "CPU ms", "DB ms", "RSS MiB", "Rounds"]


def build_document(found: list[Any], mixed: MixedResults, options: Any, load: float) -> str:
    """Return the whole page from the figures of each scale."""
    rows = [
        row
        for item in found
        for case, summaries in item.cases.items()
        for row in result_rows(item.scale, case, summaries)
    ]
    cold = [[f"{i.scale}", what, f"{a:.2f}", f"{b:.2f}"] for i in found for what, (a, b) in i.cold.items()]
    return DOCUMENT.format(
        day=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        command=f"make bench SCALES={options.scales} SECONDS={options.seconds:g} ROUNDS={options.rounds}",
        load=f"{load:.1f}",
        sizes="; ".join(
            f"scale {item.scale} is {item.rows['pilot']:,} pilots and {item.rows['reading']:,} readings"
            for item in found
        ),
        connections=CONNECTIONS,
        trend=found[0].trend,
        mixed=markdown_table(MIXED_HEADS, [mixed.paused.row(), mixed.saturated.row()]),
        overview=mixed.overview * 1000,
        mixed_targets=markdown_table(["What", "Figure", "Target", ""], mixed_rows(mixed)),
        targets=markdown_table(["What", "Scale", "Figure", "Target", ""], target_rows(Results(found))),
        cases=markdown_table(CASE_HEADS, rows),
        cold=markdown_table(["Scale", "Response", "Fresh process", "Code loaded"], cold),
        export=markdown_table(
            ["Scale", "Rows", "File MiB", "Seconds", "Growth MiB"], [export_row(item) for item in found]
        ),
        **describe_machine(f"{POSTGRES_URL}/postgres"),
    )


def mixed_rows(mixed: MixedResults) -> list[list[str]]:
    """Return the targets of the mixed load."""
    checks = [
        ("p50, ms", mixed.paused.p50, 60, "most"),
        ("p99, ms", mixed.paused.p99, 600, "most"),
        ("MiB that the workers grow after the first minute", mixed.paused.growth, 50, "most"),
        ("reads/s without pauses", mixed.saturated.rate, 60, "least"),
        ("first overview after a write, ms of processor time", mixed.overview * 1000, 80, "most"),
    ]
    signs = {"least": "≥", "most": "≤"}
    return [
        [what, f"{figure:.0f}", f"{signs[side]} {bound}", target_verdict(figure, bound, side)]
        for what, figure, bound, side in checks
    ]


def target_rows(ask: Results) -> list[list[str]]:
    signs = {"least": "≥", "most": "≤"}
    return [
        [what, scale, f"{figure:.2f}", f"{signs[side]} {bound:g}", target_verdict(figure, bound, side)]
        for what, scale, figure, bound, side in target_checks(ask)
    ]


def export_row(item: Any) -> list[str]:
    seconds, size, growth = item.export
    return [str(item.scale), f"{item.rows['reading']:,}", f"{size / MIB:.1f}", f"{seconds:.1f}", f"{growth / MIB:.1f}"]


def markdown_table(heads: list[str], rows: list[list[str]]) -> str:
    return "\n".join([table_line(heads), "|" + " --- |" * len(heads), *map(table_line, rows)])


def table_line(row: list[str]) -> str:
    return "| " + " | ".join(row) + " |"
