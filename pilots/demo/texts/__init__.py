"""Texts of the demonstration: all names, titles and sentences that are invented."""
