"""Shared caches that may be away: files, or Redis. One that fails costs time or the counts of limits, never a request.

After a failure nothing is asked for a while, so that a silent server does not hold up every request: `get` finds
nothing, `add` says yes, `incr` counts one.
"""

import fcntl
import logging
import pickle
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.redis import RedisCache

log = logging.getLogger("tracker.cache")
PAUSE = 30  # seconds for which a cache that failed is not asked
AWAY: dict[str, Any] = {  # what each method returns meanwhile
    "add": True,
    "get": None,
    "set": None,
    "touch": False,
    "delete": False,
    "incr": 1,
    "get_many": {},
    "set_many": [],
}
PAUSED = {"until": 0.0}


def forgiving(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of a cache that logs an error of the cache, its client or its disk, and pauses."""
    name = method.__name__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= PAUSED["until"]:
            try:
                return method(self, *args, **kwargs)
            except ValueError:  # `incr` of a key that is not there
                raise
            except Exception as exc:
                PAUSED["until"] = time.monotonic() + PAUSE
                log.warning("the shared cache failed and is left alone for %d s: %s", PAUSE, type(exc).__name__)
        if name == "get":
            return args[1] if len(args) > 1 else kwargs.get("default")
        return AWAY[name]

    return call


class ForgivingRedisCache(RedisCache):
    """Redis cache that lets errors pass."""


class ForgivingFileCache(FileBasedCache):
    """Cache in files that lets errors pass, and in which processes that count at once lose nothing."""

    def __init__(self, dir: str, params: dict[str, Any]) -> None:  # noqa: A002  # Django's name
        with suppress(OSError):
            super().__init__(dir, params)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Context manager: one process of the machine at a time."""
        self._createdir()  # type: ignore[attr-defined]
        with Path(self._dir, "counting.lock").open("w") as lock:  # type: ignore[attr-defined]
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        with self.counting():
            return super().add(key, value, timeout, version)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except OSError:
            raise
        except Exception:  # whatever a damaged file makes of it
            super().delete(key, version)
            return default

    def has_key(self, key: str, version: int | None = None) -> bool:
        return self.get(key, None, version) is not None

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Add to a number, which keeps the time at which it ends."""
        with self.counting():
            number = self.get(key, None, version)
            if number is None:
                raise ValueError(f"Key {key!r} not found")
            with Path(self._key_to_file(key, version)).open("rb") as file:  # type: ignore[attr-defined]
                ends = pickle.load(file)  # noqa: S301  # our own
            super().set(key, number + delta, ends - time.time(), version)
        return int(number + delta)

    def _cull(self) -> None:
        """Delete what has ended, then what is too much: seldom, because it lists the folder."""
        if random.randrange(200) == 0:  # noqa: S311
            for path in self._list_cache_files():  # type: ignore[attr-defined]
                with suppress(OSError, pickle.UnpicklingError), Path(path).open("rb") as file:
                    self._is_expired(file)  # type: ignore[attr-defined]
            super()._cull()  # type: ignore[misc]


for cache in (ForgivingRedisCache, ForgivingFileCache):
    for name in AWAY:
        setattr(cache, name, forgiving(getattr(cache, name)))
