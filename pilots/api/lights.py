"""The stored lights in the API: for each pilot the periods in which nothing that is said of it changes."""

from typing import Any

from django.db.models import Case, F, QuerySet, When
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.filters import api_filterset
from core.api.serializers import ChoiceWithLabel, DateValueField, ReadOnlyModelSerializer
from core.api.viewsets import RecordViewSet
from core.tables import ChoiceFilter, YesNoFilter
from pilots.filters import MembershipFilter, PilotPartFilter
from pilots.lights import LIGHT_CHOICES, Colour, LightReason
from pilots.metrics import Stage
from pilots.models import Pilot, PilotLight
from pilots.models.light import ALWAYS

MEANINGS = {
    "pilot": "The pilot.",
    "target": "The target that is the worst of the computed light.",
    "milestone": "The milestone that is the worst of the computed light.",
    "reading": "The value by which the target is judged.",
    "stage": "The last stage entered.",
    "stage_since": "The day on which it entered that stage.",
    "reached": "The furthest stage; null once it has withdrawn.",
    "values_due": "How many indicators of binding targets owe values of the last year due.",
    "values_accepted": "Those of them whose value is accepted, or a reason why there is none.",
    "values_due_on": "The first day by which they were due.",
    "outstanding": "Where the others are held up: nothing, waiting, returned or disputed.",
    "targets_binding": "Binding targets in force that no later one has followed.",
    "targets_rated": "Those of them that are rated.",
    "targets_on_path": "Those of them that are green.",
    "milestones": "Milestones in force.",
    "milestones_due": "Those of them that are due.",
    "milestones_completed": "Those of them that are completed.",
    "milestones_late": "Those of them that are due and not completed.",
}


class PilotLightSerializer(ReadOnlyModelSerializer):
    since = DateValueField(help_text="First day of the period; null for the first of all.")
    until = DateValueField(help_text="The day after its last one; null for the running one.")
    light = serializers.ChoiceField(Colour.choices, help_text="The light, computed or set by hand.", source="colour")
    computed = serializers.ChoiceField(
        Colour.choices, help_text="The light by the rules; another one than `light` only where that is set by hand."
    )
    why = serializers.SerializerMethodField(help_text="Why it has its colour; by_hand where it is set by hand.")
    light_since = DateValueField(
        help_text="First day of this colour, over all periods; null where it has never been different.",
        source="colour_then",
    )

    class Meta:
        model = PilotLight
        as_of = ("since", "until")
        fields = (
            *("pilot", "since", "until", "light", "computed", "why", "light_since", "target", "milestone", "reading"),
            *("stage", "stage_since", "reached", "values_due", "values_accepted", "values_due_on", "outstanding"),
            *("targets_binding", "targets_rated", "targets_on_path"),
            *("milestones", "milestones_due", "milestones_completed", "milestones_late"),
        )

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for name, text in MEANINGS.items():
            fields[name].help_text = text
        return fields

    @extend_schema_field(ChoiceWithLabel)
    def get_why(self, row: PilotLight) -> dict[str, str]:
        return {"code": row.why, "text": str(LightReason(row.why).label)}


class LightFilter(PilotPartFilter):
    light = ChoiceFilter(field_name="colour", choices=LIGHT_CHOICES, label=gettext_lazy("Light"))
    stage = ChoiceFilter(choices=Stage.choices, label=gettext_lazy("Stage"))
    until__isnull = YesNoFilter(field_name="until_then", lookup_expr="isnull", label=gettext_lazy("Running"))
    withdrawn = MembershipFilter()


class LightViewSet(RecordViewSet):
    """A list alone: a period has no address, for it is computed anew with what is entered."""

    cache_responses = True
    heading = gettext_lazy("Lights")
    about = (
        "The lights of the pilots of the day, as periods up to the day: one for each span of days in which nothing "
        "changes of what it says. They follow each other without a gap. `until__isnull=true` gives the running ones: "
        "the lights of the day. A period is computed from the records as they are: an entry that counts from an "
        "earlier day changes past ones."
    )
    serializer_class = PilotLightSerializer
    filterset_class = api_filterset(LightFilter, PilotLightSerializer, "since", "until")
    ordering_fields = ("pilot", "since", "until", "light")
    ordering_paths = {"light": "rank", "since": "since", "until": "until"}  # those that read null in their places
    default_ordering = "pilot,since"
    queryset = PilotLight.objects.select_related("pilot", "target__indicator", "milestone", "reading__indicator")

    def all_rows(self) -> QuerySet[Any]:
        """Return the periods up to the day; their first day, and the end of the running one, read null."""
        rows: Any = self.base_queryset().filter(since__lte=self.as_of)
        return rows.annotate(  # type: ignore[no-any-return]
            since_then=Case(When(since__gt=ALWAYS, then=F("since"))),
            colour_then=Case(When(colour_since__gt=ALWAYS, then=F("colour_since"))),
            until_then=Case(When(until__lte=self.as_of, then=F("until"))),
        )

    def visible_as_of(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(pilot__in=Pilot.objects.members(self.as_of, self.request.query_params.get("withdrawn")))
