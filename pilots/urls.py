"""URLs of the pages of pilots and batches."""

from django.urls import path

from pilots.follow_ups import urls as follow_ups
from pilots.practices import urls as practices
from pilots.views import batches, documents, entry, pilots, synergy

urlpatterns = [
    path("documents/", documents.document_list, name="document-list"),
    path("documents/attach/", documents.attach_document, name="attachment-new"),
    path("documents/attachments/<int:pk>/remove/", documents.remove_attachment, name="attachment-remove"),
    path("documents/<int:pk>/", documents.document_detail, name="document-detail"),
    path("documents/<int:pk>/file/", documents.document_download, name="document-download"),
    path("pilots/", pilots.pilot_list, name="pilot-list"),
    path("pilots/<slug:slug>/", pilots.pilot_detail, name="pilot-detail"),
    path("pilots/<slug:slug>/readings/", entry.readings_enter, name="readings-enter"),
    path("pilots/<slug:slug>/stages/enter/", entry.stage_entered, name="stage-enter"),
    path("pilots/<slug:slug>/light/", entry.light_set, name="light-set"),
    path("pilots/<slug:slug>/milestones/<int:pk>/done/", entry.milestone_done, name="milestone-done"),
    path("pilots/<slug:slug>/completions/<int:pk>/object/", entry.completion_objected, name="completion-object"),
    path("pilots/<slug:slug>/<str:kind>/<int:pk>/amend/", entry.amendment, name="amendment"),
    path("pilots/<slug:slug>/<str:kind>/<int:pk>/answer/", entry.amendment_answer, name="amendment-answer"),
    path("readings/judge/", entry.readings_judge, name="readings-judge"),
    path("batches/", batches.batch_list, name="batch-list"),
    path("batches/<slug:slug>/", batches.batch_detail, name="batch-detail"),
    *practices.urlpatterns,
    *follow_ups.urlpatterns,
    path("synergy/", synergy.synergy, name="synergy"),
    path("trends/", synergy.trends, name="trends"),
]
