"""Background jobs on django-tasks."""
