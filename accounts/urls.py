"""URLs of sign-in, of one's own account and of API tokens.

Most views are django-allauth's, which asks for its pages by these names. Its URLs are listed here instead of included:
what is not listed (signing up, mail addresses) is not offered.
"""

from allauth.account import views as allauth
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp.views import deactivate_totp
from allauth.mfa.webauthn.views import reauthenticate_webauthn
from allauth.socialaccount.providers.openid_connect import views as oidc
from allauth.socialaccount.views import connections
from allauth.usersessions.views import list_usersessions
from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django.views.generic import TemplateView

from accounts import views
from core.pages import private_page

LOGIN, CALLBACK = ({"provider_id": "sso", "view": view} for view in (oidc.login, oidc.callback))  # settings OIDC_…
OF_THE_SIGNED_IN = [
    ("account/", views.account, "account"),
    ("account/", views.account, "account_set_password"),  # an account without a password gets none by itself
    ("account/password/", allauth.password_change, "account_change_password"),
    ("account/sessions/", list_usersessions, "usersessions_list"),
    ("account/sessions/<int:pk>/end/", views.end_session, "session-end"),
    ("account/confirm/", allauth.reauthenticate, "account_reauthenticate"),
    ("account/confirm/code/", mfa.reauthenticate, "mfa_reauthenticate"),
    ("account/confirm/passkey/", reauthenticate_webauthn, "mfa_reauthenticate_webauthn"),
    ("account/confirm/sso/", TemplateView.as_view(template_name="account/confirm_provider.html"), "confirm-sso"),
    ("account/linked/", views.only_with("OIDC_SERVER", connections), "socialaccount_connections"),
    ("account/second-factor/", mfa.index, "mfa_index"),
    ("account/second-factor/", mfa.index, "mfa_list_webauthn"),
    ("account/second-factor/app/", views.AddAppView.as_view(), "mfa_activate_totp"),
    ("account/second-factor/app/remove/", deactivate_totp, "mfa_deactivate_totp"),
    ("account/second-factor/passkey/", views.AddPasskeyView.as_view(), "mfa_add_webauthn"),
    ("account/second-factor/passkey/<int:pk>/remove/", views.RemovePasskeyView.as_view(), "mfa_remove_webauthn"),
    ("account/second-factor/codes/", recovery_codes.view_recovery_codes, "mfa_view_recovery_codes"),
    ("account/second-factor/codes/new/", recovery_codes.generate_recovery_codes, "mfa_generate_recovery_codes"),
    ("tokens/", views.token_list, "tokens"),
    ("tokens/<int:pk>/revoke/", views.revoke_token, "token-revoke"),
]

urlpatterns = [
    *(path(address, private_page(view), name=name) for address, view, name in OF_THE_SIGNED_IN),
    path("sign-in/", allauth.login, name="sign-in"),
    *(path("sign-in/", allauth.login, name=f"account_{name}") for name in ("login", "reset_password_from_key_done")),
    path("sign-in/second-factor/", mfa.authenticate, name="mfa_authenticate"),
    path("sign-in/sso/", require_POST(views.single_sign_on), LOGIN, name="openid_connect_login"),
    path("sign-in/sso/callback/", views.single_sign_on, CALLBACK, name="openid_connect_callback"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("sign-out/", LogoutView.as_view(), name="account_logout"),
    path("account/forgotten/", views.only_with("MAIL", allauth.password_reset), name="account_reset_password"),
    path("account/forgotten/sent/", allauth.password_reset_done, name="account_reset_password_done"),
    path(
        "account/new-password/<uidb36>/<key>/",
        never_cache(allauth.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path("feeds/<str:secret>/<slug:name>.ics", views.calendar, name="calendar"),
]
