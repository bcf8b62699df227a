"""The rule of a sign-in. For those who are editors already the days of grace begin with this migration."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def begin_grace(apps, schema_editor):
    user, rule = apps.get_model(*settings.AUTH_USER_MODEL.split(".")), apps.get_model("accounts", "SignInRule")
    alias = schema_editor.connection.alias
    staff = user.objects.using(alias).filter(models.Q(is_staff=True) | models.Q(is_superuser=True))
    rule.objects.using(alias).bulk_create(rule(user=person) for person in staff)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_token_kind"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SignInRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "break_glass",
                    models.BooleanField(
                        default=False,
                        help_text="For the day when single sign-on is down: it has a password, needs a second factor at once, is never linked to single sign-on, and each sign-in is logged as a warning.",
                        verbose_name="break-glass account",
                    ),
                ),
                (
                    "grace_from",
                    models.DateField(
                        default=django.utils.timezone.localdate, editable=False, verbose_name="days of grace count from"
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sign_in_rule",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "rule of a sign-in",
                "verbose_name_plural": "rules of sign-ins",
            },
        ),
        migrations.RunPython(begin_grace, migrations.RunPython.noop, elidable=True),
    ]
