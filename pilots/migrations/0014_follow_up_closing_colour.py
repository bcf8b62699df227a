"""The colour of a follow-up's cause is kept with the step that closes it; numbers no longer have a table of their own.

The colours of steps taken before are filled in after all migrations (pilots/apps.py), by the code that computes lights.
"""

from django.db import migrations, models

from core.migrations._steps import delete_content_types

COLOURS = [("red", "Red"), ("yellow", "Yellow"), ("blue", "Blue"), ("green", "Green"), ("grey", "Grey")]
HELP = "Of the step that closed it: the colour of the cause on that day, as it was known then."


def colour() -> models.CharField:
    return models.CharField(
        blank=True,
        choices=COLOURS,
        default="",
        editable=False,
        help_text=HELP,
        max_length=6,
        verbose_name="light at the closing",
    )


class Migration(migrations.Migration):
    dependencies = [("pilots", "0013_remove_attachment_quote_state")]

    operations = [
        migrations.AddField("followupstep", "cause_colour", colour(), preserve_default=False),
        migrations.AddField("historicalfollowupstep", "cause_colour", colour(), preserve_default=False),
        migrations.AddConstraint(
            "followupstep",
            models.CheckConstraint(
                condition=models.Q(("cause_colour__in", ["red", "yellow", "blue", "green", "grey", ""])),
                name="followupstep_colour_known",
            ),
        ),
        migrations.DeleteModel("FollowUpNumber"),
        delete_content_types("pilots.followupnumber"),
    ]
