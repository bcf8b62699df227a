"""Files that users upload: their type found by content, a store addressed by checksum, and the text of PDFs."""
