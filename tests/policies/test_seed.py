"""Loading seed records is atomic and never overwrites an edit."""

import csv
from dataclasses import replace
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from core.seed.loader import InvalidSeedError, LoadResult, SeedFile, load_seed
from core.seed.models import SeedRecord
from pilots.management.commands import load_records
from pilots.models import StageEntry, Target
from pilots.seed import SEED_FILES
from policies.models import Agency, Industry, ProvincialPlan, Source
from tests import factories as make

pytestmark = pytest.mark.django_db


def make_kind(tmp_path: Path, name: str, text: str) -> SeedFile:
    """Return a seed kind with this text as its file."""
    path = tmp_path / f"{name}.csv"
    path.write_text(text, encoding="utf-8")
    return replace(next(item for item in SEED_FILES if item.name == name), path=path)


AGENCIES = "slug,name_zh,name_en\nmoe,教育部,Ministry of Education\n"


def test_every_shipped_row_is_there_once() -> None:
    for item in SEED_FILES:
        with item.path.open(encoding="utf-8") as handle:
            assert item.model._default_manager.count() == len(list(csv.DictReader(handle))), item.name


def test_a_second_load_changes_nothing() -> None:
    entries = Industry.history.count()
    tallies = load_seed(SEED_FILES)
    assert {name: (t.created, t.updated, t.kept) for name, t in tallies.items()} == {
        item.name: (0, 0, []) for item in SEED_FILES
    }
    assert Industry.history.count() == entries


def test_each_shipped_record_has_one_history_entry_with_its_relations() -> None:
    steel = Industry.objects.get(slug="steel")
    entry = steel.history.get()
    assert (entry.history_type, entry.history_change_reason) == ("+", "Shipped with the product")
    assert entry.gb_codes == "C31"
    assert entry.sources.count() == 1


def changed_files(name: str, folder: Path, number: int, **values: str) -> list[SeedFile]:
    """Return the shipped files, with other values in one row of one of them."""
    item = next(item for item in SEED_FILES if item.name == name)
    rows = list(csv.DictReader(StringIO(item.path.read_text(encoding="utf-8"))))
    rows[number].update(values)
    path = folder / item.path.name
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return [replace(file, path=path) if file is item else file for file in SEED_FILES]


