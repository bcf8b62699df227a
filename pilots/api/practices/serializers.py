"""Serializers of practices, adoptions and effects, to read and to write."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rest_framework import serializers

from core.api.pagination import PageSerializer, RecordPagination
from core.api.serializers import (
    DateValueField,
    KnownField,
    NumberField,
    PeopleMixin,
    RatioField,
    RelatedBySlug,
    UsernameField,
)
from core.api.write_serializers import StrictCharField, StrictChoiceField
from pilots.metrics.practice_states import AdoptionState, PracticeState, Trust
from pilots.metrics.practices import PracticeMove
from pilots.models import Adoption, Effect, Practice
from pilots.practices.analytics import Copies, Diffusion, PracticeStatus
from policies.api import FACT_FIELDS, SourcedSerializer

STATE_HELP = "Its state on the day."


def bilingual(name: str) -> tuple[str, str, str]:
    """Return the fields of a text: in the reader's language, and in each."""
    return name, f"{name}_en", f"{name}_zh"


class LaterTextsSerializer(SourcedSerializer):
    """A record whose texts about a day that lay ahead on the day asked read null."""

    LATER_DAY: ClassVar[str]
    LATER_FIELDS: ClassVar[tuple[str, ...]]

    def hidden_fields(self, record: Any) -> Collection[str]:
        day = getattr(record, self.LATER_DAY)
        later = self.LATER_FIELDS if day and day > self.context["view"].as_of else ()
        return {*later, *super().hidden_fields(record)}


class PracticeSerializer(LaterTextsSerializer):
    """A practice as it stood on the day: days and the reason that came later read null."""

    LATER_DAY, LATER_FIELDS = "retired_on", bilingual("retired_reason")

    state = serializers.ChoiceField(source="state_then", choices=PracticeState.choices, help_text=STATE_HELP)
    passed_on = DateValueField(source="passed_then")
    library_on = DateValueField(source="library_then")
    recommended_on = DateValueField(source="recommended_then")
    retired_on = DateValueField(source="retired_then")

    class Meta:
        model = Practice
        fields = (
            *("slug", *bilingual("title"), "state", "facet", "field", "level", *bilingual("problem")),
            *(*bilingual("action"), *bilingual("conditions"), *bilingual("risks"), "cost_amount", "cost_kind"),
            *("cost_year", "origins", "industries", "measures", "province", "proposed_on", "passed_on", "library_on"),
            *("recommended_on", "retired_on", *bilingual("retired_reason"), *FACT_FIELDS, "url", "page"),
        )


class AdoptionSerializer(PeopleMixin, LaterTextsSerializer):
    """A copy as it stood on the day: days, reasons and names that came later read null."""

    LATER_DAY, LATER_FIELDS = "given_up_on", ("give_up_reason", *bilingual("give_up_text"))
    PEOPLE_FIELDS = ("claimed_by", "confirmed_by")

    adopter = serializers.CharField(source="adopter_name", help_text="Name of the pilot, the place or the province.")
    state = serializers.ChoiceField(source="status.state", choices=AdoptionState.choices, help_text=STATE_HELP)
    trust = serializers.ChoiceField(
        source="status.trust",
        choices=Trust.choices,
        help_text="How well it was attested by the day: the highest level reached.",
    )
    started_on = DateValueField(source="started_then")
    in_use_on = DateValueField(source="in_use_then")
    given_up_on = DateValueField(source="given_up_then")
    confirmed_on = DateValueField(source="confirmed_then")
    verified_on = DateValueField(
        source="status.verified_on",
        help_text="The day from which a change of the pilot’s total counted for it, by accepted readings.",
    )
    claimed_by = UsernameField("claimed_by", help_text="Who recorded it, for those whom it concerns.")
    confirmed_by = UsernameField("confirmed_by_then", help_text="Who confirmed it, for those whom it concerns.")

    class Meta:
        model = Adoption
        fields = (
            *("id", "practice", "pilot", "province", "place", "adopter", "state", "trust", "planned_on", "started_on"),
            *("in_use_on", "given_up_on", "give_up_reason", *bilingual("give_up_text"), *bilingual("changed")),
            *("claimed_by", "confirmed_on", "confirmed_by", "verified_on", *FACT_FIELDS, "url", "page"),
        )


class EffectSerializer(SourcedSerializer):
    is_measured = serializers.BooleanField(
        source="status.is_measured",
        help_text=(
            "Whether it counted on the day as a change of the pilot’s total: by two accepted readings,"
            " not corrected by then."
        ),
    )
    corrected_on = DateValueField(
        source="status.corrected_on",
        help_text="The day from which a reading of it was corrected: enter the effect anew with the newer reading.",
    )
    change = NumberField(
        source="status.change.difference",
        help_text=(
            "The change of the pilot’s total: the second reading less the first, in the unit of the "
            "indicator; null where it does not count."
        ),
    )
    rate = RatioField(source="status.change.rate", help_text="The same as a fraction of the first; negative = fell.")

    class Meta:
        model = Effect
        fields = (
            *("id", "practice", "adoption", "province", "basis", "is_measured", "reading_before", "reading_after"),
            *(
                "corrected_on",
                "change",
                "rate",
                *bilingual("statement"),
                "stated_value",
                "stated_unit",
                "stated_period",
            ),
            *("known_on", *FACT_FIELDS, "url", "page"),
        )


class PracticeMoveWriteSerializer(serializers.Serializer):
    """A move of a practice; which there are depends on the state, and on who sends it."""

    move = StrictChoiceField(choices=PracticeMove.choices, help_text="What is done with it.")
    reason = StrictCharField(
        required=False,
        allow_blank=True,
        max_length=300,
        help_text="Why it is retired, or recommended although the total of its pilot got worse. Required then.",
    )


