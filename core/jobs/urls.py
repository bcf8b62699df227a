"""URLs of background jobs."""

from django.urls import path

from core.jobs import views

urlpatterns = [
    path("", views.job_list, name="job-list"),
    path("<uuid:pk>/", views.job_detail, name="job-detail"),
    path("<uuid:pk>/cancel/", views.job_cancel, name="job-cancel"),
    path("<uuid:pk>/again/", views.job_again, name="job-again"),
    path("<uuid:pk>/file/", views.job_file, name="job-file"),
]
