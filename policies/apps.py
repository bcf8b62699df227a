from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PoliciesConfig(AppConfig):
    name = "policies"
    verbose_name = _("Policies and rollout")

    def ready(self) -> None:
        """Histories name the import that wrote an entry."""
        from config.origins import Way, tell_origins
        from policies.models import imports_of, reaches

        def tell(model: Any, entries: Sequence[Any], reader: Any) -> dict[int, Way]:
            found = {key: record for key, record in imports_of(model, entries).items() if reaches(reader, record)}
            return {key: (str(record), record.get_absolute_url()) for key, record in found.items()}

        tell_origins(tell)
