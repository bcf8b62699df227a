"""A role for editors of the records of all provinces who do not manage accounts."""

import django.db.models.deletion
from django.db import migrations, models

ROLES = ["viewer", "provincial_editor", "national_editor", "admin"]


class Migration(migrations.Migration):
    dependencies = [("policies", "0006_notes_in_two_languages")]

    operations = [
        migrations.AlterField(
            model_name="officer",
            name="role",
            field=models.CharField(
                choices=[
                    ("viewer", "viewer"),
                    ("provincial_editor", "provincial editor"),
                    ("national_editor", "national editor"),
                    ("admin", "administrator"),
                ],
                default="viewer",
                help_text="viewer: reads; provincial editor: enters what belongs to the province; national editor: everything in the records of all provinces, nothing of people; administrator: everything. A change ends the person’s tokens.",
                max_length=20,
                verbose_name="role",
            ),
        ),
        migrations.AlterField(
            model_name="officer",
            name="province",
            field=models.ForeignKey(
                blank=True,
                help_text="Only for a provincial editor.",
                limit_choices_to={"in_roster": True},
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="officers",
                to="policies.province",
                verbose_name="province",
            ),
        ),
        migrations.RemoveConstraint(model_name="officer", name="officer_role_known"),
        migrations.AddConstraint(
            model_name="officer",
            constraint=models.CheckConstraint(condition=models.Q(("role__in", ROLES)), name="officer_role_known"),
        ),
    ]
