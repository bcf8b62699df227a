"""Practices, their copies by other pilots and provinces, and the effects that are stated of them."""

from collections.abc import Collection, Mapping
from datetime import date
from functools import partial
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.days import today
from core.records.models import (
    SAME_IN_CHINESE,
    BilingualTitleModel,
    FieldNames,
    HistoryModel,
    SlugModel,
    YearField,
    check_not_ahead,
    choices_constraint,
    link_field,
    slug_constraint,
    title_constraint,
)
from core.text import StatusChoices, TranslatedText, check_text
from policies.models import Confidence, Industry, Measure, Province, SourcedModel

REVIEW_PERMISSION = "pilots.review_practice"
MIN_TEXT = 20
"""Characters of a text of a practice: fewer tell nobody how to copy it."""


class PracticeState(StatusChoices):
    """Whether a practice is offered for copying: the ministry takes it into the library, and may retire it."""

    PROPOSED = "proposed", "grey", pgettext_lazy("state of a practice", "proposed")
    IN_LIBRARY = "in_library", "blue", pgettext_lazy("state of a practice", "in the library")
    RETIRED = "retired", "grey", pgettext_lazy("state of a practice", "retired")


class PracticeField(models.TextChoices):
    """Fields of action, those of measures and of policy itself."""

    ENERGY = "energy", _("energy")
    INDUSTRY = "industry", pgettext_lazy("field of action", "industry")
    TRANSPORT = "transport", _("transport")
    BUILDINGS = "buildings", _("buildings")
    AGRICULTURE = "agriculture", _("agriculture")
    ECOLOGY = "ecology", _("ecology")
    POLICY = "policy", pgettext_lazy("field of action", "policy and management")


class CostKind(models.TextChoices):
    INVESTMENT = "investment", _("investment, once")
    YEARLY = "yearly", _("a year")


def long_text(label: Any, help_text: Any = SAME_IN_CHINESE) -> Any:
    """Return an optional text of 20 to 5,000 characters."""
    validators: list[Any] = [check_text, MinLengthValidator(MIN_TEXT)]
    return models.TextField(label, blank=True, max_length=5000, validators=validators, help_text=help_text)


def short_text(label: Any, help_text: Any = SAME_IN_CHINESE, max_length: int = 1000) -> Any:
    """Return an optional text of one line."""
    return models.CharField(label, max_length=max_length, blank=True, validators=[check_text], help_text=help_text)


begun_on = partial(models.DateField, default=today, validators=[check_not_ahead])  # the day from which a record counts
later_day: Any = partial(models.DateField, null=True, blank=True, validators=[check_not_ahead])  # type: ignore[misc]
list_field = partial(models.ManyToManyField, related_name="practices")


def later_constraint(name: str, first: str, text: Any) -> models.CheckConstraint:
    """Return the check constraint, such as practice_library, that library_on, if it is there, is not before another."""
    later = f"{name.partition('_')[2]}_on"
    condition = Q(**{f"{later}__isnull": True}) | Q(**{f"{later}__gte": F(first)})
    return models.CheckConstraint(condition=condition, name=f"{name}_in_order", violation_error_message=text)


def known_day(name: str, day: date) -> Case:
    """Return a day as it was known on another: None where it still lay ahead."""
    return Case(When(**{f"{name}__lte": day}, then=F(name)))


class PracticeQuerySet(QuerySet[Any]):
    def on(self, day: date) -> Self:
        """Return the practices proposed by a day, with `state_then`, and `library_then` and `retired_then`, which read
        None where they lay ahead.
        """
        state = Case(
            When(retired_on__lte=day, then=Value(PracticeState.RETIRED.value)),
            When(library_on__lte=day, then=Value(PracticeState.IN_LIBRARY.value)),
            default=Value(PracticeState.PROPOSED.value),
        )
        return self.filter(proposed_on__lte=day).annotate(
            state_then=state, library_then=known_day("library_on", day), retired_then=known_day("retired_on", day)
        )


