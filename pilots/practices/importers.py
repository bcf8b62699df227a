"""Importers of practices, of their adoptions and of stated effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.core.exceptions import ValidationError
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.imports.columns import RecordLookup
from core.imports.importer import Importer, Row, assign_record
from pilots.models import Adoption, Effect, Practice
from policies.importers import NOTE_HEADING, PROVINCE_HEADINGS

SingleLanguage = Mapping[str, tuple[object, tuple[str, ...]]]


class PracticeImporter(Importer):
    name = "practices"
    model = Practice
    keys = (("slug",), ("title_zh",), ("title_en",))
    heading_aliases: Mapping[str, tuple[str, ...]] = {
        "title_zh": ("经验做法名称", "做法名称", "名称", "标题"),
        "province": PROVINCE_HEADINGS,
        "origins": ("来源试点", "试点名称", "试点"),
        "problem_zh": ("解决的问题",),
        "action_zh": ("主要做法", "具体做法"),
        "conditions_zh": ("适用条件",),
        "risks_zh": ("风险",),
    }
    single_language_headings: SingleLanguage = {
        "problem": (gettext_lazy("problem"), ()),
        "action": (gettext_lazy("what was done"), ()),
        "conditions": (gettext_lazy("conditions"), ()),
        "risks": (gettext_lazy("risks"), ()),
        "retired_reason": (gettext_lazy("reason for retiring"), ()),
        "note": NOTE_HEADING,
    }
    column_options: Mapping[str, Mapping[str, object]] = {"origins": {"required": True}}


class PracticePartImporter(Importer):
    """Base importer of what belongs to a practice."""

    heading_aliases: Mapping[str, tuple[str, ...]] = {
        "practice": ("经验做法名称", "做法名称"),
        "province": PROVINCE_HEADINGS,
        "pilot": ("试点名称", "应用试点"),
        "place": ("应用地方", "地点"),
    }

    def match_rows(self, rows: Sequence[Row], library: RecordLookup) -> None:
        """Load the origins of all practices in one query: the model's rules ask for them row by row."""
        prefetch_related_objects(list(library.index(Practice).records_by_id.values()), "origins")
        super().match_rows(rows, library)

    def describe(self, row: Row) -> str:
        return str(row.record) if row.record.practice_id else ""


class AdoptionImporter(PracticePartImporter):
    """A row finds its copy by practice and pilot, or by practice, province and place; no place is the whole province.

    Who imports a new copy claims it. Confirming is no matter of a file.
    """

    name = "adoptions"
    model = Adoption
    keys = (("practice", "pilot"), ("practice", "province", "place"))
    single_language_headings: SingleLanguage = {
        "give_up_text": (gettext_lazy("why it was given up"), ()),
        "changed": (gettext_lazy("what was changed"), ()),
        "note": NOTE_HEADING,
    }

    def match_rows(self, rows: Sequence[Row], library: RecordLookup) -> None:
        super().match_rows(rows, library)
        waiting = []  # about a province as a whole
        for row in rows:
            named = {name for name, value in row.values.items() if value} | row.invalid_columns()
            if row.is_unknown and {"practice", "province"} <= named and not {"pilot", "place"} & named:
                waiting.append(row)
        stored = self.records_by_field("practice", [row.values["practice"] for row in waiting])
        for row in waiting:
            for record in stored.get(row.values["practice"].pk, []):
                if not record.pilot_id and not record.place and record.province_id == row.values["province"].pk:
                    assign_record(row, record)

    def clean(self, row: Row, exclude: set[str]) -> None:
        super().clean(row, exclude)
        if row.record.province_id is None and not {"pilot", "province"} & row.invalid_columns():
            raise ValidationError({"province": _("Name the pilot, or the province.")})

    def complete_new(self, rows: Sequence[Row]) -> None:
        """Set who imports them as who claims them."""
        for row in rows:
            row.record.claimed_by = row.by


class EffectImporter(PracticePartImporter):
    """Effects that a source states. A measured one is entered on its form, where the two readings are chosen; its other
    fields may be changed by its record number.
    """

    name = "effects"
    model = Effect
    keys = (("practice", "statement_zh"), ("practice", "statement_en"))
    narrowing_fields = ("adoption",)
    excluded_fields = ("reading_before", "reading_after")
    single_language_headings: SingleLanguage = {
        "statement": (gettext_lazy("stated result"), ("成效",)),
        "note": NOTE_HEADING,
    }
    column_options: Mapping[str, Mapping[str, object]] = {
        "adoption": {"help": gettext_lazy("The record number of the copy, such as #12. Empty: the origin’s effect.")}
    }
