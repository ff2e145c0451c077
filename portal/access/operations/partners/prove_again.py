"""Ask that a partner's ExternalId is proven anew in one of our accounts, or there before anything is granted."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction

from portal.access.lifecycle import ProofKind, ProofState
from portal.access.models import ExternalId, ExternalIdProof
from portal.access.operations.partners.lock_partner import lock_open_account
from portal.access.operations.partners.proofs import ask_proof
from portal.audit.events import EventType
from portal.audit.operations import Entry, record
from portal.catalog.models import AwsAccount
from portal.directory.models import PartnerAccount
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError, InvalidError


def prove_again(*, partner_account_id: UUID, account_id: UUID, actor: Actor) -> ExternalIdProof:
    """Ask for a proof of the current ExternalId, and for those that failed of older ones that are over.

    Returns the current one's. What is asked for already is not asked for again.

    Raises:
        NotFoundError: there is no such account of a partner's, or the actor may not change partners.
        InvalidError: no roles can be made in that account of ours.
        ConflictError: the partner's account was closed.
    """
    with transaction.atomic():
        theirs = lock_open_account(partner_account_id, actor)
        ours = AwsAccount.objects.exclude(provisioner_role_arn="").filter(pk=account_id).first()
        if ours is None or ours.partition != theirs.partition:
            raise InvalidError(
                "Choose an account of ours in which roles can be made for this partner.", field="account"
            )
        current = ExternalId.objects.filter(partner_account=theirs, accepted_until=None).first()
        if current is None:
            raise ConflictError(f"{theirs} has no ExternalId.")
        now = database_now()
        first = not ExternalId.objects.filter(partner_account=theirs).exclude(pk=current.pk).exists()
        kind = ProofKind.ONBOARDING if first else ProofKind.ROTATION
        proof = ask_proof(external_id=current, account=ours, kind=kind, at=now)
        for failed in _failed_ends(theirs, ours):
            ask_proof(external_id=failed.external_id, account=ours, kind=ProofKind.WINDOW_OVER, at=now)
        record(
            Entry(
                type=EventType.RECORD_CHANGED,
                at=now,
                actor=actor,
                partner_id=theirs.partner_id,
                details={
                    "record": "proof of an ExternalId",
                    "why": f"asked for in {ours.name}",
                    "partner_account": str(theirs.pk),
                    "account": ours.account_id,
                },
            )
        )
    return proof


def _failed_ends(theirs: PartnerAccount, ours: AwsAccount) -> Iterable[ExternalIdProof]:
    """Return the newest proof of each older ExternalId's end that AWS answered wrongly, and not rightly since."""
    ends = ExternalIdProof.objects.filter(
        partner_account=theirs, account=ours, kind=ProofKind.WINDOW_OVER.value
    ).select_related("external_id")
    newest = {each.external_id_id: each for each in ends.order_by("asked_at", "pk")}
    return [each for each in newest.values() if each.state == ProofState.FAILED]
