"""URLs of sign-in, of one's own account and of API tokens."""

from django.urls import include, path

from accounts import views

urlpatterns = [
    path("", include("accounts.sign_in.urls")),
    path("account/", views.account, name="account"),
    path("account/password/", views.ChangePasswordView.as_view(), name="account-password"),
    path("account/sessions/", views.session_list, name="sessions"),
    path("account/sessions/end/", views.sign_out_elsewhere, name="sessions-end"),
    path("account/sessions/<slug:name>/end/", views.end_one_session, name="session-end"),
    path("account/forgotten/", views.ForgottenPasswordView.as_view(), name="password-forgotten"),
    path("account/forgotten/sent/", views.ForgottenPasswordSentView.as_view(), name="password-sent"),
    # Named as Django's, whose forms and mails ask for it by this name.
    path("account/new-password/<uidb64>/<token>/", views.NewPasswordView.as_view(), name="password_reset_confirm"),
    path("feeds/<str:secret>/<slug:name>.<slug:kind>", views.feed, name="feed"),
    path("tokens/", views.token_list, name="tokens"),
    path("tokens/<int:pk>/revoke/", views.revoke_token, name="token-revoke"),
]
