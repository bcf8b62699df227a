"""Follow-ups: what was assigned to whom after a meeting or a red light, by when, and whether it is done."""
