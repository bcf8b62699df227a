"""Settings, read from the environment alone and refused at start-up when wrong.

The table of variables stands in docs/operations.md. Nothing here imports either domain.
"""

import os
import re
from collections.abc import Callable, Collection
from difflib import get_close_matches
from email.utils import parseaddr
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from environ import Env
from psycopg2.extensions import make_dsn
from pythonjsonlogger.core import RESERVED_ATTRS

from config import __version__
from core.storage import CHART_URL, media_storage

VERSION = __version__  # shown in the footer, on /about/ and in the OpenAPI description
BASE_DIR = Path(__file__).resolve().parent.parent
NAMES: set[str] = set()  # of all variables


def variable(name: str, default: str = "", allowed: Collection[str] = ()) -> str:
    """Return a variable of the environment; SECRET_KEY_FILE=/run/secrets/key stands for SECRET_KEY, and so for each.

    What cannot be read, or is not among the allowed words where these are given, stops the start.
    """
    NAMES.add(name)
    file = os.environ.get(f"{name}_FILE")
    try:
        value = ((BASE_DIR / file).read_text(encoding="utf-8") if file else os.environ.get(name, default)).strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ImproperlyConfigured(f"{name}_FILE: {file} cannot be read: {exc}.") from exc
    if allowed and value not in allowed:
        raise ImproperlyConfigured(f"{name}={value!r}: use one of {', '.join(allowed)}.")
    return value


def flag(name: str, default: bool) -> bool:
    """Return a boolean variable; a word that is neither yes nor no stops the start instead of meaning no."""
    text = variable(name).lower()
    if text in {"", "1", "true", "yes", "on", "0", "false", "no", "off"}:
        return text in {"1", "true", "yes", "on"} if text else default
    raise ImproperlyConfigured(f"{name}={text!r}: use 1 or 0.")


def parsed(name: str, default: str, parse: Callable[[str], Any], remedy: str) -> Any:
    """Return what a variable means; where that fails the start stops with the remedy, and without the value, which may
    hold a password."""
    value = variable(name, default)
    try:
        return parse(value)
    except Exception as exc:  # whatever a library makes of a wrong value
        raise ImproperlyConfigured(f"{name}: {remedy}") from exc


def number(name: str, default: int, lowest: int, highest: int) -> int:
    text = variable(name) or str(default)
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise ImproperlyConfigured(f"{name}={text}: use a whole number from {lowest} to {highest}.")
    return int(text)


def made_folder(path: str) -> Path:
    """Return a folder that is there, by its path from the root of the source."""
    folder = BASE_DIR / path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def comma_list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in variable(name, default).split(",") if part.strip()]


# All that the product writes on its own disk; never in git.
VAR_DIR = parsed("VAR_DIR", "var", made_folder, "name a folder that can be made and that the service may write.")


