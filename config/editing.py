"""The write half of a resource: create, replace, change and delete, one record or many at once, all or nothing.

What may be written is what people edit in the admin, by the same rules, with one entry in the history for each record.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, models, transaction
from django.db.models import ProtectedError
from django.http import HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.routers import Route, SimpleRouter

from config import parameters
from config.answers import answered_once
from config.bodies import StrictJSON, body_of
from config.conditional import tag_of
from config.demonstration import body
from config.entries import HIDDEN, MAX_REASON, Entry, Given, Refusal, name_at, pointed, read, refused, rule_faults
from config.faults import BadRequest, Fault, short
from config.fields import can_be_key, key_field
from config.history import delete_whole, one_entry, users_of
from config.problems import exception_handler
from config.reach import NOT_YOURS, guards_of, may, permission
from config.resources import Resource
from config.revisions import IF_MATCH, revision_of, wanted_revisions, with_revision
from config.serializers import api_address
from config.versions import current_state, lists_of
from config.words import labelled

ADD, CHANGE, DELETE = "add", "change", "delete"
VERBS = {"POST": ADD, "PUT": CHANGE, "PATCH": CHANGE, "DELETE": DELETE}
MOST_AT_ONCE = 1_000
MOST_NAMED = 20  # dependents named in a refusal
WORST_FIRST = (403, 404, 400, 428, 412, 409)
REASON = "X-Change-Reason"
TRIES = 3
DEADLOCK = "40P01"  # PostgreSQL's word for it


class MayWrite(BasePermission):
    """Whoever has the permission for the kind of record; whether also for this one is asked of each record."""

    def has_permission(self, request: Request, view: Any) -> bool:
        verb = VERBS.get(request.method or "")
        if verb is None or not hasattr(view, str(request.method).lower()):
            return True  # a read, or what no address here takes: that is answered with 405
        if not request.user.is_authenticated:
            return False
        token: Any = request.auth
        if token is not None and not token.may_write:
            self.message = _("This token only reads. Make one that may write.")
            return False
        self.message = _("You have no right to do this. Ask an administrator for the role you need.")
        return bool(request.user.has_perm(permission(view.model, verb)))


class EveryVerb(SimpleRouter):
    """Addresses of resources: one record takes every verb, and so does the list, for many records at once."""

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
        *(route for route in SimpleRouter.routes if isinstance(route, Route) and route.detail),
    ]


@dataclass(frozen=True)
class Item:
    """What was sent for one record, and where in the body it stands: empty for a request about one record."""

    place: str
    data: Mapping[str, Any]


class Editable(Resource):
    """A kind of record that programs may write. Each kind says how its fields are written (`entry`)."""

    entry: ClassVar[type[Entry]]
    most_at_once: ClassVar[int] = MOST_AT_ONCE  # for the description
    permission_classes = [*Resource.permission_classes, MayWrite]
    parser_classes = [StrictJSON]
    http_method_names = ["get", "head", "options", "post", "put", "patch", "delete"]

    @property
    def model(self) -> Any:
        return self.entry.model

    @property
    def key(self) -> str:
        """The field by which a body names a record: slug, code or id."""
        return key_field(self.model)

    # -- the verbs -------------------------------------------------------------------------------------

    def create(self, request: Request) -> HttpResponse:
        """Record one, or many sent as an array."""
        return self.written(request, self.created, 201)

    def update(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Replace one: what is not sent is emptied."""
        return self.written(request, self.replaced, 200)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Change what is sent, leave the rest."""
        return self.written(request, self.changed, 200)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.written(request, self.deleted, 204)

    def bulk_update(self, request: Request) -> HttpResponse:
        return self.update(request)

    def bulk_partial_update(self, request: Request) -> HttpResponse:
        return self.partial_update(request)

    def bulk_destroy(self, request: Request) -> HttpResponse:
        return self.destroy(request)

    def get_renderers(self) -> list[Any]:
        """Writes are answered in JSON alone."""
        return [JSONRenderer()] if self.is_write(self.request) else super().get_renderers()

    def check_parameters(self, request: Request) -> None:
        if self.is_write(request):
            parameters.check(request, {"lang"})
        else:
            super().check_parameters(request)

    def is_write(self, request: Any) -> bool:
        """Whether this address takes the method as a write; another one is 405, whatever else is wrong with it."""
        return request.method in VERBS and hasattr(self, request.method.lower())

    # -- one request -----------------------------------------------------------------------------------

    def written(self, request: Request, do: Callable[[Any, Item], Any], status: int) -> HttpResponse:
        """Do it to every item in one transaction and answer with the records as they then stand."""
        self.header_reason = reason_of(request)

        def work() -> HttpResponse:
            items = self.items(request)
            self.named = self.held(items)
            done = self.each(items, do)
            return self.answer(done, many=any(item.place for item in items), status=status)

        def refuse(exc: Exception) -> HttpResponse:
            response = exception_handler(exc, {"request": request})
            assert response is not None, exc  # noqa: S101  # only what it knows is handed to it
            return response

        for _try in range(TRIES):
            try:
                return answered_once(request._request, request.user, work, refuse)  # noqa: SLF001  # DRF hides Django's
            except (IntegrityError, OperationalError) as exc:
                if not met_another(exc):
                    raise
        raise Refusal(409, overtaken(""))

    def items(self, request: Request) -> list[Item]:
        """What the body holds, one item for each record. Raises BadRequest for a body of another shape."""
        one = self.detail
        content = body_of(request._request)  # noqa: SLF001  # as above
        if one and request.method == "DELETE" and not content:
            return [Item("", {})]
        if not content:
            raise BadRequest(Fault("", "invalid_json", _("The request has no body. Send JSON.")))
        body: Any = request.data
        if isinstance(body, Mapping) and (one or request.method == "POST"):
            return [Item("", body)]
        if one or not isinstance(body, list):
            wanted = _("Send one object.") if one else _("Send an array of objects.")
            raise BadRequest(Fault("", "invalid_shape", wanted))
        if not 1 <= len(body) <= MOST_AT_ONCE:
            text = _("Send 1 to %(most)d records at once.") % {"most": MOST_AT_ONCE}
            raise BadRequest(Fault("", "invalid_length", text))
        faults = [
            Fault(f"/{place}", "invalid_shape", _("Send an object for each record."))
            for place, data in enumerate(body)
            if not isinstance(data, Mapping)
        ]
        if faults:
            raise BadRequest(*faults)
        return [Item(f"/{place}", data) for place, data in enumerate(body)]

    def each(self, items: Sequence[Item], do: Callable[[Any, Item], Any]) -> list[Any]:
        """Do it to each; where any is refused all are, with every reason. Raises Refusal."""
        done, refusals = [], []
        for item in items:
            try:
                with transaction.atomic():
                    done.append(do(self.record_of(item), item))
            except BadRequest as exc:
                refusals.append(exc)
        if refusals:
            raise worst(refusals)
        return done

    def held(self, items: Sequence[Item]) -> Mapping[Any, Any]:
        """The records that the items name, by their keys: nobody else writes them until the end."""
        if self.request.method == "POST":
            if len(items) > 1:  # two that make the same records in another order would each wait for the other
                kinds = ContentType.objects.select_for_update(no_key=True)
                kinds.filter(app_label=self.model._meta.app_label, model=self.model._meta.model_name).first()
            return {}
        named = [self.key_of(item) for item in items]
        keys = set(named) - {None}
        if len(keys) < len(named) - named.count(None):
            again = (item for place, item in enumerate(items) if named[place] in keys & set(named[:place]))
            raise BadRequest(*(self.fault(item, self.key, "twice", _("Name each record once.")) for item in again))
        free = self.request.method != "DELETE"  # for records that name these: only a deletion is in their way
        rows = self.model._base_manager.select_for_update(no_key=free).filter(**{f"{self.key}__in": keys})
        return {getattr(row, self.key): row for row in rows.order_by("pk")}

    def key_of(self, item: Item) -> Any:
        """The key of the record that an item is about, None where it names none."""
        if self.detail:
            key = self.kwargs[self.lookup_field]
            return int(key) if self.key == "id" else self.stored_key(key)
        key = item.data.get(self.key)
        return key if can_be_key(self.key, key) else None

    def stored_key(self, key: str) -> str:
        """A code of an address as it is stored."""
        return key

    def record_of(self, item: Item) -> Any:
        """The record to be written: a new one, or the one named. Raises Refusal where there is none (404)."""
        if self.request.method == "POST":
            return self.model()
        record = self.named.get(self.key_of(item))
        if record is None and not self.detail and item.data.get(self.key) is None:
            raise BadRequest(self.fault(item, self.key, "required", _("Name the record that is meant.")))
        if record is None:
            at = "" if self.detail else f"{item.place}/{self.key}"
            text = _("There is no such record.")
            raise Refusal(404, Fault(at, "not_found", labelled(name_at(at), text) if at else text))
        return record

    # -- one record ------------------------------------------------------------------------------------

    def created(self, record: Any, item: Item) -> Any:
        return self.write(record, item, self.read(record, item, replace=True, whole=True), created=True)

    def replaced(self, record: Any, item: Item) -> Any:
        self.may(record, CHANGE, item)
        given = self.read(record, item, replace=True, whole=True)
        self.check_revision(record, item)
        return self.write(record, item, given, created=False)

    def changed(self, record: Any, item: Item) -> Any:
        self.may(record, CHANGE, item)
        given = self.read(record, item, replace=False, whole=False)
        self.check_revision(record, item)
        return self.write(record, item, given, created=False)

    def deleted(self, record: Any, item: Item) -> None:
        """Raises Refusal (409) where other records depend on it."""
        self.may(record, DELETE, item)
        given = self.read(record, item, replace=False, whole=False)
        self.check_revision(record, item)
        self.check_deletable(record, item)
        try:
            delete_whole(record, reason=given.reason or self.header_reason)
        except ProtectedError as exc:
            raise Refusal(409, *self.dependents(sorted(exc.protected_objects, key=str), item)) from exc

    def read(self, record: Any, item: Item, *, replace: bool, whole: bool) -> Given:
        readable = list(self.face().fields)
        try:
            return read(self.entry, record, item.data, readable=readable, replace=replace, whole=whole)
        except Refusal as exc:
            raise moved(exc, item.place) from exc

    def write(self, record: Any, item: Item, given: Given, *, created: bool) -> Any:
        """Write it with its one entry; no entry where nothing changes. Raises Refusal."""
        before = {} if created else current_state(record)
        for name, value in given.values.items():
            setattr(record, name, value)
        self.prepare(record, item, given, created=created)
        self.check_guarded(record, item, before, created=created)
        self.check(record, item)
        self.may(record, ADD if created else CHANGE, item)
        if created or says_else(record, given, before):
            self.save(record, item, given, created=created)
        self.save_rows(record, item, given, created=created)
        return record

    def save(self, record: Any, item: Item, given: Given, *, created: bool) -> None:
        try:
            with transaction.atomic(), one_entry(record, created=created, reason=given.reason or self.header_reason):
                record.save(force_insert=created)
                for name, records in given.lists.items():
                    getattr(record, name).set(records)
        except IntegrityError as exc:
            if created:
                record.pk = None
            self.check(record, item)  # whoever was faster is on record now, and is named
            raise Refusal(409, overtaken(item.place)) from exc

    # -- what a kind may add -----------------------------------------------------------------------------

    def prepare(self, record: Any, item: Item, given: Given, *, created: bool) -> None:
        """Fill in what follows from what was sent; the kind's own objections as Refusal."""

    def save_rows(self, record: Any, item: Item, given: Given, *, created: bool) -> None:
        """Write the rows that are sent with the record but have a history of their own."""

    def check_deletable(self, record: Any, item: Item) -> None:
        """Raises Refusal (409) for what names the record in a list of its own: it would be shortened without a word."""
        users = list(users_of(record))
        if users:
            raise Refusal(409, *self.dependents(users, item))

    # -- checks ----------------------------------------------------------------------------------------

    def may(self, record: Any, verb: str, item: Item) -> None:
        """Raises Refusal (403) for a record beyond the person's reach."""
        if not may(self.request.user, verb, record):
            raise Refusal(403, Fault(item.place, "not_yours", str(NOT_YOURS)))

    def check_revision(self, record: Any, item: Item) -> None:
        """Raises Refusal where the client does not say which version it has seen (428), or saw an older one (412)."""
        if item.place:
            at, seen = f"{item.place}/revision", item.data.get("revision")
            missing = _("revision: send the number that the record had when you read it.")
        else:
            at, seen = IF_MATCH, self.request.headers.get(IF_MATCH)
            missing = _("If-Match: send the ETag of the version that you have read.")
        if seen is None:
            raise Refusal(428, Fault(at, "required", missing))
        if item.place and type(seen) is not int:
            text = _("Write a whole number, without quotes.")
            raise BadRequest(Fault(at, "invalid_type", labelled(name_at(at), text)))
        wanted = {seen} if item.place else wanted_revisions(seen)
        now = revision_of(record)
        if wanted is not None and now not in wanted:
            text = _("The record has changed since: this is revision %(now)d. Read it again and repeat your change.")
            headers = {} if item.place else {"ETag": self.tag(record.pk)}
            raise Refusal(412, Fault(at, "stale", text % {"now": now}), headers=headers)

    def check_guarded(self, record: Any, item: Item, before: Mapping[str, Any], *, created: bool) -> None:
        """Raises Refusal (403) for fields that only others may change."""
        fresh = self.model()
        faults = []
        for name, guarded in guards_of(self.model, recorded=not created):
            fields = [record._meta.get_field(field) for field in guarded]
            was = [getattr(fresh, field.attname) if created else before[field.name] for field in fields]
            changed = [f.name for f, old in zip(fields, was, strict=True) if getattr(record, f.attname) != old]
            if changed and not self.request.user.has_perm(name):
                text = _("Your role may not change this.")
                faults += [self.fault(item, field, "not_yours", text) for field in changed]
        if faults:
            raise Refusal(403, *faults)

    def check(self, record: Any, item: Item) -> None:
        """Raises Refusal with everything that the record's own rules say against it."""
        try:
            record.full_clean()
        except ValidationError as exc:
            raise refused(rule_faults(exc, self.entry, item.place)) from exc

    def fault(self, item: Item, field: str, code: str, text: str) -> Fault:
        at = f"{item.place}/{pointed(self.entry.name_of(field))}"
        return Fault(at, code, labelled(name_at(at), text))

    def dependents(self, records: Sequence[models.Model], item: Item) -> Iterator[Fault]:
        """The records that depend on one, each by kind and name; of many the first and how many more."""
        for record in records[:MOST_NAMED]:
            text = _("It is still used by: %(record)s. Change or delete that first.")
            named = labelled(capfirst(record._meta.verbose_name), short(record))
            yield Fault(item.place, "in_use", text % {"record": named})
        more = len(records) - MOST_NAMED
        if more > 0:
            text = ngettext("And by %(count)d more record.", "And by %(count)d more records.", more)
            yield Fault(item.place, "in_use", text % {"count": more})

    # -- the answer ------------------------------------------------------------------------------------

    def answer(self, done: Sequence[Any], *, many: bool, status: int) -> HttpResponse:
        if status == 204:
            return HttpResponse(status=204)
        rows = self.shown([record.pk for record in done])
        if many:
            return HttpResponse(JSONRenderer().render(rows), status=status, content_type="application/json")
        record, row = done[0], rows[0]
        response = HttpResponse(JSONRenderer().render(row), status=status, content_type="application/json")
        response.revision = row["revision"]  # type: ignore[attr-defined]  # one record's answer: its tag stays strong
        response["ETag"] = tag_of(response.content, row["revision"])
        if status == 201:
            response["Location"] = api_address(record, self.request)
        return response

    def shown(self, keys: Sequence[int]) -> list[Any]:
        """These records as a read of each would show them today, in this order."""
        rows = self.with_facts(with_revision(self.records()).filter(pk__in=keys))
        found = {record.pk: self.on_the_day(record) for record in rows}
        if len(found) < len(set(keys)):  # what one of them belongs to was deleted meanwhile, as the end would find
            raise IntegrityError
        face = self.face()
        return [body(self.request, face.to_representation(found[key])) for key in keys]

    def tag(self, key: int) -> str:
        """The tag that a read of the record has now."""
        row = self.shown([key])[0]
        return tag_of(JSONRenderer().render(row), row["revision"])


