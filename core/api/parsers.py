"""Parser of request bodies: strict JSON."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser

from core.http.body import parse_json, read_body


class StrictJSONParser(BaseParser):
    """DRF parser of strict JSON (RFC 8259): UTF-8, no NaN, no repeated name. Numbers with a fraction become Decimal."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the parsed body. Raises BadRequest for invalid JSON, UnsupportedMediaType for another charset."""
        request = (parser_context or {})["request"]._request  # noqa: SLF001  # DRF wraps Django's request, which holds the body
        charset = request.content_params.get("charset", "utf-8").lower()
        if charset not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(f"{self.media_type}; charset={charset[:40]}", _("Send the JSON in UTF-8."))
        return parse_json(read_body(request))
