"""The map of all addresses."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from config.api import Changes
from config.apidocs import Schema, api_docs, api_home, api_use
from config.changes import Kind
from config.editing import EveryVerb
from config.problems import no_such_address
from config.resources import Root
from config.views import revoke_token, robots, tokens
from pilots import api as pilots_api
from pilots.models import LightOverride, Pilot, TargetStep
from policies import account
from policies import api as policies_api

urlpatterns = [
    path("sign-in/", account.SignIn.as_view(), name="sign-in"),
    path("sign-out/", auth.LogoutView.as_view(), name="sign-out"),
    path("robots.txt", login_not_required(robots), name="robots"),
    path("account/", account.account, name="account"),
    path("account/password/", account.ChangePassword.as_view(), name="account-password"),
    path("account/sessions/end/", account.sign_out_elsewhere, name="sessions-end"),
    path("account/forgotten/", account.ForgottenPassword.as_view(), name="password-forgotten"),
    path("account/forgotten/sent/", account.ForgottenPasswordSent.as_view(), name="password-sent"),
    # Named as Django's, whose forms and mails ask for it by this name.
    path("account/new-password/<uidb64>/<token>/", account.NewPassword.as_view(), name="password_reset_confirm"),
    path("tokens/", tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", revoke_token, name="token-revoke"),
    path("", include("policies.urls")),
    path("", include("pilots.urls")),
    path("admin/login/", account.admin_sign_in),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account-password")),
    path("admin/", admin.site.urls),  # after ours: pages for stewards stand below admin/ as well
]

# -- the API --------------------------------------------------------------------------------------------
RESOURCES = {
    "provinces": ("province", policies_api.Provinces),
    "agencies": ("agency", policies_api.Agencies),
    "policies": ("policy", policies_api.Policies),
    "measures": ("measure", policies_api.Measures),
    "plans": ("provincialplan", policies_api.Plans),
    "figures": ("figure", policies_api.Figures),
    "sources": ("source", policies_api.Sources),
    "industries": ("industry", policies_api.Industries),
    "batches": ("batch", pilots_api.Batches),
    "pilots": ("pilot", pilots_api.Pilots),
    "stages": ("stageentry", pilots_api.Stages),
    "milestones": ("milestone", pilots_api.Milestones),
    "indicators": ("indicator", pilots_api.Indicators),
    "targets": ("target", pilots_api.Targets),
    "readings": ("reading", pilots_api.Readings),
}
AGGREGATES = {
    "overview": pilots_api.OverviewOfProgramme,
    "rollout": policies_api.RolloutOfPolicy,
    "coverage": pilots_api.CoverageOfIndustries,
    "progress": pilots_api.ProgressOfPilots,
    "synergy": pilots_api.SynergyOfPilots,
    "trend": pilots_api.TrendOfIndicator,
}
# What the line of changes tells of: a record of any resource; what has no address of its own belongs to one that has.
PILOTS = Kind("pilots", Pilot, "slug", parts={LightOverride: "pilot"})
PARTS = {"targets": {TargetStep: "target"}}
KINDS = [
    Kind(
        name,
        resource.entry.model,
        resource.lookup_field,
        owner=PILOTS if issubclass(resource, pilots_api.OfPilots) else None,
        belongs="pilot",
        parts=PARTS.get(name, {}),
    )
    if name != "pilots"
    else PILOTS
    for name, (_model, resource) in RESOURCES.items()
]
router = EveryVerb()
for name, (model, resource) in RESOURCES.items():
    router.register(name, resource, basename=f"api-{model}")
ROUTES = {
    **{name: f"api-{model}-list" for name, (model, _resource) in RESOURCES.items()},
    **{name: f"api-{name}" for name in AGGREGATES},
    "changes": "api-changes",
    "schema": "api-schema",
    "docs": "api-docs",
    "use": "api-use",
}
urlpatterns += [
    path("api/v1/", Root.as_view(routes=ROUTES), name="api-root"),
    *[path(f"api/v1/{name}/", view.as_view(), name=f"api-{name}") for name, view in AGGREGATES.items()],
    path("api/v1/changes/", Changes.as_view(kinds=KINDS), name="api-changes"),
    path("api/v1/", include(router.urls)),
    path("api/", api_home),
    path("api/schema/", Schema.as_view(), name="api-schema"),
    path("api/docs/", api_docs, name="api-docs"),
    path("api/use/", api_use, name="api-use"),
    re_path(r"^api/((?s:.)*/)?$", login_not_required(no_such_address)),  # a problem, with DEBUG as well
]
# -- the API ends ---------------------------------------------------------------------------------------

handler400 = "config.problems.bad_request"
handler403 = "config.problems.forbidden"
handler404 = "config.problems.not_found"
handler500 = "config.problems.server_error"
