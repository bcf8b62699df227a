"""Models of the dashboard."""

from dashboard.models.edition import Edition, EditionState
from dashboard.models.issued_sheet import SHEET_ALPHABET, SHEET_ID_LENGTH, IssuedSheet, new_sheet_id

__all__ = ["SHEET_ALPHABET", "SHEET_ID_LENGTH", "Edition", "EditionState", "IssuedSheet", "new_sheet_id"]