class ConfirmationWriteSerializer(serializers.Serializer):
    """Nothing is said but that the copy is confirmed."""


class WithdrawalWriteSerializer(serializers.Serializer):
    """Why a confirmation is taken back."""

    reason = StrictCharField(max_length=300, help_text="It stands in the history.")


# -- diffusion ---------------------------------------------------------------------------------------------


class ProvinceCopiesSerializer(serializers.Serializer):
    """Copies in a province of the roster."""

    province = RelatedBySlug(help_text="The province.")
    trust = serializers.DictField(
        child=serializers.IntegerField(), help_text="Copies in use by trust: each under the highest level reached."
    )
    states = serializers.DictField(child=serializers.IntegerField(), help_text="All its copies by state.")
    reached = serializers.BooleanField(source="is_reached", help_text="Whether a copy in use is confirmed or verified.")
    only_claimed = serializers.BooleanField(
        source="is_only_claimed", help_text="Whether copies in use are all only claimed."
    )


class CurveSerializer(serializers.Serializer):
    """One step of a curve of copies."""

    date = DateValueField(allow_null=False, help_text="The day from which the number holds.")
    copies = serializers.IntegerField(source="issued", help_text="How many copies count from then on.")


class CopiesSerializer(serializers.Serializer):
    """Copies of practices on a day. The levels of trust are counted apart and never added."""

    total = serializers.IntegerField(help_text="Copies planned by the day, whatever became of them.")
    by_state = serializers.DictField(child=serializers.IntegerField(), help_text="How many are at each state.")
    adopters = serializers.DictField(
        child=serializers.IntegerField(), help_text="Copies in use by trust, each under the highest level reached."
    )
    given_up_by_reason = serializers.DictField(child=serializers.IntegerField(), help_text="Those given up, by reason.")
    reached = RelatedBySlug(
        many=True, help_text="Provinces of the roster with a copy in use that is confirmed or verified."
    )
    only_claimed = RelatedBySlug(
        many=True, help_text="Provinces of the roster whose copies in use are all only claimed."
    )
    roster = serializers.SerializerMethodField(
        help_text="Provinces that the programme covers: the denominator of those reached."
    )
    attested_curve = CurveSerializer(
        many=True, help_text="Copies in use that are confirmed or verified, each from the day of both."
    )
    provinces = ProvinceCopiesSerializer(many=True, help_text="Each province of the roster.")

    def get_roster(self, copies: Copies) -> int:
        return len(copies.roster)


class PracticeDiffusionSerializer(serializers.Serializer):
    """A practice of the page: how far it has spread."""

    practice = RelatedBySlug(help_text="The practice.")
    state = serializers.ChoiceField(PracticeState.choices, help_text="Its state on the day.")
    since = DateValueField(allow_null=False, help_text="The day from which the state holds.")
    measured_effect = serializers.BooleanField(
        source="has_measured_effect",
        help_text="Whether a change of the pilot’s total is known, at the origin or at a copy.",
    )
    copies = serializers.IntegerField(source="copies.total", help_text="Its copies, whatever became of them.")
    by_state = serializers.DictField(
        child=serializers.IntegerField(), source="copies.by_state", help_text="Its copies by state."
    )
    adopters = serializers.DictField(
        child=serializers.IntegerField(), source="copies.adopters", help_text="Its copies in use by trust, never added."
    )
    reached = RelatedBySlug(
        many=True, source="copies.reached", help_text="Provinces with a copy in use that is confirmed or verified."
    )
    days_to_first_copy = serializers.IntegerField(
        allow_null=True,
        help_text="Days from the library to the first copy elsewhere, confirmed or verified; null without one.",
    )


@dataclass(frozen=True)
class DiffusionPage:
    """Diffusion of a set of practices, of which one page is listed."""

    diffusion: Diffusion
    page: RecordPagination

    @property
    def practices(self) -> Sequence[PracticeStatus]:
        return [item for item in self.diffusion.practices if item.practice.pk in self.page.rows]


class DiffusionSerializer(PageSerializer):
    """How far practices have spread on a day."""

    as_of = DateValueField(source="diffusion.as_of", allow_null=False)
    known = KnownField()
    total = serializers.IntegerField(source="diffusion.total", help_text="Practices proposed by the day.")
    by_state = serializers.DictField(
        child=serializers.IntegerField(), source="diffusion.by_state", help_text="How many are at each state."
    )
    measured = serializers.IntegerField(
        source="diffusion.measured", help_text="Practices with a change of a pilot’s total."
    )
    stated_only = serializers.IntegerField(
        source="diffusion.stated_only", help_text="Practices whose only results are stated by sources."
    )
    copies = CopiesSerializer(source="diffusion.copies", help_text="Copies of all of them.")
    entered_library = serializers.SerializerMethodField(
        help_text="Practices that have entered the library: of so many a first copy is looked for."
    )
    first_copies = serializers.SerializerMethodField(
        help_text="Those of them with a confirmed or verified copy in another province."
    )
    median_days_to_first_copy = serializers.FloatField(
        source="diffusion.median_first_copy_days",
        allow_null=True,
        help_text="Median of days from the library to that copy; null without any.",
    )
    practices = PracticeDiffusionSerializer(many=True, help_text="Each practice of the page.")

    def get_entered_library(self, value: DiffusionPage) -> int:
        return len(value.diffusion.entered_library)

    def get_first_copies(self, value: DiffusionPage) -> int:
        return len(value.diffusion.first_copy_days)
