"""Sign-in by django-allauth: its adapters, the middleware of signed-in users, confirmation of who is there."""
