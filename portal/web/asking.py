"""A browser on its way to a provider: the cookie that binds the answer to it, and what it goes there for."""

import re
import secrets
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from portal.directory.models import PendingSignIn, Person
from portal.directory.requests import actor_of, client_ip
from portal.identity.operations.limit_tries import Place, count_begin
from portal.identity.operations.link_identity import check_may_link
from portal.kernel.errors import InvalidError

COOKIE: Final = "__Host-sallyport-sign-in" if settings.TLS else "sallyport-sign-in"
_BROWSER: Final = re.compile(r"[A-Za-z0-9_-]{43}")
Purpose = PendingSignIn.Purpose


def browser_of(request: HttpRequest) -> str:
    """Return the browser's own secret; the same one while a sign-in in another tab is under way."""
    held = request.COOKIES.get(COOKIE, "")
    return held if _BROWSER.fullmatch(held) else secrets.token_urlsafe(32)


def give_cookie(answer: HttpResponse, browser: str, *, life: timedelta, name: str = COOKIE) -> None:
    """Have the browser keep its secret for as long as the way there and back may take. Lax: it comes back by a GET."""
    answer.set_cookie(name, browser, max_age=life, secure=settings.TLS, httponly=True, samesite="Lax")


def purpose_of(request: HttpRequest) -> tuple[PendingSignIn.Purpose, Person | None]:
    """Return what the form wants, and for whom: for a second factor and a link, whoever is signed in here.

    Raises:
        InvalidError: for something else, or for nobody.
        ForbiddenError: a link by a sign-in that is too old.
        TooManyError: too many were begun from that network.
    """
    count_begin(place=Place(client_ip(request)))
    told = request.POST.get("purpose", "") or Purpose.SIGN_IN.value
    if told == Purpose.SIGN_IN.value:
        return Purpose.SIGN_IN, None
    if told not in Purpose.values or not isinstance(request.user, Person):
        raise InvalidError("Sign in first: this is for somebody who is.", field="purpose")
    if told == Purpose.LINK.value:
        check_may_link(person=request.user, actor=actor_of(request))
    return Purpose(told), request.user
