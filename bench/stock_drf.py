"""Baseline ("naive twin"): the same records by stock Django REST framework, as in its tutorial.

It has nested ModelSerializers, viewsets on whole objects (with select_related and prefetch_related), page numbers, and
aggregates counted in Python over objects. Django and DRF keep their defaults, with compression: of the product only its
models are used, and for lights the computation of pilot status.

With BENCH_CACHED=1 ("cached twin") Django's cache middleware keeps each response in memory, compressed, for a minute;
it does not ask whether the data have changed.
"""

import os
import secrets
from collections import Counter
from statistics import median
from typing import Any

import django
from django.conf import global_settings, settings

from config import settings as product

CACHED = os.environ.get("BENCH_CACHED") == "1"
# What Django has no default of, such as the paths that the product's apps ask for, is the product's.
OWN: dict[str, Any] = {
    name: value for name, value in vars(product).items() if name.isupper() and not hasattr(global_settings, name)
}
OWN["ROOT_URLCONF"] = __name__
OWN["REST_FRAMEWORK"] = {"DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination", "PAGE_SIZE": 50}
settings.configure(
    **OWN,
    SECRET_KEY=secrets.token_urlsafe(60),
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES=product.DATABASES,
    INSTALLED_APPS=product.INSTALLED_APPS,
    DEFAULT_AUTO_FIELD=product.DEFAULT_AUTO_FIELD,
    AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend"],
    MIDDLEWARE=[
        *(["django.middleware.cache.UpdateCacheMiddleware"] if CACHED else []),
        "django.middleware.gzip.GZipMiddleware",
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
        "django.middleware.http.ConditionalGetMiddleware",
        "allauth.account.middleware.AccountMiddleware",  # without it allauth, which the models need, does not start
        *(["django.middleware.cache.FetchFromCacheMiddleware"] if CACHED else []),
    ],
    CACHE_MIDDLEWARE_SECONDS=60,
    TIME_ZONE=product.TIME_ZONE,
    USE_TZ=True,
)
django.setup()

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402  # what follows needs the apps
from django.db.models import Q  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.utils import timezone  # noqa: E402
from rest_framework import routers, serializers, viewsets  # noqa: E402
from rest_framework.decorators import api_view  # noqa: E402
from rest_framework.response import Response  # noqa: E402

from core.api.viewsets import annotate_revision  # noqa: E402
from pilots.analytics.pilot_status import pilot_status  # noqa: E402
from pilots.models import Batch, Indicator, Pilot, Reading  # noqa: E402
from policies.models import Industry, Policy, Province, Source  # noqa: E402


class ProvinceSerializer(serializers.ModelSerializer):
    class Meta:
        model = Province
        fields = ["id", "slug", "name_en", "name_zh"]


class BatchSerializer(serializers.ModelSerializer):
    class Meta:
        model = Batch
        fields = ["id", "slug", "title_en", "title_zh"]


class IndustrySerializer(serializers.ModelSerializer):
    class Meta:
        model = Industry
        fields = ["id", "slug", "name_en", "name_zh"]


class SourceSerializer(serializers.ModelSerializer):
    class Meta:
        model = Source
        fields = ["id", "title", "url"]


class ParentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Pilot
        fields = ["id", "slug", "name_en", "name_zh"]


class PilotSerializer(serializers.ModelSerializer):
    batch = BatchSerializer()
    province = ProvinceSerializer()
    parent = ParentSerializer()
    industries = IndustrySerializer(many=True)
    sources = SourceSerializer(many=True)
    revision = serializers.IntegerField()
    stage = serializers.SerializerMethodField()
    days_in_stage = serializers.SerializerMethodField()
    light = serializers.SerializerMethodField()

    class Meta:
        model = Pilot
        fields = "__all__"

    def get_stage(self, pilot: Any) -> str | None:
        pilot.status = pilot_status(pilot, timezone.localdate())
        return pilot.status.current_stage.stage.value if pilot.status.current_stage else None

    def get_days_in_stage(self, pilot: Any) -> int | None:
        days: int | None = pilot.status.days_in_stage
        return days

    def get_light(self, pilot: Any) -> str:
        return str(pilot.status.colour.value)


