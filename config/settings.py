"""Settings, read from the environment alone and refused at start-up when wrong.

The table of variables stands in README.md. Nothing here imports either domain.
"""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from environ.fileaware_mapping import FileAwareMapping

from config import __version__
from core.web.chart_libraries import cdn_urls

VERSION = __version__  # shown in the footer, on /about/ and in the OpenAPI description
BASE_DIR = Path(__file__).resolve().parent.parent


class VariablesAndFiles(FileAwareMapping):
    """The environment, in which SECRET_KEY_FILE=/run/secrets/key stands for SECRET_KEY, as for every other variable."""

    def __getitem__(self, key: str) -> str:
        try:
            return str(super().__getitem__(key)).strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise ImproperlyConfigured(f"{key}_FILE: {self.env[key + '_FILE']} cannot be read: {exc}.") from exc


env = environ.Env()
env.ENVIRON = VariablesAndFiles()
VAR_DIR = BASE_DIR / env.str("VAR_DIR", default="var")  # all that the product writes on its own disk; never in git


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """The variable's value, which has to be one of the allowed words."""
    value: str = env.str(name, default=default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}={value!r}: use one of {', '.join(allowed)}.")
    return value


RENAMED_VARIABLES: dict[str, str] = {}
"""Variables of the environment that are set under a former name: former name to present one. Logged at start-up."""


def flag(name: str, default: bool, former: str = "") -> bool:
    """A boolean variable; a word that is neither yes nor no stops the start instead of meaning no.

    `former` is the variable's name before it was renamed; it is read for one more release, where the new name is unset.
    """
    if former and env.str(former, default=""):
        RENAMED_VARIABLES[former] = name
        name = name if env.str(name, default="").strip() else former
    text = env.str(name, default="").strip().lower()
    if text in {"", "1", "true", "yes", "on", "0", "false", "no", "off"}:
        return text in {"1", "true", "yes", "on"} if text else default
    raise ImproperlyConfigured(f"{name}={text!r}: use 1 or 0.")


def is_loopback(host: str) -> bool:
    """Whether an ALLOWED_HOSTS entry can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def networks(name: str, default: list[str]) -> list[IPv4Network | IPv6Network]:
    """The variable's value as networks; an address alone is a network of one."""
    try:
        return [ip_network(text.strip()) for text in env.list(name, default=default)]
    except ValueError as exc:
        raise ImproperlyConfigured(f"{name}: {exc}. Use 127.0.0.1/32,10.0.0.0/8.") from exc


def jobs_database(database: dict[str, Any]) -> str:
    """Return the name of the database of background jobs: on SQLite `tracker-jobs.sqlite3` beside `tracker.sqlite3`."""
    name = str(database["NAME"])
    if database["ENGINE"] != "django.db.backends.sqlite3" or name == ":memory:":
        return name
    return str(Path(name).with_name(f"{Path(name).stem}-jobs{Path(name).suffix}"))


def is_site_url(address: str) -> bool:
    """Whether an address is that of a site: scheme and host, without a path."""
    parts = urlsplit(address)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not any(parts[2:])


def default_site_url(host: str) -> str:
    """Return the address of the site of the first of ALLOWED_HOSTS; this machine's is that of `make run`."""
    name = host.lstrip("*.") or "localhost"
    return f"http://{name}:8000" if is_loopback(name) else f"https://{name}"


def media_storage(address: str) -> dict[str, Any]:
    """Return the storage of uploaded files: a folder, or a bucket of an S3-compatible server."""
    parts = urlsplit(address)
    if not address:
        return {
            "BACKEND": "core.files.storage.AtomicFileSystemStorage",
            "OPTIONS": {"location": VAR_DIR / "media", "base_url": None},
        }
    if parts.scheme == "file" and parts.path.startswith("/"):
        return {
            "BACKEND": "core.files.storage.AtomicFileSystemStorage",
            "OPTIONS": {"location": parts.path, "base_url": None},
        }
    bucket, _slash, prefix = parts.path.strip("/").partition("/")
    if parts.scheme not in {"s3", "s3+http"} or not parts.hostname or not bucket or "@" not in parts.netloc:
        raise ImproperlyConfigured("MEDIA_STORE: use s3://KEY:SECRET@HOST[:PORT]/BUCKET[/PREFIX] or file:///FOLDER.")
    return {
        "BACKEND": "core.files.s3_storage.PromptS3Storage",
        "OPTIONS": {
            "endpoint_url": f"{'http' if parts.scheme == 's3+http' else 'https'}://{parts.netloc.rpartition('@')[2]}",
            "access_key": unquote(parts.username or ""),
            "secret_key": unquote(parts.password or ""),
            "bucket_name": bucket,
            "location": prefix,
            "region_name": dict(parse_qsl(parts.query)).get("region", "us-east-1"),
            "default_acl": None,
            "querystring_auth": True,
        },
    }


