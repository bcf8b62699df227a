"""Writable viewset: create, replace, update and delete, one record or many at once, all or nothing.

The same fields can be written as in the admin, by the same rules, with one history entry for each record.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, OperationalError, models, transaction
from django.db.models import Model, ProtectedError
from django.http import HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.routers import Route, SimpleRouter

from core.api import query_params
from core.api.idempotency import run_idempotent
from core.api.parsers import StrictJSONParser
from core.api.serializers import api_url, key_field_name
from core.api.viewsets import RecordViewSet
from core.api.write.fields import is_valid_key
from core.api.write.optimistic_locking import IF_MATCH, annotate_revision, current_revision, parse_if_match
from core.api.write.serializers import (
    INVISIBLE_CATEGORIES,
    ValidatedInput,
    WriteRejected,
    WriteSerializer,
    json_pointer_escape,
    model_errors,
    pointer_label,
    rejection,
    serializer_errors,
    unknown_field_error,
    validate_input,
)
from core.history.diffs import current_state, m2m_fields
from core.history.recording import MAX_REASON, delete_with_history, m2m_referrers, single_history_entry
from core.http.body import read_body
from core.http.conditional_requests import record_etag
from core.http.demo_mode import with_demo_flag
from core.http.errors import BadRequest, ErrorDetail, truncate
from core.http.problems import exception_handler
from core.permissions import OUT_OF_SCOPE, field_permissions, has_object_permission, permission_name
from core.text.joining import label_value

ADD, CHANGE, DELETE = "add", "change", "delete"
ACTION_BY_METHOD = {"POST": ADD, "PUT": CHANGE, "PATCH": CHANGE, "DELETE": DELETE}
MAX_BULK_RECORDS = 1_000
MAX_NAMED_DEPENDENTS = 20  # dependents named in an error
STATUS_PRIORITY = (403, 404, 400, 428, 412, 409)
REASON_HEADER = "X-Change-Reason"
MAX_ATTEMPTS = 3
DEADLOCK_SQLSTATE = "40P01"  # SQLSTATE of PostgreSQL


class WritePermission(BasePermission):
    """Permission class: the model permission for the method. The object permission is checked for each record."""

    def has_permission(self, request: Request, view: Any) -> bool:
        verb = CHANGE if is_record_action(request, view) else ACTION_BY_METHOD.get(request.method or "")
        if verb is None or not hasattr(view, str(request.method).lower()):
            return True  # a read, or a method that this URL does not accept, which gets 405
        if not request.user.is_authenticated:
            return False
        token: Any = request.auth
        if token is not None and not token.may_write:
            self.message = _("This token only reads. Make one that may write.")
            return False
        self.message = _("You have no right to do this. Ask an administrator for the role you need.")
        return bool(request.user.has_perm(permission_name(view.model, verb)))


def is_record_action(request: Request, view: Any) -> bool:
    """Return whether the request is a further action of an existing record (`@action`), which changes it."""
    return request.method == "POST" and bool(view.detail)


class BulkRouter(SimpleRouter):
    """Router that maps every method on the list as well as on a record, for bulk writes; and actions of a record."""

    routes = [
        Route(
            url=r"^{prefix}{trailing_slash}$",
            mapping={
                "get": "list",
                "post": "create",
                "put": "bulk_update",
                "patch": "bulk_partial_update",
                "delete": "bulk_destroy",
            },
            name="{basename}-list",
            detail=False,
            initkwargs={"suffix": "List"},
        ),
        *(route for route in SimpleRouter.routes if route.detail),
    ]


@dataclass(frozen=True)
class RequestItem:
    """Data sent for one record, and its JSON pointer in the body: empty for a request about one record."""

    pointer: str
    data: Mapping[str, Any]


class WritableViewSet(RecordViewSet):
    """Writable viewset of a model. `write_serializer_class` declares how its fields are written."""

    write_serializer_class: ClassVar[type[WriteSerializer]]
    action_serializers: ClassVar[Mapping[str, type[serializers.Serializer]]] = {}  # bodies of further actions
    created_actions: ClassVar[frozenset[str]] = frozenset({"create"})  # writes that answer 201
    bodiless_actions: ClassVar[frozenset[str]] = frozenset()  # writes that may come without a body
    max_bulk_records: ClassVar[int] = MAX_BULK_RECORDS  # for the OpenAPI schema
    example_change: ClassVar[Mapping[str, str]] = {
        "note": "Checked against the gazette.",
        "change_reason": "Yearly check",
    }  # for the OpenAPI schema
    permission_classes = [*RecordViewSet.permission_classes, WritePermission]
    parser_classes = [StrictJSONParser]
    http_method_names = ["get", "head", "options", "post", "put", "patch", "delete"]

    @property
    def model(self) -> Any:
        return self.write_serializer_class.model

    @property
    def key(self) -> str:
        """Field by which a request body identifies a record: slug, code or id."""
        return key_field_name(self.model)

    # -- methods ---------------------------------------------------------------------------------------

    def create(self, request: Request) -> HttpResponse:
        """Create one record, or many sent as an array."""
        return self.run_write(request, self.create_one, 201)

    def update(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Replace one record: fields that are not sent are emptied."""
        return self.run_write(request, self.replace_one, 200)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Update the fields that are sent."""
        return self.run_write(request, self.update_one, 200)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.run_write(request, self.delete_one, 204)

    def bulk_update(self, request: Request) -> HttpResponse:
        return self.update(request)

    def bulk_partial_update(self, request: Request) -> HttpResponse:
        return self.partial_update(request)

    def bulk_destroy(self, request: Request) -> HttpResponse:
        return self.destroy(request)

    def get_renderers(self) -> list[Any]:
        """Render responses of writes as JSON only."""
        return [JSONRenderer()] if self.is_write(self.request) else super().get_renderers()

    def check_parameters(self, request: Request) -> None:
        if self.is_write(request):
            query_params.check_query_params(request, {"lang"})
        else:
            super().check_parameters(request)

    def is_write(self, request: Any) -> bool:
        """Return whether this URL accepts the method as a write; any other method gets 405, whatever else is wrong."""
        return request.method in ACTION_BY_METHOD and hasattr(self, request.method.lower())

    # -- one request -----------------------------------------------------------------------------------

    def run_write(self, request: Request, do: Callable[[Any, RequestItem], Any], status: int) -> HttpResponse:
        """Apply the action to every item in one transaction and return the records as they are then."""
        self.header_reason = change_reason_header(request)

        def work() -> HttpResponse:
            items = self.parse_items(request)
            self.locked = self.lock_rows(items)
            done = self.apply_each(items, do)
            return self.build_response(done, many=any(item.pointer for item in items), status=status)

        def refuse(exc: Exception) -> HttpResponse:
            response = exception_handler(exc, {"request": request})
            assert response is not None, exc  # noqa: S101  # it handles every exception passed here
            return response

        for _try in range(MAX_ATTEMPTS):
            try:
                return run_idempotent(request._request, request.user, work, refuse)  # noqa: SLF001  # DRF wraps Django's request
            except (IntegrityError, OperationalError) as exc:
                if not is_retryable(exc):
                    raise
        raise WriteRejected(409, conflict_error(""))

    def parse_items(self, request: Request) -> list[RequestItem]:
        """Return the items of the body, one for each record. Raises BadRequest for a body of another shape."""
        one = self.detail
        content = read_body(request._request)  # noqa: SLF001  # as above
        if one and request.method in {"DELETE", "POST"} and not content:
            return [RequestItem("", {})]
        if not content:
            raise BadRequest(ErrorDetail("", "invalid_json", _("The request has no body. Send JSON.")))
        body: Any = request.data
        if isinstance(body, Mapping) and (one or request.method == "POST"):
            return [RequestItem("", body)]
        if one or not isinstance(body, list):
            wanted = _("Send one object.") if one else _("Send an array of objects.")
            raise BadRequest(ErrorDetail("", "invalid_shape", wanted))
        if not 1 <= len(body) <= MAX_BULK_RECORDS:
            text = _("Send 1 to %(most)d records at once.") % {"most": MAX_BULK_RECORDS}
            raise BadRequest(ErrorDetail("", "invalid_length", text))
        faults = [
            ErrorDetail(f"/{place}", "invalid_shape", _("Send an object for each record."))
            for place, data in enumerate(body)
            if not isinstance(data, Mapping)
        ]
        if faults:
            raise BadRequest(*faults)
        return [RequestItem(f"/{place}", data) for place, data in enumerate(body)]

    def apply_each(self, items: Sequence[RequestItem], do: Callable[[Any, RequestItem], Any]) -> list[object]:
        """Apply the action to each item; if any is rejected all are, with every error. Raises WriteRejected."""
        done, refusals = [], []
        for item in items:
            try:
                with transaction.atomic():
                    done.append(do(self.target_record(item), item))
            except BadRequest as exc:
                refusals.append(exc)
        if refusals:
            raise merge_errors(refusals)
        return done

    def lock_rows(self, items: Sequence[RequestItem]) -> Mapping[object, object]:
        """Lock and return the records that the items name, by key, until the transaction ends."""
        if self.request.method == "POST" and not self.detail:
            if len(items) > 1:  # two requests that create the same records in another order would deadlock
                kinds = ContentType.objects.select_for_update(no_key=True)
                kinds.filter(app_label=self.model._meta.app_label, model=self.model._meta.model_name).first()
            return {}
        named = [self.item_key(item) for item in items]
        keys = set(named) - {None}
        if len(keys) < len(named) - named.count(None):
            again = (item for place, item in enumerate(items) if named[place] in keys & set(named[:place]))
            raise BadRequest(*(self.error_at(item, self.key, "twice", _("Name each record once.")) for item in again))
        free = self.request.method != "DELETE"  # records that reference these are blocked by a deletion only
        rows = self.model._base_manager.select_for_update(no_key=free).filter(**{f"{self.key}__in": keys})
        return {getattr(row, self.key): row for row in rows.order_by("pk")}

    def item_key(self, item: RequestItem) -> Any:
        """Return the key of the item's record, or None where it names none."""
        if self.detail:
            key = self.kwargs[self.lookup_field]
            return int(key) if self.key == "id" else self.normalise_key(key)
        key = item.data.get(self.key)
        return key if is_valid_key(self.key, key) else None

    def normalise_key(self, key: str) -> str:
        """Return a key from a URL as it is stored."""
        return key

    def target_record(self, item: RequestItem) -> Any:
        """Return the record to write: a new one, or the one named. Raises WriteRejected (404)."""
        if self.request.method == "POST" and not self.detail:
            return self.model()
        record = self.locked.get(self.item_key(item))
        if record is None and not self.detail and item.data.get(self.key) is None:
            raise BadRequest(self.error_at(item, self.key, "required", _("Name the record that is meant.")))
        if record is None:
            at = "" if self.detail else f"{item.pointer}/{self.key}"
            text = _("There is no such record.")
            raise WriteRejected(404, ErrorDetail(at, "not_found", label_value(pointer_label(at), text) if at else text))
        return record

    # -- one record ------------------------------------------------------------------------------------

    def create_one(self, record: Model, item: RequestItem) -> Any:
        return self.write_record(record, item, self.validate_item(record, item, replace=True, whole=True), created=True)

    def replace_one(self, record: Model, item: RequestItem) -> Any:
        self.check_scope(record, CHANGE, item)
        given = self.validate_item(record, item, replace=True, whole=True)
        self.check_revision(record, item)
        return self.write_record(record, item, given, created=False)

    def update_one(self, record: Model, item: RequestItem) -> Any:
        self.check_scope(record, CHANGE, item)
        given = self.validate_item(record, item, replace=False, whole=False)
        self.check_revision(record, item)
        return self.write_record(record, item, given, created=False)

    def delete_one(self, record: Model, item: RequestItem) -> None:
        """Delete a record. Raises WriteRejected (409) where other records depend on it."""
        self.check_scope(record, DELETE, item)
        given = self.validate_item(record, item, replace=False, whole=False)
        self.check_revision(record, item)
        self.check_deletable(record, item)
        try:
            delete_with_history(record, reason=given.reason or self.header_reason)
        except ProtectedError as exc:
            raise WriteRejected(409, *self.dependent_errors(sorted(exc.protected_objects, key=str), item)) from exc

    def validate_item(self, record: Model, item: RequestItem, *, replace: bool, whole: bool) -> ValidatedInput:
        readable = list(self.read_serializer().fields)
        try:
            return validate_input(
                self.write_serializer_class, record, item.data, readable=readable, replace=replace, whole=whole
            )
        except WriteRejected as exc:
            raise prefix_errors(exc, item.pointer) from exc

    def run_service(
        self, service: Callable[[], Any], item: RequestItem, entry: Any = None, status: int | None = None
    ) -> Any:
        """Call a service, whose errors become those of the request, and return what it returns. Raises WriteRejected.

        `entry` is the serializer by whose names fields are reported; `status` is that of an error at no field.
        """
        try:
            return service()
        except ValidationError as exc:
            faults = model_errors(exc, entry or self.write_serializer_class, item.pointer)
            if status is None or hasattr(exc, "error_dict"):
                raise rejection(faults) from exc
            raise WriteRejected(status, *faults) from exc
        except PermissionDenied as exc:
            raise WriteRejected(403, ErrorDetail(item.pointer, "not_yours", str(exc) or str(OUT_OF_SCOPE))) from exc

    def validate_action(self, item: RequestItem) -> Mapping[str, Any]:
        """Return the validated body of a further action. Raises WriteRejected (400) with every error."""
        shape = self.action_serializers[self.action](data=dict(item.data))
        known = list(shape.fields)
        faults = [unknown_field_error(str(name), known) for name in item.data if name not in known]
        if not shape.is_valid():
            faults += list(serializer_errors(shape.errors, ""))
        if faults:
            raise WriteRejected(400, *faults)
        found: Mapping[str, Any] = shape.validated_data
        return found

    def write_record(self, record: Model, item: RequestItem, given: ValidatedInput, *, created: bool) -> Any:
        """Write the record with its one history entry; no entry where nothing changes. Raises WriteRejected."""
        before = {} if created else current_state(record)
        for name, value in given.values.items():
            setattr(record, name, value)
        self.prepare(record, item, given, created=created)
        self.check_restricted_fields(record, item, before, given, created=created)
        self.check_model_rules(record, item)
        self.check_scope(record, ADD if created else CHANGE, item)
        if created or has_changes(record, given, before):
            self.save_record(record, item, given, created=created)
        self.save_rows(record, item, given, created=created)
        return record

    def save_record(self, record: Model, item: RequestItem, given: ValidatedInput, *, created: bool) -> None:
        try:
            with (
                transaction.atomic(),
                single_history_entry(record, created=created, reason=given.reason or self.header_reason),
            ):
                record.save(force_insert=created)
                for name, records in given.m2m.items():
                    getattr(record, name).set(records)
        except IntegrityError as exc:
            if created:
                record.pk = None
            self.check_model_rules(record, item)  # the faster request's record is stored now, and is reported
            raise WriteRejected(409, conflict_error(item.pointer)) from exc

    # -- hooks of a resource -----------------------------------------------------------------------------

    def prepare(self, record: Model, item: RequestItem, given: ValidatedInput, *, created: bool) -> None:
        """Hook: set derived fields. Raises WriteRejected for errors of the resource's own."""

    def save_rows(self, record: Model, item: RequestItem, given: ValidatedInput, *, created: bool) -> None:
        """Hook: write child rows that are sent with the record but have a history of their own."""

    def check_deletable(self, record: Any, item: RequestItem) -> None:
        """Raises WriteRejected (409) for a record that its model keeps, and for records that name this one in a list,
        which would lose it silently.
        """
        text, code = record.deletion_error(), "never_deleted" if record.NEVER_DELETED else "in_use"
        if text:
            raise WriteRejected(409, ErrorDetail(item.pointer, code, text))
        users = list(m2m_referrers(record))
        if users:
            raise WriteRejected(409, *self.dependent_errors(users, item))

    # -- checks ----------------------------------------------------------------------------------------

    def check_scope(self, record: Model, verb: str, item: RequestItem) -> None:
        """Check the object permission. Raises WriteRejected (403) for a record outside the user's scope."""
        if not has_object_permission(self.request.user, verb, record):
            raise WriteRejected(403, ErrorDetail(item.pointer, "not_yours", str(OUT_OF_SCOPE)))

    def check_revision(self, record: Any, item: RequestItem) -> None:
        """Optimistic locking. Raises WriteRejected where no revision is sent (428), or a stale one (412)."""
        if item.pointer:
            at, seen = f"{item.pointer}/revision", item.data.get("revision")
            missing = _("revision: send the number that the record had when you read it.")
        else:
            at, seen = IF_MATCH, self.request.headers.get(IF_MATCH)
            missing = _("If-Match: send the ETag of the version that you have read.")
        if seen is None:
            raise WriteRejected(428, ErrorDetail(at, "required", missing))
        if item.pointer and type(seen) is not int:
            text = _("Write a whole number, without quotes.")
            raise BadRequest(ErrorDetail(at, "invalid_type", label_value(pointer_label(at), text)))
        wanted = {seen} if item.pointer else parse_if_match(seen)
        now = current_revision(record)
        if wanted is not None and now not in wanted:
            text = _("The record has changed since: this is revision %(now)d. Read it again and repeat your change.")
            headers = {} if item.pointer else {"ETag": self.current_etag(record.pk)}
            raise WriteRejected(412, ErrorDetail(at, "stale", text % {"now": now}), headers=headers)

    def check_restricted_fields(
        self, record: Any, item: RequestItem, before: Mapping[str, Any], given: ValidatedInput, *, created: bool
    ) -> None:
        """Raises WriteRejected (403) for changed fields that need a further permission."""
        fresh = self.model()
        faults = []
        for name, guarded in field_permissions(self.model, recorded=not created):
            lists = {field.name for field in m2m_fields(self.model)}.intersection(guarded)
            fields = [record._meta.get_field(field) for field in guarded if field not in lists]
            was = [getattr(fresh, field.attname) if created else before[field.name] for field in fields]
            changed = [f.name for f, old in zip(fields, was, strict=True) if getattr(record, f.attname) != old]
            changed += [name for name in lists & given.m2m.keys() if list_keys(given.m2m[name]) != before.get(name, ())]
            if changed and not self.request.user.has_perm(name):
                text = _("Your role may not change this.")
                faults += [self.error_at(item, field, "not_yours", text) for field in changed]
        if faults:
            raise WriteRejected(403, *faults)

    def check_model_rules(self, record: Model, item: RequestItem) -> None:
        """Run the model's validation. Raises WriteRejected with every error."""
        try:
            record.full_clean()
        except ValidationError as exc:
            raise rejection(model_errors(exc, self.write_serializer_class, item.pointer)) from exc

    def error_at(self, item: RequestItem, field: str, code: str, text: str) -> ErrorDetail:
        at = f"{item.pointer}/{json_pointer_escape(self.write_serializer_class.api_name(field))}"
        return ErrorDetail(at, code, label_value(pointer_label(at), text))

    def dependent_errors(self, records: Sequence[models.Model], item: RequestItem) -> Iterator[ErrorDetail]:
        """Yield an error for each record that depends on this one; of many, the first ones and a count."""
        for record in records[:MAX_NAMED_DEPENDENTS]:
            text = _("It is still used by: %(record)s. Change or delete that first.")
            named = label_value(capfirst(record._meta.verbose_name), truncate(record))
            yield ErrorDetail(item.pointer, "in_use", text % {"record": named})
        more = len(records) - MAX_NAMED_DEPENDENTS
        if more > 0:
            text = ngettext("And by %(count)d more record.", "And by %(count)d more records.", more)
            yield ErrorDetail(item.pointer, "in_use", text % {"count": more})

    # -- the response ----------------------------------------------------------------------------------

    def build_response(self, done: Sequence[Any], *, many: bool, status: int) -> HttpResponse:
        if status == 204:
            return HttpResponse(status=204)
        rows = self.represent([record.pk for record in done])
        if many:
            return HttpResponse(JSONRenderer().render(rows), status=status, content_type="application/json")
        record, row = done[0], rows[0]
        response = HttpResponse(JSONRenderer().render(row), status=status, content_type="application/json")
        response["ETag"] = record_etag(response.content, row["revision"])
        if status == 201:
            response["Location"] = api_url(record, self.request)
        return response

    def represent(self, keys: Sequence[int]) -> list[Any]:
        """Return these records as a read would return them today, in this order."""
        rows = self.annotate_facts(annotate_revision(self.base_queryset()).filter(pk__in=keys))
        found: dict[int, Any] = {record.pk: record for record in self.rows_for_output(rows)}  # type: ignore[attr-defined]
        if len(found) < len(set(keys)):  # a parent was deleted meanwhile, as the commit would find
            raise IntegrityError
        # That of the class: a further action may answer with something else.
        whole = cast(Any, type(self)).serializer_class(context=self.get_serializer_context())
        return [with_demo_flag(self.request, whole.to_representation(found[key])) for key in keys]

    def current_etag(self, key: int) -> str:
        """Return the ETag that a read of the record has now."""
        row = self.represent([key])[0]
        return record_etag(JSONRenderer().render(row), row["revision"])


