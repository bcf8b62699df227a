"""Answers kept whole: what pages say, their files and the API, of the shipped records and of the demonstration.

They are in tests/golden/ by address, pages as the words of their main part and the points of their charts, and
compared exactly: a failure says what differs. With UPDATE_SNAPSHOTS=1 the answers of today are written in their place.
"""

import csv
import gzip
import html
import io
import json
import os
import re
from difflib import unified_diff
from pathlib import Path
from typing import Any

from django.test import Client

from tests.support.snapshots import chart_content, plain

GOLDEN = Path(__file__).parents[1] / "golden"
OF_ONE_DATABASE = {"id", "revision", "url", "known", "made_at", "next", "previous", "address", "request_id"}


def without_keys(value: Any) -> Any:
    """JSON without what identifies a row of one database, or a moment."""
    if isinstance(value, dict):
        return {name: without_keys(part) for name, part in value.items() if name not in OF_ONE_DATABASE}
    return [without_keys(part) for part in value] if isinstance(value, list) else value


def words(page: str) -> list[str]:
    main = "<main" + page.partition("<main")[2].partition("</main>")[0]
    drawn = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", main, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "\n", drawn)).split()


def answer(client: Client, address: str) -> list[Any]:
    """Status and content; of a file its rows without the lines about it."""
    response: Any = client.get(address, headers={"accept-language": "en"})
    text, kind = response.getvalue().decode("utf-8-sig"), response["Content-Type"]
    if "json" in kind:
        return [response.status_code, without_keys(json.loads(text))]
    if "csv" in kind:
        rows = csv.reader(io.StringIO(text))
        return [response.status_code, [row for row in rows if not row[0].startswith("#")]]
    charts = (response.context or {}).get("charts") or {}
    return [response.status_code, words(text), {name: drawing(chart) for name, chart in charts.items()}]


def drawing(chart: Any) -> Any:
    return plain(chart_content(chart)["drawing"])


def lines(found: Any) -> list[str]:
    return json.dumps(found, ensure_ascii=False, indent=0).splitlines()


def assert_golden(name: str, client: Client) -> None:
    """Ask for each address of the file again."""
    path = GOLDEN / f"{name}.json.gz"
    kept = json.loads(gzip.decompress(path.read_bytes()))
    found = {address: answer(client, address) for address in kept}
    if os.environ.get("UPDATE_SNAPSHOTS"):
        text = json.dumps(found, ensure_ascii=False)
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
        kept = json.loads(text)
    differing = [address for address in kept if found[address] != kept[address]]
    told = {one: [*unified_diff(lines(kept[one]), lines(found[one]), n=2)][3:30] for one in differing[:10]}
    assert differing == [], json.dumps([*differing, told], ensure_ascii=False, indent=1)
