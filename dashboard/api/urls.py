"""The dashboard's aggregate in the API."""

from dashboard.api import views

AGGREGATES = {"overview": views.OverviewView}
