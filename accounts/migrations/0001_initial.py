import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('policies', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SignInRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='sign_in_rule', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('grace_from', models.DateField(default=django.utils.timezone.localdate, editable=False, verbose_name='days of grace count from')),
            ],
            options={
                'verbose_name': 'rule of a sign-in',
                'verbose_name_plural': 'rules of sign-ins',
            },
        ),
        migrations.CreateModel(
            name='Officer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='officer', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('role', models.CharField(choices=[('viewer', 'viewer'), ('provincial_editor', 'provincial editor'), ('national_editor', 'national editor'), ('admin', 'administrator')], default='viewer', help_text='viewer: reads; provincial editor: enters what belongs to the province; national editor: everything in the records of all provinces, nothing of people; administrator: everything. A change ends the person’s tokens.', max_length=20, verbose_name='role')),
                ('province', models.ForeignKey(blank=True, help_text='Only for a provincial editor.', limit_choices_to={'in_roster': True}, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='officers', to='policies.province', verbose_name='province')),
            ],
            options={
                'verbose_name': 'role of a person',
                'verbose_name_plural': 'roles of people',
                'constraints': [models.CheckConstraint(condition=models.Q(('role__in', ['viewer', 'provincial_editor', 'national_editor', 'admin'])), name='officer_role_known'), models.CheckConstraint(condition=models.Q(models.Q(('province__isnull', False), ('role', 'provincial_editor')), models.Q(models.Q(('role', 'provincial_editor'), _negated=True), ('province__isnull', True)), _connector='OR'), name='officer_province_goes_with_role', violation_error_message='A provincial editor has a province, nobody else has one.')],
            },
        ),
        migrations.CreateModel(
            name='Token',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to=settings.AUTH_USER_MODEL, verbose_name='owner')),
                ('name', models.CharField(help_text='What it is for, for example “Monthly export to the dashboard”.', max_length=60, verbose_name='name')),
                ('digest', models.CharField(editable=False, max_length=64, unique=True, verbose_name='digest (SHA-256)')),
                ('prefix', models.CharField(editable=False, max_length=12, verbose_name='begins with')),
                ('kind', models.CharField(choices=[('api', 'the API'), ('feeds', 'calendars and feeds')], default='api', max_length=8, verbose_name='opens')),
                ('may_write', models.BooleanField(default=False, help_text='Otherwise it only reads, whatever its owner may do.', verbose_name='may write')),
                ('permission_snapshot', models.CharField(editable=False, max_length=80, verbose_name='rights it was made with')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='made at')),
                ('expires_at', models.DateTimeField(verbose_name='expires at')),
                ('last_used_at', models.DateTimeField(editable=False, null=True, verbose_name='last used at')),
                ('revoked_at', models.DateTimeField(editable=False, null=True, verbose_name='revoked at')),
                ('revoked_why', models.CharField(blank=True, choices=[('inactive', 'its owner was deactivated'), ('role', 'its owner’s role changed')], editable=False, max_length=8, verbose_name='revoked because')),
            ],
            options={
                'verbose_name': 'token',
                'verbose_name_plural': 'tokens',
                'ordering': ['-pk'],
            },
        ),
    ]
