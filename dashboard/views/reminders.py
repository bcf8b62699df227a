"""Pages of reminders: a user's settings, and the link that ends the mail without signing in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from core.http.as_of import today
from core.http.request_log import security_log
from core.pages import private_page
from core.web.list_pages import reject_unknown_params
from dashboard.analytics.working_days import WorkingCalendar
from dashboard.forms import MailSettingsForm
from dashboard.models import Told
from dashboard.reminders.people import end_mail, mail_notices, settings_of, user_of

MAILS_SHOWN = 20
PARAMS = {"lang", "as_of", "known"}


@private_page
def reminders(request: HttpRequest) -> HttpResponse:
    """Show and set how often and in which language the user gets mail, and what was sent lately."""
    reject_unknown_params(request, PARAMS)
    user: Any = request.user
    chosen = settings_of(user)
    form = MailSettingsForm(request.POST or None, instance=chosen)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Your settings of reminders are saved."))
        return redirect("reminders")
    context = {
        "title": _("Reminders by mail"),
        "crumbs": [{"url": "account", "label": _("Your account")}, {"label": _("Reminders by mail")}],
        "person": user,
        "form": form,
        "notices": mail_notices(user, today(), WorkingCalendar.load()),
        "refused": chosen.refused_address if chosen.refused_address == user.email else "",
        "mails": Told.objects.filter(user=user, thing=Told.DIGEST).order_by("-day")[:MAILS_SHOWN],
        "sends": settings.MAIL,
    }
    return render(request, "reminders/settings.html", context)


@csrf_exempt  # the address is signed; mail programs post to it without a session (RFC 8058)
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, signed: str) -> HttpResponse:
    """Ask whether to end the mail, and end it by POST: programs that only look at links change nothing."""
    user = user_of(signed)
    if user is None:
        raise Http404
    if request.method == "POST":
        end_mail(user)
        security_log.info("reminders ended by a link", extra={"user": user.pk})
    context = {"title": _("No more reminders"), "done": request.method == "POST"}
    response = render(request, "reminders/unsubscribe.html", context)
    add_never_cache_headers(response)
    return response
