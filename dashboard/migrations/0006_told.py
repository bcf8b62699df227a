import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

from core.migrations._steps import CHUNK_SIZE, delete_content_types


def keep_what_was_told(apps, _schema_editor):
    """Keep the steps that users were told of and the days of their digests; what was never sent is owed again."""
    told, step, mail = (apps.get_model("dashboard", name) for name in ("Told", "ReminderStep", "ReminderMail"))
    sent = Q(sent_at__isnull=False)
    steps = step.objects.filter(sent | Q(mail__held=True)).order_by("pk")
    digests = mail.objects.filter(sent | Q(held=True)).order_by("pk")
    rows = [
        *(told(user_id=row.user_id, thing=row.thing, code=row.code, day=row.planned_for) for row in steps.iterator()),
        *(
            told(user_id=row.user_id, thing="digest", code="held" if row.held else "sent", day=row.day)
            for row in digests.iterator()
        ),
    ]
    told.objects.bulk_create(rows, CHUNK_SIZE)


class Migration(migrations.Migration):
    """One table says what each user was told of: it takes the place of the mails and their steps."""

    dependencies = [
        ("dashboard", "0005_delete_subscriptions"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Told",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("thing", models.CharField(max_length=40, verbose_name="record")),
                ("code", models.CharField(max_length=40, verbose_name="step")),
                ("day", models.DateField(verbose_name="day")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="told",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "step of a reminder",
                "verbose_name_plural": "steps of reminders",
                "ordering": ["day", "pk"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("user", "thing", "code", "day"), name="told_once"),
                ],
            },
        ),
        migrations.RunPython(keep_what_was_told, migrations.RunPython.noop),
        migrations.DeleteModel("ReminderStep"),
        migrations.DeleteModel("ReminderMail"),
        delete_content_types("dashboard.reminderstep", "dashboard.remindermail"),
    ]