PREFETCHED_RELATIONS = ("stages", "milestones", "targets__indicator", "targets__steps", "readings", "overrides")


def pilots_of_today() -> Any:
    """Return today's pilots, in the product's order."""
    day = timezone.localdate()
    kept = Q(withdrawn_on__isnull=True) | Q(withdrawn_on__gt=day)
    rows = Pilot.objects.filter(kept, batch__known_by__lte=day)
    return annotate_revision(rows).order_by("batch__slug", "pk")


class PilotViewSet(viewsets.ModelViewSet):
    serializer_class = PilotSerializer

    def get_queryset(self) -> Any:
        rows = pilots_of_today().select_related("batch", "province", "parent").prefetch_related("industries", "sources")
        return rows.prefetch_related(*PREFETCHED_RELATIONS)


class IndicatorSerializer(serializers.ModelSerializer):
    class Meta:
        model = Indicator
        fields = ["id", "code", "name_en", "name_zh"]


class ReadingSerializer(serializers.ModelSerializer):
    pilot = ParentSerializer()
    indicator = IndicatorSerializer()
    sources = SourceSerializer(many=True)
    revision = serializers.IntegerField()

    class Meta:
        model = Reading
        fields = "__all__"


class ReadingViewSet(viewsets.ModelViewSet):
    queryset = annotate_revision(Reading.objects.select_related("pilot", "indicator").prefetch_related("sources"))
    serializer_class = ReadingSerializer


@api_view()
def rollout(request: Any) -> Response:
    """Return the plans of one policy, counted over objects."""
    policy, day = Policy.objects.get(slug=request.GET["policy"]), timezone.localdate()
    provinces = list(Province.objects.filter(in_roster=True))
    plans = {plan.province_id: plan for plan in policy.plans.all()}
    issued = [p for p in plans.values() if p.status == "issued" and p.known_issued_by and p.known_issued_by <= day]
    exact = [plan for plan in issued if plan.issued_precision == "day"]
    lags = [(plan.issued_on - policy.issued_on).days for plan in exact]
    rows = [
        {"province": ProvinceSerializer(province).data, "status": getattr(plans.get(province.pk), "status", "unknown")}
        for province in provinces
    ]
    return Response(
        {
            "roster": len(provinces),
            "issued": len(issued),
            "dated": len(exact),
            "median_lag_days": median(lags) if lags else None,
            "provinces": rows,
        }
    )


@api_view()
def coverage(request: Any) -> Response:
    """Return pilots by industry, and by industry and region, counted over objects."""
    pilots = list(pilots_of_today().select_related("province").prefetch_related("industries"))
    industries = list(Industry.objects.all())
    total: Counter[Any] = Counter(industry.pk for pilot in pilots for industry in pilot.industries.all())
    cells: Counter[Any] = Counter(
        (industry.pk, pilot.province.region) for pilot in pilots for industry in pilot.industries.all()
    )
    regions = sorted({pilot.province.region for pilot in pilots})
    return Response(
        {
            "pilots": len(pilots),
            "naming": sum(bool(pilot.industries.all()) for pilot in pilots),
            "covered": sum(total[industry.pk] > 0 for industry in industries),
            "industries": [{**IndustrySerializer(item).data, "pilots": total[item.pk]} for item in industries],
            "cells": [[cells[item.pk, region] for region in regions] for item in industries],
        }
    )


@api_view()
def progress(request: Any) -> Response:
    """Return today's lights of all pilots, computed over objects, without those of the quarter before."""
    rows = pilots_of_today().select_related("batch").prefetch_related(*PREFETCHED_RELATIONS)
    found = [pilot_status(pilot, timezone.localdate()) for pilot in rows]
    now = Counter(status.colour.value for status in found)
    return Response({"strip": {"now": now}, "reported": sum(status.reported for status in found)})


router = routers.DefaultRouter()
router.register("pilots", PilotViewSet, basename="pilot")
router.register("readings", ReadingViewSet)
urlpatterns = [
    path("api/v1/rollout/", rollout),
    path("api/v1/coverage/", coverage),
    path("api/v1/progress/", progress),
    path("api/v1/", include(router.urls)),
]
application = WSGIHandler()
