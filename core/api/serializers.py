"""Read serializers of the API: record URLs, related records as links, null for missing data."""

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from functools import cache, cached_property
from typing import Any, ClassVar, Protocol

from django.db import models
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.fields import Field
from rest_framework.request import Request

from core.http.as_of import today
from core.http.url_cache import record_path
from core.permissions import can_see_authors
from core.text.bilingual import TranslatedText

MAX_RENDERED = 500
TEXT_FIELDS = (models.CharField, models.TextField)


@cache
def key_field_name(model: type[models.Model]) -> str:
    """Return the field by which URLs and bodies identify a record of the model: its slug or code, else its id."""
    names = {field.name for field in model._meta.concrete_fields}
    return getattr(model, "URL_FIELD", "") or next((name for name in ("slug", "code") if name in names), "id")


def api_url(record: models.Model, request: Request) -> str:
    """Return the absolute API URL of a record: URL names contain the model's name."""
    key = getattr(record, key_field_name(type(record)))
    return request_origin(request) + record_path(f"api-{record._meta.model_name}-detail", str(key))


def request_origin(request: Request) -> str:
    """Return scheme and host of the request, computed once for all URLs of a response."""
    plain: Any = request._request  # noqa: SLF001  # DRF wraps Django's request
    if not hasattr(plain, "origin"):
        plain.origin = plain.build_absolute_uri("/").removesuffix("/")
    return str(plain.origin)


@extend_schema_field(OpenApiTypes.NUMBER)
class NumberField(serializers.Field):
    """JSON number in its shortest form: 252 rather than 252.0, and 458.2 without binary rounding errors."""

    PLACES = 6  # decimal places of the records

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("read_only", True)
        kwargs.setdefault("allow_null", True)
        super().__init__(**kwargs)

    def to_representation(self, value: Decimal | float) -> int | float:
        return int(value) if value == int(value) else round(float(value), self.PLACES)


class RatioField(NumberField):
    """Computed quotient, precise enough that a client's threshold decides as the tracker's does."""

    PLACES = 12


class DateValueField(serializers.DateField):
    """Date that stays a date until rendered: ISO in JSON and CSV, a real date in a workbook."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"format": None, "read_only": True, "allow_null": True, **kwargs})

    def to_representation(self, value: date) -> date:  # type: ignore[override]
        return value


class KnownField(serializers.DateField):
    """The day at whose end the records answered as this response says, beside the as-of date of a value object."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"read_only": True, **kwargs})

    def get_attribute(self, _value: object) -> date:
        """Return the day of the request; today where no middleware has set one."""
        day: date = getattr(self.context.get("request"), "known", None) or today()
        return day


class RelatedSerializer(serializers.Serializer):
    """Serializer of related records that renders each record once per response.

    A list of 50 readings names one or two pilots and some ten indicators.
    """

    @cached_property
    def rendered(self) -> dict[object, object]:
        return {}

    def to_representation(self, instance: models.Model) -> Any:
        if instance.pk not in self.rendered:
            if len(self.rendered) == MAX_RENDERED:  # a file may contain any number of records
                self.rendered.clear()
            self.rendered[instance.pk] = super().to_representation(instance)
        return self.rendered[instance.pk]


@extend_schema_serializer(component_name="Link")  # known to clients
class RelatedBySlug(RelatedSerializer):
    """Related record with a slug: its slug, name in the active language and URL."""

    slug = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    url = serializers.SerializerMethodField()

    def get_url(self, record: models.Model) -> str:
        return api_url(record, self.context["request"])


@extend_schema_serializer(component_name="CodeLink")  # known to clients
class RelatedByCode(RelatedSerializer):
    """Related record with a code instead of a slug."""

    code = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    url = serializers.SerializerMethodField()

    def get_url(self, record: models.Model) -> str:
        return api_url(record, self.context["request"])


