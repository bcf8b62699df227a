"""Write serializers of policies: the same field names as in answers."""

from core.api.write.serializers import WriteSerializer
from policies.models import Agency, Figure, Industry, Measure, Policy, Province, ProvincialPlan, Source


class SourceWriteSerializer(WriteSerializer):
    model = Source
    API_NAMES = {"address": "url"}


class ProvinceWriteSerializer(WriteSerializer):
    model = Province


class AgencyWriteSerializer(WriteSerializer):
    model = Agency


class IndustryWriteSerializer(WriteSerializer):
    model = Industry


class PolicyWriteSerializer(WriteSerializer):
    model = Policy


class MeasureWriteSerializer(WriteSerializer):
    model = Measure


class PlanWriteSerializer(WriteSerializer):
    model = ProvincialPlan


class FigureWriteSerializer(WriteSerializer):
    model = Figure
