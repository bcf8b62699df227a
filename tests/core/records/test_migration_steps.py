"""Steps of migrations: content types move to another label with their permissions, and are never there twice."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from core.migrations._steps import delete_types, rename_content_type

pytestmark = pytest.mark.django_db
EDITOR: Any = SimpleNamespace(connection=connection)


@pytest.fixture
def shipment() -> ContentType:
    """A content type with a permission that a group has."""
    made = ContentType.objects.create(app_label="policies", model="shipment")
    right = Permission.objects.create(content_type=made, codename="view_shipment", name="Can view shipped record")
    Group.objects.create(name="Readers").permissions.add(right)
    return made


def types() -> list[tuple[int, str, str]]:
    found = ContentType.objects.filter(app_label__in=["policies", "depot"], model__in=["shipment", "parcel"])
    return list(found.values_list("pk", "app_label", "model"))


def test_a_content_type_moves_with_its_permissions_and_back(shipment: ContentType) -> None:
    rename_content_type("policies.shipment", "depot.parcel", apps, EDITOR)
    right = Group.objects.get(name="Readers").permissions.get()
    assert (types(), right.codename) == ([(shipment.pk, "depot", "parcel")], "view_parcel")
    rename_content_type("depot.parcel", "policies.shipment", apps, EDITOR)
    right.refresh_from_db()
    assert (types(), right.codename) == ([(shipment.pk, "policies", "shipment")], "view_shipment")


def test_one_made_while_both_apps_had_the_model_is_deleted(shipment: ContentType) -> None:
    ContentType.objects.create(app_label="depot", model="parcel")
    rename_content_type("policies.shipment", "depot.parcel", apps, EDITOR)
    assert types() == [(shipment.pk, "depot", "parcel")]
    ContentType.objects.create(app_label="policies", model="shipment")
    delete_types(["policies.shipment"], apps, EDITOR)
    assert types() == [(shipment.pk, "depot", "parcel")]


def test_nothing_happens_on_a_new_database() -> None:
    ContentType.objects.create(app_label="depot", model="parcel")
    rename_content_type("policies.shipment", "depot.parcel", apps, EDITOR)
    assert len(types()) == 1
