"""Kinds of targets, one file a kind: light rule, reasons with their sentences, required fields, chart series."""
