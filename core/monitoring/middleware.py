"""The address /metrics, and the counting of all other requests."""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from time import perf_counter

from django.conf import settings
from django.http import HttpResponse
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from core.http.client import client_ip
from core.http.request import TrackerRequest
from core.monitoring.counters import count_response, counters
from core.monitoring.gauges import GaugeCollector

METRICS_PATH = "/metrics"
PROXY_HEADERS = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via")


class MetricsMiddleware:
    """Middleware that answers /metrics for METRICS_FROM, and counts each other request.

    A scrape needs no host name, https or sign-in, and is not logged. To any other address there is no /metrics: the
    request goes on to the 404 of all unknown addresses.
    """

    def __init__(self, get_response: Callable[[TrackerRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: TrackerRequest) -> HttpResponse:
        if request.path_info == METRICS_PATH and request.method == "GET" and may_scrape(request):
            return metrics_response()
        begun = perf_counter()
        response = self.get_response(request)
        count_response(request, response, perf_counter() - begun)
        return response


def may_scrape(request: TrackerRequest) -> bool:
    """Return whether the client's address is in METRICS_FROM.

    Behind a proxy that is not declared by BEHIND_PROXY every client has the proxy's address, often that of this
    machine: whatever came through one is refused.
    """
    if not settings.BEHIND_PROXY and any(name in request.headers for name in PROXY_HEADERS):
        return False
    try:
        address = ip_address(client_ip(request))
    except ValueError:  # a UNIX socket has none
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in settings.METRICS_FROM)


def metrics_response() -> HttpResponse:
    """Return all metrics in the text format of Prometheus. Gauges are read first: they count their own errors."""
    content = b"".join(generate_latest(collector) for collector in (GaugeCollector(), counters()))
    return HttpResponse(content, content_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"})
