"""What is rolled out, to whom and in which sectors: sources, provinces, policies and their plans, industries, and
published figures.
"""

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import connection, models, transaction
from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from core.records.models import (
    BilingualNameModel,
    BilingualTitleModel,
    CodeField,
    FieldNames,
    HistoryModel,
    SlugModel,
    check_not_ahead,
    choices_constraint,
    link_field,
    note_en_field,
    note_zh_field,
    slug_constraint,
    title_constraint,
)
from core.text import PartialDate, Precision, StatusChoices, TranslatedText, check_text, is_chinese_active

# -- sources, and bases of the facts that cite them -----------------------------------------------------


class Confidence(StatusChoices):
    """Confidence in a fact, by the kind of source."""

    OFFICIAL = "official", "green", _("official")
    MEDIA = "media", "blue", _("press")
    INFERRED = "inferred", "yellow", _("inferred")


class Level(models.TextChoices):
    NATIONAL = "national", _("national")
    PROVINCIAL = "provincial", _("provincial")


class Source(HistoryModel):
    """A document, page or report that facts cite. Its title stays in the language of publication."""

    title = models.CharField(
        _("title"), max_length=300, validators=[check_text], help_text=_("As printed, in its own language.")
    )
    publisher = models.CharField(
        _("publisher"),
        max_length=200,
        blank=True,
        validators=[check_text],
        help_text=_("Who published it, for example 生态环境部."),
    )
    published_on = models.DateField(
        _("published on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("Day it was published. Empty when it carries none."),
    )
    url = models.URLField(
        _("address"),
        max_length=500,
        blank=True,
        validators=[
            RegexValidator("^ftps?://", _("Give an address that begins with https:// or http://."), inverse_match=True)
        ],
        help_text=_("Web address, empty for a reprint without a lasting one."),
    )
    reliability = models.CharField(
        _("reliability"),
        max_length=10,
        choices=Confidence.choices,
        default=Confidence.OFFICIAL,
        help_text=_("The strongest that may be claimed for a fact that cites it."),
    )
    note_en = note_en_field(_("What a reader should know of it, for example “Reprint; the original page is gone”."))
    note_zh = note_zh_field()
    note = TranslatedText("note")

    LOOKUP_NAMES = ("title", "url")
    EXPORT_NAMES = ("title",)
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"title_address_unique": ("title",)}

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering = [Coalesce("published_on", models.Value("0001-01-01", models.DateField())).desc(), "title", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["title", "url"],
                name="source_title_address_unique",
                violation_error_message=_("A source with this title and address exists already: cite that one."),
            ),
            choices_constraint("reliability", Confidence, "source_reliability_known"),
        ]

    def __str__(self) -> str:
        return str(self.title)

    def clean_fields(self, exclude: Any = None) -> None:
        """Write the scheme of the address in small letters."""
        scheme, mark, rest = self.url.strip().partition("://")
        self.url = scheme.lower() + mark + rest
        super().clean_fields(exclude)


class SourcedModel(models.Model):
    """Base of facts: confidence, sources, and a note in two languages."""

    confidence = models.CharField(
        _("confidence"),
        max_length=10,
        choices=Confidence.choices,
        default=Confidence.OFFICIAL,
        help_text=_("official: the issuer’s own text; press: a report; inferred: read from other documents."),
    )
    sources = models.ManyToManyField(
        Source,
        verbose_name=_("sources"),
        blank=True,
        help_text=_("Where this was read. Every fact should cite at least one."),
    )
    note_en = note_en_field(_("What a careful reader must know, for example “Date of the press report”."))
    note_zh = note_zh_field()
    note = TranslatedText("note")

    class Meta:
        abstract = True

    @property
    def unverified(self) -> bool:
        """Whether the fact was only inferred; every page says so beside it."""
        return bool(self.confidence == Confidence.INFERRED)


