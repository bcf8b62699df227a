from django.db import migrations

from core.migrations._steps import delete_content_types


class Migration(migrations.Migration):
    dependencies = [("pilots", "0016_steps_of_before")]

    operations = [
        migrations.DeleteModel("HistoricalTargetStep"),
        migrations.DeleteModel("TargetStep"),
        delete_content_types("pilots.targetstep", "pilots.historicaltargetstep"),
    ]
