"""Import pages: the dry run shows everything, confirming is atomic, an import can be undone."""

import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks.base import TaskContext
from django_tasks_db.models import DBTaskResult
from openpyxl import Workbook, load_workbook

from core.imports import apply
from core.imports.files import FAULT_COLOUR, delete_expired_files
from core.imports.models import Import, ImportFile, ImportState
from core.jobs.queue import BUSY, progress_of
from core.spreadsheets.cells import REASONS
from core.spreadsheets.reader import unpacked_size
from pilots.models import Batch, Pilot
from policies.models import Province
from tests import factories as make
from tests.support.jobs import ends_of_jobs, jobs_done, run_jobs

pytestmark = pytest.mark.django_db
HEADS = ["code", "name in Chinese", "kind", "batch", "province"]


@pytest.fixture
def batch(empty: None) -> Batch:
    return make.batch(slug="first", title_zh="第一批")


@pytest.fixture(autouse=True)
def zhejiang(empty: None, batch: Batch) -> None:
    make.province(slug="zhejiang", name_zh="浙江省", short_zh="浙江", name_en="Zhejiang", short_en="Zhejiang")


def csv_file(*rows: Sequence[str], heads: Sequence[str] = HEADS, name: str = "pilots.csv") -> SimpleUploadedFile:
    text = "\r\n".join(",".join(row) for row in (heads, *rows))
    return SimpleUploadedFile(name, text.encode(), content_type="text/csv")


def xlsx_file(*rows: Sequence[Any], name: str = "pilots.xlsx") -> SimpleUploadedFile:
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return SimpleUploadedFile(name, out.getvalue())


def upload(client: Client, file: SimpleUploadedFile, kind: str = "pilots", **headers: str) -> Any:
    return client.post(reverse("import-list"), {"kind": kind, "file": file}, headers=headers)


def checked(client: Client, *rows: Sequence[str], kind: str = "pilots", **how: Any) -> Import:
    """Return an import of these rows after its dry run."""
    answer = upload(client, csv_file(*rows, **how), kind)
    assert answer.status_code == 302, answer.content.decode()
    return Import.objects.latest("pk")


HUZHOU = ["huzhou", "湖州市", "city", "first", "zhejiang"]
BAD = ["", "", "town", "second", "浙工"]


def test_the_dry_run_shows_every_error_with_its_cell_and_writes_nothing(admin_client: Client) -> None:
    record = checked(admin_client, HUZHOU, BAD)
    page = admin_client.get(record.get_absolute_url())
    assert [(*fault["cells"], fault["column"], fault["value"]) for fault in page.context["faults"]] == [
        ("B3", "Name in Chinese", ""),
        ("C3", "Kind", "town"),
        ("D3", "Batch", "second"),
        ("E3", "Province", "浙工"),
    ]
    assert page.context["faults"][3]["message"] == "There is no province “浙工”. Did you mean “浙江”?"
    assert "Nothing is written: 4 errors in 2 rows." in page.text
    assert {item["code"]: item["count"] for item in page.context["actions"]} == {
        "error": 1,
        "create": 1,
        "update": 0,
        "unchanged": 0,
    }
    assert reverse("import-confirm", args=[record.pk]) not in page.content.decode()
    assert not Pilot.objects.exists()
    assert record.state == ImportState.FAULTY


def test_a_change_is_shown_field_by_field_and_what_is_emptied_is_marked(admin_client: Client, batch: Batch) -> None:
    elsewhere = make.province(name_en="Hebei")
    make.pilot(batch, elsewhere, slug="huzhou", name_zh="湖州", name_en="Huzhou", note="old note")
    record = checked(admin_client, [*HUZHOU, ""], heads=[*HEADS, "note_en"])
    page = admin_client.get(record.get_absolute_url())
    assert list(page.context["page"]) == [
        {
            "row": 2,
            "action": "update",
            "name": "Huzhou",
            "word": "changed",
            "changes": [
                ["Name in Chinese", "湖州", "湖州市", False],
                ["Note in English", "old note", "no data", True],
                ["Province", "Hebei", "Zhejiang", False],
            ],
        }
    ]
    assert "1 field is emptied, because its cell is empty." in page.content.decode()


