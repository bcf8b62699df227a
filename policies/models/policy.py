"""Model of policies: documents and events."""

from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.records.bilingual_models import BilingualTitleModel, SlugModel
from core.records.constraints import choices_constraint
from core.records.history_model import FieldNames
from core.text.bilingual import check_text, is_chinese_active
from policies.metrics import lag_origin
from policies.models.agency import Agency
from policies.models.dated import PartialDateModel, date_constraints
from policies.models.province import Province
from policies.models.sourced import Level, SourcedModel, fact_constraints
from policies.querysets import PolicyQuerySet

LEAD_CONSTRAINT = "policy_one_lead"
LEAD_CHANGED_REASON = gettext_noop("Another policy was set as the lead policy")
MAX_SHORT_EN, MAX_SHORT_ZH = (
    40,
    20,
)  # letters, Chinese characters: what a chart's title bears of a policy without a short name


class PolicyKind(models.TextChoices):
    DOCUMENT = "document", _("document")
    EVENT = "event", _("event")


class Policy(SlugModel, BilingualTitleModel, PartialDateModel, SourcedModel):
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

    objects = models.Manager.from_queryset(PolicyQuerySet)()
    _history_m2m_fields = ["agencies", "sources"]
    CODE_FIELDS = ("slug", "doc_number")
    LOOKUP_NAMES = ("short_name_zh", "short_name_en", "title_zh", "title_en", "doc_number")
    EXPORT_NAMES = ("short", "name")
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        **PartialDateModel.CONSTRAINT_FIELDS,
        "level_goes_with_province": ("province",),
        "not_its_own_parent": ("parent",),
        "has_title": ("title_zh",),
        "has_a_day": ("issued_on",),
        "lead_calls_for_plans": ("is_lead",),
        "one_lead": ("is_lead",),
    }

    PROVINCE_PATH = "province_id"

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        ordering = ["known_issued_by", "pk"]
        constraints = [
            *fact_constraints("policy"),
            choices_constraint("kind", PolicyKind, "policy_kind_known"),
            *date_constraints("policy"),
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
                name=LEAD_CONSTRAINT,
                violation_error_message=_("Another policy is the lead policy. Take the mark away there first."),
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
        """The date from which the lags of its provincial plans count; None if unknown."""
        return lag_origin(self.issued_on, self.issued_precision, self.published_on)

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
