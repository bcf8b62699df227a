"""The pilots' resources and aggregates in the API, by the names of their addresses, and what the change feed tells."""

from functools import partial

from django.urls import path

from core.history.change_feed import FeedResource
from pilots.api import views
from pilots.api.documents import views as document_views
from pilots.api.follow_ups import views as follow_up_views
from pilots.api.practices import views as practice_views
from pilots.documents.services import readable_entries
from pilots.models import Attachment, Document, FollowUp, FollowUpStep, LightOverride, Pilot, TargetStep

RESOURCES = {
    "batches": ("batch", views.BatchViewSet),
    "pilots": ("pilot", views.PilotViewSet),
    "stages": ("stageentry", views.StageViewSet),
    "milestones": ("milestone", views.MilestoneViewSet),
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
PILOTS = FeedResource("pilots", Pilot, "slug", child_models={LightOverride: "pilot"})
PARTS = {"targets": {TargetStep: "target"}}
CHANGES = {
    "pilots": PILOTS,
    **{
        name: FeedResource(
            name,
            resource.write_serializer_class.model,
            resource.lookup_field,
            owner=PILOTS,
            owner_field="pilot",
            child_models=PARTS.get(name, {}),
        )
        for name, (_model, resource) in RESOURCES.items()
        if issubclass(resource, views.PilotPartViewSet)
    },
    **{
        name: FeedResource(name, model, "pk", readable=partial(readable_entries, model=model))
        for name, model in (("documents", Document), ("attachments", Attachment))
    },
    "actions": FeedResource("actions", FollowUp, "number", child_models={FollowUpStep: "follow_up"}),
}
"""What the change feed tells of records that belong to a pilot, have parts, or are not for every reader."""
