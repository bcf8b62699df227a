"""Writable viewset: create, replace, update and delete, one record or many at once, all or nothing.

The same fields can be written as in the admin, by the same rules, with one history entry for each record.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, cast

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, OperationalError
from django.db.models import Model
from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.routers import Route, SimpleRouter

from core.api import query_params
from core.api.idempotency import run_idempotent
from core.api.serializers import api_url, key_field_name
from core.api.viewsets import RecordViewSet
from core.api.write.fields import is_valid_key
from core.api.write.optimistic_locking import IF_MATCH, annotate_revision, current_revision, parse_if_match
from core.api.write.serializers import (
    INVISIBLE_CATEGORIES,
    ValidatedInput,
    WriteRejected,
    WriteSerializer,
    checked_data,
    json_pointer_escape,
    model_errors,
    pointer_label,
    rejection,
    validate_input,
)
from core.history.recording import MAX_REASON
from core.http.body import parse_json, read_body
from core.http.errors import BadRequest, ErrorDetail
from core.http.middleware import record_etag
from core.http.problems import exception_handler
from core.http.request import with_demo_flag
from core.permissions import OUT_OF_SCOPE, permission_name
from core.records import writing
from core.records.writing import ADD, CHANGE, DELETE, NOT_YOURS
from core.text.formatting import label_value

ACTION_BY_METHOD = {"POST": ADD, "PUT": CHANGE, "PATCH": CHANGE, "DELETE": DELETE}
MAX_BULK_RECORDS = 1_000
STATUS_PRIORITY = (403, 404, 400, 428, 412, 409)
REASON_HEADER = "X-Change-Reason"
MAX_ATTEMPTS = 3
DEADLOCK_SQLSTATE = "40P01"  # SQLSTATE of PostgreSQL


class StrictJSONParser(BaseParser):
    """DRF parser of strict JSON (RFC 8259): UTF-8, no NaN, no repeated name. Numbers with a fraction become Decimal."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the parsed body. Raises BadRequest for invalid JSON, UnsupportedMediaType for another charset."""
        request = (parser_context or {})["request"]._request  # noqa: SLF001  # DRF wraps Django's request, which holds the body
        charset = request.content_params.get("charset", "utf-8").lower()
        if charset not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(f"{self.media_type}; charset={charset[:40]}", _("Send the JSON in UTF-8."))
        return parse_json(read_body(request))


class WritePermission(BasePermission):
    """Permission class: the model permission for the method. The object permission is checked for each record."""

    def has_permission(self, request: Request, view: Any) -> bool:
        is_action = request.method == "POST" and bool(
            view.detail
        )  # of an existing record (`@action`), which it changes
        verb = CHANGE if is_action else ACTION_BY_METHOD.get(request.method or "")
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


