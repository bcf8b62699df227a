"""Rate limits per client, counted for all processes together in the shared cache, in windows of a fixed length."""

import time
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.http.errors import BadRequest, ErrorDetail
from core.http.request import client_ip

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
FILE_FORMATS = {"csv", "xlsx"}


@dataclass(frozen=True)
class Quota:
    """How many requests of a rate a client has sent in this window, and in how many seconds it ends."""

    rate: str
    most: int
    seconds: int
    used: int
    wait: int


class Throttled(BadRequest):
    """Rate limit exceeded (429)."""

    status_code = 429

    def __init__(self, quota: Quota) -> None:
        self.wait = quota.wait
        text = _("More than %(most)d requests in %(seconds)d seconds. Wait %(wait)d seconds, then go on.")
        super().__init__(ErrorDetail("", "throttled", text % vars(quota)))


def count(rate: str, client: str) -> list[Quota]:
    """Count one more request of the client; nothing where the rate is not set."""
    if rate not in settings.RATE_LIMITS:
        return []
    most, seconds = settings.RATE_LIMITS[rate]
    now = int(time.time())
    end = (now // seconds + 1) * seconds
    name = f"{rate}:{client}:{end}".replace(" ", ":")
    try:
        used = cache.incr(name)
    except ValueError:  # the first in this window, unless another process was faster
        used = 1 if cache.add(name, 1, timeout=seconds + 1) else cache.incr(name)
    return [Quota(rate, most, seconds, used, end - now)]


def check_request(request: Any, user: Any, *rates: str) -> None:
    """Count a request of the user, or of the client's network where nobody signed in, under these rates, which its
    RateLimit headers tell. Raises Throttled.
    """
    client = f"user {user.pk}" if user and user.is_authenticated else client_network(request)
    request.quotas = [quota for rate in rates for quota in count(rate, client)]
    if exceeded := [quota for quota in request.quotas if quota.used > quota.most]:
        raise Throttled(max(exceeded, key=lambda quota: quota.wait))


class RateThrottle(BaseThrottle):
    """Throttle of the API: all requests, and besides them those that write and files."""

    def allow_request(self, request: Request, view: object) -> bool:
        """Raises Throttled, whose answer tells the limit."""
        known = request.user.is_authenticated
        rates = ["signed-in" if known else "anonymous"]
        if request.method not in SAFE_METHODS:
            rates.append("writes")
        if request.accepted_renderer.format in FILE_FORMATS:
            rates.append("files" if known else "anonymous-files")
        check_request(request._request, request.user, *rates)  # noqa: SLF001  # DRF wraps Django's request
        return True


def has_token(request: HttpRequest) -> bool:
    return request.headers.get("Authorization", "").lower().startswith("bearer")


def client_network(request: HttpRequest) -> str:
    """Return what one client has: an IPv4 address, or the /64 network of an IPv6 address."""
    address = client_ip(request)
    try:
        found = ip_address(address)
    except ValueError:  # a Unix socket has none
        return address
    if found.version == 4:
        return address
    return str(found.ipv4_mapped or ip_network(f"{found}/64", strict=False))


def client_address(request: HttpRequest) -> str:
    """Return the address of the client's network, under which django-axes keeps its sign-ins."""
    return client_network(request).partition("/")[0]