def test_confirming_writes_it_with_the_reason_and_pressing_twice_is_harmless(admin_client: Client) -> None:
    record = checked(admin_client, HUZHOU)
    for _time in range(2):
        answer = admin_client.post(reverse("import-confirm", args=[record.pk]), {"reason": "List of 15 January"})
        assert answer.status_code == 302
        assert answer["Location"] == record.get_absolute_url()
    pilot: Any = Pilot.objects.get()
    entries = [(e.history_type, e.history_user.username, e.history_change_reason) for e in pilot.history.all()]
    assert entries == [("+", "admin", "List of 15 January")]
    record.refresh_from_db()
    assert (record.state, record.confirmed_by.username, record.reason) == ("confirmed", "admin", "List of 15 January")
    assert Import.objects.get().changes.get().entry_id == pilot.history.get().pk


def test_a_record_that_changed_since_the_dry_run_stops_the_whole_import(admin_client: Client, batch: Batch) -> None:
    pilot = make.pilot(batch, make.province(), slug="huzhou", name_en="Huzhou")
    record = checked(admin_client, HUZHOU, ["jiaxing", "嘉兴市", "city", "first", "zhejiang"])
    pilot.note = "somebody was here"
    pilot.save()
    answer = admin_client.post(reverse("import-confirm", args=[record.pk]), {"reason": ""})
    assert answer.status_code == 409
    assert [line.partition(" on ")[0] for line in answer.context["what"]] == [
        "Row 2: “Huzhou” was changed by the system"
    ]
    assert list(Pilot.objects.values_list("slug", "note_en")) == [("huzhou", "somebody was here")]
    assert admin_client.post(reverse("import-again", args=[record.pk])).status_code == 302
    assert admin_client.post(reverse("import-confirm", args=[record.pk]), {"reason": ""}).status_code == 302
    assert sorted(Pilot.objects.values_list("slug", flat=True)) == ["huzhou", "jiaxing"]


# -- files that cannot be read -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "not_a_workbook"),
        ("a.xlsx", b"PK\x03\x04", "damaged"),
        ("a.csv", "省份,名称".encode("utf-16"), "encoding"),
    ],
)
def test_a_file_that_cannot_be_read_is_rejected_at_its_field(
    admin_client: Client, name: str, content: bytes, code: str
) -> None:
    page = upload(admin_client, SimpleUploadedFile(name, content))
    assert page.status_code == 200
    assert page.context["form"].errors["file"] == [REASONS[code]]
    assert not Import.objects.exists()


def test_an_upload_of_more_than_the_limit_is_rejected_before_it_is_kept(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.middleware.MAX_UPLOAD_BYTES", 100)
    answer = upload(admin_client, csv_file(HUZHOU))
    assert answer.status_code == 413
    text = answer.content.decode()
    assert "The file is larger than 20 MB. Remove pictures from it, or import its rows in parts." in text
    assert f'<a class="button" href="{reverse("import-list")}">Back to the form</a>' in text
    assert not Import.objects.exists()


# -- the kind of records -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pilots", "stages", "milestones", "targets", "readings", "plans", "policies"])
def test_a_template_is_recognised(admin_client: Client, kind: str) -> None:
    """By its headings, and by the name of its sheet where the headings fit several kinds."""
    content = admin_client.get(reverse("import-template", args=[kind])).content
    answer = upload(admin_client, SimpleUploadedFile("template.xlsx", content), kind="")
    assert answer.status_code == 302, answer.context["form"].errors
    assert Import.objects.get().kind == kind


def test_errors_of_one_kind_are_one_line(admin_client: Client) -> None:
    """The same of the same value in one column, with every cell up to twelve."""
    rows = [[f"p-{n}", f"园{n}", "区" if n < 14 else "园区", "first", "浙江"] for n in range(15)]
    record = checked(admin_client, *rows)
    page = admin_client.get(record.get_absolute_url())
    found = [(fault["cells"], fault["more"], fault["value"]) for fault in page.context["faults"]]
    assert found == [([f"C{n}" for n in range(2, 14)], 2, "区")]
    assert "and 2 more" in page.content.decode()
    assert record.faults == 14  # the fifteenth is a clear other word for an industrial park


# -- who may -------------------------------------------------------------------------------------------


def editor(*rights: str, name: str = "clerk") -> Client:
    """Return a staff client with only these permissions."""
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    return client


PILOTS = ("add_import", "add_pilot", "change_pilot", "place_pilot")


@pytest.mark.parametrize("rights", [("add_import", "add_pilot"), ("add_pilot", "change_pilot")])
def test_importing_needs_the_right_to_import_and_to_add_and_change(rights: tuple[str, ...]) -> None:
    client = editor(*rights)
    assert client.get(reverse("import-list")).status_code == 403
    assert upload(client, csv_file(HUZHOU)).status_code == 403
    assert not Import.objects.exists()


def test_only_kinds_that_one_may_change_are_offered_and_taken(admin_client: Client) -> None:
    record = checked(admin_client, ["x", "规划", "document", "", ""], heads=HEADS)
    Import.objects.filter(pk=record.pk).update(kind="policies")
    client = editor(*PILOTS)
    page = client.get(reverse("import-list"))
    assert [kind.name for kind in page.context["kinds"]] == ["pilots"]
    assert upload(client, csv_file(HUZHOU), kind="plans").context["form"].errors["kind"]
    for name in ("import-detail", "import-workbook"):
        assert client.get(reverse(name, args=[record.pk])).status_code == 404
    for name in ("import-confirm", "import-undo", "import-again"):
        assert client.post(reverse(name, args=[record.pk])).status_code == 404
    assert client.get(reverse("import-template", args=["policies"])).status_code == 404
    assert client.get(reverse("import-export", args=["policies", "csv"])).status_code == 404


# -- files ---------------------------------------------------------------------------------------------


def test_the_returned_workbook_says_what_is_wrong_and_is_taken_again_once_corrected(admin_client: Client) -> None:
    heads = ["序号", "代码", "中文名称", "类型", "批次", "省份"]
    title = ["第一批试点名单"]
    upload(admin_client, xlsx_file(title, heads, [1, *HUZHOU], [2, "jiaxing", "嘉兴市", "城巿", "first", "浙江"]))
    record = Import.objects.get()
    answer = admin_client.get(reverse("import-workbook", args=[record.pk]))
    book = load_workbook(io.BytesIO(answer.content))
    sheet = book.active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0] == [*title, *[None] * 6]
    assert rows[1] == [*heads, "What is wrong"]
    assert rows[2] == [1, *HUZHOU, None]
    assert rows[3][6:] == ["D4: “城巿” is not allowed here. Did you mean “城市”?"]
    assert [cell.fill.fgColor.rgb for cell in sheet[4][2:5]] == ["00000000", FAULT_COLOUR, "00000000"]
    sheet["D4"] = "城市"
    out = io.BytesIO()
    book.save(out)
    answer = upload(admin_client, SimpleUploadedFile("again.xlsx", out.getvalue()))
    record = Import.objects.latest("pk")
    assert (record.state, record.created, record.faults) == ("checked", 2, 0)


