import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='IdempotencyRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('key', models.CharField(max_length=255)),
                ('fingerprint', models.CharField(max_length=64)),
                ('status', models.PositiveSmallIntegerField(null=True)),
                ('headers', models.JSONField(default=dict)),
                ('body', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
            options={
                'verbose_name': 'idempotency record',
                'verbose_name_plural': 'idempotency records',
                'constraints': [models.UniqueConstraint(fields=('user', 'key'), name='keptanswer_once_a_user')],
            },
        ),
        migrations.CreateModel(
            name='BackupRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('backup', 'Backup'), ('drill', 'Restore drill'), ('nightly', 'Nightly work')], max_length=10, verbose_name='kind')),
                ('ended_at', models.DateTimeField(auto_now_add=True, verbose_name='ended at')),
                ('seconds', models.FloatField(verbose_name='seconds')),
                ('ok', models.BooleanField(verbose_name='succeeded')),
                ('file', models.CharField(blank=True, max_length=200, verbose_name='file')),
                ('size', models.BigIntegerField(default=0, verbose_name='size in bytes')),
                ('detail', models.TextField(blank=True, verbose_name='result')),
            ],
            options={
                'verbose_name': 'backup or drill',
                'verbose_name_plural': 'backups and drills',
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['kind', 'ok', 'ended_at'], name='backuprun_newest')],
            },
        ),
        migrations.CreateModel(
            name='DataVersion',
            fields=[
                ('transaction', models.BigIntegerField(primary_key=True, serialize=False)),
                ('mark', models.CharField(max_length=36)),
            ],
            options={
                'verbose_name': 'data version',
                'verbose_name_plural': 'data versions',
            },
        ),
        migrations.CreateModel(
            name='Import',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=20, verbose_name='kind')),
                ('file_name', models.CharField(max_length=255, verbose_name='file')),
                ('sha256', models.CharField(max_length=64, verbose_name='checksum (SHA-256)')),
                ('form', models.CharField(max_length=4, verbose_name='format')),
                ('sheet', models.CharField(blank=True, max_length=100, verbose_name='sheet')),
                ('encoding', models.CharField(blank=True, max_length=20, verbose_name='encoding')),
                ('rows_read', models.PositiveIntegerField(default=0, verbose_name='rows read')),
                ('created', models.PositiveIntegerField(default=0, verbose_name='created')),
                ('updated', models.PositiveIntegerField(default=0, verbose_name='updated')),
                ('unchanged', models.PositiveIntegerField(default=0, verbose_name='unchanged')),
                ('faults', models.PositiveIntegerField(default=0, verbose_name='errors')),
                ('state', models.CharField(choices=[('checking', 'not checked yet'), ('faulty', 'has errors'), ('checked', 'checked, not confirmed'), ('confirmed', 'confirmed'), ('undone', 'undone')], max_length=9, verbose_name='state')),
                ('reason', models.CharField(blank=True, max_length=300, verbose_name='reason')),
                ('uploaded_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='uploaded by')),
                ('uploaded_at', models.DateTimeField(auto_now_add=True, verbose_name='uploaded at')),
                ('confirmed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='confirmed by')),
                ('confirmed_at', models.DateTimeField(null=True, verbose_name='confirmed at')),
                ('undone_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='undone by')),
                ('undone_at', models.DateTimeField(null=True, verbose_name='undone at')),
                ('undo_reason', models.CharField(blank=True, max_length=300, verbose_name='reason for undoing')),
            ],
            options={
                'verbose_name': 'import',
                'verbose_name_plural': 'imports',
                'ordering': ['-pk'],
                'permissions': [('undo_import', 'Can undo imports')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['checking', 'faulty', 'checked', 'confirmed', 'undone'])), name='import_state_known')],
            },
        ),
        migrations.CreateModel(
            name='ChangeEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('transaction', models.BigIntegerField()),
                ('model', models.CharField(max_length=60)),
                ('record_id', models.BigIntegerField()),
                ('entry_id', models.BigIntegerField()),
                ('action', models.CharField(max_length=1)),
                ('at', models.DateTimeField()),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('reason', models.TextField(blank=True)),
                ('key', models.CharField(max_length=150)),
                ('former_key', models.CharField(blank=True, max_length=150)),
                ('owner_model', models.CharField(blank=True, max_length=60)),
                ('owner_id', models.BigIntegerField(null=True)),
                ('province_id', models.BigIntegerField(null=True)),
                ('import_record', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='core.import')),
                ('undoes', models.BooleanField(default=False)),
            ],
            options={
                'verbose_name': 'change event',
                'verbose_name_plural': 'change events',
                'ordering': ['transaction', 'pk'],
                'indexes': [models.Index(fields=['transaction', 'id'], name='change_in_order'), models.Index(fields=['model', 'record_id', 'id'], name='change_of_record'), models.Index(fields=['owner_model', 'owner_id', 'at'], name='change_of_owner'), models.Index(fields=['at', 'id'], name='change_by_time')],
                'constraints': [models.UniqueConstraint(fields=('model', 'entry_id'), name='change_once_an_entry'), models.CheckConstraint(condition=models.Q(('transaction__gte', 0)), name='change_transaction_counts')],
            },
        ),
        migrations.CreateModel(
            name='ImportFile',
            fields=[
                ('record', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='file', serialize=False, to='core.import', verbose_name='import')),
                ('content', models.BinaryField(verbose_name='content')),
                ('report', models.JSONField(default=dict, verbose_name='report')),
            ],
            options={
                'verbose_name': 'imported file',
                'verbose_name_plural': 'imported files',
            },
        ),
        migrations.CreateModel(
            name='SeedRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=30, verbose_name='kind')),
                ('key', models.CharField(max_length=900, verbose_name='key')),
                ('record_id', models.BigIntegerField(verbose_name='record')),
                ('values', models.JSONField(verbose_name='values')),
                ('loaded_at', models.DateTimeField(auto_now=True, verbose_name='loaded at')),
            ],
            options={
                'verbose_name': 'shipped record',
                'verbose_name_plural': 'shipped records',
                'constraints': [models.UniqueConstraint(fields=('kind', 'key'), name='shipment_kind_key_unique')],
            },
        ),
    ]
