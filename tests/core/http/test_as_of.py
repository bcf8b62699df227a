"""Days of a request at addresses of every kind: odd ones are answered, or refused by name, in both languages."""

import re

import pytest
from django.test import Client

from core.days import FIRST_DAY
from core.snapshots import TODAY_ONLY

pytestmark = pytest.mark.django_db

ADDRESSES = [
    *("/", "/pilots/", "/policies/synergy-implementation-plan-2022/", "/pilots/huzhou/", "/synergy/", "/brief/nation/"),
    *("/pilots/?export=pilots.csv", "/?export=attention.xlsx", "/desk/", "/actions/new/", "/nowhere/"),
    *("/api/v1/pilots/", "/api/v1/pilots/huzhou/", "/api/v1/progress/", "/brief/nation/", "/api/v1/changes/"),
]
REFUSED = {
    "as_of=1949-09-30": "as_of: 1949-09-30 is too early. Give 1949-10-01 or a day after it.",
    "as_of=0001-01-01&lang=zh-hans": "as_of：0001-01-01过早。请填写1949-10-01或以后的日期。",
    "known=0001-01-01": "known: 0001-01-01 is too early. Give 1949-10-01 or a day after it.",
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_day_that_is_too_early_is_refused_by_name_and_the_first_is_answered(client: Client, address: str) -> None:
    """A record that was not known on the day, and its page, are not found, and no filter takes it."""
    join = "&" if "?" in address else "?"
    for query, message in REFUSED.items():
        if query.startswith("known") and address.startswith(TODAY_ONLY):  # the day is of no use there
            continue
        answer = client.get(f"{address}{join}{query}")
        assert answer.status_code == 400, query
        assert message in answer.content.decode(), query
    first = client.get(f"{address}{join}as_of={FIRST_DAY}")
    assert first.status_code in {200, 302, 400, 404}
    body = b"" if first.streaming else first.content
    assert b"too early" not in body
    assert not re.search(rb"as_of=19(49-0|4[0-8])", body)
