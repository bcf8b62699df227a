"""What the API's records have in common: an address, a page, related records as links, null for no data."""

from collections.abc import Callable, Mapping
from copy import copy, deepcopy
from datetime import date
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import Field, SerializerMethodField, SkipField
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from config.bilingual import Translated
from config.paths import path_of
from config.reads import reads

MOST_REMEMBERED = 500
TextLike = (models.CharField, models.TextField)


def api_address(record: models.Model, request: Request) -> str:
    """The whole address of a record in the API: routes are named after models."""
    key = getattr(record, "slug", None) or getattr(record, "code", None) or record.pk
    return origin(request) + path_of(f"api-{record._meta.model_name}-detail", str(key))


def origin(request: Request) -> str:
    """The scheme and host by which the request came; worked out once for all the addresses of an answer."""
    plain: Any = request._request  # noqa: SLF001  # DRF hides Django's
    if not hasattr(plain, "origin"):
        plain.origin = plain.build_absolute_uri("/").removesuffix("/")
    return str(plain.origin)


MADE: dict[type[serializers.Serializer], Mapping[str, Any]] = {}


class Prepared(serializers.Serializer):
    """A face whose fields a process makes once. Each answer has copies, for it drops those that nobody asked for."""

    def get_fields(self) -> dict[str, Any]:
        if type(self) not in MADE:
            MADE[type(self)] = self.make_fields()
        return {name: deepcopy(f) if isinstance(f, BaseSerializer) else copy(f) for name, f in MADE[type(self)].items()}

    def make_fields(self) -> dict[str, Any]:
        """The fields of the class; the code alone decides them."""
        return super().get_fields()

    @cached_property
    def writers(self) -> list[tuple[str, Callable[[Any], Any], Callable[[Any], Any]]]:
        """For each field its name, how its value is taken from a record, and how that is written."""
        return [(field.field_name or "", taker(field), self.writer(field)) for field in self._readable_fields]

    def writer(self, field: Any) -> Callable[[Any], Any]:
        """How a field's value is written, found once for all records."""
        own = isinstance(field, SerializerMethodField)
        return getattr(self, field.method_name) if own else field.to_representation  # type: ignore[no-any-return]

    @reads()
    def to_representation(self, instance: Any) -> Any:
        """As DRF does, without looking at each field again for each record."""
        row = {}
        for name, take, write in self.writers:
            try:
                value = take(instance)
            except SkipField:
                continue
            row[name] = None if value is None else write(value)
        return row


class Remembered(Prepared):
    """What an answer says of a related record is worked out once, however often the record is named."""

    @cached_property
    def known(self) -> dict[Any, Any]:
        return {}

    @reads()
    def to_representation(self, instance: Any) -> Any:
        if instance.pk not in self.known:
            if len(self.known) == MOST_REMEMBERED:  # a file may name any number of records
                self.known.clear()
            self.known[instance.pk] = super().to_representation(instance)
        return self.known[instance.pk]


@extend_schema_field(OpenApiTypes.NUMBER)
class Number(serializers.Field):
    """A JSON number as short as it is: 252 rather than 252.0, and 458.2 without the dust of binary fractions."""

    PLACES = 6  # as many as the records have

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("read_only", True)
        kwargs.setdefault("allow_null", True)
        super().__init__(**kwargs)

    def to_representation(self, value: Decimal | float) -> int | float:
        return int(value) if value == int(value) else round(float(value), self.PLACES)


class Ratio(Number):
    """A computed quotient, exact enough that whoever applies a threshold to it decides as the tracker does."""

    PLACES = 12


class Day(serializers.DateField):
    """A date that stays one until it is written: ISO in JSON and CSV, a real date in a workbook."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"format": None, "read_only": True, "allow_null": True, **kwargs})

    def to_representation(self, value: date) -> date:  # type: ignore[override]
        return value


class Link(Remembered):
    """A related record: its code, its name in the reader's language, its address."""

    slug = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    url = serializers.SerializerMethodField()

    @reads()
    def get_url(self, record: models.Model) -> str:
        return api_address(record, self.context["request"])


class CodeLink(Remembered):
    """A related record that has a code instead of a slug."""

    code = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    url = serializers.SerializerMethodField()

    @reads()
    def get_url(self, record: models.Model) -> str:
        return api_address(record, self.context["request"])


class CodeText(serializers.Serializer):
    """One of a few fixed answers: its code for programs, its words in the reader's language."""

    code = serializers.CharField(source="value", read_only=True)
    text = serializers.CharField(source="label", read_only=True)


class Plain(Prepared, serializers.ModelSerializer):
    """Fields of a record, read only. An empty text is null, for it means no data; dates stay dates."""

    def build_standard_field(self, field_name: str, model_field: Any) -> tuple[Any, dict[str, Any]]:
        """As DRF does, but optional texts may be null and dates stay dates."""
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        if isinstance(model_field, TextLike) and model_field.blank:
            kwargs.pop("allow_blank", None)
            kwargs["allow_null"] = True
        if isinstance(model_field, models.DateField):
            field_class = Day
        return field_class, kwargs

    def build_property_field(self, field_name: str, model_class: Any) -> Any:
        """A text that is kept in two languages is a text, null where there is none."""
        if isinstance(getattr(model_class, field_name), Translated):
            text = gettext_lazy("In the reader’s language, else in the other.")
            return serializers.CharField, {"read_only": True, "allow_null": True, "help_text": text}
        return super().build_property_field(field_name, model_class)

    @reads()
    def to_representation(self, instance: Any) -> Any:
        """An empty text is null."""
        return {name: None if value == "" else value for name, value in super().to_representation(instance).items()}


def taker(field: Field[Any, Any, Any, Any]) -> Callable[[Any], Any]:
    """How a field's value is taken from a record: at once where it is the record, or an attribute of its own."""
    attributes = getattr(field, "source_attrs", [])
    if type(field).get_attribute is not Field.get_attribute or len(attributes) > 1:
        return field.get_attribute
    if not attributes:
        return itself
    name = attributes[0]
    return (lambda record: getattr(record, name, None)) if field.allow_null else attrgetter(name)


def itself(record: Any) -> Any:
    return record


class Face(Plain):
    """A record's face in the API: its fields, its address there, and the page that shows it."""

    url = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()

    def make_fields(self) -> dict[str, Any]:
        """Last of all, how often the record was written: by it a write says which version it has seen."""
        text = gettext_lazy("Number of entries in the record’s history. Its ETag begins with it.")
        return {**super().make_fields(), "revision": serializers.IntegerField(read_only=True, help_text=text)}

    @reads()
    def get_url(self, record: Any) -> str:
        """Address of this record in the API."""
        return api_address(record, self.context["request"])

    @reads("get_absolute_url")
    def get_page(self, record: Any) -> str:
        """Address of the page that shows this record."""
        return origin(self.context["request"]) + str(record.get_absolute_url())


class FaultSerializer(serializers.Serializer):
    pointer = serializers.CharField(
        read_only=True,
        help_text=gettext_lazy("Where: the name of the parameter or header, or a JSON pointer into the body."),
    )
    code = serializers.CharField(read_only=True)
    message = serializers.CharField(
        read_only=True, help_text=gettext_lazy("What is wrong and what to do, in the reader’s language.")
    )


class ProblemSerializer(serializers.Serializer):
    """A refusal after RFC 9457."""

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
    errors = FaultSerializer(  # type: ignore[assignment]
        many=True, read_only=True, help_text=gettext_lazy("Everything that is wrong, one by one; often empty.")
    )
