"""How programs write the policies' records: under the names by which they read them."""

from config.entries import Entry
from policies.models import Agency, Figure, Industry, Measure, Policy, Province, ProvincialPlan, Source


class SourceEntry(Entry):
    model = Source
    NAMES = {"address": "url"}


class ProvinceEntry(Entry):
    model = Province


class AgencyEntry(Entry):
    model = Agency


class IndustryEntry(Entry):
    model = Industry


class PolicyEntry(Entry):
    model = Policy


class MeasureEntry(Entry):
    model = Measure


class PlanEntry(Entry):
    model = ProvincialPlan


class FigureEntry(Entry):
    model = Figure
