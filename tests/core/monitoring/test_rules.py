"""Alert rules and the Grafana board: they name metrics that exist."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.django_db(databases="__all__")
FOLDER = settings.BASE_DIR / "deploy" / "monitoring"
LABELS = {"instance", "job", "le", "route", "area", "status", "result", "source"}


def alerts() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return list(group["rules"])


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in alerts())
    board = json.loads((FOLDER / "grafana.json").read_text())
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (item["query"]["query"] for item in board["templating"]["list"] if item["type"] == "query")


def test_every_metric_of_rules_and_board_exists(client: Client) -> None:
    client.get("/robots.txt")
    client.get("/about/")
    families = list(text_string_to_metric_families(client.get("/metrics").content.decode()))
    samples = {name for family in families for name in (family.name, *(sample.name for sample in family.samples))}
    counters = {f"{family.name}_total" for family in families if family.type == "counter"}
    named = {name for text in expressions() for name in re.findall(r"\btracker_\w+", text)}
    assert named - samples - counters == set()
    gauges = {family.name for family in families if family.type == "gauge"}
    assert gauges - named == set(), "shown nowhere"


def test_rules_say_what_to_do() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert len(set(names)) == len(names)
    for rule in alerts():
        assert re.fullmatch(r"Tracker[A-Za-z]+", rule["alert"])
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert len(rule["annotations"]["summary"]) > 40
