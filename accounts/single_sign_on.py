"""Single sign-on by OpenID Connect: who is let in, with which role, and a sentence for all that may go wrong.

Every refusal leads to the sign-in page: the form for the password is there.
"""

from collections.abc import Mapping
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from jwt import ExpiredSignatureError, ImmatureSignatureError
from requests import RequestException
from requests.exceptions import HTTPError, SSLError

from accounts.models import Officer, Role, is_administrator, lock_administrators
from core.http import client_ip
from core.request_log import security_log
from policies.models import Province


class NoRole(Exception):
    """The claim is there, and OIDC_ROLES has none of its values."""


def role_of_claims(claims: Mapping[str, Any], present: Officer | None = None) -> tuple[str, Province | None] | None:
    """Return the role that the claims give, with its province: of several the highest, of several provinces the present
    one, then that of the first value. None where no claim says anything. Raises NoRole.

    `realm_access.roles` as OIDC_CLAIM reaches into an object, unless a claim has that name itself.
    """
    name: str = settings.OIDC_CLAIM
    values: Any = claims
    for part in [name] if name in claims else name.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    if values is None:
        return None
    texts = sorted(map(str, values if isinstance(values, list | tuple) else [values]))
    given = [settings.OIDC_ROLES[text] for text in texts if text in settings.OIDC_ROLES and text != "*"]
    wanted = {slug for _role, slug in given if slug}
    provinces = Province.objects.filter(in_roster=True).in_bulk(wanted, field_name="slug")
    if wanted - set(provinces):
        security_log.error("OIDC_ROLES: there is no province %s", ", ".join(sorted(wanted - set(provinces))))
    matches = [(role, provinces.get(slug)) for role, slug in given if not slug or slug in provinces]
    if matches:
        now = present.province if present else None
        return max(matches, key=lambda row: (Role.values.index(row[0]), row[1] == now))
    if "*" in settings.OIDC_ROLES:
        return Role.VIEWER, None
    raise NoRole


@transaction.atomic
def set_role(user: Any, claims: Mapping[str, Any]) -> None:
    """Give the user the role of the claims. Raises NoRole.

    The last administrator stays one, whatever the claims say, and is let in: nobody else could mend it.
    """
    if is_administrator(user) and lock_administrators() == [user.pk]:
        return
    officer = getattr(user, "officer", None)
    given = role_of_claims(claims, officer)
    if given is None:
        return
    demoted = user.is_superuser and given[0] != Role.ADMIN
    if not demoted and given == ((officer.role, officer.province) if officer else (Role.VIEWER, None)):
        return
    if demoted:
        user.is_superuser = False
        user.save(update_fields=["is_superuser"])
    officer = officer or Officer(user=user)
    officer.role, officer.province = given
    officer.save()
    text = _("Role by sign-in: %(role)s.") % {"role": officer.get_role_display()}
    LogEntry.objects.log_actions(user.pk, [user], CHANGE, text, single_object=True)
    security_log.info("role set by sign-in", extra={"user": user.pk})


class ProviderAdapter(DefaultSocialAccountAdapter):
    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Refuse, or set the role of the claims. Raises ImmediateHttpResponse for a refusal."""
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            return
        person, subject, claims = sociallogin.user, str(sociallogin.account.uid), claims_of(sociallogin)
        try:
            if sociallogin.is_existing:
                set_role(person, claims)
                return
            same = Q(username=person.username or None) | Q(email__iexact=person.email or None)
            account = get_user_model()._default_manager.filter(same).first()
            if account is None and role_of_claims(claims) is None:
                raise NoRole
        except NoRole:
            who = {"user": person.pk} if sociallogin.is_existing else {"subject": subject}
            text = _(
                "The provider knows you, but none of your groups has a role here. Ask an administrator for access."
            )
            raise refusal(request, text, why="no group has a role", **who) from None
        if account:
            text = _(
                "There is an account with this name or mail address already. Sign in with its password once, then "
                "link it on the page “Single sign-on” of your account."
            )
            linked = reverse("socialaccount_connections")
            raise refusal(request, text, why="account is not linked", user=account.pk, subject=subject, wanted=linked)

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Any:
        """Make the account of a new person, with the role of the claims: all others `pre_social_login` has refused."""
        with transaction.atomic():
            user = super().save_user(request, sociallogin, form)
            set_role(user, claims_of(sociallogin))
        security_log.info("account made by sign-in", extra={"user": user.pk})
        return user

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> None:
        """Lead back to the form with a sentence. Raises ImmediateHttpResponse."""
        text = _("You stopped it there.") if error == AuthError.CANCELLED else error_text(exception)
        raise refusal(request, text, why=type(exception).__name__ if exception else str(error))


def claims_of(sociallogin: Any) -> dict[str, Any]:
    """Return the claims of the ID token, and those that the userinfo address adds to them."""
    data = sociallogin.account.extra_data
    return {**(data.get("id_token") or {}), **(data.get("userinfo") or {})}


def error_text(exception: Any) -> str:
    """Return a sentence about what went wrong between this server and the provider."""
    causes = [exception, getattr(exception, "__cause__", None)]
    name = {"name": settings.OIDC_NAME}
    if any(isinstance(cause, SSLError) for cause in causes):
        text = _("The certificate of %(name)s is not valid for this server. Sign in with your password.")
    elif any(isinstance(cause, RequestException) and not isinstance(cause, HTTPError) for cause in causes):
        text = _("%(name)s does not answer now. Sign in with your password, or try again later.")
    elif any(isinstance(cause, ExpiredSignatureError | ImmatureSignatureError) for cause in causes):
        text = _("The clocks of %(name)s and of this server differ. Sign in with your password.")
    elif exception is None:
        text = _("That took too long, or began in another window. Start once more.")
    else:
        text = _("%(name)s sent an answer that is not valid. Sign in with your password.")
    return text % name


def refusal(
    request: HttpRequest, text: Any, *, why: str, user: int | None = None, subject: str = "", wanted: str = ""
) -> ImmediateHttpResponse:
    """Return the exception that leads to the sign-in page with a sentence, and log why and of whom: the account, and
    the subject by which the provider knows the person.
    """
    fields = {"why": why, "user": user, "subject": subject, "address": client_ip(request)}
    security_log.warning("single sign-on failed", extra=fields)
    messages.error(request, text)
    page = "socialaccount_connections" if request.user.is_authenticated else "account_login"
    query = {"next": wanted} if wanted and page == "account_login" else None
    return ImmediateHttpResponse(redirect(reverse(page, query=query)))
