"""Undocumented API of Django and of other packages that the code depends on, each with a test of what it relies on.

docs/architecture.md lists them with the reason. A failure here after an upgrade says where to look first.
"""

import ast
import inspect
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import NestedObjects, quote
from django.contrib.auth import get_user
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.core.files.storage import FileSystemStorage
from django.db import models, router
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.state import ProjectState
from django.forms.utils import ErrorDict
from django.http import HttpResponse
from django.test import RequestFactory
from drf_spectacular.openapi import AutoSchema
from gunicorn.glogging import Logger
from rest_framework.request import Request

from policies.models import Province

ROOT = Path(__file__).parent.parent
PACKAGES = ("config", "dashboard", "pilots", "accounts", "policies", "core")
DOCUMENTED = {
    *("_meta", "_state", "_base_manager", "_default_manager"),  # Django
    *("_fields", "_replace", "_value_"),  # namedtuple, Enum
    *("_change_reason", "_history_user", "_history_date"),  # django-simple-history
}


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


# -- the list is complete --------------------------------------------------------------------------------


def private_names() -> set[str]:
    """Names with one leading underscore that the packages use or override and do not define for themselves."""
    used, defined, assigned = defaultdict(set), defaultdict(set), set()
    for folder in PACKAGES:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute):
                    used[node.attr].add(path)
                    if isinstance(node.ctx, ast.Store) and getattr(node.value, "id", "") == "self":
                        assigned.add(node.attr)
                elif isinstance(node, ast.ClassDef):
                    for item in node.body:
                        if isinstance(item, ast.FunctionDef):
                            defined[item.name].add(node.name)
    overridden = {name for name in defined if name not in used}  # called by the library only
    overridden |= {
        name for name in defined if any(hasattr(base, name) for base in (ModelAdmin, forms.ModelForm, AutoSchema))
    }
    names = {name for name in used if name not in defined and name not in assigned} | overridden
    return {name for name in names if re.match(r"_[a-z]", name)} - DOCUMENTED


def test_the_document_lists_every_private_name_that_is_used() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").partition("does not promise")[2]
    assert {name for name in private_names() if f"`{name}`" not in text} == set()


