"""Settings, read from the environment alone and refused at start-up when wrong.

The table of variables stands in README.md. Nothing here imports either domain.
"""

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config.chart_libraries import cdn_addresses
from config.places import media_store, replica_database

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"  # all that the product writes on its embedded default; never in git
env = environ.Env()


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """The variable's value, which has to be one of the allowed words."""
    value: str = env.str(name, default=default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}={value!r}: use one of {', '.join(allowed)}.")
    return value


def flag(name: str, default: bool) -> bool:
    """A yes-or-no variable; a word that is neither stops the start instead of meaning no."""
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
    "csp",
    "config.apps.SignInLockout",  # django-axes
    "simple_history",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "config.apps.House",
    "policies",
    "pilots",
]

SITE_ACCESS = choice("SITE_ACCESS", "public", ("public", "internal"))

MIDDLEWARE = [
    "config.middleware.RequestId",
    "config.health.Health",  # before the host, the redirect to https and the sign-in are looked at
    "config.events.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.IsolationHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.conditional.Compression",  # pads answers at random, and CSRF tokens are masked: no BREACH
    "csp.middleware.CSPMiddleware",
    "config.middleware.Door",
    "config.middleware.TrackerParameters",
    "config.ready.NotNow",  # before anything asks the database
    "policies.middleware.Demonstration",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.middleware.ReaderLanguage",
    "config.throttles.RateLimits",
    "config.middleware.NoTokenInAddress",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    *(["django.contrib.auth.middleware.LoginRequiredMiddleware"] if SITE_ACCESS == "internal" else []),
    *(["config.replica.ReadingFrom"] if env.str("DATABASE_REPLICA_URL", default="") else []),
    "django.contrib.messages.middleware.MessageMiddleware",
    "config.middleware.AsOf",
    "pilots.middleware.CorrectionsSince",
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
            "builtins": ["django.templatetags.i18n", "django.templatetags.static", "config.templatetags.site"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.site",
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
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": env.cache_url("CACHE_URL", default=f"filecache://{VAR_DIR / 'answers'}")}
if "filebased" in CACHES["default"]["BACKEND"].lower():
    CACHES["default"]["OPTIONS"] = {"MAX_ENTRIES": 1_000, **CACHES["default"].get("OPTIONS", {})}
ANSWERS = flag("ANSWERS", default=True)  # keep answers for the next reader: config/kept.py
if "redis" in CACHES["default"]["BACKEND"].lower():  # a silent server holds up no request
    CACHES["default"]["OPTIONS"] = {
        "socket_connect_timeout": 1,
        "socket_timeout": 1,
        **CACHES["default"].get("OPTIONS", {}),
    }

# A replica answers for the facts of both domains; of those apps not for what rights, imports and shipments rest on.
if env.str("DATABASE_REPLICA_URL", default=""):
    DATABASES["replica"] = replica_database(
        env.db_url("DATABASE_REPLICA_URL"), DATABASES["default"], CACHES["default"]["BACKEND"]
    )
    DATABASE_ROUTERS = ["config.replica.Router"]
REPLICATED_APPS = {"policies", "pilots"}
NEVER_FROM_REPLICA = {f"policies.{name}" for name in ("officer", "import", "importfile", "importchange", "shipment")}

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
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": media_store(env.str("MEDIA_STORE", default=""), VAR_DIR / "media"),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "config.storage.StaticFiles"
    },
}
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
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if HTTPS and not host.startswith(("*", "."))]
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF] if ISOLATED else [SELF, *cdn_addresses()],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
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
    "pilots.access.Roles",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Files are refused by the length that the request names, before any of it is kept.
FILE_UPLOAD_HANDLERS = [
    "config.uploads.Bounded",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
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
CSRF_FAILURE_VIEW = "config.problems.csrf_failed"

# How many requests one caller may send in how many seconds: config/throttles.py says who counts as one.
RATES = {
    "anonymous": (600, 60),
    "signed-in": (3_000, 60),
    "writes": (1_200, 60),
    "files": (120, 60),
    "failed-tokens": (60, 60),
    "passwords": (10, 900),
}
if not flag("THROTTLES", default=True):
    RATES = {}

# Everything goes to the console, where the server's supervisor takes it: one line a request, and what went wrong.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "config.logs.Context"}, "raised": {"()": "config.logs.Raised"}},
    "formatters": {"line": {"()": "config.logs.PlainLines" if DEBUG else "config.logs.Lines"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["context"]}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "axes": {"level": "ERROR"},  # config.events tells of sign-ins, without the name that was typed
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
        "config.renderers.CSVRenderer",
        "config.renderers.XLSXRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["config.tokens.BearerAuthentication", "config.tokens.Session"],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated"
        if SITE_ACCESS == "internal"
        else "rest_framework.permissions.AllowAny"
    ],
    "DEFAULT_PAGINATION_CLASS": "config.paging.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.problems.exception_handler",
    "COERCE_DECIMAL_TO_STRING": False,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Synergy Pilot Tracker API",
    "DESCRIPTION": "Read what the pages show: the same records, the same numbers, by the same functions.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": True,
    "DISABLE_DOCSTRING_DESCRIPTIONS": True,  # docstrings are for those who read the code, in English
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "config.openapi.arrange.arranged"],
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
        **{
            name: f"pilots.models.{name}"
            for name in (
                *("PilotKind", "CityType", "Facet", "Colour", "TargetKind", "ValueStatus", "ReadingState"),
                *("IndicatorKind", "Direction", "Accumulation", "RollUp", "SynergyUse"),
            )
        },
        "StageCode": "pilots.models.Stage",
        "CoControl": "pilots.metrics.CoControl",
        "Band": "pilots.metrics.Band",
        "Basis": "pilots.synergy.Basis",
    },
}
