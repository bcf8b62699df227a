"""Speed of the product beside raw SQL and stock DRF: `make bench`. It writes the table of docs/performance.md.

Four servers, each of one process with four threads, run at once and are asked in turn over four connections: the
product, the product without its response cache, the floor (raw_sql.py) and the twin (stock_drf.py). First the values of
the floor are compared with the product's.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any

import psycopg2

ROOT = Path(__file__).parent.parent
DOCUMENT, HEAD, PAGES = ROOT / "docs/performance.md", "\n## Figures\n", "\n## Pages\n"
POSTGRES = os.environ.get("BENCH_POSTGRES", "postgres://postgres@127.0.0.1:5432").rstrip("/")
HOST, CONNECTIONS, ROUNDS, TICKS = "127.0.0.1", 4, 5, os.sysconf("SC_CLK_TCK")
PRODUCT = ("config.wsgi", "-c", "python:config.gunicorn_conf")
SERVERS = {
    "product": (PRODUCT, {}),
    "product, computed": (PRODUCT, {"BENCH_UNCACHED": "1"}),
    "floor": (("bench.raw_sql:application",), {}),
    "twin": (("bench.stock_drf:application",), {}),
}
CASES = {
    "list": "/api/v1/pilots/",
    "rollout": "/api/v1/rollout/?policy={policy}",
    "coverage": "/api/v1/coverage/",
    "trend": "/api/v1/trend/?indicator=CO2_TOT",
    "write": "/api/v1/pilots/{slug}/",
}
START_SCRIPT = """
from django.contrib.auth.models import User
from accounts.models import create_token
from demo.load import DEMONSTRATION_DAY
user, _made = User.objects.get_or_create(username="bench", is_superuser=True)
user.tokens.all().delete()
print(DEMONSTRATION_DAY, create_token(user=user, name="bench", may_write=True)[1])
"""


def environment(database: str, **more: str) -> dict[str, str]:
    own = {"DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "bench.settings", "ALLOWED_HOSTS": HOST, "DEBUG": "0"}
    own |= {"SECRET_KEY": "bench-0123456789" * 4, "PYTHONPATH": str(ROOT), **more}
    return {**{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}, **own}


def query(database: str, statement: str, *values: str) -> list[Any]:
    with closing(psycopg2.connect(database.replace("postgres://", "postgresql://", 1))) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def manage(database: str, *words: str, **more: str) -> str:
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=environment(database, **more), stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def prepare(scale: int, prefix: str = "synth") -> str:
    """Return the URL of the database of a scale; it is made once, and migrated each time."""
    name = f"{prefix}{scale}"
    if not query(f"{POSTGRES}/postgres", "SELECT 1 FROM pg_database WHERE datname = %s", name):
        query(f"{POSTGRES}/postgres", f"CREATE DATABASE {name}")
    manage(f"{POSTGRES}/{name}", "migrate", "--noinput", "--verbosity", "0")
    if not query(f"{POSTGRES}/{name}", "SELECT 1 FROM pilots_pilot LIMIT 1"):
        manage(f"{POSTGRES}/{name}", "shell", "-c", f"from bench.generate import generate; generate({scale})")
    return f"{POSTGRES}/{name}"


class Server:
    """A server on a port of its own, as a context manager; its connections to the database carry its name."""

    def __init__(self, name: str, port: int, database: str, **settings: str) -> None:
        (words, more), self.label, self.port, self.database = SERVERS[name], f"bench-{port}", port, database
        own = environment(f"{database}?application_name={self.label}", **more, **settings)
        options = f"--bind {HOST}:{port} --workers 1 --threads 4 --worker-class gthread --keep-alive 600"
        command = [sys.executable, "-m", "gunicorn", *words, *options.split()]
        self.process = subprocess.Popen(command, cwd=ROOT, env=own, stderr=subprocess.DEVNULL)  # noqa: S603

    def __enter__(self) -> "Server":
        for _ in range(300):
            with suppress(OSError):
                self.ask("/livez")
                return self
            time.sleep(0.2)
        raise SystemExit(f"{self.label} did not start")

    def __exit__(self, *_exc: object) -> None:
        self.process.terminate()
        self.process.wait()

    def ask(self, path: str, line: HTTPConnection | None = None, sent: str | None = None, **headers: str) -> Any:
        """Send a request with the same Host to each server, so that addresses are alike; return response and body."""
        line = line or HTTPConnection(HOST, self.port, timeout=600)
        kept = {"Host": HOST, "Accept-Language": "en", "Accept-Encoding": "gzip", **headers}
        line.request("PATCH" if sent else "GET", path, sent, kept)
        answer = line.getresponse()
        return answer, answer.read()

    def cpu_seconds(self) -> list[float]:
        """Return the processor time so far of the worker, and of its processes in the database."""
        workers = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        backends = query(self.database, "SELECT pid FROM pg_stat_activity WHERE application_name = %s", self.label)
        return [sum(map(ticks, pids)) / TICKS for pids in (workers, [pid for (pid,) in backends])]


def ticks(pid: int | str) -> int:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    return 0


def measure(server: Server, path: str, slugs: list[str], token: str, seconds: float) -> list[float]:
    """Ask for some seconds over all connections; return requests a second, p50 ms, CPU ms of worker and of database."""
    times: list[float] = []
    writes, start = "{slug}" in path, threading.Barrier(CONNECTIONS + 1)

    def work(slug: str) -> None:
        line, address = HTTPConnection(HOST, server.port, timeout=600), path.format(slug=slug)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} if writes else {}
        tag = server.ask(address, line)[0].headers["ETag"] or ""
        start.wait()
        until, own = time.perf_counter() + seconds, []
        while not own or time.perf_counter() < until:
            sent = json.dumps({"note_en": f"Bench {time.time_ns()}"}) if writes else None
            before = time.perf_counter()
            answer, body = server.ask(address, line, sent, **headers, **({"If-Match": tag} if writes else {}))
            own.append(time.perf_counter() - before)
            if answer.status != 200:
                raise SystemExit(f"{server.label} {address}: {answer.status} {body[:300]!r}")
            tag = answer.headers["ETag"] or ""
        times.extend(own)

    threads = [threading.Thread(target=work, args=(slug,)) for slug in slugs[:CONNECTIONS]]
    for thread in threads:
        thread.start()
    start.wait()
    before, began = server.cpu_seconds(), time.perf_counter()
    for thread in threads:
        thread.join()
    passed, after = time.perf_counter() - began, server.cpu_seconds()
    cpu = [(now - then) / len(times) * 1000 for now, then in zip(after, before, strict=True)]
    return [len(times) / passed, median(times) * 1000, *cpu]


def holds(whole: Any, part: Any) -> bool:
    """Return whether every value of `part` stands in `whole` at its place."""
    if isinstance(part, dict):
        return all(name in whole and holds(whole[name], value) for name, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(holds, whole, part))
    return bool(abs(whole - part) < 1e-6 if isinstance(part, float) else whole == part)


def measure_scale(scale: int, seconds: float) -> dict[tuple[str, str], list[float]]:
    """Return the medians over rounds by case and server: one round of each server, then the next of each."""
    database, found = prepare(scale), {}
    day, token = manage(database, "shell", "--verbosity", "0", "-c", START_SCRIPT).split()[-2:]
    ((policy,),) = query(database, "SELECT slug FROM policies_policy WHERE is_lead")
    slugs = [slug for (slug,) in query(database, "SELECT slug FROM pilots_pilot ORDER BY id LIMIT 50")]
    with ExitStack() as stack:
        own = {"BENCH_DAY": day, "CACHE_URL": f"filecache://{stack.enter_context(tempfile.TemporaryDirectory())}"}
        made = {name: Server(name, 8700 + n, database, **own) for n, name in enumerate(SERVERS)}
        servers = {name: stack.enter_context(server) for name, server in made.items()}
        for case, address in CASES.items():
            path, asked = address.replace("{policy}", policy), list(servers)
            if case == "write":
                asked = ["product", "floor", "twin"]
            elif not holds(read(servers["product, computed"], path), read(servers["floor"], path)):
                raise SystemExit(f"the floor answers otherwise than the product: {path}")
            numbers: dict[str, list[list[float]]] = {name: [] for name in asked}
            for _ in range(ROUNDS + 1):  # the first warms them
                for name in asked:
                    numbers[name].append(measure(servers[name], path, slugs, token, seconds))
            for name in asked:
                found[case, name] = [median(column) for column in zip(*numbers[name][1:], strict=True)]
                print(scale, case, name, *(f"{number:,.2f}" for number in found[case, name]), flush=True)
    return found


def read(server: Server, path: str) -> Any:
    answer, body = server.ask(path)
    return json.loads(gzip.decompress(body) if answer.headers["Content-Encoding"] else body)


def write_document(scales: list[int], found: list[dict[tuple[str, str], list[float]]], load: float) -> None:
    git = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(git, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()  # noqa: S603
    model = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    ((postgres,),) = query(f"{POSTGRES}/postgres", "SHOW server_version")
    heads = " | ".join(f"{scale}×: requests/s | p50 ms | CPU ms | database ms" for scale in scales)
    lines = [
        f"{datetime.now(UTC):%d %B %Y}, commit {commit}, {os.cpu_count()} × {model.partition(': ')[2]},",
        f"load {load:.1f} before it began, Python {sys.version.split()[0]}, PostgreSQL {postgres.split()[0]}.",
        "",
        f"| case | server | {heads} |",
        "| --- " * (2 + 4 * len(scales)) + "|",
    ]
    for case, name in found[0]:
        numbers = [f"{n:,.{1 if n >= 10 else 2}f}" if n >= 0 else "—" for scale in found for n in scale[case, name]]
        lines.append(f"| {' | '.join([case, name, *numbers])} |")
    text = DOCUMENT.read_text(encoding="utf-8").partition(HEAD)[0]
    DOCUMENT.write_text(f"{text}{HEAD}\n" + "\n".join(lines) + "\n", encoding="utf-8")


def measure_pages(scale: int, prefix: str) -> dict[str, list[float]]:
    """Return the figures of bench/pages.py by case; what is written goes to a copy of the database."""

    def run(database: str, call: str) -> list[str]:
        script = f"from bench import pages; pages.{call}"
        return manage(database, "shell", "--verbosity", "0", "-c", script, BENCH_UNCACHED="1").splitlines()

    lines = run(prepare(scale, prefix), f"measure_reads(known={scale == 10})")
    copy, server = f"{prefix}{scale}_writes", f"{POSTGRES}/postgres"
    query(server, f"DROP DATABASE IF EXISTS {copy}")
    query(server, f"CREATE DATABASE {copy} TEMPLATE {prefix}{scale} STRATEGY file_copy")
    lines += run(f"{POSTGRES}/{copy}", "measure_writes()")
    query(server, f"DROP DATABASE {copy}")
    return {name: numbers for name, *numbers in map(json.loads, lines)}


def pages_table(*paths: Path) -> list[str]:
    """Return the table of one stored measurement, or of two beside each other with the ratio of their sums of ms."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    heads = ["process + database ms, kB"] if len(found) == 1 else ["before", "after", "ratio"]
    lines = [f"| case | {' | '.join(f'{scale}×: {head}' for scale in found[-1] for head in heads)} |"]
    lines.append("| --- " * (1 + len(heads) * len(found[-1])) + "|")
    for case in dict.fromkeys(case for numbers in found[-1].values() for case in numbers):
        cells = []
        for scale in found[-1]:
            numbers = [measured.get(scale, {}).get(case) for measured in found]
            cells += [page_cell(*each) if each else "" for each in numbers]
            if len(found) == 2:
                mark = "" if all(numbers) and numbers[0][2] else "> "  # a case that was ended has no size
                cells.append(f"{mark}{sum(numbers[0][:2]) / sum(numbers[1][:2]):,.1f}" if all(numbers) else "")
        lines.append(f"| {case} | {' | '.join(cells)} |")
    return lines


