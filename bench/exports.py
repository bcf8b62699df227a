"""Memory and time of exports by number of rows: `python bench/exports.py [ROWS]`.

Fills a temporary database, then exports each file in a new process, once with 1,000 rows and once with ROWS (100,000),
and prints its peak memory.
"""

import os
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = ("/api/v1/readings/?format=csv", "/api/v1/readings/?format=xlsx", "/data/?export=sources.csv")
FILES += ("/data/?export=sources.xlsx", "/data/?export=page.xlsx", "/search/?q=bench&export=hits.xlsx")
FEW_ROWS, MANY_ROWS = 1_000, 100_000
BATCH = 5_000


def fill_tables(rows: int) -> None:
    """Insert so many readings and sources; each reading cites two of the sources."""
    from django.core.management import call_command  # noqa: PLC0415  # after the settings are chosen

    from pilots.models import Indicator, Pilot, Reading  # noqa: PLC0415
    from policies.models import Source  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    call_command("load_records", verbosity=0)
    sources = [Source(title=f"bench {n}", url=f"https://example.org/{n}", publisher="生态环境部") for n in range(rows)]
    Source.objects.bulk_create(sources, batch_size=BATCH)
    cited = list(Source.objects.filter(title__startswith="bench").values_list("pk", flat=True)[:2])
    periods = [f"{year}{part}" for year in range(1900, 2025) for part in ("", "-Q1", "-Q2", "-Q3", "-Q4")]
    keys = (
        (pilot, indicator, period)
        for period in periods
        for pilot in Pilot.objects.values_list("pk", flat=True)
        for indicator in Indicator.objects.values_list("pk", flat=True)
    )
    Reading.objects.bulk_create(
        (
            Reading(pilot_id=pilot, indicator_id=indicator, period=period, value="12.5", reported_on=date(2026, 1, 5))
            for _n, (pilot, indicator, period) in zip(range(rows), keys, strict=False)
        ),
        batch_size=BATCH,
    )
    through = Reading.sources.through
    through.objects.bulk_create(
        (
            through(reading_id=reading, source_id=source)
            for reading in Reading.objects.values_list("pk", flat=True).iterator()
            for source in cited
        ),
        batch_size=BATCH,
    )


def measure_file(address: str) -> str:
    """Export one file by chunks, as a server would send it; return time and memory."""
    from django.test import Client  # noqa: PLC0415

    client = Client(headers={"host": "127.0.0.1", "accept-language": "en"})
    before, start = peak_memory(), time.monotonic()
    response = client.get(address, secure=True)
    size = sum(len(piece) for piece in response)
    if response.status_code != 200:
        raise SystemExit(f"{address}: {response.status_code}")
    seconds = time.monotonic() - start
    return f"{seconds:7.1f} s  {size / 2**20:7.2f} MiB file  {before:4d} MiB before  {peak_memory():4d} MiB peak"


def peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def run_child(database: Path, *words: str) -> str:
    own = {
        "DATABASE_URL": f"sqlite:///{database}",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "ALLOWED_HOSTS": "127.0.0.1",
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, __file__, *words]
    done = subprocess.run(command, env={**os.environ, **own}, stdout=subprocess.PIPE, check=True, text=True)  # noqa: S603
    return done.stdout.strip()


def main(words: list[str]) -> None:
    match words:
        case ["--fill", rows]:
            setup()
            fill_tables(int(rows))
        case ["--measure", address]:
            setup()
            sys.stdout.write(measure_file(address))
        case _:
            compare(int(words[0]) if words else MANY_ROWS)


def setup() -> None:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django  # noqa: PLC0415

    django.setup()


def compare(many: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for rows in (FEW_ROWS, many):
            run_child(Path(folder) / f"{rows}.sqlite3", "--fill", str(rows))
        for address in FILES:
            sys.stdout.write(address + "\n")
            for rows in (FEW_ROWS, many):
                line = run_child(Path(folder) / f"{rows}.sqlite3", "--measure", address)
                sys.stdout.write(f"  {rows:7,d} rows  {line}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
