"""The settings of a server that tests speak to over a socket: the product's own, with a folder and rates of its own."""

import json
import os
from pathlib import Path

from config.settings import *  # noqa: F403
from config.settings import CACHES

VAR_DIR = Path(os.environ["TEST_HOME"])
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}  # nothing collected
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # as the suite, which makes the passwords
RATES = {rate: tuple(numbers) for rate, numbers in json.loads(os.environ.get("TEST_RATES", "{}")).items()}
if "TEST_CACHE_PREFIX" in os.environ:  # a Redis is shared by all who test on this machine
    CACHES["default"]["KEY_PREFIX"] = os.environ["TEST_CACHE_PREFIX"]
