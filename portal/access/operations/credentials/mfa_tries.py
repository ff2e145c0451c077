"""How often somebody may be wrong with the code of an MFA device: whoever has a stolen token would guess all of them.

AWS limits that for nobody: a code is 6 digits, and the portal keeps the key that one needs beside it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

from portal.access.models import AwsSession
from portal.access.operations.refusals import refusals_recorded
from portal.access.proofs import ReadyKey, ReadyProof
from portal.kernel import attempts
from portal.kernel.actor import Actor
from portal.kernel.attempts import Limit
from portal.kernel.errors import TooManyError, UpstreamError

# As of the portal's own second factors.
CODES: Final = Limit("mfa.codes", 10, timedelta(minutes=10))
CODES_A_DAY: Final = Limit("mfa.codes_a_day", 40, timedelta(days=1))


@contextmanager
def mfa_tries_limited(*, grant_id: UUID, proof: ReadyProof | None, actor: Actor) -> Iterator[None]:
    """Count what AWS refuses within, by person. Anything but a proof with a code is not counted.

    Raises:
        TooManyError: before AWS is asked; noted in the audit trail once a period.
    """
    if not isinstance(proof, ReadyKey):
        yield
        return
    person = str(actor.owner_id)
    _spend(grant_id, person, actor)
    is_wrong = False
    try:
        yield
    except UpstreamError as problem:
        is_wrong = not problem.retryable
        raise
    finally:
        if not is_wrong:
            for limit in (CODES, CODES_A_DAY):
                attempts.give_back(limit, person)


def _spend(grant_id: UUID, person: str, actor: Actor) -> None:
    try:
        for limit in (CODES, CODES_A_DAY):
            attempts.spend(limit, person)
    except TooManyError as refusal:
        if refusal.is_first:
            kind = AwsSession.Kind.CREDENTIALS.value
            with refusals_recorded(grant_id=grant_id, kind=kind, actor=actor):
                raise
        raise