def page_cell(own: float, database: float, size: float) -> str:
    return f"{own:,.0f} + {database:,.0f}, {size:,.0f} kB" if size else f"> {own:,.0f}"


def write_pages_table(before: Path, after: Path) -> None:
    """Write two measurements beside each other into the document, above its figures."""
    text, _mark, figures = DOCUMENT.read_text(encoding="utf-8").partition(HEAD)
    table = "\n".join(pages_table(before, after))
    DOCUMENT.write_text(f"{text.partition(PAGES)[0]}{PAGES}\n{table}\n{HEAD}{figures}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scales", default="1,10", help="which databases, as times the national size")
    parser.add_argument("--seconds", type=float, default=2, help="how long a round asks one server")
    parser.add_argument("--pages", metavar="LABEL", help="measure pages instead, into var/bench-LABEL.json")
    parser.add_argument("--prefix", default="synth", help="of the names of the databases")
    options = parser.parse_args()
    load, scales = os.getloadavg()[0], [int(scale) for scale in options.scales.split(",")]
    if options.pages:
        path = ROOT / f"var/bench-{options.pages}.json"  # other scales that stand there stay
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for scale in scales:
            found[str(scale)] = measure_pages(scale, options.prefix)
            path.write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(*pages_table(path), sep="\n")
        return
    write_document(scales, [measure_scale(scale, options.seconds) for scale in scales], load)


if __name__ == "__main__":
    main()
