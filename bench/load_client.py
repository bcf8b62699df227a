"""Load generator: one process with a few keep-alive connections, each sending its next request on a response.

It uses plain sockets, because on a machine with two processors a slow client makes all servers look alike.
"""

import gzip
import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from bench.servers import HOST, BenchServer, cpu_seconds, process_memory

CONNECTIONS = 4
TIMEOUT = 600  # seconds
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
GZIPPED = re.compile(rb"\r\ncontent-encoding: *gzip", re.IGNORECASE)
ETAG = re.compile(rb"\r\netag: *(?:W/)?([^\r]+)", re.IGNORECASE)


@dataclass
class HttpResponse:
    status: int
    head: bytes
    body: bytes
    seconds: float

    @property
    def tag(self) -> str:
        found = ETAG.search(self.head)
        return found[1].decode() if found else ""


class Connection:
    """Keep-alive connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.kept = b""

    def ask(self, request: bytes) -> HttpResponse:
        start = time.perf_counter()
        self.socket.sendall(request)
        head = self.until(b"\r\n\r\n")
        status = int(head[9:12])
        body = (
            b""
            if status == 304
            else self.chunked()
            if b"chunked" in head.lower()
            else self.exactly(content_length(head))
        )
        return HttpResponse(status, head, body, time.perf_counter() - start)

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


def spread_connections(server: BenchServer, count: int) -> list[Connection]:
    """Open connections spread evenly over the workers; otherwise chance decides which worker takes one."""
    held: dict[int, list[Connection]] = {pid: [] for pid in server.workers()}
    most, spare = -(-count // len(held)), []
    while any(len(lines) < most for lines in held.values()):
        line = Connection(server.port)
        lines = held[worker_of_connection(line, list(held), server.port)]
        (lines if len(lines) < most else spare).append(line)
    for line in spare:
        line.socket.close()
    return [line for lines in held.values() for line in lines]


def worker_of_connection(line: Connection, workers: list[int], port: int) -> int:
    """Return the worker that has accepted a connection, from the kernel's table of sockets."""
    ends = f":{port:04X} 0100007F:{line.socket.getsockname()[1]:04X} "
    until = time.monotonic() + TIMEOUT
    while time.monotonic() < until:
        row = next((row for row in Path("/proc/net/tcp").read_text().splitlines() if ends in row), "")
        wanted = f"socket:[{row.split()[9]}]" if row else ""
        for pid in workers:
            if wanted in open_sockets(pid):
                return pid
        time.sleep(0.002)
    raise SystemExit("no worker takes a connection")


def open_sockets(pid: int) -> set[str]:
    """Return the names of a process's open files and sockets, as the kernel gives them."""
    found = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            found.add(str(file.readlink()))
    return found


def content_length(head: bytes) -> int:
    found = CONTENT_LENGTH.search(head)
    return int(found[1]) if found else 0


def request_bytes(path: str, tag: str = "") -> bytes:
    """Return a request as a browser sends it, which asks for gzip; the Host header is the same for every server, so
    that URLs in responses are equal.
    """
    known = f"If-None-Match: {tag}\r\n" if tag else ""
    head = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept-Language: en\r\nAccept-Encoding: gzip\r\n"
    return f"{head}{known}\r\n".encode()


def request_once(server: BenchServer, path: str, tag: str = "") -> HttpResponse:
    """Send one request on a new connection, and unpack the response."""
    connection = Connection(server.port)
    answer = connection.ask(request_bytes(path, tag))
    connection.socket.close()
    if GZIPPED.search(answer.head):
        answer.body = gzip.decompress(answer.body)
    return answer


@dataclass
class RoundResult:
    """Result of one round of load on one URL: response times in seconds, over all connections."""

    rate: float
    times: list[float]
    cpu: float  # CPU seconds of the server's processes per request
    database: float  # CPU seconds of the database's processes per request
    rss: int  # resident bytes of the largest worker


@dataclass
class Summary:
    """Medians of several rounds."""

    rounds: list[RoundResult] = field(default_factory=list)

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


def run_round(
    server: BenchServer, path: str, status: int, *, tag: str = "", seconds: float, connections: int
) -> RoundResult:
    """Send requests for some seconds, at least one per connection. Raises SystemExit for an unexpected status."""
    asked, times, wrong = request_bytes(path, tag), [], []
    lines = spread_connections(server, connections)
    workers, backends = server.workers(), server.backends()
    before, before_database = cpu_seconds(workers), cpu_seconds(backends)
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
    taken = cpu_seconds(workers) - before
    database = cpu_seconds(server.backends()) - before_database
    n = len(times)
    return RoundResult(n / passed, times, taken / n, max(0.0, database) / n, max(process_memory(workers).values()))


def measure_peak(server: BenchServer, path: str) -> tuple[float, int, int]:
    """Download a file without keeping it; return seconds, bytes, and the largest growth of a worker in bytes."""
    workers = server.workers()
    before = process_memory(workers)
    highest, done = dict(before), threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            for pid, now in process_memory(workers).items():
                highest[pid] = max(highest[pid], now)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start, size = time.perf_counter(), 0
    with socket.create_connection((HOST, server.port), timeout=TIMEOUT) as line:
        line.sendall(request_bytes(path).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        while part := line.recv(1 << 18):
            size += len(part)
    done.set()
    watcher.join()
    return time.perf_counter() - start, size, max(highest[pid] - before[pid] for pid in workers)
