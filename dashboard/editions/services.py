"""Editions: what is published about the end of a quarter, checked, approved by a second person and frozen.

A table of the package is a resource of the API, with the rows that a reader without an account gets on a public site.
Each step of an edition is one transaction.
"""

import csv
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, QueryDict
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override
from rest_framework.request import Request

from core.api.viewsets import RecordViewSet, machine_value, table_rows
from core.days import DEMO_FILE_PREFIX, DEMO_LABEL, holds_demonstration, today
from core.files import MEDIA_TYPES, open_blob, save_blob, sha256_of
from core.history.models import FROZEN_MESSAGE
from core.records import writing
from core.spreadsheets.writer import CoverSheet, SheetSpec, csv_lines, write_workbook
from core.tables import AnyColumn
from core.text import format_number, format_part, is_chinese_active, join_clauses, label_value
from dashboard.models import APPROVE_PERMISSION, Edition, EditionState, quarter_of, quarter_start
from dashboard.overview.services import Overview, edition_figures
from dashboard.quality import DataQuality, Explained, Severity
from pilots.analytics.pilot_status import PilotStatus
from pilots.analytics.progress import BY_BATCH
from pilots.api.urls import RESOURCES as PILOT_RESOURCES
from pilots.charts.cells import pilots_url
from pilots.follow_ups.services import count_red_lights
from pilots.lights import RULE_PILOT
from pilots.models import Attachment, Pilot, Reading, StaleLight
from policies.api import RESOURCES as POLICY_RESOURCES

LANGUAGES = {"en": "en", "zh": "zh-hans"}  # suffix of a text, and the language
JUDGED = ("light-", "on-track", "reported")  # codes of figures that the rules of lights decide
DAY_COUNTS = {"days_in_stage", "days_late", "delay_days"}  # they grow each day, whatever happens to the record
Item = dict[str, Any]
OMITTED = {"url", "page", "content", "revision", "owner_person", "owner_user", "verifier", "claimed_by", "confirmed_by"}
"""Fields of the API that a package leaves out: addresses on one server, the number of a version, and people."""
ROWS_AT_A_TIME = 2000  # all rows are kept in the end: fewer queries count more than memory
WITHDRAWN = "withdrawn"  # filter of lists that leave out withdrawn pilots unless they are asked for
EDIT_PERMISSION = "dashboard.change_edition"
QUARTERS_OFFERED = 8  # the running quarter and those before it


def content_of(edition: Edition) -> Item:
    """Return the content of an approved edition, whose texts are also there in the active language: `label`.

    `files` (path, media_type, size in bytes, sha256), the package with all others first; `figures` (code, label, scope,
    value, of; value None is no data); `previous`, the quarter of the edition before, empty for the first;
    `previous_figures`, as far as they are comparable; `changes` of tables (table, title, records before and now, added,
    removed, changed; None where its model has changed); `warnings` that were acknowledged at the approval (code, label,
    count, of); `rules` of the lights, missing in the oldest, and whether the edition before has the `same_rules`.
    """
    first, second = ("_zh", "_en") if is_chinese_active() else ("_en", "_zh")

    def localized(item: Item) -> Item:
        names = [name.removesuffix("_en") for name in item if name.endswith("_en")]
        return {**item, **{name: item[name + first] or item[name + second] for name in names}}

    return {
        name: [localized(item) for item in value] if isinstance(value, list) else value
        for name, value in edition.content.items()
    }


def in_both_languages(build: Callable[[], Iterable[Item]], *texts: str) -> list[Item]:
    """Return the items that are built, with these texts in both languages instead of the active one."""
    merged: list[Item] = []
    for suffix, language in LANGUAGES.items():
        with override(language):
            items = list(build())
            merged = merged or [{name: value for name, value in item.items() if name not in texts} for item in items]
            for kept, item in zip(merged, items, strict=True):
                kept |= {f"{text}_{suffix}": str(item[text]) for text in texts}
    return merged


