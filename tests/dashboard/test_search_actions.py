"""Search and change log: follow-ups, practices and evidence files."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts.models import Role
from tests import factories as make
from tests.support.api_client import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty")]
DAY = "2026-11-24"


def found(client: Client, words: str, day: str = DAY) -> dict[str, list[tuple[str, str, str]]]:
    groups = client.get("/search/", {"q": words, "as_of": day}).context["groups"]
    return {item["label"]: [(hit["name"], hit["note"], hit["url"]) for hit in item["hits"]] for item in groups}


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


@pytest.mark.parametrize("url", ["HTTP://www.mee.gov.cn/a", "ftp://www.mee.gov.cn/a"])
def test_a_source_of_a_former_release_with_another_address_breaks_no_page(client: Client, url: str) -> None:
    make.source(title="Alpha", url=url)
    for address in ("/data/", "/search/?q=Alpha"):
        assert f'<a href="{url}"' in client.get(address).content.decode()
    assert f"Alpha,,{url}" in client.get("/search/?q=Alpha&export=hits.csv").getvalue().decode()


@pytest.mark.parametrize("words", ["()", "〔〕", "【 】", "（", "［］()"])
def test_brackets_alone_find_nothing(client: Client, words: str) -> None:
    make.source(title="Alpha")
    page = client.get("/search/", {"q": words})
    assert (page.context["groups"], f"0 records hold “{words}”." in page.text) == ([], True)
    assert "Alpha" not in client.get("/search/", {"q": words, "export": "hits.csv"}).getvalue().decode()
