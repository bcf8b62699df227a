"""Idempotency-Key: a request repeated under the same key within a day gets the same response, and nothing is done
twice.

The key is claimed in the transaction that does the work, so that a crash leaves neither or both. A second request with
the key waits until the first one ends.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import Problem, bad_request_response
from core.http import read_body

IDEMPOTENCY_KEY_HEADER = "Idempotency-Key"
KEY_PATTERN = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
RETENTION = timedelta(hours=24)
REPLAYED_HEADERS = ("ETag", "Location", "Content-Type")


class IdempotencyRecord(models.Model):
    """Response to a request with an Idempotency-Key, replayed when the request is repeated within a day."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of method, URL, If-Match and body
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = gettext_lazy("idempotency record")
        verbose_name_plural = gettext_lazy("idempotency records")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="keptanswer_once_a_user")]

    def __str__(self) -> str:
        return self.key


def run_idempotent(request: HttpRequest, user: Any, work: Callable[[], HttpResponse]) -> HttpResponse:
    """Run the work in one transaction, or return the response stored under the request's Idempotency-Key.

    An error response is stored under the key as well. Raises Problem: 422 for a key that came with another request,
    400 for an invalid one.
    """
    key = request.headers.get(IDEMPOTENCY_KEY_HEADER)
    if key is None:
        with transaction.atomic():
            return work()
    if not KEY_PATTERN.fullmatch(key):
        text = _("Idempotency-Key: use 1 to 255 visible ASCII characters, for example a UUID.")
        raise Problem(IDEMPOTENCY_KEY_HEADER, "invalid_key", text)
    fingerprint = request_fingerprint(request)
    with transaction.atomic():
        delete_expired_records()
        # Waits until another request that has the key has ended.
        records = IdempotencyRecord.objects.select_for_update()
        kept, _created = records.get_or_create(user=user, key=key, defaults={"fingerprint": fingerprint})
        if kept.fingerprint != fingerprint:
            text = _("Idempotency-Key: this key came with another request already. Use a new one for each request.")
            raise Problem(IDEMPOTENCY_KEY_HEADER, "key_reused", text, status=422)
        if kept.status is not None:
            replayed = {**kept.headers, "Idempotent-Replayed": "true"}
            return HttpResponse(kept.body.encode(), status=kept.status, headers=replayed)
        try:
            with transaction.atomic():
                answer = work()
        except Problem as exc:
            answer = bad_request_response(request, exc)
        kept.status, kept.body = answer.status_code, answer.content.decode()
        kept.headers = {name: answer[name] for name in REPLAYED_HEADERS if answer.has_header(name)}
        kept.save()
    return answer


def delete_expired_records() -> None:
    IdempotencyRecord.objects.filter(created_at__lt=timezone.now() - RETENTION).delete()


def request_fingerprint(request: HttpRequest) -> str:
    """Hash method, URL, If-Match and body: requests with equal fingerprints are the same request."""
    parts = [request.method or "", request.get_full_path(), request.headers.get("If-Match", "")]
    if request.content_type != "multipart/form-data":
        content = read_body(request)
    else:  # the body of a form may be larger than what is read at once
        digest = hashlib.sha256(repr(sorted(request.POST.lists())).encode())
        files: Any = request.FILES
        for name, file in sorted(files.items()):
            digest.update(f"\n{name} {file.name} {file.size}\n".encode())
            for chunk in file.chunks():
                digest.update(chunk)
            file.seek(0)
        content = digest.digest()
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + content).hexdigest()
