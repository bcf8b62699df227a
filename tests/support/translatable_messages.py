"""Messages to translate in the source, and compilation of the catalogue, both without GNU gettext."""

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polib
from django.utils.translation.template import templatize

ROOT = Path(__file__).parent.parent.parent
CATALOGUE = ROOT / "locale/zh_Hans/LC_MESSAGES/django.po"
CODE = ("accounts", "config", "core", "dashboard", "demo", "pilots", "policies")

# The parameters of each function, in order.
FUNCTIONS = {
    "gettext": ("msgid",),
    "gettext_noop": ("msgid",),
    "gettext_lazy": ("msgid",),
    "ngettext": ("msgid", "plural"),
    "ngettext_lazy": ("msgid", "plural"),
    "pgettext": ("context", "msgid"),
    "pgettext_lazy": ("context", "msgid"),
    "npgettext": ("context", "msgid", "plural"),
    "npgettext_lazy": ("context", "msgid", "plural"),
}
TEMPLATE_CALL = re.compile(r"\b(?:n?p?gettext|_)\((?=u?[\"'])")


@dataclass(frozen=True)
class Message:
    """Message to translate; equal where gettext would look up the same entry."""

    msgid: str
    context: str | None = None
    plural: str = ""


def messages_in_source() -> dict[Message, str]:
    """Return every message of code and templates, with the first file that uses it."""
    found: dict[Message, str] = {}
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for message in messages_in_code(path.read_text(encoding="utf-8")):
                found.setdefault(message, str(path.relative_to(ROOT)))
    for path in sorted((ROOT / "templates").rglob("*.*")):
        for message in messages_in_template(path.read_text(encoding="utf-8")):
            found.setdefault(message, str(path.relative_to(ROOT)))
    return merge_plurals(found)


def merge_plurals(found: dict[Message, str]) -> dict[Message, str]:
    """Merge messages with and without a plural into one entry, as GNU gettext does."""
    plurals = {(message.context, message.msgid) for message in found if message.plural}
    return {m: where for m, where in found.items() if m.plural or (m.context, m.msgid) not in plurals}


def messages_in_code(source: str) -> Iterator[Message]:
    """Yield the messages of a module: calls of gettext functions, under any imported name."""
    tree = ast.parse(source)
    names = {"_": "gettext"} | dict(zip(FUNCTIONS, FUNCTIONS, strict=True))
    names |= {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            message = message_of(names.get(node.func.id, ""), node)
            if message:
                yield message


def message_of(function: str, call: ast.Call) -> Message | None:
    """Return the message of a call; None for another function, or where the text is a variable.

    Raises ValueError for an f-string, which is never found in a catalogue.
    """
    parts = FUNCTIONS.get(function)
    if parts is None or len(call.args) < len(parts):
        return None
    texts: dict[str, Any] = {}
    for part, argument in zip(parts, call.args, strict=False):
        if isinstance(argument, ast.JoinedStr):
            raise ValueError(f"line {argument.lineno}: a translated text cannot be an f-string")
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            return None
        texts[part] = argument.value
    return Message(texts["msgid"], texts.get("context"), texts.get("plural", ""))


def messages_in_template(source: str) -> Iterator[Message]:
    """Yield the messages of a template, through Django's own conversion of template tags to gettext calls."""
    calls = templatize(source)
    for match in TEMPLATE_CALL.finditer(calls):
        yield from messages_in_code(calls[match.start() : closing_bracket(calls, match.end()) + 1])


def closing_bracket(text: str, start: int) -> int:
    """Return the position of the bracket that closes the one before `start`, ignoring quoted brackets."""
    quote, at = "", start
    while quote or text[at] != ")":
        if quote and text[at] == "\\":
            at += 1
        elif quote:
            quote = "" if text[at] == quote else quote
        elif text[at] in "\"'":
            quote = text[at]
        at += 1
    return at


def compile_catalogues() -> None:
    """Compile each .mo that is missing or older than its .po, so that `pytest` alone finds both languages."""
    for source in (ROOT / "locale").rglob("*.po"):
        target = source.with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            part = target.with_suffix(f".{os.getpid()}")
            polib.pofile(str(source)).save_as_mofile(str(part))
            part.replace(target)
