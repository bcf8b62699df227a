"""What every record that people edit has in common: names in two languages, sources, a history, a checked text."""

import unicodedata
from calendar import monthrange
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Context, Decimal
from typing import Any, ClassVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, router
from django.db.models import Q
from django.db.models.base import ModelState
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from config.asof import today
from config.bilingual import Translated, reads_chinese
from config.charts import PartialDate
from config.history import HISTORY
from config.reads import reads

CODE_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
Rules = Mapping[str, tuple[str, ...]]
SLUG_RULE = _("Use small letters, digits and single hyphens, for example huzhou-park.")


class Confidence(models.TextChoices):
    """How sure a fact is, by what it was read in."""

    OFFICIAL = "official", _("official")
    MEDIA = "media", _("press")
    INFERRED = "inferred", _("inferred")


class Level(models.TextChoices):
    NATIONAL = "national", _("national")
    PROVINCIAL = "provincial", _("provincial")


class Precision(models.TextChoices):
    """How exactly a date is known."""

    DAY = "day", pgettext_lazy("precision", "day")
    MONTH = "month", pgettext_lazy("precision", "month")
    YEAR = "year", pgettext_lazy("precision", "year")


YEARS = range(1900, 2200)
YEAR_FIELDS = {"base_year", "target_year", "year"}
MOST_DIGITS = 15  # as many as SQLite gives back
WIDE = Context(prec=60)  # in which no value is rounded
CODES = {"slug", "code", "gb_code", "iso_code", "doc_number", "prefecture_code", "county_code"}


def normal(text: str) -> str:
    """The one stored form of a code: NFKC, so that full-width letters and digits are the plain ones."""
    return unicodedata.normalize("NFKC", text).strip()


def tidy(text: str) -> str:
    """The one stored form of text: NFC, which keeps Chinese punctuation as it is printed; every line ends alike."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def check_text(text: str) -> None:
    """Refuse characters that nobody sees but that change what is read: controls and direction marks."""
    for char in text:
        hidden = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"} and char not in "\n\r\t"
        if hidden:
            raise ValidationError(
                _("Remove the invisible character U+%(code)s."), code="hidden", params={"code": f"{ord(char):04X}"}
            )


def check_shown(field: Any, value: Any) -> None:
    """Refuse what some page could not show, or some database not keep to the last digit: whatever the field."""
    if isinstance(value, str) and check_text not in field.validators:
        check_text(value)
    elif isinstance(value, date) and value.year not in YEARS:
        raise ValidationError(_("Enter a day from 1900 to 2199."), code="range")
    elif field.name in YEAR_FIELDS and value is not None and value not in YEARS:
        raise ValidationError(_("Enter a year from 1900 to 2199."), code="range")
    elif isinstance(value, Decimal) and len(value.normalize(WIDE).as_tuple().digits) > MOST_DIGITS:
        text = _("Give at most %(most)d digits: more are not kept exactly.")
        raise ValidationError(text, code="digits", params={"most": MOST_DIGITS})


def check_not_ahead(day: date) -> None:
    """Refuse a day that has not come: what is recorded has happened."""
    if day > today():
        raise ValidationError(_("This day lies ahead. Enter a day up to today."), code="future")


def code_check(app_model: str) -> models.CheckConstraint:
    """The database's own hold on codes: stored in their one normal form, so that unique means unique."""
    return models.CheckConstraint(
        condition=Q(slug__regex=CODE_PATTERN),
        name=f"{app_model}_slug_normal",
        violation_error_message=SLUG_RULE,
    )


def one_of(field: str, choices: type[models.TextChoices], name: str, *, blank: bool = False) -> models.CheckConstraint:
    """The database refuses a word that is not among the choices."""
    allowed = [*choices.values, *([""] if blank else [])]
    return models.CheckConstraint(condition=Q(**{f"{field}__in": allowed}), name=name)


def fact_checks(app_model: str) -> list[models.CheckConstraint]:
    """The database's own hold on a coded fact: its code and its confidence."""
    return [code_check(app_model), one_of("confidence", Confidence, f"{app_model}_confidence_known")]


