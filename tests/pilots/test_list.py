"""The list of pilots: order, counts and filters by SQL as the rules say, page by page, and files of all rows."""

import gc
from collections import Counter
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from core import tables
from core.spreadsheets import writer
from pilots.analytics import pilot_status
from pilots.lights import LIGHTS, Colour, LightReason, change_days, pilot_light
from pilots.metrics import Stage
from pilots.models import Pilot
from pilots.stored_lights import read_records, recompute_all

pytestmark = pytest.mark.django_db
AS_OF = date(2026, 11, 24)
ORDER: list[Colour] = list(LIGHTS)
DAYS = [date(2025, 4, 1), date(2026, 6, 30), AS_OF]


def slugs_on_pages(client: Client, query: str) -> list[str]:
    """Return the slugs of all pages of the list, in their order."""
    found: list[str] = []
    number, last = 1, 1
    while number <= last:
        listing = client.get(f"/pilots/?{query}&page={number}").context["listing"]
        found += [cells[0].url.split("/")[2] for cells in listing.table.rows]
        number, last = number + 1, listing.page.paginator.num_pages
    assert len(found) == listing.count
    return found


def judged_by_rules(day: date) -> list[tuple[int, date, int, str, bool]]:
    """Return each pilot of the day, worst first: place of its colour, since when, key, slug, whether by hand."""
    slugs, found = dict(Pilot.objects.listed(day).values_list("pk", "slug")), []
    for records in read_records(list(slugs)):
        light, since = pilot_light(records, day), date.min
        for before in sorted((change for change in change_days(records) if change <= day), reverse=True):
            if pilot_light(records, before - timedelta(1)).colour != light.colour:
                since = before
                break
        key = records.pilot.pk
        found.append((ORDER.index(light.colour), since, key, slugs[key], light.why == LightReason.BY_HAND))
    return sorted(found)


@pytest.mark.parametrize("day", DAYS)
def test_order_and_counts_are_those_of_the_rules(demo: None, client: Client, day: date) -> None:
    """Also those of the second page; pilots with the same colour since the same day are in the order of their keys."""
    expected = judged_by_rules(day)
    assert len({row[:2] for row in expected}) < len(expected) > tables.ROWS_PER_PAGE
    assert slugs_on_pages(client, f"as_of={day}") == [row[3] for row in expected]
    turned = sorted(expected, key=lambda row: (-row[0], *row[1:]))
    assert slugs_on_pages(client, f"as_of={day}&sort=-light") == [row[3] for row in turned]
    counts, by_hand = (
        Counter(LIGHTS[row[0]].value for row in rows) for rows in (expected, [r for r in expected if r[4]])
    )
    listing = client.get(f"/pilots/?as_of={day}&light=green").context["listing"]
    shown = {choice["value"]: choice["n"] or 0 for choice in listing.links[0]["choices"]}
    assert shown == {"": len(expected), **{colour.value: counts[colour] for colour in LIGHTS}}
    assert listing.count == counts["green"]
    assert {
        colour: f"{n} of them set by hand" in str(listing.group_heads[colour]) for colour, n in by_hand.items()
    } == (dict.fromkeys(by_hand, True))


def test_page_and_api_name_the_same_pilots(demo: None, client: Client) -> None:
    """Of each light and stage, and of those without a stage."""
    rows = client.get(f"/api/v1/pilots/?as_of={AS_OF}&page_size=200").json()["results"]
    for name, words in (("light", LIGHTS), ("stage", Stage)):
        for word in words:
            expected = {row["slug"] for row in rows if row[name] == word.value}
            found = client.get(f"/api/v1/pilots/?as_of={AS_OF}&page_size=200&{name}={word.value}").json()["results"]
            assert {row["slug"] for row in found} == set(slugs_on_pages(client, f"as_of={AS_OF}&{name}={word.value}"))
            assert {row["slug"] for row in found} == expected
            left = client.get(f"/api/v1/pilots/?as_of={AS_OF}&page_size=200&{name}__ne={word.value}").json()["results"]
            assert {row["slug"] for row in left} == {row["slug"] for row in rows} - expected
    both = client.get(f"/api/v1/pilots/?as_of={AS_OF}&page_size=200&light__in=red,grey").json()["results"]
    assert {row["slug"] for row in both} == {row["slug"] for row in rows if row["light"] in {"red", "grey"}}


