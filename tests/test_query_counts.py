"""Queries of every list, page and file: as many for three records of each kind as for one, and no more than allowed.

The numbers are upper bounds: a query that is saved needs no change here, one more has to be wanted.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import create_token
from core.days import today
from core.imports.files import dry_run_of_file, export_response
from core.imports.importer import KINDS
from pilots.metrics import Move
from pilots.models import Attachment, LightOverride, Pilot
from policies.models import Figure, Measure
from tests import factories as make
from tests.support.api_client import make_user
from tests.support.databases import kept_between_tests
from tests.support.demo_data import delete_seed_records
from tests.support.imports import checked_import

pytestmark = pytest.mark.django_db
SIZES = (1, 3)
DAY = date(2026, 3, 1)
CLOSED = ((Move.SIGN, date(2026, 1, 5)), (Move.REPORT, date(2026, 1, 6)), (Move.VERIFY, date(2026, 1, 7)))

PAGES = {
    "/": 50,
    "/policies/": 12,
    "/policies/p/": 21,
    "/provinces/": 17,
    "/provinces/p/": 39,
    "/industries/": 17,
    "/industries/i/": 37,
    "/batches/": 11,
    "/batches/b/": 38,
    "/compare/?a=p-0&q=needle": 22,
    "/pilots/": 25,
    "/pilots/p-0/": 55,
    "/synergy/": 21,
    "/data/": 36,
    "/trends/": 11,
    "/actions/": 12,
    "/actions/{action}/": 13,
    "/practices/": 15,
    "/practices/practice-0/": 26,
    "/search/?q=needle": 27,
    "/brief/nation/": 39,
    "/brief/batch/b/": 34,
    "/brief/province/p/": 35,
    "/brief/pilot/p-0/": 21,
    "/editions/": 4,
    "/documents/": 8,
    "/documents/{document}/": 7,
    "/desk/": 42,
    "/tokens/": 9,
}
FILES = {
    "/pilots/?export=ics": 11,
    "/data/?export=sources.csv": 10,
    "/data/?export=page.xlsx": 13,
    "/pilots/?export=pilots.xlsx": 22,
    "/industries/?export=measures.csv": 14,
    "/policies/p/?export=measures.csv": 13,
    "/industries/i/?export=measures.csv": 19,
    "/search/?q=needle&export=hits.csv": 24,
    "/api/v1/provinces/?format=csv": 4,
}
API = {
    3: ["followup/"],
    4: [
        "agencies/",
        "sources/",
        "amendments/",
        "completions/",
        "deadlines/",
        "indicators/",
        "documents/",
        "attachments/",
        "editions/",
        "readings/?cursor=first",
    ],
    5: [
        "provinces/",
        "plans/",
        "figures/",
        "readings/",
        "effects/",
        "changes/",
        "trend/?indicator=AIR_SO2",
        "industries/",
        "stages/",
        "adoptions/",
        "actions/",
    ],
    6: ["policies/", "targets/", "rollout/?policy=p", "pilots/", "pilots/?light=red"],
    7: ["measures/", "actions/{action}/steps/"],
    8: ["batches/", "milestones/", "practices/"],
    13: ["coverage/"],
    26: ["progress/"],
    29: ["overview/"],
}
ADMIN = {
    6: ["import/"],
    7: [
        *("auth/group/", "policies/province/", "policies/agency/", "import/{import}/"),
        *("policies/industry/", "accounts/token/"),
        *("pilots/indicator/", "dashboard/edition/", "policies/provincialplan/deleted/"),
    ],
    8: [
        *("core/seedrecord/", "policies/figure/", "pilots/document/"),
        *("pilots/amendment/", "pilots/completion/", "pilots/lightoverride/"),
        "policies/policy/{policy}/history/",
    ],
    9: [
        *("policies/source/", "policies/measure/", "auth/user/", "pilots/target/", "pilots/milestone/"),
        "import/plans/export.csv",
    ],
    10: [
        *("axes/accessattempt/", "axes/accesslog/", "axes/accessfailurelog/", "policies/provincialplan/"),
        *("pilots/stageentry/", "pilots/batch/", "pilots/pilot/", "dashboard/workingday/"),
        *("pilots/deadline/", "pilots/notgiven/"),
    ],
    11: ["policies/policy/", "pilots/followup/", "pilots/adoption/", "pilots/effect/"],
    12: ["pilots/reading/", "pilots/practice/", "changes/"],
    15: ["import/plans/template/"],
    17: ["import/plans/export.xlsx"],
    21: ["pilots/pilot/{pilot}/change/"],
    51: ["quality/"],
}
IMPORTS = {
    7: ["plans", "readings", "milestones"],
    8: ["follow-ups", "targets", "stages"],
    9: ["adoptions", "effects"],
    11: ["policies"],
    14: ["pilots", "practices"],
}
BUDGETS = {
    **PAGES,
    **FILES,
    **{f"/api/v1/{address}": queries for queries, addresses in API.items() for address in addresses},
    **{f"import {kind}": queries for queries, kinds in IMPORTS.items() for kind in kinds},
    **{f"/admin/{address}": queries for queries, addresses in ADMIN.items() for address in addresses},
}


class GrowingWorld:
    """A policy, province, batch, industry, pilot and practice, to which each round adds one of everything."""

    def __init__(self) -> None:
        self.boss = User.objects.create_superuser("boss")
        self.policy, self.batch = make.policy(slug="p", title_en="needle p"), make.batch(slug="b", title_en="needle b")
        self.province = make.province(slug="p", name_en="needle")
        self.industry = make.industry(slug="i", name_en="needle i")
        self.so2, self.carbon = make.indicator("AIR_SO2"), make.carbon()
        self.rounds, self.follow_ups, self.imports, self.documents = 0, [], [], []

    def grow(self) -> None:
        n, self.rounds = self.rounds, self.rounds + 1
        source, agency = make.source(title=f"needle {n}"), make.agency(name_en=f"needle {n}")
        province, industry = make.province(name_en=f"needle {n}"), make.industry(name_en=f"needle {n}")
        policy = make.policy(parent=self.policy, title_en=f"needle {n}", calls_for_provincial_plan=False)
        policy.agencies.add(agency)
        plan = make.plan(self.policy, province)
        figure = {"name_zh": f"数字{n}", "value": 1, "unit": "%", "kind": "count"}
        Figure.objects.create(slug=f"f-{n}", province=self.province, **figure)
        measure = Measure.objects.create(slug=f"m-{n}", title_zh=f"措施{n}", title_en=f"needle {n}", field="industry")
        measure.policies.add(self.policy)
        measure.industries.add(self.industry, industry)
        batch = make.batch(announced_on=date(2024, 1, 16 + n), level="provincial", province=province)
        batch.industries_announced.add(industry)
        pilot = make.pilot(self.batch, self.province, self.industry, slug=f"p-{n}", name_en=f"needle {n}")
        copier = make.pilot(batch, province, industry, name_en=f"needle copy {n}", kind="park", parent=pilot)
        readings = [reading for place in (pilot, copier) for reading in self.facts(place)]
        practice = make.practice(
            pilot,
            slug=f"practice-{n}",
            title_en=f"needle {n}",
            province=self.province,
            library_on=date(2025, 3, 1),
        )
        practice.industries.add(self.industry, industry)
        elsewhere = make.practice(copier, title_en=f"needle {n}", library_on=date(2025, 3, 1))  # for the pilot to copy
        elsewhere.industries.add(self.industry)
        make.effect(elsewhere)
        adoption = make.adoption(practice, copier)
        make.effect(practice)
        make.effect(practice, adoption=adoption)
        cause = {"cause": "pilot", "cause_colour": "red"}
        times = {"opened_on": date(2026, 1, 1), "due_on": date(2026, 1, 6)}
        follow_ups = [make.follow_up(pilot, *CLOSED, **cause, **times), make.follow_up(pilot, **cause, **times)]
        self.follow_ups += follow_ups
        for record in (plan, policy, measure, batch, pilot, copier, practice, adoption, *follow_ups, *readings):
            record.sources.add(source)
        make.plan(make.policy(calls_for_provincial_plan=False), province).delete()
        self.documents.append(make.document(is_public=True, province=self.province))
        Attachment.objects.create(document=self.documents[0], reading=readings[0])
        Attachment.objects.create(document=self.documents[-1], reading=readings[-1])
        make.edition(f"202{n}-Q1")
        make_user(f"user-{n}", "provincial_editor", province)
        create_token(user=self.boss, name=f"t-{n}")
        self.imports.append(
            checked_import(
                "policies",
                ["code", "title in Chinese", "level", "issued on"],
                [f"new-{n}", f"新{n}", "national", "2023-01-01"],
                by=self.boss,
            )
        )

    @property
    def words(self) -> dict[str, Any]:
        action = self.follow_ups[0]
        return {
            "action": action.number,
            "pilot": Pilot.objects.get(slug="p-0").pk,
            "policy": self.policy.pk,
            "import": self.imports[0].pk,
            "document": self.documents[0].pk,
        }

    def facts(self, pilot: Pilot) -> list[Any]:
        """Make stages, a red milestone, targets with a step, and readings; return these."""
        make.stage(pilot, "listed", date(2024, 1, 15))
        milestone = make.milestone(pilot, date(2025, 6, 1), is_key=True, title_en="needle")
        make.amendment(milestone, day=date(2027, 1, 1))
        done = make.milestone(pilot, date(2025, 6, 1), title_en="needle")
        make.completion(done, date(2025, 6, 1), entered_on=date(2025, 9, 1))  # told beside the light
        make.deadline(pilot, 2025, date(2026, 6, 30))
        make.not_given(pilot, self.so2, 2024, accepted_on=DAY)
        days = {"set_on": DAY, "expires_on": today() + timedelta(1)}
        LightOverride.objects.create(pilot=pilot, colour="red", reason="Late", author=self.boss, **days)
        found = []
        for indicator in (self.so2, self.carbon):
            target = make.add_step(make.target(pilot, indicator, 100, 70), 2025, 90)
            make.amendment(target, value=75, accepted=True, asked_on=DAY, decided_on=DAY)
            found += [make.reading(pilot, indicator, year, value) for year, value in (("2023", 100), ("2025", 95))]
        return found


@pytest.fixture(scope="module")
def counted(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, list[int]]]:
    """Count the queries of every address with one of everything, and with three."""
    found: dict[str, list[int]] = {address: [] for address in BUDGETS}
    with kept_between_tests(django_db_blocker):
        delete_seed_records()
        ContentType.objects.get_for_models(*apps.get_models())  # a process looks each up once
        world = GrowingWorld()
        for size in SIZES:
            while world.rounds < size:
                world.grow()
            for address in BUDGETS:
                found[address].append(count_queries(world, address))
        yield found


def count_queries(world: GrowingWorld, address: str) -> int:
    """Count those of a page, 0 where there is none, or of the dry run of a kind's own export."""
    make.agency()  # a write, so that nothing comes from a cache
    if kind := KINDS.get(address.removeprefix("import ")):
        content = b"".join(export_response(kind, kind.export_queryset().order_by("pk"), "csv", stem="x"))
        with CaptureQueriesContext(connection) as queries:
            assert dry_run_of_file(kind, "x.csv", content, by=world.boss).errors == []
        return len(queries)
    client = Client()
    if address.startswith(("/admin/", "/tokens/", "/desk/", "/documents/")):
        client.force_login(world.boss)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address.format(**world.words))
        shown = answer.status_code == 200 and bool(answer.getvalue())
    return len(queries) if shown else 0


@pytest.mark.parametrize("address", BUDGETS)
def test_queries_do_not_grow(counted: dict[str, list[int]], address: str) -> None:
    one, three = counted[address]
    assert 0 < one == three <= BUDGETS[address]
