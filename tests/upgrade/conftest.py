"""Order of the tests of the upgraded database: as in their file, since the later ones write to it."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of this folder, shuffled like all others, back into the order of their files and lines."""
    places = [at for at, item in enumerate(items) if item.path.parent == HERE]
    ordered = sorted((items[at] for at in places), key=lambda item: (item.location[0], item.location[1] or 0))
    for at, item in zip(places, ordered, strict=True):
        items[at] = item
