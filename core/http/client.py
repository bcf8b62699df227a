"""Client of a request: IP address and authenticated user."""

from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject


def client_ip(request: HttpRequest) -> str:
    """Return the client's IP address: of the connection, or as added by our own proxy; never a client's claim."""
    own = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.BEHIND_PROXY:
        return own
    added = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    return added if is_ip_address(added) else own


def is_ip_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def loaded_user(request: HttpRequest) -> Any | None:
    """Return the authenticated user if a view has loaded it already; never queries the database."""
    user = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)  # where Django caches it once a view has loaded it
    return user if user is not None and user.is_authenticated else None


def token_prefix(request: HttpRequest) -> str | None:
    """Return the prefix of the token that authenticated the request, by which the token list shows it."""
    return getattr(getattr(request, "auth", None), "prefix", None)
