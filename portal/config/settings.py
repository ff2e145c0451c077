"""Every setting of Sallyport, in sections. All that differs between installations comes from the environment.

`.env.example` lists the variables; `portal.config.checks` refuses to start what would be insecure.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import django_stubs_ext
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal.config import env

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parents[2]

# ---------------------------------------------------------------- where and how it runs
INSECURE_KEY = "insecure-key-for-tools-and-tests-only"
SECRET_KEY = env.secret("SECRET_KEY", INSECURE_KEY)
# Newest first: the first seals, all of them open. Rotation without downtime puts a new one in front.
DATA_KEYS = [key.strip() for key in env.secret("DATA_KEYS", INSECURE_KEY).split(",") if key.strip()]
DEBUG = env.flag("DEBUG")
PORTAL_URL = env.url("URL", "http://localhost:8000")
PORTAL_HOST = urlsplit(PORTAL_URL).hostname or "localhost"
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS") or [PORTAL_HOST]
CSRF_TRUSTED_ORIGINS = ["{0.scheme}://{0.netloc}".format(urlsplit(PORTAL_URL))]
SIMULATION = env.text("SIMULATION")
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0, low=0, high=5)

# ---------------------------------------------------------------- the parts
INSTALLED_APPS = [
    "portal.kernel",
    "portal.audit",
    "portal.directory",
    "portal.catalog",
    "portal.access",
    "portal.web",
    "portal.api",
    "portal.staff.apps.StaffAdmin",
    "portal.staff",
    "portal.jobs",
    "portal.config",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.web.middleware.RequestIdMiddleware",
    "portal.web.middleware.PrivatePagesMiddleware",
    # Programs ask often, and need nothing of what follows: no session, cookie or page's header.
    "portal.web.container.ContainerCredentialsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.web.middleware.DomainErrorMiddleware",
]
ROOT_URLCONF = "portal.config.urls"
WSGI_APPLICATION = "portal.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # The second: where a wheel has them.
        "DIRS": [BASE_DIR / "templates", BASE_DIR / "portal" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.web.context.product",
            ],
        },
    },
]

# ---------------------------------------------------------------- data
ALLOW_SQLITE = env.flag("ALLOW_SQLITE")
DATABASE_URL = env.secret("DATABASE_URL", f"sqlite:///{BASE_DIR / '.demo' / 'sallyport.sqlite3'}")
try:
    DATABASE: dict[str, Any] = dict(
        dj_database_url.parse(DATABASE_URL, conn_max_age=600, conn_health_checks=True)
    )
except ValueError:
    raise ImproperlyConfigured(
        "SALLYPORT_DATABASE_URL can't be read; allowed is postgres://user:password@host:port/name or sqlite:///path"
    ) from None
if DATABASE["ENGINE"] == "django.db.backends.sqlite3":
    DATABASE["OPTIONS"] = {
        # A transaction takes the write lock when it begins: with the default, concurrent writers fail as 'locked'.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
DATABASES = {"default": DATABASE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# ---------------------------------------------------------------- who
AUTH_USER_MODEL = "directory.Person"
AUTHENTICATION_BACKENDS = ["portal.directory.backends.PersonBackend"]
# For the local accounts alone: everybody else's password is their provider's.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("name", "email")},
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 14},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "web:sign-in"
LOGIN_REDIRECT_URL = "web:my-access"
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.web.errors.csrf_failure"

# ---------------------------------------------------------------- transport and browser
TLS = PORTAL_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TLS
# The names carry the promise: a browser takes a __Host- cookie only over TLS, for this host alone.
SESSION_COOKIE_NAME = "__Host-sallyport" if TLS else "sallyport"
CSRF_COOKIE_NAME = "__Host-sallyport-csrf" if TLS else "sallyport-csrf"
SECURE_SSL_REDIRECT = TLS
# Whoever watches the process asks it directly, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = TLS
# Not no-referrer: browsers then send `Origin: null` with our own forms, which the CSRF check must refuse.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# ---------------------------------------------------------------- pages
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
STATIC_URL = "static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT") or BASE_DIR / "static-root")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# ---------------------------------------------------------------- API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.api.authentication.ApiTokenAuthentication",
        "portal.api.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "portal.api.permissions.TokenHasScope",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.parsing.BoundedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.api.problems.problem_response",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Sallyport",
    "DESCRIPTION": "Time-boxed access to AWS: list grants, issue credentials, open the console, revoke.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    # Each thing has a state of its own.
    "ENUM_NAME_OVERRIDES": {
        "GrantStateEnum": "portal.api.states.GRANT",
        "PartnerRoleStateEnum": "portal.api.states.PARTNER_ROLE",
        "DriftStateEnum": "portal.api.states.DRIFT",
    },
}

# ---------------------------------------------------------------- work on schedule
REDIS_URL = env.secret("REDIS_URL", "redis://127.0.0.1:6379/0")
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # The database is the queue of record: a task that a dead worker took is not wanted back. And with messages that
    # wait for their acknowledgement kombu 5.7 ends the worker when Redis is lost, instead of connecting again.
    "ack_emulation": False,
    # A Redis that went away must not hold a web request or the sweep: the database is the queue of record.
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "max_retries": 1,
}
# Beat sleeps at most this long: a clock that jumped back can't hold the sweep for an hour.
CELERY_BEAT_MAX_LOOP_INTERVAL = 2
# No `expires`: it is a time by beat's clock, and a worker whose clock is ahead would drop every tick. The scheduler
# sends none while some wait already.
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "portal.jobs.sweep", "schedule": 1.0},
    "tidy": {"task": "portal.jobs.tidy", "schedule": 300.0},
    "sync": {"task": "portal.jobs.sync_people", "schedule": 60.0},
    # Each address is asked once an hour: a run takes the few that are due.
    "refresh-metadata": {"task": "portal.jobs.refresh_metadata", "schedule": 120.0},
    "watch-sponsors": {"task": "portal.jobs.watch_sponsors", "schedule": 60.0},
    "check-drift": {"task": "portal.jobs.check_drift", "schedule": 60.0},
}
SWEEP_BATCH = env.number("SWEEP_BATCH", 1000, low=1, high=5000)
# How many connections end grants at once where more are due than one batch (PostgreSQL).
SWEEP_WRITERS = env.number("SWEEP_WRITERS", 2, low=1, high=8)
# Seconds by the database's clock after which the sweep counts as stopped.
SWEEP_STOPPED_AFTER = env.number("SWEEP_STOPPED_AFTER", 30, low=5, high=3600)
CLOSE_ISSUING_WHEN_SWEEP_STOPPED = env.flag("CLOSE_ISSUING_WHEN_SWEEP_STOPPED")
# Hours in which whoever is asked to answer for a partner must do so.
SPONSOR_ANSWER_HOURS = env.number("SPONSOR_ANSWER_HOURS", 72, low=1, high=720)
# Hours for which a program that somebody signed in by their browser stays so.
CLI_TOKEN_HOURS = env.number("CLI_TOKEN_HOURS", 12, low=1, high=720)

# ---------------------------------------------------------------- AWS
HUB_ACCESS_KEY_ID = env.text("HUB_ACCESS_KEY_ID")
HUB_SECRET_ACCESS_KEY = env.secret("HUB_SECRET_ACCESS_KEY")
HUB_SESSION_TOKEN = env.secret("HUB_SESSION_TOKEN")
AWS_REGION = env.text("AWS_REGION", "us-east-1")
HUB_PRINCIPAL_ARN = env.principal("HUB_PRINCIPAL_ARN", region=AWS_REGION)
# Calls for credentials a second to each account's STS, and how many at once after a quiet while.
STS_RATE = env.number("STS_RATE", 20, low=1, high=10_000)
STS_BURST = env.number("STS_BURST", 100, low=1, high=10_000)
# For stand-ins only: empty means AWS itself.
AWS_ENDPOINT_URL = env.url("AWS_ENDPOINT_URL")
AWS_SIGNIN_URL = env.url("AWS_SIGNIN_URL")

# ---------------------------------------------------------------- identity servers
# Where they may be besides the public internet: host names and networks. Addresses of providers are typed in.
IDENTITY_NETWORKS = env.places("IDENTITY_NETWORKS")
# PEM: authorities of the company's own, besides those that this machine trusts.
IDENTITY_CA = env.secret("IDENTITY_CA")
# Web applications whose pages may exchange assertions and ID tokens for credentials from the browser.
BROWSER_ORIGINS = env.origins("BROWSER_ORIGINS")

# ---------------------------------------------------------------- SAML
SAML_ENTITY_ID = env.text("SAML_ENTITY_ID") or f"{PORTAL_URL}/sign-in/saml/metadata"
SAML_ACS_URL = f"{PORTAL_URL}/sign-in/saml/acs"
SAML_SLO_URL = f"{PORTAL_URL}/sign-in/saml/slo"
SAML_SP_KEY = env.secret("SAML_SP_KEY")
SAML_SP_CERTIFICATE = env.secret("SAML_SP_CERTIFICATE")

# ---------------------------------------------------------------- OpenID Connect
OIDC_REDIRECT_URI = f"{PORTAL_URL}/sign-in/oidc/callback"

# ---------------------------------------------------------------- programs that fetch credentials by themselves
CONTAINER_CREDENTIALS_PATH = "/container/credentials"
CONTAINER_CREDENTIALS_URL = f"{PORTAL_URL}{CONTAINER_CREDENTIALS_PATH}"

# ---------------------------------------------------------------- metrics and logs
# Empty: /metrics answers this machine alone.
METRICS_TOKEN = env.secret("METRICS_TOKEN")
LOG_FORMAT = env.one_of("LOG_FORMAT", "json", allowed=("json", "plain"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"about": {"()": "portal.kernel.logs.AboutFilter"}},
    # Both mask what looks like a secret, as a last net.
    "formatters": {
        "json": {"()": "portal.kernel.logs.JsonFormatter"},
        "plain": {"()": "portal.kernel.logs.PlainFormatter"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["about"]},
    },
    "root": {
        "handlers": ["stderr"],
        "level": env.one_of("LOG_LEVEL", "INFO", allowed=("DEBUG", "INFO", "WARNING", "ERROR")),
    },
    "loggers": {
        # Celery says every second that it swept.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        # Whole requests and answers, credentials included, are what these tell when asked for details.
        "botocore": {"level": "WARNING"},
        "boto3": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        "django.db.backends": {"level": "INFO"},
        "onelogin": {"level": "CRITICAL"},
    },
}
