"""The tables and columns of accounts get the names of release 1.0."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_delete_role_mappings"), ("config", "0014_tables_of_1_0")]
    operations = [
        migrations.AlterField(
            "token",
            "permission_snapshot",
            models.CharField(editable=False, max_length=80, verbose_name="rights it was made with"),
        ),
        migrations.AlterField(
            "token", "prefix", models.CharField(editable=False, max_length=12, verbose_name="begins with")
        ),
        migrations.AlterModelTable("officer", None),
        migrations.AlterModelTable("token", None),
    ]
