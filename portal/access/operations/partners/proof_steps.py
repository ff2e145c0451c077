"""The calls of one proof: what AWS answers with which ExternalId, on a twin role that has no permissions.

First a success, then what must be refused, then a success again: so that no refusal comes of something else. IAM shows
a change late, so that what it may answer from an old copy is asked again for a while. What no trust policy of the
portal's ever let in, such as no ExternalId at all, is asked once.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db.models import Q

from brokers.errors import BrokerError, NotPossible
from brokers.ports import AwsPorts
from brokers.types import AcceptedExternalId, AccountPlace
from portal.access.lifecycle import ProofKind
from portal.access.models import ExternalId, ExternalIdProof
from portal.access.operations.cutting.apply_revocations import OvertakenError
from portal.access.operations.partners.external_ids import accepted_external_ids
from portal.kernel.clock import database_now

# How long the twin lets the portal in: longer than any proof takes.
TWIN_LIVES = timedelta(hours=1)
# How often, and with which pause, AWS is asked again what it may have answered from an old copy.
TRIES = 20
PAUSE = 1.0
# What is accepted for less than this is not proven to be: it might end while it is asked.
ENDS_SOON = timedelta(minutes=2)
LET_IN, REFUSED = "let in", "refused"


@dataclass(frozen=True, slots=True)
class Question:
    """One call and its right answer. `is_patient`: AWS may be behind, so that another answer is no proof yet."""

    what: str
    external_id: str | None
    lets_in: bool
    is_patient: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What was asked and answered, fit for JSON; no ExternalId stands in it."""

    what: str
    expected: str
    answer: str
    is_ok: bool
    at: str


@dataclass(frozen=True, slots=True)
class Steps:
    """All that was asked. `problem`: what kept it from being finished. `is_late`: AWS may only be behind."""

    made: Sequence[Step]
    problem: str = ""
    is_late: bool = False

    @property
    def is_proven(self) -> bool:
        return not self.problem and not self.is_wrong

    @property
    def is_wrong(self) -> bool:
        """Whether AWS answered otherwise than it must."""
        return not all(step.is_ok for step in self.made)

    def rows(self) -> list[dict[str, Any]]:
        return [asdict(step) for step in self.made]


def take_steps(proof: ExternalIdProof, aws: AwsPorts, go_on: Callable[[], None]) -> Steps:
    """Make the twin, ask, and take it away whatever was answered. No transaction may be open.

    `go_on` is called before each call, and raises OvertakenError where the proof is another worker's by now; the twin
    is left to that one.
    """
    made: list[Step] = []
    try:
        late = _ask_all(proof, aws, go_on, made)
        problem = ""
    except OvertakenError:
        raise
    except BrokerError as refusal:
        late, problem = False, str(refusal)
    try:
        go_on()
        aws.partners.external_ids.remove_twin(
            proof.account.place, aws.partners.twin_name(proof.partner_account_id)
        )
    except OvertakenError:
        raise
    except BrokerError as refusal:
        # Not over before the twin is gone. What AWS answered wrongly is told at once all the same.
        problem = problem or f"The twin could not be taken away: {refusal}"
    return Steps(made, problem, is_late=late)


def _ask_all(proof: ExternalIdProof, aws: AwsPorts, go_on: Callable[[], None], made: list[Step]) -> bool:
    """Put what was asked into `made`; return whether the last answer was wrong, and AWS may only be behind."""
    place, name = proof.account.place, aws.partners.twin_name(proof.partner_account_id)
    if not place.via_role_arn:
        raise NotPossible(f"{proof.account} has no provisioner role: no role can be made in it.")
    go_on()
    now = database_now()
    aws.partners.external_ids.make_twin(place, name, _accepted(proof, now), ends_at=now + TWIN_LIVES)
    for question in _questions(proof, now):
        made.append(_ask(question, place, name, aws, go_on))
        if not made[-1].is_ok:
            return question.is_patient
    return False


def _ask(
    question: Question, place: AccountPlace, name: str, aws: AwsPorts, go_on: Callable[[], None]
) -> Step:
    lets_in = not question.lets_in
    for number in range(TRIES if question.is_patient else 1):
        if number:
            time.sleep(PAUSE)
        go_on()
        lets_in = aws.partners.external_ids.assume_twin(place, name, question.external_id)
        if lets_in == question.lets_in:
            break
    return Step(
        what=question.what,
        expected=_word(lets_in=question.lets_in),
        answer=_word(lets_in=lets_in),
        is_ok=lets_in == question.lets_in,
        at=database_now().isoformat(timespec="seconds"),
    )


def _questions(proof: ExternalIdProof, now: datetime) -> Sequence[Question]:
    mine, is_over = proof.external_id, proof.kind == ProofKind.WINDOW_OVER
    current = _current(proof) if is_over else mine
    word = "the current ExternalId" if is_over else "the ExternalId"
    questions = [
        Question(f"with {word}", str(current.value), lets_in=True, is_patient=True),
        Question("without any ExternalId", None, lets_in=False, is_patient=False),
        _anothers(proof),
        *_others_accepted(proof, now),
    ]
    if is_over:
        old = "with the old ExternalId, after its time"
        questions.append(Question(old, str(mine.value), lets_in=False, is_patient=True))
    again = f"with {word}, once more"
    return [*questions, Question(again, str(current.value), lets_in=True, is_patient=True)]


def _anothers(proof: ExternalIdProof) -> Question:
    """Another partner's, if there is one; else one that nobody has."""
    current = ExternalId.objects.filter(accepted_until=None)
    partner = proof.partner_account.partner_id
    others = current.exclude(partner_account__partner=partner).order_by("-made_at", "-pk").first()
    what = "with an ExternalId that nobody has" if others is None else "with another partner's ExternalId"
    return Question(what, str(others.value if others else uuid4()), lets_in=False, is_patient=False)


def _others_accepted(proof: ExternalIdProof, now: datetime) -> Sequence[Question]:
    """What is accepted beside it, as long as that does not end while it is asked."""
    rows = ExternalId.objects.filter(
        Q(accepted_until=None) | Q(accepted_until__gt=now + ENDS_SOON),
        partner_account=proof.partner_account_id,
    )
    if proof.kind == ProofKind.WINDOW_OVER:
        return []
    return [
        Question("with the other ExternalId, within its time", str(row.value), lets_in=True, is_patient=True)
        for row in rows.exclude(pk=proof.external_id_id)
    ]


def _accepted(proof: ExternalIdProof, now: datetime) -> Sequence[AcceptedExternalId]:
    """What the twin's trust says: as the real roles', and of an old one that is over that it is over."""
    accepted = list(accepted_external_ids(proof.partner_account_id, at=now))
    mine = proof.external_id
    if str(mine.value) not in {each.value for each in accepted}:
        accepted.append(AcceptedExternalId(str(mine.value), mine.accepted_until))
    return accepted


def _current(proof: ExternalIdProof) -> ExternalId:
    return ExternalId.objects.get(partner_account=proof.partner_account_id, accepted_until=None)


def _word(*, lets_in: bool) -> str:
    return LET_IN if lets_in else REFUSED
