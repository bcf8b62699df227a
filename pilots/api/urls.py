"""The pilots' resources and aggregates in the API, by the names of their addresses."""

from django.urls import path

from pilots.api import documents as document_views
from pilots.api import follow_ups as follow_up_views
from pilots.api import practices as practice_views
from pilots.api import views

RESOURCES = {
    "batches": ("batch", views.BatchViewSet),
    "pilots": ("pilot", views.PilotViewSet),
    "stages": ("stageentry", views.StageViewSet),
    "milestones": ("milestone", views.MilestoneViewSet),
    "replans": ("replan", views.ReplanViewSet),
    "indicators": ("indicator", views.IndicatorViewSet),
    "targets": ("target", views.TargetViewSet),
    "readings": ("reading", views.ReadingViewSet),
    "documents": ("document", document_views.DocumentViewSet),
    "attachments": ("attachment", document_views.AttachmentViewSet),
    "actions": ("followup", follow_up_views.FollowUpViewSet),
    "practices": ("practice", practice_views.PracticeViewSet),
    "adoptions": ("adoption", practice_views.AdoptionViewSet),
    "effects": ("effect", practice_views.EffectViewSet),
}
AGGREGATES = {
    "coverage": views.CoverageView,
    "progress": views.ProgressView,
    "synergy": views.SynergyView,
    "trend": views.TrendView,
    "followup": follow_up_views.FollowUpSummaryView,
    "diffusion": practice_views.DiffusionView,
}
urlpatterns = [
    path("documents/<int:pk>/content/", document_views.DocumentContentView.as_view(), name="api-document-content"),
]
"""Addresses below those of the resources."""
