"""Operations and steps that migrations of every app share. Itself no migration: Django skips a name with underscore."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from django.db import migrations
from django.db.models import Model

from core.text.bilingual import is_chinese_text

CHUNK_SIZE = 500


def split_text_operations(models: Iterable[str], name: str, english: Any, chinese: Any) -> list[Any]:
    """Split a text into `<name>_en` and `<name>_zh` on each model and its history; `split_texts` moves the data."""
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


def split_texts(model: type[Model], name: str, database: str) -> None:
    """Move the Chinese texts of the renamed column into the new one."""
    english, chinese = f"{name}_en", f"{name}_zh"
    rows = model._base_manager.using(database)
    texts = rows.exclude(**{english: ""}).values_list("pk", english).iterator(CHUNK_SIZE)
    found = [(pk, text) for pk, text in texts if is_chinese_text(text)]
    for start in range(0, len(found), CHUNK_SIZE):
        records = [model(pk=pk, **{english: "", chinese: text}) for pk, text in found[start : start + CHUNK_SIZE]]
        rows.bulk_update(records, [english, chinese])


def join_texts(model: type[Model], name: str, database: str) -> None:
    """Reverse of `split_texts`: one text again. Where there are two, the English one stays."""
    english, chinese = f"{name}_en", f"{name}_zh"
    rows = model._base_manager.using(database).filter(**{english: ""}).exclude(**{chinese: ""})
    for record in rows.only("pk", chinese).iterator(CHUNK_SIZE):
        rows.filter(pk=record.pk).update(**{english: getattr(record, chinese)})


def split_values(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Do the same for values stored by field name."""
    found = dict(values)
    for name in names:
        if name in found:
            text = found.pop(name) or ""
            found[f"{name}_en"], found[f"{name}_zh"] = ("", text) if is_chinese_text(text) else (text, "")
    return found


def join_values(values: Mapping[str, object], names: Sequence[str]) -> dict[str, object]:
    found = dict(values)
    for name in names:
        if f"{name}_en" in found:
            chinese = found.pop(f"{name}_zh", "")
            found[name] = found.pop(f"{name}_en") or chinese
    return found


def move_content_type(old: str, new: str) -> migrations.RunPython:
    """Give a model's content type, with its permissions and log entries, the model's new label (`app.model`).

    The rows are changed, not made anew: granted permissions and entries of the admin log stay valid. Does nothing on a
    new database, where content types are made after all migrations.
    """
    return migrations.RunPython(partial(rename_content_type, old, new), partial(rename_content_type, new, old))


def rename_content_type(old: str, new: str, apps: Any, schema_editor: Any) -> None:
    """Rename the content type, and the four standard permissions where the model has another name.

    A content type of the new label replaces nothing: `migrate` makes one with nothing attached to it when it stops
    between the migrations of two apps, both of which then have the model. It is deleted.
    """
    (old_app, old_model), (new_app, new_model) = old.split("."), new.split(".")
    using = schema_editor.connection.alias
    types = apps.get_model("contenttypes", "ContentType").objects.using(using)
    moved = types.filter(app_label=old_app, model=old_model)
    if not moved.exists():
        return
    types.filter(app_label=new_app, model=new_model).delete()
    moved.update(app_label=new_app, model=new_model)
    if old_model != new_model:
        permissions = apps.get_model("auth", "Permission").objects.using(using)
        for permission in permissions.filter(content_type__app_label=new_app, content_type__model=new_model):
            permission.codename = permission.codename.replace(f"_{old_model}", f"_{new_model}")
            permission.save(update_fields=["codename"])


def delete_content_types(*labels: str) -> migrations.RunPython:
    """Delete the content types of models that have left the app, where `migrate` stopped between and made them anew."""
    return migrations.RunPython(partial(delete_types, labels), migrations.RunPython.noop)


def delete_types(labels: Iterable[str], apps: Any, schema_editor: Any) -> None:
    types = apps.get_model("contenttypes", "ContentType").objects.using(schema_editor.connection.alias)
    for label in labels:
        app, model = label.split(".")
        types.filter(app_label=app, model=model).delete()
