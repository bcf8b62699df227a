"""Bring records in from a spreadsheet: a dry run that shows everything, a confirmation that is all or nothing, undo.

`kinds` what a sheet holds, `columns` how a cell is read and written, `references` how a name finds its record,
`headings` which column is which, `plan` the dry run, `write` confirmation and undo, `books` templates and exports.
"""
