"""API tokens: created and revoked by their owner or the command line, shown once, stored as a digest."""

import hashlib
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import MAX_ACTIVE_TOKENS, Token, active_tokens, create_token
from policies.models import Province
from tests.support.api_client import is_accepted, make_user

pytestmark = pytest.mark.django_db
TOKENS = "/tokens/"


@pytest.fixture
def editor(home: Province, client: Client) -> User:
    """Return an editor who is signed in as `client`."""
    user = make_user("editor", "provincial_editor", home)
    client.force_login(user)
    return user


# -- kept ------------------------------------------------------------------------------------------------


def test_what_is_kept_opens_nothing(editor: User) -> None:
    token, secret = create_token(user=editor, name="x")
    assert re.fullmatch(r"spt_[A-Za-z0-9_-]{43}", secret)
    assert token.digest == hashlib.sha256(secret.encode()).hexdigest()
    assert token.prefix == secret[:8]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_token")
        assert secret not in repr(cursor.fetchall())
    assert (is_accepted(secret), is_accepted(token.digest)) == (True, False)


def test_there_is_an_end_to_their_number(editor: User, client: Client) -> None:
    """What has ended does not count."""
    tokens = [create_token(user=editor, name=f"t{n}")[0] for n in range(MAX_ACTIVE_TOKENS)]
    text = "There are 50 tokens in force, and no more are allowed. Revoke one first."
    with pytest.raises(CommandError, match=text):
        run_command("create_token", "editor")
    assert text in client.post(TOKENS, {"name": "one more", "days": "30", "kind": "api"}).text
    assert Token.objects.count() == MAX_ACTIVE_TOKENS
    create_token(user=make_user("other"), name="theirs are counted apart")
    Token.objects.filter(pk=tokens[0].pk).update(expires_at=timezone.now())
    create_token(user=editor, name="one more")
    assert active_tokens(editor).count() == MAX_ACTIVE_TOKENS


# -- the page --------------------------------------------------------------------------------------------


def test_a_token_is_shown_once(editor: User, client: Client) -> None:
    """On the answer to the form and nowhere else: in no address, session or message, on no page that comes after."""
    answer = client.post(TOKENS, {"name": "Nightly", "days": "30", "kind": "api", "may_write": "on"})
    secret = answer.context["secret"]
    assert (answer.status_code, answer.text.count(secret)) == (200, 1)
    assert "no-store" in answer["Cache-Control"]
    token = Token.objects.get()
    assert (token.user, token.name, token.may_write) == (editor, "Nightly", True)
    assert abs(token.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)
    after = client.get(TOKENS)
    assert secret not in after.text
    assert token.prefix in after.text
    assert token.digest not in after.text
    assert secret not in repr([session.get_decoded() for session in Session.objects.all()])
    assert [*get_messages(after.wsgi_request)] == []
    assert secret not in repr([answer.headers, client.cookies])
    assert is_accepted(secret)


def test_one_press_revokes(editor: User, client: Client) -> None:
    token, secret = create_token(user=editor, name="Nightly")
    answer = client.post(f"{TOKENS}{token.pk}/revoke/", follow=True)
    assert answer.redirect_chain == [(TOKENS, 302)]
    assert "“Nightly” is revoked: from now on it opens nothing." in answer.text
    assert not is_accepted(secret)
    when = Token.objects.get().revoked_at
    client.post(f"{TOKENS}{token.pk}/revoke/")
    assert Token.objects.get().revoked_at == when


# -- the command line ------------------------------------------------------------------------------------


def run_command(*words: Any) -> tuple[str, str]:
    """Return the standard output and error of a command."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_command_prints_the_secret_alone(editor: User) -> None:
    out, err = run_command("create_token", "editor", "--write", "--days", "7", "--name", "Nightly")
    secret = out.removesuffix("\n")
    token = Token.objects.get()
    assert (token.user, token.name, token.may_write) == (editor, "Nightly", True)
    assert (token.expires_at - timezone.now()).days == 6
    assert is_accepted(secret)
    assert "It is shown this once." in err
    assert secret not in err


REFUSED = [
    (["edito"], "username: There is no “edito” here. Did you mean “editor”?"),
    (["gone"], "gone is deactivated, and tokens with it. Activate the account first, in /admin/."),
    (["editor", "--days", "0"], "--days 0: choose from 1 to 365."),
    (["editor", "--name", "x" * 61], "--name: use up to 60 characters, all of them visible."),
]


@pytest.mark.parametrize(("words", "message"), REFUSED)
def test_what_the_command_rejects_makes_nothing_and_shows_the_remedy(
    editor: User, words: list[str], message: str
) -> None:
    User.objects.create_user("gone", is_active=False)
    with pytest.raises(CommandError) as refused:
        run_command("create_token", *words)
    assert (str(refused.value), refused.value.returncode) == (message, 1)
    assert not Token.objects.exists()


@pytest.mark.parametrize("by", ["start", "pk", "secret"])
def test_a_token_is_revoked_by_what_is_known_of_it(editor: User, by: str) -> None:
    (token, secret), (_other, kept) = create_token(user=editor, name="x"), create_token(user=editor, name="y")
    word = {"start": f"{token.prefix}…", "pk": str(token.pk), "secret": secret}[by]
    assert run_command("revoke_token", word) == (f"x ({token.prefix}…) of editor is revoked.\n", "")
    assert (is_accepted(secret), is_accepted(kept)) == (False, True)


def test_what_names_no_token_or_two_revokes_none(editor: User) -> None:
    tokens = [create_token(user=editor, name="x")[0] for _ in range(2)]
    Token.objects.update(prefix="spt_same")
    with pytest.raises(CommandError, match=f"Several begin so.*{tokens[0].pk}: x .* of editor"):
        run_command("revoke_token", "spt_same")
    for word in ("spt_else", "0", "9" * 40, ""):
        with pytest.raises(CommandError, match="No token that is not revoked yet"):
            run_command("revoke_token", word)
    assert active_tokens(editor).count() == 2
