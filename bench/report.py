"""What the bench says: a line as it goes, and docs/performance.md from the figures alone."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from bench.client import CONNECTIONS, Summary
from bench.databases import BASE
from bench.servers import ROOT, machine

PLACE = ROOT / "docs" / "performance.md"
MIB = 2**20
NAMES = {"product": "product", "uncached": "product, ANSWERS=0", "floor": "floor", "naive": "naive twin"}


def lines(scale: int, case: str, found: Mapping[str, Summary]) -> Iterator[list[str]]:
    """A row of the table for each server."""
    for name, summary in found.items():
        yield [str(scale), case, NAMES[name], *cells(summary)]


def cells(summary: Summary) -> list[str]:
    return [
        f"{summary.rate:,.1f}",
        *(f"{summary.quantile(percent) * 1000:,.1f}" for percent in (50, 95)),
        f"{summary.cpu * 1000:,.2f}",
        f"{summary.database * 1000:,.2f}",
        f"{summary.rss / MIB:,.0f}",
        f"{len(summary.rounds)}",
    ]


# -- targets --------------------------------------------------------------------------------------------


class Question:
    """The figures of all scales, as targets ask for them; KeyError where something was not measured."""

    def __init__(self, found: list[Any]) -> None:
        self.by_scale = {figures.scale: figures for figures in found}
        self.least, self.most = min(self.by_scale), max(self.by_scale)

    def rate(self, scale: int, case: str, name: str) -> float:
        rate: float = self.by_scale[scale].cases[case][name].rate
        return rate

    def against(self, case: str, name: str, other: str) -> Callable[[int], float]:
        """How many times the other's answers in the same time, by scale."""
        return lambda scale: self.rate(scale, case, name) / self.rate(scale, case, other)

    def growth(self, case: str, name: str) -> float:
        """How many times longer an answer takes at the largest scale than at the smallest."""
        if self.least == self.most:
            raise KeyError(self.most)
        return self.rate(self.least, case, name) / self.rate(self.most, case, name)

    def of_304(self, floor: str) -> Callable[[int], float]:
        return lambda scale: self.rate(scale, "304 of the list", "product") / self.rate(scale, floor, "floor")

    def cold(self, place: int) -> Callable[[int], float]:
        return lambda scale: float(self.by_scale[scale].cold["page"][place])

    def export_growth(self, scale: int) -> float:
        return float(self.by_scale[scale].export[2] / MIB)

    def depth(self, how: str) -> Callable[[int], float]:
        """How many times longer the last page takes than the first."""
        return lambda scale: (
            self.rate(scale, f"first page by {how}", "uncached") / self.rate(scale, f"last page by {how}", "uncached")
        )


def targets(ask: Question) -> Iterator[tuple[str, str, float, float, str]]:
    """(what, at which scale, the figure, the bound, "least" or "most") for every target of the issue."""
    for case in ("list, stored fields", "list"):
        yield from each(ask, f"{case}: uncached / floor", ask.against(case, "uncached", "floor"), 0.35, "least")
        yield from each(ask, f"{case}: uncached / naive", ask.against(case, "uncached", "naive"), 3, "least")
        yield from each(ask, f"{case}: hit / floor", ask.against(case, "product", "floor"), 0.9, "least")
    for case in ("rollout", "coverage", "progress"):
        yield from each(ask, f"{case}: hit / floor", ask.against(case, "product", "floor"), 2, "least")
    for other, what in {
        "304 of the list": "asks for the version alone",
        "304, answer made anew": "makes the answer",
    }.items():
        yield from each(ask, f"304: product / floor that {what}", ask.of_304(other), 0.45, "least")
    if ask.least != ask.most:
        between = f"{ask.most} / {ask.least}"
        yield "overview page, warm", between, ask.growth("overview page", "product"), 1.5, "most"
        yield "trend with the nation's aggregate", between, ask.growth("trend", "product"), 1.5, "most"
        yield "the same, ANSWERS=0", between, ask.growth("trend", "uncached"), 1.5, "most"
    for place, what in enumerate(("fresh process", "code loaded")):
        yield from each(ask, f"overview page, cold, {what}: seconds", ask.cold(place), 1, "most")
    for how in ("cursor", "number"):
        yield from each(ask, f"last page / first, by {how}", ask.depth(how), 2, "most")
    yield from each(ask, "CSV of all readings: MiB that a worker grows", ask.export_growth, 16, "most")


