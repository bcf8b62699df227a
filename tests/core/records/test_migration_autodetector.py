"""`makemigrations` ignores attributes that never reach the database, and nothing else."""

from typing import Any

import pytest
from django.apps.registry import Apps
from django.core.management import get_commands, load_command_class
from django.db import models
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import Q

from core.records.migration_autodetector import SchemaAutodetector

Attributes = dict[str, Any]


def model(field: Attributes, options: Attributes) -> type[models.Model]:
    """A model `Record` with one field `name`, in a registry of its own."""
    meta = type("Meta", (), {"app_label": "records", "apps": Apps(), **options})
    name = models.CharField(**{"max_length": 20, **field})
    return type("Record", (models.Model,), {"__module__": "records.models", "name": name, "Meta": meta})


def detected(old: type[models.Model], new: type[models.Model]) -> list[str]:
    """The operations that lead from one state of a model to another."""
    states = []
    for each in (old, new):
        states.append(ProjectState())
        states[-1].add_model(ModelState.from_model(each))
    migrations = SchemaAutodetector(*states)._detect_changes()  # type: ignore[attr-defined]
    return [type(step).__name__ for migration in migrations.get("records", []) for step in migration.operations]


def named(message: str, **condition: Any) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(**condition), name="known", violation_error_message=message)


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ({"help_text": "Another text"}, {}),
        ({"verbose_name": "another name"}, {}),
        ({"choices": [("a", "A")]}, {}),
        ({"validators": [str]}, {}),
        ({"error_messages": {"invalid": "Not so."}}, {}),
        ({"blank": True, "editable": False}, {}),
        ({}, {"ordering": ["name"], "verbose_name": "x", "verbose_name_plural": "y"}),
        ({}, {"constraints": [named("Another message", name="a")]}),
    ],
)
def test_what_never_reaches_the_database_is_no_migration(field: Attributes, options: Attributes) -> None:
    before = {"constraints": [named("A message", name="a")]} if "constraints" in options else {}
    assert detected(model({}, before), model(field, options)) == []


@pytest.mark.parametrize(
    ("field", "options", "operation"),
    [
        ({"max_length": 30}, {}, "AlterField"),
        ({"null": True}, {}, "AlterField"),
        ({"default": "x"}, {}, "AlterField"),
        ({"db_index": True, "help_text": "Another text"}, {}, "AlterField"),
        ({}, {"permissions": [("undo_record", "Can undo records")], "ordering": ["name"]}, "AlterModelOptions"),
        ({}, {"db_table": "other"}, "AlterModelTable"),
        ({}, {"indexes": [models.Index(fields=["name"], name="by_name")]}, "AddIndex"),
        ({}, {"constraints": [named("A message", name="a")]}, "AddConstraint"),
    ],
)
def test_what_reaches_the_database_is_a_migration(field: Attributes, options: Attributes, operation: str) -> None:
    assert detected(model({}, {}), model(field, options)) == [operation]


def test_a_condition_of_a_constraint_is_a_migration() -> None:
    old, new = ({"constraints": [named("A message", name=value)]} for value in "ab")
    assert detected(model({}, old), model({}, new)) == ["RemoveConstraint", "AddConstraint"]


@pytest.mark.parametrize("name", ["makemigrations", "migrate"])
def test_both_commands_use_it(name: str) -> None:
    command: Any = load_command_class(get_commands()[name], name)
    assert command.autodetector is SchemaAutodetector
