"""Base models of records: fields that records have in common, check constraints and their evaluation in memory, texts
in two languages, and the model of every record with history.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from copy import copy
from datetime import date
from decimal import Context, Decimal
from typing import Any, ClassVar, Self

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, router
from django.db.models import F, Model, Q
from django.utils.translation import gettext_lazy as _

from core.days import today
from core.history.models import refuse_kept
from core.history.recording import HISTORY
from core.text import check_text, is_chinese_active, normalize_code, normalize_text

# -- validators of single values ------------------------------------------------------------------------


VALID_YEARS = range(1900, 2200)
MAX_DIGITS = 15  # as many as SQLite gives back
EXACT_CONTEXT = Context(prec=60)  # in which no value is rounded


def check_displayable(field: Any, value: object) -> None:
    """Reject values that some page could not show, or some database could not store exactly."""
    if isinstance(value, str) and check_text not in field.validators:
        check_text(value)
    elif isinstance(value, date) and value.year not in VALID_YEARS:
        raise ValidationError(_("Enter a day from 1900 to 2199."), code="range")
    elif isinstance(value, Decimal) and len(value.normalize(EXACT_CONTEXT).as_tuple().digits) > MAX_DIGITS:
        text = _("Give at most %(most)d digits: more are not kept exactly.")
        raise ValidationError(text, code="digits", params={"most": MAX_DIGITS})


def check_year(year: int) -> None:
    if year not in VALID_YEARS:
        raise ValidationError(_("Enter a year from 1900 to 2199."), code="range")


def check_not_ahead(day: date) -> None:
    """Reject a date in the future: what is recorded has happened."""
    if day > today():
        raise ValidationError(_("This day lies ahead. Enter a day up to today."), code="future")


# -- fields ---------------------------------------------------------------------------------------------


class CodeField(models.CharField):
    """A code: stored normalized, as codes are compared."""

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


class YearField(models.PositiveSmallIntegerField):
    """A year from 1900 to 2199."""

    default_validators = [check_year]

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.PositiveSmallIntegerField", args, kwargs


SAME_IN_CHINESE = _("The same in Chinese. Where one is empty, readers of its language see the other.")


def link_field(
    to: Any, label: Any, related_name: str, help_text: Any = "", *, optional: bool = False, **options: Any
) -> Any:
    """Return a field of another record, which is not deleted while this one names it."""
    how = {"null": optional, "blank": optional, "related_name": related_name, "help_text": help_text, **options}
    return models.ForeignKey(to, verbose_name=label, on_delete=models.PROTECT, **how)


# -- check constraints ----------------------------------------------------------------------------------


SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
SLUG_MESSAGE = _("Use small letters, digits and single hyphens, for example huzhou-park.")


def slug_constraint(app_model: str) -> models.CheckConstraint:
    """Check constraint that codes are stored in their normalized form, so that unique means unique."""
    return models.CheckConstraint(
        condition=Q(slug__regex=SLUG_PATTERN),
        name=f"{app_model}_slug_normal",
        violation_error_message=SLUG_MESSAGE,
    )


def title_constraint(app_model: str) -> models.CheckConstraint:
    """Check constraint that a title is given in at least one language."""
    return models.CheckConstraint(
        condition=~Q(title_zh="") | ~Q(title_en=""),
        name=f"{app_model}_has_title",
        violation_error_message=_("Give the title in at least one language."),
    )


def choices_constraint(
    field: str, choices: type[models.TextChoices], name: str, *, blank: bool = False
) -> models.CheckConstraint:
    """Check constraint that a value is one of the choices."""
    allowed = [*choices.values, *([""] if blank else [])]
    return models.CheckConstraint(condition=Q(**{f"{field}__in": allowed}), name=name)


# -- evaluated in memory -----------------------------------------------------------------------------------


Comparison = Callable[[Any, Any], bool]
COMPARISONS: Mapping[str, Comparison] = {
    "exact": lambda left, right: bool(left == right),
    "in": lambda left, right: left in right,
    "gt": lambda left, right: bool(left > right),
    "gte": lambda left, right: bool(left >= right),
    "lt": lambda left, right: bool(left < right),
    "lte": lambda left, right: bool(left <= right),
    "regex": lambda left, right: re.search(right, str(left)) is not None,
}


def check_constraint_holds(condition: Q, record: Model) -> bool | None:
    """Return whether the record fulfils the condition; None where SQL would say unknown, which a constraint accepts.

    Raises KeyError for a lookup that no constraint of ours uses yet.
    """
    answers = [
        check_constraint_holds(part, record) if isinstance(part, Q) else comparison_holds(part, record)
        for part in condition.children
    ]
    if condition.connector not in {Q.AND, Q.OR}:
        raise KeyError(condition.connector)
    decisive = condition.connector == Q.OR  # one such answer decides
    if decisive in answers:
        answer: bool | None = decisive
    else:
        answer = None if None in answers else not decisive
    return not answer if condition.negated and answer is not None else answer


def comparison_holds(part: Any, record: Any) -> bool | None:
    """Evaluate one comparison such as ("value__gte", 0)."""
    name, wanted = part
    field, _sep, lookup = name.partition("__")
    left = database_value(field, record)
    if lookup == "isnull":
        return (left is None) is wanted
    right = database_value(wanted.name, record) if isinstance(wanted, F) else wanted  # type: ignore[attr-defined]
    if left is None or right is None:
        return None
    return COMPARISONS[lookup or "exact"](left, right)


def database_value(name: str, record: Any) -> Any:
    """Return a field's value as stored: a relation's key, or the related record while it has none yet."""
    field = record._meta.get_field(name)
    value = getattr(record, field.attname)
    return field.get_cached_value(record, None) if value is None and field.is_relation else value


# -- history --------------------------------------------------------------------------------------------


FieldNames = Mapping[str, tuple[str, ...]]


class HistoryModel(models.Model):
    """Abstract model of a record that people edit: its history keeps who changed what, when and why."""

    history = HISTORY
    skip_fixed_check = False  # True where the product corrects what it shipped itself
    skip_unique_check = False  # True where it was held against all others already; the database refuses it all the same

    # What a model may say of itself, and what follows from its fields: core/records/__init__.py.
    PROVINCE_PATH: ClassVar[str] = ""
    OWNER: ClassVar[str] = ""
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {}
    RESTRICTED_CHANGES: ClassVar[FieldNames] = {}
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = {}
    SCOPED_LISTS: ClassVar[Collection[str]] = ()
    PERSONAL_FIELDS: ClassVar[Collection[str]] = ()
    LOOKUP_CODES: ClassVar[tuple[str, ...]] = ("slug",)
    LOOKUP_NAMES: ClassVar[tuple[str, ...]] = ("name_zh", "name_en", "title_zh", "title_en")
    EXPORT_NAMES: ClassVar[tuple[str, ...]] = ("name",)
    NAME_RELATIONS: ClassVar[tuple[str | None, ...]] = (None,)
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {}
    NEVER_DELETED: ClassVar[Any] = ""
    APPEND_ONLY: ClassVar[bool] = False
    DELETABLE_ALONE: ClassVar[str] = ""
    FROZEN_STATE: ClassVar[str] = ""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.refuse_if_kept()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        self.refuse_if_kept()
        return super().delete(*args, **kwargs)

    def refuse_if_kept(self) -> None:
        """Raise KeptRecordError for a stored record that is never changed or deleted."""
        if (self.APPEND_ONLY or self.FROZEN_STATE) and not self._state.adding:
            refuse_kept(type(self)._base_manager.filter(pk=self.pk))

    def drafted(self, values: Mapping[str, Any]) -> Self:
        """Return a copy with other values, to be judged before they are written."""
        draft = copy(self)
        for name, value in values.items():
            setattr(draft, name, value)
        return draft

    def deletion_error(self, together: Collection[int] = ()) -> str:
        """Return why it cannot be deleted now, and what to do instead; empty where it can be.

        `together` are the keys of records of its model that are deleted with it.
        """
        return str(self.NEVER_DELETED)

    def restricted_now(self) -> FieldNames:
        """Return, by permission, the fields that need it besides because of the state that the record is in."""
        return {}

    def fixed_fields(self) -> Mapping[str, Any]:
        """Return those of FIXED_FIELDS that the record, as it is stored, keeps; a model may keep some from a day on."""
        return self.FIXED_FIELDS

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Normalize text before validation, so that look-alikes are equal."""
        for field in self._meta.concrete_fields:
            value = getattr(self, field.attname)
            if isinstance(field, models.CharField | models.TextField) and isinstance(value, str):
                normalize = normalize_code if isinstance(field, CodeField | models.SlugField) else normalize_text
                setattr(self, field.attname, normalize(value))
        errors: dict[str, list[ValidationError]] = {}
        try:
            super().clean_fields({*(exclude or ()), *self.loaded_relations()})
        except ValidationError as exc:
            exc.update_error_dict(errors)
        for field in self._meta.concrete_fields:
            if field.name not in errors and field.name not in (exclude or ()):
                try:
                    check_displayable(field, getattr(self, field.attname))
                except ValidationError as exc:
                    errors[field.name] = [exc]
        if errors:
            raise ValidationError(errors)

    def loaded_relations(self) -> Iterator[str]:
        """Yield the foreign keys whose record was read already: it exists, which Django would ask the database."""
        relations: Any = [field for field in self._meta.concrete_fields if field.is_relation]
        for field in relations:
            other = field.get_cached_value(self, None)
            if other is not None and not other._state.adding and not field.get_limit_choices_to():
                yield field.name

    def clean(self) -> None:
        """Reject other values for fields that keep theirs."""
        super().clean()
        keeps = self.FIXED_FIELDS and self.pk and not self.skip_fixed_check
        stored = type(self)._base_manager.filter(pk=self.pk).first() if keeps else None
        changed = [
            field.name
            for field in self._meta.concrete_fields
            if stored
            and field.name in self.FIXED_FIELDS
            and getattr(stored, field.attname) != getattr(self, field.attname)
        ]
        fixed = stored.fixed_fields() if stored and changed else {}
        errors = {name: ValidationError(fixed[name], code="fixed") for name in changed if name in fixed}
        if errors:
            raise ValidationError(errors)

    def clean_lists(self, lists: Mapping[str, Collection[Any]]) -> None:
        """Check many-to-many lists as they would be saved, those that are given. Raises ValidationError by field."""

    def settle(self, stored: Any, by: Any) -> None:
        """Fill in what the product sets: days, people, and what follows from who writes (`by`; None: the product).

        `stored` is the record as it is, None for a new one. Called before it is validated, whatever the door. Raises
        ValidationError by field for what this user may not write.
        """

    def missing_reason(self, stored: Any) -> str:
        """Return why the change from what is stored (None: nothing) needs a reason; empty where it needs none."""
        return ""

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Report constraint violations at the field to correct, not above the whole form."""
        errors: dict[str, list[ValidationError]] = {}
        left_out, using = set(exclude or ()), router.db_for_write(type(self), instance=self)
        for model, constraints in self.get_constraints():
            for constraint in constraints:
                try:
                    if self.may_be_violated(constraint, left_out):
                        constraint.validate(model, self, exclude=left_out, using=using)
                except ValidationError as exc:
                    if isinstance(constraint, models.UniqueConstraint):
                        exc.code = "unique"
                    for name in self.constraint_error_fields(constraint, left_out):
                        errors.setdefault(name, []).append(exc)
        if errors:
            raise ValidationError(errors)

    def may_be_violated(self, constraint: Any, exclude: set[str]) -> bool:
        """Whether the database has to be asked about a constraint: conditions on the record's own fields are evaluated
        in memory, where each would cost three queries.

        Raises ValidationError for a check constraint that is violated.
        """
        condition, checks = getattr(constraint, "condition", None), isinstance(constraint, models.CheckConstraint)
        if self.skip_unique_check and not checks:
            return False
        if not isinstance(condition, models.Q):
            return True
        if exclude & condition.referenced_base_fields:
            return False
        holds = check_constraint_holds(condition, self)
        if not checks:
            return bool(holds)
        if holds is False:
            raise ValidationError(constraint.get_violation_error_message(), code=constraint.violation_error_code)
        return False

    def constraint_error_fields(self, constraint: models.BaseConstraint, exclude: set[str]) -> list[str]:
        """Return the fields at which a violation is reported; of several, those still empty. It is not reported while
        none of them is filled in rightly.
        """
        stored = {field.name: field.attname for field in self._meta.concrete_fields}
        condition = getattr(constraint, "condition", None)
        fields: Any = getattr(constraint, "fields", None) or getattr(condition, "referenced_base_fields", ())
        concerned = [name for name in stored if name in fields]
        last = concerned[-1:]
        if last and last[0].endswith("_en") and f"{last[0][:-3]}_zh" in concerned:
            last = [f"{last[0][:-3]}_zh"]
        wanted = self.CONSTRAINT_FIELDS.get(constraint.name.partition("_")[2], last)
        names = [name for name in wanted if name not in exclude]
        empty = [name for name in names if getattr(self, stored[name]) in (None, "")]
        return empty or names or ([] if wanted else [NON_FIELD_ERRORS])


# -- names, titles and notes in two languages -----------------------------------------------------------


# First, since Django orders inherited fields by when they were created.
class SlugModel(HistoryModel):
    """Abstract model of a record with a slug, by which URLs and files identify it."""

    slug = models.SlugField(
        _("code"),
        max_length=80,
        unique=True,
        error_messages={"invalid": SLUG_MESSAGE},
        help_text=_(
            "Short name in addresses and files: small letters, digits, hyphens. Example: huzhou. "
            "Changing it later breaks links that others have kept."
        ),
    )

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Any = None) -> None:
        self.slug = normalize_code(self.slug or "").lower()
        super().clean_fields(exclude)


class BilingualModel(models.Model):
    """Abstract model of a text in two languages; the active language is shown, the other where it is missing."""

    EN, ZH = "name_en", "name_zh"

    class Meta:
        abstract = True

    @property
    def name(self) -> str:
        """Return the text in the active language, else in the other."""
        first, second = self.names()
        return first or second

    @property
    def name_lang(self) -> str:
        """Language tag of `name` when it is not in the active language, else empty."""
        first, _second = self.names()
        if first:
            return ""
        return "en" if is_chinese_active() else "zh"

    def names(self) -> tuple[str, str]:
        """The text in the active language, and the one in the other."""
        en, zh = getattr(self, self.EN), getattr(self, self.ZH)
        return (zh, en) if is_chinese_active() else (en, zh)

    def __str__(self) -> str:
        return self.name or getattr(self, "slug", "") or str(self.pk)


class BilingualNameModel(BilingualModel):
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


class BilingualTitleModel(BilingualModel):
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
    def title(self) -> str:
        return self.name


def note_en_field(help_text: Any) -> Any:
    return models.TextField(_("note in English"), blank=True, validators=[check_text], help_text=help_text)


def note_zh_field() -> Any:
    return models.TextField(_("note in Chinese"), blank=True, validators=[check_text], help_text=SAME_IN_CHINESE)