def is_retryable(exc: Exception) -> bool:
    """Return whether a concurrent request caused the error: a record was deleted, or a deadlock.

    A second attempt sees the result of the other request.
    """
    return isinstance(exc, IntegrityError) or getattr(exc.__cause__, "pgcode", "") == DEADLOCK_SQLSTATE


def conflict_error(place: str) -> ErrorDetail:
    text = _("Another user saved at the same moment. Read the record again, then repeat your change.")
    return ErrorDetail(place, "overtaken", text)


def change_reason_header(request: Request) -> str:
    """Return the reason for change of the X-Change-Reason header. Raises BadRequest for an invalid one."""
    sent = request.headers.get(REASON_HEADER, "")
    try:
        reason = sent.encode("latin-1").decode().strip()
    except (UnicodeDecodeError, UnicodeEncodeError) as exc:
        raise BadRequest(ErrorDetail(REASON_HEADER, "invalid_header", _("X-Change-Reason: send it in UTF-8."))) from exc
    if len(reason) > MAX_REASON or any(unicodedata.category(char) in INVISIBLE_CATEGORIES for char in reason):
        text = _("X-Change-Reason: use up to %(most)d characters, all of them visible.") % {"most": MAX_REASON}
        raise BadRequest(ErrorDetail(REASON_HEADER, "invalid_header", text))
    return reason


