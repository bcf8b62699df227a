"""Models of data version, table versions and record versions."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class DataVersion(models.Model):
    """Version of all records together: a trigger changes it with every write (core/caching/data_version.py)."""

    transaction = models.BigIntegerField(primary_key=True)  # that wrote; 0 on SQLite, and after a migration
    mark = models.CharField(max_length=36)  # random

    class Meta:
        verbose_name = _("data version")
        verbose_name_plural = _("data versions")

    def __str__(self) -> str:
        return self.mark


class TableVersion(models.Model):
    """Version of a table: a trigger changes it with every write (core/caching/table_versions.py)."""

    table = models.CharField(max_length=63, db_column="area")
    transaction = models.BigIntegerField(default=0)  # id of the writing transaction; 0 on SQLite, and after a migration
    version = models.CharField(max_length=36, db_column="mark")  # random

    class Meta:
        db_table = "config_mark"
        verbose_name = _("table version")
        verbose_name_plural = _("table versions")
        constraints = [models.UniqueConstraint(fields=["table", "transaction"], name="mark_once_a_transaction")]

    def __str__(self) -> str:
        return f"{self.table} {self.version}"


class RecordVersion(models.Model):
    """Version of a record and its rows: triggers change it with every write (core/caching/record_versions.py)."""

    owner = models.CharField(max_length=63)  # table of the record
    record = models.BigIntegerField()  # its key
    transaction = models.BigIntegerField(default=0)  # id of the writing transaction; 0 on SQLite
    version = models.CharField(max_length=36)  # random

    class Meta:
        verbose_name = _("record version")
        verbose_name_plural = _("record versions")
        constraints = [
            models.UniqueConstraint(fields=["owner", "record", "transaction"], name="record_version_once_a_transaction")
        ]

    def __str__(self) -> str:
        return f"{self.owner} {self.record} {self.version}"
