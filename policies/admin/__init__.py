"""Where editors keep what is rolled out, and where administrators keep who works with it."""

from policies.admin.documents import NAMES, TITLES, TRUST, cites, present
from policies.admin.people import PersonAdmin

__all__ = ["NAMES", "TITLES", "TRUST", "PersonAdmin", "cites", "present"]
