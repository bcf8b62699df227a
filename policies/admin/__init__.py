"""The admin of policies, plans, figures and of whom they concern."""

from policies.admin import documents

__all__ = ["documents"]