@pytest.mark.parametrize("sort", ["stage", "-stage", "days", "-days"])
def test_what_has_no_value_is_last_in_both_directions(demo: None, client: Client, sort: str) -> None:
    Pilot.objects.filter(pk__in=Pilot.objects.listed(AS_OF).values("pk")[:2]).update(withdrawn_on=AS_OF)
    pilot = Pilot.objects.listed(AS_OF).first()
    assert pilot
    pilot.stages.all().delete()
    recompute_all()
    rows = client.get(f"/api/v1/pilots/?as_of={AS_OF}&page_size=200&withdrawn=include").json()["results"]
    value = {row["slug"]: row["days_in_stage"] if "days" in sort else row["stage"] for row in rows}
    if "stage" in sort:
        value = {slug: stage and Stage(stage).order for slug, stage in value.items()}
    keys = dict(Pilot.objects.values_list("slug", "pk"))
    turn = -1 if sort.startswith("-") else 1
    expected = sorted(value, key=lambda slug: (value[slug] is None, turn * (value[slug] or 0), keys[slug]))
    assert None in value.values()
    assert slugs_on_pages(client, f"as_of={AS_OF}&sort={sort}&withdrawn=include") == expected


# -- files of all rows -------------------------------------------------------------------------------------------


@pytest.fixture
def chunks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many pilots were judged at a time, of files whose chunks are short."""
    sizes: list[int] = []
    build = pilot_status.build_statuses

    def spy(keys: list[int], as_of: date) -> list[Any]:
        sizes.append(len(keys))
        return build(keys, as_of)

    monkeypatch.setattr("pilots.tables.build_statuses", spy)
    monkeypatch.setattr(tables, "CHUNK_SIZE", 3)
    for name in ("SAMPLED_ROWS", "PIECE_ROWS"):
        monkeypatch.setattr(writer, name, 3)
    return sizes


@pytest.mark.parametrize("address", ["/pilots/", "/batches/example-batch-1/", "/industries/new-energy/"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_file_leaves_while_its_rows_are_judged(
    demo: None, client: Client, chunks: list[int], address: str, kind: str
) -> None:
    response: Any = client.get(f"{address}?as_of={AS_OF}&export=pilots.{kind}")
    assert response.streaming
    pieces = iter(response.streaming_content)
    begin = next(pieces)
    assert begin
    judged = sum(chunks)
    content = begin + b"".join(pieces)
    assert judged < sum(chunks), "the first piece waited for all rows"
    assert max(chunks) <= 3
    if kind == "csv":
        rows = [line for line in content.decode("utf-8-sig").splitlines() if not line.startswith(("#", '"#'))]
        assert len(rows) == sum(chunks) + 1
        return
    book = load_workbook(BytesIO(content))
    table, about = book.worksheets
    assert (table.max_row, about.title) == (sum(chunks) + 1, "About")
    assert table.auto_filter.ref.endswith(str(table.max_row))
    assert table.freeze_panes == "A2"


def test_a_file_of_few_rows_is_whole(demo: None, client: Client) -> None:
    """An error while it is made is then an answer."""
    response: Any = client.get(f"/pilots/?as_of={AS_OF}&light=red&export=pilots.xlsx")
    assert not response.streaming
    assert load_workbook(BytesIO(response.content)).worksheets[0].max_row > 1


def test_a_reader_may_give_a_workbook_up(demo: None, client: Client, chunks: list[int]) -> None:
    response: Any = client.get(f"/pilots/?as_of={AS_OF}&export=pilots.xlsx")
    pieces = response._iterator  # the client's own, which ends the response as a server does
    next(pieces)
    pieces.close()
    gc.collect()  # a generator that is left open would complain: a warning, which fails the test
    assert sum(chunks) < Pilot.objects.listed(AS_OF).count()
