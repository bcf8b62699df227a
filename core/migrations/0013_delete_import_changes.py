"""What an import wrote stands in the journal, and what was before in the histories."""

from django.db import migrations

from core.migrations._steps import delete_content_types


class Migration(migrations.Migration):
    dependencies = [("config", "0012_delete_versions_of_tables_and_records"), ("pilots", "0012_replans_of_before")]
    operations = [migrations.DeleteModel(name="ImportChange"), delete_content_types("config.importchange")]
