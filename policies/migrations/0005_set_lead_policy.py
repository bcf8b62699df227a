"""The policy that the overview of an existing database showed stays the one that it shows."""

from typing import Any

from django.db import migrations


def set_lead(apps: Any, _editor: Any) -> None:
    """Set what the overview chose until now: the latest national policy that calls for provincial plans.

    Its history says so too, as if it had been set from the beginning: nobody changed anything.
    """
    calling = apps.get_model("policies", "Policy").objects.filter(calls_for_provincial_plan=True, level="national")
    lead = calling.order_by("known_issued_by", "pk").last()
    if lead is not None:
        calling.filter(pk=lead.pk).update(is_lead=True)
        history = apps.get_model("policies", "HistoricalPolicy").objects
        history.filter(id=lead.pk, calls_for_provincial_plan=True).update(is_lead=True)


class Migration(migrations.Migration):
    dependencies = [("policies", "0004_lead_policy")]

    operations = [migrations.RunPython(set_lead, migrations.RunPython.noop)]
