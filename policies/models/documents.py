"""What is to be rolled out, and how far each province has taken it up."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from config.bilingual import reads_chinese
from config.paths import path_of
from config.reads import reads
from policies.metrics import lag_origin
from policies.models.base import (
    Confidence,
    Dated,
    Level,
    Named,
    Recorded,
    Rules,
    Slugged,
    Sourced,
    Titled,
    check_not_ahead,
    check_text,
    date_checks,
    fact_checks,
    one_of,
)
from policies.models.places import Agency, Industry, Province
from policies.querysets import PlanQuerySet, PolicyQuerySet

ONE_LEAD = "policy_one_lead"
ANOTHER_LEAD = gettext_noop("Another policy was set as the lead policy")
SHORT_EN, SHORT_ZH = 40, 20  # letters, Chinese characters: what a chart's title bears of a policy without a short name


class PolicyKind(models.TextChoices):
    DOCUMENT = "document", _("document")
    EVENT = "event", _("event")


class Policy(Slugged, Titled, Dated, Sourced):
    """A national or provincial document, or an event that set the course."""

    short_name_zh = models.CharField(
        _("short name in Chinese"),
        max_length=60,
        blank=True,
        validators=[check_text],
        help_text=_(
            "As titles and key figures print it, for example 协同增效方案（2022）. Left empty: the title, cut."
        ),
    )
    short_name_en = models.CharField(
        _("short name in English"),
        max_length=60,
        blank=True,
        validators=[check_text],
        help_text=_("As titles and key figures print it, for example Synergy plan 2022. Left empty: the title, cut."),
    )
    kind = models.CharField(
        _("kind"),
        max_length=10,
        choices=PolicyKind.choices,
        default=PolicyKind.DOCUMENT,
        help_text=_("document: a text with an issuer; event: a decision or meeting that set the course."),
    )
    doc_number = models.CharField(
        _("document number"),
        max_length=60,
        blank=True,
        validators=[check_text],
        help_text=_("As printed, for example 环综合〔2022〕42号. Empty when not known."),
    )
    level = models.CharField(
        _("level"),
        max_length=10,
        choices=Level.choices,
        default=Level.NATIONAL,
        help_text=_("Who issued it. A provincial policy names its province below."),
    )
    province = models.ForeignKey(
        Province,
        verbose_name=_("province"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="policies",
        help_text=_("Only for a provincial policy."),
    )
    parent = models.ForeignKey(
        "self",
        verbose_name=_("implements"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="children",
        help_text=_("The policy that this one carries out."),
    )
    agencies = models.ManyToManyField(
        Agency,
        verbose_name=_("issued by"),
        blank=True,
        related_name="policies",
        help_text=_("All bodies that issued it together."),
    )
    calls_for_provincial_plan = models.BooleanField(
        _("calls for provincial plans"),
        default=False,
        help_text=_("Whether every province is to issue a plan of its own: then the rollout is tracked."),
    )
    is_lead = models.BooleanField(
        _("lead policy"),
        default=False,
        help_text=_(
            "The one policy whose provincial plans the overview, the list of provinces and the data page count. "
            "Set here, it is taken away from the policy that had it."
        ),
    )

    objects = PolicyQuerySet.as_manager()
    _history_m2m_fields = ["agencies", "sources"]
    MENDED_AT: ClassVar[Rules] = {
        **Dated.MENDED_AT,
        "level_goes_with_province": ("province",),
        "not_its_own_parent": ("parent",),
        "has_title": ("title_zh",),
        "has_a_day": ("issued_on",),
        "lead_calls_for_plans": ("is_lead",),
        "one_lead": ("is_lead",),
    }

    PROVINCE = "province_id"

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        ordering = ["known_issued_by", "pk"]
        constraints = [
            *fact_checks("policy"),
            one_of("kind", PolicyKind, "policy_kind_known"),
            *date_checks("policy"),
            models.UniqueConstraint(
                fields=["doc_number"],
                condition=~Q(doc_number=""),
                name="policy_doc_number_unique",
                violation_error_message=_("Another policy has this document number."),
            ),
            models.CheckConstraint(
                condition=Q(level=Level.NATIONAL, province__isnull=True)
                | Q(level=Level.PROVINCIAL, province__isnull=False),
                name="policy_level_goes_with_province",
                violation_error_message=_("A provincial policy names its province, a national one names none."),
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | ~Q(parent=F("id")),
                name="policy_not_its_own_parent",
                violation_error_message=_("A policy cannot implement itself."),
            ),
            models.CheckConstraint(
                condition=~Q(title_zh="") | ~Q(title_en=""),
                name="policy_has_title",
                violation_error_message=_("Give the title in at least one language."),
            ),
            models.CheckConstraint(
                condition=Q(known_issued_by__isnull=False),
                name="policy_has_a_day",
                violation_error_message=_(
                    "Give the day of issue (or its month or year), the day of publication, "
                    "or the day by which it is known to exist."
                ),
            ),
            models.CheckConstraint(
                condition=Q(is_lead=False) | Q(calls_for_provincial_plan=True, level=Level.NATIONAL),
                name="policy_lead_calls_for_plans",
                violation_error_message=_("Only a national policy that calls for provincial plans can be the lead."),
            ),
            models.UniqueConstraint(
                fields=["is_lead"],
                condition=Q(is_lead=True),
                name=ONE_LEAD,
                violation_error_message=_("Another policy is the lead policy. Take the mark away there first."),
            ),
        ]

    @reads("slug")
    def get_absolute_url(self) -> str:
        return path_of("policy-detail", self.slug)

    @property
    @reads("short_name_en", "short_name_zh", "name")
    def short(self) -> str:
        """The name for titles and figures in the reader's language: the short name, else the title, cut."""
        chinese = reads_chinese()
        given = self.short_name_zh if chinese else self.short_name_en
        return given or Truncator(self.name).chars(SHORT_ZH if chinese else SHORT_EN)

    @property
    def lag_from(self) -> date | None:
        """The day from which the lags of its provincial plans count; None where it is not known."""
        return lag_origin(self.issued_on, self.issued_precision, self.published_on)

    @property
    def short_lang(self) -> str:
        """The language tag of `short` when it is not the reader's language, else empty."""
        given = self.short_name_zh if reads_chinese() else self.short_name_en
        return "" if given else self.name_lang

    def get_constraints(self) -> list[tuple[type[models.Model], Sequence[models.BaseConstraint]]]:
        """The constraints to validate before saving: not that of the one lead, which `save` brings about itself."""
        return [
            (model, [constraint for constraint in constraints if constraint.name != ONE_LEAD])
            for model, constraints in super().get_constraints()
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save it; a policy that becomes the lead takes the place of the one before, in the same transaction."""
        with transaction.atomic():
            if self.is_lead:
                others = type(self).objects.select_for_update(no_key=True).filter(is_lead=True)
                for other in others.exclude(pk=self.pk):
                    other.is_lead = False
                    other._change_reason = ANOTHER_LEAD  # type: ignore[attr-defined]  # read by simple_history
                    other.save()
            super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        if self.parent_id and connection.in_atomic_block:
            self.hold_tree(self.parent_id)
        seen: list[Policy] = [self]
        above = self.parent
        while above is not None:
            if above in seen:  # records that are not saved yet are the same only where they are one object
                raise ValidationError({"parent": _("This would make the policy implement itself in a circle.")})
            seen.append(above)
            above = above.parent

    def hold_tree(self, parent: int) -> None:
        """Nobody else moves a policy until the transaction ends: two moves that each are right may make a circle."""
        type(self).objects.select_for_update(no_key=True).order_by("pk").first()
        self.parent = type(self).objects.filter(pk=parent).first() or self.parent  # gone: the database says so


class PlanStatus(models.TextChoices):
    """What is known of a province's own plan. “Not found” and “not issued” are different claims."""

    ISSUED = "issued", pgettext_lazy("plan", "issued")
    DRAFTING = "drafting", _("drafting")
    NOT_FOUND = "not_found", _("not found")
    NOT_REQUIRED = "not_required", _("not required")
    UNKNOWN = "unknown", _("unknown")


class ProvincialPlan(Recorded, Titled, Dated, Sourced):
    """A province's own plan for a policy, or what is known of its absence."""

    policy = models.ForeignKey(
        Policy,
        verbose_name=_("policy"),
        on_delete=models.PROTECT,
        related_name="plans",
        help_text=_("The national policy that the plan carries out."),
    )
    province = models.ForeignKey(
        Province,
        verbose_name=_("province"),
        on_delete=models.PROTECT,
        related_name="plans",
        help_text=_("The province whose plan this is: one record for each province and policy."),
    )
    status = models.CharField(
        _("status"),
        max_length=12,
        choices=PlanStatus.choices,
        default=PlanStatus.UNKNOWN,
        help_text=_("“not found” says that somebody searched; “unknown” that nobody has looked yet."),
    )
    doc_number = models.CharField(
        _("document number"),
        max_length=60,
        blank=True,
        validators=[check_text],
        help_text=_("As printed, for example 鄂环发〔2022〕33号. Empty when not known."),
    )
    issuing_bodies_count = models.PositiveSmallIntegerField(
        _("issuing bodies"), null=True, blank=True, help_text=_("How many departments issued it together.")
    )
    searched_on = models.DateField(
        _("searched on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("Day of the search, or of the check that it is being drafted or not required."),
    )
    searched_where = models.CharField(
        _("searched where"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("For example: website of the provincial department, its policy library."),
    )

    objects = PlanQuerySet.as_manager()
    _history_m2m_fields = ["sources"]
    MENDED_AT: ClassVar[Rules] = {
        **Dated.MENDED_AT,
        "one_per_policy_and_province": ("province",),
        "issued_has_a_day": ("known_issued_by",),
        "day_needs_issued": ("status",),
        "not_found_says_where": ("searched_on", "searched_where"),
    }

    PROVINCE = "province_id"

    class Meta:
        verbose_name = _("provincial plan")
        verbose_name_plural = _("provincial plans")
        ordering = ["policy", "province"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "province"],
                name="plan_one_per_policy_and_province",
                violation_error_message=_("This province already has a record for this policy: change that one."),
            ),
            one_of("status", PlanStatus, "plan_status_known"),
            one_of("confidence", Confidence, "plan_confidence_known"),
            *date_checks("plan"),
            models.CheckConstraint(
                condition=~Q(status=PlanStatus.ISSUED) | Q(known_issued_by__isnull=False),
                name="plan_issued_has_a_day",
                violation_error_message=_(
                    "Issued: give the day (or month or year) of issue, or the day by which it is known to exist."
                ),
            ),
            models.CheckConstraint(
                condition=Q(status=PlanStatus.ISSUED) | Q(issued_on__isnull=True, known_issued_by__isnull=True),
                name="plan_day_needs_issued",
                violation_error_message=_("Only an issued plan has a day of issue. Set the status to issued."),
            ),
            models.CheckConstraint(
                condition=~Q(status=PlanStatus.NOT_FOUND) | (Q(searched_on__isnull=False) & ~Q(searched_where="")),
                name="plan_not_found_says_where",
                violation_error_message=_("Not found: say on which day and where it was searched."),
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.province.short} · {self.policy.name}"

    def complete_dates(self) -> None:
        """As for any document, but a plan that is not issued has no day by which it is known."""
        if self.status == PlanStatus.ISSUED:
            super().complete_dates()

    def clean(self) -> None:
        super().clean()
        if self.province_id and not self.province.in_roster:
            raise ValidationError({"province": _("This unit is outside the programme’s roster.")})


class Field(models.TextChoices):
    """The fields of action of the national plan."""

    ENERGY = "energy", _("energy")
    INDUSTRY = "industry", pgettext_lazy("field of action", "industry")
    TRANSPORT = "transport", _("transport")
    BUILDINGS = "buildings", _("buildings")
    AGRICULTURE = "agriculture", _("agriculture")
    ECOLOGY = "ecology", _("ecology")


class Measure(Slugged, Titled, Sourced):
    """A course of action that a policy prescribes, in a field and for certain industries."""

    field = models.CharField(
        _("field"), max_length=12, choices=Field.choices, help_text=_("The policy’s chapter under which it falls.")
    )
    industries = models.ManyToManyField(
        Industry,
        verbose_name=_("industries"),
        blank=True,
        related_name="measures",
        help_text=_("The industries that it names. Empty when it is meant for all."),
    )
    policies = models.ManyToManyField(
        Policy,
        verbose_name=_("policies"),
        blank=True,
        related_name="measures",
        help_text=_("The policies that prescribe it."),
    )

    _history_m2m_fields = ["industries", "policies", "sources"]
    MENDED_AT: ClassVar[Rules] = {"has_title": ("title_zh",)}

    class Meta:
        verbose_name = _("measure")
        verbose_name_plural = _("measures")
        ordering = ["field", "pk"]
        constraints = [
            *fact_checks("measure"),
            one_of("field", Field, "measure_field_known"),
            models.CheckConstraint(
                condition=~Q(title_zh="") | ~Q(title_en=""),
                name="measure_has_title",
                violation_error_message=_("Give the title in at least one language."),
            ),
        ]


class FigureKind(models.TextChoices):
    OUTCOME = "outcome", _("outcome")
    COUNT = "count", _("count")
    TARGET = "target", _("target")
    CONTEXT = "context", _("context")


class FigureState(models.TextChoices):
    """Whether somebody has held the figure against the issuer's own text."""

    UNVERIFIED = "unverified", _("unverified")
    VERIFIED = "verified", _("verified")
    DISPUTED = "disputed", _("disputed")


class Unit(models.TextChoices):
    PERCENT = "%", "%"
    COUNT = "count", _("count")
    MICROGRAM = "ug/m3", "μg/m³"
    MEGATONNE = "million t", _("million t")
    TEN_KILOTONNES = "10k t", _("10⁴ t")
    TONNE = "t", _("t")
    TONNE_A_YEAR = "t/yr", _("t a year")


PERIOD_PATTERN = r"^([0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?)?$"
PERIOD_RULE = _("Write a period as 2013, 2013-06 or 2013-06-30.")


def is_period(text: str) -> bool:
    """Whether there is such a year, month or day; what is not written as one is another rule’s to refuse."""
    if not text or not re.fullmatch(PERIOD_PATTERN, text):
        return True
    try:
        date.fromisoformat(f"{text}-01-01"[:10])
    except ValueError:
        return False
    return True


class Figure(Slugged, Named, Sourced):
    """A published national or provincial figure, with what the source printed where that differs."""

    value = models.DecimalField(
        _("value"),
        max_digits=16,
        decimal_places=4,
        help_text=_("The number alone, for example 34.4."),
    )
    unit = models.CharField(
        _("unit"), max_length=12, choices=Unit.choices, help_text=_("The unit in which the value is given.")
    )
    as_printed = models.CharField(
        _("as printed"),
        max_length=200,
        blank=True,
        validators=[check_text],
        help_text=_("What a source prints, where that differs from the value, for example “344%”."),
    )
    period_from = models.CharField(
        _("period from"), max_length=10, blank=True, help_text=_("Year, month or day: 2013, 2013-06 or 2013-06-30.")
    )
    period_to = models.CharField(
        _("period to"), max_length=10, blank=True, help_text=_("Year, month or day: 2022, 2022-12 or 2022-12-31.")
    )
    kind = models.CharField(
        _("kind"),
        max_length=10,
        choices=FigureKind.choices,
        help_text=_(
            "outcome: what was reached; count: how many; target: what is to be reached; context: what else to know."
        ),
    )
    province = models.ForeignKey(
        Province,
        verbose_name=_("province"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="figures",
        help_text=_("Empty for a national figure."),
    )
    state = models.CharField(
        _("state"),
        max_length=10,
        choices=FigureState.choices,
        default=FigureState.UNVERIFIED,
        help_text=_("verified: held against the issuer’s own text; disputed: sources disagree."),
    )

    _history_m2m_fields = ["sources"]

    PROVINCE = "province_id"

    class Meta:
        verbose_name = _("figure")
        verbose_name_plural = _("figures")
        ordering = ["kind", "pk"]
        constraints = [
            *fact_checks("figure"),
            one_of("kind", FigureKind, "figure_kind_known"),
            one_of("state", FigureState, "figure_state_known"),
            one_of("unit", Unit, "figure_unit_known"),
            *[
                models.CheckConstraint(
                    condition=Q(**{f"{name}__regex": PERIOD_PATTERN}),
                    name=f"figure_{name}_iso",
                    violation_error_message=PERIOD_RULE,
                )
                for name in ("period_from", "period_to")
            ],
        ]

    def clean(self) -> None:
        super().clean()
        for name in ("period_from", "period_to"):
            if not is_period(getattr(self, name)):
                raise ValidationError({name: PERIOD_RULE})

    @property
    @reads("period_from", "period_to")
    def period(self) -> str:
        """The period in ISO form: 2013–2022, 2022, or empty when the source names none."""
        ends = [end for end in (self.period_from, self.period_to) if end]
        return "–".join(dict.fromkeys(ends))
