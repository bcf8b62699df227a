"""Take over imports and seed records from `policies`, and name models as the code does: the tables stay as they are."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from core.migrations._steps import delete_content_types
from core.migrations._steps import move_content_type


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("config", "0004_marks"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("policies", "0009_latest_date_known"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="ChangeEvent",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("transaction", models.BigIntegerField()),
                        ("model", models.CharField(max_length=60)),
                        ("entry_id", models.BigIntegerField()),
                    ],
                    options={
                        "verbose_name": "change event",
                        "verbose_name_plural": "change events",
                        "db_table": "config_change",
                        "ordering": ["transaction", "pk"],
                    },
                ),
                migrations.CreateModel(
                    name="IdempotencyRecord",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("key", models.CharField(max_length=255)),
                        ("fingerprint", models.CharField(max_length=64)),
                        ("status", models.PositiveSmallIntegerField(null=True)),
                        ("headers", models.JSONField(default=dict)),
                        ("body", models.TextField(blank=True)),
                        (
                            "created_at",
                            models.DateTimeField(db_column="kept_at", db_index=True, default=django.utils.timezone.now),
                        ),
                    ],
                    options={
                        "verbose_name": "idempotency record",
                        "verbose_name_plural": "idempotency records",
                        "db_table": "config_keptanswer",
                    },
                ),
                migrations.CreateModel(
                    name="Import",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=20, verbose_name="kind")),
                        ("file_name", models.CharField(max_length=255, verbose_name="file")),
                        ("sha256", models.CharField(max_length=64, verbose_name="checksum (SHA-256)")),
                        ("form", models.CharField(max_length=4, verbose_name="format")),
                        ("sheet", models.CharField(blank=True, max_length=100, verbose_name="sheet")),
                        ("encoding", models.CharField(blank=True, max_length=20, verbose_name="encoding")),
                        ("rows_read", models.PositiveIntegerField(default=0, verbose_name="rows read")),
                        ("created", models.PositiveIntegerField(default=0, verbose_name="created")),
                        ("updated", models.PositiveIntegerField(default=0, verbose_name="updated")),
                        ("unchanged", models.PositiveIntegerField(default=0, verbose_name="unchanged")),
                        ("faults", models.PositiveIntegerField(default=0, verbose_name="errors")),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("faulty", "has errors"),
                                    ("checked", "checked, not confirmed"),
                                    ("confirmed", "confirmed"),
                                    ("undone", "undone"),
                                ],
                                max_length=9,
                                verbose_name="state",
                            ),
                        ),
                        ("reason", models.CharField(blank=True, max_length=300, verbose_name="reason")),
                        ("uploaded_at", models.DateTimeField(auto_now_add=True, verbose_name="uploaded at")),
                        ("confirmed_at", models.DateTimeField(null=True, verbose_name="confirmed at")),
                        ("undone_at", models.DateTimeField(null=True, verbose_name="undone at")),
                        (
                            "undo_reason",
                            models.CharField(blank=True, max_length=300, verbose_name="reason for undoing"),
                        ),
                    ],
                    options={
                        "verbose_name": "import",
                        "verbose_name_plural": "imports",
                        "db_table": "policies_import",
                        "ordering": ["-pk"],
                        "permissions": [("undo_import", "Can undo imports")],
                    },
                ),
                migrations.CreateModel(
                    name="ImportChange",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("row", models.PositiveIntegerField(verbose_name="row")),
                        ("model", models.CharField(max_length=60, verbose_name="model")),
                        ("record_id", models.BigIntegerField(verbose_name="record")),
                        (
                            "action",
                            models.CharField(
                                choices=[("create", "created"), ("update", "updated"), ("delete", "deleted")],
                                max_length=6,
                                verbose_name="action",
                            ),
                        ),
                        ("before", models.JSONField(null=True, verbose_name="before")),
                        ("entry_id", models.BigIntegerField(verbose_name="entry in the history")),
                    ],
                    options={
                        "verbose_name": "imported change",
                        "verbose_name_plural": "imported changes",
                        "db_table": "policies_importchange",
                        "ordering": ["pk"],
                    },
                ),
                migrations.CreateModel(
                    name="SeedRecord",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=30, verbose_name="kind")),
                        ("key", models.CharField(max_length=900, verbose_name="key")),
                        ("record_id", models.BigIntegerField(verbose_name="record")),
                        ("values", models.JSONField(verbose_name="values")),
                        ("loaded_at", models.DateTimeField(auto_now=True, verbose_name="loaded at")),
                    ],
                    options={
                        "verbose_name": "shipped record",
                        "verbose_name_plural": "shipped records",
                        "db_table": "policies_shipment",
                    },
                ),
                migrations.CreateModel(
                    name="TableVersion",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("table", models.CharField(db_column="area", max_length=63)),
                        ("transaction", models.BigIntegerField(default=0)),
                        ("version", models.CharField(db_column="mark", max_length=36)),
                    ],
                    options={
                        "verbose_name": "table version",
                        "verbose_name_plural": "table versions",
                        "db_table": "config_mark",
                    },
                ),
                migrations.DeleteModel(
                    name="Change",
                ),
                migrations.RemoveField(
                    model_name="keptanswer",
                    name="user",
                ),
                migrations.DeleteModel(
                    name="Mark",
                ),
                migrations.RemoveField(
                    model_name="token",
                    name="user",
                ),
                migrations.AddIndex(
                    model_name="changeevent",
                    index=models.Index(fields=["transaction", "id"], name="change_in_order"),
                ),
                migrations.AddConstraint(
                    model_name="changeevent",
                    constraint=models.UniqueConstraint(fields=("model", "entry_id"), name="change_once_an_entry"),
                ),
                migrations.AddConstraint(
                    model_name="changeevent",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("transaction__gte", 0)), name="change_transaction_counts"
                    ),
                ),
                migrations.AddField(
                    model_name="idempotencyrecord",
                    name="user",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                migrations.CreateModel(
                    name="ImportFile",
                    fields=[
                        (
                            "record",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="file",
                                serialize=False,
                                to="config.import",
                                verbose_name="import",
                            ),
                        ),
                        ("content", models.BinaryField(verbose_name="content")),
                        ("report", models.JSONField(default=dict, verbose_name="report")),
                    ],
                    options={
                        "verbose_name": "imported file",
                        "verbose_name_plural": "imported files",
                        "db_table": "policies_importfile",
                    },
                ),
                migrations.AddField(
                    model_name="import",
                    name="confirmed_by",
                    field=models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="confirmed by",
                    ),
                ),
                migrations.AddField(
                    model_name="import",
                    name="undone_by",
                    field=models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="undone by",
                    ),
                ),
                migrations.AddField(
                    model_name="import",
                    name="uploaded_by",
                    field=models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="uploaded by",
                    ),
                ),
                migrations.AddField(
                    model_name="importchange",
                    name="import_record",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="config.import",
                        verbose_name="import",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="seedrecord",
                    constraint=models.UniqueConstraint(fields=("kind", "key"), name="shipment_kind_key_unique"),
                ),
                migrations.AddConstraint(
                    model_name="tableversion",
                    constraint=models.UniqueConstraint(fields=("table", "transaction"), name="mark_once_a_transaction"),
                ),
                migrations.DeleteModel(
                    name="KeptAnswer",
                ),
                migrations.DeleteModel(
                    name="Token",
                ),
                migrations.AddConstraint(
                    model_name="idempotencyrecord",
                    constraint=models.UniqueConstraint(fields=("user", "key"), name="keptanswer_once_a_user"),
                ),
                migrations.AddConstraint(
                    model_name="import",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("state__in", ["faulty", "checked", "confirmed", "undone"])),
                        name="import_state_known",
                    ),
                ),
                migrations.AddIndex(
                    model_name="importchange",
                    index=models.Index(fields=["model", "entry_id"], name="importchange_entry"),
                ),
                migrations.AddConstraint(
                    model_name="importchange",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("action__in", ["create", "update", "delete"])),
                        name="importchange_action_known",
                    ),
                ),
            ]
        ),
        move_content_type("config.change", "config.changeevent"),
        move_content_type("config.keptanswer", "config.idempotencyrecord"),
        move_content_type("config.mark", "config.tableversion"),
        move_content_type("policies.import", "config.import"),
        move_content_type("policies.importfile", "config.importfile"),
        move_content_type("policies.importchange", "config.importchange"),
        move_content_type("policies.shipment", "config.seedrecord"),
        delete_content_types("config.token"),
    ]
