"""Content of a brief, one module for each kind of subject: `content(slug, days)`."""
