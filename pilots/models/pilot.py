"""Models of batches, pilots announced together, and of pilots: cities and industrial parks."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models import Count, F, FilteredRelation, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.days import today
from core.records.models import (
    BilingualNameModel,
    BilingualTitleModel,
    CodeField,
    FieldNames,
    SlugModel,
    YearField,
    check_not_ahead,
    choices_constraint,
    link_field,
    slug_constraint,
    title_constraint,
)
from core.text import check_text, is_chinese_active
from pilots.lights import ENTRY_DAYS, Records, counts_from, due_day
from pilots.metrics import year_due
from policies.models import Confidence, Industry, Level, Policy, Province, SourcedModel


def known_condition(as_of: date) -> Q:
    """Return the condition of pilots known on the day: from the day of their batch, withdrawn ones included."""
    return Q(batch__known_by__lte=as_of)


def listed_condition(as_of: date) -> Q:
    """Return the condition of pilots in the programme: from the day of their batch until the day they withdraw."""
    return known_condition(as_of) & ~has_withdrawn(as_of)


def withdrawn_condition(as_of: date) -> Q:
    """Return the condition of pilots withdrawn by the day: announced and recorded, no longer in the programme."""
    return known_condition(as_of) & has_withdrawn(as_of)


def has_withdrawn(as_of: date) -> Q:
    """Return the condition that a withdrawal counts on the day: `Pilot.withdrawn_by` as a query."""
    return Q(withdrawn_on__isnull=False) & counted_condition("withdrawn_on", "withdrawn_recorded_on", as_of)


def counted_condition(happened: str, entered: str, as_of: date) -> Q:
    """Return the condition that what happened on a day counts by the day: as `counts_from` of the lights."""
    in_time = Q(**{f"{entered}__isnull": True}) | Q(**{f"{entered}__lte": F(happened) + timedelta(ENTRY_DAYS)})
    return Q(**{f"{happened}__lte": as_of}) & (Q(**{f"{entered}__lte": as_of}) | in_time)


PAST_YEARS_FIXED = _(
    "A year whose values were due by now would be judged differently. Leave it, and enter a deadline for the year."
)


def past_due_days(pilot: Any, due_of: Mapping[int, str]) -> dict[tuple[int | None, int], date]:
    """Return by indicator and year the days by which values were due, of those that have passed; None is for all
    indicators without a day of their own.
    """
    deadlines = list(pilot.deadlines.all()) + list(pilot.batch.deadlines.all())
    records, now = Records(pilot, deadlines=deadlines, due_of=due_of), today()
    indicators = {None, *due_of, *(row.indicator_id for row in deadlines)}
    years = range((pilot.starts_on or pilot.known_by).year, now.year + 1)
    days = {(each, year): due_day(records, each, year, now) for each in indicators for year in years}
    return {key: day for key, day in days.items() if day and day < now}


def check_past_years(record: Any, stored: Any, pilots: Iterable[Any], names: Iterable[str]) -> None:
    """Reject other dates of a term, or of what is asked for when, where they change what was due in a past year.

    `pilots` are pairs of each pilot as it was and as it would be.
    """
    changed = [name for name in names if stored and getattr(record, name) != getattr(stored, name)]
    for before, after in pilots if changed else ():
        rows = after.targets.exclude(indicator__report_due="").values_list("indicator", "indicator__report_due")
        due_of = dict(rows.order_by())
        if past_due_days(before, due_of) != past_due_days(after, due_of):
            raise ValidationError({name: ValidationError(PAST_YEARS_FIXED, code="past") for name in changed})


class BatchQuerySet(QuerySet[Any]):
    def known(self, as_of: date) -> Self:
        """Filter batches announced, or known to exist, by the day."""
        return self.filter(known_by__lte=as_of)


class PilotQuerySet(QuerySet[Any]):
    def known(self, as_of: date) -> Self:
        return self.filter(known_condition(as_of))

    def listed(self, as_of: date) -> Self:
        return self.filter(listed_condition(as_of))

    def with_light(self, day: date) -> Self:
        """Annotate the columns of the stored light of a day as `light_colour`, `light_stage` and so on.

        Filter and order by these; a filter across `lights` would join the periods a second time. A stored light names
        pilots that may have withdrawn, or were not known yet: choose those by `members`.
        """
        return self.with_period("light", "lights", Q(lights__since__lte=day, lights__until__gt=day))

    def with_class(self, day: date, year: int | None = None) -> Self:
        """Annotate the columns of the stored class of a year, by default the last one due, as known on a day.

        `class_kind` is empty for a pilot without a class, and None where carbon has no value of the year.
        """
        of_the_day = Q(classes__since__lte=day, classes__until__gt=day, classes__year=year or year_due(day))
        return self.with_period("class", "classes", of_the_day)

    def with_period(self, name: str, relation: str, condition: Q) -> Self:
        """Annotate the columns of the stored period that a condition finds."""
        fields = self.model._meta.get_field(relation).related_model._meta.concrete_fields
        names = [field.attname for field in fields if field.name not in ("id", "pilot")]
        rows = self.annotate(**{name: FilteredRelation(relation, condition=condition)})
        return rows.annotate(**{f"{name}_{column}": F(f"{name}__{column}") for column in names})

    def members(self, as_of: date, membership: str | None) -> Self:
        """Filter pilots in the programme; `only`: withdrawn ones, `include`: both. Other values mean the default."""
        which = {"only": withdrawn_condition, "include": known_condition}
        return self.filter(which.get(membership or "", listed_condition)(as_of))


def count_pilots(pilots: QuerySet[Model], field: str) -> Coalesce:
    """Return a subquery for rows of another table: how many of these pilots reference it by `field`, or 0."""
    own = pilots.order_by().filter(**{field: OuterRef("pk")}).values(field).annotate(n=Count("pk", distinct=True))
    return Coalesce(Subquery(own.values("n")), 0)


def check_month_day(text: str) -> None:
    """Reject all but a month and day that every year has."""
    if not is_month_day(text):
        raise ValidationError(_("Write month and day, for example 03-31; 02-29 is not possible."))


def is_month_day(text: str) -> bool:
    try:
        return f"{date.fromisoformat(f'2023-{text}'):%m-%d}" == text
    except ValueError:
        return False


NO_NUMBER = _("Empty when the announcement gives no number.")


class Batch(SlugModel, BilingualTitleModel, SourcedModel):
    """Pilots announced together, with the announced numbers."""

    short_name_zh = models.CharField(
        _("short name in Chinese"),
        max_length=60,
        blank=True,
        validators=[check_text],
        help_text=_("As rows, filters and subtitles print it, for example 国家首批. Left empty, they print the title."),
    )
    short_name_en = models.CharField(
        _("short name in English"),
        max_length=60,
        blank=True,
        validators=[check_text],
        help_text=_("As it stands within a sentence, for example “first national batch”. Left empty: the title."),
    )
    level = models.CharField(
        _("level"),
        max_length=10,
        choices=Level.choices,
        default=Level.NATIONAL,
        help_text=_("Who announced it. A provincial batch names its province below."),
    )
    province = link_field(Province, _("province"), "batches", _("Only for a provincial batch."), optional=True)
    policy = link_field(Policy, _("policy"), "batches", _("The document that announced it."))
    announced_on = models.DateField(
        _("announced on"), null=True, blank=True, validators=[check_not_ahead], help_text=_("Empty when not known.")
    )
    known_by = models.DateField(
        _("latest date known"),
        blank=True,
        validators=[check_not_ahead],
        help_text=_("Latest day by which it is known to exist. Left empty, it is the day of announcement."),
    )
    term_start = models.DateField(
        _("term starts"), null=True, blank=True, help_text=_("First day of the trial, as the announcement sets it.")
    )
    term_end = models.DateField(
        _("term ends"),
        null=True,
        blank=True,
        help_text=_("Last day of the trial. For “three years” count from the first day."),
    )
    asked_from = YearField(
        _("reports asked from"),
        null=True,
        blank=True,
        help_text=_("First year for which this installation asks its pilots for values. Empty: none is ever overdue."),
    )
    report_due = models.CharField(
        _("values due by"),
        max_length=5,
        default="03-31",
        validators=[check_month_day],
        help_text=_("Month and day of the next year, for example 03-31. A single year is moved by a deadline."),
    )
    city_count = models.PositiveIntegerField(_("cities announced"), null=True, blank=True, help_text=NO_NUMBER)
    county_count = models.PositiveIntegerField(_("counties announced"), null=True, blank=True, help_text=NO_NUMBER)
    park_count = models.PositiveIntegerField(_("parks announced"), null=True, blank=True, help_text=NO_NUMBER)
    enterprise_count = models.PositiveIntegerField(
        _("enterprises announced"), null=True, blank=True, help_text=NO_NUMBER
    )
    industries_announced = models.ManyToManyField(
        Industry,
        verbose_name=_("industries announced"),
        related_name="batches_announcing",
        blank=True,
        help_text=_("Industries that the batch’s own notice names, whether or not a recorded pilot names them."),
    )

    objects = models.Manager.from_queryset(BatchQuerySet)()
    LOOKUP_NAMES = ("short_name_zh", "short_name_en", "title_zh", "title_en")
    EXPORT_NAMES = ("short", "name", "label")
    PROVINCE_PATH = "province_id"

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        ordering = ["level", "known_by", "pk"]
        constraints = [
            slug_constraint("batch"),
            models.CheckConstraint(
                condition=Q(level=Level.NATIONAL, province__isnull=True)
                | Q(level=Level.PROVINCIAL, province__isnull=False),
                name="batch_level_goes_with_province",
                violation_error_message=_("A provincial batch names its province, a national one names none."),
            ),
            models.CheckConstraint(
                condition=Q(term_start__isnull=True) | Q(term_end__isnull=True) | Q(term_end__gte=F("term_start")),
                name="batch_term_in_order",
                violation_error_message=_("The term ends before it starts."),
            ),
            models.CheckConstraint(
                condition=Q(announced_on__isnull=True) | Q(known_by=F("announced_on")), name="batch_known_on_its_day"
            ),
            title_constraint("batch"),
            choices_constraint("confidence", Confidence, "batch_confidence_known"),
        ]

    def get_absolute_url(self) -> str:
        return reverse("batch-detail", args=[self.slug])

    @property
    def short(self) -> str:
        """The short name in the current language, for use in a sentence; the title if there is none."""
        return (self.short_name_zh if is_chinese_active() else self.short_name_en) or self.name

    @property
    def label(self) -> str:
        """The short name as it begins a row, a chip or a choice."""
        return capfirst(self.short)

    @property
    def short_lang(self) -> str:
        """The language tag of `short` if it is not the current language, else empty."""
        return "" if self.short != self.name else self.name_lang

    def clean_fields(self, exclude: object = None) -> None:
        if self.announced_on:
            self.known_by = self.announced_on
        super().clean_fields(exclude)

    def clean(self) -> None:
        super().clean()
        if self.known_by is None:
            raise ValidationError(
                {"known_by": _("Give the day of announcement, or the day by which the batch is known to exist.")}
            )
        stored = type(self)._base_manager.filter(pk=self.pk).first() if self.pk else None
        if stored and is_month_day(self.report_due):
            pilots = zip(self.pilots_of(stored), self.pilots_of(self), strict=True)
            check_past_years(self, stored, pilots, ("term_start", "term_end", "asked_from", "report_due", "known_by"))

    def pilots_of(self, batch: Any) -> Iterator[Any]:
        """Yield its pilots, each in the batch as it is given."""
        for pilot in self.pilots.all():
            pilot.batch = batch
            yield pilot

    def announced(self, kind: str) -> int | None:
        """Return the announced number of pilots of a kind; None if not given."""
        count: int | None = getattr(self, f"{kind}_count")
        return count


class PilotKind(models.TextChoices):
    CITY = "city", _("city")
    COUNTY = "county", _("county")
    PARK = "park", _("industrial park")
    ENTERPRISE = "enterprise", _("enterprise")


class CityType(models.TextChoices):
    """The four city types of the ministry; which city has which is not published."""

    RESOURCE = "resource", _("resource-based")
    INDUSTRIAL = "industrial", _("industrial")
    COMPREHENSIVE = "comprehensive", _("comprehensive")
    ECOLOGICAL = "ecological", _("ecologically good")


class Pilot(SlugModel, BilingualNameModel, SourcedModel):
    """A city, county, park or enterprise that tries the policy out."""

    kind = models.CharField(
        _("kind"), max_length=10, choices=PilotKind.choices, help_text=_("As the announcement lists it.")
    )
    batch = link_field(Batch, _("batch"), "pilots", _("The announcement that made it a pilot."))
    province = link_field(Province, _("province"), "pilots", _("The province in which it lies."))
    prefecture_code = CodeField(
        _("prefecture code"),
        max_length=6,
        blank=True,
        help_text=_("GB/T 2260 code of the city it is or lies in, for example 330500."),
    )
    prefecture_zh = models.CharField(
        _("prefecture"),
        max_length=60,
        blank=True,
        validators=[check_text],
        help_text=_("Name of the city it is or lies in, for example 湖州市."),
    )
    county_code = CodeField(
        _("county code"), max_length=6, blank=True, help_text=_("GB/T 2260 code of the county, where it lies in one.")
    )
    parent = link_field(
        "self",
        _("lies in pilot city"),
        "children",
        _("For a park inside a pilot city: it is counted as a pilot, but left out of sums of emissions."),
        optional=True,
    )
    city_type = models.CharField(
        _("city type"),
        max_length=15,
        choices=CityType.choices,
        blank=True,
        help_text=_("Only for cities, and only where it has been published."),
    )
    industries = models.ManyToManyField(
        Industry,
        verbose_name=_("industries"),
        related_name="pilots",
        blank=True,
        help_text=_("Industries that the pilot’s own documents name; several are possible."),
    )
    term_start = models.DateField(
        _("term starts"), null=True, blank=True, help_text=_("Only where it differs from the batch’s.")
    )
    term_end = models.DateField(
        _("term ends"), null=True, blank=True, help_text=_("Only where it differs from the batch’s.")
    )
    withdrawn_on = models.DateField(
        _("withdrawn on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("From this day on it is no longer a pilot."),
    )
    withdrawn_recorded_on = models.DateField(
        _("withdrawal recorded on"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Entered more than 30 days late, a withdrawal counts from this day on."),
    )

    objects = models.Manager.from_queryset(PilotQuerySet)()
    LOOKUP_NAMES = ("name_zh", "name_en", "label_zh", "label_en")
    EXPORT_NAMES = ("name", "label")
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"name_unique_in_batch": ("name_zh",)}

    skip_city_lock = False  # True where the parent is to be taken as it stands in memory

    NAME_RELATIONS = ("batch",)  # what its names hold besides its own fields
    PROVINCE_PATH = "province_id"
    PLACEMENT_FIELDS: ClassVar[tuple[str, ...]] = (
        *("slug", "name_zh", "name_en", "kind", "batch", "province", "parent", "withdrawn_on"),
        *("term_start", "term_end"),  # from which year on values are due, and until when
    )
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {"pilots.place_pilot": PLACEMENT_FIELDS}

    class Meta:
        verbose_name = _("pilot")
        verbose_name_plural = _("pilots")
        ordering = ["batch", "pk"]
        permissions = [("place_pilot", "Can say which pilots there are: kind, batch, province, end")]
        constraints = [
            slug_constraint("pilot"),
            models.CheckConstraint(
                condition=Q(city_type="") | Q(kind=PilotKind.CITY),
                name="pilot_city_type_only_for_cities",
                violation_error_message=_("Only a city has a city type."),
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | ~Q(parent=F("id")),
                name="pilot_not_its_own_parent",
                violation_error_message=_("A pilot cannot lie in itself."),
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | ~Q(kind=PilotKind.CITY),
                name="pilot_city_has_no_parent",
                violation_error_message=_("A city does not lie in another pilot city."),
            ),
            models.UniqueConstraint(
                fields=["batch", "name_zh"],
                name="pilot_name_unique_in_batch",
                violation_error_message=_("This batch already has a pilot of this name."),
            ),
            *[
                models.CheckConstraint(
                    condition=Q(**{f"{name}__regex": r"^([0-9]{6})?$"}),
                    name=f"pilot_{name}_six_digits",
                    violation_error_message=_("A GB/T 2260 code has six digits."),
                )
                for name in ("prefecture_code", "county_code")
            ],
            models.CheckConstraint(
                condition=Q(term_start__isnull=True) | Q(term_end__isnull=True) | Q(term_end__gte=F("term_start")),
                name="pilot_term_in_order",
                violation_error_message=_("The term ends before it starts."),
            ),
            choices_constraint("confidence", Confidence, "pilot_confidence_known"),
            choices_constraint("kind", PilotKind, "pilot_kind_known"),
            choices_constraint("city_type", CityType, "pilot_city_type_known", blank=True),
        ]

    def get_absolute_url(self) -> str:
        return reverse("pilot-detail", args=[self.slug])

    @property
    def label(self) -> str:
        """The name with its batch, for lists that may hold two pilots of one name."""
        return self.label_zh if is_chinese_active() else self.label_en

    @property
    def label_zh(self) -> str:
        batch = self.batch
        return f"{self.name_zh or self.name_en}（{batch.short_name_zh or batch.title_zh or batch.title_en}）"

    @property
    def label_en(self) -> str:
        batch = self.batch
        return f"{self.name_en or self.name_zh} ({batch.short_name_en or batch.title_en or batch.title_zh})"

    def withdrawn_by(self, as_of: date) -> bool:
        """Whether the pilot had withdrawn by the as-of date, as far as it counted then."""
        return self.withdrawn_on is not None and counts_from(self.withdrawn_on, self.withdrawn_recorded_on) <= as_of

    def missing_reason(self, stored: Any) -> str:
        """Withdrawing is one act: the day, with the reason."""
        if self.withdrawn_on == (stored.withdrawn_on if stored else None):
            return super().missing_reason(stored)
        return gettext("Say why it is no longer a pilot, or is one again: the reason is shown on its page.")

    def settle(self, stored: Any, by: Any) -> None:
        if by is not None and (self.withdrawn_on is None or not (stored and stored.withdrawn_on)):
            self.withdrawn_recorded_on = today() if self.withdrawn_on else None

    @property
    def starts_on(self) -> date | None:
        """First day of the term: the pilot's own, else the batch's."""
        day: date | None = self.term_start or self.batch.term_start
        return day

    @property
    def known_by(self) -> date:
        """The day by which its batch is known."""
        day: date = self.batch.known_by
        return day

    @property
    def asked_from(self) -> int | None:
        """First year for which values are asked for."""
        year: int | None = self.batch.asked_from
        return year

    @property
    def report_due(self) -> str:
        """Month and day by which values are due, of an indicator without its own."""
        text: str = self.batch.report_due
        return text

    @property
    def ends_on(self) -> date | None:
        """Last day of the term: the pilot's own, else the batch's; None if unknown."""
        day: date | None = self.term_end or self.batch.term_end
        return day

    def clean(self) -> None:
        super().clean()
        if self.parent_id and not self.skip_city_lock and connection.in_atomic_block:
            # until the transaction ends: a change of its kind meanwhile could make the pair invalid
            cities = type(self).objects.select_for_update(no_key=True).order_by("pk")  # not the batches
            self.parent = cities.filter(pk=self.parent_id).first() or self.parent  # gone: the database says so
        if self.parent and self.parent.kind != PilotKind.CITY:
            raise ValidationError({"parent": _("A park lies in a pilot city: choose a pilot of kind city.")})
        stored = type(self)._base_manager.filter(pk=self.pk).select_related("batch").first() if self.pk else None
        if stored and self.batch_id:
            check_past_years(self, stored, [(stored, self)], ("term_start", "term_end", "batch"))
        if self.batch_id and self.province_id and self.batch.province_id not in (None, self.province_id):
            raise ValidationError({"province": _("The batch belongs to another province.")})
        if self.pk and self.kind != PilotKind.CITY and self.children.exists():
            raise ValidationError({"kind": _("Parks lie in this pilot city: it stays one until they are taken out.")})