def is_loopback(host: str) -> bool:
    """Whether an ALLOWED_HOSTS entry can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


DEBUG = flag("DEBUG", default=False)
ALLOWED_HOSTS = comma_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
HOST = re.compile(r"\.?[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]", re.IGNORECASE)
if not ALLOWED_HOSTS or not all(map(HOST.fullmatch, ALLOWED_HOSTS)):
    raise ImproperlyConfigured("ALLOWED_HOSTS: give the host names of the site, without ports, separated by commas.")
ONLY_THIS_MACHINE = all(is_loopback(host) for host in ALLOWED_HOSTS)
if DEBUG and not ONLY_THIS_MACHINE:
    raise ImproperlyConfigured("DEBUG=1 shows code to readers: use it with loopback ALLOWED_HOSTS only.")

SECRET_KEY = variable("SECRET_KEY", "development-only-" + "0123456789" * 4 if DEBUG else "")
if len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 10:
    raise ImproperlyConfigured("SECRET_KEY is missing or weak: give at least 50 random characters.")
SECRET_KEY_FALLBACKS = comma_list("SECRET_KEY_FALLBACKS")  # former ones
if any(len(key) < 50 or len(set(key)) < 10 for key in SECRET_KEY_FALLBACKS):
    raise ImproperlyConfigured("SECRET_KEY_FALLBACKS: give former SECRET_KEYs, separated by commas.")

INSTALLED_APPS = [
    "config.admin_site.TrackerAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "core.storage.ServedFiles",
    "csp",
    "accounts.apps.SignInLockoutConfig",  # django-axes
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "simple_history",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_tasks",
    "django_tasks_db",
    "core",
    "policies",
    "accounts",
    "pilots",
    "dashboard",
]

SITE_ACCESS = variable("SITE_ACCESS", "public", ("public", "internal"))
MIDDLEWARE = [
    "core.middleware.RequestMiddleware",
    "core.monitoring.OperationsMiddleware",  # before the host, https and the sign-in are looked at
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "core.caching.ResponseCacheMiddleware",  # a response from it costs nothing of what stands below
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Pads answers at random, and CSRF tokens are masked: no BREACH.
    "core.middleware.CompressionMiddleware",
    "csp.middleware.CSPMiddleware",
    "core.middleware.DemonstrationMiddleware",
    "pilots.middleware.StaleLightsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "core.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.sign_in.SignedInMiddleware",
    "core.snapshots.DaysMiddleware",
    *(["django.contrib.auth.middleware.LoginRequiredMiddleware"] if SITE_ACCESS == "internal" else []),
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
MENU = "dashboard.menu.MENU"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["django.templatetags.i18n", "django.templatetags.static", "core.templatetags.site"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "core.pages.site_context",
                "dashboard.context_processors.queried_when_asked_for",
            ],
        },
    }
]

# -- data ------------------------------------------------------------------------------------------
SQLITE_OPTIONS = {
    # IMMEDIATE: a read that becomes a write waits its turn instead of failing at once.
    # FULL: a write that was acknowledged survives a power cut.
    # Sorting spills to disk, so that an export of any length takes the same memory.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=134217728; "
        "PRAGMA journal_size_limit=27103364; PRAGMA cache_size=-20000;"
    ),
}
POSTGRESQL_OPTIONS = {
    # A server that takes connections and stays silent costs a request 3 seconds, one that vanished 10.
    "connect_timeout": 3,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "options": "-c jit=off",  # compiling our many short queries takes longer than running them
}


def database(url: str) -> dict[str, Any]:
    """Return Django's settings of a database. Raises some error for an address that is none."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite" and parts.netloc in {"", ":memory:"} and not parts.query:
        values: dict[str, Any] = Env.db_url_config(url)
        if values["NAME"] != ":memory:":
            values["NAME"] = str(BASE_DIR / values["NAME"])
        # Opening the file and setting it up costs more than a cached response.
        return {**values, "CONN_MAX_AGE": 60, "OPTIONS": SQLITE_OPTIONS}
    if not Env.DB_SCHEMES.get(parts.scheme, "").endswith(".postgresql"):
        raise ValueError(parts.scheme)
    values = Env.db_url_config(url)
    options = values.get("OPTIONS", {})
    if not values["NAME"]:
        raise ValueError(parts.path)
    make_dsn(**options)  # knows every option
    return {**values, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "OPTIONS": POSTGRESQL_OPTIONS | options}