def period_end(on: date, precision: str) -> date:
    """Return the last possible day of a date known to the day, month or year."""
    if precision == Precision.YEAR:
        return date(on.year, 12, 31)
    if precision == Precision.MONTH:
        return on.replace(day=monthrange(on.year, on.month)[1])
    return on


class PartialDateModel(models.Model):
    """Base of documents whose date of issue may be partial (an interval-censored date, DOMAIN 3.1)."""

    issued_on = models.DateField(
        _("issued on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("Day of issue. Only the month or year known? Enter its first day and set the precision."),
    )
    issued_precision = models.CharField(
        _("precision"),
        max_length=5,
        choices=Precision.choices,
        blank=True,
        help_text=_("How exactly the day of issue is known. For “June 2022” enter 2022-06-01 and choose month."),
    )
    published_on = models.DateField(
        _("published on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("Day it was made public, where that differs from the day of issue."),
    )
    known_issued_by = models.DateField(
        _("latest date known"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_(
            "Latest day by which it is known to exist, for example the day another document cites it. "
            "Left empty, it follows from the day of issue or publication."
        ),
    )

    class Meta:
        abstract = True

    @property
    def issued(self) -> PartialDate | None:
        """The date of issue with its precision, None if unknown."""
        if self.issued_on is None:
            return None
        return PartialDate(self.issued_on, self.issued_precision or Precision.DAY)  # type: ignore[arg-type]

    def complete_dates(self) -> None:
        """Fill in derived dates: the precision, and the date by which the document is known to exist."""
        if self.issued_on and not self.issued_precision:
            self.issued_precision = Precision.DAY
        if self.issued_on is None:
            self.issued_precision = ""
        if self.issued_on and self.issued_precision == Precision.DAY:
            self.known_issued_by = self.issued_on
        elif self.known_issued_by is None:
            ends = [self.published_on] if self.published_on else []
            if self.issued_on:
                ends.append(period_end(self.issued_on, self.issued_precision))
            self.known_issued_by = min(ends) if ends else None

    def clean(self) -> None:
        """Fill in derived dates and reject contradictions between dates."""
        super().clean()
        self.complete_dates()
        if self.issued_on and self.published_on and self.published_on < self.issued_on:
            raise ValidationError({"published_on": _("Published before it was issued. Check both days.")})
        if self.issued_on and self.known_issued_by and self.known_issued_by < self.issued_on:
            raise ValidationError({"known_issued_by": _("Known before it was issued. Check both days.")})

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.complete_dates()
        super().save(*args, **kwargs)


def date_constraints(app_model: str) -> list[models.CheckConstraint]:
    """Return the check constraints of partial dates."""
    no_day = Q(issued_on__isnull=True)
    conditions = {
        "precision_goes_with_day": Q(issued_on__isnull=True, issued_precision="")
        | (Q(issued_on__isnull=False) & Q(issued_precision__in=Precision.values)),
        "known_on_its_day": ~Q(issued_precision=Precision.DAY) | Q(known_issued_by=F("issued_on")),
        "known_after_issue": no_day | Q(known_issued_by__isnull=True) | Q(known_issued_by__gte=F("issued_on")),
        "published_after_issue": no_day | Q(published_on__isnull=True) | Q(published_on__gte=F("issued_on")),
    }
    return [models.CheckConstraint(condition=each, name=f"{app_model}_{name}") for name, each in conditions.items()]


# -- provinces ------------------------------------------------------------------------------------------


class Region(models.TextChoices):
    """The six regions of the programme's tables, in the usual order."""

    NORTH = "north", _("North")
    NORTHEAST = "northeast", _("Northeast")
    EAST = "east", _("East")
    CENTRAL_SOUTH = "central-south", _("Central and South")
    SOUTHWEST = "southwest", _("Southwest")
    NORTHWEST = "northwest", _("Northwest")


class ProvinceKind(models.TextChoices):
    PROVINCE = "province", pgettext_lazy("kind of unit", "province")
    MUNICIPALITY = "municipality", _("municipality")
    AUTONOMOUS_REGION = "autonomous-region", _("autonomous region")
    CORPS = "corps", _("corps")
    SAR = "sar", _("special administrative region")


class ProvinceQuerySet(QuerySet[Any]):
    def roster(self) -> Self:
        """Return the provinces that the programme covers: the denominator of every rollout number."""
        return self.filter(in_roster=True)

    def former_names(self) -> dict[str, int]:
        """Return the primary key of each renamed province by its former codes and names."""
        kept = self.exclude(former_names="").values_list("former_names", "pk")
        return {word: pk for text, pk in kept for word in text.splitlines()}


class Province(SlugModel, BilingualNameModel, SourcedModel):
    """A province-level unit. Denominators come from the roster (in_roster), never from existing rows."""

    short_zh = models.CharField(
        _("short name in Chinese"),
        max_length=20,
        validators=[check_text],
        help_text=_("As tiles and charts print it, for example 浙江."),
    )
    short_en = models.CharField(
        _("short name in English"),
        max_length=40,
        validators=[check_text],
        help_text=_("As tiles and charts print it, for example Zhejiang."),
    )
    former_names = models.TextField(
        _("former names"),
        blank=True,
        validators=[check_text],
        help_text=_(
            "Codes and names that it had before, one a line. A change of name adds them: files, the API and old "
            "addresses still find the province."
        ),
    )
    gb_code = CodeField(
        _("GB/T 2260 code"),
        max_length=6,
        blank=True,
        help_text=_("Six digits, for example 330000. Empty for the Xinjiang corps, which has none of its own."),
    )
    iso_code = CodeField(_("ISO 3166-2 code"), max_length=6, blank=True, help_text=_("For example CN-ZJ."))
    kind = models.CharField(
        _("kind"), max_length=20, choices=ProvinceKind.choices, help_text=_("What kind of province-level unit it is.")
    )
    region = models.CharField(
        _("region"),
        max_length=20,
        choices=Region.choices,
        blank=True,
        help_text=_("The region under which tables and charts group it. Every province in the roster needs one."),
    )
    tile_col = models.PositiveSmallIntegerField(_("tile column"), help_text=_("Place on the tile map, 0 to 7."))
    tile_row = models.PositiveSmallIntegerField(_("tile row"), help_text=_("Place on the tile map, 0 to 7."))
    in_roster = models.BooleanField(
        _("in the roster"),
        default=True,
        help_text=_("Whether this programme covers it: the roster is every denominator of the rollout."),
    )

    objects = models.Manager.from_queryset(ProvinceQuerySet)()
    LOOKUP_CODES = ("slug", "gb_code", "iso_code")
    LOOKUP_NAMES = ("short_zh", "short_en", "name_zh", "name_en")
    EXPORT_NAMES = ("short", "name")
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        "tile_unique": ("tile_col", "tile_row"),
        "tile_on_the_grid": ("tile_col", "tile_row"),
        "roster_has_region": ("region",),
    }

    PROVINCE_PATH = "pk"

    class Meta:
        verbose_name = _("province")
        verbose_name_plural = _("provinces")
        ordering = ["-in_roster", "pk"]
        constraints = [
            slug_constraint("province"),
            models.CheckConstraint(
                condition=Q(gb_code__regex=r"^([0-9]{6})?$"),
                name="province_gb_code_six_digits",
                violation_error_message=_("A GB/T 2260 code has six digits."),
            ),
            *[
                models.UniqueConstraint(
                    fields=[name],
                    condition=~Q(**{name: ""}),
                    name=f"province_{name}_unique",
                    violation_error_message=_("Another province has this code."),
                )
                for name in ("gb_code", "iso_code")
            ],
            models.UniqueConstraint(
                fields=["tile_col", "tile_row"],
                name="province_tile_unique",
                violation_error_message=_("Another province stands on this tile."),
            ),
            models.CheckConstraint(
                condition=Q(tile_col__lte=7, tile_row__lte=7),
                name="province_tile_on_the_grid",
                violation_error_message=_("The tile map has columns and rows 0 to 7."),
            ),
            models.CheckConstraint(
                condition=Q(in_roster=False) | ~Q(region=""),
                name="province_roster_has_region",
                violation_error_message=_("A province in the roster needs its region."),
            ),
            choices_constraint("confidence", Confidence, "province_confidence_known"),
            choices_constraint("kind", ProvinceKind, "province_kind_known"),
            choices_constraint("region", Region, "province_region_known", blank=True),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the province, and keep the names that it has no longer."""
        stored = type(self)._base_manager.filter(pk=self.pk).first() if self.pk else None
        now, before = (
            [getattr(each, name) for name in ("slug", *self.LOOKUP_NAMES)] for each in (self, stored or self)
        )
        words = dict.fromkeys([*self.former_names.splitlines(), *before])
        self.former_names = "\n".join(word for word in words if word and word not in now)
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("province-detail", args=[self.slug])

    @property
    def short(self) -> str:
        """The short name in the current language, as tiles print it."""
        return str(self.short_zh if is_chinese_active() else self.short_en)


# -- policies, agencies, and the provinces' own plans ---------------------------------------------------


LEAD_CONSTRAINT = "policy_one_lead"
MAX_SHORT_EN, MAX_SHORT_ZH = 40, 20  # letters, Chinese characters of a title without a short name


ISSUED_ONCE = ("issued", "repealed")  # statuses of a plan that was issued, whatever became of it


def issued_by(as_of: date, plans: str = "") -> Q:
    """Condition: the provincial plan (`plans` leads to it) is known to be issued by the date, and in force on it."""
    issued = Q(**{f"{plans}status__in": ISSUED_ONCE, f"{plans}known_issued_by__lte": as_of})
    return issued & (Q(**{f"{plans}repealed_on": None}) | Q(**{f"{plans}repealed_on__gt": as_of}))


class PolicyQuerySet(QuerySet[Any]):
    def known(self, as_of: date) -> Self:
        """Return the policies known to exist on the as-of date, on whatever day they were entered."""
        return self.filter(known_issued_by__lte=as_of)

    def rolled_out(self) -> Self:
        """Return policies whose rollout is tracked: they call for plans, or one was issued."""
        return self.filter(Q(calls_for_provincial_plan=True) | Q(plans__status__in=ISSUED_ONCE)).distinct()

    def with_issued_plans(self, as_of: date) -> Self:
        """Annotate `issued_plans`: the number of provinces of the roster with a plan in force on the as-of date."""
        issued = issued_by(as_of, "plans__") & Q(plans__province__in_roster=True)
        return self.annotate(issued_plans=Count("plans__province", filter=issued, distinct=True))


class PlanQuerySet(QuerySet[Any]):
    def with_status(self, as_of: date) -> Self:
        """Annotate `status_then`, the status on the date: what was issued or looked up later was not known yet."""
        status = Case(
            When(issued_by(as_of), then=Value("issued")),
            When(repealed_on__lte=as_of, then=Value("repealed")),
            When(status__in=ISSUED_ONCE, then=Value("unknown")),
            When(searched_on__gt=as_of, then=Value("unknown")),
            default=F("status"),
            output_field=CharField(),
        )
        return self.annotate(status_then=status)


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
            models.UniqueConstraint(fields=["name_zh"], name="agency_name_unique"),
        ]


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
    doc_number = CodeField(
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
    province = link_field(Province, _("province"), "policies", _("Only for a provincial policy."), optional=True)
    parent = link_field("self", _("implements"), "children", _("The policy that this one carries out."), optional=True)
    agencies = models.ManyToManyField(
        Agency,
        verbose_name=_("issued by"),
        related_name="policies",
        blank=True,
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
    LOOKUP_NAMES = ("short_name_zh", "short_name_en", "title_zh", "title_en", "doc_number")
    EXPORT_NAMES = ("short", "name")
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
            choices_constraint("confidence", Confidence, "policy_confidence_known"),
            choices_constraint("kind", PolicyKind, "policy_kind_known"),
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
                    reason = gettext_noop("Another policy was set as the lead policy")
                    other._change_reason = reason  # type: ignore[attr-defined]  # read by simple_history
                    other.save()
            super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        if (parent := self.parent_id) and connection.in_atomic_block:
            # Two moves that are each valid may form a cycle: the tree of policies is locked until the transaction ends.
            type(self).objects.select_for_update(no_key=True).order_by("pk").first()
            self.parent = type(self).objects.filter(pk=parent).first() or self.parent  # gone: the database says so
        key, seen = self.parent_id, set[int | None]()
        while key is not None and key != self.pk and key not in seen:
            seen.add(key)
            key = type(self)._base_manager.filter(pk=key).values_list("parent_id", flat=True).first()
        if self.parent is self or (key is not None and key == self.pk):
            raise ValidationError({"parent": _("This would make the policy implement itself in a circle.")})


class PlanStatus(StatusChoices):
    """Status of a province's own plan. “Not found” and “not issued” are different claims."""

    ISSUED = "issued", "green", pgettext_lazy("plan", "issued")
    DRAFTING = "drafting", "yellow", _("drafting")
    NOT_FOUND = "not_found", "grey", _("not found")
    NOT_REQUIRED = "not_required", "blue", _("not required")
    REPEALED = "repealed", "grey", _("repealed")
    UNKNOWN = "unknown", "grey", _("unknown")


class ProvincialPlan(HistoryModel, BilingualTitleModel, PartialDateModel, SourcedModel):
    """A province's own plan for a policy, or what is known of its absence."""

    policy = link_field(Policy, _("policy"), "plans", _("The national policy that the plan carries out."))
    province = link_field(
        Province,
        _("province"),
        "plans",
        _("The province whose plan this is. A plan that replaces a repealed one is a second record."),
    )
    status = models.CharField(
        _("status"),
        max_length=12,
        choices=PlanStatus.choices,
        default=PlanStatus.UNKNOWN,
        help_text=_("“not found” says that a search found none; “unknown” that no search was made yet."),
    )
    doc_number = CodeField(
        _("document number"),
        max_length=60,
        blank=True,
        validators=[check_text],
        help_text=_("As printed, for example 鄂环发〔2022〕33号. Empty when not known."),
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
    repealed_on = models.DateField(
        _("repealed on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("Day from which the plan is no longer in force. Up to then it counts as before."),
    )

    objects = models.Manager.from_queryset(PlanQuerySet)()
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        "issued_has_a_day": ("known_issued_by",),
        "not_found_says_where": ("searched_on", "searched_where"),
    }

    PROVINCE_PATH = "province_id"
    OWNER = "policy"

    class Meta:
        verbose_name = _("provincial plan")
        verbose_name_plural = _("provincial plans")
        ordering = ["policy", "province", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "province"],
                condition=Q(repealed_on__isnull=True),
                name="plan_one_per_policy_and_province",
                violation_error_message=_(
                    "This province already has a record for this policy: change that one, or give there the day on "
                    "which it was repealed."
                ),
            ),
            choices_constraint("status", PlanStatus, "plan_status_known"),
            choices_constraint("confidence", Confidence, "plan_confidence_known"),
            *date_constraints("plan"),
            models.CheckConstraint(
                condition=~Q(status__in=ISSUED_ONCE) | Q(known_issued_by__isnull=False),
                name="plan_issued_has_a_day",
                violation_error_message=_(
                    "Issued: give the day (or month or year) of issue, or the day by which it is known to exist."
                ),
            ),
            models.CheckConstraint(
                condition=Q(status__in=ISSUED_ONCE) | Q(issued_on__isnull=True, known_issued_by__isnull=True),
                name="plan_day_needs_issued",
                violation_error_message=_("Only an issued plan has a day of issue. Set the status to issued."),
            ),
            models.CheckConstraint(
                condition=Q(status=PlanStatus.REPEALED, repealed_on__isnull=False)
                | (~Q(status=PlanStatus.REPEALED) & Q(repealed_on__isnull=True)),
                name="plan_repealed_has_a_day",
                violation_error_message=_(
                    "A repealed plan, and only such a one, has the day from which it is no longer in force."
                ),
            ),
            models.CheckConstraint(
                condition=Q(repealed_on__isnull=True) | Q(repealed_on__gte=F("known_issued_by")),
                name="plan_repealed_after_issue",
                violation_error_message=_("Repealed before it was issued. Check both days."),
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
        """Fill in derived dates, of issued plans alone. An issued plan with a day of repeal is a repealed one."""
        if self.status == PlanStatus.ISSUED and self.repealed_on:
            self.status = PlanStatus.REPEALED
        if self.status in ISSUED_ONCE:
            super().complete_dates()

    def clean(self) -> None:
        super().clean()
        if self.province_id and not self.province.in_roster:
            raise ValidationError({"province": _("This unit is outside the programme’s roster.")})
        if self.known_issued_by:
            others = ProvincialPlan.objects.filter(policy=self.policy_id, province=self.province_id).exclude(pk=self.pk)
            others = others.exclude(repealed_on__lte=self.known_issued_by)
            if self.repealed_on:
                others = others.filter(known_issued_by__lt=self.repealed_on)
            else:  # two without an end: the constraint
                others = others.exclude(repealed_on=None)
            if other := others.first():
                text = _("In force at the same time as record %(number)d of this province. Check the days of both.")
                name = "repealed_on" if self.repealed_on else "known_issued_by"
                raise ValidationError({name: text % {"number": other.pk}})


# -- industries and prescribed measures -----------------------------------------------------------------


class Industry(SlugModel, BilingualNameModel, SourcedModel):
    """A sector as the notices name it, linked to the classification where it has a place there."""

    gb_codes = models.CharField(
        _("GB/T 4754-2017"),
        max_length=300,
        blank=True,
        help_text=_("Codes of its divisions, for example C34; C35. Empty: it has none of its own, as new energy."),
    )
    named_in_batch_notice = models.BooleanField(
        _("named in the notice of the first batch"),
        default=False,
        help_text=_("Whether the ministry named it when it announced the first national batch."),
    )
    ultra_low_emission = models.BooleanField(
        _("ultra-low emission sector"),
        default=False,
        help_text=_("Whether a national opinion demands ultra-low emission of it (steel, cement, coking)."),
    )

    class Meta:
        verbose_name = _("industry")
        verbose_name_plural = _("industries")
        ordering = ["pk"]
        constraints = [
            slug_constraint("industry"),
            models.CheckConstraint(
                condition=Q(gb_codes__regex=r"^([A-T][0-9]{0,4}(; [A-T][0-9]{0,4})*)?$"),
                name="industry_gb_codes_normal",
                violation_error_message=_(
                    "Write section letters A to T with up to four digits, for example C3011, and “; ” between two."
                ),
            ),
            models.UniqueConstraint(fields=["name_zh"], name="industry_name_unique"),
            choices_constraint("confidence", Confidence, "industry_confidence_known"),
        ]

    def get_absolute_url(self) -> str:
        return reverse("industry-detail", args=[self.slug])

    @property
    def priority(self) -> bool:
        """Whether national policy singles it out, so that having no pilot is a gap."""
        return bool(self.named_in_batch_notice or self.ultra_low_emission)


class Field(models.TextChoices):
    """Fields of action of the national plan."""

    ENERGY = "energy", _("energy")
    INDUSTRY = "industry", pgettext_lazy("field of action", "industry")
    TRANSPORT = "transport", _("transport")
    BUILDINGS = "buildings", _("buildings")
    AGRICULTURE = "agriculture", _("agriculture")
    ECOLOGY = "ecology", _("ecology")


class Measure(SlugModel, BilingualTitleModel, SourcedModel):
    """A course of action that a policy prescribes, in a field and for certain industries."""

    field = models.CharField(
        _("field"), max_length=12, choices=Field.choices, help_text=_("The policy’s chapter under which it falls.")
    )
    industries = models.ManyToManyField(
        Industry,
        verbose_name=_("industries"),
        related_name="measures",
        blank=True,
        help_text=_("The industries that it names. Empty when it is meant for all."),
    )
    policies = models.ManyToManyField(
        Policy,
        verbose_name=_("policies"),
        related_name="measures",
        blank=True,
        help_text=_("The policies that prescribe it."),
    )

    class Meta:
        verbose_name = _("measure")
        verbose_name_plural = _("measures")
        ordering = ["field", "pk"]
        constraints = [
            slug_constraint("measure"),
            title_constraint("measure"),
            choices_constraint("confidence", Confidence, "measure_confidence_known"),
            choices_constraint("field", Field, "measure_field_known"),
        ]


# -- published figures ----------------------------------------------------------------------------------


class FigureKind(models.TextChoices):
    OUTCOME = "outcome", _("outcome")
    COUNT = "count", _("count")
    TARGET = "target", _("target")
    CONTEXT = "context", _("context")


VERIFY_FIGURE_PERMISSION = "policies.verify_figure"


class FigureState(StatusChoices):
    """Whether the figure was compared with the issuer's own text."""

    UNVERIFIED = "unverified", "grey", _("unverified")
    VERIFIED = "verified", "green", _("verified")
    DISPUTED = "disputed", "yellow", _("disputed")


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
    """Whether the year, month or day exists; malformed text is left to another validator."""
    if not text or not re.fullmatch(PERIOD_PATTERN, text):
        return True
    try:
        date.fromisoformat(f"{text}-01-01"[:10])
    except ValueError:
        return False
    return True


class Figure(SlugModel, BilingualNameModel, SourcedModel):
    """A published national or provincial figure, and the printed value where that differs."""

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
    province = link_field(Province, _("province"), "figures", _("Empty for a national figure."), optional=True)
    state = models.CharField(
        _("state"),
        max_length=10,
        choices=FigureState.choices,
        default=FigureState.UNVERIFIED,
        help_text=_("verified: held against the issuer’s own text; disputed: sources disagree."),
    )

    PROVINCE_PATH = "province_id"
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {VERIFY_FIGURE_PERMISSION: ("state",)}
    COMPARED_FIELDS = (
        *("slug", "name_zh", "name_en", "value", "unit", "as_printed", "period_from", "period_to", "kind", "province"),
        *("confidence", "sources"),
    )

    class Meta:
        verbose_name = _("figure")
        verbose_name_plural = _("figures")
        ordering = ["kind", "pk"]
        permissions = [("verify_figure", "Can say whether a figure is verified or disputed")]
        constraints = [
            slug_constraint("figure"),
            *[
                models.CheckConstraint(
                    condition=Q(**{f"{name}__regex": PERIOD_PATTERN}),
                    name=f"figure_{name}_iso",
                    violation_error_message=PERIOD_RULE,
                )
                for name in ("period_from", "period_to")
            ],
            choices_constraint("confidence", Confidence, "figure_confidence_known"),
            choices_constraint("unit", Unit, "figure_unit_known"),
            choices_constraint("kind", FigureKind, "figure_kind_known"),
            choices_constraint("state", FigureState, "figure_state_known"),
        ]

    def restricted_now(self) -> FieldNames:
        """What was held against the source is the ministry's to change."""
        compared = self.pk and self.state != FigureState.UNVERIFIED
        return {VERIFY_FIGURE_PERMISSION: self.COMPARED_FIELDS} if compared else {}

    def clean(self) -> None:
        super().clean()
        for name in ("period_from", "period_to"):
            if not is_period(getattr(self, name)):
                raise ValidationError({name: PERIOD_RULE})

    @property
    def period(self) -> str:
        """The period in ISO form: 2013–2022, 2022, or empty if the source names none."""
        ends = [end for end in (self.period_from, self.period_to) if end]
        return "–".join(dict.fromkeys(ends))
