"""The settings of the server that the browser tests open: the product's own, with collected files of their own."""

import os

from config.settings import *  # noqa: F403

STATIC_ROOT = os.environ["TEST_STATIC_ROOT"]
