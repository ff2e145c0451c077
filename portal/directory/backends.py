"""Django asks a back-end to load who is signed in. Nobody is authenticated here: sign-in happens at the providers."""

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from portal.directory.models import Person


class PersonBackend(ModelBackend):
    """Loads people and their permissions; a deactivated person is nobody at the next request."""

    def authenticate(self, request: HttpRequest | None, **credentials: object) -> Person | None:  # type: ignore[override]  # narrower on purpose: no passwords
        del request, credentials
        return None
