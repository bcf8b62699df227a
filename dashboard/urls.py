"""URLs of the pages that need both domains."""

from django.contrib import admin
from django.urls import path

from dashboard.editions import views as editions
from dashboard.overview import views as overview
from dashboard.views import brief, compare, data, desk, industries, policies, province, provinces, reports, search

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("policies/<slug:slug>/", policies.policy_detail, name="policy-detail"),
    path("provinces/", provinces.province_list, name="province-list"),
    path("provinces/<slug:slug>/", province.province_detail, name="province-detail"),
    path("industries/", industries.industry_list, name="industry-list"),
    path("industries/<slug:slug>/", industries.industry_detail, name="industry-detail"),
    path("compare/", compare.compare_pilots, name="compare-pilots"),
    path("compare/provinces/", compare.compare_provinces, name="compare-provinces"),
    path("brief/", brief.brief_index, name="brief-index"),
    path("brief/nation/", brief.brief_page, {"kind": "nation"}, name="brief-nation"),
    path("brief/<slug:kind>/<slug:slug>/", brief.brief_page, name="brief"),
    path("desk/", desk.desk, name="desk"),
    path("account/reminders/", desk.reminders, name="reminders"),
    path("data/", data.data, name="data"),
    path("editions/", editions.edition_list, name="edition-list"),
    path("editions/new/", editions.edition_new, name="edition-new"),
    path("editions/<str:quarter>/", editions.edition_detail, name="edition-detail"),
    path("editions/<str:quarter>/files/<path:path>", editions.edition_file, name="edition-file"),
    path("about/", data.about, name="about"),
    path("search/", search.search, name="search"),
    path("admin/changes/", admin.site.admin_view(reports.changes), name="changes"),
    path("admin/quality/", admin.site.admin_view(reports.quality), name="quality"),
]
