"""Content of the demonstration: full size, plausible, invented throughout, and marked everywhere."""

import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Max, Q
from django.test import Client
from openpyxl import load_workbook

from core.days import SIDES
from core.history.models import ChangeEvent
from core.snapshots import record_models
from demo import load
from pilots.models import Pilot
from policies.models import Agency, Policy
from tests.support.demo_data import BANNER, INVENTED_MODELS
from tests.support.golden import assert_golden
from tests.support.imports import table_checksums
from tests.support.scripted_year import clock_at


def test_pages_files_and_api_of_the_demonstration(demo: None, client: Client) -> None:
    assert_golden("demonstration", client)


# -- that it is invented -------------------------------------------------------------------------------


def test_every_invented_fact_cites_an_invented_source(demo: None) -> None:
    for kind in INVENTED_MODELS:
        if kind is not Agency:
            said = Q(sources__title__contains="虚构") & Q(sources__title__contains="invented")
            assert kind.objects.count() == kind.objects.filter(said).distinct().count(), kind
    assert not Pilot.objects.exclude(name_zh__contains="示例").exists()
    assert not Pilot.objects.exclude(name_en__startswith="Example").exists()
    assert not Policy.objects.exclude(title_zh__contains="示例").exists()
    assert not Agency.objects.exclude(name_en__startswith="Example").exists()


def test_the_newest_entry_of_every_record_says_what_it_says(demo: None) -> None:
    for kind in record_models():
        names = [field.attname for field in kind._meta.concrete_fields]
        newest = kind.history.filter(pk__in=kind.history.values("id").annotate(last=Max("history_id")).values("last"))
        rows = list(kind.objects.order_by("pk").values_list(*names))
        assert list(newest.order_by("id").values_list(*names)) == rows, kind
        for field in kind._meta.many_to_many:
            now = kind.objects.filter(**{f"{field.name}__isnull": False}).values_list("pk", field.name)
            lists = getattr(kind.history.model, field.name).model.objects.filter(history__in=newest)
            then = lists.values_list(f"history__{kind._meta.pk.name}", field.m2m_reverse_name())
            assert sorted(now) == sorted(then), (kind, field.name)


def test_every_entry_has_one_change_event(demo: None) -> None:
    for kind in record_models():
        events = ChangeEvent.objects.filter(model=kind._meta.label_lower)
        told = events.order_by("entry_id").values_list("entry_id", "record_id", "action", "at")
        written = kind.history.order_by("history_id").values_list("history_id", "id", "history_type", "history_date")
        assert list(told) == list(written), kind


def test_every_record_passes_its_own_rules(demo: None) -> None:
    """Of tables with many rows, some."""
    for kind in record_models():
        for record in kind.objects.order_by("?")[:40]:
            record.full_clean()


# -- its own day ---------------------------------------------------------------------------------------


def test_today_is_the_day_of_the_demonstration_whatever_the_clock_says(demo: None, client: Client) -> None:
    with clock_at(date(2031, 3, 1)):
        assert client.get("/api/v1/overview/").json()["as_of"] == "2026-11-28"
        page = client.get("/").content.decode()
        assert BANNER in page
        assert "2031" not in page
        assert client.get("/?as_of=2026-11-29").status_code == 400
        SIDES[str(connection.settings_dict["NAME"])] = (True, None)  # of a former release: it follows the clock
        page = client.get("/").content.decode()
        assert "Everything here is invented; it is not the real programme." in page
        assert "1 March 2031" in page


def test_the_files_of_the_tables_are_written_as_they_were_read(demo: None, tmp_path: Path, monkeypatch: Any) -> None:
    shipped = {path.name: path.read_text() for path in load.TABLES.iterdir()}
    monkeypatch.setattr("demo.load.TABLES", tmp_path)
    call_command("dump_demo")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == shipped


# -- never mixed ----------------------------------------------------------------------


def test_the_demonstration_rejects_real_records(demo: None) -> None:
    before = table_checksums()
    with pytest.raises(CommandError, match="database of their own"):
        call_command("load_records")
    assert table_checksums() == before


def test_a_second_load_changes_nothing_and_says_so(demo: None) -> None:
    before, out = table_checksums(), io.StringIO()
    call_command("load_demo", stdout=out)
    assert "already" in out.getvalue()
    assert table_checksums() == before


# -- it says so ----------------------------------------------------------------------------------------


def test_every_page_carries_the_banner(demo: None, client: Client, admin_client: Client) -> None:
    for path in ("/", "/pilots/example-city-01/", "/no-such-page/", "/?as_of=x"):
        assert BANNER in client.get(path).text
    for path in ("/admin/", "/admin/pilots/pilot/?_popup=1"):
        assert admin_client.get(path).text.count(BANNER) == 1


def test_files_say_it_in_name_and_text(demo: None, client: Client) -> None:
    response = client.get("/pilots/?export=pilots.csv")
    assert "demonstration-pilots-" in response["Content-Disposition"]
    text = b"".join(response).decode()  # type: ignore[call-overload]
    assert "# Demonstration data: invented, not the real programme" in text
    workbook = load_workbook(io.BytesIO(client.get("/pilots/?export=pilots.xlsx").content))
    first = [cell.value for cell in workbook["About"][1]]
    assert first[:2] == ["Demonstration data", "invented, not the real programme"]


def test_answers_of_the_api_their_files_and_errors_say_it(demo: None, client: Client) -> None:
    for path in ("policies/", "policies/example-synergy-plan/", "overview/"):
        assert client.get(f"/api/v1/{path}").json()["demonstration"] is True
    for path in ("policies/?format=csv", "policies/?format=xlsx", "policies/", "policies/?nonsense=1"):
        response = client.get(f"/api/v1/{path}")
        assert response["X-Demonstration-Data"] == "true"
        assert "format" not in path or "demonstration-policies-" in response["Content-Disposition"]
