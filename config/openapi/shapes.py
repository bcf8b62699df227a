"""Shapes of the description as people read them: the fields of an object, each with its type in a few signs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.openapi.strings import WORDS

LONGEST = 60  # characters of an example in a table
HUGE = 10**12  # from here on a bound is the machine’s, not the record’s
SMALL = 4  # so many plain fields at most stand in the type itself
BLANK = ("", None)
Uses = Mapping[str, tuple[str, Mapping[str, Any]]]  # of each field, how a body has it: the word for it, and its shape


@dataclass(frozen=True)
class Word:
    """One word of a choice and what it means, empty where the description does not say."""

    code: str
    label: str


@dataclass(frozen=True)
class FieldLine:
    """A field of an answer or a body; `use` is needed, optional or answer, empty where nothing of it is written.

    `sent` is the type in a body, where that is another one.
    """

    name: str
    kind: str
    words: Sequence[Word]
    use: str
    sent: str
    meaning: str
    example: str


class Shapes:
    """Reads the parts of a description."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.parts = description["components"]

    def part(self, ref: str) -> Any:
        _hash, _components, kind, name = ref.split("/")
        return self.parts[kind][name]

    def resolved(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """What a reference stands for, with what is said beside it; of what is put together, the whole."""
        if "$ref" in schema:
            return {**self.resolved(self.part(schema["$ref"])), **{k: v for k, v in schema.items() if k != "$ref"}}
        whole: dict[str, Any] = {}
        for piece in schema.get("allOf", []):
            found = self.resolved(piece)
            whole["properties"] = {**whole.get("properties", {}), **found.pop("properties", {})}
            whole["required"] = [*whole.get("required", []), *found.pop("required", [])]
            whole |= found
        rest = {key: value for key, value in schema.items() if key != "allOf"}
        return {key: value for key, value in {**whole, **rest}.items() if value or not isinstance(value, list | dict)}

    def variants(self, schema: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What a value may be; one shape mostly."""
        whole = self.resolved(schema)
        choices = whole.get("oneOf") or whole.get("anyOf")
        if not choices:
            return [whole]
        found = [own for choice in choices for own in self.variants(choice)]
        return [own for own in found if own.get("enum") != [""]]  # empty text means the same as null

    # -- types ---------------------------------------------------------------------------------------------

    def kind(self, schema: Mapping[str, Any]) -> str:
        """The type in a few signs: string ≤ 80 | null."""
        return " | ".join(dict.fromkeys(self.one_kind(own) for own in self.variants(schema)))

    def one_kind(self, schema: Mapping[str, Any]) -> str:
        types = schema.get("type", "")
        names = types if isinstance(types, list) else [types]
        if schema.get("enum") == [None]:
            return "null"
        return " | ".join(self.named(name, schema) for name in names)

    def named(self, name: str, schema: Mapping[str, Any]) -> str:
        if name == "array":
            return f"[{self.kind(schema['items'])}]"
        if name == "object":
            return self.object_kind(schema)
        if name == "string":
            word = schema.get("format", "string").replace("date-time", "time")
            return f"{word} ≤ {schema['maxLength']}" if "maxLength" in schema else str(word)
        if name == "integer" and schema.get("maximum", HUGE) < HUGE:
            return f"integer {schema.get('minimum', '')}…{schema['maximum']}"
        return str(name) or "any"

    def object_kind(self, schema: Mapping[str, Any]) -> str:
        if not schema.get("properties"):
            value = schema.get("additionalProperties")
            return f"{{…: {self.kind(value)}}}" if isinstance(value, dict) and value else "object"
        return f"{{{', '.join(schema['properties'])}}}" if self.is_small(schema) else "object"

    def is_small(self, schema: Mapping[str, Any]) -> bool:
        """Whether an object has few fields, all of them plain."""
        fields = schema.get("properties", {})
        parts = [self.resolved(field) for field in fields.values()]
        plain = all(own.get("type") != "array" and "properties" not in own for own in parts)
        return 0 < len(fields) <= SMALL and plain

    def words(self, schema: Mapping[str, Any]) -> list[Word]:
        """The words of a choice, each with its label."""
        inner = self.resolved(schema)
        if inner.get("type") == "array":
            inner = self.resolved(inner["items"])
        found, labels = [*inner.get("enum", []), *inner.get(WORDS, [])], dict(bullets(inner.get("description", "")))
        for own in self.variants(inner):
            found += own.get("enum", [])
            labels |= dict(bullets(own.get("description", "")))
        codes = [str(word) for word in dict.fromkeys(found) if word not in BLANK and word is not True]
        return [Word(code, labels.get(code, "")) for code in codes]

    # -- fields --------------------------------------------------------------------------------------------

    def lines(self, schema: Mapping[str, Any], uses: Uses, example: Any, above: str = "") -> Iterator[FieldLine]:
        """The fields of an object, those of its parts below them."""
        for name, field in schema.get("properties", {}).items():
            shown = example.get(name) if isinstance(example, dict) else None
            use, sent = uses.get(name, ("", {}))
            kind, other = self.kind(field), self.kind(sent) if sent else ""
            yield FieldLine(
                name=above + name,
                kind=kind,
                words=self.words(field),
                use=use,
                sent=other if other != kind else "",
                meaning=self.resolved(field).get("description", "").partition("\n\n*")[0],
                example=brief(shown),
            )
            yield from self.below(field, shown, above + name)

    def below(self, field: Mapping[str, Any], example: Any, name: str) -> Iterator[FieldLine]:
        """The fields of a part that is too large for its type."""
        [inner, *_others] = [own for own in self.variants(field) if own.get("type") != "null"]
        if inner.get("type") == "array":
            [inner, *_others] = self.variants(inner["items"])
            name, example = f"{name}[]", example[0] if example else None
        if inner.get("type") == "object" and inner.get("properties") and not self.is_small(inner):
            yield from self.lines(inner, {}, example, f"{name}.")


def bullets(description: str) -> Iterator[tuple[str, str]]:
    """The words of a choice and their labels, as the frame lists them under a description."""
    for line in description.splitlines():
        if line.startswith("* `") and "` - " in line:
            code, _sign, label = line.removeprefix("* `").partition("` - ")
            yield code, label


def brief(value: Any) -> str:
    """A value as a table shows it; nothing for no data, for lists of objects, and for what is too long."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return str(value.get("slug") or value.get("code") or "")
    if isinstance(value, list):
        return ", ".join(filter(None, map(brief, value[:1])))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