class Practice(SlugModel, BilingualTitleModel, SourcedModel):
    """Something that a pilot did and others can copy. Its state follows from the days on record."""

    field = models.CharField(
        _("field"), max_length=12, choices=PracticeField.choices, help_text=_("The field of action it falls under.")
    )
    problem_en = long_text(_("problem in English"), _("What it was meant to solve."))
    problem_zh = long_text(_("problem in Chinese"))
    problem = TranslatedText("problem")
    action_en = long_text(_("what was done, in English"), _("What was done, so that another could do it."))
    action_zh = long_text(_("what was done, in Chinese"))
    action = TranslatedText("action")
    conditions_en = long_text(_("conditions in English"), _("What it needs: industry, scale, money, permits, skills."))
    conditions_zh = long_text(_("conditions in Chinese"))
    conditions = TranslatedText("conditions")
    risks_en = long_text(_("risks in English"), _("What can go wrong, and what helps against it."))
    risks_zh = long_text(_("risks in Chinese"))
    risks = TranslatedText("risks")
    cost_amount = models.DecimalField(
        _("cost"),
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("In 10,000 yuan. Empty when not known."),
    )
    cost_kind = models.CharField(
        _("kind of cost"),
        max_length=10,
        choices=CostKind.choices,
        blank=True,
        help_text=_("Investment once, or a cost each year."),
    )
    cost_year = YearField(
        _("year of the cost"), null=True, blank=True, help_text=_("The year whose prices it is in, for example 2025.")
    )
    origins = list_field("pilots.Pilot", verbose_name=_("origins"), help_text=_("The pilots where it was done first."))
    industries = list_field(
        Industry,
        verbose_name=_("industries"),
        blank=True,
        help_text=_("Industries it is for. Empty when it is for all."),
    )
    measures = list_field(
        Measure, verbose_name=_("measures"), blank=True, help_text=_("Measures of the policies that it carries out.")
    )
    province = link_field(
        Province,
        _("province"),
        "practices",
        _("The province that proposed it, whose editors keep it. Empty: the ministry."),
        optional=True,
    )
    proposed_on = begun_on(_("proposed on"), help_text=_("The day it was proposed."))
    library_on = later_day(_("in the library since"), help_text=_("The day the ministry took it into the library."))
    retired_on = later_day(_("retired on"), help_text=_("From this day on it is no longer offered."))
    retired_reason_en = short_text(
        _("reason for retiring, in English"), _("Required with the day of retiring."), max_length=300
    )
    retired_reason_zh = short_text(_("reason for retiring, in Chinese"), max_length=300)
    retired_reason = TranslatedText("retired_reason")

    objects = models.Manager.from_queryset(PracticeQuerySet)()
    # Texts without which nobody can copy it, each in at least one language.
    TEXTS: ClassVar[Mapping[str, Any]] = {
        "problem": _("Problem"),
        "action": _("What was done"),
        "conditions": _("Conditions"),
    }
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        "cost_complete": ("cost_amount", "cost_kind", "cost_year"),
        "retired_has_reason": ("retired_reason_en",),
    }
    PROVINCE_PATH = "province_id"
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {
        REVIEW_PERMISSION: ("library_on", "retired_on", "retired_reason_en", "retired_reason_zh")
    }
    SCOPED_LISTS = ("origins",)
    # What the ministry took into its library: all but the notes.
    LIBRARY_FIELDS = (
        *("slug", "title_zh", "title_en", "field", "problem_en", "problem_zh", "action_en", "action_zh"),
        *("conditions_en", "conditions_zh", "risks_en", "risks_zh", "cost_amount", "cost_kind", "cost_year"),
        *("origins", "industries", "measures", "province", "proposed_on", "confidence", "sources"),
    )

    class Meta:
        verbose_name = _("practice")
        verbose_name_plural = _("practices")
        ordering = ["pk"]
        permissions = [("review_practice", "Can take practices into the library, retire them, and verify copies")]
        constraints = [
            slug_constraint("practice"),
            title_constraint("practice"),
            models.CheckConstraint(
                condition=Q(cost_amount__isnull=True, cost_kind="", cost_year__isnull=True)
                | Q(cost_amount__gte=0, cost_year__isnull=False) & ~Q(cost_kind=""),
                name="practice_cost_complete",
                violation_error_message=_("A cost has its amount, kind and year. Give all three, or none."),
            ),
            later_constraint(
                "practice_library", "proposed_on", _("It enters the library after it was proposed. Check both days.")
            ),
            later_constraint("practice_retired", "proposed_on", _("Retired before it was proposed. Check both days.")),
            models.CheckConstraint(
                condition=Q(retired_on__isnull=True) | ~Q(retired_reason_en="") | ~Q(retired_reason_zh=""),
                name="practice_retired_has_reason",
                violation_error_message=_("Say why it is retired, in at least one language."),
            ),
            choices_constraint("confidence", Confidence, "practice_confidence_known"),
            choices_constraint("field", PracticeField, "practice_field_known"),
            choices_constraint("cost_kind", CostKind, "practice_cost_kind_known", blank=True),
        ]

    def get_absolute_url(self) -> str:
        return reverse("practice-detail", args=[self.slug])

    def restricted_now(self) -> FieldNames:
        """From the library on, what it says is the ministry's to change."""
        taken = self.pk and Practice._base_manager.filter(pk=self.pk, library_on__isnull=False).exists()
        return {REVIEW_PERMISSION: self.LIBRARY_FIELDS} if taken else {}

    @property
    def state(self) -> PracticeState:
        """The state on the day of the query, `objects.on(day)`."""
        return PracticeState(self.state_then)  # type: ignore[attr-defined]  # annotated

    def clean_lists(self, lists: Mapping[str, Collection[Any]]) -> None:
        """A practice has an origin: a new one names it, and one that has any keeps one."""
        super().clean_lists(lists)
        if not lists.get("origins", True) and (self._state.adding or self.origins.exists()):
            raise ValidationError({"origins": ValidationError(_("Empty. This needs a value."), code="required")})

    def clean(self) -> None:
        """Reject a practice that comes into the library without what others need: its texts, and an effect."""
        super().clean()
        in_library = Practice._base_manager.filter(pk=self.pk, library_on__isnull=False, retired_on=None)
        if self.library_on is None or self.retired_on is not None or in_library.exists():
            return
        text = _("“%(text)s” is missing: at least %(n)d characters, in one language.")
        missing = {
            f"{name}_zh": text % {"text": label, "n": MIN_TEXT}
            for name, label in self.TEXTS.items()
            if not getattr(self, name)
        }
        if not self.pk or not self.effects.exists():
            missing["library_on"] = str(_("No effect is on record: enter what a source states of it first."))
        if missing:
            raise ValidationError({name: ValidationError(text, code="missing") for name, text in missing.items()})


