"""Counters of requests, in the text format of Prometheus.

Under gunicorn each process writes its counts into a file of its own, and whichever process answers a scrape adds them
up (PROMETHEUS_MULTIPROC_DIR, set by config/gunicorn_conf.py). Counts kept per process alone would jump back and forth.
"""

import os
from functools import lru_cache

from django.http import HttpResponse
from django.urls import Resolver404, ResolverMatch, resolve
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from core.http.problems import is_api
from core.http.request import TrackerRequest

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
READ_METHODS = {"GET", "HEAD", "OPTIONS"}
NO_ROUTE = "none"  # static files, unknown addresses, and what was rejected before it was routed

disable_created_metrics()  # type: ignore[no-untyped-call]  # a line more for each counter, which nobody reads
PROCESS_REGISTRY = CollectorRegistry()

# Few values a label, or the files grow and a scrape takes long: tests/core/monitoring measures the worst case.
REQUESTS = Counter(
    "tracker_requests",
    "Responses by route, reading or writing, and class of status.",
    ["route", "method", "status"],
    registry=PROCESS_REGISTRY,
)
SECONDS = Histogram(
    "tracker_request_seconds",
    "Time until the response begins, by part of the site.",
    ["area"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10),
    registry=PROCESS_REGISTRY,
)
CACHE = Counter(
    "tracker_response_cache",
    "Requests of cacheable addresses: served from the response cache (hit) or computed (miss).",
    ["result"],
    registry=PROCESS_REGISTRY,
)
GAUGE_ERRORS = Counter(
    "tracker_gauge_errors",
    "Scrapes in which gauges of this source could not be read and are absent.",
    ["source"],
    registry=PROCESS_REGISTRY,
)


def counters() -> Collector:
    """Return the counters of all processes of this server, or of this process where it is the only one."""
    if os.environ.get(MULTIPROCESS_VARIABLE):
        return MultiProcessCollector(None)  # type: ignore[no-untyped-call]
    return PROCESS_REGISTRY


def count_response(request: TrackerRequest, response: HttpResponse, seconds: float) -> None:
    """Count a response."""
    route = route_label(request)
    method = "read" if request.method in READ_METHODS else "write"
    REQUESTS.labels(route, method, f"{response.status_code // 100}xx").inc()
    SECONDS.labels(area_label(request, route)).observe(seconds)
    if cached := getattr(request, "cache_status", None):
        CACHE.labels(cached).inc()


def route_label(request: TrackerRequest) -> str:
    """Return the name of the route of a request; in the admin without the action on a model."""
    match = request.resolver_match
    if match is None and getattr(request, "cache_status", None) == "hit":
        match = cached_match(request.path_info)  # the response cache answers before Django looks for the route
    name = match.view_name if match else ""
    if name.startswith("admin:"):
        return "_".join(name.split("_")[:2])
    return name or NO_ROUTE


@lru_cache(maxsize=2_000)
def cached_match(path: str) -> ResolverMatch | None:
    """Return the route of a path, or None."""
    try:
        return resolve(path)
    except Resolver404:
        return None


def area_label(request: TrackerRequest, route: str) -> str:
    """Return the part of the site: the routes are too many for a histogram each."""
    if is_api(request):
        return "api"
    if request.path_info.startswith("/admin/"):
        return "admin"
    return "other" if route == NO_ROUTE else "page"
