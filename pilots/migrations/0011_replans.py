import core.http.as_of
import core.records.validators
import core.text.bilingual
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pilots", "0010_follow_up_last_serial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HistoricalReplan",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                (
                    "day",
                    models.DateField(
                        help_text="The day by which it is to be done instead.", verbose_name="day asked for"
                    ),
                ),
                (
                    "reason_en",
                    models.CharField(
                        blank=True,
                        help_text="Why, for example “the approval of the site took longer”: it is shown beside the light.",
                        max_length=300,
                        validators=[core.text.bilingual.check_text],
                        verbose_name="reason in English",
                    ),
                ),
                (
                    "reason_zh",
                    models.CharField(
                        blank=True,
                        help_text="The same in Chinese. Where one is empty, readers of its language see the other.",
                        max_length=300,
                        validators=[core.text.bilingual.check_text],
                        verbose_name="reason in Chinese",
                    ),
                ),
                (
                    "asked_on",
                    models.DateField(
                        default=core.http.as_of.today,
                        editable=False,
                        validators=[core.records.validators.check_not_ahead],
                        verbose_name="asked for on",
                    ),
                ),
                (
                    "decided_on",
                    models.DateField(
                        blank=True,
                        editable=False,
                        help_text="An accepted day holds from this day on.",
                        null=True,
                        verbose_name="decided on",
                    ),
                ),
                (
                    "accepted",
                    models.BooleanField(
                        blank=True,
                        help_text="Empty while the request waits; the ministry decides it.",
                        null=True,
                        verbose_name="accepted",
                    ),
                ),
                (
                    "remark",
                    models.CharField(
                        blank=True,
                        help_text="Why it was refused: it is shown beside the light.",
                        max_length=300,
                        validators=[core.text.bilingual.check_text],
                        verbose_name="remark",
                    ),
                ),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked for by",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "milestone",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="The key milestone for which another day is asked for; or name a planned stage.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pilots.milestone",
                        verbose_name="milestone",
                    ),
                ),
                (
                    "pilot",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pilots.pilot",
                        verbose_name="pilot",
                    ),
                ),
                (
                    "stage_entry",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="The planned stage for which another day is asked for; or name a key milestone.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="pilots.stageentry",
                        verbose_name="stage entry",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical replan",
                "verbose_name_plural": "historical replans",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="Replan",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "day",
                    models.DateField(
                        help_text="The day by which it is to be done instead.", verbose_name="day asked for"
                    ),
                ),
                (
                    "reason_en",
                    models.CharField(
                        blank=True,
                        help_text="Why, for example “the approval of the site took longer”: it is shown beside the light.",
                        max_length=300,
                        validators=[core.text.bilingual.check_text],
                        verbose_name="reason in English",
                    ),
                ),
                (
                    "reason_zh",
                    models.CharField(
                        blank=True,
                        help_text="The same in Chinese. Where one is empty, readers of its language see the other.",
                        max_length=300,
                        validators=[core.text.bilingual.check_text],
                        verbose_name="reason in Chinese",
                    ),
                ),
                (
                    "asked_on",
                    models.DateField(
                        default=core.http.as_of.today,
                        editable=False,
                        validators=[core.records.validators.check_not_ahead],
                        verbose_name="asked for on",
                    ),
                ),
                (
                    "decided_on",
                    models.DateField(
                        blank=True,
                        editable=False,
                        help_text="An accepted day holds from this day on.",
                        null=True,
                        verbose_name="decided on",
                    ),
                ),
                (
                    "accepted",
                    models.BooleanField(
                        blank=True,
                        help_text="Empty while the request waits; the ministry decides it.",
                        null=True,
                        verbose_name="accepted",
                    ),
                ),
                (
                    "remark",
                    models.CharField(
                        blank=True,
                        help_text="Why it was refused: it is shown beside the light.",
                        max_length=300,
                        validators=[core.text.bilingual.check_text],
                        verbose_name="remark",
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked for by",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
                (
                    "milestone",
                    models.ForeignKey(
                        blank=True,
                        help_text="The key milestone for which another day is asked for; or name a planned stage.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="replans",
                        to="pilots.milestone",
                        verbose_name="milestone",
                    ),
                ),
                (
                    "pilot",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replans",
                        to="pilots.pilot",
                        verbose_name="pilot",
                    ),
                ),
                (
                    "stage_entry",
                    models.ForeignKey(
                        blank=True,
                        help_text="The planned stage for which another day is asked for; or name a key milestone.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="replans",
                        to="pilots.stageentry",
                        verbose_name="stage entry",
                    ),
                ),
            ],
            options={
                "verbose_name": "replan",
                "verbose_name_plural": "replans",
                "ordering": ["pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("milestone__isnull", False), ("stage_entry__isnull", True)),
                            models.Q(("milestone__isnull", True), ("stage_entry__isnull", False)),
                            _connector="OR",
                        ),
                        name="replan_one_item",
                        violation_error_message="Name a key milestone or a planned stage, and not both.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason_en", ""), _negated=True),
                            models.Q(("reason_zh", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="replan_has_reason",
                        violation_error_message="Say why another day is asked for: it is shown beside the light.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("accepted__isnull", True), ("decided_on__isnull", True)),
                            models.Q(("accepted__isnull", False), ("decided_on__isnull", False)),
                            _connector="OR",
                        ),
                        name="replan_decided_on_a_day",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("accepted__isnull", True),
                            ("accepted", True),
                            models.Q(("remark", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="replan_refusal_has_remark",
                        violation_error_message="Say why it is refused: the remark is shown beside the light.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("accepted__isnull", True)),
                        fields=("milestone",),
                        name="replan_milestone_waits_once",
                        violation_error_message="A request for this milestone waits already.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("accepted__isnull", True)),
                        fields=("stage_entry",),
                        name="replan_stage_waits_once",
                        violation_error_message="A request for this stage waits already.",
                    ),
                ],
            },
        ),
    ]
