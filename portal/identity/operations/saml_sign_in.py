"""SAML sign-in in three steps, so that the browser that asked is the browser that gets in.

1. `begin`: remember, on the server, which provider was asked what, and by which browser (its own cookie's hash).
2. `receive`: the provider's answer arrives by a cross-site POST, which carries no SameSite cookie. It is kept,
   sealed, unread; the browser is sent on by a 303.
3. `finish`: the GET that follows carries the cookie. Now the answer is verified, once, for that browser alone.
"""

import secrets
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from brokers.errors import BrokerError
from brokers.ports import SamlMetadataReader, SamlServiceProvider
from brokers.types import ProvenIdentity, SamlIdentity
from portal.directory.models import IdentityProvider, PendingSignIn, Person
from portal.identity.identity_providers import as_saml
from portal.identity.operations.complete_sign_in import Once, SignedIn, complete_sign_in, own_path
from portal.identity.operations.link_identity import link_identity
from portal.identity.operations.pending import PENDING_LIFE, Begun, Finished
from portal.identity.operations.refusing import SignInRefusedError, record_refused_sign_in, refused
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.sealing import UnsealError, fingerprint, seal, unseal

Purpose = PendingSignIn.Purpose
# AuthnInstant has whole seconds, and clocks differ a little: a provider's may be so far behind ours.
CLOCK_BEHIND = timedelta(seconds=10)
MAX_RESPONSE = 256 * 1024


def begin_saml_sign_in(  # noqa: PLR0913  # keyword-only facts of one request
    *,
    provider: IdentityProvider,
    browser: str,
    next_path: str,
    saml: SamlServiceProvider,
    read: SamlMetadataReader,
    purpose: PendingSignIn.Purpose = Purpose.SIGN_IN,
    person: Person | None = None,
) -> Begun:
    """Start a sign-in of the browser that holds the cookie value `browser`.

    `purpose`, `person`: a fresh second factor for somebody (the provider is told which context will do, and to ask
    anew), or another identity to link to them.

    Raises:
        SignInRefusedError: the provider is switched off, or its metadata can't be used.
    """
    if not provider.is_enabled:
        raise SignInRefusedError("saml.provider_disabled", provider.slug)
    relay_state = secrets.token_urlsafe(32)
    try:
        is_step_up = purpose == Purpose.STEP_UP
        request = saml.begin(
            as_saml(provider, read),
            relay_state=relay_state,
            context=provider.step_up_context if is_step_up else "",
            fresh=purpose != Purpose.SIGN_IN,
        )
    except BrokerError as problem:
        raise refused(problem) from None
    now = database_now()
    PendingSignIn.objects.create(
        provider=provider,
        request_id=request.request_id,
        relay_state=fingerprint(relay_state),
        browser=fingerprint(browser),
        next_path=own_path(next_path),
        purpose=purpose,
        person=person,
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
) -> Finished:
    """Verify the kept answer for the browser that asked, and do what it was asked for.

    Raises:
        SignInRefusedError: with the one reason; an audit row is written for each.
        ForbiddenError, ConflictError: an identity that can't be linked; as `link_identity`.
    """
    try:
        pending = take(pending_id, browser, is_unasked=False)
    except SignInRefusedError as refusal:
        record_refused_sign_in(refusal=refusal, provider=None, actor=actor)
        raise
    try:
        identity = verify(pending, saml, read)
        _check_fresh(pending, identity)
        return Finished(_complete(pending, identity, actor), pending)
    except SignInRefusedError as refusal:
        record_refused_sign_in(refusal=refusal, provider=pending.provider, actor=actor)
        raise


def waiting(pending_id: UUID, browser: str, *, is_unasked: bool) -> PendingSignIn:
    """Return the pending sign-in whose answer is kept for this browser.

    Raises:
        SignInRefusedError: there is none, or it is another browser's.
    """
    pending = (
        PendingSignIn.objects.filter(
            pk=pending_id, is_unasked=is_unasked, finished_at=None, expires_at__gt=database_now()
        )
        .exclude(sealed_response=None)
        .select_related("provider__saml", "person")
        .first()
    )
    if pending is None:
        raise SignInRefusedError("saml.not_asked", "no answer waits under this address")
    if not browser or not secrets.compare_digest(pending.browser, fingerprint(browser)):
        raise SignInRefusedError("saml.other_browser", "another browser asked")
    return pending


def take(pending_id: UUID, browser: str, *, is_unasked: bool) -> PendingSignIn:
    """Use the pending sign-in up, whatever comes of it: an answer is judged once."""
    with transaction.atomic():
        pending = waiting(pending_id, browser, is_unasked=is_unasked)
        used = PendingSignIn.objects.filter(pk=pending_id, finished_at=None)
        if not used.update(finished_at=database_now(), sealed_response=None):
            raise SignInRefusedError("saml.not_asked", "answered already")
    return pending


def verify(pending: PendingSignIn, saml: SamlServiceProvider, read: SamlMetadataReader) -> SamlIdentity:
    if not pending.provider.is_enabled:
        raise SignInRefusedError("saml.provider_disabled", pending.provider.slug)
    try:
        response = unseal(bytes(pending.sealed_response or b"")).decode()
        asked = None if pending.is_unasked else pending.request_id
        return saml.verify(as_saml(pending.provider, read), response, request_id=asked, at=database_now())
    except UnsealError as problem:
        raise SignInRefusedError("saml.malformed", str(problem)) from None
    except BrokerError as problem:
        raise refused(problem) from None


def _check_fresh(pending: PendingSignIn, identity: SamlIdentity) -> None:
    """Refuse a sign-in that the provider remembered, where it was asked to ask anew (saml-core-2.0-os, 3.4.1)."""
    asked_at = pending.created_at - CLOCK_BEHIND
    if pending.purpose != Purpose.SIGN_IN and identity.authenticated_at < asked_at:
        raise SignInRefusedError(
            "saml.not_fresh", f"signed in there at {identity.authenticated_at}, asked at {pending.created_at}"
        )


def _complete(pending: PendingSignIn, identity: SamlIdentity, actor: Actor) -> SignedIn | None:
    proven = proven_by_saml(pending.provider, identity)
    once = Once(identity.assertion_id, identity.valid_until)
    if pending.purpose == Purpose.LINK and pending.person is not None:
        link_identity(provider=pending.provider, proven=proven, person=pending.person, actor=actor, once=once)
        return None
    return complete_sign_in(
        provider=pending.provider,
        proven=proven,
        next_path=pending.next_path,
        actor=actor,
        once=once,
        must_be=pending.person,
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
        contexts=(identity.context,) if identity.context else (),
        session_ref=identity.session_index or "",
        session_ends_at=identity.session_ends_at,
    )
