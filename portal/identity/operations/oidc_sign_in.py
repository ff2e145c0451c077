"""OpenID sign-in in two steps, so that the browser that asked is the browser that gets in.

1. `begin`: remember, on the server, which provider was asked what, and by which browser (its own cookie's hash). Nonce
   and PKCE verifier are kept sealed: only we know them until the browser comes back.
2. `finish`: the browser's GET carries the cookie, the state and a code. The pending sign-in is used up; it alone says
   which provider answers. Its code is exchanged, and what it brought is verified, once.
"""

import json
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import transaction

from brokers.errors import BrokerError, IdentityUnavailable
from brokers.ports import OidcClient
from brokers.types import OidcIdentity
from portal.directory.models import IdentityProvider, PendingSignIn, Person
from portal.identity.identity_providers import as_oidc
from portal.identity.operations.complete_sign_in import SignedIn, complete_sign_in, own_path
from portal.identity.operations.link_identity import link_identity
from portal.identity.operations.oidc_claims import proven_by_oidc
from portal.identity.operations.pending import PENDING_LIFE, Begun, Finished
from portal.identity.operations.refusing import (
    SignInRefusedError,
    record_refused_sign_in,
    refused,
    unavailable,
)
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.sealing import UnsealError, fingerprint, seal, unseal

CLOCK_BEHIND = timedelta(seconds=60)
Purpose = PendingSignIn.Purpose


@dataclass(frozen=True, slots=True)
class OidcAnswer:
    """What the browser brought: the parameters of the provider's answer, each empty where it isn't there."""

    state: str = field(repr=False)
    code: str = field(repr=False)
    issuer: str = ""
    error: str = ""


def begin_oidc_sign_in(  # noqa: PLR0913  # keyword-only facts of one request
    *,
    provider: IdentityProvider,
    browser: str,
    next_path: str,
    oidc: OidcClient,
    purpose: PendingSignIn.Purpose = Purpose.SIGN_IN,
    person: Person | None = None,
) -> Begun:
    """Start a sign-in of the browser that holds the cookie value `browser`.

    `purpose`, `person`: a fresh second factor for somebody (the provider is told which acr will do, and to ask anew),
    or another identity to link to them.

    Raises:
        SignInRefusedError: the provider is switched off.
        UpstreamError: it gives no usable answer now.
    """
    if not provider.is_enabled or provider.kind != IdentityProvider.Kind.OIDC:
        raise SignInRefusedError("oidc.provider_disabled", provider.slug)
    state = secrets.token_urlsafe(32)
    acr = provider.step_up_context if purpose == Purpose.STEP_UP else ""
    try:
        request = oidc.begin(as_oidc(provider), state=state, acr=acr, fresh=purpose != Purpose.SIGN_IN)
    except IdentityUnavailable as problem:
        raise unavailable(provider, problem) from None
    now = database_now()
    PendingSignIn.objects.create(
        provider=provider,
        request_id=secrets.token_urlsafe(32),
        relay_state=fingerprint(state),
        browser=fingerprint(browser),
        next_path=own_path(next_path),
        purpose=purpose,
        person=person,
        sealed_secret=seal(json.dumps([request.nonce, request.code_verifier]).encode()),
        created_at=now,
        expires_at=now + PENDING_LIFE,
    )
    return Begun(request.url)


def finish_oidc_sign_in(*, answer: OidcAnswer, browser: str, oidc: OidcClient, actor: Actor) -> Finished:
    """Verify the answer for the browser that asked, and do what it was asked for.

    Raises:
        SignInRefusedError: with the one reason; an audit row is written for each.
        UpstreamError: the provider gives no usable answer now. It says nothing about anybody.
        ForbiddenError, ConflictError: an identity that can't be linked; as `link_identity`.
    """
    try:
        pending = _take(answer.state, browser)
    except SignInRefusedError as refusal:
        record_refused_sign_in(refusal=refusal, provider=None, actor=actor)
        raise
    try:
        return Finished(_complete(pending, _verify(pending, answer, oidc), actor), pending)
    except SignInRefusedError as refusal:
        record_refused_sign_in(refusal=refusal, provider=pending.provider, actor=actor)
        raise


def _take(state: str, browser: str) -> PendingSignIn:
    """Use the pending sign-in up, whatever comes of it: an answer is judged once."""
    now = database_now()
    with transaction.atomic():
        waiting = PendingSignIn.objects.filter(
            relay_state=fingerprint(state),
            provider__kind=IdentityProvider.Kind.OIDC,
            finished_at=None,
            expires_at__gt=now,
        )
        pending = waiting.select_related("provider__oidc", "person").first()
        if pending is None:
            raise SignInRefusedError("oidc.not_asked", "no sign-in waits for this answer")
        if not browser or not secrets.compare_digest(pending.browser, fingerprint(browser)):
            # It waits on for its own browser: nobody else can use it up.
            raise SignInRefusedError("oidc.other_browser", "another browser asked")
        if not PendingSignIn.objects.filter(pk=pending.pk, finished_at=None).update(
            finished_at=now, sealed_secret=None
        ):
            raise SignInRefusedError("oidc.not_asked", "answered already")
    return pending


def _verify(pending: PendingSignIn, answer: OidcAnswer, oidc: OidcClient) -> OidcIdentity:
    provider = pending.provider
    if not provider.is_enabled:
        raise SignInRefusedError("oidc.provider_disabled", provider.slug)
    if answer.error or not answer.code:
        raise SignInRefusedError("oidc.refused", answer.error or "no code came")
    is_step_up = pending.purpose == Purpose.STEP_UP
    try:
        nonce, verifier = json.loads(unseal(bytes(pending.sealed_secret or b"")))
        identity = oidc.finish(
            as_oidc(provider),
            code=answer.code,
            issuer=answer.issuer,
            nonce=nonce,
            code_verifier=verifier,
            at=database_now(),
            fresh_since=pending.created_at if is_step_up else None,
        )
    except UnsealError as problem:
        raise SignInRefusedError("oidc.not_asked", str(problem)) from None
    except IdentityUnavailable as problem:
        raise unavailable(provider, problem) from None
    except BrokerError as problem:
        raise refused(problem) from None
    _check_asked_anew(pending, identity)
    return identity


def _check_asked_anew(pending: PendingSignIn, identity: OidcIdentity) -> None:
    """Refuse to link by a sign-in that the provider remembered, where it says so: some never say when it was."""
    asked_at: datetime = pending.created_at - CLOCK_BEHIND
    is_told = "auth_time" in identity.claims
    if pending.purpose == Purpose.LINK and is_told and identity.authenticated_at < asked_at:
        raise SignInRefusedError("oidc.auth_time", "not asked anew")


def _complete(pending: PendingSignIn, identity: OidcIdentity, actor: Actor) -> SignedIn | None:
    proven = proven_by_oidc(pending.provider, identity)
    if pending.purpose == Purpose.LINK and pending.person is not None:
        link_identity(provider=pending.provider, proven=proven, person=pending.person, actor=actor)
        return None
    signed_in = complete_sign_in(
        provider=pending.provider,
        proven=proven,
        next_path=pending.next_path,
        actor=actor,
        must_be=pending.person,
    )
    if not pending.provider.oidc.keeps_id_token:
        return signed_in
    return replace(signed_in, id_token=identity.id_token, id_token_expires_at=identity.expires_at)
