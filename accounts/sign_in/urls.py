"""URLs of sign-in. Names with an underscore are allauth's, which asks for its pages by them."""

from django.contrib.auth import views as auth
from django.urls import path

from accounts.sign_in import views

PROVIDER = {"provider_id": "sso"}  # the one provider, of the settings OIDC_…

urlpatterns = [
    path("sign-in/", views.SignInView.as_view(), name="sign-in"),
    path("sign-in/", views.SignInView.as_view(), name="account_login"),
    path("sign-in/second-factor/", views.SecondFactorView.as_view(), name="mfa_authenticate"),
    path("sign-in/sso/", views.start_single_sign_on, PROVIDER, name="openid_connect_login"),
    path("sign-in/sso/callback/", views.finish_single_sign_on, PROVIDER, name="openid_connect_callback"),
    path("sign-out/", auth.LogoutView.as_view(), name="sign-out"),
    path("sign-out/", auth.LogoutView.as_view(), name="account_logout"),
    path("account/confirm/", views.ConfirmPasswordView.as_view(), name="account_reauthenticate"),
    path("account/confirm/code/", views.ConfirmCodeView.as_view(), name="mfa_reauthenticate"),
    path("account/confirm/passkey/", views.ConfirmPasskeyView.as_view(), name="mfa_reauthenticate_webauthn"),
    path("account/confirm/sso/", views.ConfirmProviderView.as_view(), name="confirm-sso"),
    path("account/linked/", views.LinkedView.as_view(), name="socialaccount_connections"),
    path("account/second-factor/", views.SecondFactorListView.as_view(), name="mfa_index"),
    path("account/second-factor/", views.SecondFactorListView.as_view(), name="mfa_list_webauthn"),
    path("account/second-factor/app/", views.AddAppView.as_view(), name="mfa_activate_totp"),
    path("account/second-factor/app/remove/", views.RemoveAppView.as_view(), name="mfa_deactivate_totp"),
    path("account/second-factor/passkey/", views.AddPasskeyView.as_view(), name="mfa_add_webauthn"),
    path(
        "account/second-factor/passkey/<int:pk>/remove/",
        views.RemovePasskeyView.as_view(),
        name="mfa_remove_webauthn",
    ),
    path("account/second-factor/codes/", views.RecoveryCodesView.as_view(), name="mfa_view_recovery_codes"),
    path("account/second-factor/codes/new/", views.NewRecoveryCodesView.as_view(), name="mfa_generate_recovery_codes"),
]
