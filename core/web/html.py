"""Parts of HTML that templates and Python code share: URLs that carry the as-of date and the language, and `lang`."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.http import QueryDict
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from core.text.bilingual import is_chinese_active, is_chinese_text

CARRIED_PARAMETERS = ("as_of", "known", "lang")  # what each link carries on: both days and the language
Pairs = Sequence[tuple[str, str]]


def resolve_url(target: object, *args: object, **kwargs: object) -> str:
    """Return the URL of a record or of a URL name; a URL is returned as it is."""
    if hasattr(target, "get_absolute_url"):
        return str(target.get_absolute_url())
    if str(target).startswith(("/", "?", "#", "http://", "https://")):
        return str(target)
    return reverse(str(target), args=args, kwargs=kwargs)


def carried_parameters(query: QueryDict) -> Pairs:
    """Return the parameters of the request that its links carry on."""
    return [(key, str(query[key])) for key in CARRIED_PARAMETERS if query.get(key)]


def add_parameters(url: str, pairs: Pairs) -> str:
    """Add parameters to a URL. Its own parameters win; a URL of another site is returned unchanged."""
    parts = urlsplit(url)
    if parts.scheme:
        return url
    query = parse_qsl(parts.query, keep_blank_values=True)
    named = {key for key, _value in query}
    query += [(key, value) for key, value in pairs if key not in named]
    return urlunsplit(parts._replace(query=urlencode(query)))


def lang_attr(text: object) -> SafeString:
    """Return ` lang="zh"` for Chinese text on an English page, ` lang="en"` for English text on a Chinese one.

    `<a href="{% link_to pilot %}"{% lang_attr pilot.name %}>`: a record without an English name shows its Chinese one.
    """
    words = str(text or "")
    if not words:
        return SafeString()
    if is_chinese_active():
        han = any("\u4e00" <= char <= "\u9fff" for char in words)
        latin = sum(char.isascii() and char.isalpha() for char in words)
        return mark_safe(' lang="en"' if latin > 2 and not han else "")  # noqa: S308  # nothing of the text is in it
    return mark_safe(' lang="zh"' if not words.isascii() and is_chinese_text(words) else "")  # noqa: S308
