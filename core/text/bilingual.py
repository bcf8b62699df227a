"""Texts of records: the form in which they are stored, and bilingual properties: `note` returns whichever of `note_en`
and `note_zh` is in the active language.
"""

import unicodedata
from collections.abc import Iterable, Mapping

from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

OWN_LANGUAGE_NAMES = {"en": "English", "zh-hans": "中文"}  # each language is named in itself


def is_chinese_active() -> bool:
    return (get_language() or "en").startswith("zh")


def is_chinese_text(text: str) -> bool:
    """Return whether a text is mostly Chinese; an English sentence that names a Chinese document is not."""
    han = sum("\u4e00" <= char <= "\u9fff" for char in text)
    latin = sum(char.isascii() and char.isalpha() for char in text)
    return han > latin


def lang_of(text: str) -> str:
    """Return the language tag of free text: `zh` where most of it is Chinese, else `en`."""
    return "zh" if is_chinese_text(text) else "en"


def in_reader_language(text: str) -> str:
    """Return the side in the active language of a text in both, `示例局 / Example Bureau`; others as they are."""
    sides = text.split(" / ")
    if len(sides) != 2 or is_chinese_text(sides[0]) == is_chinese_text(sides[1]):
        return text
    return next(side for side in sides if is_chinese_text(side) == is_chinese_active())


class TranslatedText(property):
    """Property over the fields `<name>_en` and `<name>_zh`: the text in the active language, else in the other.

    Setting it sets the field of the language that the text is written in and leaves the other; an empty text empties
    both.
    """

    def __init__(self, name: str) -> None:
        self.name, self.en, self.zh = name, f"{name}_en", f"{name}_zh"

        def read(record: object) -> str:
            """Return the text in the active language, else in the other."""
            en, zh = getattr(record, self.en), getattr(record, self.zh)
            text: str = (zh or en) if is_chinese_active() else (en or zh)
            return text

        def write(record: object, text: str | None) -> None:
            for field, value in self.field_values(text).items():
                setattr(record, field, value)

        super().__init__(read, write)

    def field_values(self, text: str | None) -> Mapping[str, str]:
        """Return the fields, by name, that a text in either language sets."""
        if not text:
            return {self.en: "", self.zh: ""}
        return {self.zh if is_chinese_text(text) else self.en: text}

    @property
    def active_field(self) -> str:
        """Name of the field in the active language, where a form reports errors."""
        return self.zh if is_chinese_active() else self.en


def translated_texts(model: object) -> Iterable[TranslatedText]:
    """Return the bilingual properties of a model, or of the model of a record."""
    kind = model if isinstance(model, type) else type(model)
    found = {name: value for base in reversed(kind.__mro__) for name, value in vars(base).items()}
    return [item for item in found.values() if isinstance(item, TranslatedText)]


def normalize_code(text: str) -> str:
    """Return a code in its stored form: NFKC, so that full-width letters and digits are the plain ones."""
    return unicodedata.normalize("NFKC", text).strip()


def normalize_text(text: str) -> str:
    """Return text in its stored form: NFC, which keeps Chinese punctuation as it is printed; line ends are LF."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def check_text(text: str) -> None:
    """Reject invisible characters that change what is read: controls and direction marks."""
    for char in text:
        hidden = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"} and char not in "\n\r\t"
        if hidden:
            raise ValidationError(
                _("Remove the invisible character U+%(code)s."), code="hidden", params={"code": f"{ord(char):04X}"}
            )
