"""Sign-in through the page, and sessions that began a while ago."""

from datetime import datetime, timedelta

from django.test import Client
from django.urls import reverse

from accounts.sessions import SIGN_IN_KEY

PASSWORD = "a long enough one"  # of the users of `make_user`


def signed_in(name: str, **headers: str) -> Client:
    """Return a client that signed in on the page."""
    client = Client(headers=headers or None)
    sent = client.post(reverse("sign-in"), {"username": name, "password": PASSWORD})
    assert sent.status_code == 302
    return client


def can_sign_in(client: Client) -> bool:
    """Return whether the client is still signed in."""
    return client.get("/account/").status_code == 200


def age_session(client: Client, minutes: float) -> None:
    """Let the client's session have begun so many minutes earlier."""
    session = client.session
    began = datetime.fromisoformat(session[SIGN_IN_KEY]["at"]) - timedelta(minutes=minutes)
    session[SIGN_IN_KEY] = {**session[SIGN_IN_KEY], "at": began.isoformat()}
    session.save()
