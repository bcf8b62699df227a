"""How the API describes itself: whole, true, in both languages, and the page that prints it."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft202012Validator

from config.apidocs import description, reference
from config.openapi.strings import as_text
from config.urls import AGGREGATES, RESOURCES, ROUTES

pytestmark = pytest.mark.django_db
VERBS = {
    "list": "get",
    "create": "post",
    "bulk_update": "put",
    "bulk_partial_update": "patch",
    "bulk_destroy": "delete",
}
OF_ONE = {"retrieve": "get", "update": "put", "partial_update": "patch", "destroy": "delete"}


@pytest.fixture
def schema() -> Any:
    return description("en", "public")


def operations(schema: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def parameters(schema: Any, operation: Any) -> list[Any]:
    return [resolved(schema, parameter) for parameter in operation["parameters"]]


def resolved(schema: Any, part: Any) -> Any:
    if "$ref" not in part:
        return part
    _hash, _components, kind, name = part["$ref"].split("/")
    return schema["components"][kind][name]


# -- the whole -------------------------------------------------------------------------------------------------


def test_the_schema_is_valid_and_complete(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("", "application/vnd.oai.openapi; charset=utf-8"),
        ("?format=json", "application/vnd.oai.openapi+json; charset=utf-8"),
        ("?lang=zh-hans", "application/vnd.oai.openapi; charset=utf-8"),
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
        expected |= {f"{name}_{action}": (f"/api/v1/{name}/{{{key}}}/", verb) for action, verb in OF_ONE.items()}
    for name in [*AGGREGATES, "changes"]:
        expected[f"{name}_retrieve"] = f"/api/v1/{name}/", "get"
    expected["root_retrieve"] = "/api/v1/", "get"
    assert {operation["operationId"]: (path, verb) for path, verb, operation in operations(schema)} == expected


def test_the_order_is_that_of_the_root(schema: Any) -> None:
    names = ["root", *(name for name in ROUTES if name not in {"schema", "docs", "use"})]
    assert [tag["name"] for tag in schema["tags"]] == names
    assert list(dict.fromkeys(operation["tags"][0] for _path, _verb, operation in operations(schema))) == names


# -- parameters and headers ---------------------------------------------------------------------------------------


def test_every_parameter_is_described_with_an_example(schema: Any) -> None:
    for path, _verb, operation in operations(schema):
        for parameter in parameters(schema, operation):
            assert parameter["description"], (path, parameter)
            shown = [example["value"] for example in parameter.get("examples", {}).values()]
            silent = parameter["in"] == "path" or parameter["name"] == "Idempotency-Key"
            assert silent or (shown and "" not in shown), (path, parameter)


def test_every_parameter_of_the_schema_works_with_its_example(client: Client, schema: Any) -> None:
    for path, verb, operation in operations(schema):
        for parameter in parameters(schema, operation):
            if verb != "get" or "{" in path or parameter["in"] != "query":
                continue
            value = str(next(iter(parameter["examples"].values()))["value"])
            assert re.search(parameter["schema"].get("pattern", ""), value), parameter
            others = [one for one in parameters(schema, operation) if one.get("required") and one != parameter]
            asked = [(one["name"], next(iter(one["examples"].values()))["value"]) for one in others]
            address = f"{path}?{urlencode([(parameter['name'], value), *asked])}"
            assert (address, client.get(address).status_code) == (address, 200)


def test_a_list_in_one_value_is_told_as_text() -> None:
    parameter = {
        "name": "ordering",
        "in": "query",
        "style": "form",
        "explode": False,
        "schema": {"type": "array", "items": {"type": "string", "enum": ["a-b", "-a-b", "c.d", "-c.d"]}, "maxItems": 3},
        "examples": {"x": {"value": ["-a-b", "c.d"]}},
    }
    assert as_text(parameter) == {
        "name": "ordering",
        "in": "query",
        "schema": {
            "type": "string",
            "pattern": r"^-?(a-b|c\.d)(,-?(a-b|c\.d)){0,2}$",
            "x-words": ["a-b", "c.d"],
        },
        "examples": {"x": {"value": "-a-b,c.d"}},
    }


READS = ("If-None-Match", "X-Request-ID")
WRITES = ("Idempotency-Key", "X-Change-Reason", "X-Request-ID")
HEADERS = {
    **dict.fromkeys(["list", "retrieve"], READS),
    **dict.fromkeys(["create", "bulk_update", "bulk_partial_update", "bulk_destroy"], WRITES),
    **dict.fromkeys(["update", "partial_update", "destroy"], ("If-Match", *WRITES)),
}


@pytest.mark.parametrize("action", HEADERS)
def test_the_headers_of_a_request(schema: Any, action: str) -> None:
    found = next(operation for _p, _v, operation in operations(schema) if operation["operationId"] == f"plans_{action}")
    headers = [own for own in parameters(schema, found) if own["in"] == "header"]
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


def test_every_refusal_is_a_problem(schema: Any) -> None:
    for _path, _verb, operation in operations(schema):
        for status, told in operation["responses"].items():
            answer = resolved(schema, told)
            assert "X-Request-ID" in answer["headers"], status
            if status in {"304", "204"}:
                assert "content" not in answer
            elif not status.startswith("2"):
                assert list(answer["content"]) == ["application/problem+json"]
                assert "examples" in answer["content"]["application/problem+json"] or status == "431"


def test_reading_is_open_on_a_public_site_and_writing_never() -> None:
    both, signed = [{"token": []}, {"session": []}], [{"token": []}, {"session": [], "csrf": []}]
    for access, reading in (("public", None), ("internal", both)):
        for _path, verb, operation in operations(described_for(access)):
            assert operation.get("security") == (reading if verb == "get" else signed)


def described_for(access: str) -> Any:
    from django.test import override_settings  # noqa: PLC0415

    with override_settings(SITE_ACCESS=access):
        description.cache_clear()
        found = description("en", access)
    description.cache_clear()
    return found


def test_a_real_answer_has_every_field_that_is_told_and_no_other(client: Client, schema: Any) -> None:
    """Held against the description with every object closed."""
    closed = json.loads(json.dumps(schema, default=str))
    close(closed["components"]["schemas"])
    for path, _verb, operation in operations(schema):
        if "x-example" not in operation:
            continue
        said = operation["responses"]["200"]["content"]["application/json"]["schema"]
        for whole in (re.sub("&?fields=[a-z_,]*", "", operation["x-example"]), operation["x-example"]):
            body = client.get(whole).json()
            faults = [
                f.message for f in Draft202012Validator({**said, "components": closed["components"]}).iter_errors(body)
            ]
            assert (path, faults) == (path, [])


def close(part: Any) -> None:
    """Let no object hold a field that is not told of."""
    if isinstance(part, list):
        for item in part:
            close(item)
    elif isinstance(part, dict):
        for item in part.values():
            close(item)
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
    assert checked > 1000


def test_every_operation_shows_what_it_takes_and_answers(schema: Any) -> None:
    for _path, _verb, operation in operations(schema):
        good = next(told for status, told in operation["responses"].items() if status.startswith("2"))
        contents = [operation.get("requestBody", {}).get("content", {}), good.get("content", {})]
        for content in contents:
            assert "application/json" not in content or content["application/json"]["examples"], operation[
                "operationId"
            ]


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
    """Those of links to records and of the list's frame apart, which say it where they stand."""
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


