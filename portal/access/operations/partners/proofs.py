"""Which proofs of ExternalIds there are, and which are asked for. The proving itself: prove_external_ids.py."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from portal.access.lifecycle import ProofKind, ProofState
from portal.access.models import ExternalId, ExternalIdProof, PartnerRole
from portal.catalog.models import AwsAccount
from portal.kernel import outbox

# What is posted with each proof that is asked for, so that a worker begins at once.
ASKED = "access.external_id.proof_asked"


def proof_of(external_id_pk: int, account_pk: UUID) -> ExternalIdProof | None:
    """Return the newest proof that this ExternalId lets in, and nothing else does, in this account of ours."""
    proofs = ExternalIdProof.objects.filter(external_id=external_id_pk, account=account_pk)
    return proofs.exclude(kind=ProofKind.WINDOW_OVER.value).order_by("-asked_at", "-pk").first()


def alarm_subject(proof: ExternalIdProof) -> str:
    """Return what the alarm of a failed proof is about: one ExternalId in one account of ours."""
    return f"{proof.external_id_id} in {proof.account.account_id}"


def ask_proof(
    *, external_id: ExternalId, account: AwsAccount, kind: ProofKind, at: datetime
) -> ExternalIdProof:
    """Ask for a proof that is made from `at` on; one that is asked for already is not asked for again.

    Where an older ExternalId is still accepted, the proof that it is not any more is asked for with it.
    """
    with transaction.atomic():
        proof, is_new = ExternalIdProof.objects.get_or_create(
            external_id=external_id,
            account=account,
            kind=kind.value,
            done_at=None,
            defaults={
                "partner_account_id": external_id.partner_account_id,
                "state": ProofState.ASKED.value,
                "asked_at": at,
                "due_at": at,
            },
        )
        if is_new:
            outbox.post(ASKED, at=at, proof=str(proof.pk))
            if kind != ProofKind.WINDOW_OVER:
                _ask_for_the_older(external_id, account, at)
    return proof


def why_not_written(row: PartnerRole, *, at: datetime) -> str:
    """Say why this role may not be made, or written anew, yet; empty: it may.

    Its partner account's current ExternalId must be proven in our account. The proof is asked for where nobody did.
    One thing does not wait for it: a standing role that would still let in with an ExternalId that is over by now.
    To be called with no lock on the role held: proofs are locked before roles.
    """
    account, theirs = row.role.account, row.grant.partner_account_id
    current = ExternalId.objects.filter(partner_account=theirs, accepted_until=None).first()
    if current is None:
        return "The partner's account was closed."
    proof = proof_of(current.pk, account.pk) or ask_proof(
        external_id=current, account=account, kind=_kind(current), at=at
    )
    if proof.state == ProofState.PROVEN or (row.made_at is not None and _nothing_older(current, at)):
        return ""
    if proof.state == ProofState.FAILED:
        return "The partner's ExternalId was not proven: AWS answered otherwise than it must."
    return f"The partner's ExternalId is yet to be proven in {account.name}. {proof.last_error}".strip()


def _nothing_older(current: ExternalId, at: datetime) -> bool:
    """Whether it alone is accepted: whatever stands in AWS besides is to go now."""
    older = ExternalId.objects.filter(~Q(pk=current.pk), partner_account=current.partner_account_id)
    return older.exists() and not older.filter(accepted_until__gt=at).exists()


def _kind(external_id: ExternalId) -> ProofKind:
    older = ExternalId.objects.filter(partner_account=external_id.partner_account_id).exclude(
        pk=external_id.pk
    )
    return ProofKind.ROTATION if older.exists() else ProofKind.ONBOARDING


def _ask_for_the_older(external_id: ExternalId, account: AwsAccount, at: datetime) -> None:
    older = ExternalId.objects.filter(
        ~Q(pk=external_id.pk), partner_account=external_id.partner_account_id, accepted_until__gt=at
    )
    for each in older:
        until = each.accepted_until or at
        ask_proof(external_id=each, account=account, kind=ProofKind.WINDOW_OVER, at=until)
