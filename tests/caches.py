"""A Redis for servers that the suite starts: a database number of ours, and in it names that no other run has."""

import os
import secrets

import pytest
import redis

ADDRESS = "redis://127.0.0.1:6379/9"


def shared_cache() -> dict[str, str]:
    """What puts an empty cache into a process's environment.

    Skips where no Redis answers, unless REQUIRE_REDIS=1 says that one has to.
    """
    try:
        with redis.from_url(ADDRESS, socket_connect_timeout=1, socket_timeout=1) as client:
            client.ping()
    except redis.RedisError as exc:
        if os.environ.get("REQUIRE_REDIS", "0") != "0":
            pytest.fail(f"REQUIRE_REDIS: no Redis answers at {ADDRESS}: {exc}")
        pytest.skip(f"no Redis answers at {ADDRESS}")
    return {"CACHE_URL": ADDRESS, "TEST_CACHE_PREFIX": secrets.token_hex(6)}
