"""Settings of a server on an upgraded database: its passwords were hashed by the product, not by the suite."""

from tests.settings_live_server import *  # noqa: F403

del PASSWORD_HASHERS  # noqa: F821
