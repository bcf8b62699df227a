"""Spreadsheet import: dry run, confirmation in one transaction, exact undo, templates and exports.

`importer` declares a kind of records (columns, lookup keys, rules), `columns` the column types, `lookups` finds records
by name, `headings` maps headings to columns, `dry_run` reads and validates every row, `apply` writes, `undo` restores,
`workbooks` makes templates and exports.
"""
