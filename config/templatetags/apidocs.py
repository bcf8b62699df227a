"""What only the documentation of the API needs of its templates."""

import re

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()
CHINESE = re.compile(r"([\u3400-\u9fff][\u3400-\u9fff0-9〔〕《》（）]*)")


@register.filter
def chinese_marked(text: str) -> str | SafeString:
    """The text with each Chinese example in it marked as such, on a page of another language."""
    if (get_language() or "en").startswith("zh") or not CHINESE.search(text):
        return text
    parts = CHINESE.split(text)  # plain and Chinese in turn
    marked = [format_html('<span lang="zh">{}</span>', part) if at % 2 else part for at, part in enumerate(parts)]
    return format_html_join("", "{}", ((part,) for part in marked))