class AdoptionQuerySet(QuerySet[Any]):
    def on(self, day: date) -> Self:
        """Return the copies made by a day; `ended_then` and `verified_then` read None where they lay ahead."""
        return self.filter(adopted_on__lte=day).annotate(
            ended_then=known_day("ended_on", day), verified_then=known_day("verified_on", day)
        )


class Adoption(HistoryModel, SourcedModel):
    """A copy of a practice by a pilot or a province: since when, until when, and whether somebody else verified it."""

    practice = link_field(Practice, _("practice"), "adoptions", _("The practice that is copied."))
    pilot = link_field(
        "pilots.Pilot",
        _("pilot"),
        "adoptions",
        _("The pilot that copies it. Empty for a province as a whole."),
        optional=True,
    )
    province = link_field(
        Province,
        _("province"),
        "adoptions",
        _("The province that copies it; a pilot’s own is filled in."),
        blank=True,  # a pilot's is filled in
    )
    adopted_on = begun_on(
        _("since"),
        help_text=_("The day from which it is in use; before that, the day on which copying it was decided."),
    )
    ended_on = later_day(
        _("until"), help_text=_("The day it was given up. Say why in the note: what failed there helps the next.")
    )
    claimed_by = link_field(settings.AUTH_USER_MODEL, _("claimed by"), "+", optional=True, editable=False)
    verified_on = later_day(_("verified on"), help_text=_("The day on which the ministry verified that it is in use."))
    verified_by = link_field(settings.AUTH_USER_MODEL, _("verified by"), "+", optional=True, editable=False)

    objects = models.Manager.from_queryset(AdoptionQuerySet)()
    NAME_RELATIONS = ("practice", "pilot", "province")
    PROVINCE_PATH = "province_id"
    OWNER = "practice"
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {REVIEW_PERMISSION: ("verified_on",)}
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        ("practice", "pilot", "province", "adopted_on"),
        _(
            "This copy is verified or has an effect: what is copied, by whom and since when stays as it is. Report "
            "another copy; or let the ministry clear the day it was verified, if it has no effect."
        ),
    )

    class Meta:
        verbose_name = _("adoption")
        verbose_name_plural = _("adoptions")
        ordering = ["practice", "adopted_on", "pk"]
        constraints = [
            later_constraint("adoption_ended", "adopted_on", _("It ended before it began. Check both days.")),
            models.UniqueConstraint(
                fields=["practice", "pilot"],
                condition=Q(pilot__isnull=False),
                name="adoption_pilot_once",
                violation_error_message=_("This pilot’s copy of the practice is on record already."),
            ),
            choices_constraint("confidence", Confidence, "adoption_confidence_known"),
        ]

    def __str__(self) -> str:
        return f"{self.practice}: {self.adopter_name}"

    @property
    def adopter_name(self) -> str:
        """Name of the pilot or the province that copies it."""
        return str(self.pilot if self.pilot_id else self.province)

    def get_absolute_url(self) -> str:
        return f"{self.practice.get_absolute_url()}#adoption-{self.pk}"

    def settle(self, stored: Any, by: Any) -> None:
        """Note who claims a new copy, and who verifies one whose day is entered."""
        if by is not None and stored is None and self.claimed_by_id is None:
            self.claimed_by = by
        before, verifier = (stored.verified_on, stored.verified_by_id) if stored else (None, None)
        if by is not None and self.verified_on != before and self.verified_by_id == verifier:
            self.verified_by = by if self.verified_on else None

    def fixed_fields(self) -> Mapping[str, Any]:
        """Return what it keeps once it is verified or has an effect; the province of a pilot follows the pilot."""
        if self.verified_on is None and not self.effects.exists():
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
        """Reject the copy of a pilot’s own practice, a province’s second one, and one verified by who claimed it."""
        super().clean()
        if self.pilot_id and self.practice_id and self.pilot in self.practice.origins.all():
            raise ValidationError({"pilot": _("It comes from this pilot: an origin does not copy its own practice.")})
        if self._state.adding and not self.pilot_id and self.practice_id:
            same = Adoption._base_manager.filter(practice=self.practice_id, province=self.province_id, pilot=None)
            if same.exists():
                text = _("This province’s copy of the practice is on record already.")
                raise ValidationError({"province": ValidationError(text, code="unique")})
        if self.verified_by_id and self.verified_by_id == self.claimed_by_id:
            text = _("You claimed this copy: somebody else verifies it.")
            raise ValidationError({"verified_on": ValidationError(text, code="own_claim")})


