"""Provenance of history entries: which import wrote an entry. The app that knows imports registers a function."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Model
from django.utils.functional import Promise

LabelledUrl = tuple[str | Promise, str]  # label and URL
ProvenanceFunction = Callable[[Any, Sequence[Any], Any], Mapping[int, LabelledUrl]]
_provenance_functions: list[ProvenanceFunction] = []


def register_provenance(teller: ProvenanceFunction) -> None:
    """Register a provenance function. It takes a model, history entries and the user, and returns those it knows."""
    _provenance_functions.append(teller)


def provenance_of(model: type[Model], entries: Sequence[object], reader: object) -> dict[int, LabelledUrl]:
    """Return the import that wrote each of these entries, by the entry's key; others are left out.

    Imports that the user may not see are left out too.
    """
    return (
        {key: way for teller in _provenance_functions for key, way in teller(model, entries, reader).items()}
        if entries
        else {}
    )
