"""The URLconf of the API: its resources and aggregates from each app, the change feed, the schema and its pages."""

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from core.api.views import ApiRootView, ChangeFeedView, SchemaView, api_docs
from core.api.writes import BulkRouter
from core.errors import not_found
from core.history.change_feed import FeedResources
from dashboard import api as dashboard_api
from pilots.api import urls as pilots_api
from pilots.documents import readable_changes
from pilots.models import Pilot
from policies import api as policies_api

# In the order in which the root of the API lists them.
RECORDS = {**policies_api.RESOURCES, **pilots_api.RESOURCES}
RESOURCES = {**RECORDS, **dashboard_api.RESOURCES}
AGGREGATES = {**dashboard_api.AGGREGATES, **policies_api.AGGREGATES, **pilots_api.AGGREGATES}
# The change feed tells of a record of any resource but editions, which are never changed; what has no address of its
# own belongs to one that has.
FEED = FeedResources(
    {resource.model._meta.label_lower: name for name, (_model, resource) in RECORDS.items()},
    Pilot._meta.label_lower,
    readable_changes,
)
ROUTES = {
    **{name: f"api-{model}-list" for name, (model, _resource) in RESOURCES.items()},
    **{name: f"api-{name}" for name in AGGREGATES},
    "lights": "api-lights",
    "changes": "api-changes",
    "schema": "api-schema",
    "docs": "api-docs",
}
router = BulkRouter()
for name, (model, resource) in RESOURCES.items():
    router.register(name, resource, basename=f"api-{model}")

urlpatterns = [
    path("api/v1/", ApiRootView.as_view(routes=ROUTES), name="api-root"),
    path("api/v1/", include(router.urls)),
    path("api/v1/", include(pilots_api.urlpatterns)),
    *[path(f"api/v1/{name}/", view.as_view(), name=f"api-{name}") for name, view in AGGREGATES.items()],
    path("api/v1/changes/", ChangeFeedView.as_view(feed_resources=FEED), name="api-changes"),
    path("api/", RedirectView.as_view(pattern_name="api-docs", http_method_names=["get", "head"])),
    path("api/schema/", SchemaView.as_view(), name="api-schema"),
    path("api/docs/", api_docs, name="api-docs"),
    re_path(r"^api/((?s:.)*/)?$", login_not_required(not_found)),  # a problem, with DEBUG as well
]
