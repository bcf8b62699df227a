"""Redis cache for servers that tests start: a database number and key prefixes that no other run uses."""

import os
import secrets

import pytest
import redis

ADDRESS = "redis://127.0.0.1:6379/9"


def empty_redis_cache() -> dict[str, str]:
    """Return the environment variables for an empty cache.

    Skips the test where no Redis is available, unless REQUIRE_REDIS=1.
    """
    try:
        with redis.from_url(ADDRESS, socket_connect_timeout=1, socket_timeout=1) as client:
            client.ping()
    except redis.RedisError as exc:
        if os.environ.get("REQUIRE_REDIS", "0") != "0":
            pytest.fail(f"REQUIRE_REDIS: no Redis answers at {ADDRESS}: {exc}")
        pytest.skip(f"no Redis answers at {ADDRESS}")
    return {"CACHE_URL": ADDRESS, "TEST_CACHE_PREFIX": secrets.token_hex(6)}
