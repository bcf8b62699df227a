"""API of documents and their attachments."""
