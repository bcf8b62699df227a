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

from config.api_urls import AGGREGATES, RESOURCES
from core.api.views import openapi_schema

pytestmark = pytest.mark.django_db
VERBS = {
    "list": "get",
    "create": "post",
    "bulk_update": "put",
    "bulk_partial_update": "patch",
    "bulk_destroy": "delete",
}
RECORD_METHODS = {"retrieve": "get", "update": "put", "partial_update": "patch", "destroy": "delete"}
ATTACHMENTS_LACK = ("update", "destroy", "bulk_update", "bulk_destroy")  # they are removed with a reason, by PATCH


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


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("", "application/vnd.oai.openapi; charset=utf-8"),
        ("?format=json", "application/vnd.oai.openapi+json; charset=utf-8"),
    ],
)
def test_the_schema_is_served(client: Client, query: str, kind: str) -> None:
    response = client.get(f"/api/schema/{query}")
    assert (response.status_code, response["Content-Type"]) == (200, kind)
    assert b"3.1.0" in response.content


def test_every_resource_has_every_verb_under_a_name_that_stays(schema: Any) -> None:
    expected = {}
    for name, (_model, view) in RESOURCES.items():
        key = "id" if view.lookup_field == "pk" else view.lookup_field
        expected |= {f"{name}_{action}": (f"/api/v1/{name}/", verb) for action, verb in VERBS.items()}
        expected |= {
            f"{name}_{action}": (f"/api/v1/{name}/{{{key}}}/", verb) for action, verb in RECORD_METHODS.items()
        }
    expected |= {
        "actions_steps": ("/api/v1/actions/{number}/steps/", "get"),
        "actions_take": ("/api/v1/actions/{number}/steps/", "post"),
        "adoptions_confirm": ("/api/v1/adoptions/{id}/confirm/", "post"),
        "adoptions_withdraw_confirmation": ("/api/v1/adoptions/{id}/withdraw-confirmation/", "post"),
        "practices_move": ("/api/v1/practices/{slug}/move/", "post"),
        "documents_content": ("/api/v1/documents/{id}/content/", "get"),
    }
    for action in ATTACHMENTS_LACK:
        del expected[f"attachments_{action}"]
    del expected["replans_update"], expected["replans_bulk_update"]  # a request is decided, not replaced
    reads = {"editions_list", "editions_retrieve"}  # an edition is made and approved on its page
    expected = {name: place for name, place in expected.items() if not name.startswith("editions_") or name in reads}
    for name in [*AGGREGATES, "changes"]:
        expected[f"{name}_retrieve"] = f"/api/v1/{name}/", "get"
    expected["briefs_read"] = "/api/v1/briefs/{kind}/{slug}/", "get"
    expected["briefs_nation"] = "/api/v1/briefs/nation/", "get"
    expected["root_retrieve"] = "/api/v1/", "get"
    assert {operation["operationId"]: (path, verb) for path, verb, operation in operations(schema)} == expected


# -- parameters and headers ---------------------------------------------------------------------------------------


def test_every_parameter_is_described(schema: Any) -> None:
    for path, _verb, operation in operations(schema):
        for parameter in operation["parameters"]:
            assert parameter["in"] == "path" or parameter["description"], (path, parameter)


def test_only_what_is_needed_has_an_example(schema: Any) -> None:
    """Swagger UI sends every example and every default."""
    for path, _verb, operation in operations(schema):
        for parameter in operation["parameters"]:
            assert "default" not in parameter["schema"], (path, parameter)
            assert "examples" not in parameter or parameter["required"], (path, parameter)


def test_required_parameters_work_with_their_examples(client: Client, schema: Any) -> None:
    for path, _verb, operation in operations(schema):
        asked = {
            one["name"]: example_of(one)
            for one in operation["parameters"]
            if one["in"] == "query" and "examples" in one
        }
        if asked:
            assert client.get(path, asked).status_code == 200, path


def example_of(parameter: Any) -> Any:
    return next(iter(parameter["examples"].values()))["value"]


WRITES = ("Idempotency-Key", "X-Change-Reason")
HEADERS = {
    **dict.fromkeys(["list", "retrieve"], ()),
    **dict.fromkeys(["create", "bulk_update", "bulk_partial_update", "bulk_destroy"], WRITES),
    **dict.fromkeys(["update", "partial_update", "destroy"], ("If-Match", *WRITES)),
}


def test_a_further_action_of_a_record_needs_its_version(schema: Any) -> None:
    """A step answers 201; a confirmation needs no body."""
    found = {operation["operationId"]: operation for _p, _v, operation in operations(schema)}
    for name, status, needs_body in (
        ("actions_take", "201", True),
        ("adoptions_confirm", "200", False),
        ("practices_move", "200", True),
    ):
        asked = found[name]["parameters"]
        headers = {one["name"]: one.get("required", False) for one in asked if one["in"] == "header"}
        assert headers == {"If-Match": True, **dict.fromkeys(WRITES, False)}
        assert ("requestBody" in found[name]) is needs_body
        assert {status, "404", "409", "412", "428"} <= set(found[name]["responses"])
    body = schema["components"]["schemas"]["FollowUpStepEntry"]
    assert list(body["properties"]) == ["move", "remark", "new_due_on", "taken_on", "documents"]
    assert body["required"] == ["move"]


