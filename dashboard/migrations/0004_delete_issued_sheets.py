"""Delete issued sheets. Those on record are written to a file first, one JSON object a line."""

import json

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import migrations
from django.utils import timezone

from core.migrations._steps import delete_content_types

FIELDS = ("id", "kind", "slug", "language", "as_of", "known", "since", "issued_at", "sha256", "data")


def export_sheets(apps, schema_editor):
    """Write the sheets with the name of who issued them to a new file in VAR_DIR; without any, none is made."""
    sheets = apps.get_model("dashboard", "IssuedSheet").objects.using(schema_editor.connection.alias)
    if not sheets.exists():
        return
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    path = settings.VAR_DIR / f"issued-sheets-{timezone.now():%Y%m%dT%H%M%S%f}.jsonl"
    with path.open("x", encoding="utf-8") as file:
        for sheet in sheets.select_related("issued_by").order_by("issued_at", "id").iterator():
            row = {name: getattr(sheet, name) for name in FIELDS}
            row["issued_by"] = sheet.issued_by and sheet.issued_by.username
            file.write(json.dumps(row, ensure_ascii=False, cls=DjangoJSONEncoder) + "\n")
    print(f"Issued sheets are gone. Those that were on record: {path}")  # noqa: T201


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0003_reminders"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(export_sheets, migrations.RunPython.noop),
        migrations.DeleteModel(name="IssuedSheet"),
        delete_content_types("dashboard.issuedsheet"),
    ]
