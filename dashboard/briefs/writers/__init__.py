"""Writers of a brief: PDF, Word and JSON files."""
