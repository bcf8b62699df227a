"""Serializers of practices, adoptions and effects, to read and to write."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from django.db.models import Model
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.api.pagination import ListPage
from core.api.serializers import (
    DateValueField,
    KnownField,
    NumberField,
    PeopleMixin,
    RatioField,
    RecordSerializer,
    UsernameField,
)
from core.api.value_serializer import PAGE_FIELDS, ValueField, ValueSerializer
from core.api.write.fields import StrictCharField, StrictChoiceField
from core.api.write.serializers import WriteSerializer
from pilots.metrics.practice_states import AdoptionState, PracticeState, Trust
from pilots.metrics.practices import PracticeMove
from pilots.models import Adoption, Effect, Practice
from pilots.practices.analytics import Copies, Diffusion, PracticeStatus, ProvinceCopies, Replication
from policies.api.serializers import FACT_FIELDS
from policies.metrics import Step

STATE_HELP = _("Its state on the day.")


def bilingual(name: str) -> tuple[str, str, str]:
    """Return the fields of a text: in the reader's language, and in each."""
    return name, f"{name}_en", f"{name}_zh"


class LaterTextsSerializer(RecordSerializer):
    """A record whose texts about a day that lay ahead on the day asked read null."""

    LATER_DAY: ClassVar[str]
    LATER_FIELDS: ClassVar[tuple[str, ...]]

    def to_representation(self, instance: Model) -> dict[str, object]:
        row, day = super().to_representation(instance), getattr(instance, self.LATER_DAY)
        if day is None or day <= self.context["view"].as_of:
            return row
        return {name: None if name in self.LATER_FIELDS else value for name, value in row.items()}


class PracticeSerializer(LaterTextsSerializer):
    """A practice as it stood on the day: days and the reason that came later read null."""

    LATER_DAY, LATER_FIELDS = "retired_on", bilingual("retired_reason")

    state = serializers.ChoiceField(
        source="state_then", choices=PracticeState.choices, read_only=True, help_text=STATE_HELP
    )
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
        read_only_fields = fields


class AdoptionSerializer(PeopleMixin, LaterTextsSerializer):
    """A copy as it stood on the day: days, reasons and names that came later read null."""

    LATER_DAY, LATER_FIELDS = "given_up_on", ("give_up_reason", *bilingual("give_up_text"))
    PEOPLE_FIELDS = ("claimed_by", "confirmed_by")

    adopter = serializers.CharField(
        source="adopter_name", read_only=True, help_text=_("Name of the pilot, the place or the province.")
    )
    state = serializers.ChoiceField(
        source="status.state", choices=AdoptionState.choices, read_only=True, help_text=STATE_HELP
    )
    trust = serializers.ChoiceField(
        source="status.trust",
        choices=Trust.choices,
        read_only=True,
        help_text=_("How well it was attested by the day: the highest level reached."),
    )
    started_on = DateValueField(source="started_then")
    in_use_on = DateValueField(source="in_use_then")
    given_up_on = DateValueField(source="given_up_then")
    confirmed_on = DateValueField(source="confirmed_then")
    verified_on = DateValueField(
        source="status.verified_on",
        help_text=_("The day from which an effect of it counted as measured, by accepted readings."),
    )
    claimed_by = UsernameField("claimed_by", help_text=_("Who recorded it, for those whom it concerns."))
    confirmed_by = UsernameField("confirmed_by_then", help_text=_("Who confirmed it, for those whom it concerns."))

    class Meta:
        model = Adoption
        fields = (
            *("id", "practice", "pilot", "province", "place", "adopter", "state", "trust", "planned_on", "started_on"),
            *("in_use_on", "given_up_on", "give_up_reason", *bilingual("give_up_text"), *bilingual("changed")),
            *("claimed_by", "confirmed_on", "confirmed_by", "verified_on", *FACT_FIELDS, "url", "page"),
        )
        read_only_fields = fields


class EffectSerializer(RecordSerializer):
    is_measured = serializers.BooleanField(
        source="status.is_measured",
        read_only=True,
        help_text=_("Whether it counted as measured on the day: by two accepted readings, not corrected by then."),
    )
    corrected_on = DateValueField(
        source="status.corrected_on",
        help_text=_("The day from which a reading of it was corrected: enter the effect anew with the newer reading."),
    )
    change = NumberField(
        source="status.change.difference",
        help_text=_("The second reading less the first, in the unit of the indicator; null where it is not measured."),
    )
    rate = RatioField(source="status.change.rate", help_text=_("The same as a fraction of the first; negative = fell."))

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
        read_only_fields = fields


class PracticeWriteSerializer(WriteSerializer):
    model = Practice


class PracticeMoveWriteSerializer(serializers.Serializer):
    """A move of a practice; which there are depends on the state, and on who sends it."""

    move = StrictChoiceField(choices=PracticeMove.choices, help_text=_("What is done with it."))
    reason = StrictCharField(
        required=False, allow_blank=True, max_length=300, help_text=_("Why it is retired. Required for that alone.")
    )


class AdoptionWriteSerializer(WriteSerializer):
    model = Adoption


class EffectWriteSerializer(WriteSerializer):
    model = Effect


class ConfirmationWriteSerializer(serializers.Serializer):
    """Nothing is said but that the copy is confirmed."""


class WithdrawalWriteSerializer(serializers.Serializer):
    """Why a confirmation is taken back."""

    reason = StrictCharField(max_length=300, help_text=_("It stands in the history."))


