"""How the examples of the API's description come about: exchanges with the shipped records, written down once.

`WRITE_EXAMPLES=1 pytest tests/config/test_examples.py` writes docs/examples/*.json anew; without it they are compared.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from django.test import Client

from config.openapi.examples import EDIT
from config.tokens import make_token

HOST, SHOWN = "http://testserver", "https://tracker.example.gov.cn"
DAY = "2026-06-30"
PLAN = "synergy-implementation-plan-2022"
Answer = Any

# What is read: of lists one row, of aggregates few fields, all on one day.
READ = {
    "root": "",
    "overview": f"overview/?as_of={DAY}&fields=as_of,rollout,days_left",
    "rollout": f"rollout/?policy={PLAN}&as_of=2024-01-30&fields=policy,as_of,roster,issued,share,dated,median_lag_days",
    "coverage": f"coverage/?as_of={DAY}&fields=as_of,pilots,naming,roster,covered,priorities,gaps",
    "progress": f"progress/?pilot=huzhou&as_of={DAY}&fields=as_of,pilots,strip,reported",
    "synergy": f"synergy/?year=2025&kind=city&as_of={DAY}&fields=as_of,year,n,of,missing,totals&province=zhejiang",
    "trend": f"trend/?indicator=CO2_TOT&kind=city&as_of={DAY}",
    "changes": "changes/?resource=pilots&page_size=1",
}
# None of these are shipped: what a pilot of the list might send.
MADE: dict[str, dict[str, Any]] = {
    "milestones": {
        "pilot": "huzhou",
        "facet": "management",
        "title_zh": "建立减污降碳协同管理工作机制",
        "title_en": "Set up the working mechanism for joint reduction",
        "planned_on": "2025-06-30",
        "completed_on": "2025-06-12",
        "is_key": True,
    },
    "readings": {
        "pilot": "huzhou",
        "indicator": "ENE_NFF",
        "period": "2025",
        "value": 21.4,
        "value_status": "preliminary",
        "reported_on": "2026-02-27",
    },
}
TODAY = ("days_in_stage", "light")  # what a write tells of today, and an example of its day


class Program:
    """A client with a token that may write."""

    def __init__(self, user: Any) -> None:
        self.client, self.secret = Client(), make_token(user=user, name="examples", may_write=True)[1]

    def send(self, method: str, address: str, body: Any = None, **headers: str) -> Answer:
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"authorization": f"Bearer {self.secret}", "x-request-id": "example", **headers}
        return self.client.generic(method, f"/api/{address}", content, content_type="application/json", headers=headers)

    def read(self, address: str) -> Any:
        return shown(self.send("GET", f"v1/{address}"))


def shown(response: Answer) -> Any:
    """The body of an answer as an example has it."""
    return json.loads(response.content.decode().replace(HOST, SHOWN))


def entry_of(view: Any, record: dict[str, Any]) -> dict[str, Any]:
    """What somebody enters who records it: related records by their codes, nothing where nothing is known."""
    names = [name for name in view.entry().fields if name != "change_reason"]
    return {name: coded(record[name]) for name in names if record.get(name) not in (None, [])}


def coded(value: Any) -> Any:
    """A related record by its code alone."""
    if isinstance(value, list):
        return [coded(item) for item in value]
    if isinstance(value, dict) and "url" in value:
        return next(value[key] for key in ("slug", "code", "id") if key in value)
    if isinstance(value, dict) and "code" in value:
        return value["code"]
    return value


def answers(program: Program, resources: dict[str, Any]) -> dict[str, Any]:
    """What docs/examples/answers.json holds."""
    found: dict[str, Any] = {}
    for name, view in resources.items():
        if name in MADE:
            record, entry = shown(program.send("POST", f"v1/{name}/", MADE[name])), MADE[name]
        else:
            record = program.read(f"{name}/{view.sample}/?as_of={DAY}")
            entry = entry_of(view, record)
        found[name] = {"record": record, "entry": entry, "list": exchange(program, f"{name}/?as_of={DAY}&page_size=1")}
    for name, address in READ.items():
        found[name] = {"retrieve": exchange(program, address)}
    return settled(found)


def exchange(program: Program, address: str) -> dict[str, Any]:
    return {"request": f"GET /api/v1/{address}", "answer": program.read(address)}


def settled(found: dict[str, Any]) -> dict[str, Any]:
    """The same whenever it is made: numbers of new records, moments and places in the line of changes are fixed."""
    change = found["changes"]["retrieve"]["answer"]
    change["next_cursor"] = "Yy4wLjE"
    change["results"][0] |= {"at": "2026-07-01T02:00:00Z", "id": 1}
    for name in MADE:
        text = json.dumps(found[name])
        number = found[name]["record"]["id"]
        text = re.sub(rf'"id": {number}\b', '"id": 1', text).replace(f"/{name}/{number}/", f"/{name}/1/")
        found[name] = json.loads(text)
    return found


# -- refusals --------------------------------------------------------------------------------------------------


def refusals(program: Program) -> Iterator[tuple[str, Answer]]:
    """Requests that need nothing but themselves, as they are written down, with what they get."""
    agency, match = "v1/agencies/mee/", {"if-match": '"1-read-before"'}
    again = {"idempotency-key": "monthly-1", "if-match": '"1-x"'}
    yield "GET /api/v1/pilots/?provnce=zhejiang", program.send("GET", "v1/pilots/?provnce=zhejiang")
    body = {"status": "isued", "issued_on": "June 2022", "titel": "x"}
    yield "PATCH /api/v1/plans/1/", program.send("PATCH", "v1/plans/1/", body, **match)
    yield "GET /api/v1/pilots/", program.send("GET", "v1/pilots/", authorization="Bearer spt_mistyped")
    yield "GET /api/v1/pilots/huzou/", program.send("GET", "v1/pilots/huzou/")
    yield "POST /api/v1/overview/", program.send("POST", "v1/overview/", {})
    yield "GET /api/v1/pilots/", program.send("GET", "v1/pilots/", accept="image/png")
    body = {"slug": "mee", "name_zh": "某部", "name_en": "A ministry"}
    yield "POST /api/v1/agencies/", program.send("POST", "v1/agencies/", body)
    yield f"DELETE /api/{agency}", program.send("DELETE", agency, **match)
    program.send("PATCH", agency, EDIT, **match)
    yield f"PATCH /api/{agency}", program.send("PATCH", agency, {"note": "Newer"}, **match)
    yield "POST /api/v1/agencies/", program.send("POST", "v1/agencies/", {"note": "x" * 2_700_000})
    yield "GET /api/v1/pilots/?q=…", program.send("GET", "v1/pilots/?q=" + "x" * 5_000)
    plain = program.client.post("/api/v1/agencies/", "slug=x", content_type="text/plain", headers=said(program))
    yield "POST /api/v1/agencies/", plain
    program.send("PATCH", agency, {"note": "Newer"}, **again)
    yield f"PATCH /api/{agency}", program.send("PATCH", agency, {"note": "Another"}, **again)
    yield f"PATCH /api/{agency}", program.send("PATCH", agency, {"note": "Newer"})


def said(program: Program) -> dict[str, str]:
    return {"authorization": f"Bearer {program.secret}", "x-request-id": "example"}