DEBUG = flag("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
ONLY_THIS_MACHINE = all(is_loopback(host) for host in ALLOWED_HOSTS)
if DEBUG and not ONLY_THIS_MACHINE:
    raise ImproperlyConfigured("DEBUG=1 shows code to readers: use it with loopback ALLOWED_HOSTS only.")

SECRET_KEY = env.str("SECRET_KEY", default="development-only-" + "0123456789" * 4 if DEBUG else "")
if len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 10:
    raise ImproperlyConfigured("SECRET_KEY is missing or weak: give at least 50 random characters.")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.sitemaps",
    "csp",
    "accounts.apps.SignInLockoutConfig",  # django-axes
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "simple_history",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "core",
    "core.jobs",
    "policies",
    "accounts",
    "pilots",
    "dashboard",
]

SITE_ACCESS = choice("SITE_ACCESS", "public", ("public", "internal"))

MIDDLEWARE = [
    "core.http.middleware.RequestIdMiddleware",
    "config.health.HealthCheckMiddleware",  # before the host, the redirect to https and the sign-in are looked at
    "core.monitoring.middleware.MetricsMiddleware",  # like health checks, and it measures all below
    "core.http.request_log.AccessLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Pads answers at random, and CSRF tokens are masked: no BREACH.
    "core.http.conditional_requests.CompressionMiddleware",
    "csp.middleware.CSPMiddleware",
    "core.seed.middleware.DemonstrationMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "core.http.rate_limits.RateLimitMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "core.http.middleware.LanguageMiddleware",
    "core.http.middleware.RequestChecks",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.sign_in.middleware.SignedInMiddleware",
    "core.http.middleware.AsOfMiddleware",
    "core.snapshots.middleware.KnownMiddleware",
    # Below all that may reject a request, or knows its reader: a response from the cache is an answer like any other.
    "core.caching.response_cache.ResponseCacheMiddleware",
    *(["django.contrib.auth.middleware.LoginRequiredMiddleware"] if SITE_ACCESS == "internal" else []),
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
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
                "core.web.context_processors.site_context",
                "dashboard.context_processors.corrections",
                "dashboard.context_processors.figures_then",
                "dashboard.context_processors.following",
                "dashboard.context_processors.backups",
            ],
        },
    }
]

