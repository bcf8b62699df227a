"""Single sign-on against a real OpenID Connect provider, started from a package: each case through the front door."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from accounts.models import Officer, create_token
from tests.support.api_client import make_user
from tests.support.sign_in import PASSWORD, age_session, can_sign_in, set_up_app, signed_in, totp_code

pytestmark = [pytest.mark.process, pytest.mark.django_db, pytest.mark.usefixtures("empty")]
LINKED = "/account/linked/"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Provider:
    """The provider of the tests, and the browser that signs in at it."""

    def __init__(self, port: int) -> None:
        self.port, self.address = port, f"http://127.0.0.1:{port}"

    def send(self, method: str, path: str, body: str, kind: str) -> Any:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            answer.read()
            return answer

    def has(self, sub: str, **claims: Any) -> None:
        """Let the provider know a person with these claims."""
        assert self.send("PUT", f"/users/{sub}", json.dumps(claims), "application/json").status == 204

    def sign_in(self, client: Client, sub: str, *, secure: bool = False, **sent: str) -> Any:
        """Sign in at the provider as this person; return the answer of our callback."""
        begun = client.post("/sign-in/sso/", {"next": "/account/", **sent}, secure=secure)
        target = urlsplit(begun["Location"])
        assert f"{target.scheme}://{target.netloc}" == self.address, begun["Location"]
        form = urlencode({"sub": sub})
        done = self.send("POST", f"{target.path}?{target.query}", form, "application/x-www-form-urlencoded")
        back = urlsplit(done.getheader("Location"))
        assert (back.scheme, back.path) == ("https" if secure else "http", "/sign-in/sso/callback/")
        return client.get(f"{back.path}?{back.query}", secure=secure)


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    provider = Provider(free_port())
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(provider.port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        for _ in range(300):
            with suppress(OSError):
                provider.send("GET", "/.well-known/openid-configuration", "", "text/plain")
                break
            with suppress(subprocess.TimeoutExpired):  # wait between two attempts, ended early if it exits
                process.wait(timeout=0.1)
                break
        yield provider
        process.terminate()


@pytest.fixture
def provider(running: Provider, settings: Any) -> Provider:
    settings.OIDC_SERVER, settings.OIDC_CLAIM, settings.OIDC_NAME = running.address, "groups", "Ministry ID"
    app = {"provider_id": "sso", "name": "Ministry ID", "client_id": "tracker", "secret": "secret"}
    app |= {"settings": {"server_url": running.address}}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
    settings.OIDC_ROLES = {"editors": ("national_editor", ""), "readers": ("viewer", "")}
    make_user("boss", "admin")
    return running


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int | None, str]]:
    """Return why single sign-on failed, by the log, and for whom: account and subject."""
    lines: list[Any] = [entry for entry in caplog.records if entry.message == "single sign-on failed"]
    return [(line.why, line.user, line.subject) for line in lines]


def told(client: Client, answer: Any) -> str:
    """Return the sentence on the sign-in page, which has the form for the password."""
    assert answer.status_code == 302, answer.text
    page = client.get(answer["Location"])
    assert (page.request["PATH_INFO"], 'name="password"' in page.text) == ("/sign-in/", True)
    [message] = [str(item) for item in page.context["messages"]]
    return message


UNMATCHED = "The provider knows you, but none of your groups has a role here. Ask an administrator for access."


@pytest.mark.parametrize("secure", [False, True])
def test_a_person_whom_a_mapping_lets_in_has_an_account_from_then_on(
    provider: Provider, client: Client, secure: bool
) -> None:
    provider.has("u1", preferred_username="li.na", email="li@example.org", name="Li Na", groups=["editors", "x"])
    assert "Sign in: Ministry ID" in client.get("/sign-in/").text
    done = provider.sign_in(client, "u1", secure=secure)
    assert (done.status_code, done["Location"]) == (302, "/account/")
    user = User.objects.get(username="li.na")
    assert (user.email, user.officer.role, user.is_staff, user.has_usable_password()) == (
        *("li@example.org", "national_editor", True),
        False,
    )
    assert [entry.change_message for entry in LogEntry.objects.all()] == ["Role by sign-in: national editor."]
    assert client.get("/account/", secure=secure).context["person"] == user
    _token, _secret = create_token(user=user, name="nightly")
    provider.has("u1", preferred_username="li.na", groups=["readers"])  # changed at the provider
    provider.sign_in(Client(), "u1", secure=secure)
    assert Officer.objects.get(user=user).role == "viewer"
    assert User.objects.get(pk=user.pk).tokens.get().revoked_why == "role"
    provider.has("u1", preferred_username="li.na")  # no claim: the role stays
    assert provider.sign_in(Client(), "u1", secure=secure)["Location"] == "/account/"
    assert (Officer.objects.get(user=user).role, User.objects.count()) == ("viewer", 2)


@pytest.mark.parametrize("claims", [{"groups": ["none"]}, {}])
def test_a_person_whom_no_mapping_lets_in_gets_a_sentence_and_no_account(
    provider: Provider, client: Client, claims: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    provider.has("u2", preferred_username="zhou", email="zhou@example.org", **claims)
    assert told(client, provider.sign_in(client, "u2")) == UNMATCHED
    assert logged(caplog) == [("no group has a role", None, "u2")]
    assert [user.username for user in User.objects.all()] == ["boss"]
    assert not can_sign_in(client)


@pytest.mark.parametrize("claims", [{"email": "WANG@example.org"}, {"preferred_username": "wang"}])
def test_who_has_an_account_signs_in_once_and_links_it(
    provider: Provider, claims: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    user = make_user("wang", "national_editor")
    User.objects.filter(pk=user.pk).update(email="wang@example.org")
    provider.has("u4", groups=["editors"], **claims)
    client = Client()
    refused = provider.sign_in(client, "u4")
    assert refused["Location"] == "/sign-in/?next=%2Faccount%2Flinked%2F"
    assert logged(caplog) == [("account is not linked", user.pk, "u4")]
    assert told(client, refused).startswith("There is an account with this name or mail address already.")
    sent = {"username": "wang", "password": PASSWORD, "next": LINKED}
    assert client.post("/sign-in/", sent)["Location"] == LINKED
    assert "Link it" in client.get(LINKED).text
    assert provider.sign_in(client, "u4", process="connect", next=LINKED)["Location"] == LINKED
    assert SocialAccount.objects.get().user == user
    later = Client()
    assert provider.sign_in(later, "u4")["Location"] == "/account/"
    assert later.get("/account/").context["person"] == user
    ended = client.post(LINKED, {"account": SocialAccount.objects.get().pk})
    assert (ended["Location"], SocialAccount.objects.count()) == (LINKED, 0)


def test_a_deactivated_account_stays_out(provider: Provider, client: Client) -> None:
    provider.has("u6", preferred_username="gone", groups=["editors"])
    provider.sign_in(client, "u6")
    User.objects.filter(username="gone").update(is_active=False)
    other = Client()
    assert told(other, provider.sign_in(other, "u6")) == "This account is deactivated. Ask an administrator."


def test_the_second_factor_is_asked_for_here_unless_the_provider_asked(provider: Provider, settings: Any) -> None:
    settings.MFA_GRACE_DAYS = 0
    provider.has("u7", preferred_username="qian", groups=["editors"])
    client = Client()
    provider.sign_in(client, "u7")
    assert client.get("/account/")["Location"] == "/account/second-factor/"
    provider.has("u7", preferred_username="qian", groups=["editors"], amr=["pwd", "mfa"])
    proved = Client()
    provider.sign_in(proved, "u7")
    assert can_sign_in(proved)
    provider.has("u7", preferred_username="qian", groups=["editors"])
    secret = set_up_app(client)
    again = Client()
    assert provider.sign_in(again, "u7")["Location"] == "/sign-in/second-factor/"
    assert again.post("/sign-in/second-factor/", {"code": totp_code(secret)})["Location"] == "/account/"


def test_who_has_no_password_confirms_at_the_provider(provider: Provider, client: Client) -> None:
    provider.has("u8", preferred_username="zheng", groups=["editors"])
    provider.sign_in(client, "u8")
    age_session(client, 11)
    asked = client.post("/tokens/", {"name": "nightly", "days": "5"})
    assert asked["Location"] == "/account/confirm/sso/?next=%2Ftokens%2F"
    assert "prompt%3Dlogin" in client.get(asked["Location"]).text
    assert provider.sign_in(client, "u8", next="/tokens/")["Location"] == "/tokens/"
    assert "spt_" in client.post("/tokens/", {"name": "nightly", "days": "5", "kind": "api"}).text


# -- what may go wrong -----------------------------------------------------------------------------------


def test_a_provider_that_is_down_leaves_the_form(provider: Provider, settings: Any) -> None:
    app = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]
    app["settings"]["server_url"] = f"http://127.0.0.1:{free_port()}"
    client = Client(headers={"accept-language": "zh-hans"})
    assert told(client, client.post("/sign-in/sso/")) == "Ministry ID暂无响应。请用密码登录，或稍后再试。"
    sent = {"username": "boss", "password": PASSWORD}
    secret = set_up_app(signed_in("boss"))
    assert client.post("/sign-in/", sent)["Location"] == "/sign-in/second-factor/"
    assert client.post("/sign-in/second-factor/", {"code": totp_code(secret, 1)})["Location"] == "/"
    assert client.get("/admin/auth/user/").status_code == 200


def test_an_answer_that_nobody_asked_for(provider: Provider, client: Client) -> None:
    forged = client.get("/sign-in/sso/callback/?code=x&state=y")
    assert told(client, forged) == "That took too long, or began in another window. Start once more."
    begun = client.post("/sign-in/sso/")
    state = dict(pair.split("=") for pair in urlsplit(begun["Location"]).query.split("&"))["state"]
    stopped = client.get(f"/sign-in/sso/callback/?error=access_denied&state={state}")
    assert told(client, stopped) == "You stopped it there."
    begun = client.post("/sign-in/sso/")
    state = dict(pair.split("=") for pair in urlsplit(begun["Location"]).query.split("&"))["state"]
    wrong = client.get(f"/sign-in/sso/callback/?code=wrong&state={state}")
    assert told(client, wrong) == "Ministry ID sent an answer that is not valid. Sign in with your password."
    assert [user.username for user in User.objects.all()] == ["boss"]


def test_without_the_settings_there_is_no_single_sign_on(client: Client) -> None:
    make_user("wang")
    assert "/sign-in/sso/" not in client.get("/sign-in/").text
    assert client.post("/sign-in/sso/").status_code == 404
    assert client.get("/sign-in/sso/").status_code == 405
    assert signed_in("wang").get(LINKED).status_code == 404
