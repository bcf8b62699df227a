"""Practices, their copies in other pilots, and the effects that are stated of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, ExtractYear, Greatest
from django.urls import reverse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.http import today
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
from core.text import TranslatedText, check_text, format_date
from pilots.metrics import LIBRARY_STATES, AdoptionState, Direction, GiveUpReason, PracticeState, Trust
from pilots.models.pilot import Pilot
from pilots.models.planned import Facet
from pilots.models.reading import Reading, ReadingState
from policies.models import Confidence, Industry, Measure, Province, SourcedModel

REVIEW_PERMISSION = "pilots.review_practice"
MIN_TEXT = 20
"""Characters of a text of a practice: fewer tell nobody how to copy it."""


class PracticeField(models.TextChoices):
    """Fields of action, those of measures and of policy itself."""

    ENERGY = "energy", _("energy")
    INDUSTRY = "industry", pgettext_lazy("field of action", "industry")
    TRANSPORT = "transport", _("transport")
    BUILDINGS = "buildings", _("buildings")
    AGRICULTURE = "agriculture", _("agriculture")
    ECOLOGY = "ecology", _("ecology")
    POLICY = "policy", pgettext_lazy("field of action", "policy and management")


class PracticeLevel(models.TextChoices):
    """Where a practice can be copied."""

    ENTERPRISE = "enterprise", _("enterprise")
    PARK = "park", _("industrial park")
    CITY = "city", _("city")
    PROVINCE = "province", pgettext_lazy("kind of unit", "province")


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


def begun_on(label: Any, help_text: Any) -> Any:
    """Return the field of the day from which a record counts, today by default."""
    return models.DateField(label, default=today, validators=[check_not_ahead], help_text=help_text)


def in_order(model: str, begun_on: str, **rules: tuple[str, Any]) -> list[models.CheckConstraint]:
    """Return the constraints that a day, if there is one, is not before the one that its rule names.

    That one is on record then; every record has `begun_on`. With it, a rule has what a user reads who broke it.
    """
    constraints = []
    for later, (first, text) in rules.items():
        needed = {} if first == begun_on else {f"{first}__isnull": False}
        condition = Q(**{f"{later}__isnull": True}) | Q(**{f"{later}__gte": F(first)}, **needed)
        constraints.append(
            models.CheckConstraint(
                condition=condition, name=f"{model}_{later.removesuffix('_on')}_in_order", violation_error_message=text
            )
        )
    return constraints


class StateByDays:
    """A record whose state on a day is the furthest whose day has come by then."""

    STATE_DAYS: ClassVar[Mapping[Any, str]]  # the field of each state's day, the last state first
    FIRST_STATE: ClassVar[Any]

    def state_on(self, day: date) -> Any:
        reached = (state for state, name in self.STATE_DAYS.items() if (on := getattr(self, name)) and on <= day)
        return next(reached, self.FIRST_STATE)

    @property
    def state(self) -> Any:
        """The state on the day of the query, `objects.on(day)`."""
        return type(self.FIRST_STATE)(self.state_then)  # type: ignore[attr-defined]  # annotated


class StateQuerySet(QuerySet[Any]):
    """Records whose state follows from their days (`StateByDays`)."""

    def with_state(self, day: date, begun_on: str) -> Self:
        """Return those begun by a day, with `state_then` and `since_then`, and each day as known then: `library_then`.

        A day that lay ahead reads None.
        """
        days = {state: f"{name.removesuffix('_on')}_then" for state, name in self.model.STATE_DAYS.items()}
        state = Case(
            *(When(**{f"{then}__isnull": False}, then=Value(state.value)) for state, then in days.items()),
            default=Value(self.model.FIRST_STATE.value),
        )
        known = dict(zip(days.values(), (known_day(name, day) for name in self.model.STATE_DAYS.values()), strict=True))
        begun = self.filter(**{f"{begun_on}__lte": day})
        return begun.annotate(**known).annotate(state_then=state, since_then=Coalesce(*days.values(), begun_on))


def known_day(name: str, day: date) -> Case:
    return Case(When(**{f"{name}__lte": day}, then=F(name)))


def of_known_copy(day: date) -> Q:
    """Return the condition that an effect is the origin's, or of a copy that was planned by the day."""
    return Q(adoption=None) | Q(adoption__planned_on__lte=day)


