"""What every request carries before a view sees it, a number, a language, a day; and what none may carry."""

import re
import uuid
from collections.abc import Callable
from urllib.parse import unquote_plus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.translation import gettext as _

from config.asof import read_as_of, today
from config.bodies import ContentTooLarge, body_of
from config.faults import BadRequest, Fault, short
from config.logs import TOKEN, request_id
from config.problems import CREDENTIALS, is_api, refuse, retry_after

Answer = Callable[[HttpRequest], HttpResponse]
SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
MOST_ADDRESS = 4_000  # characters of path and query
PAGE_METHODS = ("GET", "HEAD", "POST")
UNUSED_FEATURES = (  # of the browser: no page asks for any of them, and no script that gets in may
    *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone", "midi"),
    *("payment", "usb"),
)
ISOLATION_HEADERS = {
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in UNUSED_FEATURES),
    "Cross-Origin-Resource-Policy": "same-origin",
}
TRACKERS = {"isappinstalled", "nsukey", "scene", "clicktime", "enterid", "wxshare_count", "spm", "bd_vid"}
TRACKERS |= {"tdsourcetag", "sharer_shareinfo", "sharer_shareinfo_first", "chksm", "srcid", "pass_ticket"}
TRACKERS |= {"ddtab", "share_token", "scm", "wfr", "weibo_id", "xhsshare", "_ga", "_gl", "igshid", "mkt_tok"}
TRACKERS |= {"fbclid", "gclid", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "mc_cid", "mc_eid"}
SHARED_FROM = {"singlemessage", "groupmessage", "timeline", "weixin", "wechat", "qq", "weibo"}  # what WeChat puts there
TOKEN_NAMES = {"token", "access_token", "auth_token", "api_key", "apikey", "api-key", "x-api-key", "key", "auth"}
TOKEN_NAMES |= {"authorization", "bearer", "secret", "password", "session", "sessionid"}


class RequestId:
    """Gives each request a number, the caller's own when it sent a plain one, and hands it back.

    Also sets the language that the browser asks for, for refusals before ReaderLanguage: the thread has still that of
    its last request.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        number = number_of(request.headers.get("X-Request-ID", ""))
        request_id.set(number)
        request.id = number  # type: ignore[attr-defined]
        translation.activate(translation.get_language_from_request(request))
        response = self.get_response(request)
        response["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response


def number_of(given: str) -> str:
    """The number of a request: the one that its sender gave it, if that is plain and no token."""
    return given if SAFE_ID.fullmatch(given) and not TOKEN.search(given) else uuid.uuid4().hex


class IsolationHeaders:
    """Adds Permissions-Policy and Cross-Origin-Resource-Policy to every response, static files included."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in ISOLATION_HEADERS.items():
            response.setdefault(name, value)
        return response


class Door:
    """Refuses addresses longer than any of ours, and on pages the methods that no page has.

    A body sent in chunks is read here, up to the limit: what comes after takes one without a length for none.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if len(request.path) + len(request.META.get("QUERY_STRING", "")) > MOST_ADDRESS:
            text = _("This address has more than %(most)d characters. Leave out filters, or search for less.")
            return refuse(request, 414, text % {"most": MOST_ADDRESS})
        if request.method not in PAGE_METHODS and not is_api(request):
            response = refuse(request, 405, _("Pages are read with GET and sent with POST."))
            response["Allow"] = ", ".join(PAGE_METHODS)
            return response
        if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
            try:
                request.META["CONTENT_LENGTH"] = str(len(body_of(request)))
            except ContentTooLarge as exc:
                return refuse(request, exc.status_code, exc.detail, exc.faults)
        return self.get_response(request)


class TrackerParameters:
    """Takes known trackers out of the query string of a page, so that neither a link nor the cache key keeps them.

    Messengers and newsletters add them to whatever is shared. A misspelt filter is refused as before, and so is a
    tracker in an address of the API.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        text = request.META.get("QUERY_STRING", "")
        if text and not is_api(request):
            kept = "&".join(pair for pair in text.split("&") if not is_tracker(pair))
            if kept != text:
                request.META["QUERY_STRING"] = kept
                vars(request).pop("GET", None)  # read anew when it is asked for next
        return self.get_response(request)


def is_tracker(pair: str) -> bool:
    """Whether a parameter, as it stands in the query string, only says by which way the reader came."""
    name, _equals, value = (unquote_plus(part).lower() for part in pair.partition("="))
    return name in TRACKERS or name.startswith("utm_") or (name == "from" and value in SHARED_FROM)


class NoTokenInAddress:
    """Refuses credentials in an address of the API: logs, histories and proxies keep addresses."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = next((name for name in request.GET if name.lower() in TOKEN_NAMES), None) if is_api(request) else None
        if name is None:
            return self.get_response(request)
        text = _("%(name)s: no token in an address. Send a new one in the header “Authorization: Bearer …”.")
        message = text % {"name": name}
        response = refuse(request, 401, message, [Fault(name, "token_in_address", message)])
        response["WWW-Authenticate"] = CREDENTIALS
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
            response = refuse(request, exception.status_code, exception.detail, exception.faults)
            for name, value in retry_after(exception).items():
                response[name] = value
            return response
        return None