# -- looking back --------------------------------------------------------------------------------------


def test_a_file_that_was_never_confirmed_goes_after_a_month_but_what_it_was_stays(admin_client: Client) -> None:
    record = checked(admin_client, BAD)
    Import.objects.filter(pk=record.pk).update(uploaded_at=timezone.now() - timedelta(days=31))
    confirmed = checked(admin_client, HUZHOU)
    admin_client.post(reverse("import-confirm", args=[confirmed.pk]), {"reason": ""})
    Import.objects.filter(pk=confirmed.pk).update(uploaded_at=timezone.now() - timedelta(days=31))
    checked(admin_client, HUZHOU)
    kept = set(ImportFile.objects.values_list("record_id", flat=True))
    assert record.pk not in kept
    assert confirmed.pk in kept
    page = admin_client.get(record.get_absolute_url())
    assert "The file itself was not kept" in page.content.decode()
    assert admin_client.get(reverse("import-workbook", args=[record.pk])).status_code == 404
    assert admin_client.post(reverse("import-again", args=[record.pk])).status_code == 409


def at_state(client: Client, state: str) -> Import:
    """Return an import in this state; "checking" is one that no worker has read, "expired" one without its file."""
    if state == "checking":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(apply, "MOST_BYTES", 0)
            return checked(client, HUZHOU, kind="")
    record = checked(client, BAD if state == "faulty" else HUZHOU)
    for step, reached in (("confirm", {"confirmed", "undone"}), ("undo", {"undone"})):
        if state in reached:
            client.post(reverse(f"import-{step}", args=[record.pk]))
    if state == "expired":
        ImportFile.objects.all().delete()
    return Import.objects.get(pk=record.pk)


@pytest.mark.parametrize(
    ("state", "workbook", "again", "confirm", "undo"),
    [
        ("checking", 404, 302, 302, 302),  # a worker is at it already
        ("faulty", 200, 302, 409, 409),
        ("checked", 200, 302, 302, 409),
        ("expired", 404, 409, 409, 409),
        ("confirmed", 200, 409, 302, 302),
        ("undone", 200, 409, 409, 302),
    ],
)
def test_every_address_of_an_import_answers_in_every_state(
    admin_client: Client, state: str, workbook: int, again: int, confirm: int, undo: int
) -> None:
    asked = {"again": again, "confirm": confirm, "undo": undo}
    for step, status in asked.items():
        record = at_state(admin_client, state)
        assert admin_client.get(reverse("import-list")).status_code == 200
        assert admin_client.get(record.get_absolute_url()).status_code == 200
        assert admin_client.get(reverse("import-workbook", args=[record.pk])).status_code == workbook
        assert admin_client.get(reverse(f"import-{step}", args=[record.pk])).status_code == 405
        assert admin_client.post(reverse(f"import-{step}", args=[record.pk])).status_code == status, step
        Pilot.objects.all().delete()


