"""Models of accounts: the role of a person, the rule of a sign-in, and API tokens."""

from accounts.models.officer import Officer, Role, SignInRule
from accounts.models.token import Token

__all__ = ["Officer", "Role", "SignInRule", "Token"]
