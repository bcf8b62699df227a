"""The description as the documentation prints it: groups of operations, what they share told once."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.openapi.answers import FILES, JSON
from config.openapi.operations import EXAMPLE
from config.openapi.shapes import FieldLine, Shapes, Uses, Word
from config.openapi.strings import WORDS
from config.problems import title

NAMES = {media: name.upper() for name, (media, _shape) in FILES.items()} | {JSON: "JSON"}
WIDELY = 3  # a parameter that more than a third of the groups have is shared


@dataclass(frozen=True)
class ParameterLine:
    """A parameter or header, with the suffixes by which more can be asked of it."""

    name: str
    suffixes: Sequence[str]
    required: bool
    kind: str
    words: Sequence[Word]
    default: str
    description: str
    example: str


@dataclass(frozen=True)
class OperationText:
    """One operation as the page prints it."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    deprecated: bool
    parameters: Sequence[ParameterLine]
    shared: Sequence[tuple[str, str]]  # each with the anchor of its line
    body: str  # object, array or either; empty for none
    body_needs: Sequence[str]
    body_example: str
    status: str
    formats: Sequence[str]
    answer_example: str
    refusals: Sequence[str]
    example: str


@dataclass(frozen=True)
class Group:
    """The operations of one resource, with the fields of its records; of an aggregate those of its answer."""

    anchor: str
    title: str
    about: str
    writable: bool
    fields: Sequence[FieldLine]
    operations: Sequence[OperationText]


@dataclass(frozen=True)
class Refusal:
    """A status that is no success: when it comes, and one that came."""

    status: str
    title: str
    description: str
    examples: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Reference:
    """All that the documentation tells of the API."""

    groups: Sequence[Group]
    parameters: Sequence[ParameterLine]
    headers: Sequence[ParameterLine]
    answer_headers: Sequence[tuple[str, str]]
    refusals: Sequence[Refusal]