# -- the page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_page_tells_every_operation(client: Client, schema: Any, language: str) -> None:
    response = client.get(f"/api/docs/?lang={language}")
    text = response.content.decode()
    assert response.status_code == 200
    assert "//cdn" not in text.split("chart-libs")[0]
    for path, verb, operation in operations(schema):
        assert f'<details class="operation" id="{operation["operationId"]}"' in text
        assert f'<span class="method {verb}">{verb.upper()}</span> <code>{path}</code>' in text
        assert f'data-operation="{operation["operationId"]}"' in text
    assert len(response.content) < 700_000, "a page that takes long to load is not read"


def test_the_page_prints_shared_parameters_once(client: Client) -> None:
    text = client.get("/api/docs/").content.decode()
    names = ("lang", "page_size", "If-Match")
    assert [text.count(f'<th scope="row"><code>{name}</code>') for name in names] == [1, 1, 1]


def test_what_the_page_tells_of_a_field() -> None:
    plans = next(group for group in reference("en", "public").groups if group.anchor == "plans")
    field = next(line for line in plans.fields if line.name == "policy")
    assert (field.kind, field.use, field.sent, field.example) == (
        "{slug, name, url}",
        "needed",
        "string | {slug}",
        "synergy-implementation-plan-2022",
    )
    assert next(line.use for line in plans.fields if line.name == "revision") == "answer"
    assert [
        (word.code, word.label) for line in plans.fields if line.name == "issued_precision" for word in line.words
    ] == [
        ("day", "day"),
        ("month", "month"),
        ("year", "year"),
    ]


def test_the_examples_of_the_page_open(client: Client) -> None:
    for group in reference("en", "public").groups:
        for operation in group.operations:
            assert not operation.example or client.get(operation.example).status_code == 200


def test_the_page_for_newcomers_shows_the_programs_as_they_are(client: Client) -> None:
    text = client.get("/api/use/").content.decode()
    assert "print(rollout[&quot;issued&quot;]" in text
    assert "2023-09-15 day revision 2" in text
    assert text.count('class="shown"') == 11
