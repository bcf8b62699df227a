"""Fixtures of core tests: the project behind real workers, started once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.live_server import ServedProject, migrated_database, run_command, serve_project


@pytest.fixture(scope="session")
def product(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[ServedProject]:
    """Yield the served project. It has its own database, where a test makes its records under unique names."""
    with (
        django_db_blocker.unblock(),
        serve_project(tmp_path_factory.mktemp("served")) as found,
    ):
        yield found


@pytest.fixture(scope="session")
def home(tmp_path_factory: Any) -> Path:
    """Return the folder of a served project."""
    folder: Path = tmp_path_factory.mktemp("home")
    return folder


@pytest.fixture(scope="session")
def url(home: Path, django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """Yield the URL of a migrated, empty database for a served project."""
    with django_db_blocker.unblock(), migrated_database(home) as database:
        yield database.url


@pytest.fixture(scope="session")
def token(home: Path, url: str) -> str:
    """Return the token of a user there with all permissions."""
    make = (
        "import django; django.setup()\n"
        "from django.contrib.auth.models import User\n"
        "from accounts.models import create_token\n"
        "print(create_token(user=User.objects.create_superuser('writer'), name='socket', may_write=True)[1])"
    )
    return run_command(home, url, "-c", make).strip()
