"""URLs of the import pages, below /admin/import/."""

from django.urls import path

from core.imports import views

urlpatterns = [
    path("", views.import_list, name="import-list"),
    path("<int:pk>/", views.import_detail, name="import-detail"),
    path("<int:pk>/confirm/", views.import_change, {"action": "confirm"}, name="import-confirm"),
    path("<int:pk>/undo/", views.import_change, {"action": "undo"}, name="import-undo"),
    path("<int:pk>/again/", views.import_change, {"action": "check"}, name="import-again"),
    path("<int:pk>/workbook/", views.import_workbook, name="import-workbook"),
    path("<slug:kind>/template/", views.import_export, {"suffix": "xlsx", "empty": True}, name="import-template"),
    path("<slug:kind>/export.<slug:suffix>", views.import_export, name="import-export"),
]
