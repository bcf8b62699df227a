"""Plans say who is responsible for them where that is on record already."""

from typing import Any

from django.db import migrations


def fill(apps: Any, _editor: Any) -> None:
    """A plan that is recorded as a policy of the province too has the first agency that issued that.

    Its history says so as well, as if it had been entered from the beginning: nobody changed anything.
    """
    plans = apps.get_model("policies", "ProvincialPlan").objects
    history = apps.get_model("policies", "HistoricalProvincialPlan").objects
    for policy in apps.get_model("policies", "Policy").objects.filter(level="provincial", province__isnull=False):
        agency = policy.agencies.order_by("pk").first()
        for key in plans.filter(province=policy.province_id, title_zh=policy.title_zh).values_list("pk", flat=True):
            plans.filter(pk=key).update(responsible_agency=agency)
            history.filter(id=key).update(responsible_agency=agency)


class Migration(migrations.Migration):
    dependencies = [("policies", "0011_responsible_agency")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
