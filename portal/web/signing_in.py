"""The browser's half of every way in: a new session, with an end of its own; or one that has given a second factor."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.directory.models import PendingSignIn
from portal.directory.requests import FACTOR_AT, SIGNED_IN_AT, actor_of
from portal.identity.operations.complete_sign_in import SignedIn, open_sign_in
from portal.identity.operations.factor_given import give_factor_to_sign_in
from portal.identity.operations.refusing import SignInRefusedError, record_refused_sign_in
from portal.kernel.clock import database_now
from portal.web.errors import refused_page
from portal.web.redirects import own_path, see_other

BACKEND: Final = "portal.directory.backends.PersonBackend"
SIGN_IN: Final = "sign_in"
# Clocks differ: a factor that was given so long before it was asked for still was given for the asking.
SKEW: Final = timedelta(minutes=1)
STALE: Final = (
    "{provider} confirmed you, but by a second factor that you gave it earlier. If that is too long ago for what you "
    "want, use another way."
)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A browser that came back from a provider. `signed_in`: who it proved to be; None where only a link was made."""

    signed_in: SignedIn | None
    pending: PendingSignIn


def arrive(request: HttpRequest, arrived: Arrived) -> HttpResponse:
    """Do what the way to the provider was for: sign in, give a second factor, or link an identity."""
    pending, signed_in = arrived.pending, arrived.signed_in
    if pending.purpose == PendingSignIn.Purpose.LINK:
        messages.success(request, f"You can sign in at {pending.provider.name} from now on.")
        return see_other(own_path(pending.next_path))
    if signed_in is None:
        raise AssertionError("whoever signs in or gives a second factor has proven who they are")
    if pending.purpose == PendingSignIn.Purpose.STEP_UP:
        return _step_up(request, pending, signed_in)
    return let_in(request, signed_in)


def let_in(request: HttpRequest, signed_in: SignedIn) -> HttpResponse:
    """Sign the person in at this browser, and lead on to where they were going."""
    # Whatever session was here before, also the same person's: nothing of it is kept, its key least of all.
    request.session.flush()
    login(request, signed_in.person, backend=BACKEND)
    # A moment, not a span: no later request moves it.
    now = database_now()
    request.session.set_expiry(now + signed_in.valid_for)
    request.session[SIGNED_IN_AT] = now.isoformat()
    if signed_in.factor_at is not None:
        request.session[FACTOR_AT] = min(signed_in.factor_at, now).isoformat()
    # Saved here, so that it has the key by which it can be ended from the outside.
    request.session.save()
    actor = actor_of(request)
    try:
        sign_in = open_sign_in(signed_in=signed_in, session_key=str(request.session.session_key), actor=actor)
    except SignInRefusedError as refusal:
        request.session.flush()
        record_refused_sign_in(refusal=refusal, provider=signed_in.provider, actor=actor)
        return refused_page(request)
    request.session[SIGN_IN] = str(sign_in.pk)
    return see_other(own_path(signed_in.next_path))


def _step_up(request: HttpRequest, pending: PendingSignIn, signed_in: SignedIn) -> HttpResponse:
    """Have the provider's word for a second factor count in the session of the person who asked, and no other's."""
    if not pending.person_id == signed_in.person.pk == request.user.pk:
        refusal = SignInRefusedError("directory.somebody_else", "another person is signed in at this browser")
        record_refused_sign_in(refusal=refusal, provider=pending.provider, actor=actor_of(request))
        return refused_page(request)
    if signed_in.factor_at is None:
        context = {"provider": pending.provider, "next": own_path(pending.next_path)}
        return render(request, "step_up/not_asked.html", context, status=403)
    give_factor_to_sign_in(
        session=request.session, factor=signed_in.factor, at=signed_in.factor_at, actor=actor_of(request)
    )
    if signed_in.factor_at < pending.created_at - SKEW:
        messages.warning(request, STALE.format(provider=pending.provider.name))
    return see_other(own_path(pending.next_path))