class BulkRouter(SimpleRouter):
    """Router that maps every method on the list as well as on a record, for bulk writes; and actions of a record."""

    routes = [
        cast(Route, SimpleRouter.routes[0])._replace(
            mapping={
                "get": "list",
                "post": "create",
                "put": "bulk_update",
                "patch": "bulk_partial_update",
                "delete": "bulk_destroy",
            }
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
        return self.run_write(request, self.update_one, 200)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Update the fields that are sent."""
        return self.run_write(request, self.update_one, 200)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.run_write(request, self.delete_one, 204)

    bulk_update, bulk_partial_update, bulk_destroy = update, partial_update, destroy

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
        sent = request.headers.get(REASON_HEADER, "")
        try:
            reason = sent.encode("latin-1").decode().strip()
        except (UnicodeDecodeError, UnicodeEncodeError) as exc:
            text = _("X-Change-Reason: send it in UTF-8.")
            raise BadRequest(ErrorDetail(REASON_HEADER, "invalid_header", text)) from exc
        if len(reason) > MAX_REASON or any(unicodedata.category(char) in INVISIBLE_CATEGORIES for char in reason):
            text = _("X-Change-Reason: use up to %(most)d characters, all of them visible.") % {"most": MAX_REASON}
            raise BadRequest(ErrorDetail(REASON_HEADER, "invalid_header", text))
        self.header_reason = reason

        def work() -> HttpResponse:
            items = self.parse_items(request)
            self.locked = self.lock_rows(items)
            self.found: dict[Any, Any] = {}  # the related records that the items name
            with writing.many():
                done = self.apply_each(items, do)
            return self.build_response(done, many=any(item.pointer for item in items), status=status)

        def refuse(exc: Exception) -> HttpResponse:
            response = exception_handler(exc, {"request": request})
            assert response is not None, exc  # noqa: S101  # it handles every exception passed here
            return response

        for _try in range(MAX_ATTEMPTS):
            try:
                return run_idempotent(request._request, request.user, work, refuse)  # noqa: SLF001  # DRF wraps Django's request
            except IntegrityError:  # another request deleted a record; a second attempt sees it
                continue
            except OperationalError as exc:
                if getattr(exc.__cause__, "pgcode", "") != DEADLOCK_SQLSTATE:
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
                done.append(do(self.target_record(item), item))
            except BadRequest as exc:
                refusals.append(exc)
        if len(refusals) == 1:
            raise refusals[0]
        if refusals:  # with the status that has to be corrected first
            status = min((exc.status_code for exc in refusals), key=STATUS_PRIORITY.index)
            raise WriteRejected(status, *(fault for exc in refusals for fault in exc.errors))
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
        self.perform_write(record, item, self.validate_item(record, item, whole=True))
        return record

    def update_one(self, record: Model, item: RequestItem) -> Any:
        self.check_scope(record, CHANGE, item)
        given = self.validate_item(record, item, whole=self.request.method == "PUT")
        self.check_revision(record, item)
        self.perform_write(record, item, given)
        return record

    def delete_one(self, record: Model, item: RequestItem) -> None:
        """Delete a record. Raises WriteRejected (409) where other records depend on it."""
        self.check_scope(record, DELETE, item)
        given = self.validate_item(record, item, whole=False)
        self.check_revision(record, item)
        self.perform_delete(record, item, given.reason)

    def validate_item(self, record: Model, item: RequestItem, *, whole: bool) -> ValidatedInput:
        readable, context = list(self.read_serializer().fields), {"found": self.found}
        try:
            given = validate_input(
                self.write_serializer_class, record, item.data, readable=readable, whole=whole, context=context
            )
        except WriteRejected as exc:
            if not item.pointer:
                raise
            inside = item.pointer.removeprefix("/")
            faults = [
                replace(fault, pointer=f"{item.pointer}{fault.pointer}", message=f"{inside}/{fault.message}")
                for fault in exc.errors
            ]
            raise WriteRejected(exc.status_code, *faults) from exc
        return replace(given, reason=given.reason or self.header_reason)

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
            raise WriteRejected(403, ErrorDetail(item.pointer, NOT_YOURS, str(exc) or str(OUT_OF_SCOPE))) from exc
        except writing.Conflict as exc:
            raise WriteRejected(409, *(ErrorDetail(item.pointer, exc.code, text) for text in exc.messages)) from exc

    def validate_action(self, item: RequestItem) -> Mapping[str, Any]:
        """Return the validated body of a further action. Raises WriteRejected (400) with every error."""
        return checked_data(self.action_serializers[self.action](data=dict(item.data)), item.data)

    # -- hooks of a resource -----------------------------------------------------------------------------

    def perform_write(self, record: Any, item: RequestItem, given: ValidatedInput) -> None:
        """Hook: write the record, and child rows that are sent with it. Raises WriteRejected."""
        write = partial(writing.write, record, given.values, given.m2m, by=self.request.user, reason=given.reason)
        self.run_service(write, item)

    def perform_delete(self, record: Any, item: RequestItem, reason: str) -> None:
        """Hook: delete the record. Raises WriteRejected."""
        self.run_service(partial(writing.delete, record, by=self.request.user, reason=reason), item)

    # -- checks ----------------------------------------------------------------------------------------

    def check_scope(self, record: Model, verb: str, item: RequestItem) -> None:
        """Check the object permission. Raises WriteRejected (403) for a record outside the user's scope."""
        self.run_service(partial(writing.check_scope, self.request.user, verb, record), item)

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

    def error_at(self, item: RequestItem, field: str, code: str, text: str) -> ErrorDetail:
        at = f"{item.pointer}/{json_pointer_escape(self.write_serializer_class.api_name(field))}"
        return ErrorDetail(at, code, label_value(pointer_label(at), text))

    # -- the response ----------------------------------------------------------------------------------

    def build_response(self, done: Sequence[Any], *, many: bool, status: int) -> HttpResponse:
        if status == 204:
            return HttpResponse(status=204)
        rows = self.represent([record.pk for record in done])
        shown: Any = rows if many else rows[0]
        response = HttpResponse(JSONRenderer().render(shown), status=status, content_type="application/json")
        if not many:
            response["ETag"] = record_etag(response.content, shown["revision"])
            if status == 201:
                response["Location"] = api_url(done[0], self.request)
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


def conflict_error(place: str) -> ErrorDetail:
    text = _("Another user saved at the same moment. Read the record again, then repeat your change.")
    return ErrorDetail(place, "overtaken", text)
