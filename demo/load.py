"""Loading the demonstration from the files of its tables, and writing these files from a database that holds it.

A file is JSON lines: the names of the columns, then a list for each row. A user stands in it by name.
"""

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.utils.translation import gettext_noop

from accounts.models import Officer, Role
from core.files import save_blob
from core.history.models import ChangeEvent
from core.seed.models import SeedRecord
from pilots.models import ItemLight, LightRules, PilotClass, PilotLight, StaleLight
from pilots.seed import check_not_mixed
from pilots.stored_lights import recompute_all

DEMONSTRATION_DAY = date(2026, 11, 28)
"""The last day of the demonstration, which is today whenever it is looked at."""
TABLES, FILES = Path(__file__).parent / "tables", Path(__file__).parent / "files"
EDITOR, REPORTER = "demo-steward", "demo-reporter"  # who verifies, and who enters for agencies without an account
BATCH_SIZE = 1_000  # rows of a statement
REASONS = (  # of its history entries, for the catalogue of translations
    gettext_noop("Demonstration data"),
    gettext_noop("Found later on the website of the province: it had been issued on that day"),
)


def demo_user(name: str) -> User:
    """Return a user of the demonstration, who has no usable password: nobody signs in as one."""
    user, new = get_user_model()._default_manager.get_or_create(username=name)
    if new:
        user.set_unusable_password()
        user.save()
        Officer.objects.create(user=user, role=Role.NATIONAL_EDITOR)
    return user


@transaction.atomic
def load_demo(*, files: bool = True) -> None:
    """Load the rows and, unless told otherwise, the files of the demonstration into an empty database.

    Raises MixedDataError, and changes nothing, when the database holds any record.
    """
    check_not_mixed(demonstration=True)
    SeedRecord.objects.mark_demonstration(DEMONSTRATION_DAY)
    users = {name: demo_user(name).pk for name in (EDITOR, REPORTER)}
    loaded: list[Any] = []
    for path in sorted(TABLES.glob("*.jsonl")):
        loaded.append(apps.get_model(path.stem))
        load_table(loaded[-1], path, users)
    raise_sequences(loaded)
    recompute_all()
    for path in FILES.iterdir() if files else ():
        save_blob(path.read_bytes())
        if path.suffix == ".zip":  # the package of an edition, whose files can be had one by one too
            with ZipFile(path) as package:
                for name in package.namelist():
                    save_blob(package.read(name))


def raise_sequences(models: Iterable[Any]) -> None:
    """Let new rows have numbers after the loaded ones. No sequence goes back: that would outlive a rollback."""
    if connection.vendor != "postgresql":
        return
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for model in models:
            table, key = quote(model._meta.db_table), model._meta.pk.column
            last = f"SELECT setval(line, GREATEST(nextval(line), (SELECT max({quote(key)}) FROM {table})))"  # noqa: S608
            cursor.execute(f"{last} FROM pg_get_serial_sequence(%s, %s) AS line", [table, key])


def load_table(model: Any, path: Path, users: dict[str, int]) -> None:
    """Load the rows of a table as they are: they were valid when they were written to the file."""
    with path.open(encoding="utf-8") as lines:
        columns = json.loads(next(lines))
        rows = [model(**dict(zip(columns, json.loads(line), strict=True))) for line in lines]
    for column in user_columns(model):
        for row in rows:
            setattr(row, column, users.get(getattr(row, column)))
    clocks = ("auto_now", "auto_now_add")  # of fields that Django sets when it creates a row
    stamped = [field.name for field in model._meta.fields if any(getattr(field, clock, False) for clock in clocks)]
    given = [{name: getattr(row, name) for name in stamped} for row in rows]
    model._base_manager.bulk_create(rows, batch_size=BATCH_SIZE)
    for row, stamps in zip(rows, given, strict=True) if stamped else ():
        model._base_manager.filter(pk=row.pk).update(**stamps)


def user_columns(model: Any) -> list[str]:
    fields = model._meta.concrete_fields
    return [field.attname for field in fields if field.related_model is get_user_model()]


def write_tables() -> None:
    """Write the files of the tables from the database, which holds the demonstration and nothing else."""
    users = dict(get_user_model()._default_manager.values_list("pk", "username"))
    computed = {ItemLight, PilotLight, PilotClass, StaleLight, LightRules}
    tables = [model for name in ("policies", "pilots") for model in apps.get_app_config(name).get_models(True)]
    kept = [model for model in tables if model not in computed]
    kept += [apps.get_model("dashboard", name) for name in ("Edition", "HistoricalEdition")]
    for path in TABLES.glob("*.jsonl"):
        path.unlink()
    rows_of: dict[Any, Any] = {model: model._base_manager for model in kept}
    rows_of[SeedRecord] = SeedRecord.objects.filter(record_id__gt=0)  # without the mark
    rows_of[ChangeEvent] = ChangeEvent.objects
    for model, rows in rows_of.items():
        columns = [field.attname for field in model._meta.concrete_fields]
        places = [columns.index(column) for column in user_columns(model)]
        lines = [columns]
        for values in map(list, rows.order_by("pk").values_list(*columns)):
            for place in places:
                values[place] = users.get(values[place])
            lines.append(values)
        if len(lines) > 1:
            text = "\n".join(
                json.dumps(line, cls=DjangoJSONEncoder, ensure_ascii=False, sort_keys=True) for line in lines
            )
            (TABLES / f"{model._meta.label}.jsonl").write_text(f"{text}\n", encoding="utf-8")
