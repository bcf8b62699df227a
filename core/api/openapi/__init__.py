"""The OpenAPI 3.1 schema, written from the parameters, serializers and write serializers that answer requests."""
