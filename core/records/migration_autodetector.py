"""Autodetector of `makemigrations` and `migrate`, which ignores what never reaches the database.

Django makes a migration of a changed help text, label, choice or ordering, so that historical models in migrations are
exact. The product corrects such texts often and no migration reads them: a correction is no migration here.
"""

from typing import Any

from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.operations import AlterConstraint, AlterModelOptions
from django.db.migrations.operations.base import Operation
from django.db.models import Field

FIELD_ATTRIBUTES = frozenset(
    ["blank", "choices", "editable", "error_messages", "help_text", "limit_choices_to", "validators", "verbose_name"]
)
"""Attributes of fields that neither the schema nor a data migration depends on: `on_delete`, `related_name` and
`default` are compared, because operations of `RunPython` follow them."""
MODEL_OPTIONS = frozenset({"get_latest_by", "ordering", "verbose_name", "verbose_name_plural"})
"""Options of models that no table depends on. `permissions` are compared: `migrate` creates rows from them."""


class SchemaAutodetector(MigrationAutodetector):
    """Detect changes of the schema, of relations, defaults, managers and permissions."""

    def deep_deconstruct(self, obj: Any) -> Any:
        deconstructed = super().deep_deconstruct(obj)
        if not isinstance(obj, Field):
            return deconstructed
        path, args, kwargs = deconstructed
        return path, args, {name: value for name, value in kwargs.items() if name not in FIELD_ATTRIBUTES}

    def add_operation(self, app_label: str, operation: Operation, *args: Any, **kwargs: Any) -> None:
        """Add an operation, unless it changes only options of a model or messages of a constraint."""
        if isinstance(operation, AlterConstraint):  # Django's operation for messages; others drop and add
            return
        if isinstance(operation, AlterModelOptions):
            key = (app_label, self.renamed_models.get((app_label, operation.name_lower), operation.name_lower))
            names = set(AlterModelOptions.ALTER_OPTION_KEYS) - MODEL_OPTIONS
            old = self.from_state.models[key].options
            if {name: old[name] for name in names & old.keys()} == {
                name: operation.options[name] for name in names & operation.options.keys()
            }:
                return
        super().add_operation(app_label, operation, *args, **kwargs)
