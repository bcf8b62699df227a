"""URLs of sign-in. The names beginning with account_ are allauth's, which asks for its pages by them."""

from django.contrib.auth import views as auth
from django.urls import path

from accounts.sign_in import views

urlpatterns = [
    path("sign-in/", views.SignInView.as_view(), name="sign-in"),
    path("sign-in/", views.SignInView.as_view(), name="account_login"),
    path("sign-out/", auth.LogoutView.as_view(), name="sign-out"),
    path("sign-out/", auth.LogoutView.as_view(), name="account_logout"),
    path("account/confirm/", views.ConfirmPasswordView.as_view(), name="account_reauthenticate"),
]