def test_a_check_that_ends_after_a_confirmation_leaves_that_alone(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In two tabs: the first checks again, the second confirms meanwhile."""
    record, repeat = checked(admin_client, HUZHOU), apply.repeat_dry_run

    def overtaken(*args: Any, **kwargs: Any) -> Any:
        plan = repeat(*args, **kwargs)
        monkeypatch.setattr(apply, "repeat_dry_run", repeat)
        admin_client.post(reverse("import-confirm", args=[record.pk]), {"reason": "List of 15 January"})
        return plan

    monkeypatch.setattr(apply, "repeat_dry_run", overtaken)
    answer = admin_client.post(reverse("import-again", args=[record.pk]))
    assert answer.context["what"] == ["Only an import that is not confirmed can be checked again."]
    record.refresh_from_db()
    assert (record.state, record.confirmed_by.username, record.reason) == ("confirmed", "admin", "List of 15 January")
    assert admin_client.post(reverse("import-undo", args=[record.pk])).status_code == 302
    assert not Pilot.objects.exists()


# -- as background jobs ----------------------------------------------------------------------------------


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is longer than a request checks."""
    monkeypatch.setattr(apply, "MOST_ROWS", 0)


@pytest.mark.usefixtures("long")
def test_a_long_import_is_checked_confirmed_and_undone_by_a_worker(admin_client: Client) -> None:
    address = upload(admin_client, csv_file(HUZHOU, ["baoding", "保定市", "city", "first", "zhejiang"]))["Location"]
    record = Import.objects.get()
    assert (address, record.state) == (record.get_absolute_url(), "checking")
    page = admin_client.get(address)
    assert (page.context["job"]["open"], page.context["in_hand"]) == (True, True)
    assert "It begins when those before it are done." in page.text
    assert reverse("import-again", args=[record.pk]) not in page.text
    listed = admin_client.get(reverse("import-list")).text
    assert ("Rows read" in page.text, listed.count('<td class="number">–</td>')) == (False, 5)  # nothing is not zero
    run_jobs()
    record.refresh_from_db()
    assert (record.state, record.created, record.faults) == ("checked", 2, 0)
    listed = admin_client.get(reverse("import-list")).text
    shown = "Rows read" in admin_client.get(address).text
    assert (shown, listed.count('<td class="number">–</td>'), listed.count('<td class="number">2</td>')) == (True, 0, 2)
    for name, state, count in (("import-confirm", "confirmed", 2), ("import-undo", "undone", 0)):
        with jobs_done():
            answer = admin_client.post(reverse(name, args=[record.pk]), {"reason": "From the ledger"})
            admin_client.post(reverse(name, args=[record.pk]), {"reason": "Twice"})
        record.refresh_from_db()
        assert (answer["Location"], record.state, Pilot.objects.count()) == (address, state, count)
    assert record.confirmed_by == record.undone_by == User.objects.get(username="admin")
    assert [status for _name, status, _error in ends_of_jobs()] == ["SUCCESSFUL"] * 3
    assert admin_client.get(address).context["job"] is None


@pytest.mark.usefixtures("long")
def test_what_is_asked_while_a_worker_is_at_it_is_refused_with_a_sentence(admin_client: Client) -> None:
    """“Check again” in one tab, “confirm” in another: the confirmation is not dropped in silence."""
    record = checked(admin_client, HUZHOU)
    run_jobs()
    said = []
    for step in ("again", "confirm"):
        answer = admin_client.post(reverse(f"import-{step}", args=[record.pk]), follow=True)
        said.append([str(message) for message in answer.context["messages"]])
    assert said == [[], [str(BUSY)]]
    run_jobs()
    assert Import.objects.get().state == "checked"
    assert not Pilot.objects.exists()


def test_a_large_workbook_is_read_by_a_worker_alone(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its kind and its sheet are recognised there, as they are in the request of a small one."""
    book = Workbook()
    book.active.append(["contents"])
    lists = book.create_sheet("list")
    for row in (HEADS, HUZHOU):
        lists.append(row)
    out = io.BytesIO()
    book.save(out)
    monkeypatch.setattr(apply, "MOST_BYTES", unpacked_size("a.xlsx", out.getvalue()) - 1)
    with monkeypatch.context() as patch:
        patch.setattr("core.spreadsheets.reader.read_workbook", None)  # it would fail
        address = upload(admin_client, SimpleUploadedFile("a.xlsx", out.getvalue()), kind="")["Location"]
        assert "not recognised yet" in admin_client.get(address).text
    run_jobs()
    record = Import.objects.get()
    assert (record.kind, record.sheet, record.form, record.rows_read, record.state) == (
        "pilots",
        "list",
        "xlsx",
        1,
        "checked",
    )
    assert "Pilots" in admin_client.get(address).text


@pytest.mark.usefixtures("long")
def test_a_large_file_that_no_kind_fits_says_so_on_its_page(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "MOST_BYTES", 0)
    with jobs_done():
        address = upload(admin_client, csv_file(["1"], heads=["nothing"]), kind="")["Location"]
    page = admin_client.get(address)
    assert page.context["job"]["error"] == "No kind of records has these headings. Choose what the rows are."


def test_an_import_is_undone_after_its_file_went(admin_client: Client) -> None:
    record = checked(admin_client, HUZHOU)
    admin_client.post(reverse("import-confirm", args=[record.pk]), {"reason": ""})
    Import.objects.update(confirmed_at=timezone.now() - timedelta(days=366))
    assert Pilot.objects.count() == 1
    delete_expired_files()
    assert not ImportFile.objects.exists()
    page = admin_client.get(record.get_absolute_url())
    assert "The file itself is kept for a year after its confirmation." in page.text
    assert "Undo the whole import" in page.text
    assert admin_client.get(reverse("import-list")).status_code == 200
    admin_client.post(reverse("import-undo", args=[record.pk]), {"reason": "Wrong"})
    assert (Import.objects.get().state, Pilot.objects.count()) == ("undone", 0)


def test_what_stands_against_a_long_import_is_told_on_its_page_and_it_can_be_asked_for_again(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = checked(admin_client, HUZHOU)
    monkeypatch.setattr(apply, "MOST_ROWS", 0)
    make.pilot(Batch.objects.get(), Province.objects.get(), slug="huzhou", name_zh="湖州市", name_en="Huzhou")
    with jobs_done():
        admin_client.post(f"{reverse('import-confirm', args=[record.pk])}?lang=zh-hans", {"reason": ""})
    page = admin_client.get(record.get_absolute_url())
    assert page.context["job"]["error"].startswith("第2行：“湖州市”已由系统于")
    assert '<p class="message error" lang="zh-hans">第2行' in page.text
    assert reverse("import-again", args=[record.pk]) in page.text
    assert Pilot.objects.count() == 1
    with jobs_done():
        admin_client.post(reverse("import-again", args=[record.pk]))
    assert admin_client.get(record.get_absolute_url()).context["job"] is None


def test_a_long_import_of_somebody_whose_permission_was_taken_away_writes_nothing(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = checked(admin_client, HUZHOU)
    monkeypatch.setattr(apply, "MOST_ROWS", 0)
    admin_client.post(reverse("import-confirm", args=[record.pk]), {"reason": ""})
    User.objects.update(is_superuser=False)
    run_jobs()
    assert ends_of_jobs() == [("change_import", "SUCCESSFUL", "You may not do this any more.")]
    assert not Pilot.objects.exists()


@pytest.mark.usefixtures("long")
def test_a_running_job_says_how_far_it_is_and_a_silent_one_can_be_asked_for_again(admin_client: Client) -> None:
    address = upload(admin_client, csv_file(HUZHOU))["Location"]
    again = reverse("import-again", args=[Import.objects.get().pk])
    row = DBTaskResult.objects.get()
    row.claim("worker-that-dies")
    report = progress_of(TaskContext(task_result=row.task_result))
    report(150, 300)  # written at most twice a second, and in the end
    assert admin_client.get(address).context["job"]["percent"] is None
    report(300, 300)
    page = admin_client.get(address)
    assert (page.context["job"]["percent"], '<progress max="100" value="100"' in page.text) == (100, True)
    admin_client.post(again)
    assert DBTaskResult.objects.count() == 1
    cache.clear()
    DBTaskResult.objects.update(started_at=timezone.now() - timedelta(seconds=61))
    page = admin_client.get(address)
    assert "No sign of life for a minute." in page.text
    assert again in page.text
    with jobs_done():
        admin_client.post(again)
    assert Import.objects.get().state == "checked"
