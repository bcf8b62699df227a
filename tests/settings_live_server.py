"""Settings of the live server of tests: the project's settings, with its own folder and rate limits."""

import json
import os
from pathlib import Path

from config.settings import *  # noqa: F403
from config.settings import CACHES, STORAGES

VAR_DIR = Path(os.environ["TEST_HOME"])
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": STORAGES["default"]
    if "MEDIA_STORE" in os.environ
    else {**STORAGES["default"], "OPTIONS": {"location": VAR_DIR / "media", "base_url": None}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},  # no collected files
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # as in tests.settings, which makes the passwords
RATE_LIMITS = {rate: tuple(numbers) for rate, numbers in json.loads(os.environ.get("TEST_RATES", "{}")).items()}
CACHE_RESPONSES = "TEST_UNCACHED" not in os.environ
if "CACHE_URL" not in os.environ:
    CACHES["default"]["LOCATION"] = str(VAR_DIR / "answers")
if "TEST_CACHE_PREFIX" in os.environ:  # several test runs may share one Redis
    CACHES["default"]["KEY_PREFIX"] = os.environ["TEST_CACHE_PREFIX"]
