"""Writable viewset: create, replace, update and delete, one record or many at once, all or nothing.

The same fields can be written as in the admin, by the same rules, with one history entry for each record. What a model
or a service raises becomes the errors of the request: `WritableViewSet.rejection` says with which status.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, cast

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, OperationalError
from django.db.models import Model
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.exceptions import ValidationError as FieldError
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.routers import Route, SimpleRouter

from core.api.idempotency import run_idempotent
from core.api.serializers import api_url
from core.api.viewsets import LANGUAGE_PARAMETER, RecordViewSet, annotate_revision, record_response
from core.api.write_serializers import (
    RelatedByCodeField,
    ValidatedInput,
    WriteSerializer,
    field_error,
    is_valid_key,
    model_errors,
    validate_input,
)
from core.days import with_demo_flag
from core.errors import Problem
from core.history.recording import MAX_REASON, announce, key_field_name
from core.http import parse_json, read_body
from core.permissions import OUT_OF_SCOPE, permission_name
from core.records import writing
from core.records.writing import ADD, CHANGE, DELETE, NOT_YOURS
from core.text import invisible_character

STATUS_PRIORITY = (403, 404, 400, 428, 412, 409)
REASON_HEADER = "X-Change-Reason"
MAX_ATTEMPTS = 3
JSON_MEDIA_TYPE = "application/json"
MAX_BULK_RECORDS = 1_000  # records of one request
IF_MATCH = "If-Match"
TAG_LIST = re.compile(r'[\s,]*(?:(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,[\s,]*|$))+')
DEADLOCK_SQLSTATE = "40P01"  # SQLSTATE of PostgreSQL
CONFLICT_CODES = {"unique", "unique_together", "fixed", "overtaken", "same", "in_use", "state"}
"""Codes of errors caused by other existing records, or by the state of this one: 409 rather than 400."""


class WritePermission(BasePermission):
    """Permission class: the model permission for the method. The object permission is checked for each record."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not view.is_write:
            return True
        if not request.user.is_authenticated:
            return False
        token: Any = request.auth
        if token is not None and not token.may_write:
            self.message = _("This token only reads. Make one that may write.")
            return False
        self.message = _("You have no right to do this. Ask an administrator for the role you need.")
        return bool(request.user.has_perm(permission_name(view.model, view.verb)))


class BulkRouter(SimpleRouter):
    """Router that maps every method on the list as well as on a record, for bulk writes; and actions of a record."""

    BULK = {"put": "bulk_update", "patch": "bulk_partial_update", "delete": "bulk_destroy"}
    routes = [
        cast(Route, SimpleRouter.routes[0])._replace(mapping={"get": "list", "post": "create", **BULK}),
        *(route for route in SimpleRouter.routes if route.detail),
    ]