# -- data ------------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'tracker.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["CONN_MAX_AGE"] = 60  # opening the file and setting it up costs more than a kept answer
    DATABASES["default"]["OPTIONS"] = {
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
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"].update(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
    DATABASES["default"]["OPTIONS"] = {
        # A server that takes connections and stays silent costs a request 3 seconds, one that vanished 10.
        "connect_timeout": 3,
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 4,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "options": "-c jit=off",  # compiling our many short queries takes longer than running them
        **DATABASES["default"].get("OPTIONS", {}),
    }
else:
    raise ImproperlyConfigured("DATABASE_URL: use sqlite:///FILE or postgres://USER:PASSWORD@HOST:PORT/NAME.")
# Background jobs: a file beside the database on SQLite, a second connection to it on PostgreSQL (core/jobs/router.py).
DATABASES["jobs"] = {**DATABASES["default"], "NAME": jobs_database(DATABASES["default"])}
# What was known on a past day is read from a file of its own: core/snapshots.
DATABASE_ROUTERS = ["core.jobs.router.JobsRouter", "core.snapshots.router.SnapshotRouter"]
SNAPSHOT_DIR = VAR_DIR / "known"
BACKUP_DIR = BASE_DIR / env.str("BACKUP_DIR", default=str(VAR_DIR / "backups"))
BACKUP_KEEP = env.int("BACKUP_KEEP", default=14)
if BACKUP_KEEP < 1:
    raise ImproperlyConfigured("BACKUP_KEEP: keep at least 1 backup.")
# Rows that no backup has: who restores one signs in again, and versions of caches are made anew.
BACKUP_EXCLUDED_TABLES = {"django_session", "config_mark", "config_recordversion"}
BACKUP_EXCLUDED_TABLES |= {"jobs_job", "jobs_schedule", "jobs_workerbeat"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": env.cache_url("CACHE_URL", default=f"filecache://{VAR_DIR / 'answers'}")}
if "filebased" in CACHES["default"]["BACKEND"].lower():
    CACHES["default"]["OPTIONS"] = {"MAX_ENTRIES": 1_000, **CACHES["default"].get("OPTIONS", {})}
CACHE_RESPONSES = flag("CACHE_RESPONSES", default=True, former="ANSWERS")  # core/caching/response_cache.py
# The response cache rests on versions of these tables; each sign-in updates last_login, on which no response depends.
VERSIONED_APPS = ("contenttypes", "auth", "config", "policies", "accounts", "pilots", "dashboard")
UNVERSIONED_TABLES = {
    "config_token",
    "config_keptanswer",
    "config_change",
    "config_mark",
    "config_recordversion",
    "config_backuprun",
    "dashboard_issuedsheet",
    *("dashboard_workingday", "dashboard_mailsettings", "dashboard_subscription"),
    *("dashboard_remindermail", "dashboard_reminderstep"),
}
UNVERSIONED_COLUMNS = {"auth_user": {"last_login"}}
# What is computed for a pilot is cached under a version of its own, which writes to these of its rows change.
RECORD_VERSIONS = {
    "pilots_pilot": {
        "pilots_pilot": "{row}.id",
        **dict.fromkeys(("pilots_stageentry", "pilots_milestone", "pilots_target"), "{row}.pilot_id"),
        **dict.fromkeys(("pilots_reading", "pilots_lightoverride"), "{row}.pilot_id"),
        "pilots_targetstep": "(SELECT pilot_id FROM pilots_target WHERE id = {row}.target_id)",
    }
}
USER_SCOPE = "officer"  # relation of a user to the record that limits the permissions
if "redis" in CACHES["default"]["BACKEND"].lower():  # a silent server holds up no request
    CACHES["default"]["OPTIONS"] = {
        "socket_connect_timeout": 1,
        "socket_timeout": 1,
        **CACHES["default"].get("OPTIONS", {}),
    }

# -- languages and time ------------------------------------------------------------------------------
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LANGUAGE_CODE = choice("LANGUAGE_CODE", "en", ("en", "zh-hans"))
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.str("TIME_ZONE", default="Asia/Shanghai")
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = "config.formats"

# -- static files and charts ---------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / env.str("STATIC_ROOT", default=str(VAR_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": media_storage(env.str("MEDIA_STORE", default="")),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "core.web.static_storage.HashedStaticFilesStorage"
    },
}
# -- briefs on paper -----------------------------------------------------------------------------------
BRIEF_TEMPLATE = BASE_DIR / env.str("BRIEF_TEMPLATE", default="dashboard/briefs/writers/layouts/brief.docx")
if not BRIEF_TEMPLATE.is_file():
    raise ImproperlyConfigured(f"BRIEF_TEMPLATE: there is no file {BRIEF_TEMPLATE}.")
# Name and address of the licence of the data, such as "CC BY 4.0 https://creativecommons.org/licenses/by/4.0/".
DATA_LICENSE = env.str("DATA_LICENSE", default="").strip()
licence_name, _space, licence_url = DATA_LICENSE.rpartition(" ")
if DATA_LICENSE and not (licence_name and urlsplit(licence_url).scheme in {"http", "https"}):
    raise ImproperlyConfigured("DATA_LICENSE: give a name and an address, such as My licence https://example.org/.")
BRIEF_FONTS = env.str("BRIEF_FONTS", default="")  # folder of the fonts of PDF files; empty: those of the system
if BRIEF_FONTS and not Path(BRIEF_FONTS).is_dir():
    raise ImproperlyConfigured(f"BRIEF_FONTS: there is no folder {BRIEF_FONTS}.")

ISOLATED = flag("ISOLATED", default=False)  # no request leaves the intranet

