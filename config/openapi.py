"""How the API describes itself (OpenAPI 3.1): from the same parameters and serializers that answer requests."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from config.exports import XLSX
from config.problems import PROBLEM_JSON
from config.serializers import ProblemSerializer

JSON = "application/json"
ADDRESSES = {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}
EXAMPLE = "x-example"


class Description(AutoSchema):
    """One operation, read off its view."""

    view: Any  # one of config.resources, which imports this module

    def is_list(self) -> bool:
        return getattr(self.view, "action", None) == "list"

    def is_one(self) -> bool:
        return getattr(self.view, "action", None) == "retrieve"

    def get_summary(self) -> str:
        return str(getattr(self.view, "one", "") if self.is_one() else self.view.heading)

    def get_description(self) -> str:  # type: ignore[override]
        return "" if self.is_one() else str(self.view.about)

    def get_tags(self) -> list[str]:
        """The resource's name; the root has none but its own."""
        return [*super().get_tags(), "root"][:1]

    def get_override_parameters(self) -> list[Any]:
        return [*self.path_parameters(), *self.view.parameters()]

    def get_auth(self) -> list[dict[str, Any]]:
        """Nobody has to sign in on a public site."""
        return [*super().get_auth(), *([{}] if settings.SITE_ACCESS == "public" else [])]

    def path_parameters(self) -> list[OpenApiParameter]:
        """The code or number in the address of one record."""
        if not self.is_one():
            return []
        name = getattr(self.view, "lookup_field", "slug")
        if name != "pk":
            return [OpenApiParameter(name, str, "path", description=_("The record’s code."))]
        return [OpenApiParameter("id", int, "path", description=_("The record’s number."))]

    def _get_filter_parameters(self) -> list[Any]:
        return []  # get_override_parameters names them all

    def _get_pagination_parameters(self) -> list[Any]:
        return []

    def _get_format_parameters(self) -> list[Any]:
        return []

    def get_response_serializers(self) -> Any:
        problems: dict[tuple[int, str], OpenApiResponse] = {
            (400, PROBLEM_JSON): said(ProblemSerializer, _("A parameter is unknown or cannot be read; it is named.")),
            (406, PROBLEM_JSON): said(ProblemSerializer, _("The Accept header allows no format made here.")),
        }
        if self.is_list() or self.is_one():
            none = _("There is no such record, or it was not known on the day.")
            text = _("There is no such page.") if self.is_list() else none
            problems[404, PROBLEM_JSON] = said(ProblemSerializer, text)
        return {**self.answers(), **dict(sorted(problems.items()))}

    def answers(self) -> dict[Any, Any]:
        """What a good request gets, by format."""
        if not hasattr(self.view, "get_serializer"):
            return {(200, JSON): said(ADDRESSES, _("Addresses by name."))}
        files = {"csv": ("text/csv", OpenApiTypes.STR), "xlsx": (XLSX, OpenApiTypes.BINARY)}
        made = [files[name] for name in self.view.formats() if name in files]
        return {
            (200, JSON): said(self.view.get_serializer(), _("The answer.")),
            **{(200, media): kind for media, kind in made},
        }

    def get_extensions(self) -> dict[str, Any]:
        """The example that the documentation links to; none for a record that is not always there."""
        path, sample = self.path, getattr(self.view, "sample", "")
        if self.is_one() and not sample:
            return {}
        for name in ("slug", "code", "id"):
            path = path.replace(f"{{{name}}}", sample)
        query = "" if self.is_one() else self.view.example
        return {EXAMPLE: f"{path}?{query}" if query else path}


def said(answer: Any, description: str) -> OpenApiResponse:
    return OpenApiResponse(answer, description=description)