@pytest.mark.parametrize("item", SEED_FILES, ids=lambda item: item.name)
def test_a_changed_row_of_a_shipped_file_is_loaded_over_the_former_one(
    item: SeedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the next release: `load_records` runs before the site starts."""
    names = {field.name for field in item.model._meta.concrete_fields}
    (field,) = names & {"note_en"} or names & {"title_en"} or names & {"name_en"}
    files = changed_files(item.name, tmp_path, 0, **{field: "As the next release says"})
    monkeypatch.setattr(load_records, "SEED_FILES", files)
    printed = StringIO()
    call_command("load_records", stdout=printed)
    counts = {file.name: (0, file.model._default_manager.count(), 0) for file in SEED_FILES}
    counts[item.name] = (1, counts[item.name][1] - 1, 0)
    assert printed.getvalue().splitlines() == [
        f"{name}: 0 created, {updated} updated, {unchanged} unchanged, {kept} kept as edited"
        for name, (updated, unchanged, kept) in counts.items()
    ]
    record: Any = item.model._default_manager.get(**{field: "As the next release says"})
    assert record.history.latest().history_change_reason == "Shipped with the product"


def test_an_amendment_is_an_edit_of_a_shipped_target(tmp_path: Path) -> None:
    """Until then a newer file corrects what was shipped, also what is fixed for people from the day of its entry on."""

    def load(**values: str) -> LoadResult:
        return load_seed(changed_files("targets", tmp_path, 0, **values))["targets"]

    target = Target.objects.get(pilot__slug="huzhou", indicator__code="ENE_NFF")
    Target.history.filter(id=target.pk).update(history_date=datetime(2025, 1, 1, tzinfo=UTC))
    assert target.promised_on == date(2024, 1, 1)
    assert load(target_value="27").updated == 1
    make.amendment(target, value=25, accepted=True, decided_on=date(2026, 6, 1))
    assert load(target_value="28", note_en="Shipped").kept == [str(target)]
    target.refresh_from_db()
    assert (target.target_value, target.today.target_value, target.note_en != "Shipped") == (27, 25, True)


def test_a_stage_that_an_editor_entered_first_is_left_alone(tmp_path: Path) -> None:
    entry = StageEntry.objects.get(pilot__slug="baoding")
    SeedRecord.objects.filter(kind="stages", record_id=entry.pk).delete()
    assert load_seed(changed_files("stages", tmp_path, 1, note_en="Shipped"))["stages"].kept == [str(entry)]
    assert StageEntry.objects.get(pk=entry.pk).note_en == ""


def test_steps_that_a_newer_file_adds_are_loaded(tmp_path: Path) -> None:
    assert load_seed(changed_files("targets", tmp_path, 0, steps="2025: 25"))["targets"].updated == 1


def load_agencies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str = AGENCIES) -> list[str]:
    """Return what the command says of a file of agencies."""
    monkeypatch.setattr(load_records, "SEED_FILES", [make_kind(tmp_path, "agencies", text)])
    printed = StringIO()
    call_command("load_records", stdout=printed)
    return printed.getvalue().splitlines()


@pytest.mark.parametrize("edit", ["name_en", "slug"])
def test_a_record_that_a_person_edited_is_left_alone_and_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, edit: str
) -> None:
    load_agencies(monkeypatch, tmp_path)
    moe = Agency.objects.get(slug="moe")
    setattr(moe, edit, "education")
    moe.save()
    assert load_agencies(monkeypatch, tmp_path) == ["agencies: 0 created, 0 updated, 1 unchanged, 0 kept as edited"]
    newer = AGENCIES.replace("教育部", "中华人民共和国教育部")
    for _again in range(2):
        assert load_agencies(monkeypatch, tmp_path, newer) == [
            "agencies: 0 created, 0 updated, 0 unchanged, 1 kept as edited",
            f"Edited or deleted here, and left alone: {moe}",
        ]
    assert Agency.objects.get(pk=moe.pk).name_zh == "教育部"
    assert Agency.objects.get(**{edit: "education"}) == moe


def test_what_was_deleted_here_is_not_restored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    load_agencies(monkeypatch, tmp_path)
    Agency.objects.get(slug="moe").delete()
    assert "Edited or deleted here, and left alone: moe" in load_agencies(monkeypatch, tmp_path)
    assert not Agency.objects.filter(slug="moe").exists()


def test_what_an_editor_entered_first_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    moe = Agency.objects.create(slug="moe", name_zh="教育部", name_en="mine")
    assert f"Edited or deleted here, and left alone: {moe}" in load_agencies(monkeypatch, tmp_path)
    assert Agency.objects.get(slug="moe").name_en == "mine"


NO_DAY = "Issued: give the day (or month or year) of issue, or the day by which it is known to exist."
PLANS = "policy,province,status,issued_on,issued_precision,known_issued_by,confidence,sources,note_en\n"


def test_every_bad_row_is_listed_and_nothing_is_written(tmp_path: Path) -> None:
    before = SeedRecord.objects.count(), Source.objects.count()
    sources = make_kind(tmp_path, "sources", "key,title,url,published_on,reliability\nnew,A page,,2024-13-01,media\n")
    agencies = make_kind(tmp_path, "agencies", AGENCIES + "moe,二,Twice\nBad Slug,三,Three\n")
    plans = make_kind(
        tmp_path,
        "plans",
        PLANS
        + "energy-saving-carbon-plan-2024,hebie,issued,2024-06-01,day,,media,,\n"
        + "energy-saving-carbon-plan-2024,hubei,published,,,,media,,\n"
        + "energy-saving-carbon-plan-2024,hunan,issued,,,,media,,\n"
        + "energy-saving-carbon-plan-2024,anhui,issued,2024-06-01,day,,media,,,too,many\n",
    )
    with pytest.raises(InvalidSeedError) as caught:
        load_seed([sources, agencies, plans])
    assert [str(item) for item in caught.value.errors] == [
        "agencies.csv:2 [slug] Row 3 is about the same record. Keep one.",
        "agencies.csv:3 [slug] Row 2 is about the same record. Keep one.",
        "agencies.csv:4 [slug] Use small letters, digits and single hyphens, for example huzhou-park.",
        "plans.csv:2 [province] There is no province “hebie”. Did you mean “Hebei”?",
        "plans.csv:3 [status] “published” is not allowed here. Did you mean “issued”?",
        f"plans.csv:4 [known_issued_by] {NO_DAY}",
        *["plans.csv:5 This cell stands under no heading. Give its column a heading, or clear the cell."] * 2,
        "sources.csv:2 [published_on] “2024-13-01” is no day of the calendar. Write a date such as 2024-01-15.",
    ]
    assert (SeedRecord.objects.count(), Source.objects.count()) == before
    assert not ProvincialPlan.objects.filter(policy__slug="energy-saving-carbon-plan-2024").exists()