# -- security ----------------------------------------------------------------------------------------
# Plain HTTP only where nobody else can listen: DEBUG, or a server that this machine alone can reach.
HTTPS = flag("HTTPS", default=not (DEBUG or ONLY_THIS_MACHINE))
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
BEHIND_PROXY = flag("BEHIND_PROXY", default=False)
if BEHIND_PROXY:  # only then are the proxy's headers believed
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    AXES_IPWARE_PROXY_COUNT = 1
METRICS_FROM = networks("METRICS_FROM", default=["127.0.0.0/8", "::1/128"])  # who may read /metrics
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if HTTPS and not host.startswith(("*", "."))]
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Single sign-on by OpenID Connect, beside passwords.
OIDC_SERVER = env.str("OIDC_SERVER", default="").rstrip("/")
OIDC_CLIENT, OIDC_SECRET = env.str("OIDC_CLIENT", default=""), env.str("OIDC_SECRET", default="").strip()
OIDC_CLAIM = env.str("OIDC_CLAIM", default="")  # whose values give roles; empty: roles are given by administrators
OIDC_NAME = env.str("OIDC_NAME", default="") or _("Single sign-on")
OIDC_UNMATCHED = choice("OIDC_UNMATCHED", "refuse", ("refuse", "viewer"))
if OIDC_SERVER:
    oidc_parts = urlsplit(OIDC_SERVER)
    if oidc_parts.scheme != "https" and not (oidc_parts.scheme == "http" and is_loopback(oidc_parts.hostname or "")):
        raise ImproperlyConfigured("OIDC_SERVER: use the https:// address of the provider (its issuer).")
    if not OIDC_CLIENT or not OIDC_SECRET:
        raise ImproperlyConfigured("OIDC_SERVER needs OIDC_CLIENT and OIDC_SECRET (or OIDC_SECRET_FILE).")
SOCIALACCOUNT_ADAPTER = "accounts.sign_in.adapters.ProviderAdapter"
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": []}}
if OIDC_SERVER:
    SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"] = [
        {
            "provider_id": "sso",
            "name": OIDC_NAME,
            "client_id": OIDC_CLIENT,
            "secret": OIDC_SECRET,
            "settings": {"server_url": OIDC_SERVER},
        }
    ]
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5  # seconds that a sign-in waits for the provider

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF] if ISOLATED else [SELF, *cdn_urls()],
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

LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "overview"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "accounts.backends.RoleBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Who signed in, or confirmed it, longer ago than this is asked again before people, roles, tokens and restored records.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600  # seconds
ACCOUNT_ADAPTER = "accounts.sign_in.adapters.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False  # ours count all attempts, in all processes together
# From editors up a second factor is required, after so many days of grace.
grace_days = env.str("MFA_GRACE_DAYS", default="") or "30"
if not grace_days.isdecimal() or int(grace_days) > 3_650:
    raise ImproperlyConfigured(f"MFA_GRACE_DAYS={grace_days}: use days from 0 to 3650.")
MFA_GRACE_DAYS = int(grace_days)
MFA_ADAPTER = "accounts.sign_in.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 1  # codes of the half minute before and after, for clocks that differ
MFA_RATE_LIMITS = False
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # browsers offer passkeys over plain HTTP on this machine only
# Files are refused by the length that the request names, before any of it is kept.
FILE_UPLOAD_HANDLERS = [
    "core.http.upload_handlers.MaxSizeUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
SITE_URL = env.str("SITE_URL", default=default_site_url(ALLOWED_HOSTS[0])).rstrip("/")  # of links in mails
if not is_site_url(SITE_URL):
    raise ImproperlyConfigured(f"SITE_URL={SITE_URL!r}: use https://HOST or http://HOST:PORT, without a path.")
# A link to a new password: by mail where EMAIL_URL names a server, by an administrator in any case.
MAIL = bool(env.str("EMAIL_URL", default=""))
if MAIL:
    try:
        globals().update(env.email_url("EMAIL_URL"))
    except (KeyError, ValueError) as exc:
        raise ImproperlyConfigured("EMAIL_URL: use smtp+tls://USER:PASSWORD@HOST:PORT or smtp://HOST:PORT.") from exc
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default=f"tracker@{ALLOWED_HOSTS[0].lstrip('*.') or 'localhost'}")
PASSWORD_RESET_TIMEOUT = 24 * 3600
# Five failures slow one name at one address; the same name from elsewhere still gets in.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_VERBOSE = False
CSRF_FAILURE_VIEW = "core.http.problems.csrf_failed"

