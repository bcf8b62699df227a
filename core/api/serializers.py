"""Read serializers of the API: record URLs, related records as links, null for missing data."""

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.fields import Field
from rest_framework.request import Request

from core.days import today
from core.history.recording import key_field_name
from core.permissions import can_see_authors
from core.text import TranslatedText


def then(name: str) -> str:
    """Return the annotation that says what a field was on the as-of date: `entered_then` of `entered_on`."""
    return f"{name.removesuffix('_on')}_then"


def api_url(record: models.Model, request: Request) -> str:
    """Return the absolute API URL of a record: URL names contain the model's name."""
    key = getattr(record, key_field_name(type(record)))
    return str(request.build_absolute_uri(reverse(f"api-{record._meta.model_name}-detail", args=[str(key)])))


class CountsField(serializers.DictField):
    """How many of each, by its code."""

    child = serializers.IntegerField()


@extend_schema_field(OpenApiTypes.NUMBER)
class NumberField(Field):
    """JSON number in its shortest form: 252 rather than 252.0, and 458.2 without binary rounding errors."""

    PLACES = 6  # decimal places of the records

    def __init__(self, *, max_digits: int = 0, decimal_places: int = 0, **kwargs: Any) -> None:
        super().__init__(**{"read_only": True, "allow_null": True, **kwargs})

    def to_representation(self, value: Decimal | float) -> int | float:
        return int(value) if value == int(value) else round(float(value), self.PLACES)


class RatioField(NumberField):
    """Computed quotient, precise enough that a client's threshold decides as the tracker's does."""

    PLACES = 12


class DateValueField(serializers.DateField):
    """Date that stays a date until rendered: ISO in JSON and CSV, a real date in a workbook."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"format": None, "read_only": True, "allow_null": True, **kwargs})

    def to_representation(self, value: date) -> Any:
        return value


class KnownField(serializers.DateField):
    """The day at whose end the records answered as this response says, beside the as-of date of a value object."""

    def get_attribute(self, _value: object) -> Any:
        """Return the day of the request; today where no middleware has set one."""
        return getattr(self.context.get("request"), "known", None) or today()


class DaySerializer(serializers.Serializer):
    """Answer of an aggregate, with the days that it is about."""

    as_of = DateValueField(allow_null=False)
    known = KnownField(read_only=True)


class ApiUrlField(serializers.CharField):
    """API URL of a record."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"source": "*", "read_only": True, **kwargs})

    def to_representation(self, value: Any) -> str:
        return api_url(value, self.context["request"])


@extend_schema_serializer(component_name="Link")  # known to clients
class RelatedBySlug(serializers.Serializer):
    """Related record with a slug: its slug, name in the active language and URL."""

    slug = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    url = ApiUrlField()


@extend_schema_serializer(component_name="CodeLink")  # known to clients
class RelatedByCode(serializers.Serializer):
    """Related record with a code instead of a slug."""

    code = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    url = ApiUrlField()


