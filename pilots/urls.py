"""Addresses of the programme's pages."""

from django.urls import path

from pilots import views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("provinces/", views.province_list, name="province-list"),
    path("provinces/<slug:slug>/", views.province_detail, name="province-detail"),
    path("pilots/", views.pilot_list, name="pilot-list"),
    path("pilots/<slug:slug>/", views.pilot_detail, name="pilot-detail"),
    path("batches/<slug:slug>/", views.batch_detail, name="batch-detail"),
    path("synergy/", views.synergy, name="synergy"),
    path("industries/", views.industry_list, name="industry-list"),
    path("industries/<slug:slug>/", views.industry_detail, name="industry-detail"),
    path("data/", views.data, name="data"),
    path("search/", views.search, name="search"),
]
