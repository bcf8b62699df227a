"""Settings of the server of browser tests: the project's settings, with its own collected files."""

import os

from config.settings import *  # noqa: F403

STATIC_ROOT = os.environ["TEST_STATIC_ROOT"]
