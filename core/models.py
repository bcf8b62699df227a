"""Models of the core toolkit, one module per subject; imported here because Django looks for models in `models`."""

from core.api.idempotency import IdempotencyRecord
from core.backup.models import BackupRun
from core.caching import DataVersion
from core.history.models import ChangeEvent
from core.imports.models import Import, ImportFile
from core.seed.models import SeedRecord

__all__ = [
    "BackupRun",
    "ChangeEvent",
    "DataVersion",
    "IdempotencyRecord",
    "Import",
    "ImportFile",
    "SeedRecord",
]
