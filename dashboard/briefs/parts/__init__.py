"""Parts that briefs of several kinds share: facts, lights, changes, red lights, questions and sources."""
