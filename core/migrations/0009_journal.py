"""The change events become a journal: who changed which record, when and why, filled in from the histories.

Ids and transactions stay: they are the cursors of clients. A record of a pilot counts as the province's in which the
pilot lies now, or lay last: nobody knows better of what was written before.
"""

import datetime
import re

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

LAST = "(SELECT {column} FROM {table} AS last WHERE last.id = {key} ORDER BY last.history_id DESC LIMIT 1)"
LAST_PROVINCE = LAST.format(column="province_id", table="pilots_historicalpilot", key="{0}")
PILOT = f"coalesce((SELECT province_id FROM pilots_pilot WHERE id = {{0}}), {LAST_PROVINCE})"  # noqa: S608  # constants only
OF_PILOT = ("id", PILOT.format("h.pilot_id"), "pilots.pilot", "pilot_id")
OF_TARGET = PILOT.format(LAST.format(column="pilot_id", table="pilots_historicaltarget", key="h.target_id"))
OF_FOLLOW_UP = LAST.format(column="province_id", table="pilots_historicalfollowup", key="h.follow_up_id")
NONE = "cast(NULL AS bigint)"
MODELS = {
    "policies.province": ("slug", "h.id", "", NONE),
    "policies.agency": ("slug", NONE, "", NONE),
    "policies.division": ("code", NONE, "", NONE),
    "policies.industry": ("slug", NONE, "", NONE),
    "policies.policy": ("slug", "h.province_id", "", NONE),
    "policies.provincialplan": ("id", "h.province_id", "policies.policy", "policy_id"),
    "policies.measure": ("slug", NONE, "", NONE),
    "policies.figure": ("slug", "h.province_id", "", NONE),
    "policies.source": ("id", NONE, "", NONE),
    "pilots.batch": ("slug", "h.province_id", "", NONE),
    "pilots.pilot": ("slug", "h.province_id", "", NONE),
    "pilots.indicator": ("code", NONE, "", NONE),
    "pilots.target": OF_PILOT,
    "pilots.targetstep": ("id", OF_TARGET, "pilots.target", "target_id"),
    "pilots.reading": OF_PILOT,
    "pilots.stageentry": OF_PILOT,
    "pilots.milestone": OF_PILOT,
    "pilots.lightoverride": OF_PILOT,
    "pilots.replan": OF_PILOT,
    "pilots.followup": ("number", "h.province_id", "", NONE),
    "pilots.followupstep": ("id", OF_FOLLOW_UP, "pilots.followup", "follow_up_id"),
    "pilots.practice": ("slug", "h.province_id", "", NONE),
    "pilots.adoption": ("id", "h.province_id", "pilots.practice", "practice_id"),
    "pilots.effect": ("id", "h.province_id", "pilots.practice", "practice_id"),
    "pilots.document": ("id", "h.province_id", "", NONE),
    "pilots.attachment": ("id", "h.province_id", "pilots.document", "document_id"),
    "dashboard.edition": ("quarter", NONE, "", NONE),
}
"""By model the column that is the key in addresses, the SQL of the province, and model and column of the owner."""
INSERT_MISSING = """
INSERT INTO config_change ("transaction", model, entry_id, record_id, action, at, reason, "key", former_key, owner_model,
    undoes)
SELECT 0, '{label}', h.history_id, 0, '', h.history_date, '', '', '', '', {false} FROM {history} AS h
WHERE NOT EXISTS (SELECT 1 FROM config_change AS c WHERE c.model = '{label}' AND c.entry_id = h.history_id)
ORDER BY h.history_date, h.history_id
"""
FILL = """
UPDATE config_change SET record_id = h.id, action = h.history_type, at = h.history_date, user_id = h.history_user_id,
    reason = coalesce(h.history_change_reason, ''), "key" = h.new_key, owner_id = h.new_owner,
    province_id = h.new_province, owner_model = CASE WHEN h.new_owner IS NULL THEN '' ELSE '{owner_model}' END,
    former_key = CASE WHEN h.history_type = '~' AND h.old_key <> h.new_key THEN h.old_key ELSE '' END
FROM (
    SELECT h.id, h.history_id, h.history_type, h.history_date, h.history_user_id, h.history_change_reason,
        cast(h.{key} AS text) AS new_key, {owner} AS new_owner, {province} AS new_province,
        lag(cast(h.{key} AS text)) OVER (PARTITION BY h.id ORDER BY h.history_id) AS old_key
    FROM {history} AS h
) AS h
WHERE config_change.model = '{label}' AND config_change.entry_id = h.history_id
"""
IMPORTED = """
UPDATE config_change SET import_record_id = i.import_record_id FROM policies_importchange AS i
WHERE config_change.model = i.model AND config_change.entry_id = i.entry_id
"""
UNDONE = re.compile(r"(?:Import (\d+) undone|撤销导入(\d+))(?:(?:: |：)(.*))?", re.DOTALL)
"""The reason that undoing an import wrote into the histories, in the language of who undid it."""


def fill_in(apps, schema_editor):
    connection = schema_editor.connection
    false = "false" if connection.vendor == "postgresql" else "0"
    with connection.cursor() as cursor:
        for label, (key, province, owner_model, owner) in MODELS.items():
            app, name = label.split(".")
            words = {"label": label, "history": f"{app}_historical{name}", "key": key, "false": false}
            cursor.execute(INSERT_MISSING.format(**words))
            cursor.execute(FILL.format(**words, province=province, owner_model=owner_model, owner=owner))
        cursor.execute(IMPORTED)
    changes = apps.get_model("config", "ChangeEvent").objects
    changes.filter(record_id=0).delete()  # of entries that are no longer stored
    imports = set(apps.get_model("config", "Import").objects.values_list("pk", flat=True))
    told = changes.filter(models.Q(reason__startswith="Import ") | models.Q(reason__startswith="撤销导入"))
    for reason in list(told.order_by().values_list("reason", flat=True).distinct()):
        found = UNDONE.fullmatch(reason)
        number = int(found[1] or found[2]) if found else None
        if number in imports:
            changes.filter(reason=reason).update(reason=found[3] or "", import_record=number, undoes=True)


def add(name, field):
    return migrations.AddField("changeevent", name, field, preserve_default=not field.has_default())


def index(name, *fields):
    return migrations.AddIndex("changeevent", models.Index(fields=fields, name=name))


class Migration(migrations.Migration):
    dependencies = [
        ("config", "0008_data_version"),
        ("policies", "0010_models_of_other_apps"),
        ("pilots", "0013_remove_attachment_quote_state"),
        ("dashboard", "0005_delete_subscriptions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        add("record_id", models.BigIntegerField(default=0)),
        add("action", models.CharField(max_length=1, default="")),
        add("at", models.DateTimeField(default=datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC))),
        add(
            "user",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        add("reason", models.TextField(blank=True, default="")),
        add("key", models.CharField(max_length=150, default="")),
        add("former_key", models.CharField(blank=True, max_length=150, default="")),
        add("owner_model", models.CharField(blank=True, max_length=60, default="")),
        add("owner_id", models.BigIntegerField(null=True)),
        add("province_id", models.BigIntegerField(null=True)),
        add(
            "import_record",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="config.import"
            ),
        ),
        migrations.AddField("changeevent", "undoes", models.BooleanField(default=False)),
        index("change_of_record", "model", "record_id", "id"),
        index("change_of_owner", "owner_model", "owner_id", "at"),
        index("change_by_time", "at", "id"),
        migrations.RunPython(fill_in, migrations.RunPython.noop),
    ]
