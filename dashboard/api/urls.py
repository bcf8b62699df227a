"""The dashboard's resource and aggregate in the API."""

from django.urls import path

from dashboard.api import brief_views, views

RESOURCES = {"editions": ("edition", views.EditionViewSet)}
AGGREGATES = {"overview": views.OverviewView, "briefs": brief_views.BriefIndexView}
urlpatterns = [
    path("briefs/nation/", brief_views.BriefView.as_view(action=brief_views.NATION_ACTION), name="api-brief-nation"),
    path("briefs/<slug:kind>/<slug:slug>/", brief_views.BriefView.as_view(), name="api-brief"),
]
"""Addresses below that of the briefs."""
