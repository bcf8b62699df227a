from django.conf import settings
from django.db import migrations

from core.migrations._steps import delete_content_types


def keep_opt_outs(apps, _schema_editor):
    """Switch the digest off for editors who opted out of their whole province and follow nothing: they got none."""
    subscriptions = apps.get_model("dashboard", "Subscription").objects.order_by()
    followers = set(subscriptions.filter(active=True).values_list("user", flat=True))
    opted_out = set(subscriptions.filter(active=False, kind="province").values_list("user", "record_id"))
    officers = apps.get_model("accounts", "Officer").objects.filter(role="provincial_editor")
    mail_settings = apps.get_model("dashboard", "MailSettings").objects
    for user, province in officers.values_list("user", "province"):
        if (user, province) in opted_out and user not in followers:
            mail_settings.update_or_create(user_id=user, defaults={"rhythm": "off"})


class Migration(migrations.Migration):
    """The digest is by role: on or off. The settings are changed first, so that no row of them waits for its checks."""

    dependencies = [
        ("dashboard", "0004_delete_issued_sheets"),
        ("accounts", "0004_role_mappings"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RenameField("mailsettings", "bounced_address", "refused_address"),
        migrations.RemoveField("mailsettings", "bounced_at"),
        migrations.RemoveField("mailsettings", "bounce_error"),
        migrations.RunPython(keep_opt_outs, migrations.RunPython.noop),
        migrations.DeleteModel("Subscription"),
        delete_content_types("dashboard.subscription"),
    ]