# -- the difference to the edition before --------------------------------------------------------------


def compare_tables(previous: Edition | None, tables: Mapping[str, bytes], titles: Sequence[Item]) -> list[Item]:
    """Return how many rows of each table, given as CSV, were added, removed and changed since the edition before.

    A new column changes no row. Where one is gone, the model has changed: the rows are not comparable, and their
    differences None. A table that only one of them has is left out.
    """

    def read_rows(content: bytes) -> dict[str, dict[str, str]]:
        reader = csv.DictReader(io.StringIO(content.decode(), newline=""))
        key = (reader.fieldnames or [""])[0]
        return {row[key]: row for row in reader}

    stored = {file["path"]: file["sha256"] for file in previous.files} if previous else {}
    changes = []
    for title in titles:
        path = f"data/{title['table']}.csv"
        if path not in stored:
            continue
        with open_blob(stored[path]) as file:
            before, now = read_rows(file.read()), read_rows(tables[path])
        both = before.keys() & now.keys()
        old, new = (set(next(iter(rows.values()), {})) for rows in (before, now))
        numbers: dict[str, int | None] = {"before": len(before), "now": len(now)}
        if new and old - new:
            numbers |= dict.fromkeys(("added", "removed", "changed"))
        else:
            numbers |= {
                "added": len(now.keys() - before.keys()),
                "removed": len(before.keys() - now.keys()),
                "changed": sum(any(before[key][name] != now[key][name] for name in old - DAY_COUNTS) for key in both),
            }
        changes.append({**title, **numbers})
    return changes


def difference_sentences(content: Item) -> list[str]:
    """Return the difference to the edition before, a sentence for each number and each table that differs."""
    sentences, before = [], {figure["code"]: figure for figure in content["previous_figures"]}
    for new in content["figures"]:
        old = before.get(new["code"])
        if old and (old["value"], old["of"]) != (new["value"], new["of"]):
            sentences.append(label_value(new["label"], f"{figure_text(old)} → {figure_text(new)}"))
    if content["previous"] and not content.get("same_rules", True):
        sentences.append(_("Lights, and what is counted by them: not comparable, the rules have changed"))
    for change in content["changes"]:
        added, removed, changed = change["added"], change["removed"], change["changed"]
        parts = [
            _("not comparable, its model has changed") if changed is None else "",
            ngettext("%(n)d added", "%(n)d added", added) % {"n": added} if added else "",
            ngettext("%(n)d removed", "%(n)d removed", removed) % {"n": removed} if removed else "",
            ngettext("%(n)d changed", "%(n)d changed", changed) % {"n": changed} if changed else "",
        ]
        if any(parts):
            total = ngettext("%(n)d record now", "%(n)d records now", change["now"]) % {"n": change["now"]}
            sentences.append(label_value(change["title"], join_clauses([*filter(None, parts), total])))
    return sentences


def figure_text(figure: Item) -> str:
    """Return value and whole of a key number."""
    if figure["value"] is None:
        return _("no data")
    return format_number(figure["value"]) if figure["of"] is None else format_part(figure["value"], figure["of"])


@dataclass(frozen=True)
class CheckItem(Explained):
    """One line of the checklist: how many of how many, and where it is corrected."""

    code: str
    is_error: bool
    count: int
    of: int
    url: str = ""


