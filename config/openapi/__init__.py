"""How the API describes itself (OpenAPI 3.1): from the parameters, serializers and entries that answer requests."""

from config.openapi.operations import EXAMPLE, Description

__all__ = ["EXAMPLE", "Description"]
