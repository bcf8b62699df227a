"""Practices: their state, effects and copies on a day, and the writes that move them."""