class Pages:
    """Makes the reference of a description."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.description, self.shapes = description, Shapes(description)
        self.tagged: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
        for path, methods in description["paths"].items():
            for method, operation in methods.items():
                self.tagged.setdefault(operation["tags"][0], []).append((method, path, operation))
        self.shared = self.widely_shared()

    def reference(self) -> Reference:
        return Reference(
            groups=[self.group(name, own) for name, own in self.tagged.items()],
            parameters=[self.line([parameter]) for parameter in self.shared.values() if parameter["in"] == "query"],
            headers=[self.line([parameter]) for parameter in self.shared.values() if parameter["in"] == "header"],
            answer_headers=self.answer_headers(),
            refusals=[*self.refusals()],
        )

    # -- what is shared ------------------------------------------------------------------------------------

    def widely_shared(self) -> dict[str, dict[str, Any]]:
        """Parameters that many groups have, by name: headers, and those that mean the same everywhere."""
        users: dict[str, set[str]] = {}
        variants: dict[str, Counter[str]] = {}
        for tag, own in self.tagged.items():
            for _method, _path, operation in own:
                for parameter in map(self.shapes.resolved, operation.get("parameters", [])):
                    if parameter["in"] != "path" and parameter["name"] != "ordering":  # its words are each list’s own
                        users.setdefault(parameter["name"], set()).add(tag)
                        variants.setdefault(parameter["name"], Counter())[json.dumps(parameter, default=str)] += 1
        usual = {name: json.loads(found.most_common(1)[0][0]) for name, found in variants.items()}
        filters = {name.partition("__")[0] for name in usual if "__" in name}  # of each resource its own
        return {
            name: parameter
            for name, parameter in usual.items()
            if (len(users[name]) > len(self.tagged) / WIDELY and name.partition("__")[0] not in filters)
            or parameter["in"] == "header"
        }

    def answer_headers(self) -> list[tuple[str, str]]:
        told = self.shapes.parts["headers"]
        return sorted({name.removesuffix("-sometimes"): own["description"] for name, own in told.items()}.items())

    def refusals(self) -> Iterator[Refusal]:
        """Every status that is told of, in their order."""
        told: dict[str, dict[str, Any]] = {}
        for own in self.tagged.values():
            for _method, _path, operation in own:
                for status, answer in operation["responses"].items():
                    if "$ref" in answer:
                        told[status] = self.shapes.part(answer["$ref"])
        for status, answer in sorted(told.items()):
            [content] = [*answer.get("content", {}).values()] or [{}]
            shown = [(own["summary"], written(own["value"])) for own in content.get("examples", {}).values()]
            yield Refusal(status, title(int(status)) if shown else "", answer["description"], shown)

    # -- one group -----------------------------------------------------------------------------------------

    def group(self, name: str, own: Sequence[tuple[str, str, dict[str, Any]]]) -> Group:
        first = own[0][2]
        whole = self.answer_shape(own)
        create = next((operation for method, _path, operation in own if method == "post"), None)
        uses = self.uses(whole, create)
        shown = self.record_example(own)
        return Group(
            anchor=name,
            title=first["summary"],
            about=first.get("description", ""),
            writable=create is not None,
            fields=[line for line in self.shapes.lines(whole, uses, shown) if line.name != "demonstration"],
            operations=[self.operation(method, path, operation) for method, path, operation in own],
        )

    def answer_shape(self, own: Sequence[tuple[str, str, dict[str, Any]]]) -> dict[str, Any]:
        """The record or the answer of a group, whole; with what is only sent below."""
        answers = [operation["responses"]["200"]["content"][JSON]["schema"] for m, _p, operation in own if m == "get"]
        whole = self.shapes.variants(answers[-1])[0]
        entry = next((self.entry(operation) for method, _path, operation in own if method == "post"), {})
        fields = {**whole.get("properties", {})}
        for name, field in entry.get("properties", {}).items():
            fields.setdefault(name, field)
        return {**whole, "properties": fields}

    def entry(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        """The body of one record to be written whole."""
        return self.shapes.variants(operation["requestBody"]["content"][JSON]["schema"])[0]

    def uses(self, whole: Mapping[str, Any], create: Mapping[str, Any] | None) -> Uses:
        """Of each field: whether it is needed, may be sent, or only stands in answers; and what is sent."""
        if create is None:
            return {}
        entry = self.entry(create)
        passed = self.shapes.parts["schemas"].get("PassedOver", {}).get("description")
        found: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for name in whole["properties"]:
            field = entry["properties"].get(name, {})
            if not field or self.shapes.resolved(field).get("description") == passed:
                found[name] = "answer", {}
            else:
                found[name] = "needed" if name in entry.get("required", []) else "optional", field
        return found

    def record_example(self, own: Sequence[tuple[str, str, dict[str, Any]]]) -> Any:
        """The answer of a group’s last read: one record, or the aggregate."""
        reads = [operation for method, _path, operation in own if method == "get"]
        shown = first_example(reads[-1]["responses"]["200"]["content"][JSON])
        return shown["value"] if shown else None

    # -- one operation -------------------------------------------------------------------------------------

    def operation(self, method: str, path: str, operation: Mapping[str, Any]) -> OperationText:
        status, good = next((code, told) for code, told in operation["responses"].items() if code.startswith("2"))
        content, body = good.get("content", {}), operation.get("requestBody", {}).get("content", {}).get(JSON)
        own, shared = self.parameters(operation)
        reading = method == "get"
        return OperationText(
            anchor=operation["operationId"],
            method=method.upper(),
            path=path,
            summary=operation["summary"],
            description=operation.get("description", ""),
            deprecated=operation.get("deprecated", False),
            parameters=own,
            shared=shared,
            body=self.body_kind(body),
            body_needs=self.body_needs(body),
            body_example=example_of(body or {}),
            status=status,
            formats=[NAMES.get(media, media) for media in content],
            answer_example=example_of(content.get(JSON, {})) if reading else "",
            refusals=[code for code, told in operation["responses"].items() if "$ref" in told],
            example=operation.get(EXAMPLE, ""),
        )

    def parameters(self, operation: Mapping[str, Any]) -> tuple[list[ParameterLine], list[tuple[str, str]]]:
        """An operation's own parameters, one line for each with its suffixes, and those that it shares."""
        own: dict[str, list[Mapping[str, Any]]] = {}
        shared = []
        for parameter in map(self.shapes.resolved, operation.get("parameters", [])):
            if parameter["name"] in self.shared:
                shared.append((f"{parameter['in'][0]}-{parameter['name']}", parameter["name"]))
            else:
                own.setdefault(parameter["name"].partition("__")[0], []).append(parameter)
        return [self.line(same) for same in own.values()], shared

    def line(self, same: Sequence[Mapping[str, Any]]) -> ParameterLine:
        first, *rest = same
        schema, name = first["schema"], first["name"]
        of_fields = name in self.shared and WORDS in schema  # each resource has words of its own
        example = next((shown["value"] for shown in first.get("examples", {}).values()), "")
        return ParameterLine(
            name=name,
            suffixes=[own["name"].removeprefix(name.partition("__")[0]) for own in rest],
            required=first.get("required", False),
            kind=self.shapes.kind({key: value for key, value in schema.items() if key != "maxLength"}),
            words=[] if of_fields else self.shapes.words(schema),
            default=str(schema.get("default", "")),
            description=first.get("description", ""),
            example=str(example),
        )

    def body_kind(self, body: Mapping[str, Any] | None) -> str:
        if not body:
            return ""
        kinds = {own.get("type", "object") for own in self.shapes.variants(body["schema"])}
        return "either" if len(kinds) > 1 else kinds.pop()

    def body_needs(self, body: Mapping[str, Any] | None) -> list[str]:
        """The fields that one record of the body has to have."""
        if not body:
            return []
        first = self.shapes.variants(body["schema"])[0]
        one = self.shapes.variants(first["items"])[0] if first.get("type") == "array" else first
        return [name for name in one["properties"] if name in one.get("required", [])]


def first_example(media: Mapping[str, Any]) -> Any:
    return next(iter(media.get("examples", {}).values()), None)


def example_of(media: Mapping[str, Any]) -> str:
    shown = first_example(media)
    return written(shown["value"]) if shown else ""


def written(value: Any) -> str:
    """JSON as people write it: short parts on one line."""
    return lines_of(value, "")


def lines_of(value: Any, indent: str) -> str:
    short = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(short) <= 88 or not isinstance(value, dict | list) or not value:
        return short
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {lines_of(item, indent + '  ')}" for key, item in value.items()]
        opening, closing = "{", "}"
    else:
        parts, opening, closing = [lines_of(item, indent + "  ") for item in value], "[", "]"
    inner = f",\n{indent}  ".join(parts)
    return f"{opening}\n{indent}  {inner}\n{indent}{closing}"