class Checklist(NamedTuple):
    items: Sequence[CheckItem]

    @property
    def errors(self) -> list[CheckItem]:
        return [item for item in self.items if item.is_error]

    @property
    def warnings(self) -> list[CheckItem]:
        return [item for item in self.items if not item.is_error]

    @property
    def digest(self) -> str:
        """Digest of the warnings: an approval acknowledges these and no others."""
        text = "\n".join(f"{item.code} {item.count} {item.of}" for item in self.warnings)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def build_checklist(edition: Edition) -> Checklist:
    """Return what is wrong or missing for an edition, on the last day of its quarter; nothing where all is well.

    A contradiction that data quality finds is an error, a gap or something to verify a warning. Texts are in the active
    language.
    """
    day = edition.as_of
    red, followed, _by_hand = count_red_lights(day)
    quarter = (quarter_start(edition.quarter), day)
    accepted = Reading.objects.filter(accepted_on__range=quarter)
    files = Attachment.objects.filter(reading=OuterRef("pk"), removed_on=None)
    bare, readings = accepted.exclude(Exists(files)).count(), accepted.count()
    red_url, rule_url = f"{pilots_url(light='red')}&as_of={day}", f"{reverse('quality')}?as_of={day}&rule="
    notes = [edition.release_note_en, edition.release_note_zh]
    items = [
        CheckItem("quarter-running", True, int(day >= today()), 1),
        CheckItem("notes-missing", True, notes.count(""), 2, "#notes"),
        *(
            CheckItem(rule.code, rule.severity == Severity.ERROR, rule.count, rule.of, rule_url + rule.code)
            for rule in DataQuality(day).rules
        ),
        CheckItem("red-without-follow-up", False, red - followed, red, red_url),
        CheckItem("reading-without-file", False, bare, readings, reverse("admin:pilots_reading_changelist")),
    ]
    return Checklist(sorted((item for item in items if item.count), key=lambda item: not item.is_error))


class PackageFile(NamedTuple):
    path: str
    media_type: str
    content: bytes


def edition_title(edition: Edition) -> str:
    """Return the title in the active language; of demonstration data marked as such."""
    text = _("Synergy Pilot Tracker, edition %(quarter)s") % {"quarter": edition.quarter}
    return f"{text} · {DEMO_LABEL}" if holds_demonstration() else text


def build_package(edition: Edition, address: str, warnings: Sequence[Item]) -> tuple[list[PackageFile], Item]:
    """Build all files of an edition from the records as they are known now, the ZIP with all others first.

    `edition` has the moment of its approval, `address` is that of its page. Beside the files it returns the content
    that the edition freezes (`content_of`). Nothing is stored.
    """
    overview, when = Overview(edition.as_of), timezone.localtime(edition.approved_at)
    resources: dict[str, tuple[Any, type[RecordViewSet]]] = {**POLICY_RESOURCES, **PILOT_RESOURCES}
    titles = in_both_languages(
        lambda: [{"table": name, "title": resource.heading} for name, (_model, resource) in resources.items()], "title"
    )
    with override("en"):  # for the few words that a field has in the reader's language alone
        tables = {name: api_table(resource, edition.as_of) for name, (_model, resource) in resources.items()}
    data = {}
    for name, (heads, rows) in tables.items():
        lines = [heads, *([machine_value(cell) for cell in row] for row in rows)]
        data[f"data/{name}.csv"] = "".join(csv_lines(lines, for_excel=False)).encode()
    approved = Edition.objects.filter(state=Edition.FROZEN_STATE, quarter__lt=edition.quarter)
    previous = approved.order_by("-quarter").first()
    same_rules = previous is None or previous.content.get("rules") == RULE_PILOT
    content: Item = {
        "files": [],
        "rules": RULE_PILOT,
        "same_rules": same_rules,
        "figures": in_both_languages(
            lambda: [
                {**{name: figure[name] for name in ("code", "label", "scope", "value")}, "of": figure["whole"]}
                for figure in edition_figures(overview)
            ],
            "label",
            "scope",
        ),
        "previous": previous.quarter if previous else "",
        "previous_figures": [
            figure
            for figure in (previous.content["figures"] if previous else [])
            if same_rules or not figure["code"].startswith(JUDGED)
        ],
        "changes": compare_tables(previous, data, titles),
        "warnings": list(warnings),
    }
    files = [
        *(report(edition, address, overview, content, suffix) for suffix in LANGUAGES),
        PackageFile("workbook.xlsx", MEDIA_TYPES["xlsx"], workbook(edition, address, titles, tables)),
        *(PackageFile(path, MEDIA_TYPES["csv"], table) for path, table in data.items()),
    ]
    sums = "".join(f"{sha256_of(file.content)}  {file.path}\n" for file in files)  # as `sha256sum --check` reads them
    files.append(PackageFile("SHA256SUMS", "text/plain", sums.encode()))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as package:
        for file in files:
            package.writestr(zipfile.ZipInfo(file.path, when.timetuple()[:6]), file.content, zipfile.ZIP_DEFLATED)
    stem = f"{DEMO_FILE_PREFIX if holds_demonstration() else ''}{edition.quarter}"
    files.insert(0, PackageFile(f"{stem}.zip", "application/zip", archive.getvalue()))
    content["files"] = [
        {"path": path, "media_type": kind, "size": len(data), "sha256": sha256_of(data)} for path, kind, data in files
    ]
    return files, content


