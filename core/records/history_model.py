"""Abstract model of every record with history: text normalization, validation and constraint errors by field."""

from collections.abc import Collection, Iterator, Mapping
from copy import copy
from typing import Any, ClassVar, Self

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, router
from django.db.models.signals import class_prepared
from django.dispatch import receiver

from core.history.append_only import refuse_kept
from core.history.recording import HISTORY
from core.records.constraints import add_choice_constraints, check_constraint_holds, constraint_fields
from core.records.fields import is_code
from core.records.validators import check_displayable
from core.text.bilingual import normalize_code, normalize_text

FieldNames = Mapping[str, tuple[str, ...]]


class HistoryModel(models.Model):
    """Abstract model of a record that people edit: its history keeps who changed what, when and why."""

    history = HISTORY

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
    CHOICES_HELD: ClassVar[Collection[str]] = ()
    NEVER_DELETED: ClassVar[Any] = ""
    APPEND_ONLY: ClassVar[bool] = False
    DELETABLE_ALONE: ClassVar[str] = ""
    FROZEN_STATE: ClassVar[str] = ""

    skip_unique_check = False  # where uniqueness is checked for many records at once
    added_reason: str = ""  # what its own rules changed besides, for its next history entry (core/history/recording.py)

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
                normalize = normalize_code if is_code(field) else normalize_text
                setattr(self, field.attname, normalize(value))
        errors: dict[str, list[ValidationError]] = {}
        try:
            super().clean_fields({*(exclude or ()), *self.loaded_relations()})
        except ValidationError as exc:
            exc.update_error_dict(errors)
        for field in self._meta.concrete_fields:
            if field.name not in errors and field.name not in (exclude or ()):
                try:
                    check_displayable(field, getattr(self, field.attname), is_year=field.name.endswith("_year"))
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
        stored = type(self)._base_manager.filter(pk=self.pk).first() if self.FIXED_FIELDS and self.pk else None
        fixed = stored.fixed_fields() if stored else {}
        errors = {
            field.name: ValidationError(fixed[field.name], code="fixed")
            for field in self._meta.concrete_fields
            if field.name in fixed and getattr(stored, field.attname) != getattr(self, field.attname)
        }
        if errors:
            raise ValidationError(errors)

    def clean_lists(self, lists: Mapping[str, Collection[Any]]) -> None:
        """Check many-to-many lists as they would be saved, those that are given. Raises ValidationError by field."""

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
        concerned = [name for name in stored if name in constraint_fields(constraint)]
        last = concerned[-1:]
        if last and last[0].endswith("_en") and f"{last[0][:-3]}_zh" in concerned:
            last = [f"{last[0][:-3]}_zh"]
        wanted = self.CONSTRAINT_FIELDS.get(constraint.name.partition("_")[2], last)
        names = [name for name in wanted if name not in exclude]
        empty = [name for name in names if getattr(self, stored[name]) in (None, "")]
        return empty or names or ([] if wanted else [NON_FIELD_ERRORS])


@receiver(class_prepared)
def complete_constraints(sender: Any, **_kwargs: object) -> None:
    if issubclass(sender, HistoryModel):
        add_choice_constraints(sender)
