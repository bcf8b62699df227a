"""Concurrent writes on two workers with four threads each: no lost updates, no duplicates, no server errors.

Databases fail differently here, so the suite runs these tests on both.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.support.live_server import ApiConnection, ServedProject, ServerResponse, wait_until_ended

pytestmark = [pytest.mark.django_db, pytest.mark.process, pytest.mark.database]
CLIENTS, ROUNDS = 8, 6
TIMES = 10  # for each client: 80 in all
RETRIES = 500  # far more than 8 clients need for 10 updates each


def agency(client: ApiConnection, slug: str, **fields: Any) -> ServerResponse:
    answer = client.send("POST", "agencies/", {"slug": slug, "name_zh": f"机构 {slug}", **fields})
    assert answer.status == 201, answer
    return answer


def status_codes(answers: Sequence[ServerResponse]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def etag_of(client: ApiConnection, path: str) -> str:
    return client.send("GET", path).headers["ETag"]


# -- one record ----------------------------------------------------------------------------------------


def increment_note(path: str, times: int) -> Callable[[ApiConnection], list[int]]:
    """Return a function that increments the number in a note so many times, and returns acknowledged revisions."""

    def count(client: ApiConnection) -> list[int]:
        revisions: list[int] = []
        for _ in range(RETRIES):
            read = client.send("GET", path)
            body = {"note": str(int(read.json()["note"]) + 1)}
            written = client.send("PATCH", path, body, **{"If-Match": read.headers["ETag"]})
            assert written.status in {200, 412}, written
            if written.status == 200:
                revisions.append(written.json()["revision"])
            if len(revisions) == times:
                break
        return revisions

    return count


def test_no_update_is_lost(product: ServedProject) -> None:
    client = product.client()
    agency(client, "counted", note="0")
    found = product.run_concurrently([increment_note("agencies/counted/", TIMES)] * CLIENTS)
    last = client.send("GET", "agencies/counted/").json()
    assert (last["note"], last["revision"]) == (str(CLIENTS * TIMES), CLIENTS * TIMES + 1)
    assert sorted(revision for own in found for revision in own) == list(range(2, CLIENTS * TIMES + 2))


def test_one_creates_and_all_others_hear_of_it(product: ServedProject) -> None:
    codes = [f"code-{n:03}" for n in range(25)]

    def create(client: ApiConnection) -> list[ServerResponse]:
        return [client.send("POST", "agencies/", {"slug": code, "name_zh": code}) for code in codes]

    answers = [answer for own in product.run_concurrently([create] * CLIENTS) for answer in own]
    assert status_codes(answers) == {201: 25, 409: 175}
    [(rows,)] = product.database.run("SELECT count(*) FROM policies_agency WHERE substr(slug, 1, 5) = 'code-'")
    [(entries,)] = product.database.run(
        "SELECT count(*) FROM policies_historicalagency WHERE substr(slug, 1, 5) = 'code-'"
    )
    assert (rows, entries) == (25, 25)


# -- two records that belong together --------------------------------------------------------------------


def test_two_moves_that_together_make_a_circle(product: ServedProject) -> None:
    """A under B and B under A at once. One of them is the first policy, whose row locks the whole tree."""
    client = product.client()
    slugs = ["tree-0", "tree-1", "tree-2"]
    for slug in slugs:
        assert client.send("POST", "policies/", policy_body(slug)).status == 201
    for number in range(ROUNDS):
        one, two = slugs[number % 3], slugs[(number + 1) % 3]

        def move(slug: str, parent: str) -> Callable[[ApiConnection], ServerResponse]:
            etag = etag_of(client, f"policies/{slug}/")
            return lambda mover: mover.send("PATCH", f"policies/{slug}/", {"parent": parent}, **{"If-Match": etag})

        answers = product.run_concurrently([move(one, two), move(two, one)])
        assert sorted(answer.status for answer in answers) == [200, 400], [str(answer) for answer in answers]
        for slug in (one, two):
            path = f"policies/{slug}/"
            freed = client.send("PATCH", path, {"parent": None}, **{"If-Match": "*"})
            assert freed.status == 200, freed


def test_a_park_is_put_into_a_city_that_becomes_a_park(product: ServedProject) -> None:
    client = product.client()
    client.send("POST", "policies/", policy_body("notice"))
    batch = {"slug": "batch", "title_zh": "第一批", "announced_on": "2024-01-15", "policy": "notice"}
    assert client.send("POST", "batches/", batch).status == 201
    for number in range(ROUNDS):
        names = [f"city-{number}", f"park-{number}"]
        for name in names:
            fields = {"slug": name, "name_zh": name, "kind": name[:4], "batch": "batch", "province": "home"}
            assert client.send("POST", "pilots/", fields).status == 201
        city, park = names
        answers = product.run_concurrently(
            [
                lambda one, city=city: one.send("PATCH", f"pilots/{city}/", {"kind": "park"}, **{"If-Match": "*"}),
                lambda one, city=city, park=park: one.send(
                    "PATCH", f"pilots/{park}/", {"parent": city}, **{"If-Match": "*"}
                ),
            ]
        )
        assert sorted(answer.status for answer in answers) == [200, 400], [str(answer) for answer in answers]


def policy_body(slug: str) -> dict[str, Any]:
    return {"slug": slug, "title_zh": slug, "issued_on": "2022-06-17"}


def pilot_body(slug: str) -> dict[str, Any]:
    return {"slug": slug, "name_zh": slug, "kind": "city", "batch": "pairs", "province": "home"}


def park_body(slug: str) -> dict[str, Any]:
    return {**pilot_body(f"{slug}-park"), "kind": "park", "parent": slug}


def test_one_deletes_what_another_builds_upon(product: ServedProject) -> None:
    client = product.client()
    client.send("POST", "policies/", policy_body("notice"))
    batch = {"slug": "pairs", "title_zh": "第二批", "announced_on": "2024-01-15", "policy": "notice"}
    client.send("POST", "batches/", batch)
    for number in range(ROUNDS):
        slug = f"base-{number}"
        etag = client.send("POST", "pilots/", pilot_body(slug)).headers["ETag"]
        deleted, created = product.run_concurrently(
            [
                lambda one, slug=slug, etag=etag: one.send("DELETE", f"pilots/{slug}/", **{"If-Match": etag}),
                lambda one, slug=slug: one.send("POST", "pilots/", park_body(slug)),
            ]
        )
        assert (deleted.status, created.status) in {(204, 400), (204, 409), (409, 201)}, f"{deleted} {created}"
        assert client.send("GET", f"pilots/{slug}/").status == (404 if deleted.status == 204 else 200)


# -- many at once ----------------------------------------------------------------------------------------


def test_many_records_sent_in_opposite_order(product: ServedProject) -> None:
    """Two requests with the same records in opposite order: one succeeds, the other gets a conflict."""
    for number in range(ROUNDS):
        slugs = [f"many-{number}-{n}" for n in range(30)]
        new = [{"slug": slug, "name_zh": f"新 {slug}"} for slug in slugs]
        changed = [{"slug": slug, "revision": 1, "note": "Seen"} for slug in slugs]
        for verb, items, statuses in (("POST", new, [201, 409]), ("PATCH", changed, [200, 412])):
            answers = product.run_concurrently(
                [lambda one, verb=verb, sent=sent: one.send(verb, "agencies/", sent) for sent in (items, items[::-1])]
            )
            assert sorted(answer.status for answer in answers) == statuses, [str(answer) for answer in answers]


# -- the same request again ------------------------------------------------------------------------------


def test_the_same_key_from_all_clients_at_once(product: ServedProject) -> None:
    for number in range(ROUNDS):
        body = {"slug": f"once-{number}", "name_zh": f"一次 {number}"}
        key = {"Idempotency-Key": f"key-{number}"}
        answers = product.run_concurrently(
            [lambda one, body=body, key=key: one.send("POST", "agencies/", body, **key)] * CLIENTS
        )
        told = {
            (answer.status, answer.content, answer.headers["ETag"], answer.headers["Location"]) for answer in answers
        }
        assert len(told) == 1, [str(answer) for answer in answers]
        assert answers[0].status == 201
        assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1


def test_killed_between_its_work_and_its_answer(product: ServedProject) -> None:
    """The client never learns what became of it, sends it again, and there is one record with one entry."""
    body, key = {"slug": "killed", "name_zh": "终"}, {"Idempotency-Key": "killed"}
    with pytest.raises((ConnectionError, OSError)):
        product.client().send("POST", "agencies/", body, **key, **{"X-Die": "now"})
    wait_until_ended(product)
    product.start()
    again = product.client().send("POST", "agencies/", body, **key)
    assert (again.status, again.headers["Idempotent-Replayed"]) == (201, "true"), again
    assert product.database.run("SELECT count(*) FROM policies_historicalagency WHERE slug = 'killed'") == [(1,)]
