"""Registry of OpenAPI schemas: defined once, referenced where used."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework.serializers import BaseSerializer

Schema = Mapping[str, object]


def register_schema(schema: AutoSchema, name: str, content: Schema) -> dict[str, str]:
    """Register a schema unless it exists, and return a reference to it."""
    component = ResolvedComponent(name=name, type=ResolvedComponent.SCHEMA, schema=content, object=name)  # type: ignore[no-untyped-call]
    schema.registry.register_on_missing(component)
    return dict(component.ref)


def schema_ref(name: str) -> dict[str, str]:
    """Return a reference to a schema that exists."""
    return {"$ref": f"#/components/schemas/{name}"}


def inline_schema(schema: AutoSchema, serializer: BaseSerializer, direction: str) -> dict[str, Any]:
    """Return drf-spectacular's schema of a serializer without registering it."""
    found: dict[str, object] = schema._map_serializer(serializer, direction)  # type: ignore[no-untyped-call]  # noqa: SLF001
    return found