# -- diffusion ---------------------------------------------------------------------------------------------


class ProvinceCopiesSerializer(ValueSerializer):
    """Copies in a province of the roster."""

    value_type = ProvinceCopies
    value_fields = {
        "province": _("The province."),
        "trust": _("Copies in use by trust: each under the highest level reached."),
        "states": _("All its copies by state."),
        "reached": ValueField(_("Whether a copy in use is confirmed or verified."), "is_reached"),
        "only_claimed": ValueField(_("Whether copies in use are all only claimed."), "is_only_claimed"),
    }


class CurveSerializer(ValueSerializer):
    """One step of a curve of copies."""

    value_type = Step
    value_fields = {
        "date": _("The day from which the number holds."),
        "copies": ValueField(_("How many copies count from then on."), "issued"),
    }


class CopiesSerializer(ValueSerializer):
    """Copies of practices on a day. The levels of trust are counted apart and never added."""

    value_type = Copies
    value_fields = {
        "total": _("Copies planned by the day, whatever became of them."),
        "by_state": _("How many are at each state."),
        "adopters": _("Copies in use by trust, each under the highest level reached."),
        "given_up_by_reason": _("Those given up, by reason."),
        "reached": _("Provinces of the roster with a copy in use that is confirmed or verified."),
        "only_claimed": _("Provinces of the roster whose copies in use are all only claimed."),
        "roster": serializers.SerializerMethodField(
            help_text=_("Provinces that the programme covers: the denominator of those reached.")
        ),
        "attested_curve": ValueField(
            _("Copies in use that are confirmed or verified, each from the day of both."),
            type=Sequence[CurveSerializer],
        ),
        "claimed_curve": ValueField(
            _("Copies in use that are only claimed, each from the day of use."), type=Sequence[CurveSerializer]
        ),
        "provinces": _("Each province of the roster."),
    }

    def get_roster(self, copies: Copies) -> int:
        return len(copies.roster)


class ReplicationSerializer(ValueSerializer):
    """A copy and its origin, both measured on one indicator."""

    value_type = Replication
    value_fields = {
        "adoption": ValueField(_("The copy."), "adoption.adoption"),
        "indicator": ValueField(_("The indicator."), "copy.indicator"),
        "copy_rate": ValueField(
            _("The copy’s change as a fraction of the value before."), "copy.change.rate", RatioField
        ),
        "origin_rate": ValueField(_("The origin’s, likewise."), "origin.change.rate", RatioField),
        "ratio": ValueField(_("The first over the second; null where it cannot be computed."), type=RatioField),
    }


class PracticeDiffusionSerializer(ValueSerializer):
    """A practice of the page: how far it has spread."""

    value_type = PracticeStatus
    value_fields = {
        "practice": _("The practice."),
        "state": _("Its state on the day."),
        "since": _("The day from which the state holds."),
        "measured_effect": ValueField(
            _("Whether an effect is measured, at the origin or at a copy."), "has_measured_effect"
        ),
        "copies": ValueField(_("Its copies, whatever became of them."), "copies.total"),
        "by_state": ValueField(_("Its copies by state."), "copies.by_state"),
        "adopters": ValueField(_("Its copies in use by trust, never added."), "copies.adopters"),
        "reached": ValueField(_("Provinces with a copy in use that is confirmed or verified."), "copies.reached"),
        "days_to_first_copy": _(
            "Days from the library to the first confirmed or verified copy in another province; null without one."
        ),
    }


@dataclass(frozen=True)
class DiffusionPage:
    """Diffusion of a set of practices, of which one page is listed."""

    diffusion: Diffusion
    page: ListPage

    @property
    def practices(self) -> Sequence[PracticeStatus]:
        return [item for item in self.diffusion.practices if item.practice.pk in self.page.keys]


class DiffusionSerializer(ValueSerializer):
    """How far practices have spread on a day."""

    value_type = DiffusionPage
    value_fields = {
        "as_of": ValueField(source="diffusion.as_of"),
        "known": KnownField(),
        "total": ValueField(_("Practices proposed by the day."), "diffusion.total"),
        "by_state": ValueField(_("How many are at each state."), "diffusion.by_state"),
        "measured": ValueField(_("Practices with a measured effect."), "diffusion.measured"),
        "stated_only": ValueField(_("Practices whose only results are stated by sources."), "diffusion.stated_only"),
        "copies": ValueField(_("Copies of all of them."), "diffusion.copies"),
        "entered_library": serializers.SerializerMethodField(
            help_text=_("Practices that have entered the library: of so many a first copy is looked for.")
        ),
        "first_copies": serializers.SerializerMethodField(
            help_text=_("Those of them with a confirmed or verified copy in another province.")
        ),
        "median_days_to_first_copy": ValueField(
            _("Median of days from the library to that copy; null without any."), "diffusion.median_first_copy_days"
        ),
        "replications": ValueField(
            _("Copies measured on an indicator on which the origin is."), "diffusion.replications"
        ),
        **PAGE_FIELDS,
        "count": ValueField(_("Practices in the whole list."), "page.count", int),
        "practices": _("Each practice of the page."),
    }

    def get_entered_library(self, value: DiffusionPage) -> int:
        return len(value.diffusion.entered_library)

    def get_first_copies(self, value: DiffusionPage) -> int:
        return len(value.diffusion.first_copy_days)
