"""Steps that several migrations share."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import migrations

from config.bilingual import is_chinese

CHUNK = 500


def in_two_languages(models: Iterable[str], name: str, english: Any, chinese: Any) -> list[Any]:
    """A text becomes `<name>_en` and `<name>_zh`, on each model and in its history; `split_texts` then moves it."""
    return [
        step
        for model in models
        for each in (model, f"historical{model}")
        for step in (
            migrations.RenameField(each, name, f"{name}_en"),
            migrations.AlterField(each, f"{name}_en", english),
            migrations.AddField(each, f"{name}_zh", chinese),
        )
    ]


def split_texts(model: Any, name: str, database: str) -> None:
    """Move the Chinese texts of the renamed column into the new one."""
    english, chinese = f"{name}_en", f"{name}_zh"
    rows = model._base_manager.using(database)
    texts = rows.exclude(**{english: ""}).values_list("pk", english).iterator(CHUNK)
    found = [(pk, text) for pk, text in texts if is_chinese(text)]
    for start in range(0, len(found), CHUNK):
        records = [model(pk=pk, **{english: "", chinese: text}) for pk, text in found[start : start + CHUNK]]
        rows.bulk_update(records, [english, chinese])


def join_texts(model: Any, name: str, database: str) -> None:
    """The way back: one text again. Where there are two, the English one stays."""
    english, chinese = f"{name}_en", f"{name}_zh"
    rows = model._base_manager.using(database).filter(**{english: ""}).exclude(**{chinese: ""})
    for record in rows.only("pk", chinese).iterator(CHUNK):
        rows.filter(pk=record.pk).update(**{english: getattr(record, chinese)})


def split_values(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The same for values that are kept by the names of their fields."""
    found = dict(values)
    for name in names:
        if name in found:
            text = found.pop(name) or ""
            found[f"{name}_en"], found[f"{name}_zh"] = ("", text) if is_chinese(text) else (text, "")
    return found


def join_values(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    found = dict(values)
    for name in names:
        if f"{name}_en" in found:
            chinese = found.pop(f"{name}_zh", "")
            found[name] = found.pop(f"{name}_en") or chinese
    return found
