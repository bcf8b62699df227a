"""No account is marked for the day when single sign-on is down: any administrator with a password is one."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0004_role_mappings")]

    operations: ClassVar = [migrations.RemoveField("signinrule", name="break_glass")]