address = "use sqlite:////FILE or postgres://USER:PASSWORD@HOST:PORT/NAME, and after ? options of libpq alone."
DATABASES = {"default": parsed("DATABASE_URL", f"sqlite:///{VAR_DIR / 'tracker.sqlite3'}", database, address)}
# What was known on a past day is read from a file of its own: core/snapshots.
DATABASE_ROUTERS = ["core.snapshots.SnapshotRouter"]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}  # core/jobs/queue.py
SNAPSHOT_DIR = VAR_DIR / "known"
BACKUP_DIR = BASE_DIR / (variable("BACKUP_DIR") or VAR_DIR / "backups")
BACKUP_KEEP = number("BACKUP_KEEP", 14, 1, 10_000)
# Rows that no backup has: who restores one signs in again, and the version of the data is made anew.
BACKUP_EXCLUDED_TABLES = {"django_session", "usersessions_usersession", "django_tasks_database_dbtaskresult"}
BACKUP_EXCLUDED_TABLES |= {"core_dataversion"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Rate limits, and what is computed from records: shared by all processes, and by machines where it is Redis.
answers = f"filecache://{VAR_DIR / 'answers'}"
CACHES = {
    "default": parsed("CACHE_URL", answers, Env.cache_url_config, "use redis://HOST:6379/0 or filecache:///FOLDER.")
}
CACHES["default"]["TIMEOUT"] = 24 * 3600
if "filebased" in CACHES["default"]["BACKEND"].lower():
    CACHES["default"]["BACKEND"] = "core.caching.ForgivingFileCache"
    CACHES["default"]["OPTIONS"] = {"MAX_ENTRIES": 5_000, **CACHES["default"].get("OPTIONS", {})}
elif "redis" in CACHES["default"]["BACKEND"].lower():  # a silent server holds up no request
    CACHES["default"]["BACKEND"] = "core.caching.ForgivingRedisCache"
    timeouts = {"socket_connect_timeout": 1, "socket_timeout": 1}
    CACHES["default"]["OPTIONS"] = timeouts | CACHES["default"].get("OPTIONS", {})
# core/caching.py; templates are read from the source at each change
CACHE_RESPONSES = flag("CACHE_RESPONSES", default=not DEBUG)
# The response cache rests on a version that writes to these tables change. Each sign-in updates last_login, on which
# no response depends.
VERSIONED_APPS = ("contenttypes", "auth", "core", "policies", "accounts", "pilots", "dashboard")
UNVERSIONED_TABLES = {
    "accounts_token",
    "core_idempotencyrecord",
    "core_changeevent",  # written with an entry of a history, in its transaction
    "core_dataversion",
    "core_backuprun",
    *("dashboard_workingday", "dashboard_mailsettings", "dashboard_told"),
}
UNVERSIONED_COLUMNS = {"auth_user": {"last_login"}}

# -- languages and time ------------------------------------------------------------------------------
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LANGUAGE_CODE = variable("LANGUAGE_CODE", "en", ("en", "zh-hans"))
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "locale/packages"]  # own texts; texts of packages worded anew
TIME_ZONE = "Asia/Shanghai"
FORMAT_MODULE_PATH = "config.formats"

# -- static files and charts ---------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / (variable("STATIC_ROOT") or VAR_DIR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
STORAGES = {
    "default": media_storage(variable("MEDIA_STORE"), VAR_DIR / "media"),
    "staticfiles": {"BACKEND": "core.storage.HashedStaticFilesStorage"},
}
if DEBUG:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# -- briefs on paper -----------------------------------------------------------------------------------
BRIEF_TEMPLATE = VAR_DIR / "brief.docx"  # the ministry's own
if not BRIEF_TEMPLATE.is_file():
    BRIEF_TEMPLATE = BASE_DIR / "dashboard/briefs/layouts/brief.docx"
BRIEF_FONTS = str(VAR_DIR / "fonts") if (VAR_DIR / "fonts").is_dir() else ""  # of PDF files; else those of the system
# Name and address of the licence of the data, such as "CC BY 4.0 https://creativecommons.org/licenses/by/4.0/".
DATA_LICENSE = variable("DATA_LICENSE")
licence_name, _space, licence_url = DATA_LICENSE.rpartition(" ")
if DATA_LICENSE and not (licence_name and urlsplit(licence_url).scheme in {"http", "https"}):
    raise ImproperlyConfigured("DATA_LICENSE: give a name and an address, such as My licence https://example.org/.")

ISOLATED = flag("ISOLATED", default=False)  # no request leaves the intranet

