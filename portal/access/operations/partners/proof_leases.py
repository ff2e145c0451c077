"""The lease of one proof of an ExternalId, and what became of it.

Proofs of one partner's account in one account of ours share a twin: one at a time is made.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from portal.access.lifecycle import AlarmKind, ProofKind, ProofState
from portal.access.models import ExternalIdProof, PartnerRole
from portal.access.operations.cutting.alarms import clear_alarm, raise_alarm
from portal.access.operations.partners.external_ids import living_roles
from portal.access.operations.partners.partner_role_leases import bring_up
from portal.access.operations.partners.proof_steps import Steps
from portal.access.operations.partners.proofs import alarm_subject
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record
from portal.kernel import outbox
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now

# Longer than one call to AWS may take by its time-outs, and the pause before it; renewed before each.
LEASE = timedelta(seconds=60)
FIRST_WAIT = 2.0
LONGEST_WAIT = 300.0
# What AWS answers wrongly after this is no matter of an old copy any more.
PATIENCE = timedelta(minutes=5)
PROVER = Actor.system("prove")


@dataclass(frozen=True, slots=True)
class ProofLease:
    """Held while the proof's fence is still this one."""

    proof: ExternalIdProof
    fence: int


def due_proofs(*, at: datetime) -> QuerySet[ExternalIdProof]:
    """Return the proofs that are due and that nobody makes, those due longest first."""
    return (
        ExternalIdProof.objects.filter(due_at__lte=at).exclude(leased_until__gt=at).order_by("due_at", "pk")
    )


def take_proof(proof_id: int) -> ProofLease | None:
    """Return the lease, or None while another has it, or makes another proof on the same twin."""
    with transaction.atomic():
        known = ExternalIdProof.objects.filter(pk=proof_id).first()
        if known is None:
            return None
        same = ExternalIdProof.objects.filter(
            partner_account=known.partner_account_id, account=known.account_id, due_at__isnull=False
        )
        list(same.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        now = database_now()
        proof = same.filter(pk=proof_id, due_at__lte=now).first()
        if proof is None or same.filter(leased_until__gt=now).exists():
            return None
        if proof.kind == ProofKind.WINDOW_OVER and not proof.attempts:
            # The old one's time is over: its statement goes from the roles, where it says nothing any more.
            bring_up(_roles(proof), at=now)
        proof.fence += 1
        proof.attempts += 1
        proof.leased_until = now + LEASE
        proof.save(update_fields=["fence", "attempts", "leased_until"])
    with_all = ExternalIdProof.objects.select_related("external_id", "account", "partner_account__partner")
    return ProofLease(with_all.get(pk=proof_id), proof.fence)


def renew_proof(lease: ProofLease) -> bool:
    """Hold it for another while; False when it was overtaken, or is not to be made any more."""
    held = ExternalIdProof.objects.filter(pk=lease.proof.pk, fence=lease.fence)
    return bool(held.update(leased_until=database_now() + LEASE))


def record_steps(lease: ProofLease, steps: Steps) -> ProofState | None:
    """Write what AWS answered. None: the lease was overtaken, or the proof is not to be made any more."""
    with transaction.atomic():
        proof = _locked(lease)
        if proof is None:
            return None
        now = database_now()
        if steps.is_proven:
            _end(proof, ProofState.PROVEN, steps, now)
        elif steps.is_wrong and not (steps.is_late and now < _begun_at(proof) + PATIENCE):
            _end(proof, ProofState.FAILED, steps, now)
        else:
            _delay(proof, steps, now)
    return ProofState(proof.state)


def delay_proof(lease: ProofLease, problem: str) -> None:
    """Write down what kept it from being made, and when it is tried next."""
    record_steps(lease, Steps([], problem))


def _locked(lease: ProofLease) -> ExternalIdProof | None:
    held = ExternalIdProof.objects.select_for_update(no_key=True).filter(pk=lease.proof.pk)
    if not list(held.values_list("pk")):
        return None
    proof = ExternalIdProof.objects.select_related("external_id", "account", "partner_account__partner").get(
        pk=lease.proof.pk
    )
    return proof if proof.fence == lease.fence and proof.due_at is not None else None


def _begun_at(proof: ExternalIdProof) -> datetime:
    """When it could first be made: of an old ExternalId, after its time."""
    until = proof.external_id.accepted_until
    if until is None or proof.kind != ProofKind.WINDOW_OVER:
        return proof.asked_at
    return max(proof.asked_at, until)


def _end(proof: ExternalIdProof, state: ProofState, steps: Steps, now: datetime) -> None:
    proof.state, proof.steps, proof.done_at, proof.due_at = state.value, steps.rows(), now, None
    proof.leased_until, proof.last_error = None, "" if state == ProofState.PROVEN else _wrong(steps)
    proof.save()
    is_proven = state == ProofState.PROVEN
    record(
        Entry(
            type=EventType.EXTERNAL_ID_PROVEN if is_proven else EventType.EXTERNAL_ID_NOT_PROVEN,
            at=now,
            actor=PROVER,
            outcome=Outcome.DONE if is_proven else Outcome.FAILED,
            partner_id=proof.partner_account.partner_id,
            details={
                "external_id": proof.external_id_id,
                "partner_account": str(proof.partner_account_id),
                "account": proof.account.account_id,
                "kind": proof.kind,
                "steps": steps.rows(),
            },
        )
    )
    kind, subject = AlarmKind.EXTERNAL_ID_NOT_PROVEN, alarm_subject(proof)
    if is_proven:
        clear_alarm(kind=kind, subject=subject, at=now)
        _roles(proof).filter(due_at__isnull=False).update(due_at=now)
    else:
        text = (
            f"The ExternalId of {proof.partner_account} of {proof.partner_account.partner.name} is not proven"
        )
        raise_alarm(kind=kind, subject=subject, text=f"{text} in {proof.account}: {_wrong(steps)}", at=now)
    outbox.post(f"access.external_id.{state}", at=now, proof=str(proof.pk))


def _delay(proof: ExternalIdProof, steps: Steps, now: datetime) -> None:
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(proof.attempts, 10))
    wait *= random.uniform(0.5, 1.0)  # noqa: S311  # jitter, not a secret
    ExternalIdProof.objects.filter(pk=proof.pk).update(
        due_at=now + timedelta(seconds=wait),
        leased_until=None,
        steps=steps.rows(),
        last_error=(steps.problem or _wrong(steps))[:500],
    )


def _wrong(steps: Steps) -> str:
    wrong = next(step for step in steps.made if not step.is_ok)
    return f"{wrong.what} AWS answered '{wrong.answer}', and must answer '{wrong.expected}'"


def _roles(proof: ExternalIdProof) -> QuerySet[PartnerRole]:
    return living_roles(proof.partner_account_id).filter(role__account=proof.account_id)
