"""The policies' part of the API: the questions that the pages ask, answered in JSON, CSV or XLSX."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Case, F, QuerySet, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter

from config.editing import Editable
from config.faults import BadRequest, Fault, nearest, short
from config.filters import for_api
from config.parameters import parameter
from config.resources import Aggregate, Numbered
from policies import entries, filters, serializers
from policies.models import Agency, Figure, Industry, Measure, Policy, Province, ProvincialPlan, Source
from policies.rollout import ProvinceRollout, Rollout, build_rollout

EXAMPLES = {
    "province": "zhejiang",
    "agency": "mee",
    "policy": "synergy-implementation-plan-2022",
    "parent": "carbon-peak-neutrality-opinions-2021",
    "industry": "steel",
    "region": "east",
}
PLAN_DAYS = ("issued_on", "known_issued_by")
# What reads null of a plan while its issue, or the search for it, still lay ahead.
THEN = {name: f"{name}_then" for name in (*PLAN_DAYS, "published_on", "searched_on", "doc_number", "confidence")}


class Provinces(Editable):
    heading = gettext_lazy("Provinces")
    one = gettext_lazy("One province")
    about = gettext_lazy("Provinces and their like. Those with in_roster true are the denominator of every rollout.")
    example, sample = "region=east&fields=slug,name,gb_code", "zhejiang"
    serializer_class = serializers.ProvinceSerializer
    entry = entries.ProvinceEntry
    filterset_class = for_api(filters.ProvinceFilter)
    examples = {**EXAMPLES, "q": "浙江"}
    order = {
        "id": "pk",
        **{name: name for name in ("slug", "name_en", "name_zh", "gb_code", "iso_code", "region", "kind", "in_roster")},
    }
    default_order = "-in_roster,id"

    def records(self) -> QuerySet[Province]:
        return Province.objects.prefetch_related("sources")


class Agencies(Editable):
    heading = gettext_lazy("Agencies")
    one = gettext_lazy("One agency")
    about = gettext_lazy("Bodies that issue policies.")
    example, sample = "search=生态环境部", "mee"
    serializer_class = serializers.AgencySerializer
    entry = entries.AgencyEntry
    filterset_class = for_api(filters.AgencyFilter)
    examples = {"q": "生态环境部"}
    order = {"id": "pk", "slug": "slug", "name_en": "name_en", "name_zh": "name_zh"}
    default_order = "id"

    def records(self) -> QuerySet[Agency]:
        return Agency.objects.all()


class Policies(Editable):
    heading = gettext_lazy("Policies")
    one = gettext_lazy("One policy")
    about = gettext_lazy("Documents and events that were known to exist on the day.")
    example, sample = "agency=mee&issued_on__gte=2022-01-01", "synergy-implementation-plan-2022"
    serializer_class = serializers.PolicySerializer
    entry = entries.PolicyEntry
    filterset_class = for_api(filters.PolicyFilter)
    examples = {**EXAMPLES, "q": "减污降碳"}
    order = {
        "id": "pk",
        **{name: name for name in ("slug", "title_en", "title_zh", "kind", "level", "doc_number")},
        **{name: name for name in ("issued_on", "published_on", "known_issued_by")},
    }
    default_order = "known_issued_by"

    def records(self) -> QuerySet[Policy]:
        return Policy.objects.select_related("province", "parent").prefetch_related("agencies", "sources")

    def known(self, rows: Any) -> QuerySet[Any]:
        return rows.known(self.as_of)  # type: ignore[no-any-return]


class Measures(Editable):
    heading = gettext_lazy("Measures")
    one = gettext_lazy("One measure")
    about = gettext_lazy("Courses of action that policies prescribe, by field and industry.")
    example, sample = "field=industry", "green-manufacturing"
    serializer_class = serializers.MeasureSerializer
    entry = entries.MeasureEntry
    filterset_class = for_api(filters.MeasureFilter)
    examples = {**EXAMPLES, "field": "industry", "q": "工业"}
    order = {"id": "pk", "slug": "slug", "field": "field", "title_en": "title_en", "title_zh": "title_zh"}
    default_order = "field"

    def records(self) -> QuerySet[Measure]:
        return Measure.objects.prefetch_related("industries", "policies", "sources")


class Plans(Editable, Numbered):
    heading = gettext_lazy("Provincial plans")
    one = gettext_lazy("One provincial plan")
    about = gettext_lazy(
        "A province’s own plan for a policy, or what is known of its absence, as of the day. A plan issued later reads "
        "unknown and its facts null; “not_found” says that somebody searched, “unknown” that nobody has looked."
    )
    example = "policy=synergy-implementation-plan-2022&status=issued&as_of=2023-06-30"
    serializer_class = serializers.PlanSerializer
    entry = entries.PlanEntry
    filterset_class = for_api(filters.PlanFilter, THEN)
    examples = {**EXAMPLES, "status": "issued", "q": "浙江"}
    order = {
        "id": "pk",
        "policy": "policy__slug",
        "province": "province__slug",
        "status": "status_then",
        **{name: THEN[name] for name in PLAN_DAYS},
    }
    default_order = "policy,id"

    def records(self) -> QuerySet[ProvincialPlan]:
        then = {place: Case(When(status_then=F("status"), then=F(name))) for name, place in THEN.items()}
        rows = ProvincialPlan.objects.with_status(self.as_of).annotate(**then)
        return rows.select_related("policy", "province").prefetch_related("sources")


class Figures(Editable):
    heading = gettext_lazy("Figures")
    one = gettext_lazy("One figure")
    about = gettext_lazy("Published figures; as_printed says what a source prints where that differs from the value.")
    example, sample = "kind=outcome&fields=slug,name,value,unit,period,as_printed", "carbon-intensity-decline"
    serializer_class = serializers.FigureSerializer
    entry = entries.FigureEntry
    filterset_class = for_api(filters.FigureFilter)
    examples = {**EXAMPLES, "q": "PM2.5"}
    order = {
        "id": "pk",
        **{name: name for name in ("slug", "name_en", "name_zh", "kind", "value", "unit", "state")},
        **{name: name for name in ("period_from", "period_to")},
    }
    default_order = "kind"

    def records(self) -> QuerySet[Figure]:
        return Figure.objects.select_related("province").prefetch_related("sources")


class Sources(Editable, Numbered):
    heading = gettext_lazy("Sources")
    one = gettext_lazy("One source")
    about = gettext_lazy("Documents, pages and reports that the records cite. “address” is where the document stands.")
    example = "reliability=official&ordering=-published_on"
    serializer_class = serializers.SourceSerializer
    entry = entries.SourceEntry
    filterset_class = for_api(filters.SourceFilter)
    examples = {"q": "生态环境部", "reliability": "official"}
    order = {"id": "pk", **{name: name for name in ("title", "publisher", "published_on", "reliability")}}
    default_order = "-published_on,title"

    def records(self) -> QuerySet[Source]:
        return Source.objects.all()


class Industries(Editable):
    heading = gettext_lazy("Industries")
    one = gettext_lazy("One industry")
    about = gettext_lazy("Sectors in the words of the notices, with their divisions of GB/T 4754.")
    example, sample = "ultra_low_emission=true", "steel"
    serializer_class = serializers.IndustrySerializer
    entry = entries.IndustryEntry
    filterset_class = for_api(filters.IndustryFilter)
    examples = {"q": "钢铁"}
    order = {
        "id": "pk",
        **{name: name for name in ("slug", "name_en", "name_zh", "named_in_batch_notice", "ultra_low_emission")},
    }
    default_order = "id"

    def records(self) -> QuerySet[Industry]:
        return Industry.objects.prefetch_related("divisions", "sources")


class RolloutOfPolicy(Aggregate):
    heading = gettext_lazy("Rollout of a policy")
    about = gettext_lazy(
        "How far the provinces of the roster have issued their own plans by the day. Lags count from lag_from. "
        "“dated” plans are known to the day; “known_by” ones are only known to exist by a day. "
        "“followers” are national policies that carry it out. "
        "As CSV or XLSX: the provinces, one row each; fields and omit then name its columns."
    )
    example = "policy=synergy-implementation-plan-2022&as_of=2024-01-30"
    serializer_class = serializers.RolloutSerializer
    row_serializer_class = serializers.ProvinceRolloutSerializer
    file_name = "rollout"

    def own_parameters(self) -> Sequence[OpenApiParameter]:
        text = gettext_lazy("The policy, by its code.")
        return [parameter("policy", text, EXAMPLES["policy"], required=True)]

    def build(self) -> Rollout:
        return build_rollout(self.policy(), self.as_of)

    def rows(self, value: Rollout) -> Iterable[ProvinceRollout]:
        return value.provinces

    def policy(self) -> Policy:
        """The policy asked for. Raises BadRequest for none or an unknown one, naming those that have a rollout."""
        slug = self.request.query_params.get("policy")
        found = Policy.objects.filter(slug=slug).first() if slug and "\0" not in slug else None
        if found is not None:
            return found
        known = list(Policy.objects.rolled_out().values_list("slug", flat=True))
        values = {"value": short(slug), "known": ", ".join(known), "near": nearest(slug or "", known)}
        if slug is None:
            fault = Fault("policy", "required", _("policy: name a policy. With a rollout: %(known)s.") % values)
        elif values["near"]:
            text = _("policy: there is no “%(value)s”. Did you mean “%(near)s”? With a rollout: %(known)s.")
            fault = Fault("policy", "invalid_choice", text % values)
        else:
            text = _("policy: there is no “%(value)s”. With a rollout: %(known)s.")
            fault = Fault("policy", "invalid_choice", text % values)
        raise BadRequest(fault)
