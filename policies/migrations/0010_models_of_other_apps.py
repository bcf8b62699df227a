"""Leave roles to `accounts`, imports and seed records to `core`: the tables stay as they are."""

from django.db import migrations

from core.migrations._steps import delete_content_types


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("config", "0005_models_by_their_names"),
        ("policies", "0009_latest_date_known"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel(name="ImportChange"),
                migrations.DeleteModel(name="ImportFile"),
                migrations.DeleteModel(name="Import"),
                migrations.DeleteModel(name="Officer"),
                migrations.DeleteModel(name="Shipment"),
            ]
        ),
        delete_content_types(
            *("policies.import", "policies.importchange", "policies.importfile", "policies.officer"),
            "policies.shipment",
        ),
    ]