def api_list(resource: type[RecordViewSet], user: Any, as_of: date) -> tuple[Any, QuerySet[Any]]:
    """Return a list of the API as a user gets it on a day, withdrawn pilots included: its view and its rows."""
    view: Any = resource(action="list", format_kwarg=None, args=(), kwargs={})
    plain: Any = HttpRequest()
    plain.method, plain.user, plain.as_of, plain.demonstration = "GET", user, as_of, holds_demonstration()
    plain.build_absolute_uri = str  # addresses are left out
    if WITHDRAWN in view.filterset_class.base_filters:
        plain.GET = QueryDict(f"{WITHDRAWN}=include")
    view.request = Request(plain)
    view.request.user = user
    return view, view.filter_queryset(view.get_queryset())


def api_table(resource: type[RecordViewSet], as_of: date) -> tuple[list[str], list[list[object]]]:
    """Return headings and rows of a list of the API for a reader without an account.

    A field in the reader's language is left out where both languages are given.
    """
    view, queryset = api_list(resource, AnonymousUser(), as_of)
    serializer = view.get_serializer()
    fields = serializer.fields
    heads = [
        name for name in fields if name not in OMITTED and not all(f"{name}_{suffix}" in fields for suffix in LANGUAGES)
    ]
    for name in set(fields) - set(heads):
        fields.pop(name)
    rows = view.rows_in_chunks(queryset, ROWS_AT_A_TIME)
    return heads, list(table_rows(heads, (serializer.to_representation(row) for row in rows)))


def workbook(edition: Edition, address: str, titles: Sequence[Item], tables: Any) -> bytes:
    """Return one workbook with a sheet a table, headed by the field names of the CSV files, and a cover sheet."""
    parts = []
    for title in titles:
        heads, rows = tables[title["table"]]
        name = f"{title['title_en']} / {title['title_zh']}"
        parts.append(SheetSpec(title["table"], [AnyColumn(head, head) for head in heads], rows, name))
    with override("en"):
        days = [(_("As of"), edition.as_of), (_("Approved"), edition.approved_at)]
        with write_workbook(parts, CoverSheet(edition_title(edition), days, address)) as file:
            return file.read()


def report(edition: Edition, address: str, overview: Overview, content: Item, suffix: str) -> PackageFile:
    """Return the report in a language: one page of HTML that needs no other file."""
    counts = {item.province.pk: item.pilots for item in overview.provinces}
    plans = overview.rollout.provinces if overview.rollout else []
    pilots: Any = Pilot.objects.listed(overview.as_of).with_light(overview.as_of).select_related("province")
    with override(LANGUAGES[suffix]):
        shown = content_of(Edition(content=content))
        context = {
            "language": LANGUAGES[suffix],
            "title": edition_title(edition),
            "address": address,
            "edition": edition,
            "content": shown,
            "differences": difference_sentences(shown),
            "rollout": overview.rollout,
            "provinces": [(row, counts.get(row.province.pk)) for row in plans],
            "pilots": [PilotStatus(pilot, overview.as_of) for pilot in pilots.order_by(*BY_BATCH)],
        }
        text = render_to_string("dashboard/editions/report.html", context)
    return PackageFile(f"report-{suffix}.html", "text/html", text.encode())


