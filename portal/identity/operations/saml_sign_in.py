"""SAML sign-in in three steps, so that the browser that asked is the browser that gets in.

1. `begin`: remember, on the server, which provider was asked what, and by which browser (its own cookie's hash).
2. `receive`: the provider's answer arrives by a cross-site POST, which carries no SameSite cookie. It is kept,
   sealed, unread; the browser is sent on by a 303.
3. `finish`: the GET that follows carries the cookie. Now the answer is verified, once, for that browser alone.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from brokers.errors import BrokerError
from brokers.ports import SamlMetadataReader, SamlServiceProvider
from brokers.types import ProvenIdentity, SamlIdentity
from portal.directory.models import IdentityProvider, PendingSignIn
from portal.identity.identity_providers import as_saml
from portal.identity.operations.complete_sign_in import Once, SignedIn, complete_sign_in, own_path
from portal.identity.operations.refusing import SignInRefusedError, record_refused_sign_in, refused
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.sealing import UnsealError, fingerprint, seal, unseal

PENDING_LIFE = timedelta(minutes=10)
MAX_RESPONSE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Begun:
    redirect_url: str


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
        raise refused(problem) from None
    now = database_now()
    PendingSignIn.objects.create(
        provider=provider,
        request_id=request.request_id,
        relay_state=fingerprint(relay_state),
        browser=fingerprint(browser),
        next_path=own_path(next_path),
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
        return _sign_in(pending, identity, actor)
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
        raise refused(problem) from None


def _sign_in(pending: PendingSignIn, identity: SamlIdentity, actor: Actor) -> SignedIn:
    return complete_sign_in(
        provider=pending.provider,
        proven=proven_by_saml(pending.provider, identity),
        next_path=pending.next_path,
        actor=actor,
        once=Once(identity.assertion_id, identity.valid_until),
    )


def proven_by_saml(provider: IdentityProvider, identity: SamlIdentity) -> ProvenIdentity:
    """Return what an assertion proves, in the words that all ways in share."""
    return ProvenIdentity(
        subject=identity.name_id,
        subject_format=identity.name_id_format,
        login=identity.name_id,
        attributes=identity.attributes,
        groups=identity.attributes.get(provider.groups_attribute, ()) if provider.groups_attribute else None,
        authenticated_at=identity.authenticated_at,
        session_ref=identity.session_index or "",
        session_ends_at=identity.session_ends_at,
    )
