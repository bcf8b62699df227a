"""WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from core.backup.databases import hold_service_lock  # noqa: E402  # once the settings are there

hold_service_lock()  # a restore waits for no process that serves
