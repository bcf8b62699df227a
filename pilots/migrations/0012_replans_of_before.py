"""Replans of planned days that were moved before there were replans, from the histories.

Of a key milestone and of a planned stage every later planned day becomes an accepted replan of the local day of its
history entry, and the record and its history keep the first day: `as_of` before the move shows the first day, and so
does a snapshot of the past. What its author put right on the day of entry is no replan.
"""

from itertools import takewhile

from django.db import migrations
from django.db.models import Count
from django.utils import timezone

from core.text.bilingual import is_chinese_text

CHUNK_SIZE = 200
MAX_REASON = 300
NO_REASON = {"reason_en": "No reason is on record", "reason_zh": "未记录理由"}
TRANSACTION_ID = {"postgresql": "pg_current_xact_id()::text::bigint", "sqlite": "0"}

INSERT_EVENT = "INSERT INTO config_change (\"transaction\", model, entry_id) VALUES ({}, 'pilots.replan', %s)"


def write_replans(apps, schema_editor):
    for name, field, conditions in (
        ("Milestone", "milestone_id", {"is_key": True}),
        ("StageEntry", "stage_entry_id", {"planned_on__isnull": False}),
    ):
        history = apps.get_model("pilots", f"Historical{name}").objects
        entries = history.exclude(history_type="-").filter(planned_on__isnull=False)
        moved = entries.order_by().values("id").annotate(days=Count("planned_on", distinct=True)).filter(days__gt=1)
        records = apps.get_model("pilots", name).objects.filter(pk__in=moved.values("id"), **conditions)
        keys = list(records.order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(keys), CHUNK_SIZE):
            convert(apps, schema_editor.connection, name, field, keys[start : start + CHUNK_SIZE])


def convert(apps, connection, name, field, keys):
    """Convert the histories of some records of a model."""
    model, history = apps.get_model("pilots", name), apps.get_model("pilots", f"Historical{name}")
    versions = {key: [] for key in keys}
    for entry in history.objects.filter(id__in=keys).order_by("history_date", "history_id"):
        if entry.planned_on is not None:
            versions[entry.id].append(entry)
    for record in model.objects.filter(pk__in=keys).order_by("pk"):
        entries = versions[record.pk]
        entered = entries_of_entry(entries)
        first, later = entered[-1].planned_on, entries[len(entered) :]
        moves, day = [], first
        for entry in later:
            if entry.history_type != "-" and entry.planned_on != day:
                moves.append(entry)
                day = entry.planned_on
        if not moves or day != record.planned_on:  # corrected on the day of entry, or not as its history says
            continue
        for entry in moves:
            write_replan(apps, connection, name, {field: record.pk, "pilot_id": record.pilot_id}, entry)
        history.objects.filter(history_id__in=[entry.history_id for entry in later]).update(planned_on=first)
        model.objects.filter(pk=record.pk).update(planned_on=first)
        correct_imports(apps, name, record.pk, later, first)


def entries_of_entry(entries):
    """Return the entries that entered the record: the first one, and what its author put right on the same day."""
    entered = author_and_day(entries[0])
    return list(takewhile(lambda entry: author_and_day(entry) == entered, entries))


def author_and_day(entry):
    return timezone.localtime(entry.history_date).date(), entry.history_user_id


def write_replan(apps, connection, name, item, entry):
    """Write an accepted replan with its history entry, and what an undo of an import and the change feed need."""
    day, user = timezone.localtime(entry.history_date).date(), entry.history_user_id
    text = (entry.history_change_reason or "").strip()[:MAX_REASON]
    reason = {"reason_zh" if is_chinese_text(text) else "reason_en": text} if text else NO_REASON
    values = {**item, **reason, "day": entry.planned_on, "accepted": True}
    values |= {"asked_by_id": user, "asked_on": day, "decided_by_id": user, "decided_on": day}
    replan = apps.get_model("pilots", "Replan").objects.create(**values)
    past = apps.get_model("pilots", "HistoricalReplan").objects.create(
        id=replan.pk,
        **values,
        history_date=entry.history_date,
        history_user_id=user,
        history_change_reason=entry.history_change_reason,
        history_type="+",
    )
    with connection.cursor() as cursor:
        cursor.execute(INSERT_EVENT.format(TRANSACTION_ID[connection.vendor]), [past.history_id])
    changes = apps.get_model("config", "ImportChange").objects
    for change in changes.filter(
        model=f"pilots.{name.lower()}", entry_id=entry.history_id, import_record__state="confirmed"
    ):
        changes.create(
            import_record_id=change.import_record_id,
            row=change.row,
            model="pilots.replan",
            record_id=replan.pk,
            action="create",
            entry_id=past.history_id,
        )


def correct_imports(apps, name, key, entries, first):
    """Let an undo of an import put the first day back into the record: the replan is taken away by itself."""
    changes = apps.get_model("config", "ImportChange").objects
    written = [entry.history_id for entry in entries]
    for change in changes.filter(model=f"pilots.{name.lower()}", record_id=key, entry_id__in=written):
        if change.before and change.before["fields"].get("planned_on"):
            change.before["fields"]["planned_on"] = first.isoformat()
            change.save(update_fields=["before"])


class Migration(migrations.Migration):
    dependencies = [
        ("pilots", "0011_replans"),
        ("config", "0007_backup_runs"),
    ]
    operations = [migrations.RunPython(write_replans, migrations.RunPython.noop)]
