"""Results of backups and drills, kept in the database so that every machine shows the same."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class BackupRun(models.Model):
    """Backup or drill that has ended, and whether it succeeded."""

    class Kind(models.TextChoices):
        BACKUP = "backup", _("Backup")
        DRILL = "drill", _("Restore drill")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    ended_at = models.DateTimeField(_("ended at"), auto_now_add=True)
    seconds = models.FloatField(_("seconds"))
    ok = models.BooleanField(_("succeeded"))
    file = models.CharField(_("file"), max_length=200, blank=True)
    size = models.BigIntegerField(_("size in bytes"), default=0)
    detail = models.TextField(_("result"), blank=True)

    class Meta:
        verbose_name = _("backup or drill")
        verbose_name_plural = _("backups and drills")
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [models.Index(fields=["kind", "ok", "ended_at"], name="backuprun_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.file}"