class PracticeQuerySet(StateQuerySet):
    def on(self, day: date) -> Self:
        """Return the practices proposed by a day, with their state, its `state_rank` in lists, and `measured_then`.

        The last says whether an effect counts as measured, at the origin or at a copy that was planned by then.
        """
        effects: Any = self.model._meta.get_field("effects").related_model
        counted = effects.objects.on(day).filter(of_known_copy(day), practice=OuterRef("pk"), measured_then=True)
        ranks = [When(state_then=state.value, then=Value(rank)) for rank, state in enumerate(PRACTICE_RANKS)]
        rank = Case(*ranks, output_field=IntegerField())
        return self.with_state(day, "proposed_on").annotate(state_rank=rank, measured_then=Exists(counted))


PRACTICE_RANKS = (*LIBRARY_STATES[::-1], PracticeState.PASSED, PracticeState.PROPOSED, PracticeState.RETIRED)
"""States in the order of a list: what can be copied first."""


class Practice(StateByDays, SlugModel, BilingualTitleModel, SourcedModel):
    """Something that a pilot did and others can copy. Its state on a day follows from the days on record."""

    facet = models.CharField(
        _("facet"),
        max_length=12,
        choices=Facet.choices,
        default=Facet.TECHNOLOGY,
        help_text=_("What kind of thing it is: a goal, a path, management, a technology or a project."),
    )
    field = models.CharField(
        _("field"), max_length=12, choices=PracticeField.choices, help_text=_("The field of action it falls under.")
    )
    level = models.CharField(
        _("level"),
        max_length=10,
        choices=PracticeLevel.choices,
        help_text=_("Where it can be copied: in an enterprise, a park, a city or a province."),
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
    origins = models.ManyToManyField(
        Pilot, verbose_name=_("origins"), related_name="practices", help_text=_("The pilots where it was done first.")
    )
    industries = models.ManyToManyField(
        Industry,
        verbose_name=_("industries"),
        related_name="practices",
        blank=True,
        help_text=_("Industries it is for. Empty when it is for all."),
    )
    measures = models.ManyToManyField(
        Measure,
        verbose_name=_("measures"),
        related_name="practices",
        blank=True,
        help_text=_("Measures of the policies that it carries out."),
    )
    province = link_field(
        Province,
        _("province"),
        "practices",
        _("The province that proposed it, whose editors keep it. Empty: the ministry."),
        optional=True,
    )
    proposed_on = begun_on(_("proposed on"), _("The day it was proposed."))
    passed_on = models.DateField(
        _("passed on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("The day the province passed it."),
    )
    library_on = models.DateField(
        _("in the library since"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("The day the ministry took it into the library."),
    )
    recommended_on = models.DateField(
        _("recommended on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("The day the ministry recommended it for copying."),
    )
    retired_on = models.DateField(
        _("retired on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("From this day on it is no longer offered."),
    )
    retired_reason_en = short_text(
        _("reason for retiring, in English"), _("Required with the day of retiring."), max_length=300
    )
    retired_reason_zh = short_text(_("reason for retiring, in Chinese"), max_length=300)
    retired_reason = TranslatedText("retired_reason")

    objects = models.Manager.from_queryset(PracticeQuerySet)()
    STATE_DAYS: ClassVar[Mapping[PracticeState, str]] = {
        PracticeState.RETIRED: "retired_on",
        PracticeState.RECOMMENDED: "recommended_on",
        PracticeState.IN_LIBRARY: "library_on",
        PracticeState.PASSED: "passed_on",
    }
    FIRST_STATE = PracticeState.PROPOSED
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
        REVIEW_PERMISSION: ("library_on", "recommended_on", "retired_on", "retired_reason_en", "retired_reason_zh")
    }
    SCOPED_LISTS = ("origins",)
    # What the ministry took into its library: all but the notes.
    LIBRARY_FIELDS = (
        *("slug", "title_zh", "title_en", "facet", "field", "level", "problem_en", "problem_zh", "action_en"),
        *("action_zh", "conditions_en", "conditions_zh", "risks_en", "risks_zh", "cost_amount", "cost_kind"),
        *("cost_year", "origins", "industries", "measures", "province", "proposed_on", "passed_on"),
        *("confidence", "sources"),
    )

    class Meta:
        verbose_name = _("practice")
        verbose_name_plural = _("practices")
        ordering = ["pk"]
        permissions = [("review_practice", "Can take practices into the library, recommend and retire them")]
        constraints = [
            slug_constraint("practice"),
            title_constraint("practice"),
            models.CheckConstraint(
                condition=Q(cost_amount__isnull=True, cost_kind="", cost_year__isnull=True)
                | Q(cost_amount__gte=0, cost_year__isnull=False) & ~Q(cost_kind=""),
                name="practice_cost_complete",
                violation_error_message=_("A cost has its amount, kind and year. Give all three, or none."),
            ),
            *in_order(
                "practice",
                "proposed_on",
                passed_on=("proposed_on", _("Passed before it was proposed. Check both days.")),
                library_on=("passed_on", _("It enters the library after it was passed. Give both days in order.")),
                recommended_on=("library_on", _("It is recommended from the library. Give both days in order.")),
                retired_on=("proposed_on", _("Retired before it was proposed. Check both days.")),
            ),
            models.CheckConstraint(
                condition=Q(retired_on__isnull=True) | ~Q(retired_reason_en="") | ~Q(retired_reason_zh=""),
                name="practice_retired_has_reason",
                violation_error_message=_("Say why it is retired, in at least one language."),
            ),
            choices_constraint("confidence", Confidence, "practice_confidence_known"),
            choices_constraint("facet", Facet, "practice_facet_known"),
            choices_constraint("field", PracticeField, "practice_field_known"),
            choices_constraint("level", PracticeLevel, "practice_level_known"),
            choices_constraint("cost_kind", CostKind, "practice_cost_kind_known", blank=True),
        ]

    def get_absolute_url(self) -> str:
        return reverse("practice-detail", args=[self.slug])

    def restricted_now(self) -> FieldNames:
        """From the library on, what it says is the ministry's to change."""
        taken = self.pk and Practice._base_manager.filter(pk=self.pk, library_on__isnull=False).exists()
        return {REVIEW_PERMISSION: self.LIBRARY_FIELDS} if taken else {}

    @property
    def library_step(self) -> int:
        """1 in the library, 2 if recommended; 0 before that, once retired, and where days are missing."""
        if self.retired_on is not None or None in (self.passed_on, self.library_on):
            return 0
        return 1 if self.recommended_on is None else 2

    @property
    def got_worse(self) -> bool:
        """Whether a total of an origin that counts today changed the wrong way for its indicator."""
        effects: Any = self.effects.on(today())
        return bool(effects.filter(GOT_WORSE, adoption=None, measured_then=True).exists())

    def missing_reason(self, stored: Any) -> str:
        """Recommending a practice whose pilot got worse needs a remark."""
        if self.library_step < 2 or stored is None or stored.library_step == 2 or not self.got_worse:
            return ""
        return gettext("The total of its pilot got worse in the same years: say why it is recommended all the same.")

    def missing_for(self, day_field: str) -> dict[str, str]:
        """Return what it lacks to be in the library or recommended, `day_field`: a message by field to correct."""
        text = _("“%(text)s” is missing: at least %(n)d characters, in one language.")
        missing = {
            f"{name}_zh": text % {"text": label, "n": MIN_TEXT}
            for name, label in self.TEXTS.items()
            if max(len(getattr(self, f"{name}_en")), len(getattr(self, f"{name}_zh"))) < MIN_TEXT
        }
        if not self.pk or not self.effects.exists():
            missing[day_field] = str(
                _("No effect is on record: add the change of a pilot’s total, or a stated effect.")
            )
        return missing

    def clean_lists(self, lists: Mapping[str, Collection[Any]]) -> None:
        """A practice has an origin: a new one names it, and one that has any keeps one."""
        super().clean_lists(lists)
        if not lists.get("origins", True) and (self._state.adding or self.origins.exists()):
            raise ValidationError({"origins": ValidationError(_("Empty. This needs a value."), code="required")})

    def clean(self) -> None:
        """Reject a step into the library, or to recommended, and changes there that leave out what others need.

        What was missing there already is reported by data quality. A deleted practice may be restored as it was.
        """
        super().clean()
        step = self.library_step
        stored = Practice._base_manager.filter(pk=self.pk).first() if step and self.pk else Practice()
        if not step or stored is None:
            return
        day_field = ("library_on", "recommended_on")[step - 1]
        missing_before = stored.missing_for(day_field) if stored.library_step >= step else {}
        missing = {name: text for name, text in self.missing_for(day_field).items() if name not in missing_before}
        if missing:
            raise ValidationError({name: ValidationError(text, code="missing") for name, text in missing.items()})


# -- copies, and effects of practices and of copies -----------------------------------------------------


class AdoptionQuerySet(StateQuerySet):
    def on(self, day: date) -> Self:
        """Return the copies planned by a day, with their state and `trust_then`, the highest level reached.

        `verified_then` is the day from which one of its effects verified it: by the values of a year before it was in
        use and of that year or a later one, which did not get worse. Nothing verifies a copy that nobody confirmed.
        """
        effects: Any = self.model._meta.get_field("effects").related_model
        years = {"reading_before__period__lt": OuterRef("year"), "reading_after__period__gte": OuterRef("year")}
        yearly = ~Q(reading_before__period__contains="-") & ~Q(reading_after__period__contains="-")
        measured = effects.objects.on(day).filter(yearly, ~GOT_WORSE, adoption=OuterRef("pk"), measured_then=True)
        first = Subquery(measured.filter(**years).order_by("counts_on").values("counts_on")[:1])
        rows = self.with_state(day, "planned_on").annotate(confirmed_then=known_day("confirmed_on", day))
        rows = rows.alias(year=Cast(ExtractYear("in_use_then"), CharField()), effect_on=first)
        verified = When(
            confirmed_then__isnull=False,
            effect_on__isnull=False,
            then=Greatest("effect_on", "confirmed_then", "in_use_then"),
        )
        rows = rows.annotate(verified_then=Case(verified))
        trust = Case(
            When(verified_then__isnull=False, then=Value(Trust.VERIFIED.value)),
            When(confirmed_then__isnull=False, then=Value(Trust.CONFIRMED.value)),
            default=Value(Trust.CLAIMED.value),
        )
        return rows.annotate(trust_then=trust)


LOWER, BEFORE = Q(reading_after__indicator__direction=Direction.LOWER), F("reading_before__value")
GOT_WORSE = LOWER & Q(reading_after__value__gt=BEFORE) | ~LOWER & Q(reading_after__value__lt=BEFORE)
"""Condition on a measured effect that the total changed the wrong way for its indicator."""


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
    started_on = models.DateField(
        _("under way since"), null=True, blank=True, validators=[check_not_ahead], help_text=_("The day work began.")
    )
    in_use_on = models.DateField(
        _("in use since"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("The day from which it is in use."),
    )
    given_up_on = models.DateField(
        _("given up on"), null=True, blank=True, validators=[check_not_ahead], help_text=_("The day it was given up.")
    )
    give_up_reason = models.CharField(
        _("reason for giving up"),
        max_length=10,
        choices=GiveUpReason.choices,
        blank=True,
        help_text=_("Required with the day: what failed there helps the next."),
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
            models.CheckConstraint(
                condition=Q(pilot__isnull=True) | Q(place=""),
                name="adoption_pilot_or_place",
                violation_error_message=_("Name a pilot or another place, not both."),
            ),
            *in_order(
                "adoption",
                "planned_on",
                started_on=("planned_on", _("Begun before it was planned. Check both days.")),
                in_use_on=("started_on", _("In use after work began. Give both days in order.")),
                given_up_on=("planned_on", _("Given up before it was planned. Check both days.")),
            ),
            models.CheckConstraint(
                condition=Q(given_up_on__isnull=True, give_up_reason="")
                | Q(given_up_on__isnull=False) & ~Q(give_up_reason=""),
                name="adoption_given_up_has_reason",
                violation_error_message=_("Given up: give the day and the reason together."),
            ),
            models.UniqueConstraint(
                fields=["practice", "pilot"],
                condition=Q(pilot__isnull=False),
                name="adoption_pilot_once",
                violation_error_message=_("This pilot’s copy of the practice is on record already."),
            ),
            models.UniqueConstraint(
                fields=["practice", "province", "place"],
                condition=Q(pilot__isnull=True) & ~Q(place=""),
                name="adoption_place_once",
                violation_error_message=_("This place’s copy of the practice is on record already."),
            ),
            models.UniqueConstraint(
                fields=["practice", "province"],
                condition=Q(pilot__isnull=True, place=""),
                name="adoption_province_once",
                violation_error_message=_("This province’s copy of the practice is on record already."),
            ),
            choices_constraint("confidence", Confidence, "adoption_confidence_known"),
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

    def change_remark(self, stored: Any) -> str:
        """Return that the confirmation ended, where what it attests has changed."""
        if stored is None or stored.confirmed_on is None:
            return ""
        if all(getattr(stored, name) == getattr(self, name) for name in self.CONFIRMED_FIELDS):
            return ""
        text = _("This change ended the confirmation of %(day)s.")
        return text % {"day": format_date(stored.confirmed_on)}

    def clean(self) -> None:
        """Reject the copy of a pilot’s own practice; end the confirmation where what it attests has changed."""
        super().clean()
        if self.pilot_id and self.practice_id and self.pilot in self.practice.origins.all():
            raise ValidationError({"pilot": _("It comes from this pilot: an origin does not copy its own practice.")})
        if self.pk and self.change_remark(Adoption._base_manager.filter(pk=self.pk).first()):
            self.confirmed_on = self.confirmed_by = None


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
    basis = models.CharField(
        _("basis"),
        max_length=9,
        choices=EffectBasis.choices,
        default=EffectBasis.TOTAL,
        help_text=_("A total, or a value per unit of output."),
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
    stated_value = models.DecimalField(
        _("stated value"),
        max_digits=20,
        decimal_places=6,
        null=True,
        blank=True,
        help_text=_("Stated: the main number, if there is one, for example 5000."),
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
            models.CheckConstraint(
                condition=Q(
                    reading_before__isnull=False,
                    reading_after__isnull=False,
                    statement_en="",
                    statement_zh="",
                    stated_value__isnull=True,
                )
                | Q(reading_before__isnull=True, reading_after__isnull=True)
                & (~Q(statement_en="") | ~Q(statement_zh="")),
                name="effect_measured_or_stated",
                violation_error_message=_(
                    "Give two readings of the pilot, or the result in words with its source (stated), not both."
                ),
            ),
            models.CheckConstraint(
                condition=Q(stated_value__isnull=True) | ~Q(stated_unit=""),
                name="effect_value_has_unit",
                violation_error_message=_("A value needs its unit."),
            ),
            choices_constraint("confidence", Confidence, "effect_confidence_known"),
            choices_constraint("basis", EffectBasis, "effect_basis_known"),
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
