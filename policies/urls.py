"""Addresses of the policies' pages."""

from django.urls import path

from policies import views

urlpatterns = [
    path("policies/", views.policy_list, name="policy-list"),
    path("policies/<slug:slug>/", views.policy_detail, name="policy-detail"),
]
