"""Evidence files: documents and where they are attached."""