# -- steps ---------------------------------------------------------------------------------------------


def may_edit(user: Any) -> bool:
    """Whether the user may make, write and submit editions."""
    return bool(user.has_perm(EDIT_PERMISSION))


def may_approve(user: Any, edition: Edition) -> bool:
    """Whether the user may approve this edition: neither made nor submitted it, and has the permission."""
    return bool(user.has_perm(APPROVE_PERMISSION)) and user.pk not in {edition.made_by_id, edition.submitted_by_id}


def offered_quarters() -> list[str]:
    """Return the quarters for which an edition can be made, newest first: those of two years that have none."""
    quarters, day = [], today()
    for _place in range(QUARTERS_OFFERED):
        quarters.append(quarter_of(day))
        day = quarter_start(quarters[-1]) - timedelta(1)
    taken = set(Edition.objects.filter(quarter__in=quarters).values_list("quarter", flat=True))
    return [quarter for quarter in quarters if quarter not in taken]


def make_edition(quarter: str, *, by: Any) -> Edition:
    """Make the draft of a quarter. Raises PermissionDenied, and ValidationError for a quarter that is not offered."""
    check_editor(by)
    if quarter not in offered_quarters():
        message = _("There is an edition of this quarter already, or it lies too far away. Choose one of the list.")
        raise ValidationError({"quarter": ValidationError(message, code="not_offered")})
    edition = Edition(quarter=quarter, made_by=by)
    writing.write(edition, by=by, allowed=True)
    return edition


@contextmanager
def step(edition: Edition, state: EditionState) -> Iterator[Edition]:
    """Context manager: the edition, locked in a transaction. Raises ValidationError unless it is in the state."""
    with transaction.atomic():
        locked: Edition | None = writing.locked(Edition, edition.pk)
        if locked is None:
            raise ValidationError(_("Somebody else discarded this draft meanwhile."), code="deleted")
        if locked.is_approved:
            raise ValidationError(FROZEN_MESSAGE, code="frozen")
        if locked.state != state:
            text = _("It is “%(state)s” now: somebody else took a step. Look at it, then try again.")
            raise ValidationError(text, code="state", params={"state": EditionState(locked.state).label})
        yield locked


def write_notes(edition: Edition, *, by: Any, en: str, zh: str) -> None:
    """Set the release notes of a draft."""
    check_editor(by)
    with step(edition, EditionState.DRAFT) as locked:
        writing.write(locked, {"release_note_en": en, "release_note_zh": zh}, by=by, allowed=True)


def submit(edition: Edition, *, by: Any) -> None:
    """Submit a draft for approval by somebody else. Raises ValidationError while there are errors that block it."""
    check_editor(by)
    if Edition.objects.filter(pk=edition.pk, state=EditionState.IN_REVIEW, submitted_by=by).exists():
        text = _("You have submitted this edition already: somebody else approves it.")
        raise ValidationError(text, code="state")
    with step(edition, EditionState.DRAFT) as locked:
        check_errors(build_checklist(locked))
        writing.write(locked, {"state": EditionState.IN_REVIEW, "submitted_by": by}, by=by, allowed=True)


def send_back(edition: Edition, *, by: Any, reason: str) -> None:
    """Make a draft of a submitted edition again. Raises ValidationError without a reason."""
    check_editor(by)
    if not reason.strip():
        raise ValidationError({"reason": ValidationError(_("Say what is to be done first."), code="required")})
    with step(edition, EditionState.IN_REVIEW) as locked:
        writing.write(locked, {"state": EditionState.DRAFT}, by=by, reason=reason, allowed=True)


