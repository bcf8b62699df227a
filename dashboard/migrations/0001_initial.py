import core.text
import dashboard.models
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalEdition',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('quarter', models.CharField(db_index=True, help_text='For example 2026-Q3.', max_length=7, validators=[dashboard.models.check_quarter], verbose_name='quarter')),
                ('state', models.CharField(choices=[('draft', 'draft'), ('in_review', 'in review'), ('approved', 'approved')], default='draft', help_text='An approved edition is never changed.', max_length=9, verbose_name='state')),
                ('release_note_en', models.TextField(blank=True, help_text='What is new in this edition and what a reader has to know about its numbers.', max_length=5000, validators=[core.text.check_text], verbose_name='release notes in English')),
                ('release_note_zh', models.TextField(blank=True, help_text='The same in Chinese. Both are needed before the edition is approved.', max_length=5000, validators=[core.text.check_text], verbose_name='release notes in Chinese')),
                ('approved_at', models.DateTimeField(blank=True, help_text='The records are those known at this moment.', null=True, verbose_name='approved at')),
                ('sha256', models.CharField(blank=True, help_text='SHA-256 of the package, in hexadecimal.', max_length=64, verbose_name='checksum')),
                ('content', models.JSONField(blank=True, default=dict, editable=False, verbose_name='content')),
                ('made_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='made by')),
                ('submitted_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='submitted by')),
                ('approved_by', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='approved by')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical edition',
                'verbose_name_plural': 'historical editions',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Edition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quarter', models.CharField(help_text='For example 2026-Q3.', max_length=7, unique=True, validators=[dashboard.models.check_quarter], verbose_name='quarter')),
                ('state', models.CharField(choices=[('draft', 'draft'), ('in_review', 'in review'), ('approved', 'approved')], default='draft', help_text='An approved edition is never changed.', max_length=9, verbose_name='state')),
                ('release_note_en', models.TextField(blank=True, help_text='What is new in this edition and what a reader has to know about its numbers.', max_length=5000, validators=[core.text.check_text], verbose_name='release notes in English')),
                ('release_note_zh', models.TextField(blank=True, help_text='The same in Chinese. Both are needed before the edition is approved.', max_length=5000, validators=[core.text.check_text], verbose_name='release notes in Chinese')),
                ('made_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='made by')),
                ('submitted_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='submitted by')),
                ('approved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='approved by')),
                ('approved_at', models.DateTimeField(blank=True, help_text='The records are those known at this moment.', null=True, verbose_name='approved at')),
                ('sha256', models.CharField(blank=True, help_text='SHA-256 of the package, in hexadecimal.', max_length=64, verbose_name='checksum')),
                ('content', models.JSONField(blank=True, default=dict, editable=False, verbose_name='content')),
            ],
            options={
                'verbose_name': 'edition',
                'verbose_name_plural': 'editions',
                'ordering': ['-quarter'],
                'permissions': [('approve_edition', 'Can approve editions that somebody else made and submitted')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'in_review', 'approved'])), name='edition_state_known'), models.CheckConstraint(condition=models.Q(('quarter__regex', '^[12][0-9]{3}-Q[1-4]$')), name='edition_quarter_normal'), models.CheckConstraint(condition=models.Q(('approved_by__isnull', True), models.Q(models.Q(('approved_by', models.F('made_by')), _negated=True), models.Q(('approved_by', models.F('submitted_by')), _negated=True)), _connector='OR'), name='edition_approver_differs', violation_error_message='You made or submitted this edition: somebody else approves it.'), models.CheckConstraint(condition=models.Q(models.Q(('approved_at__isnull', False), ('approved_by__isnull', False), ('sha256__regex', '^[0-9a-f]{64}$'), ('state', 'approved'), ('submitted_by__isnull', False)), models.Q(models.Q(('state', 'approved'), _negated=True), ('approved_at__isnull', True), ('approved_by__isnull', True), ('sha256', '')), _connector='OR'), name='edition_approved_whole', violation_error_message='An edition is approved on its page alone, with its files.')],
            },
        ),
        migrations.CreateModel(
            name='MailSettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='mail_settings', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('rhythm', models.CharField(choices=[('daily', 'every working day'), ('weekly', 'on the first working day of a week'), ('off', 'never')], default='daily', max_length=6, verbose_name='reminders by mail')),
                ('language', models.CharField(choices=[('en', 'English'), ('zh-hans', 'Simplified Chinese')], default=dashboard.models.default_language, max_length=7, verbose_name='language of the mail')),
                ('refused_address', models.EmailField(blank=True, help_text='No reminder is sent to it. Another address in the account is tried again.', max_length=254, verbose_name='address that was refused')),
            ],
            options={
                'verbose_name': 'settings of reminders',
                'verbose_name_plural': 'settings of reminders',
                'default_permissions': (),
                'constraints': [models.CheckConstraint(condition=models.Q(('rhythm__in', ['daily', 'weekly', 'off'])), name='mailsettings_rhythm_known')],
            },
        ),
        migrations.CreateModel(
            name='Told',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='told', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('thing', models.CharField(max_length=40, verbose_name='record')),
                ('code', models.CharField(max_length=40, verbose_name='step')),
                ('day', models.DateField(verbose_name='day')),
            ],
            options={
                'verbose_name': 'step of a reminder',
                'verbose_name_plural': 'steps of reminders',
                'ordering': ['day', 'pk'],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('user', 'thing', 'code', 'day'), name='told_once')],
            },
        ),
        migrations.CreateModel(
            name='WorkingDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(unique=True, verbose_name='day')),
                ('kind', models.CharField(choices=[('holiday', 'day off'), ('working', 'make-up working day')], default='holiday', help_text='A day off, weekends within a holiday included, or a weekend day that is worked (调休).', max_length=7, verbose_name='kind')),
                ('name', models.CharField(blank=True, help_text='For example 春节.', max_length=60, verbose_name='holiday')),
            ],
            options={
                'verbose_name': 'day off or make-up working day',
                'verbose_name_plural': 'days off and make-up working days',
                'ordering': ['-day'],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['holiday', 'working'])), name='workingday_kind_known')],
            },
        ),
    ]
