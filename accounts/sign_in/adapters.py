"""Adapters of django-allauth: where it asks the product, and the answer is not its default."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from accounts.sessions import signed_in_recently
from core.http.client import client_ip


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by administrators, and a sign-in counts as a confirmation of who is there."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_ip(request)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        return not signed_in_recently(self.request)
