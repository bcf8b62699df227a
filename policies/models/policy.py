"""Models of policies, of the agencies that issue them, and of the provinces' own plans for them."""

from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from core.records.models import (
    BilingualNameModel,
    BilingualTitleModel,
    FieldNames,
    HistoryModel,
    SlugModel,
    check_constraint,
    choice_field,
    choices_constraint,
    day_field,
    flag_field,
    link_field,
    list_field,
    note_en_field,
    note_zh_field,
    slug_constraint,
    text_field,
    title_constraint,
    unique_constraint,
)
from core.text import Precision, StatusChoices, TranslatedText, is_chinese_active
from policies.models.province import Province
from policies.models.sourced import (
    Confidence,
    Level,
    PartialDateModel,
    SourcedModel,
    date_constraints,
)

LEAD_CONSTRAINT = "policy_one_lead"
LEAD_CHANGED_REASON = gettext_noop("Another policy was set as the lead policy")
MAX_SHORT_EN, MAX_SHORT_ZH = 40, 20  # letters, Chinese characters of a title without a short name


def issued_by(as_of: date, plans: str = "") -> Q:
    """Condition: the provincial plan (`plans` leads to it) is recorded as issued and known to exist by the date."""
    return Q(**{f"{plans}status": "issued", f"{plans}known_issued_by__lte": as_of})


class PolicyQuerySet(QuerySet[Any]):
    def known(self, as_of: date) -> Self:
        """Return the policies known to exist on the as-of date, on whatever day they were entered."""
        return self.filter(known_issued_by__lte=as_of)

    def calling_for_plans(self) -> Self:
        """Return national policies that call for a plan from every province: those whose plans pages can count."""
        return self.filter(calls_for_provincial_plan=True, level="national")

    def rolled_out(self) -> Self:
        """Return policies whose rollout is tracked: they call for plans, or one is recorded as issued."""
        return self.filter(Q(calls_for_provincial_plan=True) | Q(plans__status="issued")).distinct()

    def with_issued_plans(self, as_of: date) -> Self:
        """Annotate `issued_plans`: the number of plans of the roster that count as issued on the as-of date."""
        issued = issued_by(as_of, "plans__") & Q(plans__province__in_roster=True)
        return self.annotate(issued_plans=Count("plans", filter=issued, distinct=True))


class PlanQuerySet(QuerySet[Any]):
    def with_status(self, as_of: date) -> Self:
        """Annotate `status_then`, the status on the date: what was issued or looked up later was not known yet."""
        status = Case(
            When(issued_by(as_of), then=Value("issued")),
            When(status="issued", then=Value("unknown")),
            When(searched_on__gt=as_of, then=Value("unknown")),
            default=F("status"),
            output_field=CharField(),
        )
        return self.annotate(status_then=status)

    def issued(self, as_of: date) -> Self:
        """Return the plans that count as issued on the as-of date."""
        return self.filter(issued_by(as_of))

    def dated(self) -> Self:
        """Return the plans whose date of issue is known to the day."""
        return self.filter(issued_precision="day")


class Agency(SlugModel, BilingualNameModel):
    """A body that issues policies; a policy may have several."""

    note_en = note_en_field(
        _("What a reader should know of it, for example an earlier name and the year of the change.")
    )
    note_zh = note_zh_field()
    note = TranslatedText("note")

    class Meta:
        verbose_name = _("agency")
        verbose_name_plural = _("agencies")
        ordering = ["pk"]
        constraints = [
            slug_constraint("agency"),
            unique_constraint("agency_name_unique", ["name_zh"]),
        ]


class PolicyKind(models.TextChoices):
    DOCUMENT = "document", _("document")
    EVENT = "event", _("event")