def met_another(exc: Exception) -> bool:
    """Whether all was undone because of another request: what one needs was deleted, or each waited for the other.

    Done once more it sees what that one left.
    """
    return isinstance(exc, IntegrityError) or getattr(exc.__cause__, "pgcode", "") == DEADLOCK


def overtaken(place: str) -> Fault:
    text = _("Somebody else saved at the same moment. Read the record again, then repeat your change.")
    return Fault(place, "overtaken", text)


def reason_of(request: Request) -> str:
    """The reason that the header gives for all of it. Raises BadRequest for one that cannot be kept."""
    sent = request.headers.get(REASON, "")
    try:
        reason = sent.encode("latin-1").decode().strip()
    except (UnicodeDecodeError, UnicodeEncodeError) as exc:
        raise BadRequest(Fault(REASON, "invalid_header", _("X-Change-Reason: send it in UTF-8."))) from exc
    if len(reason) > MAX_REASON or any(unicodedata.category(char) in HIDDEN for char in reason):
        text = _("X-Change-Reason: use up to %(most)d characters, all of them visible.") % {"most": MAX_REASON}
        raise BadRequest(Fault(REASON, "invalid_header", text))
    return reason


def says_else(record: Any, given: Given, before: Mapping[str, Any]) -> bool:
    """Whether anything that was sent differs from what stands."""
    lists = {field.name for field in lists_of(type(record))}
    if any(getattr(record, f.attname) != before[f.name] for f in record._meta.concrete_fields if f.name in before):
        return True
    return any(
        name in lists and tuple(sorted(item.pk for item in records)) != before[name]
        for name, records in given.lists.items()
    )


def moved(exc: BadRequest, place: str) -> Refusal:
    """The same refusal with its faults below a place of the body."""
    faults = [
        replace(fault, pointer=f"{place}{fault.pointer}", message=f"{place.removeprefix('/')}/{fault.message}")
        for fault in exc.faults
    ]
    return Refusal(exc.status_code, *(faults if place else exc.faults))


def worst(refusals: Sequence[BadRequest]) -> BadRequest:
    """One refusal of all: with every fault, and the status that has to be mended first."""
    if len(refusals) == 1:
        return refusals[0]
    status = min((exc.status_code for exc in refusals), key=WORST_FIRST.index)
    return Refusal(status, *(fault for exc in refusals for fault in exc.faults))
