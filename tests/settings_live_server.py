"""Settings of the servers of tests: the project's settings with their own rate limits, and no collected files."""

import json
import os

from config.settings import *  # noqa: F403
from config.settings import CACHES, STORAGES

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # as in tests.settings, which makes the passwords
RATE_LIMITS = {rate: tuple(numbers) for rate, numbers in json.loads(os.environ.get("TEST_RATES", "{}")).items()}
CACHE_RESPONSES = "TEST_UNCACHED" not in os.environ
if "TEST_CACHE_PREFIX" in os.environ:  # several test runs may share one Redis
    CACHES["default"]["KEY_PREFIX"] = os.environ["TEST_CACHE_PREFIX"]
