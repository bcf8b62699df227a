from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pilots", "0014_follow_up_closing_colour")]

    operations = [
        migrations.AddField(
            model,
            "steps",
            models.JSONField(
                blank=True,
                default=dict,
                help_text="Values for years before the target year, for example 2024: 34.4; 2025: 30.",
                verbose_name="steps",
            ),
        )
        for model in ("target", "historicaltarget")
    ]
