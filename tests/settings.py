"""The settings of the suite: the product's own, read from an environment that is the same everywhere.

DATABASE_URL alone is taken from the shell: it says which database the suite runs on.
"""

import os

os.environ["CACHE_URL"] = "locmemcache://"
OURS = ["ALLOWED_HOSTS", "BEHIND_PROXY", "HTTPS", "ISOLATED", "LANGUAGE_CODE", "SECRET_KEY"]
for name in [*OURS, "DATABASE_REPLICA_URL", "MEDIA_STORE", "SITE_ACCESS", "TIME_ZONE"]:
    os.environ.pop(name, None)
os.environ["DEBUG"] = "1"  # a key for development, and static files without collectstatic
os.environ["ANSWERS"] = "0"  # a test counts what it takes to compute
os.environ["THROTTLES"] = "0"  # a suite sends more than any caller may; tests of the throttles set their own rates
os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")
# Playwright keeps an event loop in the thread of the test, where Django would then refuse every query.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

from tests.messages import compile_catalogues  # noqa: E402

compile_catalogues()  # before anything asks for a translation

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, LOGGING  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast: nobody attacks a test
LOGGING["loggers"]["tracker.request"] = {"level": "WARNING"}  # a failing test shows what went wrong, not each request
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True  # static files straight from the source
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # UTF-8 whatever the server was set up with, so that Chinese text sorts and measures as characters.
    DATABASES["default"]["TEST"] = {"CHARSET": "UTF8", "TEMPLATE": "template0"}
    DATABASES["default"]["CONN_MAX_AGE"] = 0  # a connection that the live server keeps would hold up the drop
