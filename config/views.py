"""Pages that belong to no domain: tokens for programs, and robots.txt."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from config.demonstration import is_demonstration
from config.forms import TokenForm
from config.sessions import own
from config.tokens import MOST_TOKENS, revoke

ROBOTS_RULES = [
    *(f"Disallow: {path}" for path in ("/admin/", "/api/", "/search/", "/sign-in/", "/account/", "/tokens/")),
    *(f"Disallow: /*{word}=" for word in ("as_of", "chart", "export", "page", "sort")),
    *(f"Allow: {path}" for path in ("/api/docs/", "/api/use/")),
]
SHOWN = 100  # the newest; those in force are at most half as many


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


def robots(request: HttpRequest) -> HttpResponse:
    """robots.txt: nothing of an internal site or of a demonstration is for search engines.

    Of a public one the pages are, in both languages; not each of their days, orders and files, which have no end.
    """
    closed = settings.SITE_ACCESS == "internal" or is_demonstration(request)
    rules = ["Disallow: /"] if closed else ROBOTS_RULES
    return HttpResponse("\n".join(["User-agent: *", *rules, ""]), content_type="text/plain; charset=utf-8")
