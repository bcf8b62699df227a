"""Search and change log: follow-ups, practices and evidence files."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts.models import Role
from dashboard.analytics.change_log import find_changes, history_models, iterate_change_log
from pilots.metrics.follow_up_states import Move
from pilots.models import Attachment, Document
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.histories import forget_entries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
DAY = "2026-11-24"
ADMIN = User(username="reader", is_staff=True, is_superuser=True)


def found(client: Client, words: str, day: str = DAY) -> dict[str, list[tuple[str, str, str]]]:
    groups = client.get("/search/", {"q": words, "as_of": day}).context["groups"]
    return {item["label"]: [(hit["name"], hit["note"], hit["url"]) for hit in item["hits"]] for item in groups}


def test_follow_ups_are_found_by_number_and_words_with_their_state_on_the_day(client: Client) -> None:
    pilot = make.pilot(make.batch(), make.province())
    make.follow_up(
        pilot,
        (Move.SIGN, date(2026, 7, 1)),
        number="2026-017",
        title_en="Stop the kiln",
        owner_agency=make.agency(name_en="Bureau of ecology"),
    )
    hit = ("2026-017 Stop the kiln", "in progress · Bureau of ecology", "/actions/2026-017/")
    for words in ("2026-017", "kiln", "bureau of ecology"):
        assert found(client, words)["follow-ups"] == [hit], words
    assert found(client, "kiln", "2026-06-15")["follow-ups"][0][1] == "to be signed for · Bureau of ecology"
    assert "follow-ups" not in found(client, "kiln", "2026-05-31")


def test_practices_are_found_with_their_state_on_the_day(client: Client) -> None:
    pilot = make.pilot(make.batch(), make.province())
    make.practice(pilot, slug="heat", title_en="Waste heat", passed_on=date(2025, 2, 1), library_on=date(2025, 3, 1))
    assert found(client, "waste heat")["practices"] == [("Waste heat", "in the library · industry", "/practices/heat/")]
    assert found(client, "waste heat", "2025-02-15")["practices"][0][1] == "passed by the province · industry"
    assert "practices" not in found(client, "waste heat", "2024-12-31")


def test_documents_are_found_by_those_who_may_read_them(client: Client) -> None:
    home, other = make.province(), make.province()
    make.document(title="Public minutes", is_public=True)
    make.document(title="Home minutes", province=home, doc_number="42号")
    make.document(title="Other minutes", province=other)
    make.document(title="Ministry minutes")

    def titles() -> list[str]:
        return sorted(name for name, _note, _url in found(client, "minutes")["documents"])

    assert titles() == ["Public minutes"]
    client.force_login(make_user("home", Role.PROVINCIAL_EDITOR, home))
    assert titles() == ["Home minutes", "Public minutes"]
    assert found(client, "42号")["documents"][0][1] == "42号"
    client.force_login(User.objects.create_superuser("chief"))
    assert titles() == ["Home minutes", "Ministry minutes", "Other minutes", "Public minutes"]


def test_the_data_page_lists_the_new_tables_with_their_records_on_the_day(client: Client) -> None:
    pilot = make.pilot(make.batch(), make.province())
    make.follow_up(pilot)
    practice = make.practice(pilot)
    make.adoption(practice, make.pilot(pilot.batch, make.province()))
    make.effect(practice)
    make.document(is_public=True)
    make.document()
    Document.objects.update(uploaded_at=datetime(2025, 2, 1, tzinfo=UTC))
    late = make.document(is_public=True)
    Document.objects.filter(pk=late.pk).update(uploaded_at=datetime(2026, 12, 1, tzinfo=UTC))

    def counts(day: str) -> dict[str, int]:
        rows = client.get("/data/", {"as_of": day}).context["downloads"]
        names = ("actions", "practices", "adoptions", "effects", "documents")
        return {name: row["count"] for row in rows for name in names if row["url"] == f"/api/v1/{name}/"}

    whole = {"actions": 1, "practices": 1, "adoptions": 1, "effects": 1, "documents": 1}
    assert counts(DAY) == whole
    assert counts("2025-02-15") == {**whole, "actions": 0, "effects": 0}


# -- what changed --------------------------------------------------------------------------------------------


def test_the_change_log_names_what_the_records_belong_to(client: Client) -> None:
    forget_entries()
    province = make.province(name_en="Hebei")
    pilot = make.pilot(make.batch(), province, name_en="Copy")
    document, practice = make.document(title="Minutes", province=province), make.practice(title_en="Waste heat")
    make.follow_up(pilot, number="2026-017", title_en="Stop the kiln")
    adoption = make.adoption(practice, pilot)
    make.effect(practice, adoption=adoption, province=province)
    Attachment.objects.create(document=document, adoption=adoption, province=province)
    lines = {line.kind: line for line in iterate_change_log(find_changes(history_models(), ADMIN), ADMIN)}
    assert {kind: lines[kind].what for kind in lines if kind not in ("Province", "Pilot", "Batch", "Agency")} == {
        "Follow-up": "2026-017 Stop the kiln",
        "Step of a follow-up": "2026-017 Stop the kiln · opened",
        "Practice": "Waste heat",
        "Adoption": "Waste heat · Copy",
        "Effect": "Waste heat · stated effect",
        "Document": "Minutes",
        "Attachment": "Minutes",
    }
    assert {lines[kind].url for kind in ("Follow-up", "Step of a follow-up")} == {"/actions/2026-017/"}
    assert lines["Adoption"].url == f"/admin/pilots/adoption/{adoption.pk}/change/"
    own = iterate_change_log(find_changes(history_models(), ADMIN, provinces=[province]), ADMIN)
    assert {line.kind for line in own} == {
        *("Province", "Pilot", "Follow-up", "Step of a follow-up", "Adoption", "Effect", "Document", "Attachment"),
    }
