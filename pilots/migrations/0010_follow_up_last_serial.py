from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("pilots", "0009_follow_up_numbers"),
    ]

    operations = [
        migrations.RenameField(model_name="followupnumber", old_name="last", new_name="last_serial"),
        migrations.AlterField(
            model_name="followupnumber",
            name="last_serial",
            field=models.PositiveIntegerField(default=0, verbose_name="last serial number"),
        ),
    ]