def each(
    ask: Question, what: str, figure: Callable[[int], float], bound: float, side: str
) -> Iterator[tuple[str, str, float, float, str]]:
    for scale in ask.by_scale:
        yield what, str(scale), figure(scale), bound, side


def verdict(figure: float, bound: float, side: str) -> str:
    return "reached" if (figure >= bound if side == "least" else figure <= bound) else "missed"


# -- the document ---------------------------------------------------------------------------------------


DOCUMENT = """# Performance

Written by `make bench`; what it asks and how stands in `bench/run.py`. Do not edit.

- {day}, commit {commit}, by `{command}`
- {machine}; load before it began: {load}
- {versions}
- Each server: gunicorn, 2 workers of 4 threads. DEBUG=0, THROTTLES=0, an anonymous reader, nothing compressed
- Data of `manage.py synthesize`: {sizes}
- One client process on the same machine, {connections} open connections, as many to each worker; the servers in turn,
  medians of the rounds. An answer of more than 1 s is asked in two rounds; of more than 10 s in one, on two connections
- The trend is asked at `{trend}`

## Targets

{targets}

## Measured

CPU is processor time of the server's workers for one request, DB that of its PostgreSQL processes; RSS is that of the
larger worker.

{cases}

## Cold

The first answer after a start with an empty store of answers, in seconds; "code loaded" has answered another address
before.

{cold}

## Export

All readings as CSV, every answer computed anew; growth is that of the worker that grew more.

{export}
"""
CASE_HEADS = ["Scale", "Case", "Server", "Requests/s", "p50 ms", "p95 ms", "CPU ms", "DB ms", "RSS MiB", "Rounds"]


APART = "## Measured apart"


def apart() -> str:
    """The part of the page that other commands measured: it stays as it is."""
    _before, heading, rest = PLACE.read_text(encoding="utf-8").partition(APART)
    return f"\n{heading}{rest}" if heading else ""


def document(found: list[Any], options: Any, load: float) -> str:
    """The whole page from the figures of each scale."""
    rows = [
        row for item in found for case, summaries in item.cases.items() for row in lines(item.scale, case, summaries)
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
        targets=table(["What", "Scale", "Figure", "Target", ""], target_rows(Question(found))),
        cases=table(CASE_HEADS, rows),
        cold=table(["Scale", "Answer", "Fresh process", "Code loaded"], cold),
        export=table(["Scale", "Rows", "File MiB", "Seconds", "Growth MiB"], [export_row(item) for item in found]),
        **machine(f"{BASE}/postgres"),
    )


def target_rows(ask: Question) -> list[list[str]]:
    signs = {"least": "≥", "most": "≤"}
    return [
        [what, scale, f"{figure:.2f}", f"{signs[side]} {bound:g}", verdict(figure, bound, side)]
        for what, scale, figure, bound, side in targets(ask)
    ]


def export_row(item: Any) -> list[str]:
    seconds, size, growth = item.export
    return [str(item.scale), f"{item.rows['reading']:,}", f"{size / MIB:.1f}", f"{seconds:.1f}", f"{growth / MIB:.1f}"]


def table(heads: list[str], rows: list[list[str]]) -> str:
    return "\n".join([line(heads), "|" + " --- |" * len(heads), *map(line, rows)])


def line(row: list[str]) -> str:
    return "| " + " | ".join(row) + " |"
