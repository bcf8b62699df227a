"""How long 100,000 readings take to come in by files, and saved one by one: `python -m bench.imports [ROWS]`.

On a scratch PostgreSQL database, which is dropped at the end. The files go the product's way (`import_records
--confirm`: checked, written in bulk with their history, all or nothing), as many rows in one as it takes; the saves are
timed on a sample of 1,000, each with its own history and its own transaction, unchecked.
"""

import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice, product
from pathlib import Path

from bench.databases import BASE, ask, connect, manage, ready
from bench.servers import ROOT, environment

NAME, SAMPLE, MOST_IN_A_FILE, TARGET = "bench_imports", 1_000, 40_000, 5.0
HEADS = ("pilot", "indicator", "period", "value", "value_status", "reported_on", "confidence")
REST = ("12.5", "final", "2026-01-05", "official")


def places(first_year: int) -> Iterator[tuple[str, str, str]]:
    """(pilot, indicator, period), each once, of the demonstration's pilots."""
    address = f"{BASE}/{NAME}"
    pilots = ask(address, "SELECT array_agg(slug ORDER BY id) FROM pilots_pilot")[0]
    codes = ask(address, "SELECT array_agg(code ORDER BY id) FROM pilots_indicator")[0]
    periods = (f"{year}{part}" for year in range(first_year, 2000) for part in ("", "-Q1", "-Q2", "-Q3", "-Q4"))
    return ((pilot, code, period) for period, pilot, code in product(periods, pilots, codes))


def by_files(rows: int) -> float:
    """Seconds for so many rows, in as few files as they fit in."""
    seconds = 0.0
    with tempfile.TemporaryDirectory() as folder:
        found, path = islice(places(1900), rows), Path(folder) / "readings.csv"
        while part := list(islice(found, MOST_IN_A_FILE)):
            with path.open("w", newline="") as file:
                csv.writer(file).writerows([HEADS, *((*place, *REST) for place in part)])
            start = time.perf_counter()
            manage(f"{BASE}/{NAME}", "import_records", str(path), "--kind", "readings", "--confirm")
            seconds += time.perf_counter() - start
    return seconds


def save() -> None:
    """Saves the sample one by one and says how many seconds it took; in a process with the product's settings."""
    import django  # noqa: PLC0415  # only this process is the product's

    django.setup()
    from pilots.models import Indicator, Pilot, Reading  # noqa: PLC0415

    pilots = {pilot.slug: pilot for pilot in Pilot.objects.all()}
    indicators = {indicator.code: indicator for indicator in Indicator.objects.all()}
    sample = list(islice(places(1990), SAMPLE))
    start = time.perf_counter()
    for pilot, code, period in sample:
        Reading(
            pilot=pilots[pilot],
            indicator=indicators[code],
            period=period,
            value=REST[0],
            value_status=REST[1],
            reported_on=REST[2],
            confidence=REST[3],
        ).save()
    print(time.perf_counter() - start)


def one_by_one(rows: int) -> float:
    """Seconds for so many saves, from the sample."""
    own = environment(f"{BASE}/{NAME}", "saves", ROOT / "var" / "bench") | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-m", "bench.imports", "--save"]
    done = subprocess.run(command, cwd=ROOT, env=own, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return float(done.stdout.split()[-1]) * rows / SAMPLE


def compare(rows: int) -> None:
    address, _filled = ready(NAME)
    try:
        manage(address, "load_demo")
        saves, files = one_by_one(rows), by_files(rows)
    finally:
        with closing(connect(f"{BASE}/postgres")) as connection:
            connection.cursor().execute(f'DROP DATABASE "{NAME}" WITH (FORCE)')
    times = saves / files
    print(f"{rows:,} readings by files: {files:,.1f} s; saved one by one: {saves:,.1f} s (from {SAMPLE:,})")
    print(f"{times:.1f} times; target at least {TARGET:g}: {'reached' if times >= TARGET else 'missed'}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--save"]:
        save()
    else:
        compare(int(sys.argv[1]) if sys.argv[1:] else 100_000)