class Recorded(models.Model):
    """A record that people edit: who changed what, when and why is kept."""

    history = HISTORY
    # Where a broken rule is mended, by its name without the table. A rule about one field needs no line.
    MENDED_AT: ClassVar[Rules] = {}
    PROVINCE: ClassVar[str] = ""  # the way to the key of the province it belongs to; empty for what belongs to all
    GUARDED: ClassVar[Rules] = {}  # fields that only those set who have a permission beyond that to change it
    GUARDED_CHANGES: ClassVar[Rules] = {}  # the same, but of a new record anybody sets them who may add one

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, db: Any, field_names: Any, values: Any) -> Any:  # type: ignore[override]  # of Django 6 the stubs
        """The record of a row, without the signals of a record that is made, and without setting field by field.

        Reading many took twice as long. No one listens to those signals: tests/pilots/test_facts.py holds to that.
        """
        state, record = ModelState(), cls.__new__(cls)
        state.adding, state.db = False, db
        held = record.__dict__
        held["_state"] = state
        held.update(zip(field_names, values))  # noqa: B905  # as many, and checking that takes a third longer
        return record

    def clean_fields(self, exclude: Any = None) -> None:
        """Bring text to its stored form before it is checked, so that look-alikes are the same."""
        for field in self._meta.concrete_fields:
            value = getattr(self, field.attname)
            if isinstance(field, models.CharField | models.TextField) and isinstance(value, str):
                setattr(self, field.attname, normal(value) if field.name in CODES else tidy(value))
        errors: dict[str, list[ValidationError]] = {}
        try:
            super().clean_fields(exclude)
        except ValidationError as exc:
            exc.update_error_dict(errors)
        for field in self._meta.concrete_fields:
            if field.name not in errors and field.name not in (exclude or ()):
                try:
                    check_shown(field, getattr(self, field.attname))
                except ValidationError as exc:
                    errors[field.name] = [exc]
        if errors:
            raise ValidationError(errors)

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Say under the field to be mended what the database would refuse, not above the whole form."""
        errors: dict[str, list[ValidationError]] = {}
        left_out, using = set(exclude or ()), router.db_for_write(type(self), instance=self)
        for model, constraints in self.get_constraints():
            for constraint in constraints:
                try:
                    constraint.validate(model, self, exclude=left_out, using=using)
                except ValidationError as exc:
                    if isinstance(constraint, models.UniqueConstraint):
                        exc.code = "unique"
                    for name in self.mended_at(constraint, left_out):
                        errors.setdefault(name, []).append(exc)
        if errors:
            raise ValidationError(errors)

    def mended_at(self, constraint: models.BaseConstraint, exclude: set[str]) -> list[str]:
        """The fields to mend; of several, those still empty."""
        wanted = self.MENDED_AT.get(constraint.name.partition("_")[2], fields_of(constraint))
        names = [name for name in wanted if name not in exclude]
        stored = {f.name: f.attname for f in self._meta.concrete_fields}
        empty = [name for name in names if getattr(self, stored[name]) in (None, "")]
        return empty or names or [NON_FIELD_ERRORS]


def province_of(record: Any) -> int | None:
    """The key of the province that a record belongs to, None where it belongs to none."""
    value: Any = record
    for step in record.PROVINCE.split("."):
        value = getattr(value, step) if value is not None else None
    return None if value is None else int(value)


def fields_of(constraint: models.BaseConstraint) -> tuple[str, ...]:
    """The field that a constraint is about, empty when it is about several."""
    if isinstance(constraint, models.UniqueConstraint):
        names = set(constraint.fields)
    elif isinstance(constraint, models.CheckConstraint) and isinstance(constraint.condition, Q):
        names = set(constraint.condition.referenced_base_fields)
    else:
        names = set()
    return tuple(names) if len(names) == 1 else ()


class Slugged(Recorded):
    """A record with a code of its own, by which addresses and files name it."""

    slug = models.SlugField(
        _("code"),
        max_length=80,
        unique=True,
        error_messages={"invalid": SLUG_RULE},
        help_text=_(
            "Short name in addresses and files: small letters, digits, hyphens. Example: huzhou. "
            "Changing it later breaks links that others have kept."
        ),
    )

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Any = None) -> None:
        self.slug = normal(self.slug or "").lower()
        super().clean_fields(exclude)


class Bilingual(models.Model):
    """Text in two languages; the reader's own is shown, the other where it is missing."""

    EN, ZH = "name_en", "name_zh"

    class Meta:
        abstract = True

    @property
    @reads("names")
    def name(self) -> str:
        """The name in the reader's language, else in the other."""
        first, second = self.names()
        return first or second

    @property
    def name_lang(self) -> str:
        """The language tag of `name` when it is not the reader's language, else empty."""
        first, _second = self.names()
        if first:
            return ""
        return "en" if reads_chinese() else "zh"

    @reads("EN", "ZH")
    def names(self) -> tuple[str, str]:
        """(in the reader's language, in the other)."""
        en, zh = getattr(self, self.EN), getattr(self, self.ZH)
        return (zh, en) if reads_chinese() else (en, zh)

    def __str__(self) -> str:
        return self.name or getattr(self, "slug", "") or str(self.pk)


class Named(Bilingual):
    name_zh = models.CharField(
        _("name in Chinese"), max_length=200, validators=[check_text], help_text=_("In full, for example 湖州市.")
    )
    name_en = models.CharField(
        _("name in English"),
        max_length=200,
        blank=True,
        validators=[check_text],
        help_text=_("For example Huzhou. Left empty, readers of English see the Chinese name."),
    )

    class Meta:
        abstract = True


