"""Views of sign-in: the form, and the confirmation of a password before what is sensitive."""

from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.account.views import ReauthenticateView
from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy

from accounts.sessions import private_page
from core.http.rate_limits import count_password_attempt


@method_decorator(login_not_required, name="dispatch")
class SignInView(views.LoginView):
    """Django's sign-in form; allauth goes on from the right password. Says whether mail can bring a new one."""

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        return super().get_context_data(mail=settings.MAIL, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        login = Login(user=form.get_user(), redirect_url=self.get_success_url())
        response: HttpResponse = perform_password_login(self.request, {}, login)
        return response


class LimitedAttemptsMixin:
    """View whose POST is an attempt to prove who is there; too many answer 429."""

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        count_password_attempt(request, "confirm", request.user.pk)
        return super().post(request, *args, **kwargs)  # type: ignore[misc,no-any-return]


@method_decorator(private_page, name="dispatch")
class ConfirmPasswordView(LimitedAttemptsMixin, ReauthenticateView):
    """Ask for the password again, then go on with the request that was stopped."""

    extra_context = {"title": gettext_lazy("Confirm that it is you")}
