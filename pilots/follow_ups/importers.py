"""Importer of follow-ups: a new row opens one, a row with the number of one changes what may be changed of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.history.recording import batched
from core.imports.columns import Column, column_for_field
from core.imports.importer import Importer, Row
from core.records import writing
from pilots.follow_ups.services import next_number, opening_step, record_cause
from pilots.models import FollowUp
from policies.importers import NOTE_HEADING, PROVINCE_HEADINGS


class FollowUpImporter(Importer):
    """A new follow-up is given its number, the light of its cause on the day of opening and the step that opens it.

    A ledger that numbers its own keeps its numbers, if they were never used here. Accounts are no matter of a file: the
    responsible user and the verifier are chosen on the form. Undoing takes the follow-up back together with that step,
    as long as no further step was taken.
    """

    name = "follow-ups"
    model = FollowUp
    keys = (("number",),)
    keys_required = False  # without the column all rows are new
    excluded_fields = ("owner_user", "verifier")
    heading_aliases: Mapping[str, tuple[str, ...]] = {
        "title_zh": ("事项名称", "督办事项", "标题"),
        "task_zh": ("督办要求", "工作要求"),
        "kind": ("类别", "督办方式"),
        "pilot": ("试点名称",),
        "province": PROVINCE_HEADINGS,
        "owner_agency": ("牵头单位", "责任部门"),
        "opened_on": ("交办时间",),
        "due_on": ("办理时限", "完成时限", "完成期限"),
    }
    single_language_headings: Mapping[str, tuple[object, tuple[str, ...]]] = {
        "task": (gettext_lazy("task"), ()),
        "note": NOTE_HEADING,
    }

    def extra_columns(self) -> list[Column]:
        field = FollowUp._meta.get_field("number")
        aliases = ("督办编号", "文号")
        words = gettext_lazy("Leave it empty for a new one: the next of its year is filled in.")
        return [column_for_field(field, required=False, help=words, aliases=aliases)]

    def prepare(self, row: Row) -> None:
        """Give a new record a number to be validated with; the real one is given when it is written."""
        if not row.found and not row.record.number:
            row.extra["unnumbered"] = True
            row.record.number = f"{row.record.opened_on.year}-{row.number:05}"[:10]

    def validate_rows(self, rows: Sequence[Row]) -> None:
        """Check the numbers that the file gives, and the light of each cause, which is kept as it was."""
        new = [row for row in rows if not row.found and row.is_valid]
        self.check_numbers([row for row in new if "unnumbered" not in row.extra])
        for row in new:
            try:
                record_cause(row.record)
            except ValidationError as exc:
                for name, texts in exc.message_dict.items():
                    row.add_error(self.column(name), "invalid", " ".join(texts))

    def check_numbers(self, rows: Sequence[Row]) -> None:
        """Reject a number that a follow-up had which is deleted since: it is never given again."""
        used: set[str] = set()
        for some in batched([row.record.number for row in rows]):
            used |= set(FollowUp.history.filter(number__in=some).values_list("number", flat=True))
        for row in rows:
            if row.record.number in used:
                message = _("The number %(number)s was given already. Leave it empty: the next one is filled in.")
                row.add_error(self.column("number"), "unique", message % {"number": row.record.number})

    def complete_new(self, rows: Sequence[Row]) -> None:
        """Give the next numbers to rows without one, but for those that other rows bring along."""
        taken = {row.record.number for row in rows if "unnumbered" not in row.extra}
        for row in rows:
            if "unnumbered" in row.extra:
                row.record.number = next_number(row.record.opened_on.year, taken)
                taken.add(row.record.number)

    def write_related(self, rows: Sequence[Row], *, by: Any, reason: str) -> None:
        """Write the step that opens each new follow-up."""
        for row in rows:
            if not row.found:
                writing.write(opening_step(row.record, by), by=by, reason=reason, allowed=True)

    def describe(self, row: Row) -> str:
        return str(row.record.title) if "unnumbered" in row.extra else super().describe(row)
