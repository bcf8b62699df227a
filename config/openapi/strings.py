"""Lists in one value, as programs write them: words separated by commas.

OpenAPI has a style for it that most makers of clients do not know; as text with a pattern it means the same to all.
"""

import re
from collections.abc import Mapping
from typing import Any

WORDS = "x-words"  # the words that may stand in the list, for those who offer them


def as_text(parameter: Mapping[str, Any]) -> dict[str, Any]:
    """The parameter; where its value is a list separated by commas, as text."""
    schema = parameter["schema"]
    if schema.get("type") != "array" or parameter.get("explode", True):
        return dict(parameter)
    rest = {key: value for key, value in parameter.items() if key not in {"style", "explode"}}
    examples = {
        name: {**shown, "value": ",".join(map(str, shown["value"]))}
        for name, shown in parameter.get("examples", {}).items()
    }
    return {**rest, "schema": text_of(schema), **({"examples": examples} if examples else {})}


def text_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A list as text: its words, and how many of them."""
    item, most = schema["items"], schema.get("maxItems")
    words = [str(word) for word in item.get("enum", [])]
    plain = [word for word in words if not word.startswith("-")]
    sign = "-?" if len(plain) < len(words) else ""
    one = f"{sign}({'|'.join(map(escaped, plain))})" if words else item.get("pattern", "[^,]+").strip("^$")
    times = f"{{0,{most - 1}}}" if most else "*"
    return {"type": "string", "pattern": f"^{one}(,{one}){times}$", **({WORDS: plain} if words else {})}


def escaped(word: str) -> str:
    """A word in a pattern, as every dialect reads it: Python would escape hyphens too, which JavaScript refuses."""
    return re.sub(r"[.^$*+?()\[\]{}|\\]", r"\\\g<0>", word)
