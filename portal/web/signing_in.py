"""The browser's half of every way in: a new session, with an end of its own."""

from typing import Final

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse

from portal.directory.requests import FACTOR_AT, actor_of
from portal.identity.operations.complete_sign_in import SignedIn, open_sign_in
from portal.kernel.clock import database_now
from portal.web.redirects import own_path, see_other

BACKEND: Final = "portal.directory.backends.PersonBackend"
SIGN_IN: Final = "sign_in"


def let_in(request: HttpRequest, signed_in: SignedIn) -> HttpResponse:
    """Sign the person in at this browser, and lead on to where they were going."""
    # Whatever session was here before, also the same person's: nothing of it is kept, its key least of all.
    request.session.flush()
    login(request, signed_in.person, backend=BACKEND)
    # A moment, not a span: no later request moves it.
    request.session.set_expiry(database_now() + signed_in.valid_for)
    if signed_in.factor_at is not None:
        request.session[FACTOR_AT] = signed_in.factor_at.isoformat()
    # Saved here, so that it has the key by which it can be ended from the outside.
    request.session.save()
    sign_in = open_sign_in(
        signed_in=signed_in, session_key=str(request.session.session_key), actor=actor_of(request)
    )
    request.session[SIGN_IN] = str(sign_in.pk)
    return see_other(own_path(signed_in.next_path))
