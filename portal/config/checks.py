"""What a production start refuses. `manage.py check --deploy` shows it, web and worker start by it."""

from ssl import SSLError, create_default_context
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

LOOPBACK = {"localhost", "127.0.0.1", "::1", "[::1]"}
MINIMUM_KEY = 32
FEWEST_CHARACTERS = 8


def check_secure_start(app_configs: object = None, **kwargs: Any) -> list[CheckMessage]:
    """Return an Error for each thing that would make this installation insecure."""
    del app_configs, kwargs
    return [*_secrets(), *_transport(), *_parts(), *_identity()]


def refuse_insecure_start() -> None:
    """Raise ImproperlyConfigured with every reason at once. Called where web and worker processes start."""
    errors = check_secure_start()
    if errors:
        lines = "\n".join(f"  {error.id}: {error.msg} {error.hint}" for error in errors)
        raise ImproperlyConfigured(f"Sallyport does not start insecurely:\n{lines}")


def _secrets() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if _weak(settings.SECRET_KEY):
        found.append(
            _error(
                1,
                "SALLYPORT_SECRET_KEY is missing or short.",
                f"Set {MINIMUM_KEY} random characters or more.",
            )
        )
    if not settings.DATA_KEYS or any(_weak(key) for key in settings.DATA_KEYS):
        found.append(
            _error(2, "SALLYPORT_DATA_KEYS is missing or short.", "Set it apart from SECRET_KEY, as long.")
        )
    if settings.SECRET_KEY in settings.DATA_KEYS:
        found.append(_error(3, "SALLYPORT_DATA_KEYS repeats SALLYPORT_SECRET_KEY.", "Make one of its own."))
    return found


def _weak(key: str) -> bool:
    """Short, the one that everybody knows, or one character over and over."""
    return key == settings.INSECURE_KEY or len(key) < MINIMUM_KEY or len(set(key)) < FEWEST_CHARACTERS


def _transport() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(
            _error(4, "SALLYPORT_DEBUG is on.", "It shows settings and code to strangers; unset it.")
        )
    if not settings.TLS and {settings.PORTAL_HOST, *settings.ALLOWED_HOSTS} - LOOPBACK:
        found.append(_error(5, "SALLYPORT_URL is not https.", "Plain http is for localhost alone."))
    if any(host == "*" or host.startswith(".") for host in settings.ALLOWED_HOSTS):
        found.append(_error(6, "SALLYPORT_ALLOWED_HOSTS has a wildcard.", "Name each host."))
    return found


def _parts() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if "sqlite3" in settings.DATABASES["default"]["ENGINE"] and not settings.ALLOW_SQLITE:
        found.append(
            _error(
                7, "The database is SQLite.", "Set SALLYPORT_DATABASE_URL, or say SALLYPORT_ALLOW_SQLITE=1."
            )
        )
    if (settings.AWS_ENDPOINT_URL or settings.AWS_SIGNIN_URL) and not settings.SIMULATION:
        found.append(
            _error(
                8,
                "SALLYPORT_AWS_ENDPOINT_URL or SALLYPORT_AWS_SIGNIN_URL leads credentials away from AWS.",
                "Unset it; a stand-in must be labelled by SALLYPORT_SIMULATION.",
            )
        )
    return found


def _identity() -> list[CheckMessage]:
    if not settings.IDENTITY_CA:
        return []
    try:
        create_default_context().load_verify_locations(cadata=settings.IDENTITY_CA)
    except (SSLError, ValueError):
        return [_error(9, "SALLYPORT_IDENTITY_CA can't be read.", "Give PEM certificates, nothing else.")]
    return []


def _error(number: int, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"sallyport.E{number:03}")
