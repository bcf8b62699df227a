"""Canonical rows: one text for a row, whichever database holds it."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection

from core.backup.canonical import WRITERS, canonical_lines, read_table
from core.backup.describe import describe_tables
from core.seed.models import SeedRecord
from policies.models import Province

pytestmark = pytest.mark.django_db


def test_a_row_is_the_same_text_on_both_databases(empty: None) -> None:
    SeedRecord.objects.create(kind="b", key="二", record_id=7, values={"z": 1.50, "a": [None, True, "减污"]})
    SeedRecord.objects.create(kind="a", key="x\n", record_id=8, values={})
    SeedRecord.objects.update(loaded_at=datetime(2026, 11, 27, 1, 2, 3, tzinfo=UTC))
    first, last = SeedRecord.objects.order_by("pk").values_list("pk", flat=True)
    assert list(canonical_lines(connection, read_table(connection, "policies_shipment"))) == [
        '["id","key","kind","loaded_at","record_id","values"]',
        f'[{first},"二","b","2026-11-27 01:02:03.000000",7,"{{\\"a\\":[null,true,\\"减污\\"],\\"z\\":1.5}}"]',
        f'[{last},"x\\n","a","2026-11-27 01:02:03.000000",8,"{{}}"]',
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12, "12"),
        (12.5, "12.5"),
        (Decimal("12.500"), "12.5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.00"), "0"),
        (100, "100"),
    ],
)
def test_a_number_has_one_notation(value: object, text: str) -> None:
    assert WRITERS["DecimalField"](value) == text


def test_sessions_and_versions_of_caches_are_in_no_backup() -> None:
    tables = describe_tables(connection)
    assert not tables.keys() & {"django_session", "config_mark", "config_recordversion", "jobs_job"}
    assert tables["policies_province"].rows == Province.objects.count()
