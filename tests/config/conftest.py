"""What several tests of the house share: the product behind real workers, started once."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.racing import Served, served
from tests.serving import database, run


@pytest.fixture(scope="session")
def product(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Served]:
    """It has a database of its own; a test that needs records makes them there, under names of its own."""
    with django_db_blocker.unblock(), served(f"served_{os.getpid()}", tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture(scope="session")
def home(tmp_path_factory: Any) -> Path:
    """The folder of a served product."""
    folder: Path = tmp_path_factory.mktemp("home")
    return folder


@pytest.fixture(scope="session")
def url(home: Path, django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The address of a migrated, empty database for a served product."""
    with django_db_blocker.unblock(), database(home) as address:
        yield address


@pytest.fixture(scope="session")
def token(home: Path, url: str) -> str:
    """The secret of somebody there who may write anything."""
    make = (
        "import django; django.setup()\n"
        "from django.contrib.auth.models import User\n"
        "from config.tokens import make_token\n"
        "print(make_token(user=User.objects.create_superuser('writer'), name='socket', may_write=True)[1])"
    )
    return run(home, url, "-c", make).strip()
