"""Unicode normalization of codes and texts before they are stored."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


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
