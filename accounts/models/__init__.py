"""Models of accounts: the role of a person, the rule of a sign-in, and API tokens."""

from accounts.models.officer import Officer, Role
from accounts.models.role_mapping import RoleMapping
from accounts.models.sign_in_rule import SignInRule
from accounts.models.token import Token

__all__ = ["Officer", "Role", "RoleMapping", "SignInRule", "Token"]
