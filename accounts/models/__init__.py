"""Models of accounts: the role of a person, and API tokens."""

from accounts.models.officer import Officer, Role
from accounts.models.token import Token

__all__ = ["Officer", "Role", "Token"]
