"""SAML sign-in in three steps, so that the browser that asked is the browser that gets in.

1. `begin`: remember, on the server, which provider was asked what, and by which browser (its own cookie's hash).
2. `receive`: the provider's answer arrives by a cross-site POST, which carries no SameSite cookie. It is kept,
   sealed, unread; the browser is sent on by a 303.
3. `finish`: the GET that follows carries the cookie. Now the answer is verified, once, for that browser alone.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.http import url_has_allowed_host_and_scheme

from brokers.errors import BrokerError
from brokers.ports import SamlMetadataReader, SamlServiceProvider
from brokers.types import SamlIdentity
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.directory.models import IdentityProvider, PendingSignIn, Person, SeenAssertion
from portal.identity.identity_providers import as_saml
from portal.identity.operations.admit_person import person_for
from portal.kernel.actor import Actor, ActorKind
from portal.kernel.clock import database_now
from portal.kernel.errors import DomainError, ForbiddenError, NotFoundError
from portal.kernel.sealing import UnsealError, fingerprint, seal, unseal

PENDING_LIFE = timedelta(minutes=10)
MAX_RESPONSE = 256 * 1024
PATH_LIMIT = 500


class SignInRefusedError(ForbiddenError):
    """Nobody was signed in. The reason is for the auditor; the page says only what to do next."""

    code = "sign_in_refused"

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__("Signing in didn't work. Start again from the sign-in page.")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Begun:
    redirect_url: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    person: Person
    provider: IdentityProvider
    next_path: str
    authenticated_at: datetime
    valid_for: timedelta


def begin_saml_sign_in(
    *,
    provider: IdentityProvider,
    browser: str,
    next_path: str,
    saml: SamlServiceProvider,
    read: SamlMetadataReader,
) -> Begun:
    """Start a sign-in of the browser that holds the cookie value `browser`.

    Raises:
        SignInRefusedError: the provider is switched off, or its metadata can't be used.
    """
    if not provider.is_enabled:
        raise SignInRefusedError("saml.provider_disabled", provider.slug)
    relay_state = secrets.token_urlsafe(32)
    try:
        request = saml.begin(as_saml(provider, read), relay_state=relay_state)
    except BrokerError as problem:
        raise _refused(problem) from None
    now = database_now()
    PendingSignIn.objects.create(
        provider=provider,
        request_id=request.request_id,
        relay_state=fingerprint(relay_state),
        browser=fingerprint(browser),
        next_path=_own_path(next_path),
        created_at=now,
        expires_at=now + PENDING_LIFE,
    )
    return Begun(request.redirect_url)


def receive_saml_response(*, relay_state: str, response: str) -> UUID:
    """Keep what came until the browser's next GET. Returns the pending sign-in's id; nothing is believed yet.

    Raises:
        SignInRefusedError: nobody asked, too late, answered already, or too large.
    """
    if not response or len(response) > MAX_RESPONSE:
        raise SignInRefusedError("saml.size", f"{len(response)} characters")
    pending = PendingSignIn.objects.filter(
        relay_state=fingerprint(relay_state), expires_at__gt=database_now(), finished_at=None
    )
    # The first answer stays: a second can't push it out while its browser is on the way.
    if not pending.filter(sealed_response=None).update(sealed_response=seal(response.encode())):
        raise SignInRefusedError("saml.not_asked", "no pending sign-in waits for this answer")
    return pending.values_list("pk", flat=True).get()


def finish_saml_sign_in(
    *, pending_id: UUID, browser: str, saml: SamlServiceProvider, read: SamlMetadataReader, actor: Actor
) -> SignedIn:
    """Verify the kept answer for the browser that asked, and say who that is.

    Raises:
        SignInRefusedError: with the one reason; an audit row is written for each.
    """
    try:
        pending = _take(pending_id, browser)
    except SignInRefusedError as refusal:
        record_refused_sign_in(refusal=refusal, provider=None, actor=actor)
        raise
    try:
        identity = _verify(pending, saml, read)
        # Whoever was signed in at this browser before has no part in what is written now.
        newcomer = replace(actor, kind=ActorKind.NOBODY, label="nobody", person_id=None)
        return _sign_in(pending, identity, newcomer)
    except SignInRefusedError as refusal:
        record_refused_sign_in(refusal=refusal, provider=pending.provider, actor=actor)
        raise


def _take(pending_id: UUID, browser: str) -> PendingSignIn:
    """Use the pending sign-in up, whatever comes of it: an answer is judged once."""
    now = database_now()
    with transaction.atomic():
        waiting = PendingSignIn.objects.filter(pk=pending_id, finished_at=None, expires_at__gt=now)
        pending = waiting.exclude(sealed_response=None).select_related("provider").first()
        if pending is None:
            raise SignInRefusedError("saml.not_asked", "no answer waits under this address")
        if not browser or not secrets.compare_digest(pending.browser, fingerprint(browser)):
            raise SignInRefusedError("saml.other_browser", "another browser asked")
        if not waiting.update(finished_at=now, sealed_response=None):
            raise SignInRefusedError("saml.not_asked", "answered already")
    return pending


def _verify(pending: PendingSignIn, saml: SamlServiceProvider, read: SamlMetadataReader) -> SamlIdentity:
    if not pending.provider.is_enabled:
        raise SignInRefusedError("saml.provider_disabled", pending.provider.slug)
    try:
        response = unseal(bytes(pending.sealed_response or b"")).decode()
        return saml.verify(
            as_saml(pending.provider, read), response, request_id=pending.request_id, at=database_now()
        )
    except UnsealError as problem:
        raise SignInRefusedError("saml.malformed", str(problem)) from None
    except BrokerError as problem:
        raise _refused(problem) from None


def _refused(problem: BrokerError) -> SignInRefusedError:
    return SignInRefusedError(problem.code, getattr(problem, "detail", "") or str(problem))


def _own_path(path: str) -> str:
    """Return `path` where it is one of our own, else the first page: nobody is sent elsewhere after signing in."""
    own = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if own and len(path) <= PATH_LIMIT else "/"


def _sign_in(pending: PendingSignIn, identity: SamlIdentity, actor: Actor) -> SignedIn:
    try:
        with transaction.atomic():
            _remember(pending.provider, identity)
            person = person_for(provider=pending.provider, identity=identity, actor=actor)
            now = database_now()
            person.last_login = now
            person.save(update_fields=["last_login"])
            record(
                Entry(
                    type=EventType.SIGN_IN_SUCCEEDED,
                    at=now,
                    actor=actor,
                    person_id=person.pk,
                    details={
                        "provider": pending.provider.slug,
                        "subject": identity.name_id,
                        "assertion": identity.assertion_id,
                    },
                )
            )
    except (NotFoundError, ForbiddenError) as refusal:
        if isinstance(refusal, SignInRefusedError):
            raise
        raise SignInRefusedError(f"directory.{refusal.code}", str(refusal)) from None
    return SignedIn(
        person=person,
        provider=pending.provider,
        next_path=pending.next_path,
        authenticated_at=identity.authenticated_at,
        valid_for=_valid_for(pending.provider, identity, now),
    )


def _valid_for(provider: IdentityProvider, identity: SamlIdentity, now: datetime) -> timedelta:
    """Never longer than the provider itself lets the sign-in count (saml-core-2.0-os, 2.7.2)."""
    longest = timedelta(hours=provider.sign_in_hours)
    return longest if identity.session_ends_at is None else min(longest, identity.session_ends_at - now)


def _remember(provider: IdentityProvider, identity: SamlIdentity) -> None:
    try:
        with transaction.atomic():
            SeenAssertion.objects.create(
                provider=provider, assertion_id=identity.assertion_id, valid_until=identity.valid_until
            )
    except IntegrityError:
        raise SignInRefusedError("saml.replay", identity.assertion_id) from None


def record_refused_sign_in(*, refusal: DomainError, provider: IdentityProvider | None, actor: Actor) -> None:
    """Write one refusal to the audit trail, with its reason for the auditor."""
    with transaction.atomic():
        record(
            Entry(
                type=EventType.SIGN_IN_REFUSED,
                at=database_now(),
                actor=actor,
                outcome=Outcome.REFUSED,
                details={
                    "provider": provider.slug if provider else "",
                    "reason": getattr(refusal, "reason", refusal.code),
                    "detail": getattr(refusal, "detail", str(refusal))[:300],
                },
            )
        )
