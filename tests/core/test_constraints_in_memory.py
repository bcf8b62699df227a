"""Check constraints evaluated in memory agree with the database, NULL included."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.models import Q
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.records.models import check_constraint_holds
from policies.models import Policy

DAYS = [date(2022, 6, 17), date(2022, 6, 18), date(1900, 1, 1)]
TEXTS = ["", "a", "A", "a-b", "-a", "a--b", "330500", "33050", "2025", "2025-Q3", "2025-Q5", "C3011", "AIR_SO2", "省"]


def constraints() -> Iterator[Any]:
    """Return every check constraint of the project, with its model."""
    for model in apps.get_models():
        if model._meta.app_label in {"policies", "pilots"}:
            for constraint in model._meta.constraints:
                if isinstance(constraint, models.CheckConstraint):
                    yield pytest.param(model, constraint, id=constraint.name)


CONSTRAINTS = list(constraints())


def values_for(field: Any) -> st.SearchStrategy[Any]:
    """Return values that a field may have during validation, empty ones included."""
    if isinstance(field, models.BooleanField):
        some: list[Any] = [True, False]
    elif field.is_relation or field.primary_key:
        some = [1, 2]
    elif isinstance(field, models.DateField):
        some = DAYS
    elif isinstance(field, models.DecimalField):
        some = [Decimal(-1), Decimal(0), Decimal("0.0001"), Decimal(1)]
    elif isinstance(field, models.IntegerField):
        some = [0, 1, 7, 8, 2023, 2026]
    else:
        some = [*TEXTS, *(value for value, _label in field.flatchoices)]
    return st.sampled_from([None, *some])


def database_verdict(model: Any, constraint: models.CheckConstraint, record: Any) -> bool | None:
    """Return the database's result of the check for one row."""
    fields = [model._meta.get_field(name) for name in sorted(constraint.condition.referenced_base_fields)]
    columns = ", ".join(f"{typed_placeholder(field)} AS {connection.ops.quote_name(field.column)}" for field in fields)
    held = [field.get_db_prep_save(getattr(record, field.attname), connection) for field in fields]
    check = constraint._get_check_sql(model, connection.schema_editor()).replace("%", "%%")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({check}) FROM (SELECT {columns}) AS row", held)  # noqa: S608  # our own names
        (found,) = cursor.fetchone()
    return None if found is None else bool(found)


def typed_placeholder(field: Any) -> str:
    """Return the placeholder of a value: SQLite stores dates as text, and PostgreSQL needs a cast."""
    if connection.vendor == "sqlite" and isinstance(field, models.DateField):
        return "%s"
    kind = (field.target_field if field.is_relation else field).cast_db_type(connection)
    return f"CAST(%s AS {kind})"


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "constraint"), CONSTRAINTS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_agrees_with_the_database(model: Any, constraint: models.CheckConstraint, data: Any) -> None:
    record = model()
    for name in constraint.condition.referenced_base_fields:
        field = model._meta.get_field("pk" if name == "pk" else name)
        setattr(record, field.attname, data.draw(values_for(field), label=name))
    assert (check_constraint_holds(constraint.condition, record) is False) == (
        database_verdict(model, constraint, record) is False
    )


@pytest.mark.parametrize("condition", [Q(slug__icontains="a"), Q(slug="a") ^ Q(slug="b")])
def test_what_it_does_not_know_fails_loudly(condition: Q) -> None:
    with pytest.raises(KeyError):
        check_constraint_holds(condition, Policy(slug="a"))
