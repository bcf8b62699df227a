"""What a row of a sheet means: columns, headings, cells that name records, errors by cell, rows."""
