"""Account pages: profile, password and sessions, and the reset of a forgotten password.

Django's own views and forms, under our templates, with a limit to how often they may be tried.
"""

from typing import Any

from allauth.account.decorators import reauthentication_required
from axes.utils import reset as lift_lockout
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.cache import add_never_cache_headers
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from accounts.forms import TokenForm
from accounts.roles import describe_role
from accounts.sessions import active_sessions, end_other_sessions, end_session, private_page
from accounts.sign_in.second_factor import primary_factors
from accounts.tokens import MAX_ACTIVE_TOKENS, active_tokens, find_feed_token, revoke
from core.feeds.lists import feed_addresses, list_response
from core.http.problems import error_response
from core.http.rate_limits import count_password_attempt
from core.http.request import TrackerRequest
from core.http.request_log import security_log
from core.web.list_pages import reject_unknown_params

PARAMS = {"lang", "as_of", "known"}


@private_page
def account(request: HttpRequest) -> HttpResponse:
    """Show the signed-in user, the role and what belongs to the account."""
    reject_unknown_params(request, PARAMS)
    user: Any = request.user
    context = {
        "title": _("Your account"),
        "person": user,
        "role": describe_role(user),
        "provider": bool(settings.OIDC_SERVER),
        "has_factor": primary_factors(user).exists(),
        "tokens": active_tokens(user).count(),
        "sessions": len(active_sessions(user, request.session.session_key)),
    }
    return render(request, "account/account.html", context)


@private_page
def session_list(request: HttpRequest) -> HttpResponse:
    """List the sessions of the user: since when, last seen, from where."""
    reject_unknown_params(request, PARAMS)
    sessions = active_sessions(request.user, request.session.session_key)
    return render(request, "account/sessions.html", {"title": _("Where you are signed in"), "sessions": sessions})


@private_page
@require_POST
def end_one_session(request: HttpRequest, name: str) -> HttpResponse:
    """End one session of the user; 404 where there is none of this id, or it is another user's."""
    if not end_session(request.user, name):
        raise Http404
    security_log.info("session ended", extra={"user": request.user.pk})
    messages.success(request, _("That session is ended."))
    return redirect("sessions")


@private_page
@require_POST
def sign_out_elsewhere(request: HttpRequest) -> HttpResponse:
    """End all other sessions of the user."""
    count = end_other_sessions(request.user, request.session.session_key)
    security_log.info("other sessions ended", extra={"user": request.user.pk})
    text = ngettext("%(count)d other session is ended.", "%(count)d other sessions are ended.", count)
    messages.success(request, text % {"count": count})
    return redirect("sessions")


@method_decorator(private_page, name="dispatch")
class ChangePasswordView(views.PasswordChangeView):
    """Password change: asks for the current password and ends sessions opened with it."""

    template_name = "account/password.html"
    success_url = reverse_lazy("account")
    title = gettext_lazy("Change your password")

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        count_password_attempt(request, "change", request.user.pk)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        security_log.info("password changed", extra={"user": self.request.user.pk})
        messages.success(
            self.request, _("Your password is changed. Wherever else you were signed in, you are not now.")
        )
        return super().form_valid(form)


# -- signing in, and a forgotten password ----------------------------------------------------------------


@login_not_required
def admin_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Lead from the admin to the one sign-in page; signed-in users without access get an error page instead."""
    if request.user.is_authenticated and not admin.site.has_permission(request):
        return error_response(
            request, 403, _("You have no right to do this. Ask an administrator for the role you need.")
        )
    if request.user.is_authenticated:
        return redirect("admin:index")
    return redirect_to_login(request.GET.get("next", reverse("admin:index")))


@method_decorator(login_not_required, name="dispatch")
class ForgottenPasswordView(views.PasswordResetView):
    """Password reset by mail. The answer does not reveal whether the address exists."""

    template_name = "account/forgotten.html"
    email_template_name = "account/reset_email.txt"
    subject_template_name = "account/reset_subject.txt"
    success_url = reverse_lazy("password-sent")
    title = gettext_lazy("Forgot your password?")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer 404 where the site cannot send mail."""
        if not settings.MAIL:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        count_password_attempt(request, "forgotten")
        return super().post(request, *args, **kwargs)


@method_decorator(login_not_required, name="dispatch")
class ForgottenPasswordSentView(views.PasswordResetDoneView):
    template_name = "account/sent.html"
    title = gettext_lazy("Look into your mail")


@method_decorator([login_not_required, sensitive_post_parameters()], name="dispatch")
class NewPasswordView(views.PasswordResetConfirmView):
    """Set a new password by a one-time link, sent by mail or made by an administrator."""

    template_name = "account/new_password.html"
    success_url = reverse_lazy("sign-in")
    title = gettext_lazy("Choose a new password")

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        count_password_attempt(self.request, "link")
        response = super().dispatch(*args, **kwargs)
        add_never_cache_headers(response)
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        """Save the password and lift the lockout: the link proved who the user is."""
        response, person = super().form_valid(form), form.user
        lift_lockout(username=person.get_username())
        security_log.info("password set by a link", extra={"user": person.pk})
        messages.success(self.request, _("Your new password is set. Sign in with it."))
        return response


MAX_LISTED = 100  # newest tokens listed; at most half as many are active


@private_page
@reauthentication_required(allow_get=True)  # type: ignore[untyped-decorator]
@sensitive_variables("made", "secret")
def token_list(request: HttpRequest) -> HttpResponse:
    """List the user's tokens, or create one. The response to a new one is the only time that its secret is shown."""
    form = TokenForm(request.POST or None, user=request.user)
    made = form.make() if request.method == "POST" and form.is_valid() else None
    if made is None:
        return render(request, "tokens/list.html", token_list_context(request, form))
    token, secret = made
    context = {"title": _("Your new token"), "token": token, "secret": secret}
    addresses = feed_addresses(request, request.user, secret) if token.opens_feeds else []
    return render(request, "tokens/made.html", {**context, "addresses": addresses})


def token_list_context(request: HttpRequest, form: TokenForm) -> dict[str, object]:
    """Return the template context; active tokens come first, newest first."""
    every = sorted(request.user.tokens.all()[:MAX_LISTED], key=lambda token: bool(token.inactive_reason))  # type: ignore[union-attr]
    return {"title": _("Tokens for programs"), "form": form, "tokens": every, "most": MAX_ACTIVE_TOKENS}


@private_page
@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke one of the user's own tokens at once; 404 for another user's."""
    token = get_object_or_404(request.user.tokens, pk=pk)  # type: ignore[union-attr]
    revoke(token)
    messages.success(request, _("“%(name)s” is revoked: from now on it opens nothing.") % {"name": token.name})
    return redirect("tokens")


@login_not_required
@require_safe
@sensitive_variables("secret")
def feed(request: TrackerRequest, secret: str, name: str, kind: str) -> HttpResponseBase:
    """Answer a list's calendar or feed, as the owner of the secret address gets it.

    404 for a secret that is unknown or has ended: a calendar program would ask for a password at 401.
    """
    token = find_feed_token(secret)
    if token is None:
        raise Http404
    request.auth = token  # for the log
    return list_response(request, token.user, name, kind)
