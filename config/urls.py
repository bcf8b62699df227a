"""The root URLconf."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from accounts.views import admin_sign_in
from core.web.views import robots

urlpatterns = [
    path("robots.txt", login_not_required(robots), name="robots"),
    path("", include("accounts.urls")),
    path("", include("policies.urls")),
    path("", include("pilots.urls")),
    path("", include("dashboard.urls")),
    path("jobs/", include("core.jobs.urls")),
    path("admin/import/", include("core.imports.urls")),
    path("admin/login/", admin_sign_in),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account-password")),
    # Where the admin of these models stood before they moved to another app.
    re_path(
        "^admin/config/token/(?P<rest>.*)$",
        RedirectView.as_view(url="/admin/accounts/token/%(rest)s", query_string=True),
    ),
    re_path(
        "^admin/policies/shipment/(?P<rest>.*)$",
        RedirectView.as_view(url="/admin/config/seedrecord/%(rest)s", query_string=True),
    ),
    path("admin/", admin.site.urls),  # after ours: pages of the dashboard and of imports stand below admin/ as well
    path("", include("config.api_urls")),
]

handler400 = "core.http.problems.bad_request"
handler403 = "core.http.problems.forbidden"
handler404 = "core.http.problems.not_found"
handler500 = "core.http.problems.server_error"
