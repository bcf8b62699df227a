"""Notes in English and in Chinese: what was written so far goes where its language is, history included."""

import core.text.bilingual
from typing import Any

from django.db import migrations, models

from core.migrations._steps import split_text_operations
from core.migrations._steps import join_texts
from core.migrations._steps import join_values
from core.migrations._steps import split_texts
from core.migrations._steps import split_values

FACTS = ("figure", "industry", "measure", "policy", "province", "provincialplan")
NOTED = ("agency", "source", *FACTS)
NAMES = ("note", "reason", "target_text")
CHECK = [core.text.bilingual.check_text]
ABOUT_FACTS = "What a careful reader must know, for example “Date of the press report”."
ABOUT_AGENCIES = "What a reader should know of it, for example an earlier name and the year of the change."
ABOUT_SOURCES = "What a reader should know of it, for example “Reprint; the original page is gone”."
SAME = "The same in Chinese. Where one is empty, readers of its language see the other."


def english(help_text: str) -> Any:
    return models.TextField(blank=True, help_text=help_text, validators=CHECK, verbose_name="note in English")


def chinese() -> Any:
    return models.TextField(blank=True, help_text=SAME, validators=CHECK, verbose_name="note in Chinese")


def split(apps: Any, schema_editor: Any) -> None:
    each(apps, schema_editor, split_texts, split_values)


def join(apps: Any, schema_editor: Any) -> None:
    each(apps, schema_editor, join_texts, join_values)


def each(apps: Any, schema_editor: Any, texts: Any, values: Any) -> None:
    """The records, their history, the values as they were shipped, and those from before an import."""
    database = schema_editor.connection.alias
    for name in NOTED:
        for model in (apps.get_model("policies", name), apps.get_model("policies", f"historical{name}")):
            texts(model, "note", database)
    for name, field in (("shipment", "values"), ("importchange", "before")):
        rows = apps.get_model("policies", name)._base_manager.using(database)
        for row in rows.iterator(500):
            old = getattr(row, field)
            new = values(old, NAMES) if old else old
            if new != old:
                rows.filter(pk=row.pk).update(**{field: new})


class Migration(migrations.Migration):
    dependencies = [("policies", "0005_set_lead_policy")]

    operations = [
        *split_text_operations(FACTS, "note", english(ABOUT_FACTS), chinese()),
        *split_text_operations(["agency"], "note", english(ABOUT_AGENCIES), chinese()),
        *split_text_operations(["source"], "note", english(ABOUT_SOURCES), chinese()),
        migrations.RunPython(split, join),
    ]
