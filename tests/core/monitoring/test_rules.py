"""Alert rules: they name metrics that exist."""

import re
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.django_db(databases="__all__")
FOLDER = settings.BASE_DIR / "deploy" / "monitoring"


def alerts() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return list(group["rules"])


def test_every_metric_of_the_rules_exists(client: Client) -> None:
    client.get("/robots.txt")
    client.get("/about/")
    families = list(text_string_to_metric_families(client.get("/metrics").content.decode()))
    samples = {name for family in families for name in (family.name, *(sample.name for sample in family.samples))}
    counters = {f"{family.name}_total" for family in families if family.type == "counter"}
    named = {name for rule in alerts() for name in re.findall(r"\b(?:tracker|django)_\w+", rule["expr"])}
    assert named - samples - counters == set()