class Policy(SlugModel, BilingualTitleModel, PartialDateModel, SourcedModel):
    """A national or provincial document, or an event that set the course."""

    short_name_zh = text_field(
        _("short name in Chinese"),
        60,
        _("As titles and key figures print it, for example 协同增效方案（2022）. Left empty: the title, cut."),
        blank=True,
    )
    short_name_en = text_field(
        _("short name in English"),
        60,
        _("As titles and key figures print it, for example Synergy plan 2022. Left empty: the title, cut."),
        blank=True,
    )
    kind = choice_field(
        _("kind"),
        PolicyKind,
        _("document: a text with an issuer; event: a decision or meeting that set the course."),
        max_length=10,
        default=PolicyKind.DOCUMENT,
    )
    doc_number = text_field(
        _("document number"), 60, _("As printed, for example 环综合〔2022〕42号. Empty when not known."), blank=True
    )
    level = choice_field(
        _("level"),
        Level,
        _("Who issued it. A provincial policy names its province below."),
        max_length=10,
        default=Level.NATIONAL,
    )
    province = link_field(Province, _("province"), "policies", _("Only for a provincial policy."), optional=True)
    parent = link_field("self", _("implements"), "children", _("The policy that this one carries out."), optional=True)
    agencies = list_field(Agency, _("issued by"), _("All bodies that issued it together."), "policies")
    calls_for_provincial_plan = flag_field(
        _("calls for provincial plans"),
        _("Whether every province is to issue a plan of its own: then the rollout is tracked."),
    )
    is_lead = flag_field(
        _("lead policy"),
        _(
            "The one policy whose provincial plans the overview, the list of provinces and the data page count. "
            "Set here, it is taken away from the policy that had it."
        ),
    )

    objects = models.Manager.from_queryset(PolicyQuerySet)()
    LOOKUP_NAMES = ("short_name_zh", "short_name_en", "title_zh", "title_en", "doc_number")
    EXPORT_NAMES = ("short", "name")
    CHOICES_HELD = ("issued_precision", "level")
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"has_a_day": ("issued_on",)}

    PROVINCE_PATH = "province_id"

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        ordering = ["known_issued_by", "pk"]
        constraints = [
            slug_constraint("policy"),
            *date_constraints("policy"),
            title_constraint("policy"),
            unique_constraint(
                "policy_doc_number_unique",
                ["doc_number"],
                _("Another policy has this document number."),
                ~Q(doc_number=""),
            ),
            check_constraint(
                "policy_level_goes_with_province",
                Q(level=Level.NATIONAL, province__isnull=True) | Q(level=Level.PROVINCIAL, province__isnull=False),
                _("A provincial policy names its province, a national one names none."),
            ),
            check_constraint(
                "policy_not_its_own_parent",
                Q(parent__isnull=True) | ~Q(parent=F("id")),
                _("A policy cannot implement itself."),
            ),
            check_constraint(
                "policy_has_a_day",
                Q(known_issued_by__isnull=False),
                _(
                    "Give the day of issue (or its month or year), the day of publication, "
                    "or the day by which it is known to exist."
                ),
            ),
            check_constraint(
                "policy_lead_calls_for_plans",
                Q(is_lead=False) | Q(calls_for_provincial_plan=True, level=Level.NATIONAL),
                _("Only a national policy that calls for provincial plans can be the lead."),
            ),
            unique_constraint(
                LEAD_CONSTRAINT,
                ["is_lead"],
                _("Another policy is the lead policy. Take the mark away there first."),
                Q(is_lead=True),
            ),
        ]

    def get_absolute_url(self) -> str:
        return reverse("policy-detail", args=[self.slug])

    @property
    def short(self) -> str:
        """The name for titles and figures in the current language: the short name, else the title, truncated."""
        chinese = is_chinese_active()
        given = self.short_name_zh if chinese else self.short_name_en
        return given or Truncator(self.name).chars(MAX_SHORT_ZH if chinese else MAX_SHORT_EN)

    @property
    def lag_from(self) -> date | None:
        """The day from which lags of its plans count: that of issue, if known to the day, else of publication."""
        day: date | None = self.issued_on if self.issued_precision == Precision.DAY else self.published_on
        return day

    @property
    def short_lang(self) -> str:
        """The language tag of `short` when it is not the reader's language, else empty."""
        given = self.short_name_zh if is_chinese_active() else self.short_name_en
        return "" if given else self.name_lang

    def get_constraints(self) -> list[tuple[type[models.Model], Sequence[models.BaseConstraint]]]:
        """Return the constraints to validate before saving: without the unique lead policy, which `save` ensures."""
        return [
            (model, [constraint for constraint in constraints if constraint.name != LEAD_CONSTRAINT])
            for model, constraints in super().get_constraints()
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the policy; a new lead policy replaces the previous one in the same transaction."""
        with transaction.atomic():
            if self.is_lead:
                others = type(self).objects.select_for_update(no_key=True).filter(is_lead=True)
                for other in others.exclude(pk=self.pk):
                    other.is_lead = False
                    other._change_reason = LEAD_CHANGED_REASON  # type: ignore[attr-defined]  # read by simple_history
                    other.save()
            super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        if self.parent_id and connection.in_atomic_block:
            self.lock_tree(self.parent_id)
        parents = dict(type(self)._base_manager.exclude(parent=None).values_list("pk", "parent_id"))
        key, seen = self.parent_id, set()
        while key is not None and key != self.pk and key not in seen:
            seen.add(key)
            key = parents.get(key)
        if self.parent is self or (key is not None and key == self.pk):
            raise ValidationError({"parent": _("This would make the policy implement itself in a circle.")})

    def lock_tree(self, parent: int) -> None:
        """Lock the tree of policies until the transaction ends: two moves that are each valid may form a cycle."""
        type(self).objects.select_for_update(no_key=True).order_by("pk").first()
        self.parent = type(self).objects.filter(pk=parent).first() or self.parent  # gone: the database says so


class PlanStatus(StatusChoices):
    """Status of a province's own plan. “Not found” and “not issued” are different claims."""

    ISSUED = "issued", "green", pgettext_lazy("plan", "issued")
    DRAFTING = "drafting", "yellow", _("drafting")
    NOT_FOUND = "not_found", "grey", _("not found")
    NOT_REQUIRED = "not_required", "blue", _("not required")
    UNKNOWN = "unknown", "grey", _("unknown")


class ProvincialPlan(HistoryModel, BilingualTitleModel, PartialDateModel, SourcedModel):
    """A province's own plan for a policy, or what is known of its absence."""

    policy = link_field(Policy, _("policy"), "plans", _("The national policy that the plan carries out."))
    province = link_field(
        Province, _("province"), "plans", _("The province whose plan this is: one record for each province and policy.")
    )
    status = choice_field(
        _("status"),
        PlanStatus,
        _("“not found” says that a search found none; “unknown” that no search was made yet."),
        max_length=12,
        default=PlanStatus.UNKNOWN,
    )
    doc_number = text_field(
        _("document number"), 60, _("As printed, for example 鄂环发〔2022〕33号. Empty when not known."), blank=True
    )
    issuing_bodies_count = models.PositiveSmallIntegerField(
        _("issuing bodies"), null=True, blank=True, help_text=_("How many departments issued it together.")
    )
    responsible_agency = link_field(
        Agency,
        _("responsible agency"),
        "plans",
        _("The department of the province that leads the plan, or is to issue it. Empty when not on record."),
        optional=True,
    )
    searched_on = day_field(
        _("searched on"), _("Day of the search, or of the check that it is being drafted or not required.")
    )
    searched_where = text_field(
        _("searched where"),
        300,
        _("For example: website of the provincial department, its policy library."),
        blank=True,
    )

    objects = models.Manager.from_queryset(PlanQuerySet)()
    CHOICES_HELD = ("issued_precision",)
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        "issued_has_a_day": ("known_issued_by",),
        "not_found_says_where": ("searched_on", "searched_where"),
    }

    PROVINCE_PATH = "province_id"
    OWNER = "policy"

    class Meta:
        verbose_name = _("provincial plan")
        verbose_name_plural = _("provincial plans")
        ordering = ["policy", "province"]
        constraints = [
            unique_constraint(
                "plan_one_per_policy_and_province",
                ["policy", "province"],
                _("This province already has a record for this policy: change that one."),
            ),
            choices_constraint("status", PlanStatus, "plan_status_known"),
            choices_constraint("confidence", Confidence, "plan_confidence_known"),
            *date_constraints("plan"),
            check_constraint(
                "plan_issued_has_a_day",
                ~Q(status=PlanStatus.ISSUED) | Q(known_issued_by__isnull=False),
                _("Issued: give the day (or month or year) of issue, or the day by which it is known to exist."),
            ),
            check_constraint(
                "plan_day_needs_issued",
                Q(status=PlanStatus.ISSUED) | Q(issued_on__isnull=True, known_issued_by__isnull=True),
                _("Only an issued plan has a day of issue. Set the status to issued."),
            ),
            check_constraint(
                "plan_not_found_says_where",
                ~Q(status=PlanStatus.NOT_FOUND) | (Q(searched_on__isnull=False) & ~Q(searched_where="")),
                _("Not found: say on which day and where it was searched."),
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
