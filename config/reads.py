"""What a method or property looks at, said where it is written: by this a list is read as plain rows (standins.py)."""

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def reads(*names: str) -> Callable[[Function], Function]:
    """It looks at these of a record and at nothing else: each a column, or again something that says what it reads.

    A text attribute of its own class stands for the name that it holds. The record's key is always there.
    """

    def marked(function: Function) -> Function:
        function.reads = names  # type: ignore[attr-defined]
        return function

    return marked
