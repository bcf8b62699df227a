"""OpenAPI schema: complete, correct, in both languages, and its page."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from django.utils.html import escapejs
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from config.api_urls import AGGREGATES, RECORDS, RESOURCES, ROUTES
from core.api.filters import comma_list_schema
from core.api.openapi.views import build_schema, openapi_schema, render_schema

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
    return openapi_schema("en", "public")


def operations(schema: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def resolved(schema: Any, part: Any) -> Any:
    if "$ref" not in part:
        return part
    _hash, _components, kind, name = part["$ref"].split("/")
    return schema["components"][kind][name]


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
        ("?format=json&lang=zh-hans", "application/vnd.oai.openapi+json; charset=utf-8"),  # YAML takes two seconds
    ],
)
def test_the_schema_is_served(client: Client, query: str, kind: str) -> None:
    response = client.get(f"/api/schema/{query}")
    assert (response.status_code, response["Content-Type"]) == (200, kind)
    assert b"3.1.0" in response.content
    assert ("全部地址" in response.content.decode()) == ("zh" in query)


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
    reads = {"editions_list", "editions_retrieve"}  # an edition is made and approved on its page
    expected = {name: place for name, place in expected.items() if not name.startswith("editions_") or name in reads}
    for name in [*AGGREGATES, "changes"]:
        expected[f"{name}_retrieve"] = f"/api/v1/{name}/", "get"
    expected["briefs_read"] = "/api/v1/briefs/{kind}/{slug}/", "get"
    expected["briefs_nation"] = "/api/v1/briefs/nation/", "get"
    expected["root_retrieve"] = "/api/v1/", "get"
    assert {operation["operationId"]: (path, verb) for path, verb, operation in operations(schema)} == expected


def test_the_order_is_that_of_the_root(schema: Any) -> None:
    names = ["root", *(name for name in ROUTES if name not in {"schema", "docs", "use"})]
    assert [tag["name"] for tag in schema["tags"]] == names
    assert list(dict.fromkeys(operation["tags"][0] for _path, _verb, operation in operations(schema))) == names


# -- parameters and headers ---------------------------------------------------------------------------------------


def test_every_parameter_is_described(schema: Any) -> None:
    for path, _verb, operation in operations(schema):
        for parameter in operation["parameters"]:
            assert parameter["description"], (path, parameter)


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


def test_a_comma_separated_list_is_described_as_text() -> None:
    assert comma_list_schema(["a-b", "c.d"], 3, "-?") == {
        "type": "string",
        "pattern": r"^-?(a-b|c\.d)(,-?(a-b|c\.d)){0,2}$",
    }


READS = ("If-None-Match", "X-Request-ID")
WRITES = ("Idempotency-Key", "X-Change-Reason", "X-Request-ID")
HEADERS = {
    **dict.fromkeys(["list", "retrieve"], READS),
    **dict.fromkeys(["create", "bulk_update", "bulk_partial_update", "bulk_destroy"], WRITES),
    **dict.fromkeys(["update", "partial_update", "destroy"], ("If-Match", *WRITES)),
}


def test_a_further_action_of_a_record_needs_its_version(schema: Any) -> None:
    """A step answers 201 with the tag of its follow-up and its address; a confirmation needs no body."""
    found = {operation["operationId"]: operation for _p, _v, operation in operations(schema)}
    for name, status, needs_body in (
        ("actions_take", "201", True),
        ("adoptions_confirm", "200", False),
        ("practices_move", "200", True),
    ):
        asked = found[name]["parameters"]
        headers = {one["name"]: one.get("required", False) for one in asked if one["in"] == "header"}
        assert headers == {"If-Match": True, **dict.fromkeys(WRITES, False)}
        assert found[name]["requestBody"]["required"] is needs_body
        assert "ETag" in found[name]["responses"][status]["headers"]
        assert {"404", "409", "412", "428"} <= set(found[name]["responses"])
    assert "Location" in found["actions_take"]["responses"]["201"]["headers"]
    body = schema["components"]["schemas"]["FollowUpStepEntry"]
    assert list(body["properties"]) == ["move", "remark", "new_due_on", "taken_on", "documents"]
    assert (body["required"], body["additionalProperties"]) == (["move"], False)


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
        for status, told in operation["responses"].items():
            answer = resolved(schema, told)
            assert "X-Request-ID" in answer["headers"], status
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
        build_schema.cache_clear()
        found = openapi_schema("en", access)
    build_schema.cache_clear()
    return found


QUERIES = {"rollout": {"policy": "synergy-implementation-plan-2022"}, "trend": {"indicator": "CO2_TOT"}}


def test_a_real_answer_has_every_documented_field_and_no_other(client: Client, schema: Any) -> None:
    """Held against the description with every object closed."""
    closed = json.loads(json.dumps(schema, default=str))
    resolve_all(closed["components"]["schemas"])
    for path, verb, operation in operations(schema):
        keys = [one for one in operation["parameters"] if one["in"] == "path"]
        if verb != "get" or not all("examples" in one for one in keys):
            continue
        address = path
        for key in keys:
            address = address.replace(f"{{{key['name']}}}", str(example_of(key)))
        said = operation["responses"]["200"]["content"]["application/json"]["schema"]
        query = QUERIES.get(operation["tags"][0], {})
        for chosen in ({}, {"brief": "true"}) if "brief" in names_of(operation) else ({},):
            body = client.get(address, {**query, **chosen}).json()
            faults = Draft202012Validator({**said, "components": closed["components"]}).iter_errors(body)
            assert (path, [fault.message for fault in faults]) == (path, [])


def names_of(operation: Any) -> set[str]:
    return {parameter["name"] for parameter in operation["parameters"]}


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


def test_the_examples_fit_what_they_are_examples_of(schema: Any) -> None:
    checked = 0
    for _path, _verb, operation in operations(schema):
        bodies = [
            operation.get("requestBody", {}),
            *(resolved(schema, told) for told in operation["responses"].values()),
        ]
        for content in (media for body in bodies for media in body.get("content", {}).values()):
            for shown in content.get("examples", {}).values():
                whole = Draft202012Validator({**content["schema"], "components": schema["components"]})
                assert [fault.message for fault in whole.iter_errors(shown["value"])] == [], operation["operationId"]
                checked += 1
    assert checked == 3 * len(RECORDS) - 3, "not: deleting attachments, many follow-ups"


# -- bodies -----------------------------------------------------------------------------------------------------------


def test_the_body_of_a_plan(schema: Any) -> None:
    parts = schema["components"]["schemas"]
    edit = parts["PlanEdit"]
    assert edit["additionalProperties"] is False
    passed = [
        name for name, field in edit["properties"].items() if field == {"$ref": "#/components/schemas/PassedOver"}
    ]
    assert passed == ["id", "name", "unverified", "url", "revision"]
    assert edit["properties"]["title_zh"] == {
        "type": ["string", "null"],
        "maxLength": 300,
        "description": "As printed, for example 减污降碳协同增效实施方案.",
    }
    assert edit["properties"]["province"]["allOf"] == [{"$ref": "#/components/schemas/SlugReference"}]
    assert edit["properties"]["issued_precision"]["oneOf"] == [
        {"$ref": f"#/components/schemas/{name}"} for name in ("Precision", "BlankEnum", "NullEnum")
    ]
    assert edit["properties"]["sources"] == {
        "type": "array",
        "maxItems": 500,
        "items": {"$ref": "#/components/schemas/IdReference"},
        "description": "Where this was read. Every fact should cite at least one.",
    }
    assert parts["PlanEntry"]["allOf"] == [
        {"$ref": "#/components/schemas/PlanEdit"},
        {"type": "object", "required": ["policy", "province"]},
    ]
    assert parts["PlanBulkEdit"]["allOf"][1]["required"] == ["id", "revision"]
    body = schema["paths"]["/api/v1/plans/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    entry = {"$ref": "#/components/schemas/PlanEntry"}
    assert body == {"oneOf": [entry, {"type": "array", "items": entry, "minItems": 1, "maxItems": 1000}]}


def test_every_field_says_what_it_means(schema: Any) -> None:
    """Except fields of links to records and of pagination, described where they are used."""
    silent = []
    for name, part in schema["components"]["schemas"].items():
        for field, shape in part.get("properties", {}).items():
            if "description" not in shape and shape != {"$ref": "#/components/schemas/PassedOver"}:
                silent.append(f"{name}.{field}")
    assert silent == ["ByCode.code", "ById.id", "BySlug.slug", "Changes.results"]


# -- links ------------------------------------------------------------------------------------------------------------


def test_a_new_record_leads_on(schema: Any) -> None:
    links = schema["paths"]["/api/v1/plans/"]["post"]["responses"]["201"]["links"]
    key, version = {"path.id": "$response.body#/id"}, {"header.If-Match": "$response.header.ETag"}
    assert links == {
        "retrieve": {"operationId": "plans_retrieve", "parameters": key},
        **{
            action: {"operationId": f"plans_{action}", "parameters": {**key, **version}}
            for action in ("update", "partial_update", "destroy")
        },
    }


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
def test_two_threads_may_ask_for_the_schema_at_once(settings: Any) -> None:
    """Inspectors of views are shared by all threads: without a lock one schema takes the views of the other away."""
    build_schema.cache_clear()
    render_schema.cache_clear()

    def build(language: str) -> bytes:
        with translation.override(language):
            return render_schema("json", language, settings.SITE_ACCESS)

    with ThreadPoolExecutor(2) as pool:
        english, chinese = pool.map(build, ["en", "zh-hans"])
    assert json.loads(english)["paths"].keys() == json.loads(chinese)["paths"].keys()
    assert english != chinese


def test_the_methods_of_each_path_come_in_one_order(schema: Any) -> None:
    """DRF keeps them in a set: without an order each process would give the schema another ETag."""
    order = ["get", "post", "put", "patch", "delete"]
    found = [[key for key in item if key in order] for item in schema["paths"].values()]
    assert found == [[method for method in order if method in item] for item in schema["paths"].values()]
