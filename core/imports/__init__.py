"""Spreadsheet import: dry run, confirmation in one transaction, exact undo, templates and exports.

`importer` declares a kind of records (columns, lookup keys, rules), `columns` what cells mean and which records they
name, `headings` maps headings to columns, `dry_run` reads and validates every row, `apply` writes and undoes, `files`
makes templates and exports.
"""
