"""Prove ExternalIds by real calls: who has it gets in, nobody else. Before a real role stands, and after each change.

1. Take the lease of a proof that is due (proof_leases.py); in hold nothing is asked of AWS.
2. With no transaction open make the twin, ask AWS, take the twin away (proof_steps.py).
3. Under the row's lock, and only while the fence is ours, record what AWS answered.

AWS's silence or refusal to make the twin only delays. A wrong answer is final: the proof failed, and an alarm is
raised. Somebody asks for it again by hand (prove_again.py).
"""

import logging

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from portal.access.lifecycle import ProofState
from portal.access.operations.cutting.apply_revocations import OvertakenError, UnexpectedError
from portal.access.operations.partners.proof_leases import (
    ProofLease,
    delay_proof,
    due_proofs,
    record_steps,
    renew_proof,
    take_proof,
)
from portal.access.operations.partners.proof_steps import take_steps
from portal.access.operations.running.hold import is_held
from portal.kernel.clock import database_now

log = logging.getLogger(__name__)


def prove_due(*, aws: AwsPorts, at_most: int = 100) -> int:
    """Make the proofs that are due until none is left. Returns how many were proven; in hold 0."""
    proven, seen = 0, set[int]()
    for _ in range(at_most):
        lease = None if is_held() else _next_lease(seen)
        if lease is None:
            break
        seen.add(lease.proof.pk)
        proven += _prove(lease, aws) == ProofState.PROVEN
    return proven


def fail_due_proofs(*, problem: BrokerError) -> None:
    """Write down for all that is due that AWS can't even be asked, such as without hub credentials."""
    for proof_id in list(due_proofs(at=database_now()).values_list("pk", flat=True)):
        lease = take_proof(proof_id)
        if lease is not None:
            delay_proof(lease, str(problem))


def _next_lease(seen: set[int]) -> ProofLease | None:
    for proof_id in list(due_proofs(at=database_now()).exclude(pk__in=seen).values_list("pk", flat=True)):
        lease = take_proof(proof_id)
        if lease is not None:
            return lease
    return None


def _prove(lease: ProofLease, aws: AwsPorts) -> ProofState | None:
    def go_on() -> None:
        if not renew_proof(lease):
            raise OvertakenError

    try:
        return record_steps(lease, take_steps(lease.proof, aws, go_on))
    except OvertakenError:
        return None
    except Exception as fault:  # the row says that it failed; the other proofs go on
        log.exception("the proof %s was not made", lease.proof.pk)
        delay_proof(lease, str(UnexpectedError(type(fault).__name__)))
        return None
