"""URLs of the pages of practices."""

from django.urls import path

from pilots.practices import views

urlpatterns = [
    path("practices/", views.practice_list, name="practice-list"),
    path("practices/new/", views.practice_new, name="practice-new"),
    path("practices/<slug:slug>/", views.practice_detail, name="practice-detail"),
    path("practices/<slug:slug>/adopt/", views.practice_adopt, name="practice-adopt"),
]
