"""The paths of records' pages and of their addresses in the API."""

from functools import lru_cache

from django.urls import get_script_prefix, reverse


def path_of(route: str, key: str) -> str:
    """The path of a record by the name of its route. A process works it out once: an answer holds hundreds."""
    return worked_out(route, key, get_script_prefix())


@lru_cache(maxsize=5_000)
def worked_out(route: str, key: str, _prefix: str) -> str:
    return reverse(route, args=[key])
