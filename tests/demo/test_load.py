"""Loading the demonstration: with its files, and never beside real records."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from core.days import demonstration_side
from core.files import open_blob, sha256_of
from core.seed.models import SeedRecord
from dashboard.models import Edition
from demo.load import load_demo
from pilots.models import Document
from pilots.seed import MixedDataError
from policies.models import Policy
from tests.support.demo_data import BANNER


def test_real_records_reject_the_demonstration(db: None) -> None:
    before = Policy.objects.count()
    with pytest.raises(CommandError, match="make demo"):
        call_command("load_demo")
    assert Policy.objects.count() == before
    assert not SeedRecord.objects.demonstration_mark()


def test_one_record_entered_by_hand_rejects_it_too(nothing: None) -> None:
    Policy.objects.create(slug="mine", title_zh="我", issued_on=date(2024, 1, 1))
    with pytest.raises(MixedDataError):
        load_demo(files=False)
    Policy.objects.all().delete()
    with pytest.raises(MixedDataError):  # its history is a real record's
        load_demo(files=False)


def test_files_come_with_it(nothing: None, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    call_command("load_demo")
    for checksum in {*Document.stored_checksums(), *Edition.stored_checksums()}:
        with open_blob(checksum) as file:
            assert sha256_of(file.read()) == checksum


def test_real_data_never_say_it(db: None, client: Client, admin_client: Client) -> None:
    for path in ("/", "/no-such-page/", "/?as_of=x", "/pilots/?export=pilots.csv"):
        response = client.get(path)
        text = b"".join(response) if response.streaming else response.content  # type: ignore[call-overload]
        assert "emonstration" not in text.decode()
        assert "emonstration" not in response.get("Content-Disposition", "")
    assert BANNER not in admin_client.get("/admin/").content.decode()
    answer = client.get("/api/v1/policies/")
    assert "X-Demonstration-Data" not in answer
    assert "demonstration" not in answer.json()


def test_an_empty_database_is_asked_again(nothing: None) -> None:
    assert not demonstration_side()[0]
    SeedRecord.objects.mark_demonstration(date(2024, 1, 2))
    assert demonstration_side()[0]
