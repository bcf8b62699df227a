"""Model of practices: what a pilot did that others can copy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import (
    Case,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.http import today
from core.records.models import (
    BilingualTitleModel,
    FieldNames,
    SlugModel,
    check_constraint,
    check_not_ahead,
    choice_field,
    day_field,
    link_field,
    list_field,
    slug_constraint,
    text_field,
    title_constraint,
)
from core.text import TranslatedText, check_text
from pilots.metrics import LIBRARY_STATES, Direction, PracticeState
from pilots.models.pilot import Pilot
from pilots.models.planned import Facet
from policies.models import Industry, Measure, Province, SourcedModel

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


SAME_IN_CHINESE = _("The same in Chinese. Where one is empty, readers of its language see the other.")


def long_text(label: Any, help_text: Any = SAME_IN_CHINESE) -> Any:
    """Return an optional text of 20 to 5,000 characters."""
    validators: list[Any] = [check_text, MinLengthValidator(MIN_TEXT)]
    return models.TextField(label, blank=True, max_length=5000, validators=validators, help_text=help_text)


def short_text(label: Any, help_text: Any = SAME_IN_CHINESE, max_length: int = 1000) -> Any:
    """Return an optional text of one line."""
    return text_field(label, max_length, help_text, blank=True)


def begun_on(label: Any, help_text: Any) -> Any:
    """Return the field of the day from which a record counts, today by default."""
    return models.DateField(label, default=today, validators=[check_not_ahead], help_text=help_text)


def in_order(model: str, begun_on: str, **rules: tuple[str, Any]) -> list[models.CheckConstraint]:
    """Return the constraints that a day, if there is one, is not before the one that its rule names.

    That one is on record then; every record has `begun_on`. With it, a rule has what a user reads who broke it.
    """
    found = []
    for later, (first, text) in rules.items():
        needed = {} if first == begun_on else {f"{first}__isnull": False}
        condition = Q(**{f"{later}__isnull": True}) | Q(**{f"{later}__gte": F(first)}, **needed)
        found.append(check_constraint(f"{model}_{later.removesuffix('_on')}_in_order", condition, text))
    return found


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

    facet = choice_field(
        _("facet"),
        Facet,
        _("What kind of thing it is: a goal, a path, management, a technology or a project."),
        max_length=12,
        default=Facet.TECHNOLOGY,
    )
    field = choice_field(_("field"), PracticeField, _("The field of action it falls under."), max_length=12)
    level = choice_field(
        _("level"),
        PracticeLevel,
        _("Where it can be copied: in an enterprise, a park, a city or a province."),
        max_length=10,
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
    cost_kind = choice_field(
        _("kind of cost"), CostKind, _("Investment once, or a cost each year."), max_length=10, blank=True
    )
    cost_year = models.PositiveSmallIntegerField(
        _("year of the cost"), null=True, blank=True, help_text=_("The year whose prices it is in, for example 2025.")
    )
    origins = list_field(Pilot, _("origins"), _("The pilots where it was done first."), "practices", blank=False)
    industries = list_field(
        Industry, _("industries"), _("Industries it is for. Empty when it is for all."), "practices"
    )
    measures = list_field(Measure, _("measures"), _("Measures of the policies that it carries out."), "practices")
    province = link_field(
        Province,
        _("province"),
        "practices",
        _("The province that proposed it, whose editors keep it. Empty: the ministry."),
        optional=True,
    )
    proposed_on = begun_on(_("proposed on"), _("The day it was proposed."))
    passed_on = day_field(_("passed on"), _("The day the province passed it."))
    library_on = day_field(_("in the library since"), _("The day the ministry took it into the library."))
    recommended_on = day_field(_("recommended on"), _("The day the ministry recommended it for copying."))
    retired_on = day_field(_("retired on"), _("From this day on it is no longer offered."))
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
    # What the ministry took into its library: all but sources, confidence and notes.
    LIBRARY_FIELDS = (
        *("slug", "title_zh", "title_en", "facet", "field", "level", "problem_en", "problem_zh", "action_en"),
        *("action_zh", "conditions_en", "conditions_zh", "risks_en", "risks_zh", "cost_amount", "cost_kind"),
        *("cost_year", "origins", "industries", "measures", "province", "proposed_on", "passed_on"),
    )

    class Meta:
        verbose_name = _("practice")
        verbose_name_plural = _("practices")
        ordering = ["pk"]
        permissions = [("review_practice", "Can take practices into the library, recommend and retire them")]
        constraints = [
            slug_constraint("practice"),
            title_constraint("practice"),
            check_constraint(
                "practice_cost_complete",
                Q(cost_amount__isnull=True, cost_kind="", cost_year__isnull=True)
                | Q(cost_amount__gte=0, cost_year__isnull=False) & ~Q(cost_kind=""),
                _("A cost has its amount, kind and year. Give all three, or none."),
            ),
            *in_order(
                "practice",
                "proposed_on",
                passed_on=("proposed_on", _("Passed before it was proposed. Check both days.")),
                library_on=("passed_on", _("It enters the library after it was passed. Give both days in order.")),
                recommended_on=("library_on", _("It is recommended from the library. Give both days in order.")),
                retired_on=("proposed_on", _("Retired before it was proposed. Check both days.")),
            ),
            check_constraint(
                "practice_retired_has_reason",
                Q(retired_on__isnull=True) | ~Q(retired_reason_en="") | ~Q(retired_reason_zh=""),
                _("Say why it is retired, in at least one language."),
            ),
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
        lower, before = Q(reading_after__indicator__direction=Direction.LOWER), F("reading_before__value")
        rose, fell = Q(reading_after__value__gt=before), Q(reading_after__value__lt=before)
        return bool(effects.filter(lower & rose | ~lower & fell, adoption=None, measured_then=True).exists())

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
        known = stored.missing_for(day_field) if stored.library_step >= step else {}
        missing = {name: text for name, text in self.missing_for(day_field).items() if name not in known}
        if missing:
            raise ValidationError({name: ValidationError(text, code="missing") for name, text in missing.items()})
