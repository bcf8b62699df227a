"""Roles by single sign-on stand in the setting OIDC_ROLES."""

from django.conf import settings
from django.core.management.base import CommandError
from django.db import migrations

from core.migrations._steps import delete_content_types


def print_setting(apps, schema_editor):
    """Print the mappings as the setting. Without it people would sign in and lose their roles, so it has to be there."""
    mappings = apps.get_model("accounts", "RoleMapping").objects.using(schema_editor.connection.alias)
    roles = [
        f"{mapping.value}={mapping.role}" + (f":{mapping.province.slug}" if mapping.province else "")
        for mapping in mappings.select_related("province").order_by("value")
    ]
    if not roles:
        return
    line = f"OIDC_ROLES={';'.join(roles)}"
    if not settings.OIDC_ROLES:
        raise CommandError(f"Roles by single sign-on have become a setting: set it, then migrate again. {line}")
    print(f"Roles by single sign-on have become a setting. Those that were on record:\n{line}")  # noqa: T201


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_remove_break_glass"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunPython(print_setting, migrations.RunPython.noop),
        migrations.DeleteModel("RoleMapping"),
        delete_content_types("accounts.rolemapping"),
    ]
