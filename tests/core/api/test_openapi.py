"""OpenAPI schema: complete, correct, and its page."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escapejs
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from core.api.views import openapi_schema
from tests.support.snapshots import assert_snapshot

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema() -> Any:
    return openapi_schema("public")


def operations(schema: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


# -- the whole -------------------------------------------------------------------------------------------------


def test_the_schema_is_valid_and_complete(schema: Any) -> None:
    """What `manage.py spectacular --validate --fail-on-warn` checks, of the schema that the other tests read."""
    validate_schema(schema)
    assert not GENERATOR_STATS  # warnings and errors of the schema that was built last


def test_every_operation_keeps_its_name_headers_and_statuses(schema: Any) -> None:
    found = {}
    for path, verb, operation in operations(schema):
        headers = [
            one["name"] + "!" * one.get("required", False) for one in operation["parameters"] if one["in"] == "header"
        ]
        sent = ["body"] if "requestBody" in operation else []
        found[operation["operationId"]] = " ".join([verb.upper(), path, *sent, *headers, *operation["responses"]])
    assert_snapshot("api-operations", dict(sorted(found.items())))


# -- answers ---------------------------------------------------------------------------------------------------------


def test_every_error_is_a_problem(schema: Any) -> None:
    for _path, _verb, operation in operations(schema):
        for status, answer in operation["responses"].items():
            if status in {"304", "204"}:
                assert "content" not in answer
            elif not status.startswith("2"):
                problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
                assert answer["content"] == {"application/problem+json": problem}


QUERIES = {"rollout": {"policy": "synergy-implementation-plan-2022"}, "trend": {"indicator": "CO2_TOT"}}


def test_a_real_answer_has_every_documented_field_and_no_other(client: Client, schema: Any) -> None:
    """Held against the description with every object closed."""
    closed = json.loads(json.dumps(schema, default=str))
    resolve_all(closed["components"]["schemas"])
    for path, verb, operation in operations(schema):
        name = operation["tags"][0]
        if verb != "get" or "application/json" not in operation["responses"]["200"]["content"]:
            continue
        address = path
        if "{" in path:
            listed = client.get(f"/api/v1/{name}/").json()
            urls = [row["url"] for row in listed.get("results", ())]
            if not urls or not path.endswith("}/"):
                continue
            address = urls[0]
        said = operation["responses"]["200"]["content"]["application/json"]["schema"]
        body = client.get(address, QUERIES.get(name, {})).json()
        faults = Draft202012Validator({**said, "components": closed["components"]}).iter_errors(body)
        assert (path, [fault.message for fault in faults]) == (path, [])


def resolve_all(part: Any) -> None:
    """Close every object of the schema to undeclared fields."""
    if isinstance(part, list):
        for item in part:
            resolve_all(item)
    elif isinstance(part, dict):
        for item in part.values():
            resolve_all(item)
        if part.get("type") == "object" and "properties" in part and "additionalProperties" not in part:
            part["additionalProperties"] = False


# -- bodies -----------------------------------------------------------------------------------------------------------


def test_every_field_says_what_it_means(schema: Any) -> None:
    """Except fields of links to records and of pagination, described where they are used."""
    silent = []
    for name, part in schema["components"]["schemas"].items():
        for field, shape in part.get("properties", {}).items():
            if "description" not in shape:
                silent.append(f"{name}.{field}")
    assert silent == ["ByCode.code", "ById.id", "BySlug.slug", "Changes.results"]


# -- the pages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_reference_is_served_by_ourselves(client: Client, language: str) -> None:
    text = client.get("/api/docs/", {"lang": language}).content.decode()
    scripts = re.findall(r'<script src="([^"]+)" defer', text)
    assert scripts[0].startswith("/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle")
    script = client.get(unescape(scripts[1]))
    assert script["Content-Type"].startswith("application/javascript")
    assert f'url: "{escapejs(f"/api/schema/?lang={language}")}"' in script.content.decode()
    assert '"validatorUrl": null' in script.content.decode()
    assert re.findall(r'(?:src|href)="//|<style|<script>', text) == []


@pytest.mark.exhaustive
def test_two_threads_may_ask_for_the_schema_at_once() -> None:
    """Inspectors of views are shared by all threads: without a lock one schema takes the views of the other away."""
    openapi_schema.cache_clear()
    with ThreadPoolExecutor(2) as pool:
        public, internal = pool.map(openapi_schema, ["public", "internal"])
    assert public["paths"].keys() == internal["paths"].keys()  # type: ignore[attr-defined]
