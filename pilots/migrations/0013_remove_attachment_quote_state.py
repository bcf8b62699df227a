"""A quote is no longer looked for in its file; the pages on which quotes were found stay in `quote_page`."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("pilots", "0012_replans_of_before")]

    operations: ClassVar = [
        migrations.RemoveConstraint("attachment", name="attachment_quote_state_known"),
        migrations.RemoveField("attachment", name="quote_state"),
        migrations.RemoveField("historicalattachment", name="quote_state"),
    ]
