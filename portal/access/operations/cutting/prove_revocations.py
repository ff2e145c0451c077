"""Prove cut-offs: a session of the cut one's very name is denied by AWS, and the portal's own neighbour is not.

1. Claim rows that are due, each with its audit row: no probe is made that isn't on record.
2. With no transaction open, ask AWS: the canary first, then each row's name, by sessions fit for one harmless call.
3. Under the rows' locks record what was answered; a row that changed meanwhile is tried again.

Only an explicit deny counts, and only beside a canary that was allowed: a session that merely lacks the right, and
a role that refuses everybody, prove nothing. Where no probe is possible the row stays `applied` and says why.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db import transaction
from django.db.models import F, QuerySet

from brokers.errors import BrokerError
from brokers.ports import AwsPorts
from brokers.types import Partition, PrincipalKind, ProbeAnswer, ProbeCall
from portal.access.lifecycle import AlarmKind, RevocationState
from portal.access.models import Revocation
from portal.access.operations.credentials.account_hubs import prober
from portal.access.operations.cutting.alarms import clear_alarm, raise_alarm
from portal.access.operations.running.hold import is_held
from portal.audit.events import EventType, Outcome
from portal.audit.operations import Entry, record, record_all
from portal.kernel.actor import Actor
from portal.kernel.clock import database_now
from portal.kernel.errors import ConflictError
from portal.kernel.tallies import count, observe

PROVER = Actor.system("prove")
BATCH = 20
# Longer than a batch may take; a prover that died leaves its rows due again after this.
CLAIM = timedelta(minutes=2)
LONGEST_WAIT = 60.0
# No probe of a batch begins later: an STS that hangs must not keep the workers from bringing denies to AWS.
PROBE_FOR = 30.0
# IAM propagates in seconds; what is still allowed after this is an alarm.
PATIENCE = timedelta(minutes=5)
# A role that can't be probed (no right to the call, a trust policy that asks for more) is not asked for ever.
TRIES_WITHOUT_ANSWER = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a probe said of one row: proven, or why not, and whether asking again may help."""

    why: str = ""
    is_denied: bool = False
    is_allowed: bool = False
    again: bool = True


TOO_SLOW = Verdict("AWS answered the probes before this one too slowly.")


def prove_revocations(*, aws: AwsPorts, batch: int = BATCH) -> int:
    """Try one batch of applied revocations whose probe is due. Returns how many were proven.

    In hold nothing is asked of AWS: 0.
    """
    if is_held():
        return 0
    claimed = _claim(batch, aws)
    proven, until = 0, time.monotonic() + PROBE_FOR
    for _, rows in groupby(claimed, key=lambda row: row.document_id):
        proven += _record(_ask(list(rows), aws, until))
    return proven


def is_probe_due(*, at: datetime) -> bool:
    return _due(at).exists()


def _due(at: datetime) -> QuerySet[Revocation]:
    """Not those whose sessions are all dead: there is nothing left to prove, and they are cleaned soon."""
    return Revocation.objects.filter(probe_at__lte=at, covers_until__gt=at)


def _claim(batch: int, aws: AwsPorts) -> Sequence[Revocation]:
    with transaction.atomic():
        now = database_now()
        due = _due(now).select_for_update(skip_locked=True, no_key=True, of=("self",))
        rows = list(
            due.select_related("grant__role__account__hub", "grant__role__via__account", "document").order_by(
                "probe_at"
            )[:batch]
        )
        claimed = [row.pk for row in rows]
        Revocation.objects.filter(pk__in=claimed).update(probe_at=now + CLAIM, probes=F("probes") + 1)
        record_all(
            _entry(
                EventType.PROBE_MADE,
                row,
                now,
                session_name=_session_name(row),
                canary=aws.canary_name,
                action=row.grant.role.probe_action.value,
            )
            for row in rows
        )
    return sorted(rows, key=lambda row: row.document_id)


def _ask(rows: Sequence[Revocation], aws: AwsPorts, until: float) -> Mapping[Revocation, Verdict]:
    """Ask about rows of one document, so of one role or user; what the canary says holds for all of them.

    `until`: by the monotonic clock; what it is too late for then is tried again.
    """
    if time.monotonic() >= until:
        return dict.fromkeys(rows, TOO_SLOW)
    try:
        canary = _answer(rows[0], aws.canary_name, aws)
    except BrokerError as problem:
        return dict.fromkeys(rows, Verdict(f"No probe could be made: {problem}", again=problem.retryable))
    except ConflictError as problem:
        # The account's own hub can't be opened, until somebody enters its key again.
        return dict.fromkeys(rows, Verdict(f"No probe could be made: {problem}", again=False))
    if canary != ProbeAnswer.ALLOWED:
        return dict.fromkeys(rows, _useless(rows[0], canary))
    return {row: _verdict(row, aws) if time.monotonic() < until else TOO_SLOW for row in rows}