# -- security ----------------------------------------------------------------------------------------
# Without SITE_URL plain HTTP only where nobody else can listen, as with `make run`.
first_host = next((host for host in ALLOWED_HOSTS if not is_loopback(host)), "localhost").lstrip(".")
site_url = "http://localhost:8000" if ONLY_THIS_MACHINE else f"https://{first_host}"
SITE_URL = variable("SITE_URL", site_url).rstrip("/")  # of links in mails
site_parts = urlsplit(SITE_URL)
if site_parts.scheme not in {"http", "https"} or not site_parts.hostname or any(site_parts[2:]):
    raise ImproperlyConfigured(f"SITE_URL={SITE_URL!r}: use https://HOST or http://HOST:PORT, without a path.")
HTTPS = site_parts.scheme == "https"
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SILENCED_SYSTEM_CHECKS = ["security.W021"]  # no `preload`: the owner of the domain decides on the browsers' lists
BEHIND_PROXY = flag("BEHIND_PROXY", default=False)
if BEHIND_PROXY:  # only then are the proxy's headers believed
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
try:  # who may read /metrics; an address alone is a network of one
    METRICS_FROM = [ip_network(text) for text in comma_list("METRICS_FROM", "127.0.0.0/8,::1/128")]
except ValueError as exc:
    raise ImproperlyConfigured(f"METRICS_FROM: {exc}. Use 127.0.0.1/32,10.0.0.0/8.") from exc
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if HTTPS and not host.startswith(".")]
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
# Single sign-on by OpenID Connect, beside passwords.
OIDC_SERVER = variable("OIDC_SERVER").rstrip("/")
OIDC_CLIENT, OIDC_SECRET = variable("OIDC_CLIENT"), variable("OIDC_SECRET")
OIDC_CLAIM = variable("OIDC_CLAIM")  # whose values give roles; empty: roles are given by administrators
OIDC_ROLES: dict[str, tuple[str, str]] = {}  # value of the claim, * for any other: the role, and a province
for pair in filter(None, map(str.strip, re.split("[;\n]", variable("OIDC_ROLES")))):
    value, _equals, role = pair.rpartition("=")
    role, _colon, province = role.partition(":")
    known_role = role in ({"viewer"} if value == "*" else {"viewer", "provincial_editor", "national_editor", "admin"})
    if not value or not known_role or (role == "provincial_editor") is not bool(province):
        raise ImproperlyConfigured(f"OIDC_ROLES: {pair!r} is not VALUE=ROLE or VALUE=provincial_editor:PROVINCE.")
    OIDC_ROLES[value] = (role, province)
OIDC_NAME = variable("OIDC_NAME") or _("Single sign-on")
if OIDC_SERVER:
    oidc_parts = urlsplit(OIDC_SERVER)
    if oidc_parts.scheme != "https" and not (oidc_parts.scheme == "http" and is_loopback(oidc_parts.hostname or "")):
        raise ImproperlyConfigured("OIDC_SERVER: use the https:// address of the provider (its issuer).")
if len({bool(part) for part in (OIDC_SERVER, OIDC_CLIENT, OIDC_SECRET)}) > 1:
    raise ImproperlyConfigured("OIDC_SERVER, OIDC_CLIENT, OIDC_SECRET (or OIDC_SECRET_FILE): give all three or none.")
SOCIALACCOUNT_ADAPTER = "accounts.single_sign_on.ProviderAdapter"
OIDC_APP = {
    "provider_id": "sso",
    "name": OIDC_NAME,
    "client_id": OIDC_CLIENT,
    "secret": OIDC_SECRET,
    "settings": {"server_url": OIDC_SERVER},
}
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [OIDC_APP] if OIDC_SERVER else []}}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF] if ISOLATED else [SELF, CHART_URL],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        # The form that begins single sign-on is redirected to the provider, which browsers count as its action.
        "form-action": [SELF, *([f"{oidc_parts.scheme}://{oidc_parts.netloc}"] if OIDC_SERVER else [])],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "overview"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "accounts.authentication.RoleBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Who signed in, or confirmed it, longer ago than this is asked again before people, roles, tokens and restored records.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600  # seconds
