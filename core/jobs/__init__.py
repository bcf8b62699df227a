"""Background jobs: kinds, queue, schedules, worker and the pages of one's own jobs."""
