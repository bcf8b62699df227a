"""Client generated from the OpenAPI schema: generation, import, and use."""

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.models import User

from accounts.models import create_token
from core.api.views import render_schema
from core.seed.loader import load_seed
from pilots.seed import SEED_FILES

pytestmark = pytest.mark.process

NAME = "tracker_client"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Generate the client, without a network and without formatting tools."""
    place = tmp_path_factory.mktemp("client")
    (place / "schema.json").write_bytes(render_schema("json", "public"))
    (place / "config.yml").write_text("post_hooks: []\n")
    words = ["--path", "schema.json", "--output-path", NAME, "--meta", "none", "--config", "config.yml"]
    maker = str(Path(sys.executable).parent / "openapi-python-client")
    done = subprocess.run(  # noqa: S603
        [maker, "generate", "--fail-on-warning", *words], cwd=place, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    sys.path.insert(0, str(place))
    for part in ("models", "types"):
        importlib.import_module(f"{NAME}.{part}")
    yield importlib.import_module(NAME)
    sys.path.remove(str(place))
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


def test_every_module_imports(client: ModuleType) -> None:
    names = [module.name for module in pkgutil.walk_packages(client.__path__, f"{NAME}.")]
    for name in names:
        importlib.import_module(name)
    assert f"{NAME}.api.plans.plans_bulk_partial_update" in names


def test_two_fields_of_one_model_are_typed(client: ModuleType) -> None:
    plan = client.models.Plan  # type: ignore[attr-defined]
    types = {field.name: field.type for field in plan.__attrs_attrs__}
    assert (types["id"], types["status"], types["province"]) == ("int", "PlanStatus", "Link")
    assert types["issued_on"] == "datetime.date | None"


@pytest.mark.django_db(transaction=True)
def test_it_reads_and_writes(client: ModuleType, live_server: Any) -> None:
    load_seed(SEED_FILES)
    secret = create_token(user=User.objects.create_superuser("officer"), name="client", may_write=True)[1]
    models = client.models  # type: ignore[attr-defined]

    def call(name: str, *args: Any, who: Any, **more: Any) -> Any:
        tag = name.partition("_")[0]
        module = importlib.import_module(f"{NAME}.api.{tag}.{name}")
        return module.sync_detailed(*args, client=who, **more)

    base = {"base_url": live_server.url}
    with client.Client(**base) as reader, client.AuthenticatedClient(**base, token=secret) as officer:  # type: ignore[attr-defined]
        assert_reads(call, models, reader)
        assert_writes(call, models, officer)


def assert_reads(call: Any, models: Any, reader: Any) -> None:
    listed = call("pilots_list", who=reader, kind=models.PilotsListKind.PARK, page_size=5, ordering="slug,-id").parsed
    assert isinstance(listed, models.PilotList)
    assert (listed.count, len(listed.results)) == (18, 5)
    first = listed.results[0]
    assert isinstance(first, models.Pilot)
    assert (first.kind, type(first.batch), first.batch.slug) == (models.PilotKind.PARK, models.Link, "national-batch-1")
    one = call("pilots_retrieve", "huzhou", who=reader)
    assert (one.parsed.name, one.headers["ETag"][:3]) == ("Huzhou", '"1-')
    rollout = call("rollout_retrieve", who=reader, policy="synergy-implementation-plan-2022").parsed
    assert (type(rollout), rollout.roster, len(rollout.provinces)) == (models.Rollout, 32, 32)


def assert_writes(call: Any, models: Any, officer: Any) -> None:
    entry = models.AgencyEntry(slug="trial-office", name_zh="测试局", name_en="Trial Office")
    made = call("agencies_create", who=officer, body=entry, idempotency_key="once")
    assert (made.status_code, type(made.parsed), made.parsed.revision) == (201, models.Agency, 1)
    edit = models.AgencyEdit(note="Founded in 2026", change_reason="Named in a notice")
    changed = call("agencies_partial_update", "trial-office", who=officer, body=edit, if_match=made.headers["ETag"])
    assert (changed.status_code, changed.parsed.note, changed.parsed.revision) == (200, "Founded in 2026", 2)
    stale = call("agencies_partial_update", "trial-office", who=officer, body=edit, if_match=made.headers["ETag"])
    assert (stale.status_code, type(stale.parsed), stale.parsed.status) == (412, models.Problem, 412)
    assert [(fault.pointer, fault.code) for fault in stale.parsed.errors] == [("If-Match", "stale")]
    many = [
        models.AgencyBulkEdit(slug="trial-office", revision=2, note=None),
        models.AgencyBulkEdit("mee", 1, note="x"),
    ]
    both = call("agencies_bulk_partial_update", who=officer, body=many)
    assert [(row.slug, row.revision) for row in both.parsed] == [("trial-office", 3), ("mee", 2)]
    gone = call("agencies_destroy", "trial-office", who=officer, if_match=f'"{both.parsed[0].revision}-"')
    assert (gone.status_code, gone.parsed) == (204, None)