@extend_schema_serializer(component_name="IdLink")
class RelatedById(RelatedSerializer):
    """Related record without a slug or code."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(source="__str__", read_only=True)
    url = serializers.SerializerMethodField()

    def get_url(self, record: models.Model) -> str:
        return api_url(record, self.context["request"])


@extend_schema_serializer(component_name="CodeText")  # known to clients
class ChoiceWithLabel(serializers.Serializer):
    """Choice: its code for programs, its label in the active language."""

    code = serializers.CharField(source="value", read_only=True)
    text = serializers.CharField(source="label", read_only=True)


LINK_SERIALIZERS: dict[type[models.Model], type[serializers.BaseSerializer]] = {}
"""Serializers of records that others show by more than slug or code, name and URL."""


def link_serializer(model: type[models.Model]) -> type[serializers.BaseSerializer]:
    """Return the serializer of records of a model inside others."""
    kinds = {"slug": RelatedBySlug, "code": RelatedByCode}
    return LINK_SERIALIZERS.get(model) or kinds.get(key_field_name(model), RelatedById)


class ReadOnlyModelSerializer(serializers.ModelSerializer):
    """Read-only ModelSerializer. An empty text is null, for it means no data; dates stay dates; relations are links."""

    def build_relational_field(self, field_name: str, relation_info: Any) -> tuple[Any, dict[str, Any]]:
        """Build the link of a related record, or the links of several."""
        field = relation_info.model_field
        kwargs = {"many": True} if relation_info.to_many else {"allow_null": field.null}
        return link_serializer(relation_info.related_model), {"read_only": True, **kwargs}

    def build_standard_field(self, field_name: str, model_field: models.Field) -> tuple[type[Field], dict[str, object]]:
        """Build the field as DRF does, but optional texts may be null and dates stay dates."""
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        if isinstance(model_field, TEXT_FIELDS) and model_field.blank:
            kwargs.pop("allow_blank", None)
            kwargs["allow_null"] = True
        if isinstance(model_field, models.DateField):
            field_class = DateValueField
        if isinstance(model_field, models.DecimalField):
            return NumberField, {"allow_null": model_field.null}
        return field_class, kwargs

    def build_property_field(
        self, field_name: str, model_class: type[models.Model]
    ) -> tuple[type[Field], dict[str, object]]:
        """Build a nullable text field for a bilingual property."""
        if isinstance(getattr(model_class, field_name), TranslatedText):
            text = gettext_lazy("In the reader’s language, else in the other.")
            return serializers.CharField, {"read_only": True, "allow_null": True, "help_text": text}
        return super().build_property_field(field_name, model_class)

    def to_representation(self, instance: models.Model) -> dict[str, object]:
        """Render an empty text as null."""
        return {name: None if value == "" else value for name, value in super().to_representation(instance).items()}


class UsernameField(serializers.CharField):
    """Username of a related user. `PeopleMixin` shows it only to readers whom the record concerns."""

    def __init__(self, source: str, **kwargs: Any) -> None:
        super().__init__(**{"source": f"{source}.username", "read_only": True, "allow_null": True, **kwargs})


class PeopleMixin(ReadOnlyModelSerializer):
    """Serializer of records that name people: null for readers outside the record’s scope, who may not see them."""

    PEOPLE_FIELDS: ClassVar[Collection[str]]

    def to_representation(self, instance: models.Model) -> dict[str, object]:
        row = super().to_representation(instance)
        if can_see_authors(self.context["request"].user, instance):
            return row
        return {name: None if name in self.PEOPLE_FIELDS else value for name, value in row.items()}


class RecordWithPage(Protocol):
    """Record that a page shows."""

    def get_absolute_url(self) -> str: ...


class RecordSerializer(ReadOnlyModelSerializer):
    """Read serializer of a record: its fields, its API URL, and the page that shows it."""

    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()

    def get_fields(self) -> dict[str, Field]:
        """Add the revision, by which a write names the version it has seen."""
        text = gettext_lazy("Number of entries in the record’s history. Its ETag begins with it.")
        return {**super().get_fields(), "revision": serializers.IntegerField(read_only=True, help_text=text)}

    def get_url(self, record: models.Model) -> str:
        """Return the API URL of this record."""
        return api_url(record, self.context["request"])

    def get_page(self, record: RecordWithPage) -> str:
        """Return the URL of the page that shows this record."""
        return request_origin(self.context["request"]) + record.get_absolute_url()


@extend_schema_serializer(component_name="Fault")  # known to clients
class ErrorDetailSerializer(serializers.Serializer):
    pointer = serializers.CharField(
        read_only=True,
        help_text=gettext_lazy("Where: the name of the parameter or header, or a JSON pointer into the body."),
    )
    code = serializers.CharField(read_only=True)
    message = serializers.CharField(
        read_only=True, help_text=gettext_lazy("What is wrong and what to do, in the reader’s language.")
    )


class ProblemSerializer(serializers.Serializer):
    """Problem details (RFC 9457)."""

    type = serializers.CharField(
        read_only=True, help_text=gettext_lazy("Always about:blank: the status says which kind it is.")
    )
    title = serializers.CharField(
        read_only=True, help_text=gettext_lazy("The short name of the status, in the reader’s language.")
    )
    status = serializers.IntegerField(read_only=True, help_text=gettext_lazy("The status of the answer."))
    detail = serializers.CharField(read_only=True, help_text=gettext_lazy("What is wrong, in sentences."))
    instance = serializers.CharField(read_only=True, help_text=gettext_lazy("The path that was asked."))
    request_id = serializers.CharField(
        read_only=True, help_text=gettext_lazy("The number of the request: name it when you ask us.")
    )
    errors = ErrorDetailSerializer(  # type: ignore[assignment]
        many=True, read_only=True, help_text=gettext_lazy("Everything that is wrong, one by one; often empty.")
    )
