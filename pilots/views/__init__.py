"""Pages of batches, pilots, synergy and trends."""