@pytest.mark.parametrize("action", HEADERS)
def test_the_headers_of_a_request(schema: Any, action: str) -> None:
    found = next(operation for _p, _v, operation in operations(schema) if operation["operationId"] == f"plans_{action}")
    headers = [own for own in found["parameters"] if own["in"] == "header"]
    assert tuple(own["name"] for own in headers) == HEADERS[action]
    assert [own["name"] for own in headers if own.get("required")] == (
        ["If-Match"] if "If-Match" in HEADERS[action] else []
    )


# -- answers ---------------------------------------------------------------------------------------------------------

STATUSES = {
    "list": [200, 304, 400, 401, 404, 406, 414, 429, 431, 503],
    "retrieve": [200, 304, 400, 401, 404, 406, 414, 429, 431, 503],
    "create": [201, 400, 401, 403, 406, 409, 413, 414, 415, 422, 429, 431, 503],
    "update": [200, 400, 401, 403, 404, 406, 409, 412, 413, 414, 415, 422, 428, 429, 431, 503],
    "destroy": [204, 400, 401, 403, 404, 406, 409, 412, 414, 422, 428, 429, 431, 503],
    "bulk_destroy": [204, 400, 401, 403, 404, 406, 409, 412, 413, 414, 415, 422, 428, 429, 431, 503],
}


@pytest.mark.parametrize("action", STATUSES)
def test_the_statuses_that_can_occur(schema: Any, action: str) -> None:
    found = next(operation for _p, _v, operation in operations(schema) if operation["operationId"] == f"plans_{action}")
    assert [int(status) for status in found["responses"]] == STATUSES[action]


def test_every_error_is_a_problem(schema: Any) -> None:
    for _path, _verb, operation in operations(schema):
        for status, answer in operation["responses"].items():
            if status in {"304", "204"}:
                assert "content" not in answer
            elif not status.startswith("2"):
                problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
                assert answer["content"] == {"application/problem+json": problem}


@pytest.mark.exhaustive
def test_reading_is_open_on_a_public_site_and_writing_never() -> None:
    both, signed = [{"token": []}, {"session": []}], [{"token": []}, {"session": [], "csrf": []}]
    for access, reading in (("public", None), ("internal", both)):
        for _path, verb, operation in operations(schema_for(access)):
            assert operation.get("security") == (reading if verb == "get" else signed)


def schema_for(access: str) -> Any:
    from django.test import override_settings  # noqa: PLC0415

    with override_settings(SITE_ACCESS=access):
        openapi_schema.cache_clear()
        found = openapi_schema(access)
    openapi_schema.cache_clear()
    return found


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
            urls = [row["url"] for row in listed.get("results", ()) or listed.get("briefs", ())[1:]]
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


def test_the_body_of_a_plan(schema: Any) -> None:
    parts = schema["components"]["schemas"]
    edit, entry = parts["PlanEdit"]["properties"], parts["PlanEntry"]
    assert edit["title_zh"] == {
        "type": ["string", "null"],
        "maxLength": 300,
        "description": "As printed, for example 减污降碳协同增效实施方案.",
    }
    assert edit["province"]["allOf"] == [{"$ref": "#/components/schemas/SlugReference"}]
    assert edit["issued_precision"]["oneOf"] == [
        {"$ref": f"#/components/schemas/{name}"} for name in ("Precision", "BlankEnum", "NullEnum")
    ]
    assert edit["sources"] == {
        "type": "array",
        "maxItems": 500,
        "items": {"$ref": "#/components/schemas/IdReference"},
        "description": "Where this was read. Every fact should cite at least one.",
    }
    assert (entry["properties"], entry["required"]) == (edit, ["policy", "province"])
    assert "required" not in parts["PlanEdit"]
    assert parts["PlanBulkEdit"]["allOf"][0] == {"$ref": "#/components/schemas/PlanEdit"}
    assert parts["PlanBulkEdit"]["allOf"][1]["required"] == ["id", "revision"]
    body = schema["paths"]["/api/v1/plans/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    whole = {"$ref": "#/components/schemas/PlanEntry"}
    assert body == {"oneOf": [whole, {"type": "array", "items": whole, "minItems": 1, "maxItems": 1000}]}
    body = schema["paths"]["/api/v1/plans/"]["delete"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["items"] == {"$ref": "#/components/schemas/PlanBulkEdit"}


def test_every_field_says_what_it_means(schema: Any) -> None:
    """Except fields of links to records and of pagination, described where they are used."""
    silent = []
    for name, part in schema["components"]["schemas"].items():
        for field, shape in part.get("properties", {}).items():
            if "description" not in shape:
                silent.append(f"{name}.{field}")
    assert silent == ["ByCode.code", "ById.id", "BySlug.slug", "Changes.results"]


def test_a_brief_of_nobody_is_a_documented_404(schema: Any) -> None:
    paths = {path: set(methods["get"]["responses"]) for path, methods in schema["paths"].items() if "briefs" in path}
    assert {path: "404" in statuses for path, statuses in paths.items()} == {
        "/api/v1/briefs/": False,
        "/api/v1/briefs/nation/": False,
        "/api/v1/briefs/{kind}/{slug}/": True,
    }


def test_the_file_of_a_document_is_bytes(schema: Any) -> None:
    """Generated clients read no `*/*`."""
    found = schema["paths"]["/api/v1/documents/{id}/content/"]["get"]["responses"]["200"]["content"]
    assert list(found) == ["application/octet-stream"]


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
