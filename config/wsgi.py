"""The door for gunicorn and any other WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
of_django = get_wsgi_application()

from config.ready import Ready  # noqa: E402  # what it is made of needs the settings

application = Ready(of_django)
