"""Model of the data version."""

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
