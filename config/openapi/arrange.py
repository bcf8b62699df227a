"""The last touch: the order of the root, and what many operations repeat said once."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

OFTEN = 3  # from so many times on, a parameter stands among the shared ones
ORDER = "x-order"  # by which the root hands over its order
Operation = dict[str, Any]


def arranged(result: dict[str, Any], **_frame: Any) -> dict[str, Any]:
    """The description, arranged; the frame calls it last."""
    paths = result["paths"]
    names = order_of(paths)
    result["paths"] = dict(sorted(paths.items(), key=lambda item: place_of(item[1], names)))
    result["tags"] = [*tags(result["paths"])]
    share_parameters(result)
    result["components"] = plain(result["components"])
    return result


def operations(paths: Mapping[str, Mapping[str, Operation]]) -> Iterator[Operation]:
    for methods in paths.values():
        yield from methods.values()


def order_of(paths: Mapping[str, Mapping[str, Operation]]) -> list[str]:
    """The names of the tags as the root lists them."""
    told: list[str] = next((operation.pop(ORDER) for operation in operations(paths) if ORDER in operation), [])
    return ["root", *told]


def place_of(methods: Mapping[str, Operation], names: list[str]) -> int:
    name = next(iter(methods.values()))["tags"][0]
    return names.index(name) if name in names else len(names)


def tags(paths: Mapping[str, Mapping[str, Operation]]) -> Iterator[dict[str, str]]:
    """Each tag with what its first operation is called."""
    told: dict[str, str] = {}
    for operation in operations(paths):
        told.setdefault(operation["tags"][0], operation["summary"])
    yield from ({"name": name, "description": text} for name, text in told.items())


# -- parameters --------------------------------------------------------------------------------------------


def share_parameters(result: dict[str, Any]) -> None:
    """Put each parameter that many operations have among the parts, and name it in its place."""
    every = [operation for operation in operations(result["paths"]) if "parameters" in operation]
    users: dict[str, list[str]] = {}
    for operation in every:
        for parameter in operation["parameters"]:
            users.setdefault(text_of(parameter), []).append(operation["tags"][0])
    often = {text: names for text, names in users.items() if len(names) >= OFTEN}
    named = {text: name_of(text, often) for text in often}
    for operation in every:
        operation["parameters"] = [
            {"$ref": f"#/components/parameters/{named[text]}"} if (text := text_of(parameter)) in named else parameter
            for parameter in operation["parameters"]
        ]
    result["components"]["parameters"] = {named[text]: json.loads(text) for text in often}


def text_of(parameter: Mapping[str, Any]) -> str:
    return json.dumps(parameter, default=str, ensure_ascii=False)


def name_of(text: str, users: Mapping[str, list[str]]) -> str:
    """The parameter's name; before it that of the only resource that has it, after it a number where others have it."""
    name, tags = json.loads(text)["name"], set(users[text])
    if len(tags) == 1:
        return f"{tags.pop()}-{name}"
    same = [other for other in users if json.loads(other)["name"] == name and len(set(users[other])) > 1]
    place = same.index(text)
    return f"{name}-{place + 1}" if place else str(name)


# -- parts -------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """Without `readOnly`: answers and bodies have parts of their own, so that it would say nothing."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    rest = {key: plain(item) for key, item in value.items() if not (key == "readOnly" and item is True)}
    alone = rest.get("allOf", [])
    return alone[0] if len(rest) == 1 and len(alone) == 1 else rest
