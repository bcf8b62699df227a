"""Sign-in through the page, sessions that began a while ago, and the codes of an authenticator app."""

import base64
import hashlib
import hmac
import re
import struct
import time
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from accounts.sign_in import SIGNED_IN_AT

PASSWORD = "a long enough one"  # of the users of `make_user`


def signed_in(name: str, address: str = "127.0.0.1", **headers: str) -> Client:
    """Return a client that signed in on the page."""
    client = Client(headers=headers or None, REMOTE_ADDR=address)
    sent = client.post(reverse("sign-in"), {"username": name, "password": PASSWORD})
    assert sent.status_code == 302
    return client


def client_of(user: User, **options: Any) -> Client:
    """Return a client that is signed in, without the page."""
    client = Client(**options)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def staff_client(*permissions: str) -> Client:
    """Return a client of a user of the admin with only these permissions."""
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return client_of(user)


def can_sign_in(client: Client) -> bool:
    """Return whether the client is still signed in."""
    return client.get("/account/").status_code == 200


def age_session(client: Client, minutes: float) -> None:
    """Let the client's session have begun so many minutes earlier."""
    session = client.session
    session[SIGNED_IN_AT] -= minutes * 60
    session.save()


def totp_code(secret: str, step: int = 0) -> str:
    """Return the six figures that an app shows (RFC 6238); `step` half minutes later than now."""
    counter = struct.pack(">Q", int(time.time()) // 30 + step)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 1_000_000:06}"


def set_up_app(client: Client) -> str:
    """Set up an authenticator app on the pages; return its secret."""
    found = re.search(r'<code translate="no">([A-Z2-7]{32})</code>', client.get("/account/second-factor/app/").text)
    assert found
    done = client.post("/account/second-factor/app/", {"code": totp_code(found[1])})
    assert (done.status_code, done["Location"]) == (302, "/account/second-factor/codes/")
    return found[1]
