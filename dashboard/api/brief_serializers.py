"""Serializers of briefs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rest_framework import serializers
from rest_framework.reverse import reverse

from core.api.serializers import DateValueField, KnownField
from dashboard.briefs.build import BriefKind, Subject


@dataclass(frozen=True)
class BriefIndex:
    """Subjects of briefs on a day."""

    as_of: date
    briefs: Sequence[Subject]


class BriefRefSerializer(serializers.Serializer):
    """Subject of a brief."""

    kind = serializers.ChoiceField(BriefKind.choices, help_text="The kind of subject.")
    slug = serializers.CharField(help_text="Its slug; empty for the nation.")
    name = serializers.CharField(help_text="The name in the reader’s language, else in the other.")
    url = serializers.SerializerMethodField(help_text="The address of the brief in the API.")
    page = serializers.SerializerMethodField(help_text="The address of its page.")

    def get_url(self, subject: Subject) -> str:
        if not subject.slug:
            return str(reverse("api-brief-nation", request=self.context["request"]))
        return str(reverse("api-brief", args=[subject.kind, subject.slug], request=self.context["request"]))

    def get_page(self, subject: Subject) -> str:
        return str(self.context["request"].build_absolute_uri(subject.url))


class BriefIndexSerializer(serializers.Serializer):
    as_of = DateValueField(allow_null=False)
    known = KnownField()
    briefs = BriefRefSerializer(many=True, help_text="Subjects of briefs, the nation first.")


class BriefLightSerializer(serializers.Serializer):
    """The light of a pilot."""

    status = serializers.CharField(help_text="The colour, as a code.")
    label = serializers.CharField(help_text="The colour and its meaning in words.")  # type: ignore[assignment]
    reason = serializers.CharField(help_text="Why it has this colour.")


class BriefSourceSerializer(serializers.Serializer):
    """A numbered source."""

    number = serializers.IntegerField(help_text="The number by which the brief names it.")
    text = serializers.CharField(help_text="Its title.")
    url = serializers.CharField(help_text="Its address; empty without one.")


class BriefSerializer(serializers.Serializer):
    """A brief: formatted texts in blocks of the types facts, lines and table."""

    kind = serializers.ChoiceField(BriefKind.choices, help_text="The kind of subject.")
    slug = serializers.CharField(help_text="Its slug; empty for the nation.")
    language = serializers.CharField(help_text="The language of its texts.")
    title = serializers.CharField(help_text="The title.")
    subtitle = serializers.CharField(help_text="What it is, and of how many.")
    headline = serializers.CharField(help_text="The finding in one sentence; empty where the light says it.")
    light = BriefLightSerializer(allow_null=True, help_text="The light of a pilot; null for other subjects.")
    blocks = serializers.ListField(
        child=serializers.DictField(),
        help_text="Its blocks in order, each with its type, title and items; a table has columns and rows.",
    )
    sources = BriefSourceSerializer(many=True, help_text="Its sources.")
    as_of = serializers.DateField(help_text="The day that the answer is about.")
    known = serializers.DateField(
        help_text="The day at whose end the records answered so; today for the records as they are."
    )
    since = serializers.DateField(allow_null=True, help_text="The day that it compares with.")
    made_at = serializers.DateTimeField(help_text="When it was made.")
    address = serializers.CharField(help_text="The address of the page with the same brief.")
    demonstration = serializers.BooleanField(help_text="Whether its data are invented.")
    more_sources = serializers.IntegerField(help_text="How many sources are left out for want of space.")
