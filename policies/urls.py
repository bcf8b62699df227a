"""URL of the list of policies; the page of one needs pilots too and lives in `dashboard`."""

from django.urls import path

from policies import views

urlpatterns = [
    path("policies/", views.policy_list, name="policy-list"),
]
