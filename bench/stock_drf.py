"""The twin: the same records by stock Django REST framework, as in its tutorial.

Nested ModelSerializers, a viewset on whole objects with select_related and prefetch_related, page numbers, and
aggregates counted in Python over objects. Django and DRF keep their defaults, with compression: of the product only its
models are used, and for lights the computation of pilot status.
"""

import os
from collections import Counter, defaultdict
from datetime import date
from statistics import median
from typing import Any

import django
from django.conf import global_settings, settings

from config import settings as product

DAY = date.fromisoformat(os.environ["BENCH_DAY"])
# What Django has no default of, such as the paths that the product's apps ask for, is the product's.
OWN: dict[str, Any] = {
    name: value for name, value in vars(product).items() if name.isupper() and not hasattr(global_settings, name)
}
OWN["ROOT_URLCONF"] = __name__
OWN["REST_FRAMEWORK"] = {
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_AUTHENTICATION_CLASSES": [],
}
settings.configure(
    **OWN,
    SECRET_KEY=product.SECRET_KEY,
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES=product.DATABASES,
    INSTALLED_APPS=product.INSTALLED_APPS,
    MIDDLEWARE=[
        "django.middleware.gzip.GZipMiddleware",
        *(name for name in product.MIDDLEWARE if name.startswith(("django.", "allauth."))),  # allauth's has to be there
    ],
)
django.setup()

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402  # what follows needs the apps
from django.db.models import Q  # noqa: E402
from django.urls import include, path  # noqa: E402
from rest_framework import routers, serializers, viewsets  # noqa: E402
from rest_framework.decorators import api_view  # noqa: E402
from rest_framework.response import Response  # noqa: E402

from core.api.viewsets import annotate_revision  # noqa: E402
from pilots.analytics.pilot_status import pilot_status, prefetch_for_status  # noqa: E402
from pilots.models import Batch, Pilot, Reading  # noqa: E402
from policies.models import Industry, Policy, Province  # noqa: E402


def named(of: type, *fields: str) -> Any:
    """Return a serializer of a related record."""
    meta = type("Meta", (), {"model": of, "fields": ["id", "slug", *fields]})
    return type(f"{of.__name__}Serializer", (serializers.ModelSerializer,), {"Meta": meta})


IndustrySerializer = named(Industry, "name_en", "name_zh")
ProvinceSerializer = named(Province, "name_en", "name_zh")


class PilotSerializer(serializers.ModelSerializer):
    batch = named(Batch, "title_en", "title_zh")(read_only=True)
    province = ProvinceSerializer(read_only=True)
    parent = named(Pilot, "name_en", "name_zh")(read_only=True)
    industries = IndustrySerializer(many=True, read_only=True)
    revision = serializers.IntegerField(read_only=True)
    stage = serializers.SerializerMethodField()
    days_in_stage = serializers.SerializerMethodField()
    light = serializers.SerializerMethodField()

    class Meta:
        model = Pilot
        fields = "__all__"

    def get_stage(self, pilot: Any) -> str | None:
        pilot.status = pilot_status(pilot, DAY)
        return pilot.status.current_stage.stage.value if pilot.status.current_stage else None

    def get_days_in_stage(self, pilot: Any) -> Any:
        return pilot.status.days_in_stage

    def get_light(self, pilot: Any) -> str:
        return str(pilot.status.colour.value)


def pilots_of_the_day() -> Any:
    """Return the pilots of the day, in the product's order."""
    rows = Pilot.objects.filter(Q(withdrawn_on__isnull=True) | Q(withdrawn_on__gt=DAY), batch__known_by__lte=DAY)
    return annotate_revision(rows).order_by("batch__slug", "pk")


class PilotViewSet(viewsets.ModelViewSet):
    lookup_field, serializer_class = "slug", PilotSerializer

    def get_queryset(self) -> Any:
        return prefetch_for_status(pilots_of_the_day()).prefetch_related("industries", "sources")


@api_view()
def rollout(request: Any) -> Response:
    """Return the plans of one policy, counted over objects."""
    policy = Policy.objects.get(slug=request.GET["policy"])
    provinces = list(Province.objects.filter(in_roster=True))
    plans = {plan.province_id: plan for plan in policy.plans.all()}
    issued = [p for p in plans.values() if p.status == "issued" and p.known_issued_by and p.known_issued_by <= DAY]
    lags = [(plan.issued_on - policy.issued_on).days for plan in issued if plan.issued_precision == "day"]
    rows = [(ProvinceSerializer(item).data, getattr(plans.get(item.pk), "status", "unknown")) for item in provinces]
    middle = median(lags) if lags else None
    return Response({"roster": len(rows), "issued": len(issued), "median_lag_days": middle, "provinces": rows})


@api_view()
def coverage(request: Any) -> Response:
    """Return pilots by industry, and by industry and region, counted over objects."""
    pilots = list(pilots_of_the_day().select_related("province").prefetch_related("industries"))
    industries = list(Industry.objects.all())
    pairs = [(industry.pk, pilot.province.region) for pilot in pilots for industry in pilot.industries.all()]
    total, cells = Counter(industry for industry, _region in pairs), Counter(pairs)
    regions = sorted({region for _industry, region in pairs})
    return Response(
        {
            "pilots": len(pilots),
            "covered": sum(total[industry.pk] > 0 for industry in industries),
            "industries": [{**IndustrySerializer(item).data, "pilots": total[item.pk]} for item in industries],
            "cells": [[cells[item.pk, region] for region in regions] for item in industries],
        }
    )


@api_view()
def trend(request: Any) -> Response:
    """Return the sums of an indicator by year, over the newest accepted versions; no park beside its city."""
    parents = dict(pilots_of_the_day().values_list("pk", "parent_id"))
    newest = {}
    rows = Reading.objects.filter(indicator__code=request.GET["indicator"], accepted_on__lte=DAY, pilot__in=parents)
    for reading in rows.order_by("version"):
        newest[reading.pilot_id, reading.period] = reading
    years = defaultdict(list)
    for (pilot, period), reading in newest.items():
        if "-" not in period and parents[pilot] not in parents:
            years[int(period)].append(reading.value)
    return Response({"years": [{"year": year, "n": len(v), "total": sum(v)} for year, v in sorted(years.items())]})


router = routers.DefaultRouter()
router.register("pilots", PilotViewSet, basename="pilot")
views = [path("rollout/", rollout), path("coverage/", coverage), path("trend/", trend), path("", include(router.urls))]
urlpatterns = [path("api/v1/", include(views))]
application = WSGIHandler()
