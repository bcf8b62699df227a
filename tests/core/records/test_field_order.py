"""The order of fields, which files of imports and messages of the API follow: the code comes before the names."""

import pytest

from pilots.models import Batch, Pilot
from policies.models import Agency, Policy


@pytest.mark.parametrize("model", [Agency, Batch, Pilot, Policy])
def test_the_code_is_the_first_field_after_the_key(model: type[Pilot]) -> None:
    assert [field.name for field in model._meta.fields][:2] == ["id", "slug"]