class WritableViewSet(RecordViewSet):
    """Writable viewset of a model. `write_serializer_class` declares how its fields are written, by default those that
    people edit; a further action (`@action`) names that of its body.
    """

    model: ClassVar[Any]  # of the serializer that reads
    write_serializer_class: ClassVar[Any] = WriteSerializer
    permission_classes = [*RecordViewSet.permission_classes, WritePermission]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Take the model, and by what its records are named, from the serializer that reads."""
        super().__init_subclass__(**kwargs)
        if reads := cast(Any, cls.__dict__.get("serializer_class")):
            cls.model, cls.lookup_field = reads.Meta.model, key_field_name(reads.Meta.model)
            if cls.lookup_field == "id":
                cls.lookup_value_regex = "[0-9]{1,18}"

    # -- methods ---------------------------------------------------------------------------------------

    def create(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Create a record, or many sent as an array."""
        return self.run_write(request, self.create_one, 201)

    def update(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Replace a record, which empties what is not sent, or change a part of it; or many sent as an array."""
        return self.run_write(request, self.update_one, 200)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Delete a record, or many sent as an array."""
        return self.run_write(request, self.delete_one, 204)

    partial_update = bulk_update = bulk_partial_update = update
    bulk_destroy = destroy

    @property
    def is_write(self) -> bool:
        """Whether this URL accepts the method, as a write; any other gets 405."""
        return self.request.method not in SAFE_METHODS and self.action is not None

    @property
    def verb(self) -> str:
        """Which permission the method needs; a POST to a record is a further action (`@action`), which changes it."""
        created = self.request.method == "POST" and not self.detail
        return ADD if created else DELETE if self.request.method == "DELETE" else CHANGE

    def get_renderers(self) -> list[Any]:
        """Render responses of writes as JSON only."""
        return [JSONRenderer()] if self.is_write else super().get_renderers()

    def parameters(self) -> Sequence[OpenApiParameter]:
        return [LANGUAGE_PARAMETER] if self.is_write else super().parameters()

    # -- one request -----------------------------------------------------------------------------------

    def run_write(self, request: Request, do: Callable[[Any, Mapping[str, Any]], Any], status: int) -> HttpResponse:
        """Do this to every record sent, in one transaction, and return the records as they are then."""
        self.reason = change_reason(request)
        for _try in range(MAX_ATTEMPTS):
            try:
                return run_idempotent(request._request, request.user, partial(self.write_all, request, do, status))  # noqa: SLF001  # DRF wraps Django's request
            except IntegrityError:  # another request deleted a record; a second attempt sees it
                continue
            except OperationalError as exc:
                if getattr(exc.__cause__, "pgcode", "") != DEADLOCK_SQLSTATE:
                    raise
        text = _("Another user saved at the same moment. Read the record again, then repeat your change.")
        raise Problem("", "overtaken", text, status=409)

    def write_all(self, request: Request, do: Callable[[Any, Mapping[str, Any]], Any], status: int) -> HttpResponse:
        """Do this to every record sent; if any is rejected all are. Raises Problem with every error."""
        self.found: dict[Any, Any] = {}  # the related records that the body names
        sent, done, problems = self.parse_records(request), [], []
        with writing.many():
            for number, (record, data) in enumerate(zip(self.lock_rows(sent), sent, strict=True)):
                try:
                    self.check_target(record, data)
                    done.append(do(record, data))
                except (Problem, ValidationError, PermissionDenied, writing.Conflict) as exc:
                    problems.append(self.rejection(exc, f"/{number}" if self.many else ""))
            if len(problems) == 1:
                raise problems[0]
            if problems:  # with the status that has to be corrected first
                first = min((problem.status_code for problem in problems), key=STATUS_PRIORITY.index)
                raise Problem.of((error for problem in problems for error in problem.errors), first)
        return self.build_response(done, status=status)

    def parse_records(self, request: Request) -> list[Mapping[str, Any]]:
        """Return the data sent for each record. Raises Problem for a body of another shape."""
        plain: Any = request._request  # noqa: SLF001  # as above
        content, one = read_body(plain), self.detail
        self.many = False  # whether the body is an array
        if one and request.method in {"DELETE", "POST"} and not content:
            return [{}]
        if not content:
            raise Problem("", "invalid_json", _("The request has no body. Send JSON."))
        if plain.content_type != JSON_MEDIA_TYPE:
            raise UnsupportedMediaType(request.content_type)
        charset = plain.content_params.get("charset", "utf-8").lower()
        if charset not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(f"{JSON_MEDIA_TYPE}; charset={charset[:40]}", _("Send the JSON in UTF-8."))
        body = parse_json(content)
        if isinstance(body, Mapping) and (one or request.method == "POST"):
            return [body]
        if one or not isinstance(body, list):
            wanted = _("Send one object.") if one else _("Send an array of objects.")
            raise Problem("", "invalid_shape", wanted)
        if not 1 <= len(body) <= MAX_BULK_RECORDS:
            text = _("Send 1 to %(most)d records at once.") % {"most": MAX_BULK_RECORDS}
            raise Problem("", "invalid_length", text)
        wrong = [position for position, data in enumerate(body) if not isinstance(data, Mapping)]
        if wrong:
            text = _("Send an object for each record.")
            raise Problem.of(Problem(f"/{position}", "invalid_shape", text) for position in wrong)
        self.many = True
        return body

    def rejection(self, exc: Exception, pointer: str) -> Problem:
        """Return what a model or service raised as a rejected request, with pointers below that of the record: 403 for
        what is not the user's to change, 409 where only other records or the state of this one conflict, 400 where
        the data itself is invalid.
        """
        if isinstance(exc, Problem):
            if not pointer:
                return exc
            faults = []
            for fault in exc.errors:
                inside = fault.pointer.removeprefix("/")  # the message may begin with it
                named = inside and fault.message.startswith(inside)
                message = f"{pointer.removeprefix('/')}/{fault.message}" if named else fault.message
                faults.append(Problem(f"{pointer}{fault.pointer}", fault.code, message))
            return Problem.of(faults, exc.status_code)
        if isinstance(exc, PermissionDenied):
            return Problem(pointer, NOT_YOURS, str(exc) or str(OUT_OF_SCOPE), status=403)
        if isinstance(exc, writing.Conflict):
            return Problem.of((Problem(pointer, exc.code, text) for text in exc.messages), 409)
        faults = list(model_errors(cast(ValidationError, exc), self.write_serializer_class, pointer))
        codes = {fault.code for fault in faults}
        status = 403 if NOT_YOURS in codes else 404 if "not_found" in codes else 409 if codes <= CONFLICT_CODES else 400
        return Problem.of(faults, status)

    def lock_rows(self, sent: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Return the record that each of the data is for, locked until the transaction ends: a new one, or the one that
        is named; None for one that does not exist.
        """
        field, told = self.lookup_field, self.read_ahead(sent)
        if self.verb == ADD:
            announce({self.model: [(None, values) for values in told]})
            if len(sent) > 1:  # two requests that create the same records in another order would deadlock
                kinds = ContentType.objects.select_for_update(no_key=True)
                kinds.filter(app_label=self.model._meta.app_label, model=self.model._meta.model_name).first()
            return [self.model() for _data in sent]
        keys = [data.get(field) for data in sent]
        if self.detail:
            keys = [int(self.kwargs[field]) if field == "id" else self.kwargs[field]]
        named = [key if is_valid_key(field, key) else None for key in keys]
        twice = [n for n, key in enumerate(named) if key is not None and named.index(key) < n]
        if twice:
            text = _("Name each record once.")
            raise Problem.of(field_error(f"/{position}/{field}", "twice", text) for position in twice)
        meant = self.model._base_manager.filter(**{f"{field}__in": {*named} - {None}})
        stored = dict(meant.values_list(field, "pk"))
        announce(
            {self.model: [(stored[key], values) for key, values in zip(named, told, strict=True) if key in stored]}
        )
        free = self.verb != DELETE  # records that reference these are blocked by a deletion only
        found = {getattr(row, field): row for row in meant.select_for_update(no_key=free).order_by("pk")}
        return [found.get(key) for key in named]

    def read_ahead(self, sent: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the data by model field before they are validated, with the records that they name. What names none
        is left out: it is refused later.
        """
        fields = self.write_serializer_class(context={"view": self, "found": self.found}).fields
        told: list[Mapping[str, Any]] = []
        for data in sent:
            values = {}
            for name in data.keys() & fields.keys():
                try:
                    related = isinstance(fields[name], RelatedByCodeField)
                    values[fields[name].source] = fields[name].to_internal_value(data[name]) if related else data[name]
                except FieldError:
                    continue
            told.append(values)
        return told

    def check_target(self, record: Any, data: Mapping[str, Any]) -> None:
        """Hook: raise Problem (404) or ValidationError for a record that does not exist, or not for this user."""
        if record is not None:
            return
        text = _("There is no such record.")
        if self.detail:
            raise Problem("", "not_found", text, status=404)
        if data.get(self.lookup_field) is None:
            missing = ValidationError(_("Name the record that is meant."), code="required")
            raise ValidationError({self.lookup_field: missing})
        raise ValidationError({self.lookup_field: ValidationError(text, code="not_found")})

    # -- one record: hooks of a resource, which raise as models and services do ---------------------------

    def create_one(self, record: Model, data: Mapping[str, Any]) -> Any:
        self.perform_write(record, self.validate_record(record, data))
        return record

    def update_one(self, record: Model, data: Mapping[str, Any]) -> Any:
        self.perform_write(record, self.validate_change(record, data))
        return record

    def delete_one(self, record: Model, data: Mapping[str, Any]) -> None:
        self.perform_delete(record, self.validate_change(record, data).reason)

    def perform_write(self, record: Any, given: ValidatedInput) -> None:
        """Hook: write the record, and child rows that are sent with it."""
        writing.write(record, given.values, given.m2m, by=self.request.user, reason=given.reason)

    def perform_delete(self, record: Any, reason: str) -> None:
        """Hook: delete the record."""
        writing.delete(record, by=self.request.user, reason=reason)

    def validate_record(self, record: Model, data: Mapping[str, Any]) -> ValidatedInput:
        """Return the validated data: all of a record, or a part. Raises Problem (400) with every error."""
        partial = self.request.method in {"PATCH", "DELETE"}
        context = {"view": self, "found": self.found, "reason": self.reason}
        serializer = self.write_serializer_class(data=data, partial=partial, context=context)
        return validate_input(serializer, record, set(cast(Any, self.get_serializer()).fields))

    def validate_change(self, record: Model, data: Mapping[str, Any]) -> ValidatedInput:
        """Return the validated data of a record that is there: in the user's scope, and in the version named."""
        writing.check_scope(self.request.user, self.verb, record)
        given = self.validate_record(record, data)
        self.check_revision(record, data)
        return given

    def check_revision(self, record: Any, data: Mapping[str, Any]) -> None:
        """Optimistic locking. Raises Problem where no revision is sent (428), or a stale one (412).

        A weak tag allows nothing: it may stand for several versions (RFC 9110, 13.1.1).
        """
        rows: Any = annotate_revision(self.model._base_manager.filter(pk=record.pk))
        now: int = rows.values_list("revision", flat=True).get()
        if self.many:
            at, seen = "/revision", data.get("revision")
            missing = _("revision: send the number that the record had when you read it.")
        else:
            at, seen = IF_MATCH, self.request.headers.get(IF_MATCH)
            missing = _("If-Match: send the ETag of the version that you have read.")
        if seen is None:
            raise Problem(at, "required", missing, status=428)
        if self.many:
            if type(seen) is not int:
                text = _("Write a whole number, without quotes.")
                raise ValidationError({"revision": ValidationError(text, code="invalid_type")})
            allowed = seen == now
        else:
            allowed = seen.strip() == "*"
            if not allowed and not TAG_LIST.fullmatch(seen):
                text = _("If-Match: send the ETag of the version that you have read, with its quotes.")
                raise Problem(at, "invalid_header", text)
            tags = re.findall(r'((?:W/)?)"([^"]*)"', seen)
            allowed = allowed or any(not weak and tag.partition("-")[0] == str(now) for weak, tag in tags)
        if not allowed:
            text = _("The record has changed since: this is revision %(now)d. Read it again and repeat your change.")
            headers = {} if self.many else {"ETag": self.current_etag(record.pk)}
            raise Problem(at, "stale", text % {"now": now}, status=412, headers=headers)

    # -- the response ----------------------------------------------------------------------------------

    def build_response(self, done: Sequence[Any], *, status: int) -> HttpResponse:
        if status == 204:
            return HttpResponse(status=204)
        rows = self.represent([record.pk for record in done])
        if self.many:
            return HttpResponse(JSONRenderer().render(rows), status=status, content_type=JSON_MEDIA_TYPE)
        response = record_response(rows[0], status=status)
        if status == 201:
            response["Location"] = api_url(done[0], self.request)
        return response

    def represent(self, keys: Sequence[int]) -> list[Any]:
        """Return these records as a read would return them today, in this order."""
        rows = self.filter_queryset(self.all_rows().filter(pk__in=keys))
        records: dict[int, Any] = {record.pk: record for record in self.rows_for_output(rows)}  # type: ignore[attr-defined]
        if len(records) < len(set(keys)):  # a parent was deleted meanwhile, as the commit would find
            raise IntegrityError
        # That of the class: a further action may answer with something else.
        whole = cast(Any, type(self)).serializer_class(context=self.get_serializer_context())
        return [with_demo_flag(self.request, whole.to_representation(records[key])) for key in keys]

    def current_etag(self, key: int) -> str:
        """Return the ETag that a read of the record has now."""
        return record_response(self.represent([key])[0])["ETag"]


def change_reason(request: Request) -> str:
    """Return the reason that a header gives for all records. Raises Problem for one that cannot be read."""
    sent = request.headers.get(REASON_HEADER, "")
    try:
        reason = sent.encode("latin-1").decode().strip()
    except (UnicodeDecodeError, UnicodeEncodeError) as exc:
        text = _("X-Change-Reason: send it in UTF-8.")
        raise Problem(REASON_HEADER, "invalid_header", text) from exc
    if len(reason) > MAX_REASON or invisible_character(reason):
        text = _("X-Change-Reason: use up to %(most)d characters, all of them visible.") % {"most": MAX_REASON}
        raise Problem(REASON_HEADER, "invalid_header", text)
    return reason
