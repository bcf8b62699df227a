"""Idempotency-Key: whoever repeats a request under the same key within a day gets the same answer, and nothing twice.

The key is claimed in the transaction that does the work, so that a crash leaves neither or both. A second request with
the key waits for the first one's end.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from config.bodies import body_of
from config.entries import Refusal
from config.faults import BadRequest, Fault
from config.models import KeptAnswer

HEADER = "Idempotency-Key"
KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
KEPT = timedelta(hours=24)
REPLAYED = ("ETag", "Location", "Content-Type")
Work = Callable[[], HttpResponse]


def answered_once(
    request: HttpRequest, user: Any, work: Work, refuse: Callable[[Exception], HttpResponse]
) -> HttpResponse:
    """Do the work in one transaction, or give the answer that it had under its key.

    `refuse` makes an answer of an exception: a refusal is kept under the key as well. Raises Refusal (422) for a key
    that came with another request, BadRequest for what is no key.
    """
    key = key_of(request)
    if key is None:
        with transaction.atomic():
            return work()
    fingerprint = fingerprint_of(request)
    with transaction.atomic():
        KeptAnswer.objects.filter(kept_at__lt=timezone.now() - KEPT).delete()
        kept = claimed(user, key, fingerprint)
        if kept.status is not None:
            return replayed(kept, fingerprint)
        try:
            with transaction.atomic():
                answer = work()
        except BadRequest as exc:
            answer = refuse(exc)
        keep(kept, answer)
    return answer


def key_of(request: HttpRequest) -> str | None:
    """The key that the request names, None for none. Raises BadRequest for one that cannot be kept."""
    key = request.headers.get(HEADER)
    if key is not None and not KEY.fullmatch(key):
        text = _("Idempotency-Key: use 1 to 255 visible ASCII characters, for example a UUID.")
        raise BadRequest(Fault(HEADER, "invalid_key", text))
    return key


def fingerprint_of(request: HttpRequest) -> str:
    """What makes two requests the same one."""
    parts = [request.method or "", request.get_full_path(), request.headers.get("If-Match", "")]
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + body_of(request)).hexdigest()


def claimed(user: Any, key: str, fingerprint: str) -> KeptAnswer:
    """A new row under the key, or the one that stands there once its own request has ended."""
    try:
        with transaction.atomic():
            return KeptAnswer.objects.create(user=user, key=key, fingerprint=fingerprint)
    except IntegrityError:
        return KeptAnswer.objects.select_for_update().get(user=user, key=key)


def replayed(kept: KeptAnswer, fingerprint: str) -> HttpResponse:
    """Raises Refusal where the key stands for another request."""
    if kept.fingerprint != fingerprint:
        text = _("Idempotency-Key: this key came with another request already. Use a new one for each request.")
        raise Refusal(422, Fault(HEADER, "key_reused", text))
    response = HttpResponse(kept.body.encode(), status=kept.status, headers=kept.headers)
    response["Idempotent-Replayed"] = "true"
    return response


def keep(kept: KeptAnswer, answer: HttpResponse) -> None:
    kept.status, kept.body = answer.status_code, answer.content.decode()
    kept.headers = {name: answer[name] for name in REPLAYED if answer.has_header(name)}
    kept.save()
