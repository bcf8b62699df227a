"""Models of adoptions, the copies of a practice, and of effects of practices and of copies."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import (
    BooleanField,
    Case,
    ExpressionWrapper,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Greatest, Least
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.records.models import (
    FieldNames,
    HistoryModel,
    amount_field,
    check_constraint,
    choice_field,
    choices_constraint,
    day_field,
    link_field,
    unique_constraint,
)
from core.text import TranslatedText, format_date
from pilots.metrics import AdoptionState, GiveUpReason, Trust
from pilots.models.pilot import Pilot
from pilots.models.practice import (
    REVIEW_PERMISSION,
    Practice,
    StateByDays,
    StateQuerySet,
    begun_on,
    in_order,
    known_day,
    short_text,
)
from pilots.models.reading import Reading, ReadingState
from policies.models import Province, SourcedModel


class AdoptionQuerySet(StateQuerySet):
    def on(self, day: date) -> Self:
        """Return the copies planned by a day, with their state and `trust_then`, the highest level reached.

        `verified_then` is the day on which the first of its effects counted as measured, `attested_then` that on which
        it was first confirmed or verified.
        """
        effects: Any = self.model._meta.get_field("effects").related_model
        measured = effects.objects.on(day).filter(adoption=OuterRef("pk"), measured_then=True).order_by("counts_on")
        rows = self.with_state(day, "planned_on").annotate(
            confirmed_then=known_day("confirmed_on", day), verified_then=Subquery(measured.values("counts_on")[:1])
        )
        trust = Case(
            When(verified_then__isnull=False, then=Value(Trust.VERIFIED.value)),
            When(confirmed_then__isnull=False, then=Value(Trust.CONFIRMED.value)),
            default=Value(Trust.CLAIMED.value),
        )
        first = Coalesce(Least("confirmed_then", "verified_then"), "confirmed_then", "verified_then")
        return rows.annotate(trust_then=trust, attested_then=first)


class EffectQuerySet(QuerySet[Any]):
    def on(self, day: date) -> Self:
        """Return the effects known on a day, with `counts_on`: the day from which it counts as measured.

        It counts once both readings are accepted, and no longer from `corrected_then` on, the first day on which a
        version of one of them with another value was accepted. `measured_then` says whether it counts on the day.
        """

        def later(reading: str) -> Q:
            same_period = Q(period=OuterRef(f"{reading}__period"), version__gt=OuterRef(f"{reading}__version"))
            return same_period & ~Q(value=OuterRef(f"{reading}__value"))

        readings: Any = self.model._meta.get_field("reading_after").related_model
        series = {name: OuterRef(f"reading_after__{name}") for name in ("pilot", "indicator")}
        corrected = readings.objects.filter(
            later("reading_before") | later("reading_after"), **series, accepted_on__lte=day
        ).order_by("accepted_on")
        days = [f"{name}__accepted_on" for name in ("reading_before", "reading_after")]
        accepted: dict[str, object] = {f"{name}__lte": day for name in days}
        accepted |= {"reading_before__state": "accepted", "reading_after__state": "accepted"}
        return (
            self.filter(known_on__lte=day)
            .annotate(corrected_then=Subquery(corrected.values("accepted_on")[:1]))
            .annotate(counts_on=Case(When(**accepted, corrected_then=None, then=Greatest("known_on", *days))))
            .annotate(measured_then=ExpressionWrapper(Q(counts_on__isnull=False), output_field=BooleanField()))
        )


class Adoption(StateByDays, HistoryModel, SourcedModel):
    """A copy of a practice by a pilot, a province or a named place. Its state follows from the days on record."""

    practice = link_field(Practice, _("practice"), "adoptions", _("The practice that is copied."))
    pilot = link_field(
        Pilot,
        _("pilot"),
        "adoptions",
        _("The pilot that copies it. Empty for a province or another place."),
        optional=True,
    )
    province = link_field(
        Province,
        _("province"),
        "adoptions",
        _("The province that copies it, or in which the place lies; a pilot’s own is filled in."),
        blank=True,  # a pilot's is filled in
    )
    place = short_text(
        _("place"),
        _("A place that is no pilot, for example 嘉兴港区. Empty for a pilot, and for a province as a whole."),
        max_length=200,
    )
    planned_on = begun_on(_("planned since"), _("The day on which copying it was decided."))
    started_on = day_field(_("under way since"), _("The day work began."))
    in_use_on = day_field(_("in use since"), _("The day from which it is in use."))
    given_up_on = day_field(_("given up on"), _("The day it was given up."))
    give_up_reason = choice_field(
        _("reason for giving up"),
        GiveUpReason,
        _("Required with the day: what failed there helps the next."),
        max_length=10,
        blank=True,
    )
    give_up_text_en = short_text(
        _("why it was given up, in English"), _("In words, for those who consider copying it.")
    )
    give_up_text_zh = short_text(_("why it was given up, in Chinese"))
    give_up_text = TranslatedText("give_up_text")
    changed_en = short_text(_("what was changed, in English"), _("What was done differently from the origin."))
    changed_zh = short_text(_("what was changed, in Chinese"))
    changed = TranslatedText("changed")
    claimed_by = link_field(settings.AUTH_USER_MODEL, _("claimed by"), "+", optional=True, editable=False)
    confirmed_on = models.DateField(
        _("confirmed on"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("The day on which the origin’s or the adopter’s province, or the ministry, confirmed it."),
    )
    confirmed_by = link_field(settings.AUTH_USER_MODEL, _("confirmed by"), "+", optional=True, editable=False)

    objects = models.Manager.from_queryset(AdoptionQuerySet)()
    STATE_DAYS: ClassVar[Mapping[AdoptionState, str]] = {
        AdoptionState.GIVEN_UP: "given_up_on",
        AdoptionState.IN_USE: "in_use_on",
        AdoptionState.UNDER_WAY: "started_on",
    }
    FIRST_STATE = AdoptionState.PLANNED
    NAME_RELATIONS = ("practice", "pilot", "province")
    PROVINCE_PATH = "province_id"
    OWNER = "practice"
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        ("practice", "pilot", "province", "place"),
        _(
            "This copy is confirmed or has an effect: what is copied, by whom and where stays as it is. Report another "
            "copy; or take the confirmation back first, if it has no effect."
        ),
    )
    # What a confirmation attests besides: another value ends it.
    CONFIRMED_FIELDS = ("planned_on", "started_on", "in_use_on", "changed_en", "changed_zh")

    class Meta:
        verbose_name = _("adoption")
        verbose_name_plural = _("adoptions")
        ordering = ["practice", "planned_on", "pk"]
        constraints = [
            choices_constraint("give_up_reason", GiveUpReason, "adoption_reason_known", blank=True),
            check_constraint(
                "adoption_pilot_or_place",
                Q(pilot__isnull=True) | Q(place=""),
                _("Name a pilot or another place, not both."),
            ),
            *in_order(
                "adoption",
                "planned_on",
                started_on=("planned_on", _("Begun before it was planned. Check both days.")),
                in_use_on=("started_on", _("In use after work began. Give both days in order.")),
                given_up_on=("planned_on", _("Given up before it was planned. Check both days.")),
            ),
            check_constraint(
                "adoption_given_up_has_reason",
                Q(given_up_on__isnull=True, give_up_reason="") | Q(given_up_on__isnull=False) & ~Q(give_up_reason=""),
                _("Given up: give the day and the reason together."),
            ),
            unique_constraint(
                "adoption_pilot_once",
                ["practice", "pilot"],
                _("This pilot’s copy of the practice is on record already."),
                Q(pilot__isnull=False),
            ),
            unique_constraint(
                "adoption_place_once",
                ["practice", "province", "place"],
                _("This place’s copy of the practice is on record already."),
                Q(pilot__isnull=True) & ~Q(place=""),
            ),
            unique_constraint(
                "adoption_province_once",
                ["practice", "province"],
                _("This province’s copy of the practice is on record already."),
                Q(pilot__isnull=True, place=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.practice}: {self.adopter_name}"

    @property
    def adopter_name(self) -> str:
        """Name of the pilot, the place or the province that copies it."""
        if self.pilot_id:
            return str(self.pilot)
        return self.place or str(self.province)

    @property
    def trust(self) -> Trust:
        """How well it was attested on the day of the query, `objects.on(day)`."""
        return Trust(self.trust_then)  # type: ignore[attr-defined]  # annotated

    def get_absolute_url(self) -> str:
        return f"{self.practice.get_absolute_url()}#adoption-{self.pk}"

    def fixed_fields(self) -> Mapping[str, Any]:
        """Return what it keeps once it is confirmed or has an effect; the province of a pilot follows the pilot."""
        if self.confirmed_on is None and not self.effects.exists():
            return {}
        return {name: text for name, text in self.FIXED_FIELDS.items() if name != "province" or not self.pilot_id}

    def clean_fields(self, exclude: Any = None) -> None:
        """Fill in the province of a pilot first: it decides who may change the record."""
        if self.pilot_id:
            self.province_id = self.pilot.province_id
        super().clean_fields(exclude)
        if not self.province_id and "province" not in (exclude or ()):
            raise ValidationError({"province": _("Name the pilot, or the province.")})

    def clean(self) -> None:
        """Reject the copy of a pilot’s own practice; end the confirmation where what it attests has changed.

        The history entry says so.
        """
        super().clean()
        if self.pilot_id and self.practice_id and self.pilot in self.practice.origins.all():
            raise ValidationError({"pilot": _("It comes from this pilot: an origin does not copy its own practice.")})
        stored = Adoption._base_manager.filter(pk=self.pk, confirmed_on__isnull=False).first() if self.pk else None
        if stored and any(getattr(stored, name) != getattr(self, name) for name in self.CONFIRMED_FIELDS):
            self.confirmed_on = self.confirmed_by = None
            text = _("This change ended the confirmation of %(day)s.")
            self.added_reason = text % {"day": format_date(stored.confirmed_on)}


class EffectBasis(models.TextChoices):
    TOTAL = "total", pgettext_lazy("basis of an effect", "total")
    INTENSITY = "intensity", pgettext_lazy("basis of an effect", "per unit of output")


class Effect(HistoryModel, SourcedModel):
    """Effect of a practice or of a copy: measured by two accepted readings, or stated by a source. Never both."""

    practice = link_field(Practice, _("practice"), "effects", _("The practice whose effect it is."))
    adoption = link_field(
        Adoption, _("adoption"), "effects", _("The copy whose effect it is. Empty: the origin’s."), optional=True
    )
    province = link_field(
        Province,
        _("province"),
        "+",
        _("The province of the copy, or of the practice where it is the origin’s effect."),
        null=True,
        editable=False,
    )
    basis = choice_field(
        _("basis"),
        EffectBasis,
        _("A total, or a value per unit of output."),
        max_length=9,
        default=EffectBasis.TOTAL,
    )
    reading_before = link_field(
        Reading,
        _("reading before"),
        "+",
        _("Change of the pilot’s total: the accepted reading before it was in use."),
        optional=True,
    )
    reading_after = link_field(
        Reading,
        _("reading after"),
        "+",
        _("Change of the pilot’s total: a later accepted reading of the same indicator and pilot."),
        optional=True,
    )
    statement_en = short_text(_("stated result in English"), _("Stated: the result in the source’s own words."))
    statement_zh = short_text(_("stated result in Chinese"))
    statement = TranslatedText("statement")
    stated_value = amount_field(
        _("stated value"), _("Stated: the main number, if there is one, for example 5000."), optional=True
    )
    stated_unit = short_text(_("unit of the stated value"), _("For example t CO2/yr."), max_length=60)
    stated_period = short_text(
        _("period of the stated value"), _("For example “expected a year” or “to 2024-10-31”."), max_length=100
    )
    known_on = begun_on(
        _("known on"), _("The day it was stated, or its readings were known; from this day on it counts.")
    )

    objects = models.Manager.from_queryset(EffectQuerySet)()
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        "measured_or_stated": ("reading_before", "reading_after"),
    }
    STATED_FIELDS = ("statement_en", "statement_zh", "stated_value", "stated_unit", "stated_period")
    PROVINCE_PATH = "province_id"
    OWNER = "practice"

    class Meta:
        verbose_name = _("effect")
        verbose_name_plural = _("effects")
        ordering = ["practice", "pk"]
        constraints = [
            check_constraint(
                "effect_measured_or_stated",
                Q(
                    reading_before__isnull=False,
                    reading_after__isnull=False,
                    statement_en="",
                    statement_zh="",
                    stated_value__isnull=True,
                )
                | Q(reading_before__isnull=True, reading_after__isnull=True)
                & (~Q(statement_en="") | ~Q(statement_zh="")),
                _("Give two readings of the pilot, or the result in words with its source (stated), not both."),
            ),
            check_constraint(
                "effect_value_has_unit", Q(stated_value__isnull=True) | ~Q(stated_unit=""), _("A value needs its unit.")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.practice}: {self.statement or self.reading_after}"

    @property
    def is_measured(self) -> bool:
        """Whether it rests on readings; else it is stated by a source."""
        return self.reading_after_id is not None

    @property
    def change(self) -> Decimal | None:
        """Change of the pilot's total, in the unit of the indicator; None where it does not count on the day of
        the query, `objects.on(day)`.
        """
        counts: bool = self.measured_then  # type: ignore[attr-defined]  # annotated
        return self.reading_after.value - self.reading_before.value if counts else None

    @property
    def rate(self) -> Decimal | None:
        """The change as a fraction of the value before; None from 0."""
        change = self.change
        return None if change is None or not self.reading_before.value else change / self.reading_before.value

    def get_absolute_url(self) -> str:
        return f"{self.practice.get_absolute_url()}#effect-{self.pk}"

    def clean_fields(self, exclude: Any = None) -> None:
        """Fill in the province first: it decides who may change the record."""
        if self.practice_id or self.adoption_id:
            self.province_id = self.adoption.province_id if self.adoption_id else self.practice.province_id
        super().clean_fields(exclude)

    def restricted_now(self) -> FieldNames:
        """What a source states of the origin is the ministry's once the practice is in the library, and so is which
        practice or copy such an effect is of.
        """
        stored = Effect._base_manager.filter(pk=self.pk).first() if self.pk else None
        own = {item.practice_id for item in (self, stored) if item is not None and item.adoption_id is None}
        if not Practice._base_manager.filter(pk__in=own, library_on__isnull=False).exists():
            return {}
        day = () if self.is_measured else ("basis", "known_on")
        return {REVIEW_PERMISSION: (*self.STATED_FIELDS, *(("practice", "adoption", *day) if stored else ()))}

    def deletion_error(self, together: Collection[int] = ()) -> str:
        """The last effect of a practice in the library stays: without one it would not have come there."""
        practice = Practice.objects.get(pk=self.practice_id)
        keys = {*together, self.pk}
        if not practice.library_step or practice.effects.exclude(pk__in=keys).exists():
            return ""
        text = _(
            "It is the only effect of “%(practice)s”, which is in the library. Enter another effect first, or let the "
            "ministry retire the practice or clear the day it came into the library."
        )
        return str(text % {"practice": practice})

    def clean(self) -> None:
        """Reject a copy of another practice, the loss of a last effect, and readings that cannot be compared."""
        super().clean()
        stored = Effect._base_manager.filter(pk=self.pk).first() if self.pk else None
        if stored and stored.practice_id != self.practice_id and (text := stored.deletion_error()):
            raise ValidationError({"practice": ValidationError(text, code="in_use")})
        if self.adoption_id and self.practice_id and self.adoption.practice_id != self.practice_id:
            raise ValidationError({"adoption": _("This is a copy of another practice.")})
        if self.reading_before_id and self.reading_after_id:
            self.check_readings(self.reading_before, self.reading_after)

    def check_readings(self, before: Reading, after: Reading) -> None:
        """Raise ValidationError unless both are accepted, of one pilot and indicator, in order, and of its subject."""
        for name, reading in (("reading_before", before), ("reading_after", after)):
            if reading.state != ReadingState.ACCEPTED:
                raise ValidationError({name: _("Only an accepted reading counts for the change of the pilot’s total.")})
        if before.indicator_id != after.indicator_id or before.pilot_id != after.pilot_id:
            raise ValidationError({"reading_after": _("Both readings are of one pilot and one indicator.")})
        if before.period >= after.period:
            raise ValidationError({"reading_after": _("The second reading is of a later period.")})
        pilots = [self.adoption.pilot_id] if self.adoption_id else [pilot.pk for pilot in self.practice.origins.all()]
        if after.pilot_id not in pilots:
            raise ValidationError({"reading_after": _("The readings are of the pilot that has the practice.")})
