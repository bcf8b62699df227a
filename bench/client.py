"""The load: one process, a few connections that stay open, each asking again as soon as it has its answer.

Plain sockets, because on a machine of two processors a client that is slow itself makes every server look alike.
"""

import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from bench.servers import HOST, Server, cpu, memory

CONNECTIONS = 4
PATIENCE = 600  # seconds
LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
TAG = re.compile(rb"\r\netag: *(?:W/)?([^\r]+)", re.IGNORECASE)


@dataclass
class Answer:
    status: int
    head: bytes
    body: bytes
    seconds: float

    @property
    def tag(self) -> str:
        found = TAG.search(self.head)
        return found[1].decode() if found else ""


class Connection:
    """One that stays open."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.kept = b""

    def ask(self, request: bytes) -> Answer:
        start = time.perf_counter()
        self.socket.sendall(request)
        head = self.until(b"\r\n\r\n")
        status = int(head[9:12])
        body = b"" if status == 304 else self.chunked() if b"chunked" in head.lower() else self.exactly(length(head))
        return Answer(status, head, body, time.perf_counter() - start)

    def until(self, mark: bytes) -> bytes:
        while mark not in self.kept:
            self.more()
        found, _mark, self.kept = self.kept.partition(mark)
        return found + mark

    def exactly(self, size: int) -> bytes:
        parts, missing = [self.kept[:size]], size - len(self.kept)
        self.kept = self.kept[size:]
        while missing > 0:
            part = self.socket.recv(min(missing, 1 << 20))
            if not part:
                raise ConnectionError("closed in the middle of an answer")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def chunked(self) -> bytes:
        parts = []
        while size := int(self.until(b"\r\n"), 16):
            parts.append(self.exactly(size))
            self.exactly(2)
        self.exactly(2)
        return b"".join(parts)

    def more(self) -> None:
        part = self.socket.recv(1 << 18)
        if not part:
            raise ConnectionError("closed before an answer")
        self.kept += part


def spread(server: Server, count: int) -> list[Connection]:
    """So many connections, as many to each worker: which of the two takes one is left to chance otherwise."""
    held: dict[int, list[Connection]] = {pid: [] for pid in server.workers()}
    most, spare = -(-count // len(held)), []
    while any(len(lines) < most for lines in held.values()):
        line = Connection(server.port)
        lines = held[holder(line, list(held), server.port)]
        (lines if len(lines) < most else spare).append(line)
    for line in spare:
        line.socket.close()
    return [line for lines in held.values() for line in lines]


def holder(line: Connection, workers: list[int], port: int) -> int:
    """The worker that has taken a connection, told by the kernel's table of sockets."""
    ends = f":{port:04X} 0100007F:{line.socket.getsockname()[1]:04X} "
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        row = next((row for row in Path("/proc/net/tcp").read_text().splitlines() if ends in row), "")
        wanted = f"socket:[{row.split()[9]}]" if row else ""
        for pid in workers:
            if wanted in opened(pid):
                return pid
        time.sleep(0.002)
    raise SystemExit("no worker takes a connection")


def opened(pid: int) -> set[str]:
    """What a process has open, as the kernel names it."""
    found = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            found.add(str(file.readlink()))
    return found


def length(head: bytes) -> int:
    found = LENGTH.search(head)
    return int(found[1]) if found else 0


def request(path: str, tag: str = "") -> bytes:
    """Every server is asked under the same name, so that the addresses in its answers are the same."""
    known = f"If-None-Match: {tag}\r\n" if tag else ""
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept-Language: en\r\n{known}\r\n".encode()


def once(server: Server, path: str, tag: str = "") -> Answer:
    """One answer on a connection of its own."""
    connection = Connection(server.port)
    answer = connection.ask(request(path, tag))
    connection.socket.close()
    return answer


@dataclass
class Round:
    """What came of asking one server for one address so many seconds: times in seconds, of all connections."""

    rate: float
    times: list[float]
    cpu: float  # seconds of the server's processes for each request
    database: float  # the same of the database's
    rss: int  # bytes of the larger worker


@dataclass
class Summary:
    """The medians of some rounds."""

    rounds: list[Round] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return median(item.rate for item in self.rounds)

    @property
    def cpu(self) -> float:
        return median(item.cpu for item in self.rounds)

    @property
    def database(self) -> float:
        return median(item.database for item in self.rounds)

    @property
    def rss(self) -> int:
        return max(item.rss for item in self.rounds)

    def quantile(self, percent: int) -> float:
        times = [seconds for item in self.rounds for seconds in item.times]
        return quantiles(times, n=100, method="inclusive")[percent - 1] if len(times) > 1 else times[0]


def run(server: Server, path: str, status: int, *, tag: str = "", seconds: float, connections: int) -> Round:
    """Ask for so many seconds, each connection at least once. Raises SystemExit for an answer that is not the one."""
    asked, times, wrong = request(path, tag), [], []
    lines = spread(server, connections)
    workers, backends = server.workers(), server.backends()
    before, before_database = cpu(workers), cpu(backends)
    start = time.perf_counter()

    def work(line: Connection) -> None:
        own = []
        while not own or time.perf_counter() < start + seconds:
            answer = line.ask(asked)
            own.append(answer.seconds)
            if answer.status != status:
                wrong.append(answer)
                break
        times.extend(own)

    threads = [threading.Thread(target=work, args=(line,)) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = time.perf_counter() - start
    if wrong or len(times) < connections:
        raise SystemExit(f"{server.name} {path}: {wrong[0].head.decode() if wrong else 'a connection failed'}")
    for line in lines:
        line.socket.close()
    taken = cpu(workers) - before
    database = cpu(server.backends()) - before_database
    n = len(times)
    return Round(n / passed, times, taken / n, max(0.0, database) / n, max(memory(workers).values()))


def peak_of(server: Server, path: str) -> tuple[float, int, int]:
    """Fetch a file without keeping it: (seconds, its bytes, growth in bytes of the worker that grew most)."""
    workers = server.workers()
    before = memory(workers)
    highest, done = dict(before), threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            for pid, now in memory(workers).items():
                highest[pid] = max(highest[pid], now)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start, size = time.perf_counter(), 0
    with socket.create_connection((HOST, server.port), timeout=PATIENCE) as line:
        line.sendall(request(path).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        while part := line.recv(1 << 18):
            size += len(part)
    done.set()
    watcher.join()
    return time.perf_counter() - start, size, max(highest[pid] - before[pid] for pid in workers)