class EffectQuerySet(QuerySet[Any]):
    def on(self, day: date) -> Self:
        """Return the effects known on a day, of the origin or of a copy made by then."""
        return self.filter(Q(adoption=None) | Q(adoption__adopted_on__lte=day), known_on__lte=day)


class Effect(HistoryModel, SourcedModel):
    """What a source states of the effect of a practice, or of a copy: in words, with its main number."""

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
    statement_en = short_text(_("stated result in English"), _("The result in the source’s own words."))
    statement_zh = short_text(_("stated result in Chinese"))
    statement = TranslatedText("statement")
    stated_value = models.DecimalField(
        _("stated value"),
        max_digits=20,
        decimal_places=6,
        null=True,
        blank=True,
        help_text=_("The main number, if there is one, for example 5000."),
    )
    stated_unit = short_text(_("unit of the stated value"), _("For example t CO2/yr."), max_length=60)
    stated_period = short_text(
        _("period of the stated value"), _("For example “expected a year” or “to 2024-10-31”."), max_length=100
    )
    known_on = begun_on(_("known on"), help_text=_("The day it was stated; from this day on it counts."))

    objects = models.Manager.from_queryset(EffectQuerySet)()
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"has_statement": ("statement_zh",)}
    PROVINCE_PATH = "province_id"
    OWNER = "practice"
    STATED_FIELDS = ("statement_en", "statement_zh", "stated_value", "stated_unit", "stated_period")

    class Meta:
        verbose_name = _("effect")
        verbose_name_plural = _("effects")
        ordering = ["practice", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(statement_en="") | ~Q(statement_zh=""),
                name="effect_has_statement",
                violation_error_message=_("Give the result in the words of its source, in at least one language."),
            ),
            models.CheckConstraint(
                condition=Q(stated_value__isnull=True) | ~Q(stated_unit=""),
                name="effect_value_has_unit",
                violation_error_message=_("A value needs its unit."),
            ),
            choices_constraint("confidence", Confidence, "effect_confidence_known"),
        ]

    def __str__(self) -> str:
        return f"{self.practice}: {self.statement}"

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
        return {REVIEW_PERMISSION: (*self.STATED_FIELDS, *(("practice", "adoption", "known_on") if stored else ()))}

    def clean(self) -> None:
        """Reject a copy of another practice."""
        super().clean()
        if self.adoption_id and self.practice_id and self.adoption.practice_id != self.practice_id:
            raise ValidationError({"adoption": _("This is a copy of another practice.")})
