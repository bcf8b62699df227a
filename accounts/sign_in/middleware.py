"""Middleware of signed-in users: when a session was last seen, and no request without the second factor it needs."""

from collections.abc import Callable
from functools import cache

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.sessions import record_last_seen
from accounts.sign_in.second_factor import days_left, primary_factors
from core.http.problems import error_response, is_api


class SignedInMiddleware:
    """Middleware that keeps when a session was last seen, and stops those that lack the second factor they need.

    It reads the session, whose user every page asks for, and nothing else: no page has a query more. A request without
    a session costs nothing. Until the days of grace are over, `request.second_factor_days` says how many are left.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            record_last_seen(request.session.session_key)
            left = request.second_factor_days = days_left(request)  # type: ignore[attr-defined]
            if left == 0 and not request.path_info.startswith(open_paths()):
                return ask_for_second_factor(request)
        return self.get_response(request)


@cache
def open_paths() -> tuple[str, ...]:
    """Return the addresses at which a second factor is set up or proved, and that of signing out."""
    return tuple(reverse(name) for name in ("mfa_index", "account_reauthenticate", "sign-in", "sign-out"))


def ask_for_second_factor(request: HttpRequest) -> HttpResponse:
    """Lead to where the factor is proved, or set up where there is none; the API answers 403."""
    if is_api(request):
        text = _("Your account needs a second factor, and this session has none. Open any page to set it up.")
        return error_response(request, 403, text)
    kinds = set(primary_factors(request.user).values_list("type", flat=True))
    if not kinds:
        return redirect("mfa_index")
    name = "mfa_reauthenticate" if Authenticator.Type.TOTP in kinds else "mfa_reauthenticate_webauthn"
    return redirect(reverse(name, query={"next": request.get_full_path()}))
