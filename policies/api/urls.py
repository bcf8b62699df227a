"""The policies' resources and aggregates in the API, by the names of their addresses."""

from policies.api import views

RESOURCES = {
    "provinces": ("province", views.ProvinceViewSet),
    "agencies": ("agency", views.AgencyViewSet),
    "policies": ("policy", views.PolicyViewSet),
    "measures": ("measure", views.MeasureViewSet),
    "plans": ("provincialplan", views.PlanViewSet),
    "figures": ("figure", views.FigureViewSet),
    "sources": ("source", views.SourceViewSet),
    "industries": ("industry", views.IndustryViewSet),
}
AGGREGATES = {"rollout": views.RolloutView}
