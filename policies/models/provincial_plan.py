"""Model of provincial plans: a province's own plan for a policy."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.records.bilingual_models import BilingualTitleModel
from core.records.constraints import choices_constraint
from core.records.history_model import FieldNames, HistoryModel
from core.records.validators import check_not_ahead
from core.text.bilingual import check_text
from core.text.formatting import StatusChoices
from policies.models.dated import PartialDateModel, date_constraints
from policies.models.policy import Policy
from policies.models.province import Province
from policies.models.sourced import Confidence, SourcedModel
from policies.querysets import PlanQuerySet


class PlanStatus(StatusChoices):
    """Status of a province's own plan. “Not found” and “not issued” are different claims."""

    ISSUED = "issued", "green", pgettext_lazy("plan", "issued")
    DRAFTING = "drafting", "yellow", _("drafting")
    NOT_FOUND = "not_found", "grey", _("not found")
    NOT_REQUIRED = "not_required", "blue", _("not required")
    UNKNOWN = "unknown", "grey", _("unknown")


class ProvincialPlan(HistoryModel, BilingualTitleModel, PartialDateModel, SourcedModel):
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
        help_text=_("“not found” says that a search found none; “unknown” that no search was made yet."),
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

    objects = models.Manager.from_queryset(PlanQuerySet)()
    _history_m2m_fields = ["sources"]
    CODE_FIELDS = ("doc_number",)
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        **PartialDateModel.CONSTRAINT_FIELDS,
        "one_per_policy_and_province": ("province",),
        "issued_has_a_day": ("known_issued_by",),
        "day_needs_issued": ("status",),
        "not_found_says_where": ("searched_on", "searched_where"),
    }

    PROVINCE_PATH = "province_id"
    OWNER = "policy"

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
            choices_constraint("status", PlanStatus, "plan_status_known"),
            choices_constraint("confidence", Confidence, "plan_confidence_known"),
            *date_constraints("plan"),
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
        """Fill in derived dates; a plan that is not issued has no date by which it is known."""
        if self.status == PlanStatus.ISSUED:
            super().complete_dates()

    def clean(self) -> None:
        super().clean()
        if self.province_id and not self.province.in_roster:
            raise ValidationError({"province": _("This unit is outside the programme’s roster.")})
