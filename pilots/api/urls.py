"""The pilots' resources and aggregates in the API, by the names of their addresses."""

from django.urls import path

from pilots.api import aggregates, records
from pilots.api import documents as document_views
from pilots.api.lights import LightViewSet
from pilots.follow_ups import api as follow_up_views
from pilots.practices import api as practice_views

RESOURCES = {
    "batches": ("batch", records.BatchViewSet),
    "pilots": ("pilot", records.PilotViewSet),
    "stages": ("stageentry", records.StageViewSet),
    "milestones": ("milestone", records.MilestoneViewSet),
    "completions": ("completion", records.CompletionViewSet),
    "amendments": ("amendment", records.AmendmentViewSet),
    "deadlines": ("deadline", records.DeadlineViewSet),
    "indicators": ("indicator", records.IndicatorViewSet),
    "targets": ("target", records.TargetViewSet),
    "readings": ("reading", records.ReadingViewSet),
    "documents": ("document", document_views.DocumentViewSet),
    "attachments": ("attachment", document_views.AttachmentViewSet),
    "actions": ("followup", follow_up_views.FollowUpViewSet),
    "practices": ("practice", practice_views.PracticeViewSet),
    "adoptions": ("adoption", practice_views.AdoptionViewSet),
    "effects": ("effect", practice_views.EffectViewSet),
}
AGGREGATES = {
    "coverage": aggregates.CoverageView,
    "progress": aggregates.ProgressView,
    "synergy": aggregates.SynergyView,
    "trend": aggregates.TrendView,
    "followup": follow_up_views.FollowUpSummaryView,
}
urlpatterns = [
    path("lights/", LightViewSet.as_view({"get": "list"}), name="api-lights"),
    path("documents/<int:pk>/content/", document_views.DocumentContentView.as_view(), name="api-document-content"),
]
"""Addresses below those of the resources."""