ACCOUNT_ADAPTER = "accounts.sign_in.AccountAdapter"
ACCOUNT_AUTHENTICATED_LOGIN_REDIRECTS = False  # who is at the second step can go back to the first
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_FORMS = {"login": "accounts.forms.SignInForm", "reset_password": "accounts.forms.ForgottenPasswordForm"}
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105
ACCOUNT_SESSION_REMEMBER = True
# Kept in the cache for all processes together. Offices share an address, and nobody locks a name where its owner has
# signed in before: accounts/sign_in.py.
ACCOUNT_RATE_LIMITS: dict[str, str] | bool = {
    "login": "600/m/ip",
    "failed_here": "60/15m/ip,100/15m/key",  # ours: wrong passwords, from an address and for a name
    "login_failed": "10/15m/key",  # codes of a second factor, for the account
    "reauthenticate": "10/15m/user",
    "change_password": "10/15m/user",
    "reset_password": "60/15m/ip,5/15m/key",
    "reset_password_from_key": "60/15m/ip",
}
# From editors up a second factor is required, after so many days of grace.
MFA_GRACE_DAYS = number("MFA_GRACE_DAYS", 30, 0, 3_650)
MFA_ADAPTER = "accounts.sign_in.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 1  # codes of the half minute before and after, for clocks that differ
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # browsers offer passkeys over plain HTTP on this machine only
# A link to a new password: by mail where EMAIL_URL names a server, by an administrator in any case.
MAIL = bool(variable("EMAIL_URL"))
if MAIL:
    server = "use smtp+tls://USER:PASSWORD@HOST:PORT or smtp://HOST:PORT."
    globals().update(parsed("EMAIL_URL", "", Env.email_url_config, server))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = variable("EMAIL_FROM") or f"tracker@{first_host}"
if not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(DEFAULT_FROM_EMAIL)[1]):
    raise ImproperlyConfigured(f"EMAIL_FROM={DEFAULT_FROM_EMAIL!r}: use NAME@HOST or Name <NAME@HOST>.")
PASSWORD_RESET_TIMEOUT = 24 * 3600
# Five failures slow one name at one address, for 15 minutes from the fifth; the same name from elsewhere still gets in.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "core.http.client_address"
AXES_USERNAME_CALLABLE = "accounts.sign_in.stored_name"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_VERBOSE = False
CSRF_FAILURE_VIEW = "core.errors.csrf_failed"

# How many requests one caller may send in how many seconds: core/http.py says who counts as one.
RATE_LIMITS = {
    "anonymous": (600, 60),
    "signed-in": (3_000, 60),
    "writes": (1_200, 60),
    "files": (120, 60),
    "anonymous-files": (3, 30),
    "past-days": (6, 60),
    "failed-tokens": (60, 60),
}
if not flag("RATE_LIMITS_ENABLED", default=True):
    RATE_LIMITS, ACCOUNT_RATE_LIMITS = {}, False

# Everything goes to the console, where the server's supervisor takes it: one line a request, and what went wrong.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "core.request_log.RequestContextFilter"}},
    "formatters": {
        "json": {  # in ASCII: no input can break a line, colour it or reverse its direction
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": ["levelname", "name", "message", "request_id"],
            "rename_fields": {"levelname": "level", "name": "logger"},
            "reserved_attrs": [*RESERVED_ATTRS, "request", "status_code", "server_time"],
            "timestamp": "time",
        },
        "plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "plain" if DEBUG else "json", "filters": ["context"]}
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "axes": {"level": "ERROR"},  # core.request_log tells of sign-ins, without the name that was typed
        "django": {"level": "INFO"},
        "django.request": {"level": "ERROR"},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "gunicorn.error": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "tracker": {"level": "INFO"},
    },
}

