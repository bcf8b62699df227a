"""One FilterSet a record: the list page and the API filter by the same words."""

import django_filters
from django.utils.translation import gettext_lazy as _

from config.filters import RecordFilter, SearchFilter, WordFilter
from pilots.models import Batch, CityType, Pilot, PilotKind
from policies.filters import ProvinceFilter
from policies.models import Confidence, Industry, Level, PlanStatus, Policy, Province, Region


class BatchFilter(django_filters.FilterSet):
    q = SearchFilter("title_zh", "title_en", "slug")
    level = WordFilter(choices=Level.choices, label=_("Level"))
    province = RecordFilter(queryset=Province.objects.all(), label=_("Province"))
    policy = RecordFilter(queryset=Policy.objects.all(), label=_("Policy"))

    class Meta:
        model = Batch
        fields: list[str] = []


class PilotFilter(django_filters.FilterSet):
    q = SearchFilter("name_zh", "name_en", "slug", "prefecture_zh", "province__name_zh", "province__name_en")
    kind = WordFilter(choices=PilotKind.choices, label=_("Kind"))
    batch = RecordFilter(queryset=Batch.objects.all(), label=_("Batch"))
    level = WordFilter(field_name="batch__level", choices=Level.choices, label=_("Level"))
    province = RecordFilter(queryset=Province.objects.all(), label=_("Province"))
    region = WordFilter(field_name="province__region", choices=Region.choices, label=_("Region"))
    industry = RecordFilter(field_name="industries", queryset=Industry.objects.all(), label=_("Industry"))
    city_type = WordFilter(choices=CityType.choices, label=_("City type"))
    confidence = WordFilter(choices=Confidence.choices, label=_("Confidence"))

    class Meta:
        model = Pilot
        fields: list[str] = []


class CoverageFilter(django_filters.FilterSet):
    """Which pilots a coverage counts."""

    batch = RecordFilter(queryset=Batch.objects.all(), label=_("Batch"))
    level = WordFilter(field_name="batch__level", choices=Level.choices, label=_("Level"))
    kind = WordFilter(choices=PilotKind.choices, label=_("Kind"))
    province = RecordFilter(queryset=Province.objects.all(), label=_("Province"))

    class Meta:
        model = Pilot
        fields: list[str] = []


class ProvincePageFilter(ProvinceFilter):
    """The provinces page lists the roster, so it filters by the plan's status instead of by being in the roster."""

    in_roster = None  # type: ignore[assignment]  # taken away: django-filter's own way
    status = WordFilter(field_name="plan_status", choices=PlanStatus.choices, label=_("Plan"))
