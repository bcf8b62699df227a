"""The pages of one's own account: what it may do, its password, its sessions; and a new password for who forgot it.

Django's own views and forms, under our templates, with a limit to how often they may be tried.
"""

from typing import Any

from axes.utils import reset as lift_lockout
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import views
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.cache import add_never_cache_headers
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from config.events import security
from config.lists import check_words
from config.problems import refuse
from config.sessions import end_others, own, sessions_of
from config.throttles import count_try
from config.tokens import in_force
from policies.models import role_of

WORDS = {"lang", "as_of"}


@own
def account(request: HttpRequest) -> HttpResponse:
    """Who is signed in, what that account may do, and what belongs to it."""
    check_words(request, WORDS)
    user: Any = request.user
    context = {
        "title": _("Your account"),
        "person": user,
        "role": role_of(user),
        "tokens": in_force(user).count(),
        "sessions": sessions_of(user, request.session.session_key),
    }
    return render(request, "account/account.html", context)


@own
@require_POST
def sign_out_elsewhere(request: HttpRequest) -> HttpResponse:
    """End every other session of the person, at once."""
    count = end_others(request.user, request.session.session_key)
    security.info("other sessions ended", extra={"user": request.user.pk})
    text = ngettext("%(count)d other session is ended.", "%(count)d other sessions are ended.", count)
    messages.success(request, text % {"count": count})
    return redirect("account")


@method_decorator(own, name="dispatch")
class ChangePassword(views.PasswordChangeView):
    """Takes the present password, and ends the sessions that were opened with it."""

    template_name = "account/password.html"
    success_url = reverse_lazy("account")
    title = gettext_lazy("Change your password")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        count_try(request, "change", request.user.pk)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        security.info("password changed", extra={"user": self.request.user.pk})
        messages.success(
            self.request, _("Your password is changed. Wherever else you were signed in, you are not now.")
        )
        return super().form_valid(form)


# -- signing in, and a forgotten password ----------------------------------------------------------------


@method_decorator(login_not_required, name="dispatch")
class SignIn(views.LoginView):
    """Django's, which knows whether the site can send mail."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(mail=settings.MAIL, **kwargs)


@login_not_required
def admin_sign_in(request: HttpRequest) -> HttpResponseBase:
    """The admin's own, but for somebody signed in who has no place there: another account is not the answer."""
    if request.user.is_authenticated and not admin.site.has_permission(request):
        return refuse(request, 403, _("You have no right to do this. Ask an administrator for the role you need."))
    return admin.site.login(request)


@method_decorator(login_not_required, name="dispatch")
class ForgottenPassword(views.PasswordResetView):
    """Asks for the address, and sends a link there. The answer is the same whether anybody has that address."""

    template_name = "account/forgotten.html"
    email_template_name = "account/reset_email.txt"
    subject_template_name = "account/reset_subject.txt"
    success_url = reverse_lazy("password-sent")
    title = gettext_lazy("Forgot your password?")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Nothing stands here where the site cannot send mail."""
        if not settings.MAIL:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        count_try(request, "forgotten")
        return super().post(request, *args, **kwargs)


@method_decorator(login_not_required, name="dispatch")
class ForgottenPasswordSent(views.PasswordResetDoneView):
    template_name = "account/sent.html"
    title = gettext_lazy("Look into your mail")


@method_decorator([login_not_required, sensitive_post_parameters()], name="dispatch")
class NewPassword(views.PasswordResetConfirmView):
    """Where a link leads that was sent by mail or made by an administrator: a new password, once."""

    template_name = "account/new_password.html"
    success_url = reverse_lazy("sign-in")
    title = gettext_lazy("Choose a new password")

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        count_try(self.request, "link")
        response = super().dispatch(*args, **kwargs)
        add_never_cache_headers(response)
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        """Save the password and lift the lockout: the link proved who the user is."""
        response, person = super().form_valid(form), form.user
        lift_lockout(username=person.get_username())
        security.info("password set by a link", extra={"user": person.pk})
        messages.success(self.request, _("Your new password is set. Sign in with it."))
        return response
