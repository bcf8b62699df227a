"""Reading of uploaded spreadsheets without losing, changing or guessing anything, and annotated copies of them."""
