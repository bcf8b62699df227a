"""Addresses of the programme's pages."""

from django.contrib import admin
from django.urls import path

from pilots import views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("provinces/", views.province_list, name="province-list"),
    path("provinces/<slug:slug>/", views.province_detail, name="province-detail"),
    path("pilots/", views.pilot_list, name="pilot-list"),
    path("pilots/<slug:slug>/", views.pilot_detail, name="pilot-detail"),
    path("batches/", views.batch_list, name="batch-list"),
    path("batches/<slug:slug>/", views.batch_detail, name="batch-detail"),
    path("synergy/", views.synergy, name="synergy"),
    path("industries/", views.industry_list, name="industry-list"),
    path("industries/<slug:slug>/", views.industry_detail, name="industry-detail"),
    path("compare/", views.compare_pilots, name="compare-pilots"),
    path("compare/provinces/", views.compare_provinces, name="compare-provinces"),
    path("trends/", views.trends, name="trends"),
    path("desk/", views.desk, name="desk"),
    path("data/", views.data, name="data"),
    path("about/", views.about, name="about"),
    path("search/", views.search, name="search"),
    path("admin/changes/", admin.site.admin_view(views.changes), name="changes"),
    path("admin/quality/", admin.site.admin_view(views.quality), name="quality"),
    path("admin/import/", views.import_list, name="import-list"),
    path("admin/import/<int:pk>/", views.import_detail, name="import-detail"),
    path("admin/import/<int:pk>/confirm/", views.import_confirm, name="import-confirm"),
    path("admin/import/<int:pk>/undo/", views.import_undo, name="import-undo"),
    path("admin/import/<int:pk>/again/", views.import_again, name="import-again"),
    path("admin/import/<int:pk>/workbook/", views.import_workbook, name="import-workbook"),
    path("admin/import/<slug:kind>/template/", views.import_template, name="import-template"),
    path("admin/import/<slug:kind>/export.<slug:suffix>", views.import_export, name="import-export"),
]
