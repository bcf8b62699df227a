"""Texts kept in English and in Chinese: `note` is that of `note_en` and `note_zh` which the reader can read."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import get_language


def reads_chinese() -> bool:
    return (get_language() or "en").startswith("zh")


def is_chinese(text: str) -> bool:
    """Whether a text is written in Chinese; an English sentence that names a Chinese document is not."""
    han = sum("\u4e00" <= char <= "\u9fff" for char in text)
    latin = sum(char.isascii() and char.isalpha() for char in text)
    return han > latin


class Translated(property):
    """The text of the fields `<name>_en` and `<name>_zh` in the reader's language, else in the other.

    Setting it sets the field of the language that the text is written in and leaves the other; an empty text empties
    both.
    """

    def __init__(self, name: str) -> None:
        self.name, self.en, self.zh = name, f"{name}_en", f"{name}_zh"

        def read(record: Any) -> str:
            """The text in the reader's language, else in the other."""
            return in_readers_language(getattr(record, self.en), getattr(record, self.zh))

        def write(record: Any, text: str | None) -> None:
            for field, value in self.parts(text).items():
                setattr(record, field, value)

        read.reads = (self.en, self.zh)  # type: ignore[attr-defined]  # as config.reads marks what is read
        super().__init__(read, write)

    def parts(self, text: str | None) -> Mapping[str, str]:
        """The fields that a text of either language sets."""
        if not text:
            return {self.en: "", self.zh: ""}
        return {self.zh if is_chinese(text) else self.en: text}

    @property
    def readers(self) -> str:
        """The field in the reader's language, where a form says what is wrong."""
        return self.zh if reads_chinese() else self.en


def in_readers_language(english: str, chinese: str) -> str:
    first, second = (chinese, english) if reads_chinese() else (english, chinese)
    return first or second


def translated(model: Any) -> Iterable[Translated]:
    """The texts that a model, or the model of a record, keeps in both languages."""
    kind = model if isinstance(model, type) else type(model)
    found = {name: value for base in reversed(kind.__mro__) for name, value in vars(base).items()}
    return [item for item in found.values() if isinstance(item, Translated)]