def has_changes(record: Any, given: ValidatedInput, before: Mapping[str, Any]) -> bool:
    """Return whether any sent value differs from the stored one."""
    if any(getattr(record, f.attname) != before[f.name] for f in record._meta.concrete_fields if f.name in before):
        return True
    return any(list_keys(records) != before[name] for name, records in given.m2m.items() if name in before)


def list_keys(records: Sequence[Model]) -> tuple[Any, ...]:
    """Return the sorted keys of related records, as `current_state` has them."""
    return tuple(sorted(record.pk for record in records))


def prefix_errors(exc: BadRequest, place: str) -> WriteRejected:
    """Return the same rejection with its pointers below a position of the body."""
    faults = [
        replace(fault, pointer=f"{place}{fault.pointer}", message=f"{place.removeprefix('/')}/{fault.message}")
        for fault in exc.errors
    ]
    return WriteRejected(exc.status_code, *(faults if place else exc.errors))


def merge_errors(refusals: Sequence[BadRequest]) -> BadRequest:
    """Return one rejection with every error, and the status that has to be corrected first."""
    if len(refusals) == 1:
        return refusals[0]
    status = min((exc.status_code for exc in refusals), key=STATUS_PRIORITY.index)
    return WriteRejected(status, *(fault for exc in refusals for fault in exc.errors))
