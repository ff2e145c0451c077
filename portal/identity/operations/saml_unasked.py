"""A SAML response that nobody asked for, from the provider's own start page (saml-profiles-2.0-os, 4.1.5).

Only of providers that are allowed it. It is verified when it arrives, before it is kept, and again when it counts;
nothing ties it to a request, so it must name none. The browser that brought it gets a cookie of its own: the address
to go on at is of no use to another one.
"""

import secrets
from dataclasses import dataclass
from uuid import UUID

from brokers.errors import BrokerError
from brokers.ports import SamlMetadataReader, SamlServiceProvider
from brokers.types import SamlIdentity
from portal.directory.models import ExternalIdentity, IdentityProvider, PendingSignIn, Person, SeenAssertion
from portal.identity.identity_providers import as_saml
from portal.identity.operations.admit_person import told_of
from portal.identity.operations.complete_sign_in import Once, SignedIn, complete_sign_in, own_path
from portal.identity.operations.pending import PENDING_LIFE
from portal.identity.operations.refusing import SignInRefusedError, record_refused_sign_in, refused
from portal.identity.operations.saml_sign_in import (
    MAX_RESPONSE,
    proven_by_saml,
    take,
    verify,
    waiting,
)
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.sealing import fingerprint, seal


@dataclass(frozen=True, slots=True)
class Sent:
    """Whom a provider sent. `person`: None for somebody who was never here."""

    provider: IdentityProvider
    name: str
    person: Person | None


def receive_unasked_response(
    *, relay_state: str, response: str, browser: str, saml: SamlServiceProvider, read: SamlMetadataReader
) -> UUID:
    """Verify what came, and keep it for the GET that follows. Returns the pending sign-in's id.

    `relay_state`: where to go then, if it is one of our own paths.

    Raises:
        SignInRefusedError: its issuer is not allowed it, or it is refused for the one reason. The row of the audit
            trail is the caller's to write.
    """
    if not 0 < len(response) <= MAX_RESPONSE:
        raise SignInRefusedError("saml.size", f"{len(response)} characters")
    now = database_now()
    try:
        provider = _provider_of(saml.claimed_issuer(response))
        identity = saml.verify(as_saml(provider, read), response, request_id=None, at=now)
    except BrokerError as problem:
        raise refused(problem) from None
    if SeenAssertion.objects.filter(provider=provider, assertion_id=identity.assertion_id).exists():
        raise SignInRefusedError("saml.replay", identity.assertion_id)
    pending = PendingSignIn.objects.create(
        provider=provider,
        request_id=f"unasked {secrets.token_hex(20)}",
        relay_state=fingerprint(secrets.token_urlsafe(32)),
        browser=fingerprint(browser),
        next_path=own_path(relay_state),
        is_unasked=True,
        created_at=now,
        expires_at=now + PENDING_LIFE,
        sealed_response=seal(response.encode()),
    )
    return pending.pk


def look_at_unasked(
    *, pending_id: UUID, browser: str, saml: SamlServiceProvider, read: SamlMetadataReader, actor: Actor
) -> Sent:
    """Say whom the kept answer speaks of, without using it up.

    Raises:
        SignInRefusedError: with the one reason; an audit row is written for each.
    """
    pending: PendingSignIn | None = None
    try:
        pending = waiting(pending_id, browser, is_unasked=True)
        identity = verify(pending, saml, read)
    except SignInRefusedError as refusal:
        provider = pending.provider if pending else None
        record_refused_sign_in(refusal=refusal, provider=provider, actor=actor)
        raise
    return _sent(pending.provider, identity)


def finish_unasked_sign_in(
    *, pending_id: UUID, browser: str, saml: SamlServiceProvider, read: SamlMetadataReader, actor: Actor
) -> SignedIn:
    """Verify the kept answer once more, and sign its person in.

    Raises:
        SignInRefusedError: with the one reason; an audit row is written for each.
    """
    pending: PendingSignIn | None = None
    try:
        pending = take(pending_id, browser, is_unasked=True)
        _check_allowed(pending.provider)
        identity = verify(pending, saml, read)
        return complete_sign_in(
            provider=pending.provider,
            proven=proven_by_saml(pending.provider, identity),
            next_path=pending.next_path,
            actor=actor,
            once=Once(identity.assertion_id, identity.valid_until),
            is_unasked=True,
        )
    except SignInRefusedError as refusal:
        provider = pending.provider if pending else None
        record_refused_sign_in(refusal=refusal, provider=provider, actor=actor)
        raise


def _provider_of(issuer: str) -> IdentityProvider:
    provider = (
        IdentityProvider.objects.select_related("saml", "partner")
        .filter(saml__entity_id=issuer, kind=IdentityProvider.Kind.SAML, is_enabled=True)
        .first()
    )
    if provider is None:
        raise SignInRefusedError("saml.not_asked", "no pending sign-in waits for this answer")
    _check_allowed(provider)
    return provider


def _check_allowed(provider: IdentityProvider) -> None:
    if not provider.saml.allows_unasked:
        raise SignInRefusedError("saml.not_asked", f"{provider.slug} is not allowed answers nobody asked for")


def _sent(provider: IdentityProvider, identity: SamlIdentity) -> Sent:
    proven = proven_by_saml(provider, identity)
    known = (
        ExternalIdentity.objects.select_related("person")
        .filter(provider=provider, subject_format=proven.subject_format, subject=proven.subject)
        .first()
    )
    person = known.person if known else None
    name = person.name if person else told_of(proven, provider.name_attribute) or proven.subject
    return Sent(provider, name, person)
