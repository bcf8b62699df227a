"""Which entries of a history were written by an import: asked here, answered by the app that knows imports."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.functional import Promise

Way = tuple[str | Promise, str]  # a label, and the address it leads to
Teller = Callable[[Any, Sequence[Any], Any], Mapping[int, Way]]
_tellers: list[Teller] = []


def tell_origins(teller: Teller) -> None:
    """Ask this from now on. It takes a model, entries of its history and who reads, and names those it knows."""
    _tellers.append(teller)


def origins_of(model: Any, entries: Sequence[Any], reader: Any) -> dict[int, Way]:
    """The import that wrote each of these entries of a model's history, by the entry's key; others are left out.

    Those that the reader may not know of are left out too.
    """
    return {key: way for teller in _tellers for key, way in teller(model, entries, reader).items()} if entries else {}
