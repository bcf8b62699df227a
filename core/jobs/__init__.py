"""Background jobs on django-tasks. The app keeps the migrations of the tables that they had before."""
