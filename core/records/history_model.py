"""Abstract model of every record with history: text normalization, validation and constraint errors by field."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models, router

from core.history.recording import HISTORY
from core.records.constraints import constraint_fields
from core.records.validators import check_displayable
from core.text.normalization import normalize_code, normalize_text

FieldNames = Mapping[str, tuple[str, ...]]


class HistoryModel(models.Model):
    """Abstract model of a record that people edit: its history keeps who changed what, when and why."""

    history = HISTORY
    # By constraint (its name without the table), the fields to attach its error to. Not needed for one field.
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {}
    # Path to the id of the province it belongs to; empty for records that belong to all.
    PROVINCE_PATH: ClassVar[str] = ""
    # By permission, the fields that need it besides the permission to change the record.
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {}
    # The same for existing records; of a new record the fields are free.
    RESTRICTED_CHANGES: ClassVar[FieldNames] = {}
    # Fields besides those of users that name people: shown where authors are (core/permissions.py).
    PERSONAL_FIELDS: ClassVar[Collection[str]] = ()
    # Why records of this model are never deleted, and what to do instead; empty for a model whose records may be.
    NEVER_DELETED: ClassVar[Any] = ""
    # Fields that keep the value they were entered with, each with what to do instead.
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = {}
    CODE_FIELDS: ClassVar[Collection[str]] = ("slug",)  # texts that are stored normalized, as codes are compared
    YEAR_FIELDS: ClassVar[Collection[str]] = ()  # whole numbers that are years
    # Rows are only ever added (core/history/append_only.py): they count as part of the record that they belong to.
    APPEND_ONLY: ClassVar[bool] = False
    # State in which a record is never changed or deleted (same file); empty: in none.
    FROZEN_STATE: ClassVar[str] = ""
    # Field by which URLs identify a record; empty: its slug or code if it has one, else its id.
    URL_FIELD: ClassVar[str] = ""
    # Attributes by which an import finds a record, and names by which an export writes it, in this order.
    LOOKUP_CODES: ClassVar[tuple[str, ...]] = ("slug",)
    LOOKUP_NAMES: ClassVar[tuple[str, ...]] = ("name_zh", "name_en", "title_zh", "title_en")
    EXPORT_NAMES: ClassVar[tuple[str, ...]] = ("name",)
    # Relations that these names need, for select_related; (None,) for none.
    NAME_RELATIONS: ClassVar[tuple[str | None, ...]] = (None,)

    class Meta:
        abstract = True

    def deletion_error(self, together: Collection[int] = ()) -> str:
        """Return why it cannot be deleted now, and what to do instead; empty where it can be.

        `together` are the keys of records of its model that are deleted with it.
        """
        return str(self.NEVER_DELETED)

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Normalize text before validation, so that look-alikes are equal."""
        for field in self._meta.concrete_fields:
            value = getattr(self, field.attname)
            if isinstance(field, models.CharField | models.TextField) and isinstance(value, str):
                setattr(
                    self,
                    field.attname,
                    normalize_code(value) if field.name in self.CODE_FIELDS else normalize_text(value),
                )
        errors: dict[str, list[ValidationError]] = {}
        try:
            super().clean_fields(exclude)
        except ValidationError as exc:
            exc.update_error_dict(errors)
        for field in self._meta.concrete_fields:
            if field.name not in errors and field.name not in (exclude or ()):
                try:
                    check_displayable(field, getattr(self, field.attname), is_year=field.name in self.YEAR_FIELDS)
                except ValidationError as exc:
                    errors[field.name] = [exc]
        if errors:
            raise ValidationError(errors)

    def clean(self) -> None:
        """Reject other values for fields that keep theirs."""
        super().clean()
        stored = type(self)._base_manager.filter(pk=self.pk).first() if self.FIXED_FIELDS and self.pk else None
        errors = {
            field.name: ValidationError(self.FIXED_FIELDS[field.name], code="fixed")
            for field in self._meta.concrete_fields
            if stored and field.name in self.FIXED_FIELDS
            if getattr(stored, field.attname) != getattr(self, field.attname)
        }
        if errors:
            raise ValidationError(errors)

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Report constraint violations at the field to correct, not above the whole form."""
        errors: dict[str, list[ValidationError]] = {}
        left_out, using = set(exclude or ()), router.db_for_write(type(self), instance=self)
        for model, constraints in self.get_constraints():
            for constraint in constraints:
                try:
                    constraint.validate(model, self, exclude=left_out, using=using)
                except ValidationError as exc:
                    if isinstance(constraint, models.UniqueConstraint):
                        exc.code = "unique"
                    for name in self.constraint_error_fields(constraint, left_out):
                        errors.setdefault(name, []).append(exc)
        if errors:
            raise ValidationError(errors)

    def constraint_error_fields(self, constraint: models.BaseConstraint, exclude: set[str]) -> list[str]:
        """Return the fields at which a violation is reported; of several, those still empty."""
        wanted = self.CONSTRAINT_FIELDS.get(constraint.name.partition("_")[2], constraint_fields(constraint))
        names = [name for name in wanted if name not in exclude]
        stored = {f.name: f.attname for f in self._meta.concrete_fields}
        empty = [name for name in names if getattr(self, stored[name]) in (None, "")]
        return empty or names or [NON_FIELD_ERRORS]


def province_id_of(record: Any) -> int | None:
    """Return the key that determines the record's scope, None for a record outside every scope."""
    value: Any = record
    for step in record.PROVINCE_PATH.split("."):
        value = getattr(value, step) if value is not None else None
    return None if value is None else int(value)
