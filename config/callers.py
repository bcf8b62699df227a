"""Who sends a request: the address it comes from, and the person it was found to come from."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject


def address_of(request: HttpRequest) -> str:
    """The address of the connection; behind a proxy of ours what that added, never what a client says of itself."""
    return address_in(request.META)


def address_in(meta: Mapping[str, Any]) -> str:
    """The same of the variables of WSGI."""
    own = str(meta.get("REMOTE_ADDR", ""))
    if not settings.BEHIND_PROXY:
        return own
    added = meta.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    return added if is_address(added) else own


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def person_of(request: HttpRequest) -> Any | None:
    """Whoever is signed in, as far as a view has asked: the database is not asked for it here."""
    user = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)  # where Django keeps it once a view has asked
    return user if user is not None and user.is_authenticated else None


def token_start_of(request: HttpRequest) -> str | None:
    """The first characters of the token that let the request in: enough to find it in the list of tokens."""
    return getattr(getattr(request, "auth", None), "start", None)
