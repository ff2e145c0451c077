"""Credentials for whoever proves who they are by what their provider gave them: an assertion for AWS, or an ID token.

Nobody is signed in here. The proof says who it is, the person must hold an open grant of the role, and whoever is
refused hears one answer for all reasons: which of them it was stands in the audit trail.
"""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from brokers.ports import AwsPorts
from portal.access.models import Grant
from portal.access.operations.credentials.fetch_credentials import FetchedCredentials, fetch_credentials
from portal.access.operations.credentials.ready_proof import NEEDS, take_once, verify_proof
from portal.access.operations.grants.may_use import why_closed
from portal.access.proofs import ProofRefusedError, SamlProof, TokenProof, VerifiedProof
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsRole
from portal.directory.models import ExternalIdentity
from portal.identity.operations.limit_tries import Place
from portal.kernel import attempts
from portal.kernel.actor import NO_PERSON, Actor, ActorKind
from portal.kernel.attempts import Limit
from portal.kernel.clock import database_now

# By network, and given back where the proof was good: a whole company may be behind one address.
TRIES = Limit("exchange.network", 60, timedelta(minutes=10))
DOOR = "exchange"
NO_OPEN_GRANT = "no_open_grant"


def exchange_proof(  # noqa: PLR0913  # keyword-only facts of one call from outside
    *,
    role_ref: str,
    proof: SamlProof | TokenProof,
    method: AwsRole.Method | None = None,
    aws: AwsPorts,
    ip: str | None,
    user_agent: str,
    request_id: str = "",
) -> FetchedCredentials:
    """Return credentials of the role `role_ref`, an ARN or an id. `method`: which call the door is for; None: any.

    An assertion counts once, whatever comes of it; a token until it is over.

    Raises:
        TooManyError: too many that were refused came from that network.
        ProofRefusedError: not valid, not the person's of an open grant, or no such role; noted in the audit trail.
        StepUpNeededError, ConflictError, UpstreamError, BusyError: as fetching credentials.
    """
    place = Place(ip)
    nobody = Actor(ActorKind.NOBODY, "exchange", ip=ip, user_agent=user_agent, request_id=request_id)
    attempts.spend(TRIES, place.network)
    role = _role(role_ref, proof, method)
    try:
        grant, verified = _whose(role, proof)
    except ProofRefusedError as refusal:
        _note(refusal, role, nobody)
        # Only what the person whose proof it is knows anyway is told: that a grant of theirs is not open.
        told = str(refusal) if refusal.reason == NO_OPEN_GRANT else ""
        raise ProofRefusedError(refusal.reason, told) from None
    except BaseException:
        attempts.give_back(TRIES, place.network)  # nothing was judged
        raise
    attempts.give_back(TRIES, place.network)
    person = grant.holder
    actor = replace(
        nobody,
        kind=ActorKind.PERSON,
        label=f"{person.name}, by {grant.role.get_method_display()}",
        person_id=person.pk,
        factor_at=verified.factor_at,
    )
    return fetch_credentials(grant_id=grant.pk, aws=aws, actor=actor, door=DOOR, proof=verified)


def _role(role_ref: str, proof: SamlProof | TokenProof, method: AwsRole.Method | None) -> AwsRole | None:
    """Return the role where it takes such a proof; what is not to be had that way is not there."""
    roles = AwsRole.objects.select_related("account__hub", "vouched_by").filter(is_enabled=True)
    methods = [each for each, (kind, _, _) in NEEDS.items() if isinstance(proof, kind)]
    roles = roles.filter(method__in=[method] if method is not None else methods)
    try:
        return roles.filter(pk=uuid.UUID(role_ref)).first()
    except ValueError:
        if not role_ref.isprintable():
            return None
        name = role_ref.rpartition("/")[2]
        return next((role for role in roles.filter(name=name) if role.arn == role_ref), None)


def _whose(role: AwsRole | None, proof: SamlProof | TokenProof) -> tuple[Grant, VerifiedProof]:
    """Verify the proof; return the person's open grant of the role, and count the proof, in one transaction."""
    if role is None:
        raise ProofRefusedError("no_such_role")
    verified = verify_proof(role, proof)
    with transaction.atomic():
        now = database_now()
        identity = (
            ExternalIdentity.objects.filter(
                provider=verified.provider_id,
                subject=verified.subject,
                subject_format=verified.subject_format,
                gone_at=None,
                person__is_active=True,
            )
            .select_related("person")
            .first()
        )
        # As much is looked up for whom nobody here knows: the time it takes tells nothing.
        person_id = identity.person_id if identity is not None else NO_PERSON
        grant = _open_grant(role, person_id, now)
        if identity is None or grant is None:
            had = _what_they_had(role, person_id, now)
            raise ProofRefusedError(NO_OPEN_GRANT if identity is not None else "unknown_identity", had)
        _keep_word(identity, verified, now)
        take_once(verified, now)
    return grant, replace(verified, is_taken=True)


def _open_grant(role: AwsRole, person_id: uuid.UUID, now: datetime) -> Grant | None:
    """Return the one that lasts longest of those that are open now."""
    held = Grant.objects.filter(
        person=person_id, role=role, ended_at=None, starts_at__lte=now, ends_at__gt=now
    )
    ordered = held.select_related("person", "role__account").order_by("-ends_at", "pk")
    return next((grant for grant in ordered if grant.is_open(now)), None)


def _what_they_had(role: AwsRole, person_id: uuid.UUID, now: datetime) -> str:
    """Say why the last grant of this role that was theirs is not open; nothing to whom it was never granted."""
    held = Grant.objects.filter(person=person_id, role=role).order_by("-ends_at", "pk").first()
    return why_closed(held, now) if held is not None else ""


def _keep_word(identity: ExternalIdentity, verified: VerifiedProof, now: datetime) -> None:
    """Take what the provider signed for its word about the person, as a sign-in is: for as long as its words count."""
    said_at = min(verified.said_at or now, now)
    heard = Q(confirmed_at=None) | Q(confirmed_at__lt=said_at)
    ExternalIdentity.objects.filter(heard, pk=identity.pk).update(confirmed_at=said_at)


def _note(refusal: ProofRefusedError, role: AwsRole | None, nobody: Actor) -> None:
    with transaction.atomic():
        record(
            Entry(
                type=EventType.PROOF_REFUSED,
                at=database_now(),
                actor=nobody,
                outcome=Outcome.REFUSED,
                role_id=role.pk if role else None,
                details={
                    "reason": refusal.reason,
                    "method": role.method if role else "",
                    "provider": role.vouched_by.slug if role and role.vouched_by else "",
                },
            )
        )
