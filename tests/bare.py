"""The settings of a server that tests speak to over a socket: the product's own, with a folder and rates of its own."""

import json
import os
from pathlib import Path

from config.settings import *  # noqa: F403

VAR_DIR = Path(os.environ["TEST_HOME"])
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}  # nothing collected
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # as the suite, which makes the passwords
RATES = {rate: tuple(numbers) for rate, numbers in json.loads(os.environ.get("TEST_RATES", "{}")).items()}
