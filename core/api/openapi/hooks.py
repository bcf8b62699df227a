"""Postprocessing hooks of drf-spectacular: tags with a title, and error responses written once."""

from collections.abc import Iterator, Mapping
from typing import Any

Operation = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")


def arrange_schema(result: dict[str, Any], **_frame: object) -> dict[str, Any]:
    """Order the methods of each path, describe the tags and share the error responses; called last.

    DRF keeps methods in a set, whose order differs between processes, and so would the ETag of the schema.
    """
    paths = {path: dict(sorted(item.items(), key=method_order)) for path, item in result["paths"].items()}
    titles: dict[str, str] = {}
    for operation in iter_operations(paths):
        titles.setdefault(operation["tags"][0], operation["summary"])
        share_errors(operation["responses"], result["components"].setdefault("responses", {}))
    return {**result, "paths": paths, "tags": [{"name": name, "description": text} for name, text in titles.items()]}


def method_order(entry: tuple[str, object]) -> int:
    """Return the place of a method, reading first; keys of a path that are no methods come before."""
    return METHODS.index(entry[0]) if entry[0] in METHODS else -1


def iter_operations(paths: Mapping[str, Mapping[str, Operation]]) -> Iterator[Operation]:
    """Yield the operations, of each path the reading one first: its summary is the title of its tag."""
    for methods in paths.values():
        yield from methods.values()


def share_errors(responses: dict[str, object], shared: dict[str, object]) -> None:
    """Replace each error response by a reference: they are the same everywhere, and half of the file."""
    for status, response in responses.items():
        name = f"Error{status}"
        if status >= "3" and shared.setdefault(name, response) == response:
            responses[status] = {"$ref": f"#/components/responses/{name}"}
