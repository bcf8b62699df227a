"""The app of accounts, and django-axes under a name that has a Chinese translation."""

from collections.abc import Sequence

from axes.apps import AppConfig as AxesConfig
from django.apps import AppConfig
from django.conf import settings
from django.db.models import Model
from django.db.models.signals import post_save
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    default = True
    verbose_name = _("Programs and their keys")

    def ready(self) -> None:
        """Revoke tokens when rights change; log sign-ins; name imports in histories within the reader's scope."""
        from accounts import sign_in_log  # noqa: F401  # connects its receivers
        from core.history.provenance import LabelledUrl, register_provenance
        from core.imports.models import imports_of_entries
        from core.permissions import can_access

        def tell(model: type[Model], entries: Sequence[object], reader: object) -> dict[int, LabelledUrl]:
            found = {
                key: record for key, record in imports_of_entries(model, entries).items() if can_access(reader, record)
            }
            return {key: (str(record), record.get_absolute_url()) for key, record in found.items()}

        register_provenance(tell)
        post_save.connect(revoke_tokens_on_save, sender=settings.AUTH_USER_MODEL, dispatch_uid="end_tokens")


def revoke_tokens_on_save(
    instance: Model, *, created: bool, update_fields: frozenset[str] | None, **kwargs: object
) -> None:
    """Revoke tokens whose owner's rights may have changed. Every sign-in saves the user as well, but no right."""
    from accounts.models.token import PERMISSION_FIELDS, revoke_outdated_tokens

    if not created and (update_fields is None or PERMISSION_FIELDS & update_fields):
        revoke_outdated_tokens(instance)


class SignInLockoutConfig(AxesConfig):
    """App config of django-axes with a name that administrators understand."""

    verbose_name = _("Sign-in lockout")
