"""The root URLconf."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView

from core.pages import robots

urlpatterns = [
    path("robots.txt", login_not_required(robots), name="robots"),
    path("", include("accounts.urls")),
    path("", include("policies.urls")),
    path("", include("pilots.urls")),
    path("", include("dashboard.urls")),
    path("admin/import/", include("core.imports.urls")),
    path("admin/login/", secure_admin_login(admin.site.login)),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", admin.site.urls),  # after ours: pages of the dashboard and of imports stand below admin/ as well
    path("", include("config.api_urls")),
]

handler400 = "core.errors.bad_request"
handler403 = "core.errors.forbidden"
handler404 = "core.errors.not_found"
handler500 = "core.errors.server_error"
