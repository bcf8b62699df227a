"""Follow-ups: their numbers on a day, and the writes that open them and take their steps."""