@extend_schema_serializer(component_name="IdLink")
class RelatedById(serializers.Serializer):
    """Related record without a slug or code."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(source="__str__", read_only=True)
    url = ApiUrlField()


@extend_schema_serializer(component_name="CodeText")  # known to clients
class ChoiceWithLabel(serializers.Serializer):
    """Choice: its code for programs, its label in the active language."""

    code = serializers.CharField(source="value", read_only=True)
    text = serializers.CharField(source="label", read_only=True)


LINK_SERIALIZERS = {"slug": RelatedBySlug, "code": RelatedByCode}  # others by their id


class ReadOnlyModelSerializer(serializers.ModelSerializer):
    """Read-only ModelSerializer. An empty text is null, for it means no data; dates stay dates; relations are links."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateField: DateValueField,
        models.DecimalField: NumberField,
    }

    def get_fields(self) -> dict[str, Field]:
        fields: dict[str, Field] = super().get_fields()
        for name, field in fields.items():
            field.read_only = True
            if name in self.as_of_fields():
                field.source = then(name)
        return fields

    @classmethod
    def as_of_fields(cls) -> Sequence[str]:
        """Return the fields that read as of the day, from the annotation `then`: those that `Meta.as_of` names."""
        return getattr(cls.Meta, "as_of", ())

    def get_extra_kwargs(self) -> dict[str, dict[str, Any]]:
        return {name: {"read_only": True} for name in self.Meta.fields}

    def build_relational_field(self, field_name: str, relation_info: Any) -> tuple[Any, dict[str, Any]]:
        """Build the link of a related record, or the links of several."""
        kwargs = {"many": True} if relation_info.to_many else {"allow_null": relation_info.model_field.null}
        linked = LINK_SERIALIZERS.get(key_field_name(relation_info.related_model), RelatedById)
        return linked, {"read_only": True, **kwargs}

    def build_standard_field(self, field_name: str, model_field: models.Field) -> tuple[type[Field], dict[str, object]]:
        """Build the field as DRF does, but optional texts may be null."""
        field_class, kwargs = super().build_standard_field(field_name, model_field)
        kwargs.pop("allow_blank", None)
        no_data = model_field.null or (model_field.blank and model_field.empty_strings_allowed)
        return field_class, {**kwargs, "allow_null": no_data}

    def build_property_field(self, field_name: str, model_class: Any) -> tuple[type[Field], dict[str, object]]:
        """Build a nullable text field for a bilingual property."""
        if not isinstance(getattr(model_class, field_name), TranslatedText):
            return super().build_property_field(field_name, model_class)
        text = "In the reader’s language, else in the other."
        return serializers.CharField, {"read_only": True, "allow_null": True, "help_text": text}

    def hidden_fields(self, record: Any) -> Collection[str]:
        """Hook: return the fields that read null, or empty, to this reader or on the as-of date; by default none."""
        return ()

    def to_representation(self, instance: models.Model) -> dict[str, object]:
        row, hidden = super().to_representation(instance), self.hidden_fields(instance)
        for name, value in row.items():
            if value == "" or name in hidden:
                row[name] = [] if isinstance(value, list) else None
        return row


class UsernameField(serializers.CharField):
    """Username of a related user. `PeopleMixin` shows it only to readers whom the record concerns."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"read_only": True, "allow_null": True, **kwargs})

    def bind(self, field_name: str, parent: Any) -> None:
        self.source = f"{self.source or field_name}.username"
        super().bind(field_name, parent)


class PeopleMixin(ReadOnlyModelSerializer):
    """Serializer of records that name people: null for readers outside the record’s scope, who may not see them."""

    PEOPLE_FIELDS: ClassVar[Collection[str]]

    def hidden_fields(self, record: Any) -> Collection[str]:
        people = () if can_see_authors(self.context["request"].user, record) else self.PEOPLE_FIELDS
        return {*people, *super().hidden_fields(record)}


class RecordSerializer(ReadOnlyModelSerializer):
    """Read serializer of a record: its fields, its API URL, and the page that shows it."""

    url = ApiUrlField()
    page = serializers.SerializerMethodField()

    def get_fields(self) -> dict[str, Field]:
        """Add the revision, by which a write names the version it has seen."""
        text = "Number of entries in the record’s history. Its ETag begins with it."
        return {**super().get_fields(), "revision": serializers.IntegerField(read_only=True, help_text=text)}

    def get_page(self, record: Any) -> str:
        """Return the URL of the page that shows this record."""
        return str(self.context["request"].build_absolute_uri(record.get_absolute_url()))


@extend_schema_serializer(component_name="Fault")  # known to clients
class ErrorDetailSerializer(serializers.Serializer):
    pointer = serializers.CharField(read_only=True, help_text="Parameter, header, or a JSON pointer into the body.")
    code = serializers.CharField(read_only=True)
    message = serializers.CharField(read_only=True, help_text="What is wrong and what to do, in the reader’s language.")


class ProblemSerializer(serializers.Serializer):
    """Problem details (RFC 9457)."""

    type = serializers.CharField(read_only=True, help_text="Always about:blank: the status says which kind it is.")
    title = serializers.CharField(read_only=True, help_text="The short name of the status, in the reader’s language.")
    status = serializers.IntegerField(read_only=True, help_text="The status of the answer.")
    detail = serializers.CharField(read_only=True, help_text="What is wrong, in sentences.")
    instance = serializers.CharField(read_only=True, help_text="The path that was asked.")
    request_id = serializers.CharField(read_only=True, help_text="The number of the request: name it when you ask us.")
    errors = ErrorDetailSerializer(many=True, read_only=True, help_text="What is wrong, one by one; often empty.")  # type: ignore[assignment]
