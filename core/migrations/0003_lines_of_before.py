"""A line among the changes for each history entry written before there were such lines, in the order of their moments."""

from heapq import merge
from itertools import islice

from django.db import migrations

BATCH = 500


def note_entries(apps, schema_editor):
    """Each history is read as a stream: of entries there may be many."""
    change = apps.get_model("config", "Change")
    histories = [model for model in apps.get_models() if any(f.name == "history_type" for f in model._meta.fields)]
    entries = merge(*map(entries_of, histories))
    while some := list(islice(entries, BATCH)):
        lines = [change(transaction=0, model=model, entry_id=entry) for _when, model, entry in some]
        change.objects.bulk_create(lines, ignore_conflicts=True)


def entries_of(history):
    """Moment, model and number of each entry, oldest first."""
    model = f"{history._meta.app_label}.{history._meta.model_name.removeprefix('historical')}"
    rows = history.objects.order_by("history_date", "history_id").values_list("history_date", "history_id")
    return ((when, model, entry) for when, entry in rows.iterator(chunk_size=BATCH))


class Migration(migrations.Migration):
    dependencies = [
        ("config", "0002_token_revoked_why"),
        ("policies", "0001_initial"),
        ("pilots", "0001_initial"),
    ]
    operations = [migrations.RunPython(note_entries, migrations.RunPython.noop)]
