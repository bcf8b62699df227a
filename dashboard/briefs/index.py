"""Index of briefs: their subjects by kind."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import django_filters
from django.db.models import QuerySet

from dashboard.briefs.build import BriefKind, brief_path
from dashboard.briefs.subjects.nation import nation_title
from pilots.filters import BatchFilter, IndicatorFilter, PilotFilter
from pilots.models import Batch, Indicator, Pilot
from policies.filters import PolicyFilter, ProvinceFilter
from policies.models import Policy, Province


class Subject(NamedTuple):
    """Subject of a brief: its name, what distinguishes it from one of the same name, and the path of its brief."""

    name: str
    note: str
    url: str
    kind: BriefKind
    slug: str  # or the indicator's code; empty for the nation


class SubjectGroup(NamedTuple):
    """Subjects of one kind."""

    kind: BriefKind
    label: str
    subjects: list[Subject]


def subject_groups(as_of: date, words: str) -> list[SubjectGroup]:
    """Return the subjects known on the day that the words find, by kind. Five queries."""
    kinds: list[tuple[BriefKind, type[django_filters.FilterSet], QuerySet[Any]]] = [
        (BriefKind.BATCH, BatchFilter, Batch.objects.known(as_of)),
        (BriefKind.PROVINCE, ProvinceFilter, Province.objects.roster()),
        (BriefKind.PILOT, PilotFilter, Pilot.objects.known(as_of).select_related("batch")),
        (BriefKind.POLICY, PolicyFilter, Policy.objects.known(as_of)),
        (BriefKind.INDICATOR, IndicatorFilter, Indicator.objects.all()),
    ]
    nation = Subject(nation_title(), "", brief_path(BriefKind.NATION), BriefKind.NATION, "")
    found = all(word.casefold() in nation.name.casefold() for word in words.split())
    groups = [SubjectGroup(BriefKind.NATION, str(BriefKind.NATION.label), [nation] if found else [])]
    for kind, filterset, rows in kinds:
        subjects = [subject_of(kind, record) for record in filterset({"q": words}, queryset=rows).qs]
        groups.append(SubjectGroup(kind, str(rows.model._meta.verbose_name_plural).capitalize(), subjects))
    return groups


def subject_of(kind: BriefKind, record: Any) -> Subject:
    """Return a record as the subject of a brief."""
    if isinstance(record, Indicator):
        return Subject(record.with_unit, record.code, brief_path(kind, record.code), kind, record.code)
    note = record.batch.short if isinstance(record, Pilot) else ""
    return Subject(
        record.label if isinstance(record, Batch) else record.name,
        note,
        brief_path(kind, record.slug),
        kind,
        record.slug,
    )