class Titled(Bilingual):
    EN, ZH = "title_en", "title_zh"

    title_zh = models.CharField(
        _("title in Chinese"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("As printed, for example 减污降碳协同增效实施方案."),
    )
    title_en = models.CharField(
        _("title in English"),
        max_length=300,
        blank=True,
        validators=[check_text],
        help_text=_("The official translation where there is one, else your own. Readers see it in English pages."),
    )

    class Meta:
        abstract = True

    @property
    @reads("name")
    def title(self) -> str:
        return self.name


def english_note(help_text: Any) -> Any:
    return models.TextField(_("note in English"), blank=True, validators=[check_text], help_text=help_text)


def chinese_note() -> Any:
    text = _("The same in Chinese. Where one is empty, readers of its language see the other.")
    return models.TextField(_("note in Chinese"), blank=True, validators=[check_text], help_text=text)


class Sourced(models.Model):
    """A fact: how sure it is, where it was read, and what a careful reader must know."""

    confidence = models.CharField(
        _("confidence"),
        max_length=10,
        choices=Confidence.choices,
        default=Confidence.OFFICIAL,
        help_text=_("official: the issuer’s own text; press: a report; inferred: read from other documents."),
    )
    sources = models.ManyToManyField(
        "policies.Source",
        verbose_name=_("sources"),
        blank=True,
        help_text=_("Where this was read. Every fact should cite at least one."),
    )
    note_en = english_note(_("What a careful reader must know, for example “Date of the press report”."))
    note_zh = chinese_note()
    note = Translated("note")

    class Meta:
        abstract = True

    @property
    @reads("confidence")
    def unverified(self) -> bool:
        """Whether the fact was only inferred, which every page says beside it."""
        return self.confidence == Confidence.INFERRED


def period_end(on: date, precision: str) -> date:
    """The last day that a date known to the day, month or year may be."""
    if precision == Precision.YEAR:
        return date(on.year, 12, 31)
    if precision == Precision.MONTH:
        return on.replace(day=monthrange(on.year, on.month)[1])
    return on


class Dated(models.Model):
    """A document whose day of issue may be known only in part (an interval-censored date, DOMAIN 3.1)."""

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

    DERIVED_FROM: ClassVar[Rules] = {"known_issued_by": ("issued_on", "published_on")}
    """Fields that are filled from others where they are left empty."""
    MENDED_AT: ClassVar[Rules] = {
        "precision_goes_with_day": ("issued_precision",),
        "known_on_its_day": ("known_issued_by",),
        "known_after_issue": ("known_issued_by",),
        "published_after_issue": ("published_on",),
    }

    class Meta:
        abstract = True

    @property
    def issued(self) -> PartialDate | None:
        """The day of issue with its precision, None when not known."""
        if self.issued_on is None:
            return None
        return PartialDate(self.issued_on, self.issued_precision or Precision.DAY)  # type: ignore[arg-type]

    def complete_dates(self) -> None:
        """Fill what follows from what was entered: a precision, and the day by which the document is known."""
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
        """Complete the dates and refuse those that contradict one another."""
        super().clean()
        self.complete_dates()
        if self.issued_on and self.published_on and self.published_on < self.issued_on:
            raise ValidationError({"published_on": _("Published before it was issued. Check both days.")})
        if self.issued_on and self.known_issued_by and self.known_issued_by < self.issued_on:
            raise ValidationError({"known_issued_by": _("Known before it was issued. Check both days.")})

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.complete_dates()
        super().save(*args, **kwargs)


def date_checks(app_model: str) -> list[models.CheckConstraint]:
    """The database's own hold on partial dates."""
    dated = Q(issued_on__isnull=False)
    return [
        models.CheckConstraint(
            condition=(
                Q(issued_on__isnull=True, issued_precision="") | (dated & Q(issued_precision__in=Precision.values))
            ),
            name=f"{app_model}_precision_goes_with_day",
        ),
        models.CheckConstraint(
            condition=~Q(issued_precision=Precision.DAY) | Q(known_issued_by=models.F("issued_on")),
            name=f"{app_model}_known_on_its_day",
        ),
        models.CheckConstraint(
            condition=Q(issued_on__isnull=True)
            | Q(known_issued_by__isnull=True)
            | Q(known_issued_by__gte=models.F("issued_on")),
            name=f"{app_model}_known_after_issue",
        ),
        models.CheckConstraint(
            condition=Q(issued_on__isnull=True)
            | Q(published_on__isnull=True)
            | Q(published_on__gte=models.F("issued_on")),
            name=f"{app_model}_published_after_issue",
        ),
    ]
