"""URLs of the pages of follow-ups."""

from django.urls import path

from pilots.follow_ups import views

urlpatterns = [
    path("actions/", views.follow_up_list, name="follow-up-list"),
    path("actions/new/", views.follow_up_new, name="follow-up-new"),
    path("actions/<str:number>/", views.follow_up_detail, name="follow-up-detail"),
]
