"""Writers of a brief: PDF, Word and JSON files, the QR code, and all briefs of a kind in one ZIP."""
