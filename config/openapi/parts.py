"""Parts of the description that many operations share: written once, named where they are used."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

SCHEMAS, RESPONSES, HEADERS = "schemas", "responses", "headers"
SCHEMES = "securitySchemes"
Part = Mapping[str, Any]


def part(registry: ComponentRegistry, kind: str, name: str, content: Part) -> dict[str, str]:
    """A reference to the part, which is put among the shared ones when it is not there yet."""
    component = ResolvedComponent(name=name, type=kind, schema=content, object=name)  # type: ignore[no-untyped-call]
    registry.register_on_missing(component)
    return dict(component.ref)


def reference(kind: str, name: str) -> dict[str, str]:
    """A reference to a part that is known to be there."""
    return {"$ref": f"#/components/{kind}/{name}"}


def mapped_of(schema: AutoSchema, serializer: Any, direction: str) -> dict[str, Any]:
    """A serializer as the frame maps it, without making a part of it."""
    found: dict[str, Any] = schema._map_serializer(serializer, direction)  # type: ignore[no-untyped-call]  # noqa: SLF001
    return found
