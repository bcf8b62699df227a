"""The steps of a target become a field of it: rows, histories and the journal.

Each entry of a target says its steps as they were then. For each entry of a step the target gets one of the same
moment, person and reason, so that `?known=` answers as before and no `revision` goes back; only what an import wrote of
a target and its steps is one entry, by which it is undone. Entries after it get a new number, for the newest entry of a
record has the highest.
"""

from collections import defaultdict
from typing import Any

from django.db import migrations


STEP, TARGET = "pilots.targetstep", "pilots.target"


def merge_steps(apps: Any, schema_editor: Any) -> None:
    using = schema_editor.connection.alias
    rows = apps.get_model("pilots", "TargetStep")._base_manager.using(using)
    current: dict[int, dict[int, Any]] = defaultdict(dict)
    for step in rows.all():
        current[step.target_id][step.year] = step.value
    targets = apps.get_model("pilots", "Target")._base_manager.using(using)
    for key, steps in current.items():
        targets.filter(pk=key).update(steps=as_json(steps))
    past: dict[int, list[Any]] = defaultdict(list)
    history = apps.get_model("pilots", "HistoricalTargetStep")._base_manager.using(using)
    for entry in history.order_by("history_id"):
        past[entry.target_id].append(entry)
    for key, steps in past.items():
        TargetHistory(apps, using, key).merge(steps)
    merge_shipped(apps.get_model("config", "SeedRecord")._base_manager.using(using))


def as_json(steps: dict[int, Any]) -> dict[str, str]:
    return {str(year): f"{steps[year].normalize():f}" for year in sorted(steps)}


class TargetHistory:
    """The history of one target, in which its steps are told."""

    def __init__(self, apps: Any, using: str, key: int) -> None:
        self.model = apps.get_model("pilots", "HistoricalTarget")
        self.sources = apps.get_model("pilots", "HistoricalTarget_sources")._base_manager.using(using)
        self.journal = apps.get_model("config", "ChangeEvent")._base_manager.using(using)
        self.using, self.key = using, key
        self.steps: dict[int, tuple[int, Any]] = {}  # by the key of the step
        self.last: Any = None
        self.renumbers = False

    def merge(self, past: list[Any]) -> None:
        waiting = list(past)
        for entry in self.model._base_manager.using(self.using).filter(id=self.key).order_by("history_id"):
            while waiting and waiting[0].history_date < entry.history_date:
                self.tell(waiting.pop(0))
            old, entry.steps = entry.pk, self.now
            if self.renumbers:
                entry.pk = None
            entry.save(using=self.using)
            if self.renumbers:
                self.sources.filter(history_id=old).update(history_id=entry.pk)
                self.journal.filter(model=TARGET, entry_id=old).update(entry_id=entry.pk)
                self.model._base_manager.using(self.using).filter(pk=old).delete()
            self.last = entry
        for step in waiting:
            self.tell(step)

    @property
    def now(self) -> dict[str, str]:
        return as_json(dict(self.steps.values()))

    def tell(self, step: Any) -> None:
        """Tell of an entry of a step: by the newest entry of the target, or by one of its own."""
        self.steps.pop(step.id, None)
        if step.history_type != "-":
            self.steps[step.id] = (step.year, step.value)
        line = self.journal.filter(model=STEP, entry_id=step.pk)
        last = self.last
        if last is None or last.history_type == "-":  # deleted with the target, whose entry keeps what it had
            line.delete()
        elif self.is_of_one_import(step):
            last.steps = self.now
            last.save(using=self.using)
            line.delete()
        else:
            before, self.renumbers = last.pk, True
            last.pk, last.history_type, last.steps = None, "~", self.now
            last.history_date, last.history_user_id = step.history_date, step.history_user_id
            last.history_change_reason = step.history_change_reason
            last.save(using=self.using)
            kept = list(self.sources.filter(history_id=before))
            for row in kept:
                row.pk, row.history_id = None, last.pk
                row.save(using=self.using)
            line.update(
                model=TARGET,
                record_id=self.key,
                entry_id=last.pk,
                action="~",
                key=str(self.key),
                owner_model="pilots.pilot",
                owner_id=last.pilot_id,
            )

    def is_of_one_import(self, step: Any) -> bool:
        lines = self.journal.filter(model=TARGET, entry_id=self.last.pk)
        lines |= self.journal.filter(model=STEP, entry_id=step.pk)
        imports = list(lines.values_list("import_record_id", "undoes"))
        return len(imports) == 2 and imports[0] == imports[1] and imports[0][0] is not None


def merge_shipped(shipped: Any) -> None:
    """Say of shipped targets which steps were shipped with them, so that a newer file does not count as an edit."""
    steps: dict[str, dict[str, str]] = defaultdict(dict)
    for row in shipped.filter(kind="target steps"):
        steps[row.values["target"]][row.values["year"]] = row.values["value"]
    for row in shipped.filter(kind="targets"):
        row.values["steps"] = "; ".join(f"{year}: {value}" for year, value in sorted(steps[row.key].items()))
        row.save(update_fields=["values"])
    shipped.filter(kind="target steps").delete()


class Migration(migrations.Migration):
    dependencies = [("pilots", "0015_target_steps"), ("config", "0013_delete_import_changes")]

    operations = [migrations.RunPython(merge_steps, migrations.RunPython.noop)]
