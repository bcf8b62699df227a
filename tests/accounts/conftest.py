"""Fixtures of the tests of accounts."""

import pytest

from policies.models import Province
from tests import factories as make


@pytest.fixture
def home(db: None) -> Province:
    return make.province(slug="home", name_en="Home")
