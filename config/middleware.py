"""What every request carries before a view sees it: a number, a language, a day."""

import re
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.translation import gettext as _

from config.asof import read_as_of, today
from config.faults import BadRequest, Fault, short
from config.problems import refuse

Answer = Callable[[HttpRequest], HttpResponse]
SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class RequestId:
    """Gives each request a number, the caller's own when it sent a plain one, and hands it back."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request.id = given if SAFE_ID.fullmatch(given) else uuid.uuid4().hex  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response


class ReaderLanguage(LocaleMiddleware):
    """The language: `?lang=` in the address, else the switch's cookie, else the browser's preference."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:  # type: ignore[override]
        super().process_request(request)
        asked = request.GET.get("lang")
        if asked is None:
            return None
        code = {"zh": "zh-hans", "zh-cn": "zh-hans"}.get(asked.lower(), asked.lower())
        if code not in dict(settings.LANGUAGES):
            message = _("lang: “%(value)s” is not a language here. Use en or zh-hans.") % {"value": short(asked)}
            return refuse(request, 400, message, [Fault("lang", "invalid_choice", message)])
        translation.activate(code)
        request.LANGUAGE_CODE = code
        return None


class AsOf:
    """Puts the day asked for on the request, for pages and API alike; the admin always works on today."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.as_of, request.as_of_past = today(), False  # type: ignore[attr-defined]
        if not request.path_info.startswith("/admin/"):
            try:
                request.as_of = read_as_of(request.GET)  # type: ignore[attr-defined]
            except BadRequest as exc:
                return refuse(request, 400, exc.detail, exc.faults)
            request.as_of_past = request.as_of < today()  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A page that could not read its address says what was wrong with it."""
        if isinstance(exception, BadRequest):
            return refuse(request, 400, exception.detail, exception.faults)
        return None