# How many requests one caller may send in how many seconds: core/http/rate_limits.py says who counts as one.
RATE_LIMITS = {
    "anonymous": (600, 60),
    "signed-in": (3_000, 60),
    "writes": (1_200, 60),
    "files": (120, 60),
    "failed-tokens": (60, 60),
    "passwords": (10, 900),
}
if not flag("RATE_LIMITS_ENABLED", default=True, former="THROTTLES"):
    RATE_LIMITS = {}

# Everything goes to the console, where the server's supervisor takes it: one line a request, and what went wrong.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "context": {"()": "core.http.log_format.RequestContextFilter"},
        "raised": {"()": "core.http.log_format.OnlyExceptionsFilter"},
    },
    "formatters": {
        "line": {"()": "core.http.log_format.TextLogFormatter" if DEBUG else "core.http.log_format.JsonLogFormatter"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["context"]}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "axes": {"level": "ERROR"},  # core.http.request_log tells of sign-ins, without the name that was typed
        "django": {"level": "INFO"},
        "django.request": {"level": "ERROR", "filters": ["raised"]},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "gunicorn.error": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "tracker": {"level": "INFO"},
    },
}

# -- history and API -----------------------------------------------------------------------------------
SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "core.api.renderers.CSVRenderer",
        "core.api.renderers.XLSXRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerAuthentication",
        "accounts.authentication.CsrfExplainingSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated"
        if SITE_ACCESS == "internal"
        else "rest_framework.permissions.AllowAny"
    ],
    "DEFAULT_PAGINATION_CLASS": "core.api.pagination.RecordPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "core.http.problems.exception_handler",
    "COERCE_DECIMAL_TO_STRING": False,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
FILTERS_VERBOSE_LOOKUPS = {  # labels of filters: "Issued on is greater than or equal to"
    "exact": "",
    "in": _("is one of these, separated by commas"),
    "ne": _("is none of these, separated by commas; records without any are listed"),
    "gte": _("is greater than or equal to"),
    "lte": _("is less than or equal to"),
    "gt": _("is greater than"),
    "lt": _("is less than"),
    "isnull": _("is missing: true or false"),
    "icontains": _("contains, in capitals or small letters"),
    "startswith": _("starts with, in capitals or small letters"),
}
SPECTACULAR_SETTINGS = {
    "TITLE": _("Synergy Pilot Tracker API"),
    "DESCRIPTION": _(
        "Everything the pages show, for programs: the same records, the same numbers, made by the same functions. "
        "Start with the guide: [Use the API](/api/use/)."
    ),
    "VERSION": __version__,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": True,
    "DISABLE_DOCSTRING_DESCRIPTIONS": True,  # docstrings are for those who read the code, in English
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "core.api.openapi.hooks.arrange_schema"],
    "SORT_OPERATIONS": False,  # the order of the URLconf
    "SWAGGER_UI_DIST": "SIDECAR",  # served by ourselves
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "docExpansion": "none",
        "defaultModelsExpandDepth": 0,
        "validatorUrl": None,  # else Swagger UI sends the address of the schema to a validator on the internet
    },
    "SORT_OPERATION_PARAMETERS": False,  # an address's own filters come before what all share
    "ENUM_NAME_OVERRIDES": {
        **{
            name: f"policies.models.{name}"
            for name in (
                *("Confidence", "Level", "Precision", "ProvinceKind", "Region", "PolicyKind", "PlanStatus"),
                *("FigureKind", "FigureState", "Unit"),
            )
        },
        "MeasureField": "policies.models.Field",
        "BriefKind": "dashboard.briefs.build.BriefKind",
        **{
            name: f"pilots.models.{name}"
            for name in (
                *("PilotKind", "CityType", "Facet", "Colour", "TargetKind", "ValueStatus", "ReadingState"),
                *("IndicatorKind", "Direction", "Accumulation", "RollUp", "SynergyUse"),
                *("PracticeField", "PracticeLevel", "CostKind", "EffectBasis", "FollowUpKind", "Cause"),
            )
        },
        "FollowUpState": "pilots.metrics.follow_up_states.FollowUpState",
        "Move": "pilots.metrics.follow_up_states.Move",
        **{
            name: f"pilots.metrics.practice_states.{name}"
            for name in ("PracticeState", "AdoptionState", "Trust", "GiveUpReason")
        },
        "StageCode": "pilots.models.Stage",
        "CoControl": "pilots.metrics.reduction.CoControl",
        "Band": "pilots.metrics.reduction.ElasticityBand",
        "Basis": "pilots.analytics.synergy.EmissionBasis",
    },
}