# -- history and API -----------------------------------------------------------------------------------
SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True
API_ACCESS = {"public": "AllowAny", "internal": "IsAuthenticated"}
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerAuthentication",
        "accounts.authentication.CsrfExplainingSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": [f"rest_framework.permissions.{API_ACCESS[SITE_ACCESS]}"],
    "DEFAULT_SCHEMA_CLASS": "core.api.schema.ApiAutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["core.http.RateThrottle"],
    "EXCEPTION_HANDLER": "core.http.exception_handler",
    "COERCE_DECIMAL_TO_STRING": False,
}
FILTERS_EMPTY_CHOICE_LABEL = _("all")
FILTERS_VERBOSE_LOOKUPS = {  # labels of filters: "Issued on is greater than or equal to"
    "exact": "",
    "in": "is one of these, separated by commas",
    "ne": "is none of these, separated by commas; records without any are listed",
    "gte": "is greater than or equal to",
    "lte": "is less than or equal to",
    "gt": "is greater than",
    "lt": "is less than",
    "isnull": "is missing: true or false",
    "icontains": "contains, in capitals or small letters",
    "startswith": "starts with, in capitals or small letters",
}
ENUMS = {  # lists of choices under the names that clients know
    "policies.models": (
        "Confidence Level Precision ProvinceKind Region PolicyKind PlanStatus FigureKind FigureState Unit"
    ),
    "pilots.models": (
        "PilotKind CityType Facet Colour TargetKind ValueStatus ReadingState IndicatorKind Direction "
        "RollUp SynergyUse PracticeField PracticeState CostKind FollowUpKind Cause PromiseState AmendmentState "
        "StageResult"
    ),
    "pilots.metrics": "FollowUpState Move CoControl",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Synergy Pilot Tracker API",
    "DESCRIPTION": (
        "Everything the pages show, for programs: the same records, the same numbers, made by the same functions. "
        "The guide, with programs that run, is docs/api.md."
    ),
    "VERSION": __version__,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "DISABLE_DOCSTRING_DESCRIPTIONS": True,  # docstrings are for those who read the code, in English
    "SWAGGER_UI_DIST": "SIDECAR",  # served by ourselves
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "docExpansion": "none",
        "defaultModelsExpandDepth": 0,
        "validatorUrl": None,  # else Swagger UI sends the address of the schema to a validator on the internet
    },
    "SORT_OPERATION_PARAMETERS": False,  # an address's own filters come before what all share
    "ENUM_NAME_OVERRIDES": {
        **{name: f"{module}.{name}" for module, names in ENUMS.items() for name in names.split()},
        "MeasureField": "policies.models.Field",
        "StageCode": "pilots.models.Stage",
        "FunnelStepStageEnum": "pilots.metrics.STAGE_CHOICES",
        "Basis": "pilots.analytics.synergy.EmissionBasis",
    },
}

# -- names that are no setting ---------------------------------------------------------------------------
# Variables of other programs that have a use in tracker.env.
OF_OTHERS = re.compile(r"PATH|TZ|LANG|(LC|PG|PYTHON|DJANGO|GUNICORN|SSL|REQUESTS|AWS)_?\w+|\w+_proxy", re.IGNORECASE)


def names_without_meaning() -> list[str]:
    """Return a sentence for each variable that is nearly a setting, and for each name in tracker.env (deploy/tracker
    lists them) that is none. One in small letters is meant as a setting: it stops the start."""
    said, in_file = [], os.environ.get("TRACKER_ENV_NAMES", "").split()
    for name in sorted(os.environ.keys() | {*in_file}):
        plain = name.upper().removesuffix("_FILE")
        if plain in NAMES and name != name.upper():
            raise ImproperlyConfigured(f"{name} is no setting: write {name.upper()}.")
        near = [] if plain in NAMES else get_close_matches(plain, NAMES, 1, 0.85)
        if near:
            said.append(f"{name} is no setting and has no effect: is {near[0]} meant?")
        elif name in in_file and plain not in NAMES and not OF_OTHERS.fullmatch(name):
            said.append(f"{name} in tracker.env is no setting and has no effect.")
    return said


NAMES_WITHOUT_MEANING = names_without_meaning()  # logged at the start: core/apps.py
