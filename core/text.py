"""Texts as the reader sees them: those of records in two languages, and numbers, dates, shares, periods, joined texts
and the symbols of a status in the reader's language. Decimal values of one sentence or label are formatted alike.

Python modules import these functions; `core.templatetags.site` registers them as template filters. A missing value
reads "no data" and never 0.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal, Self

from django.core.exceptions import ValidationError
from django.db.models import TextChoices
from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format, get_format, number_format
from django.utils.translation import get_language, gettext_lazy, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext as _

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


def invisible_character(text: str, allowed: str = "") -> str:
    """Return the first character that is not seen: a control, a direction mark, a line end; empty for none."""
    hidden = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    return next((char for char in text if unicodedata.category(char) in hidden and char not in allowed), "")


def check_text(text: str) -> None:
    """Reject invisible characters that change what is read; line ends do not."""
    if hidden := invisible_character(text, allowed="\n\r\t\u2028\u2029"):
        message = gettext_lazy("Remove the invisible character U+%(code)s.")
        raise ValidationError(message, code="hidden", params={"code": f"{ord(hidden):04X}"})


# -- values ---------------------------------------------------------------------------------------------


LEVEL_DIGITS, CHANGE_DIGITS, MAX_PLACES = 4, 3, 6


@dataclass(frozen=True)
class PartialDate:
    """Date known to the day, the month or the year: `2022-12` is not the first of December."""

    on: date
    precision: Literal["day", "month", "year"] = "day"

    def iso(self) -> str:
        """Return reduced ISO 8601: 2022-12-05, 2022-12 or 2022."""
        return self.on.isoformat()[: {"day": 10, "month": 7, "year": 4}[self.precision]]


class Precision(TextChoices):
    DAY = "day", pgettext_lazy("precision", "day")
    MONTH = "month", pgettext_lazy("precision", "month")
    YEAR = "year", pgettext_lazy("precision", "year")


def no_data() -> str:
    """Return the words for a missing value."""
    return pgettext("a value that is missing", "no data")


def format_number(value: int | float | Decimal | str | None, digits: int | None = None) -> str:
    """Format a number with its group separators: 12345 reads 12,345.

    A Decimal keeps the digits it was published with unless `digits` is given.
    """
    if value is None:
        return no_data()
    if isinstance(value, str):  # words where a number usually stands, such as a span of time
        return value
    return number_format(value, digits, force_grouping=True).replace("-", "−")  # a true minus sign


def format_plain(value: Decimal) -> str:
    """Format a number with group separators and without trailing zeros."""
    return format_number(Decimal(f"{value.normalize():f}"))


def format_part(n: int, whole: int) -> str:
    """Format a number and the whole that it is part of: 12 of 1,234."""
    return _("%(n)s of %(all)s") % {"n": format_number(n), "all": format_number(whole)}


def format_date(value: date | PartialDate | str | None, short: object = False) -> str:
    """Format a date, or the part of it that is known: 5 December 2022, December 2022, 2022; short: 5 Dec 2022."""
    if not value:
        return no_data()
    if isinstance(value, str):
        value = date.fromisoformat(value)
    if not isinstance(value, PartialDate):
        value = PartialDate(value)
    day = "SHORT_DATE_FORMAT" if short else "DATE_FORMAT"
    form = {"day": day, "month": "YEAR_MONTH_FORMAT", "year": "YEAR_FORMAT"}[value.precision]
    return date_format(value.on, get_format(form))


def format_period(text: str) -> str:
    """Format a period in ISO form as dates are formatted: 2013–2022, 30 January 2024; empty for an empty period."""
    precisions: tuple[Any, ...] = ("year", "month", "day")
    ends = filter(None, text.split("–"))
    return "–".join(
        format_date(PartialDate(date.fromisoformat(f"{end}-01-01"[:10]), precisions[end.count("-")])) for end in ends
    )


def format_share(value: float | Decimal | None, digits: int | None = None) -> str:
    """Format a share as a percentage: 0.875 reads 87.5 %, and 1 reads 100 %.

    A column of shares gives `digits`, so that the decimals line up.
    """
    if value is None:
        return no_data()
    percent = to_percent(value, 1 if digits is None else digits)
    if digits is None and percent == percent.to_integral_value():
        percent = percent.to_integral_value()
    # Translators: a percentage; Chinese sets no space before the sign.
    return _("%(number)s\u00a0%%") % {"number": format_number(percent)}


def format_file_size(value: int) -> str:
    """Format a file size in bytes: 2.5 MB. Chinese sets no space before 字节."""
    return re.sub("\xa0(?=[\u4e00-\u9fff])", "", filesizeformat(value))


def format_days(value: int | None) -> str:
    """Format a number of days: 252 reads 252 days."""
    if value is None:
        return no_data()
    return ngettext("%(number)s day", "%(number)s days", value) % {"number": format_number(value)}


# -- significant digits and percentages ------------------------------------------------------------------


def format_amount(value: Decimal | None) -> str:
    """Format a value to four significant digits, without trailing zeros."""
    return no_data() if value is None else format_alike([value])[0]


def format_alike(values: Sequence[Decimal], digits: int = LEVEL_DIGITS) -> list[str]:
    """Format values of one sentence with the same number of decimals."""
    places = decimal_places(values, digits)
    return [format_number(round_half_up(value, places), places) for value in values]


def decimal_places(values: Sequence[Decimal], digits: int = LEVEL_DIGITS) -> int:
    """Return the decimals for values of one sentence: `digits` significant digits of the largest, no trailing zeros.

    It uses more decimals where two different values would look the same.
    """
    largest = max((abs(value) for value in values), default=Decimal(0))
    places = max(0, min(digits - 1 - largest.adjusted(), MAX_PLACES)) if largest else 0
    while places < MAX_PLACES and len({round_half_up(v, places) for v in values}) < len(set(values)):
        places += 1
    return max((len(f"{round_half_up(v, places):f}".partition(".")[2].rstrip("0")) for v in values), default=0)


def round_half_up(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def to_percent(share: float | Decimal, places: int = 1) -> Decimal:
    """Return a fraction in percent, rounded half up as Excel rounds it, so that page, sentence and file agree."""
    return round_half_up(Decimal(str(share)) * 100, places)


def format_percent(value: Decimal) -> str:
    """Format a fraction as a percentage with one decimal, with more where it would read as 0."""
    places = 1
    while value and places < MAX_PLACES and not to_percent(value, places):
        places += 1
    return format_number(to_percent(abs(value), places), places)


def format_change(value: Decimal) -> str:
    """Format a relative change with its sign: +1.8 %, −40.0 %. Minus is less."""
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return _("%(sign)s%(percent)s %%") % {"sign": sign, "percent": format_percent(value)}


def number_with_unit(number: str, unit: str) -> str:
    """Return a number with its unit: `29,470 t`, 29,470吨."""
    # Translators: a number and its unit; Chinese sets no space between them.
    return _("%(number)s %(unit)s") % {"number": number, "unit": f"× {unit}" if unit.startswith("10⁴ ") else unit}


# -- joined texts: Chinese has its own colon and list mark, and no space after a full stop ---------------------
# A Chinese enumeration comma separates short names; names that may contain commas take a semicolon in English.


def label_value(label: object, text: object) -> str:
    """Join a label and its value: `Kind: park`, 类型：园区."""
    return _("%(label)s: %(text)s") % {"label": label, "text": text}


def join_short(names: Iterable[object]) -> str:
    """Join short names: `Steel, Cement`, 钢铁、水泥."""
    return _(", ").join(map(str, names))


def join_long(names: Iterable[object]) -> str:
    """Join long names, which may contain commas."""
    return pgettext("between long names", "; ").join(map(str, names))


def join_clauses(parts: Iterable[object]) -> str:
    """Join statements, each complete in itself."""
    return pgettext("between statements", "; ").join(map(str, parts))


def join_statements(first: str, second: str) -> str:
    """Join two related statements; the second may be empty."""
    return _("%(first)s, %(second)s") % {"first": first, "second": second} if second else first


def join_sentences(first: str, second: str) -> str:
    """Join two sentences; either may be empty."""
    return _("%(first)s %(second)s") % {"first": first, "second": second} if first and second else first or second


# -- statuses ------------------------------------------------------------------------------------------------

# Symbol of each colour, and the same shape as Chart.js calls it: a status is seen without colour too.
STATUS_SYMBOLS = {"green": "●", "yellow": "▲", "red": "■", "grey": "○", "blue": "◆"}
STATUS_SHAPES = {"green": "circle", "yellow": "triangle", "red": "rect", "grey": "circle", "blue": "rectRot"}


class StatusChoices(TextChoices):
    """Text choices with a colour, declared as `NAME = value, colour, label` or `NAME = value, colour, shape, label`.

    Tables, tags and charts read colour and shape from the member. Style sheets and scripts have the same names.
    """

    colour: str
    shape: str

    def __new__(cls, value: str, colour: str = "grey", shape: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.colour = colour
        member.shape = shape or STATUS_SHAPES[colour]
        return member
