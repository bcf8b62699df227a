"""Settings of the suite: the project's settings, in an environment that is the same everywhere.

Only DATABASE_URL is taken from the shell: it selects the database of the suite.
"""

import atexit
import os
import shutil
import tempfile

os.environ["CACHE_URL"] = "locmemcache://"
OURS = [
    "ALLOWED_HOSTS",
    "BACKUP_DIR",
    "BACKUP_KEEP",
    "BEHIND_PROXY",
    "DATA_LICENSE",
    "EMAIL_URL",
    "ISOLATED",
    "LANGUAGE_CODE",
    "MFA_GRACE_DAYS",
    *("OIDC_SERVER", "OIDC_CLIENT", "OIDC_SECRET", "OIDC_CLAIM", "OIDC_NAME", "OIDC_ROLES"),
    "METRICS_FROM",
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "SITE_URL",
]
for name in [*OURS, "SITE_ACCESS"]:
    os.environ.pop(name, None)
MEDIA = tempfile.mkdtemp(prefix="tracker-media-")  # uploaded files of this process, deleted at its end
atexit.register(shutil.rmtree, MEDIA, ignore_errors=True)
os.environ["MEDIA_STORE"] = f"file://{MEDIA}"
os.environ["DEBUG"] = "1"  # a key for development, static files without collectstatic, no response cache
os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")
# Playwright keeps an event loop in the thread of the test, where Django would then reject every query.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

from tests.support.translatable_messages import compile_catalogues  # noqa: E402

compile_catalogues()  # before anything asks for a translation

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, LOGGING, RATE_LIMITS  # noqa: E402

RATE_LIMITS.clear()  # tests of rate limits set their own
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; security does not matter here
LOGGING["loggers"]["tracker.request"] = {"level": "WARNING"}  # a failing test shows what went wrong, not each request
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True  # static files straight from the source
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # UTF-8 whatever the server was set up with, so that Chinese text sorts and measures as characters.
    DATABASES["default"]["TEST"] = {"CHARSET": "UTF8", "TEMPLATE": "template0"}
    DATABASES["default"]["CONN_MAX_AGE"] = 0  # an open connection of the live server would block the drop
