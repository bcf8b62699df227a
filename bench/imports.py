"""Time to import 100,000 readings by files, and to save them one by one: `python -m bench.imports [ROWS]`.

It uses a temporary PostgreSQL database. Files are imported by `import_records --confirm` (validated, written in bulk
with history, in one transaction), with as many rows in one file as allowed; saves are timed on a sample of 1,000, each
with its own history entry and transaction, without validation.
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

from bench.databases import POSTGRES_URL, connect, prepare_database, query_first, run_manage
from bench.servers import ROOT, environment

NAME, SAMPLE, MAX_ROWS_IN_FILE, TARGET = "bench_imports", 1_000, 40_000, 5.0
COLUMN_NAMES = ("pilot", "indicator", "period", "value", "value_status", "reported_on", "confidence")
OTHER_VALUES = ("12.5", "final", "2026-01-05", "official")


def reading_keys(first_year: int) -> Iterator[tuple[str, str, str]]:
    """Yield unique (pilot, indicator, period) of the demonstration's pilots."""
    address = f"{POSTGRES_URL}/{NAME}"
    pilots = query_first(address, "SELECT array_agg(slug ORDER BY id) FROM pilots_pilot")[0]
    codes = query_first(address, "SELECT array_agg(code ORDER BY id) FROM pilots_indicator")[0]
    periods = (f"{year}{part}" for year in range(first_year, 2000) for part in ("", "-Q1", "-Q2", "-Q3", "-Q4"))
    return ((pilot, code, period) for period, pilot, code in product(periods, pilots, codes))


def import_by_files(rows: int) -> float:
    """Return the seconds for so many rows, in as few files as possible."""
    seconds = 0.0
    with tempfile.TemporaryDirectory() as folder:
        found, path = islice(reading_keys(1900), rows), Path(folder) / "readings.csv"
        while part := list(islice(found, MAX_ROWS_IN_FILE)):
            with path.open("w", newline="") as file:
                csv.writer(file).writerows([COLUMN_NAMES, *((*place, *OTHER_VALUES) for place in part)])
            start = time.perf_counter()
            run_manage(f"{POSTGRES_URL}/{NAME}", "import_records", str(path), "--kind", "readings", "--confirm")
            seconds += time.perf_counter() - start
    return seconds


def save_sample() -> None:
    """Save the sample one by one and print the seconds; runs in a process with the product's settings."""
    import django  # noqa: PLC0415  # only this process is the product's

    django.setup()
    from pilots.models import Indicator, Pilot, Reading  # noqa: PLC0415

    pilots = {pilot.slug: pilot for pilot in Pilot.objects.all()}
    indicators = {indicator.code: indicator for indicator in Indicator.objects.all()}
    sample = list(islice(reading_keys(1990), SAMPLE))
    start = time.perf_counter()
    for pilot, code, period in sample:
        Reading(
            pilot=pilots[pilot],
            indicator=indicators[code],
            period=period,
            value=OTHER_VALUES[0],
            value_status=OTHER_VALUES[1],
            reported_on=OTHER_VALUES[2],
            confidence=OTHER_VALUES[3],
        ).save()
    print(time.perf_counter() - start)


def save_one_by_one(rows: int) -> float:
    """Return the seconds for so many saves, extrapolated from the sample."""
    own = environment(f"{POSTGRES_URL}/{NAME}", "saves", ROOT / "var" / "bench") | {
        "DJANGO_SETTINGS_MODULE": "config.settings"
    }
    command = [sys.executable, "-m", "bench.imports", "--save"]
    done = subprocess.run(command, cwd=ROOT, env=own, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return float(done.stdout.split()[-1]) * rows / SAMPLE


def compare(rows: int) -> None:
    address, _filled = prepare_database(NAME)
    try:
        run_manage(address, "load_demo")
        saves, files = save_one_by_one(rows), import_by_files(rows)
    finally:
        with closing(connect(f"{POSTGRES_URL}/postgres")) as connection:
            connection.cursor().execute(f'DROP DATABASE "{NAME}" WITH (FORCE)')
    times = saves / files
    print(f"{rows:,} readings by files: {files:,.1f} s; saved one by one: {saves:,.1f} s (from {SAMPLE:,})")
    print(f"{times:.1f} times; target at least {TARGET:g}: {'reached' if times >= TARGET else 'missed'}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--save"]:
        save_sample()
    else:
        compare(int(sys.argv[1]) if sys.argv[1:] else 100_000)
