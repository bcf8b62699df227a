"""The dashboard's resource and aggregate in the API."""

from dashboard.api import views

RESOURCES = {"editions": ("edition", views.EditionViewSet)}
AGGREGATES = {"overview": views.OverviewView}