def test_the_document_names_a_test_of_this_module_in_each_row() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").partition("does not promise")[2]
    rows = [line for line in text.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    assert len(rows) > 5
    assert [row for row in rows if not any(name in globals() for name in re.findall(r"`(test_\w+)`", row))] == []


# -- Django: admin and forms -----------------------------------------------------------------------------


def test_errors_of_a_form_are_an_error_dict_in_underscore_errors() -> None:
    """A form that fills both by itself is bound, checked and never validated again."""
    form = forms.Form({})
    form._errors, form.cleaned_data = ErrorDict(), {}
    form.add_error(None, "wrong")
    assert not form.is_valid()
    assert form.non_field_errors() == ["wrong"]


@pytest.mark.django_db
def test_helpers_of_the_admin() -> None:
    group = Group.objects.create(name="g")
    collector = NestedObjects(using=router.db_for_write(Group), origin=[group])
    collector.collect([group])
    assert collector.nested() == [group]
    assert collector.protected == set()
    assert quote("a/b_c") == "a_2Fb_5Fc"


# -- Django: models and database -------------------------------------------------------------------------


@pytest.mark.django_db
def test_fields_cache_holds_the_related_record_under_the_field_s_name() -> None:
    permission = Permission.objects.select_related("content_type").first()
    assert permission is not None
    kind = permission._state.fields_cache["content_type"]
    fresh = Permission.objects.get(pk=permission.pk)
    assert "content_type" not in fresh._state.fields_cache
    fresh._state.fields_cache["content_type"] = kind
    assert fresh.content_type is kind


@pytest.mark.django_db
def test_prefetch_related_calls_get_prefetch_querysets_of_any_attribute(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    class Extra:
        def is_cached(self, record: Any) -> bool:
            return "extra" in vars(record)

        def get_prefetch_querysets(self, instances: Any, querysets: Any = None) -> tuple[Any, ...]:
            seen.append(([record.pk for record in instances], querysets))
            return [], lambda record: record.pk, lambda record: record.pk, True, "extra_cache", False

    monkeypatch.setattr(Group, "watched", Extra(), raising=False)
    made = Group.objects.create(name="g")
    models.prefetch_related_objects([made], "watched")
    assert seen == [([made.pk], None)]


@pytest.mark.django_db
def test_raw_delete_deletes_without_signals_and_relations() -> None:
    group, heard = Group.objects.create(name="g"), []
    models.signals.pre_delete.connect(lambda **found: heard.append(found), sender=Group, weak=False, dispatch_uid="raw")
    try:
        assert Group.objects.filter(pk=group.pk)._raw_delete("default") == 1
    finally:
        models.signals.pre_delete.disconnect(sender=Group, dispatch_uid="raw")
    assert (heard, Group.objects.count()) == ([], 0)


@pytest.mark.django_db
def test_a_query_tells_its_sql() -> None:
    sql, values = Group.objects.filter(name="g").query.sql_with_params()
    assert ("SELECT" in sql, values) == (True, ("g",))


# -- Django: requests ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_user_of_a_request_is_cached_on_it_once_asked_for(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.session = {}  # type: ignore[assignment]
    AuthenticationMiddleware(lambda _: HttpResponse()).process_request(request)
    assert not hasattr(request, "_cached_user")
    assert not request.user.is_authenticated
    assert isinstance(request._cached_user, AnonymousUser)
    assert isinstance(get_user(request), AnonymousUser)


def test_the_body_of_a_request_is_kept_in_underscore_body(rf: RequestFactory) -> None:
    request = rf.post("/", b"abc", content_type="text/plain")
    assert not hasattr(request, "_body")
    request._body = b"xyz"
    assert request.body == b"xyz"


# -- REST framework, OpenAPI -----------------------------------------------------------------------------


def test_a_drf_request_holds_django_s(rf: RequestFactory) -> None:
    plain = rf.get("/")
    assert Request(plain)._request is plain


def test_the_steps_of_auto_schema_that_are_overridden() -> None:
    wanted = {
        "_is_list_view": ["self", "serializer"],
        "_get_request_body": ["self", "direction"],
        "_get_response_bodies": ["self", "direction"],
        "_get_serializer_field_meta": ["self", "field", "direction"],
        "_map_serializer": ["self", "serializer", "direction", "bypass_extensions"],
    }
    assert {name: parameters(getattr(AutoSchema, name)) for name in wanted} == wanted


# -- migrations ------------------------------------------------------------------------------------------


def test_the_autodetector_deconstructs_fields_deeply_and_adds_operations_one_by_one() -> None:
    field = models.CharField(max_length=9, help_text="x")
    autodetector = MigrationAutodetector(ProjectState(), ProjectState())
    assert autodetector.deep_deconstruct(field) == (
        "django.db.models.CharField",
        [],
        {"max_length": 9, "help_text": "x"},
    )
    assert parameters(MigrationAutodetector.add_operation)[:3] == ["self", "app_label", "operation"]


# -- history ---------------------------------------------------------------------------------------------


def test_a_history_knows_the_lists_it_keeps() -> None:
    assert isinstance(Province.history.model._history_m2m_fields, list | tuple)


# -- gunicorn --------------------------------------------------------------------------------------------


def test_gunicorn_s_logger_is_handed_the_response_of_each_request() -> None:
    assert parameters(Logger.access)[:2] == ["self", "resp"]


# -- storage ---------------------------------------------------------------------------------------------


def test_a_storage_saves_a_file_by_underscore_save() -> None:
    assert parameters(FileSystemStorage._save) == ["self", "name", "content"]
