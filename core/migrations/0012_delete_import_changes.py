"""What an import wrote stands in the journal, and what was before in the histories."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("config", "0011_imports_not_checked_yet"), ("pilots", "0012_replans_of_before")]
    operations = [migrations.DeleteModel(name="ImportChange")]
