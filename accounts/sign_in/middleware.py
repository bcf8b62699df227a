"""Middleware of signed-in users: their sessions are listed, and none goes without the second factor it needs."""

from collections.abc import Callable
from functools import cache

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from accounts.sign_in.second_factor import days_left, primary_factors
from core.http.problems import error_response, is_api

LISTED_AS = "listed_as"  # session key: the key under which the session stands in the table of allauth.usersessions


class SignedInMiddleware:
    """Middleware that keeps sessions listed, and stops those without the second factor that they need.

    It reads the session, whose user every page asks for, and nothing else: no page has a query more. A request without
    a session costs nothing. Until the days of grace are over, `request.second_factor_days` says how many are left.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            if request.session.get(LISTED_AS) != request.session.session_key:  # a new one, after SECRET_KEY changed
                UserSession.objects.create_from_request(request)
                request.session[LISTED_AS] = request.session.session_key
            left = request.second_factor_days = days_left(request)  # type: ignore[attr-defined]
            if left == 0 and not request.path_info.startswith(open_paths()):
                if is_api(request):
                    text = _(
                        "Your account needs a second factor, and this session has none. Open any page to set it up."
                    )
                    return error_response(request, 403, text)
                kinds = set(primary_factors(request.user).values_list("type", flat=True))
                if not kinds:
                    return redirect("mfa_index")
                name = "mfa_reauthenticate" if Authenticator.Type.TOTP in kinds else "mfa_reauthenticate_webauthn"
                return redirect(reverse(name, query={"next": request.get_full_path()}))
        return self.get_response(request)


@cache
def open_paths() -> tuple[str, ...]:
    """Return the addresses at which a second factor is set up or proved, and that of signing out."""
    return tuple(reverse(name) for name in ("mfa_index", "account_reauthenticate", "account_login", "account_logout"))


def purge(self: UserSession) -> bool:
    """Delete a session that is over from the table, in place of allauth's method: that reads a session of a former
    SECRET_KEY through Django, which gives it a new key that its browser never hears of.
    """
    found = str(self._session_store(self.session_key).load().get(HASH_SESSION_KEY, ""))
    hashes = [self.user.get_session_auth_hash(), *self.user.get_session_auth_fallback_hash()]
    over = not self.user.is_active or not any(constant_time_compare(found, one) for one in hashes)
    if over:
        self.delete()
    return over