def _useless(row: Revocation, canary: ProbeAnswer) -> Verdict:
    role = row.grant.role
    action = role.probe_action.value
    if canary == ProbeAnswer.NOT_ALLOWED:
        return Verdict(f"{role.name} does not allow {action}, so that a refusal proves nothing.", again=False)
    return Verdict(
        f"On {role.name} AWS explicitly denies {action} to the portal's neighbour, too: it proves nothing.",
        again=False,
    )


def _verdict(row: Revocation, aws: AwsPorts) -> Verdict:
    try:
        answer = _answer(row, _session_name(row), aws)
    except BrokerError as problem:
        return Verdict(f"No probe could be made: {problem}", again=problem.retryable)
    if answer == ProbeAnswer.EXPLICIT_DENY:
        return Verdict(is_denied=True)
    if answer == ProbeAnswer.ALLOWED:
        return Verdict("AWS shows the deny, but does not enforce it yet.", is_allowed=True)
    return Verdict("AWS refused the probe without naming a deny.")


def _answer(row: Revocation, session_name: str, aws: AwsPorts) -> ProbeAnswer:
    role = row.grant.role
    answer = prober(role, aws).probe(
        ProbeCall(
            partition=Partition(role.account.partition),
            kind=PrincipalKind(row.document.kind),
            principal_arn=role.arn,
            session_name=session_name,
            action=role.probe_action,
            source_identity=aws.canary_name if role.sets_source_identity else None,
            entry=str(row.userids[-1]),
            via_role_arn=role.via.arn if role.via else None,
        )
    )
    count("probes", answer.value)
    return answer


def _session_name(row: Revocation) -> str:
    """All sessions of a grant share one name; the entries differ only where the role was made anew."""
    return str(row.userids[-1]).partition(":")[2]


def _record(verdicts: Mapping[Revocation, Verdict]) -> int:
    with transaction.atomic():
        now = database_now()
        held = Revocation.objects.select_for_update(no_key=True).filter(
            pk__in=[row.pk for row in verdicts], state=RevocationState.APPLIED.value
        )
        unchanged = dict(held.order_by("pk").values_list("pk", "applied_at"))
        rows = [row for row in verdicts if unchanged.get(row.pk) == row.applied_at]
        proven = [row for row in rows if verdicts[row].is_denied]
        _write_proven(proven, now)
        for row in rows:
            if not verdicts[row].is_denied:
                _write_not_proven(row, verdicts[row], now)
    return len(proven)


def _write_proven(rows: Sequence[Revocation], now: datetime) -> None:
    Revocation.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=RevocationState.PROVEN.value, proven_at=now, probe_at=None, proof_note=""
    )
    for row in rows:
        seconds = (now - row.asked_at).total_seconds()
        observe("cutoff_proven", seconds)
        record(
            _entry(EventType.REVOCATION_PROVEN, row, now, seconds=round(seconds, 3), probes=row.probes + 1)
        )
        clear_alarm(kind=AlarmKind.PROOF_FAILED, subject=str(row.pk), at=now)


def _write_not_proven(row: Revocation, verdict: Verdict, now: datetime) -> None:
    tries = row.probes + 1
    gives_up = not verdict.again and tries >= TRIES_WITHOUT_ANSWER
    wait = timedelta(seconds=min(LONGEST_WAIT, 0.5 * 2.0 ** min(tries, 10)))
    Revocation.objects.filter(pk=row.pk).update(
        probe_at=None if gives_up else now + wait, proof_note=verdict.why[:300]
    )
    if gives_up or row.proof_note != verdict.why[:300]:
        record(
            _entry(
                EventType.REVOCATION_NOT_PROVEN,
                row,
                now,
                outcome=Outcome.FAILED,
                why=verdict.why[:300],
                tried_again=not gives_up,
            )
        )
    if verdict.is_allowed and row.applied_at is not None and now - row.applied_at > PATIENCE:
        raise_alarm(
            kind=AlarmKind.PROOF_FAILED,
            subject=str(row.pk),
            text=f"AWS has the deny for {row.grant} but still allows its sessions.",
            at=now,
            grant_id=row.grant_id,
        )


def _entry(
    event: EventType, row: Revocation, now: datetime, *, outcome: Outcome = Outcome.DONE, **details: object
) -> Entry:
    return Entry(
        type=event,
        at=now,
        actor=PROVER,
        outcome=outcome,
        grant_id=row.grant_id,
        person_id=row.grant.person_id,
        role_id=row.grant.role_id,
        details={"document": str(row.document), **details},
    )
