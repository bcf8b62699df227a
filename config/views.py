"""The page on which people make and revoke the keys of their programs."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from config.forms import TokenForm
from config.tokens import MOST_TOKENS, revoke

SHOWN = 100  # the newest; those in force are at most half as many

Page = Callable[..., HttpResponse]


def own(view: Page) -> Page:
    """A page for whoever is signed in, of which no cache keeps anything."""
    return cache_control(no_store=True, private=True)(login_required(view))


@own
@sensitive_variables("made", "secret")
def tokens(request: HttpRequest) -> HttpResponse:
    """One's own tokens. The answer to a new one is the only time that its secret is ever shown."""
    form = TokenForm(request.POST or None, user=request.user)
    made = form.make() if request.method == "POST" and form.is_valid() else None
    if made is None:
        return render(request, "tokens/list.html", listed(request, form))
    token, secret = made
    return render(request, "tokens/made.html", {"title": _("Your new token"), "token": token, "secret": secret})


def listed(request: HttpRequest, form: TokenForm) -> dict[str, Any]:
    """Those that open something come first, newest first."""
    every = sorted(request.user.tokens.all()[:SHOWN], key=lambda token: bool(token.ended))  # type: ignore[union-attr]
    return {"title": _("Tokens for programs"), "form": form, "tokens": every, "most": MOST_TOKENS}


@own
@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """At once and for good. Somebody else's is not there."""
    token = get_object_or_404(request.user.tokens, pk=pk)  # type: ignore[union-attr]
    revoke(token)
    messages.success(request, _("“%(name)s” is revoked: from now on it opens nothing.") % {"name": token.name})
    return redirect("tokens")