def discard(edition: Edition, *, by: Any) -> None:
    """Delete a draft. Its history stays, and an administrator can restore it."""
    check_editor(by)
    with step(edition, EditionState.DRAFT) as locked:
        writing.delete(locked, by=by, allowed=True)


def check_editor(user: Any) -> None:
    if not may_edit(user):
        raise PermissionDenied


# -- approval ------------------------------------------------------------------------------------------


def approve(edition: Edition, *, by: Any, seen: str, address: str) -> Edition:
    """Approve a submitted edition: build its package, store its files and freeze it.

    `seen` is the digest of the warnings that the approver acknowledges, `address` the address of its page. Raises
    PermissionDenied without the permission; ValidationError for who made or submitted it, for errors of the checklist,
    for warnings that are not acknowledged, and where somebody else was first. Nothing is stored then.
    """
    check_approver(edition, by)
    with snapshot():
        edition = Edition.objects.get(pk=edition.pk)
        checklist = build_checklist(edition)
        check_approvable(edition, checklist, seen)
        edition.approved_at = timezone.now()
        warnings = in_both_languages(
            lambda: [
                {"code": item.code, "label": item.name, "count": item.count, "of": item.of}
                for item in checklist.warnings
            ],
            "label",
        )
        files, content = build_package(edition, address, warnings)
    with step(edition, EditionState.IN_REVIEW) as locked:
        check_approver(locked, by)
        if (locked.release_note_en, locked.release_note_zh) != (edition.release_note_en, edition.release_note_zh):
            raise ValidationError(_("The release notes were changed meanwhile. Read them, then approve."), code="stale")
        for file in files:
            save_blob(file.content)
        values = {
            "state": EditionState.APPROVED,
            "approved_by": by,
            "approved_at": edition.approved_at,
            "content": content,
            "sha256": content["files"][0]["sha256"],
        }
        writing.write(locked, values, by=by, allowed=True)
    return locked


def check_approver(edition: Edition, user: Any) -> None:
    """Raises PermissionDenied without the permission, ValidationError for who made or submitted the edition."""
    if not user.has_perm(APPROVE_PERMISSION):
        raise PermissionDenied
    if not may_approve(user, edition):
        text = _("You made or submitted this edition: somebody else approves it.")
        raise ValidationError(text, code="same_person")


def check_approvable(edition: Edition, checklist: Checklist, seen: str) -> None:
    """Raises ValidationError with every error of the checklist, where other warnings were acknowledged, or while lights
    are being recomputed.
    """
    if edition.is_approved:
        raise ValidationError(FROZEN_MESSAGE, code="frozen")
    if StaleLight.objects.exists():
        text = _("Lights are being recomputed, and the edition would hold former ones. Approve it in a few minutes.")
        raise ValidationError(text, code="recomputing")
    check_errors(checklist)
    if checklist.warnings and seen != checklist.digest:
        text = _("Acknowledge the warnings as they are now: they are listed below.")
        raise ValidationError(text, code="not_acknowledged")


def check_errors(checklist: Checklist) -> None:
    """Raises ValidationError with every error of the checklist."""
    lines = [f"{item.name} ({item.count}/{item.of}). {item.remedy}" for item in checklist.errors]
    if lines:
        raise ValidationError([ValidationError(line, code="checklist") for line in lines])


@contextmanager
def snapshot() -> Iterator[None]:
    """Context manager: all queries inside see the database at one moment. Inside another transaction it does nothing.

    On SQLite it is a transaction that does not lock out those who write.
    """
    if connection.in_atomic_block:
        yield
        return
    database: Any = connection  # SQLite's has a mode of its transactions
    mode = getattr(database, "transaction_mode", None)
    if database.vendor == "sqlite":
        database.transaction_mode = "DEFERRED"
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield
    finally:
        if database.vendor == "sqlite":
            database.transaction_mode = mode
